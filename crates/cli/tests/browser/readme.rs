//! The README's way with a browser, as it is printed there: a home that is new, one command.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use kortlab_interop::browser::Browser;
use kortlab_portal::admin::wire::EnrolledState;

use crate::holder::{CARRIER, Holder, story};
use crate::lab::{AUTH_PIN, KORTLAB, Lab};
use crate::renewal::{fetches_the_new, looks_at_the_test_page, removes_the_old, signs_the_receipt};

/// How long the browser and the command may take to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// The arguments that the README prints for `kortlab browser`.
fn printed() -> Vec<String> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let lines: Vec<_> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("$ kortlab browser"))
        .collect();
    assert_eq!(lines.len(), 1, "the README has the command once");
    let words = lines[0].split_whitespace().map(str::to_owned);
    ["browser".to_owned()].into_iter().chain(words).collect()
}

/// Types the command, in the directory where the portal has its data. Root has no use of Chromium's
/// sandbox, as the README says.
fn opens(lab: &Lab, name: &str) -> (Holder, PathBuf) {
    let profiles = lab.sandbox.file("profiles");
    fs::create_dir_all(&profiles).unwrap();
    let mut arguments = printed();
    arguments.push("--no-sandbox".to_owned());
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("browser")
        .join(format!("{name}-{}", std::process::id()));
    let browser = Browser::builder(&lab.sandbox, &pictures)
        .flag("--accept-lang=sv-SE,sv")
        .start_by(Path::new(KORTLAB), &arguments, &profiles)
        .unwrap();
    // As on a small laptop.
    browser.resize(1280, 720).unwrap();
    (Holder::at(browser), profiles)
}

/// Both PINs have all their tries; one that is verified has, and does not count them.
#[track_caller]
fn has_all_tries(lab: &Lab) {
    let status = ["--json", "--card", "pcsc", "pin", "status"];
    let status = lab.sandbox.command(KORTLAB).args(status).run().unwrap();
    let status = status.success().unwrap().stdout_text();
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let tries = |which: usize| match &status["pins"][which] {
        pin if pin["state"] == "verified" => Some(3),
        pin => pin["tries_left"].as_u64(),
    };
    assert_eq!([tries(0), tries(1)], [Some(3), Some(3)], "{status}");
}

#[test]
fn the_readmes_way_asks_for_one_pin_and_leads_through_the_whole_guide() {
    story(|| {
        let lab = Lab::bare(EnrolledState::Expired);
        let (holder, profiles) = opens(&lab, "readme");
        holder.sees("frågar först efter PIN\u{2011}koden för legitimering");
        holder.sees("Står det Underskrift, så tryck på Avbryt");
        holder.browser.press("Logga in").unwrap();
        // One PIN: right after it the browser asks for the certificate.
        holder.gives_pin_and_certificate(CARRIER);
        removes_the_old(&holder);
        fetches_the_new(&holder);
        signs_the_receipt(&holder);
        holder.presses("Logga ut");
        holder.sees("Du är utloggad");
        looks_at_the_test_page(&holder);
        has_all_tries(&lab);
        // Nothing is left behind, in the home or beside it.
        let ended = holder.browser.terminate(PATIENCE).unwrap();
        let ended = ended.success().unwrap();
        assert!(
            ended.text().contains("the browser is closed"),
            "{}",
            ended.text()
        );
        let left = fs::read_dir(&profiles)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        assert_eq!(left.collect::<Vec<_>>(), [] as [PathBuf; 0]);
        assert!(!lab.sandbox.file("home/.pki").exists());
        assert!(!lab.sandbox.file("home/.config/chromium").exists());
    });
}

#[test]
fn after_cancel_the_page_says_what_holds_and_a_new_browser_asks_again() {
    for cancel in [Cancelled::Pin, Cancelled::Certificate] {
        story(|| cancels(cancel));
    }
}

#[derive(Clone, Copy, Debug)]
enum Cancelled {
    Pin,
    Certificate,
}

/// Chromium asks for the PIN again for each certificate that it finds; a person cancels each time.
fn cancels_as_often_as_asked(holder: &Holder) {
    for _ in 0..8 {
        holder.browser.cancel_pin().unwrap();
        let deadline = Instant::now() + Duration::from_secs(5);
        while !holder.browser.asks().unwrap() {
            if Instant::now() > deadline {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
    panic!("it asks without end");
}

fn cancels(what: Cancelled) {
    let lab = Lab::bare(EnrolledState::Valid);
    let (holder, _) = opens(&lab, &format!("cancel-{what:?}"));
    holder.sees("Förnya certifikaten");
    holder.browser.press("Logga in").unwrap();
    match what {
        Cancelled::Pin => cancels_as_often_as_asked(&holder),
        Cancelled::Certificate => {
            holder.browser.enter_pin(AUTH_PIN).unwrap();
            holder.browser.cancel_certificate().unwrap();
        }
    }
    holder.sees("Inget certifikat kom med");
    let text = holder.browser.text().unwrap();
    assert!(text.contains("Därför frågar den inte igen här"), "{text}");
    assert!(!text.contains("Försök igen"), "{text}");
    // It holds: the same again is not asked, and says the same.
    holder.browser.press("Till startsidan").unwrap();
    holder.sees("Förnya certifikaten");
    holder.browser.press("Logga in").unwrap();
    holder.sees("Inget certifikat kom med");
    thread::sleep(Duration::from_secs(1));
    assert!(!holder.browser.asks().unwrap());
    // And so does the way out: all windows closed and opened again, it asks.
    holder
        .browser
        .terminate(PATIENCE)
        .unwrap()
        .success()
        .unwrap();
    drop(holder);
    let (again, _) = opens(&lab, &format!("cancel-again-{what:?}"));
    again.sees("Förnya certifikaten");
    again.browser.press("Logga in").unwrap();
    again.gives_pin_and_certificate(CARRIER);
    again.sees("Vad vill du göra?");
    has_all_tries(&lab);
}
