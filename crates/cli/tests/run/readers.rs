//! The readers that programs see.

use crate::lab::{Lab, assert_code, finish, stderr, stdout};

#[test]
fn several_images_are_several_readers_with_names_of_their_own() {
    let lab = Lab::new("valid");
    lab.other_card();
    let list = |options: &[&str]| {
        let images = [
            "card.json",
            "other.json",
            "--",
            "opensc-tool",
            "--list-readers",
        ];
        let output = finish(lab.kortlab(&[&["run"], options, &images].concat()));
        assert_code(&output, 0);
        stdout(&output)
    };
    let listed = list(&[]);
    for name in ["Kortlab 00 00", "Kortlab 01 00"] {
        assert!(listed.contains(name), "{listed}");
    }
    let listed = list(&[
        "--reader-name",
        "ACS ACR39U 00 00",
        "--reader-name",
        "Gemalto 01 00",
    ]);
    for name in ["ACS ACR39U 00 00", "Gemalto 01 00"] {
        assert!(listed.contains(name), "{listed}");
    }
    let dump = |reader: &str| {
        let dump = [
            "card.json",
            "other.json",
            "--",
            "pkcs15-tool",
            "--reader",
            reader,
            "--dump",
        ];
        let output = finish(lab.kortlab(&[&["run"], &dump[..]].concat()));
        assert_code(&output, 0);
        stdout(&output)
    };
    assert_ne!(dump("0"), dump("1"));
}

#[test]
fn names_that_do_not_fit_are_told_in_a_line() {
    let lab = Lab::new("valid");
    let long = "x".repeat(128);
    for names in [
        &["--reader-name", ""][..],
        &["--reader-name", &long],
        &["--reader-name", "a\nb"],
        &["--reader-name", "a", "--reader-name", "b"],
    ] {
        let output = lab.run_with(names, &["true"]);
        assert_code(&output, 2);
        assert!(
            stderr(&output).starts_with("error: "),
            "{}",
            stderr(&output)
        );
    }
    let images = vec!["card.json"; 17];
    let output =
        finish(lab.kortlab(&[&["run", "--ephemeral"], &images[..], &["--", "true"]].concat()));
    assert_code(&output, 2);
    assert!(
        stderr(&output).contains("16 readers"),
        "{}",
        stderr(&output)
    );
    let names = [
        "run",
        "--ephemeral",
        "--reader-name",
        "a",
        "--reader-name",
        "a",
    ];
    let output =
        finish(lab.kortlab(&[&names[..], &["card.json", "card.json", "--", "true"]].concat()));
    assert_code(&output, 2);
    assert!(
        stderr(&output).contains("two readers"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn empty_readers_are_there_and_take_cards() {
    let lab = Lab::new("valid");
    let empty = ["--empty-reader", "Empty", "--empty-reader", "Second"];
    let script = format!(
        "opensc-tool -l; {} ctl insert --reader Empty card.json; opensc-tool -l",
        crate::lab::KORTLAB
    );
    let run = ["run", "--empty-reader", "Empty", "--", "sh", "-c", &script];
    let output = finish(lab.kortlab(&run));
    assert_code(&output, 0);
    let printed = stdout(&output);
    assert!(printed.contains("0    No              Empty"), "{printed}");
    assert!(printed.contains("0    Yes             Empty"), "{printed}");
    let output = lab.run_with(&empty, &["opensc-tool", "-l"]);
    for line in [
        "0    Yes",
        "1    No              Empty",
        "2    No              Second",
    ] {
        assert!(stdout(&output).contains(line), "{}", stdout(&output));
    }
    assert_code(
        &lab.run_with(&["--empty-reader", "Kortlab 00 00"], &["true"]),
        2,
    );
}

#[test]
fn a_contactless_card_has_the_readers_atr_and_its_uid_and_does_what_it_did() {
    let lab = Lab::new("valid");
    let uid = "opensc-tool -s FF:CA:00:00:00";
    let script = format!("opensc-tool -a; {uid}; opensc-tool -s 00:A4:08:00:02:50:15:00");
    for protocol in ["t0", "t1"] {
        let lab = Lab::with(&["--state", "valid", "--protocol", protocol]);
        let options = ["--contactless=04112233445566"];
        let printed = stdout(&lab.run_with(&options, &["sh", "-c", &script]));
        // T=0 and T=1 offered, as of a card that ISO/IEC 14443-4 describes.
        assert!(printed.starts_with("3b:8"), "{printed}");
        assert_eq!(printed[5..].find(":80:01:"), Some(0), "{printed}");
        assert!(printed.contains("04 11 22 33 44 55 66"), "{printed}");
        assert_eq!(
            printed.matches("SW1=0x90, SW2=0x00").count(),
            2,
            "{printed}"
        );
        let atr = printed.lines().next().expect("an ATR");
        assert_code(&finish(lab.kortlab(&["atr", atr])), 0);
        let dump = |options: &[&str]| {
            let dumped = lab.run_with(options, &["pkcs15-tool", "--dump"]);
            assert_code(&dumped, 0);
            stdout(&dumped)
        };
        assert_eq!(dump(&options), dump(&[]));
    }
    // One that was not named is of the kind that a card makes up.
    let printed = stdout(&lab.run_with(&["--contactless"], &["sh", "-c", uid]));
    assert!(printed.contains("\n08 "), "{printed}");
    for wrong in [
        "--contactless=04",
        "--contactless=x",
        "--contactless=0411223344556",
    ] {
        assert_code(&lab.run_with(&[wrong], &["true"]), 2);
    }
}
