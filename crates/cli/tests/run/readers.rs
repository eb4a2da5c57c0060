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
