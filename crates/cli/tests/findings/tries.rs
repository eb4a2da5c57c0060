//! PINs and PUKs that are blocked, or nearly.

use serde_json::{Value, json};

use crate::bench::*;
use crate::common::Lab;

/// Gives the PIN with this reference so many tries.
fn tries(lab: &Lab, reference: &str, left: u8) {
    change(lab, |image| {
        let mut pins = image["pins"].as_array_mut().expect("pins").iter_mut();
        let pin = pins.find(|pin| pin["reference"] == reference);
        pin.expect("the PIN")["tries_left"] = json!(left);
    });
}

/// The codes of what is said of tries, and the last finding's words and next step.
fn said(lab: &Lab) -> (Vec<String>, Value) {
    let (document, _) = run(lab, &["diagnose", "--date", DAY, "--ca-dir", "ca"]);
    let all = document["problems"].as_array().expect("problems");
    let last = all.last().cloned().unwrap_or_default();
    (codes(&document), last)
}

#[test]
fn a_puk_that_no_directory_lists_is_found_where_it_is_blocked_or_nearly() {
    let lab = valid();
    assert_eq!(said(&lab).0, [""; 0]);
    tries(&lab, "83", 0);
    let (codes, found) = said(&lab);
    assert_eq!(codes, ["pin-blocked"]);
    assert_eq!(found["path"], "3F005015");
    let message = found["message"].as_str().expect("a message");
    assert!(message.starts_with("83, a PIN or PUK that EF(AODF) does not list"));
    tries(&lab, "83", 1);
    assert_eq!(said(&lab).0, ["pin-last-try"]);
}

#[test]
fn that_a_pin_can_be_unblocked_is_not_said_where_the_puk_is_blocked() {
    let lab = valid();
    let next = |lab: &Lab| {
        let (document, exit) = run(lab, &["diagnose", "--date", DAY, "--ca-dir", "ca"]);
        assert_eq!(exit, 6);
        let found = problem(&document, "pin-blocked");
        assert_eq!(found["object"]["id"], "01", "{found:#}");
        found["next_step"].as_str().expect("a next step").to_owned()
    };
    tries(&lab, "81", 0);
    assert!(next(&lab).contains("kortlab pin unblock"), "{}", next(&lab));
    tries(&lab, "83", 0);
    assert!(next(&lab).contains("order a new card"), "{}", next(&lab));
}
