//! `--trace`: what passes to and from the card, written down.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use common::{Lab, assert_code, assert_plain_error, stderr, stdout};

fn trace(lab: &Lab) -> String {
    fs::read_to_string(lab.path("t.apdu")).expect("a trace")
}

#[test]
fn a_pin_is_not_in_the_trace_unless_asked_for_and_the_trace_is_for_this_user_alone() {
    let lab = Lab::new("valid");
    assert_code(
        &lab.with_pins(&["--trace", "t.apdu", "pin", "verify", "auth"]),
        0,
    );
    let text = trace(&lab);
    let (image, rest) = text.split_once('\n').expect("lines");
    assert!(image.starts_with("# IMAGE: "), "{text}");
    assert!(rest.starts_with("# ATR: 3B7D9600008031806"), "{text}");
    assert!(text.contains("\n# PROTOCOL: T=0\n"), "{text}");
    assert!(
        text.contains("# Not shown: 0020008108 and 8 bytes\n"),
        "{text}"
    );
    assert!(!text.contains("313233343536"), "{text}");
    let mode = fs::metadata(lab.path("t.apdu"))
        .expect("a file")
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);

    let unmask = [
        "--trace",
        "t.apdu",
        "--unmask-pins",
        "pin",
        "verify",
        "auth",
    ];
    assert_code(&lab.with_pins(&unmask), 0);
    let secret = "# Secret: 00200081083132333435360000\n";
    assert!(trace(&lab).contains(secret), "{}", trace(&lab));
}

#[test]
fn a_trace_can_be_sent_again_as_a_script() {
    let lab = Lab::with(&["--state", "valid", "--protocol", "t1"]);
    let commands = [
        "00A40000025015",
        "00A4000002503100",
        "00B0000010",
        "0084000004",
    ];
    let send = [&["--trace", "t.apdu", "apdu"][..], &commands].concat();
    let first = lab.run(&send);
    assert_code(&first, 0);
    let again = lab.run(&["apdu", "--script", "t.apdu"]);
    assert_code(&again, 0);
    let answers = |output: &std::process::Output| stdout(output).matches("<- 9000").count();
    assert_eq!(answers(&first), 4, "{}", stdout(&first));
    assert_eq!(answers(&again), 4, "{}", stdout(&again));
}

#[test]
fn a_trace_of_no_card_or_with_another_ending_is_refused() {
    let lab = Lab::new("valid");
    for (arguments, what) in [
        (&["--trace", "t.pcap", "info"][..], ".apdu"),
        (&["--trace", "nowhere/t.apdu", "info"], "nowhere/t.apdu"),
        (&["--unmask-pins", "info"], "--trace"),
        (&["--trace", "t.apdu", "readers"], "no card"),
    ] {
        let output = lab.run(arguments);
        assert!(stderr(&output).contains(what), "{}", stderr(&output));
        assert_plain_error(&output, output.status.code().expect("a code"));
        assert!(!lab.path("t.apdu").exists() && !lab.path("t.pcap").exists());
    }
}

#[test]
fn what_a_command_writes_is_never_what_it_works_with() {
    let lab = Lab::new("valid");
    assert_code(&lab.run(&["--trace", "g.apdu", "info"]), 0);
    assert_code(&lab.run(&["trace", "convert", "g.apdu", "-o", "g.json"]), 0);
    fs::write(lab.path("p.json"), "123456\n").expect("written");
    fs::write(lab.path("lines.json"), "info\n").expect("written");
    fs::copy(lab.path("card.json"), lab.path("b.json")).expect("copied");
    fs::hard_link(lab.path("card.json"), lab.path("hard.json")).expect("a link");
    std::os::unix::fs::symlink("card.json", lab.path("soft.json")).expect("a link");
    let names = [
        "card.json",
        "b.json",
        "g.apdu",
        "g.json",
        "p.json",
        "lines.json",
    ];
    let contents = || names.map(|name| fs::read(lab.path(name)).expect("a file"));
    let (before, count) = (
        contents(),
        fs::read_dir(lab.directory()).expect("read").count(),
    );
    for (line, option, other) in [
        ("--trace card.json info", "--trace", "--card"),
        ("--trace hard.json info", "--trace", "--card"),
        ("--trace soft.json --ephemeral info", "--trace", "--card"),
        ("-c soft.json --trace ./card.json info", "--trace", "--card"),
        (
            "--trace b.json emulate card.json b.json --socket s",
            "--trace",
            "FILE",
        ),
        (
            "--trace b.json run card.json b.json -- true",
            "--trace",
            "FILE",
        ),
        (
            "--trace b.json run --in-process b.json -- true",
            "--trace",
            "FILE",
        ),
        ("--trace b.json pcscd b.json --socket s", "--trace", "FILE"),
        ("--trace card.json run -- true", "--trace", "--card"),
        (
            "--trace lines.json shell --script lines.json",
            "--trace",
            "--script",
        ),
        ("-c replay:g.apdu --trace g.apdu info", "--trace", "--card"),
        (
            "-c replay:g.json,lenient --trace g.json info",
            "--trace",
            "--card",
        ),
        (
            "--auth-pin file:p.json --trace p.json pin verify auth",
            "--trace",
            "--auth-pin",
        ),
        ("--puk file:p.json --trace p.json info", "--trace", "--puk"),
        (
            "--trace t.apdu --trace-start card.json info",
            "--trace-start",
            "--card",
        ),
        (
            "--trace new.json --trace-start ./new.json info",
            "--trace",
            "--trace-start",
        ),
        ("dump -o card.json --force", "--output", "--card"),
        ("diagnose --html soft.json --force", "--html", "--card"),
        ("diagnose --bundle hard.json --force", "--bundle", "--card"),
        (
            "diagnose --html r --bundle ./r --force",
            "--html",
            "--bundle",
        ),
        (
            "diagnose --html p.json --sign-pin file:p.json --force",
            "--html",
            "--sign-pin",
        ),
        ("cert read 45 --out card.json --force", "--out", "--card"),
        ("trace convert g.apdu -o g.apdu --force", "--out", "TRACE"),
        (
            "trace at 1 g.apdu --image b.json -o b.json --force",
            "--output",
            "--image",
        ),
    ] {
        let output = lab.run(&line.split(' ').collect::<Vec<_>>());
        assert_plain_error(&output, 2);
        let told = stderr(&output);
        assert!(told.contains(&format!("{option} ")), "{line}: {told}");
        assert!(told.contains(other), "{line}: {told}");
        assert!(contents() == before, "{line}");
        assert_eq!(
            fs::read_dir(lab.directory()).expect("read").count(),
            count,
            "{line}"
        );
    }
    // A line of the shell is a command line, too.
    let lines = "dump -o card.json --force\ndiagnose --html lines.json --force\n";
    fs::write(lab.path("lines.json"), lines).expect("written");
    let before = contents();
    assert_plain_error(&lab.run(&["shell", "--script", "lines.json"]), 2);
    fs::write(
        lab.path("lines.json"),
        lines.split_once('\n').expect("lines").1,
    )
    .expect("written");
    assert_plain_error(&lab.run(&["shell", "--script", "lines.json"]), 2);
    fs::write(lab.path("lines.json"), lines).expect("written");
    assert!(contents() == before);
    // The card that a command does not use may be made anew.
    let new = ["card", "new", "-o", "card.json", "--force", "--seed", "1"];
    assert_code(&lab.run(&new), 0);
}

#[test]
fn a_converted_trace_replaces_no_file_unless_told() {
    let lab = Lab::new("valid");
    assert_code(&lab.run(&["--trace", "g.apdu", "info"]), 0);
    fs::write(lab.path("there.json"), "something").expect("written");
    let convert = ["trace", "convert", "g.apdu", "-o", "there.json"];
    let output = lab.run(&convert);
    assert_plain_error(&output, 1);
    assert!(stderr(&output).contains("there.json: it is there already"));
    assert!(stderr(&output).contains("--force"), "{}", stderr(&output));
    let left = fs::read(lab.path("there.json")).expect("a file");
    assert_eq!(left, b"something");
    assert_code(&lab.run(&[&convert[..], &["--force"]].concat()), 0);
    assert!(
        fs::read(lab.path("there.json"))
            .expect("a file")
            .starts_with(b"{")
    );
}

#[test]
fn a_trace_that_cannot_be_written_is_told_after_the_command_is_done() {
    let lab = Lab::new("valid");
    std::os::unix::fs::symlink("/dev/full", lab.path("t.apdu")).expect("a link");
    let output = lab.run(&["--trace", "t.apdu", "apdu", "0084000008"]);
    assert_plain_error(&output, 1);
    assert!(
        stderr(&output).contains("t.apdu is not complete"),
        "{}",
        stderr(&output)
    );
    assert!(!stdout(&output).is_empty(), "the command did its work");
}

/// Fields of each packet, as Wireshark's dissectors find them.
fn tshark(lab: &Lab, file: &str, fields: &[&str]) -> Vec<Vec<String>> {
    let mut tshark = std::process::Command::new("tshark");
    tshark.arg("-r").arg(lab.path(file)).args(["-T", "fields"]);
    for field in fields {
        tshark.args(["-e", field]);
    }
    let output = tshark
        .env("HOME", lab.path("."))
        .output()
        .expect("tshark; run: cargo xtask test");
    assert!(output.status.success(), "{}", stderr(&output));
    let lines = stdout(&output);
    let lines = lines.lines();
    lines
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect()
}

#[test]
fn a_recorded_session_is_shown_converted_compared_and_played_as_a_card() {
    let lab = Lab::new("valid");
    for file in ["one.apdu", "two.json"] {
        assert_code(
            &lab.with_pins(&["--trace", file, "pin", "verify", "auth"]),
            0,
        );
    }
    // What it means, after what was before; and no PIN.
    let shown = lab.run(&["--json", "trace", "show", "--contents", "one.apdu"]);
    assert_code(&shown, 0);
    let shown: serde_json::Value = serde_json::from_str(&stdout(&shown)).expect("JSON");
    let steps = shown["steps"].as_array().expect("steps");
    let verify = steps
        .iter()
        .find(|step| {
            step["meaning"]
                .as_str()
                .is_some_and(|it| it.starts_with("VERIFY PIN 81,"))
        })
        .expect("a PIN is verified");
    assert_eq!(verify["verified"], serde_json::json!(["81"]), "{verify}");
    assert_eq!(verify["not_shown"], 8);
    let contents = shown["contents"].as_array().expect("contents");
    let kinds: Vec<_> = contents
        .iter()
        .map(|file| file["kind"].as_str().unwrap_or_default())
        .collect();
    for kind in ["EF.DIR", "EF(ODF)", "EF(PrKDF)", "EF(AODF)"] {
        assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
    }
    // Filters.
    let lines = |arguments: &[&str]| {
        let output = lab.run(&[&["trace", "show", "one.apdu"], arguments].concat());
        assert_code(&output, 0);
        stdout(&output)
    };
    assert!(lines(&["--instruction", "20"]).contains("VERIFY PIN 81"));
    assert!(!lines(&["--instruction", "verify"]).contains("SELECT"));
    assert!(lines(&["--file", "EF(AODF)"]).contains("READ BINARY of EF(AODF)"));
    assert_eq!(lines(&["--status", "6F0x"]).trim(), "");

    // Converted, it says the same.
    assert_code(
        &lab.run(&["trace", "convert", "one.apdu", "-o", "three.pcapng"]),
        0,
    );
    assert_code(&lab.run(&["trace", "diff", "one.apdu", "three.pcapng"]), 0);
    assert_code(&lab.run(&["trace", "diff", "one.apdu", "two.json"]), 0);

    // Played, it is the card as it was: any PIN is the right one. Another command ends it.
    for trace in ["replay:one.apdu", "replay:two.json", "replay:three.pcapng"] {
        let again = lab.with_pins(&["--card", trace, "pin", "verify", "auth"]);
        assert_code(&again, 0);
        let other = lab.run(&["--card", trace, "cert", "list"]);
        assert!(!other.status.success());
        let told = stderr(&other);
        assert!(told.contains("the replay ends at command"), "{told}");
    }
    let unknown = "00A4000C02ABCD";
    let lenient = lab.run(&["--card", "replay:one.apdu,lenient", "apdu", unknown]);
    assert_code(&lenient, 0);
    assert!(stdout(&lenient).contains("6F00"), "{}", stdout(&lenient));

    // Another session differs, and that is told.
    assert_code(&lab.run(&["--trace", "other.apdu", "apdu", unknown]), 0);
    let output = lab.run(&["--json", "trace", "diff", "one.apdu", "other.apdu"]);
    assert_code(&output, 6);
    assert!(
        stdout(&output).contains("only-second"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn a_log_with_a_pin_in_it_is_explained_without_it_and_its_cut_end_is_told() {
    let lab = Lab::new("valid");
    let log = "\
P:1; T:0x1 09:19:12.002 [pkcs15-tool] reader-pcsc.c:324:pcsc_transmit: reader 'A Reader 00'
Outgoing APDU (13 bytes):
00 20 00 81 08 31 32 33 34 35 36 00 00 .....123456..
P:1; T:0x1 09:19:12.002 [pkcs15-tool] reader-pcsc.c:244:pcsc_internal_transmit: called
Incoming APDU (2 bytes):
63 C2 c.
Outgoing APDU (5 bytes):
00 B0 00
";
    fs::write(lab.path("debug.log"), log).expect("written");
    let output = lab.run(&["explain", "debug.log"]);
    assert_code(&output, 6);
    let text = stdout(&output);
    assert!(text.contains("VERIFY PIN 81, 8 bytes not shown"), "{text}");
    assert!(
        text.contains("[A Reader 00]") && text.contains("63C2"),
        "{text}"
    );
    assert!(
        stderr(&output).contains("line 7, column 1"),
        "{}",
        stderr(&output)
    );
    assert_code(
        &lab.run(&["trace", "convert", "debug.log", "-o", "masked.json"]),
        6,
    );
    let masked = fs::read_to_string(lab.path("masked.json")).expect("a trace");
    for text in [&text, &masked, &stderr(&output)] {
        assert!(
            !text.contains("31 32 33") && !text.contains("313233"),
            "{text}"
        );
    }
}

#[test]
fn bytes_are_explained_as_hexadecimal_base64_der_and_pem_and_private_keys_are_not_shown() {
    let lab = Lab::new("valid");
    assert_code(&lab.run(&["cert", "read", "4333", "--out", "hcc.pem"]), 0);
    assert_code(
        &lab.run(&["cert", "read", "4333", "--der", "--out", "hcc.der"]),
        0,
    );
    for (what, words) in [
        (&["6A82"][..], "file or application not found"),
        (&["00", "A4", "00", "00", "02", "3F", "00"], "SELECT"),
        (&["3B7D96000080318065B0A31101F383009000"], "answer to reset"),
        (&["--as", "odf", "A40A300804063F0050154403"], "3F005015"),
        (&["MAYwBAwCQUI="], "BER-TLV"),
        (&["hcc.pem"], "certificate"),
        (&["hcc.der"], "certificate"),
    ] {
        let output = lab.run(&[&["explain"], what].concat());
        assert_code(&output, 0);
        assert!(
            stdout(&output).contains(words),
            "{what:?}: {}",
            stdout(&output)
        );
    }
    assert_code(&lab.run(&["explain", "30053003"]), 6);
    assert_plain_error(&lab.run(&["explain", "no such thing"]), 2);
    let key = std::process::Command::new("openssl")
        .args([
            "genpkey",
            "-algorithm",
            "ED25519",
            "-outform",
            "DER",
            "-out",
        ])
        .arg(lab.path("key.der"))
        .output()
        .expect("openssl; run: cargo xtask test");
    assert!(key.status.success());
    let secret = hex::encode_upper(&fs::read(lab.path("key.der")).expect("a key")[16..]);
    let output = lab.run(&["explain", "key.der"]);
    let told = stdout(&output).replace(' ', "");
    assert!(!told.contains(&secret[..16]), "{told}");
}

#[test]
fn wireshark_shows_each_command_and_answer_as_iso7816_and_no_pin() {
    let lab = Lab::new("valid");
    let verify = ["--trace", "t.pcapng", "pin", "verify", "auth"];
    assert_code(&lab.with_pins(&verify), 0);
    let fields = [
        "frame.protocols",
        "frame.interface_name",
        "frame.packet_flags_direction",
        "iso7816.apdu.ins",
        "iso7816.apdu.sw1",
        "frame.comment",
    ];
    let packets = tshark(&lab, "t.pcapng", &fields);
    assert!(packets.len() > 20, "{packets:?}");
    // Wireshark's dissector of ATRs is part of iso7816, and has no name among the protocols.
    assert!(packets[0][5].starts_with("IMAGE: "), "{:?}", packets[0]);
    assert_eq!(packets[1][5], "PROTOCOL: T=0", "{:?}", packets[1]);
    let mut verified = 0;
    let mut dissected = 0;
    for packet in &packets {
        let [protocols, name, direction, ins, sw, comment] = packet.as_slice() else {
            panic!("{packet:?}");
        };
        assert_eq!(name, "card");
        let is_of_the_card = ["IMAGE: ", "PROTOCOL: ", "RESET: ", "POWER: "]
            .iter()
            .any(|start| comment.starts_with(start));
        if is_of_the_card {
            continue;
        }
        assert!(protocols.starts_with("exported_pdu:iso7816"), "{packet:?}");
        match direction.as_str() {
            "0x00000002" => assert!(!ins.is_empty() && sw.is_empty(), "{packet:?}"),
            _ => assert!(ins.is_empty() && !sw.is_empty(), "{packet:?}"),
        }
        assert!(!comment.is_empty(), "{packet:?}");
        dissected += 1;
        verified += usize::from(ins == "0x20" && comment.contains("not shown"));
    }
    assert!(dissected > 20, "{packets:?}");
    assert!(verified > 0, "{packets:?}");
    let raw = fs::read(lab.path("t.pcapng")).expect("a trace");
    assert!(!raw.windows(6).any(|window| window == b"123456"));

    // The same session says the same in the other notations.
    for file in ["t.json", "t.apdu"] {
        assert_code(
            &lab.with_pins(&["--trace", file, "pin", "verify", "auth"]),
            0,
        );
    }
    let commands = |file: &str| -> Vec<Vec<u8>> {
        let reading = kortlab_trace::read(&fs::read(lab.path(file)).expect("a trace"));
        assert_eq!(reading.troubles, [], "{file}");
        let exchanges = reading.exchanges();
        exchanges
            .iter()
            .map(|one| one.command.shown().to_vec())
            .collect()
    };
    assert_eq!(commands("t.pcapng"), commands("t.json"));
    assert_eq!(commands("t.pcapng"), commands("t.apdu"));
}
