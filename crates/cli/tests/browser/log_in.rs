//! The guide's own log-in: a browser, its dialogue for the PIN, its dialogue for the certificate.

use std::thread;
use std::time::Duration;

use kortlab_interop::Sandbox;
use kortlab_portal::admin::wire::EnrolledState;

use crate::holder::{CARRIER, HCC, Holder, story};
use crate::lab::{Lab, Place};

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
        story(|| logs_in_over(version, asked, not_asked));
    }
}

fn logs_in_over(version: &str, asked: &str, not_asked: &str) {
    // pcscd logs each command then.
    let sandbox = Sandbox::builder().verbose(true);
    let lab = Lab::with(sandbox, Place::Here, EnrolledState::Valid);
    let browser = lab
        .browser(&format!("log-in-{version}"))
        .flag(&format!("--ssl-version-max={version}"))
        .start()
        .unwrap();
    let holder = Holder::at(browser);
    holder.logs_in(&lab, CARRIER);

    holder.sees("Vad vill du göra?");
    let address = holder.browser.address().unwrap();
    assert!(address.starts_with(&lab.pages()), "{address}");
    let text = holder.browser.text().unwrap();
    assert!(text.contains(&lab.enrolled.card_number), "{text}");
    let commands = lab.sandbox.pcscd_log();
    assert!(commands.contains(asked), "{version}: {commands}");
    assert!(!commands.contains(not_asked), "{version}: {commands}");
}

#[test]
fn without_pcscd_the_browser_logs_in_by_way_of_our_service_at_the_usual_path() {
    story(|| {
        let lab = Lab::without_pcscd(EnrolledState::Valid);
        let holder = Holder::at(lab.browser("log-in-without-pcscd").start().unwrap());
        holder.logs_in(&lab, CARRIER);
        holder.sees("Vad vill du göra?");
    });
}

#[test]
fn a_pin_typed_on_a_pin_pad_logs_in_and_is_typed_nowhere_else() {
    story(|| {
        let lab = Lab::with_pin_pad(EnrolledState::Valid);
        let holder = Holder::at(lab.browser("log-in-pin-pad").start().unwrap());
        holder.browser.open(&lab.pages()).unwrap();
        holder.sees("Välj certifikatet som är utfärdat av Telia Card Identifier.");
        holder.browser.press("Logga in").unwrap();
        // Chromium shows its dialogue all the same, and makes no use of what is typed there.
        holder.browser.enter_pin("none").unwrap();
        lab.types_on_the_pin_pad();
        holder.takes_certificate(CARRIER);
        holder.sees("Vad vill du göra?");
    });
}

#[test]
fn an_hcc_picked_in_the_dialogue_gets_a_page_that_says_which_to_take_and_another_try() {
    story(takes_an_hcc_and_tries_again);
}

fn takes_an_hcc_and_tries_again() {
    let lab = Lab::new(EnrolledState::Valid);
    let holder = Holder::at(lab.browser("log-in-hcc").start().unwrap());
    holder.logs_in(&lab, HCC);

    holder.sees("Du valde ett HCC");
    let text = holder.browser.text().unwrap();
    assert!(
        text.contains("Välj certifikatet som är utfärdat av Telia Card Identifier"),
        "{text}"
    );
    // For an image of this page the portal refuses the HCC, unseen, for the browser to forget it.
    holder.browser.wait_for_images().unwrap();
    // Nor is there a session at the other address.
    holder
        .browser
        .open(&format!("{}/menu", lab.pages()))
        .unwrap();
    holder.sees("Du har loggats ut");

    // A person has read until now: the HCC is refused for four seconds more.
    thread::sleep(Duration::from_secs(5));
    holder.browser.press("Logga in").unwrap();
    holder.takes_certificate(CARRIER);
    holder.sees("Vad vill du göra?");
}
