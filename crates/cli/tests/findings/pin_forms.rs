//! PINs that go to the card in another form than the others do, by EF(AODF): found; on a card whose
//! issuer has one form not sent before the holder knows; and elsewhere a refusal says it.

use serde_json::Value;

use crate::bench::*;
use crate::common::{Lab, assert_code, stderr};

const AODF: &str = "4401";
const PRKDF: &str = "4402";
const CODE: &str = "pin-forms-differ";

/// pinType and padChar of the PIN for authentication: where their values are.
fn places(lab: &Lab) -> [usize; 2] {
    let aodf = data(lab, AODF);
    [[0x0A, 0x01, 0x01], [0x04, 0x01, 0x00]].map(|element| {
        let found = aodf.windows(3).position(|three| three == element);
        found.expect("the element") + 2
    })
}

/// How many tries the PIN for authentication has.
fn tries(lab: &Lab) -> u64 {
    let image: Value = serde_json::from_slice(&lab.image()).expect("an image");
    image["pins"][0]["tries_left"].as_u64().expect("tries")
}

/// Gives the keys identifiers that no profile knows.
fn as_of_another_issuer(lab: &Lab) {
    for (file, from) in [
        (PRKDF, 0x45),
        (PRKDF, 0x46),
        (CDF, 0x45),
        (CDF, 0x46),
        ("4404", 0x45),
        ("4404", 0x46),
    ] {
        change_data(lab, file, |data| {
            let is_one = |at: &usize| data[*at..].starts_with(&[0x04, 0x01, from]);
            let found: Vec<_> = (0..data.len()).filter(is_one).collect();
            assert!(!found.is_empty(), "{file} {from:02X}");
            for at in found {
                data[at + 2] -= 0x40;
            }
        });
    }
}

/// What is wrong with one byte of a form: which of the two, and its value.
const DAMAGE: [(usize, u8); 5] = [(0, 0x00), (0, 0x03), (1, 0x01), (1, 0x20), (1, 0xFF)];

#[test]
fn on_a_card_of_a_known_issuer_it_is_a_warning_and_costs_no_try() {
    for (which, value) in DAMAGE {
        let lab = again();
        let at = places(&lab)[which];
        change_data(&lab, AODF, |aodf| aodf[at] = value);
        for command in [
            &["cert", "check", "--date", DAY][..],
            &["diagnose", "--date", DAY],
            &["info"],
        ] {
            let (document, exit) = run(&lab, command);
            let found = problem(&document, CODE);
            assert_eq!(found["severity"], "warning", "{command:?}");
            assert_eq!(found["object"]["index"], 0, "{found:#}");
            assert_eq!(exit, 6, "{command:?}");
        }
        let refused = lab.with_pins(&["pin", "verify", "auth"]);
        assert_code(&refused, 1);
        assert!(
            stderr(&refused).contains("no try was lost"),
            "{}",
            stderr(&refused)
        );
        assert_eq!(tries(&lab), 3, "{which} {value:02X}");
        // The other PIN is as it must be.
        assert_code(&lab.with_pins(&["pin", "verify", "sign"]), 0);
        // Who sends it all the same is told what may be wrong.
        let sent = lab.with_pins(&["pin", "verify", "auth", "--doubtful-pin"]);
        assert_code(&sent, 4);
        let text = stderr(&sent);
        assert!(text.contains("2 tries are left"), "{text}");
        assert!(
            text.contains("\"Underskrift\") as ASCII digits, padded with 00"),
            "{text}"
        );
    }
}

#[test]
fn on_a_card_of_another_issuer_it_is_a_note_and_a_refusal_names_it() {
    for (which, value) in DAMAGE {
        let lab = again();
        as_of_another_issuer(&lab);
        let (document, exit) = check(&lab, &[]);
        assert_eq!((codes(&document), exit), (vec![], 0), "{document:#}");
        let at = places(&lab)[which];
        change_data(&lab, AODF, |aodf| aodf[at] = value);
        let (document, exit) = check(&lab, &[]);
        assert_eq!(exit, 0, "{document:#}");
        assert_eq!(problem(&document, CODE)["severity"], "note");
        let sent = lab.with_pins(&["pin", "verify", "auth"]);
        assert_code(&sent, 4);
        let text = stderr(&sent);
        assert!(text.contains("EF(AODF) has it sent as"), "{text}");
        assert!(
            text.contains("\"Underskrift\") as ASCII digits, padded with 00"),
            "{text}"
        );
    }
}

#[test]
fn a_wrong_pin_of_the_form_that_all_have_is_the_holders_own() {
    let lab = again();
    let wrong = lab
        .command(&["pin", "verify", "auth", "--auth-pin", "env:WRONG"])
        .env("WRONG", "111111")
        .output()
        .expect("kortlab runs");
    assert_code(&wrong, 4);
    assert!(!stderr(&wrong).contains("EF(AODF)"), "{}", stderr(&wrong));
}
