//! What happens by itself: `--at` and `--script`.

use crate::lab::{Lab, assert_code, assert_plain_error, stderr, stdout};

/// A program that sends so many commands, connecting again where it has to, and prints how each ended.
const COMMANDS: &str = "\
import sys, time
from smartcard.scard import *

hr, context = SCardEstablishContext(SCARD_SCOPE_USER)
reader = sys.argv[2] if len(sys.argv) > 2 else 'Kortlab 00 00'
hr, card, protocol = SCardConnect(context, reader, SCARD_SHARE_SHARED, 3)
for number in range(1, int(sys.argv[1]) + 1):
    hr = SCardTransmit(card, protocol, [0, 0x84, 0, 0, 8])[0] & 0xFFFFFFFF
    print(number, '%08X' % hr)
    while hr:
        time.sleep(0.05)
        hr, protocol = SCardReconnect(card, SCARD_SHARE_SHARED, 3, SCARD_LEAVE_CARD)
        hr &= 0xFFFFFFFF
        if hr == 0x80100017:
            sys.exit()
";

fn run(lab: &Lab, options: &[&str], arguments: &[&str]) -> (String, String) {
    lab.write("commands.py", COMMANDS.as_bytes());
    let program = [&["/usr/bin/python3", "commands.py"], arguments].concat();
    let output = lab.run_with(options, &program);
    assert_code(&output, 0);
    (stdout(&output), stderr(&output))
}

#[test]
fn a_card_is_pulled_before_the_chosen_command_and_put_in_a_while_after() {
    let lab = Lab::new("valid");
    let at = ["--at", "3 remove", "--at", "3+200 insert"];
    let (printed, told) = run(&lab, &at, &["4"]);
    assert_eq!(printed, "1 00000000\n2 00000000\n3 8010000C\n4 00000000\n");
    assert_eq!(told, "");
}

#[test]
fn a_card_is_swapped_restored_and_spoilt_at_the_chosen_command() {
    let lab = Lab::new("valid");
    lab.other_card();
    let at = |what| run(&lab, &["--ephemeral", "--at", what], &["3"]).0;
    // The command is not for the other card.
    let swapped = at("2 swap other.json");
    assert_eq!(swapped, "1 00000000\n2 8010000C\n3 00000000\n");
    let restored = ["--at", "1 snapshot", "--at", "2 restore"];
    let (printed, _) = run(&lab, &restored, &["3"]);
    assert_eq!(printed, "1 00000000\n2 80100068\n3 00000000\n");
    assert_eq!(
        at("2 reader remove 'Kortlab 00 00'"),
        "1 00000000\n2 80100017\n"
    );
    let challenge = "opensc-tool -s 00:84:00:00:08 -s 00:84:00:00:08";
    let spoilt = ["--at", "1 fault add sw:ins=84,sw=6581,nth=2"];
    let output = lab.run_with(&spoilt, &["sh", "-c", challenge]);
    let printed = stdout(&output);
    let good = printed.find("SW1=0x90, SW2=0x00").expect("the first");
    assert!(printed[good..].contains("SW1=0x65, SW2=0x81"), "{printed}");
}

#[test]
fn a_script_is_a_line_each_and_readers_appear_and_go_by_it() {
    let lab = Lab::new("valid");
    lab.other_card();
    lab.write(
        "script",
        b"# A second reader\n\n+300 reader add Second other.json\n2 remove\n2+300 insert\n",
    );
    let wait = "until opensc-tool --list-readers | grep -q Second; do sleep 0.1; done
        /usr/bin/python3 commands.py 3 Second";
    lab.write("commands.py", COMMANDS.as_bytes());
    let output = lab.run_with(&["--script", "script"], &["sh", "-c", wait]);
    assert_eq!(stdout(&output), "1 00000000\n2 00000000\n3 00000000\n");
    let (printed, _) = run(&lab, &["--script", "script"], &["2"]);
    assert_eq!(printed, "1 00000000\n2 8010000C\n");
    // One that is to appear can be told to go.
    lab.write(
        "script",
        b"+200 reader add Third\n+1200 reader remove Third\n",
    );
    let wait = "until opensc-tool --list-readers | grep -q Third; do sleep 0.1; done
        while opensc-tool --list-readers | grep -q Third; do sleep 0.1; done; echo gone";
    let output = lab.run_with(&["--script", "script"], &["sh", "-c", wait]);
    assert_eq!(stdout(&output), "gone\n", "{}", stderr(&output));
}

#[test]
fn what_is_no_script_is_refused_with_its_line_and_what_cannot_be_done_is_told() {
    let lab = Lab::new("valid");
    for at in [
        "remove",
        "0 remove",
        "1 dance",
        "x remove",
        "1+x remove",
        "",
    ] {
        let output = lab.run_with(&["--at", at], &["true"]);
        assert_code(&output, 2);
        assert!(
            stderr(&output).starts_with("error: "),
            "{}",
            stderr(&output)
        );
    }
    lab.write("script", b"1 remove\n\n2 dance\n");
    let output = lab.run_with(&["--script", "script"], &["touch", "ran"]);
    assert_plain_error(&output, 2);
    assert!(stderr(&output).contains("script:3"), "{}", stderr(&output));
    assert!(!lab.path("ran").exists());
    assert_plain_error(&lab.run_with(&["--script", "none"], &["true"]), 1);
    assert_plain_error(
        &lab.run_with(&["--at", "1 remove --reader x"], &["true"]),
        3,
    );
    let (printed, told) = run(&lab, &["--at", "2 insert"], &["2"]);
    assert_eq!(printed, "1 00000000\n2 00000000\n");
    assert!(told.contains("--at '2 insert': "), "{told}");
}
