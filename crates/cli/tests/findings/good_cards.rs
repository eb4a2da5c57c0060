//! Good cards: silence, except for what their state is.

use crate::bench::*;
use crate::common::{Lab, assert_code, stdout};

#[test]
fn a_good_card_of_every_state_has_no_finding_but_its_state() {
    for (state, expected, exit) in [
        ("valid", &[][..], 0),
        ("delivered", &[], 0),
        ("expired", &["expired"], 6),
        ("revoked", &[], 0),
        ("blank-slots", &[], 0),
        ("blocked", &[], 0),
        ("full", &[], 0),
    ] {
        for protocol in ["t0", "t1"] {
            let lab = Lab::with(&[
                "--state",
                state,
                "--date",
                DAY,
                "--ca-dir",
                "ca",
                "--protocol",
                protocol,
            ]);
            let (document, code) = check(&lab, &["--ca-dir", "ca"]);
            let mut codes = codes(&document);
            codes.dedup();
            if state == "blank-slots" {
                codes.retain(|code| code != "no-certificates");
            } else {
                assert_eq!(code, exit, "{state}: {document:#}");
            }
            assert_eq!(codes, expected, "{state} {protocol}");
            let (document, code) = run(&lab, &["info"]);
            assert_eq!(code, 0, "{state}: {document:#}");
            assert_eq!(
                document["problems"].as_array().map(Vec::len),
                Some(0),
                "{state}"
            );
        }
    }
}

#[test]
fn no_findings_is_said_only_where_everything_was_looked_at() {
    let lab = valid();
    let check = |options: &[&str]| {
        let output = lab.run(&[&["cert", "check"], options].concat());
        // A list of nobody known is a finding.
        let is_unverified = options.contains(&"--crl") && !options.contains(&"--ca-dir");
        assert_code(&output, if is_unverified { 6 } else { 0 });
        stdout(&output)
    };
    let lists = [
        "--crl",
        "ca/test-telia-card-identifier-ca-v3.crl",
        "--crl",
        "ca/test-siths-type-1-ca-v1.crl",
    ];
    let bare = check(&["--date", DAY]);
    assert!(!bare.contains("no findings"), "{bare}");
    assert!(
        bare.contains("not checked: the signature by TEST Telia"),
        "{bare}"
    );
    assert!(
        bare.contains("not checked: revocation by TEST SITHS"),
        "{bare}"
    );
    let without = check(&["--date", DAY, "--ca-dir", "ca"]);
    assert!(!without.contains("no findings"), "{without}");
    let unverified = check(&[&["--date", DAY][..], &lists].concat());
    assert!(!unverified.contains("no findings"), "{unverified}");
    assert!(
        unverified.contains("the signature of the list"),
        "{unverified}"
    );
    let whole = check(&[&["--date", DAY, "--ca-dir", "ca"][..], &lists].concat());
    assert!(whole.contains("no findings"), "{whole}");
    assert!(!whole.contains("not checked"), "{whole}");
}
