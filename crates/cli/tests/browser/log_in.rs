//! The guide's own log-in: a browser, its dialogue for the PIN, its dialogue for the certificate.

use kortlab_interop::Sandbox;
use kortlab_interop::browser::Browser;
use kortlab_portal::admin::wire::EnrolledState;

use crate::lab::{AUTH_PIN, CARRIER_ROW, Lab, Place};

/// What the card is asked for in TLS 1.2: PSO over the DigestInfo of a SHA-256 (RFC 5246 §7.4.8).
const SIGN_DIGEST_INFO: &str = "00 2A 9E 9A 33";
/// And in TLS 1.3: PSO over a whole block of 256 bytes, chained, which OpenSC has padded as PSS
/// wants it (RFC 8446 §4.2.3).
const SIGN_BLOCK: &str = "10 2A 9E 9A FF";

#[test]
fn the_carrier_certificate_picked_in_the_dialogue_opens_the_menu_over_tls_1_2_and_1_3() {
    for (version, asked, not_asked) in [
        ("tls1.2", SIGN_DIGEST_INFO, SIGN_BLOCK),
        ("tls1.3", SIGN_BLOCK, SIGN_DIGEST_INFO),
    ] {
        // pcscd logs each command then.
        let sandbox = Sandbox::builder().verbose(true);
        let lab = Lab::with(sandbox, Place::Here, EnrolledState::Valid);
        let browser = lab
            .browser(&format!("log-in-{version}"))
            .flag(&format!("--ssl-version-max={version}"))
            .start()
            .unwrap();
        log_in(&lab, &browser, CARRIER_ROW);

        browser.wait_for_text("Vad vill du göra?").unwrap();
        let address = browser.address().unwrap();
        assert!(address.starts_with(&lab.pages()), "{address}");
        let text = browser.text().unwrap();
        assert!(text.contains(&lab.enrolled.card_number), "{text}");
        let commands = lab.sandbox.pcscd_log();
        assert!(commands.contains(asked), "{version}: {commands}");
        assert!(!commands.contains(not_asked), "{version}: {commands}");
    }
}

fn log_in(lab: &Lab, browser: &Browser, row: usize) {
    browser.open(&lab.pages()).unwrap();
    browser.press("Logga in").unwrap();
    browser.enter_pin(AUTH_PIN).unwrap();
    browser.wait_for_certificate_dialogue().unwrap();
    browser.picture("certificates").unwrap();
    browser.choose_certificate(row).unwrap();
}
