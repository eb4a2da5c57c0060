//! The card's holder at the browser: reads, presses buttons, types PINs.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::thread;
use std::time::Duration;

use kortlab_interop::browser::Browser;

use crate::lab::{AUTH_PIN, Lab, SIGN_PIN};

/// A field for a PIN on the agent's page, and the PIN.
pub type Pin = (&'static str, &'static str);
pub const AUTH: Pin = ("pin-auth", AUTH_PIN);
pub const SIGN: Pin = ("pin-sign", SIGN_PIN);

/// The rows of the browser's dialogue for a certificate. It puts what is valid longest first:
/// carrier certificates are valid for five years, HCCs for two. (Those for signatures it does not
/// offer.)
pub const CARRIER: usize = 0;
pub const HCC: usize = 1;

/// A place in the portal's header, to the right of its name.
const DARK_HEADER: (u32, u32) = (800, 175);

/// Tells a story with a browser in it.
///
/// Chromium 156 now and then ends itself (SIGTRAP, in its own code) a moment after its dialogue for
/// a certificate has closed. That says nothing of the portal, so the story is told again from its
/// beginning, at most twice. Whatever else goes wrong fails the test at once.
pub fn story(tell: impl Fn()) {
    for _ in 0..2 {
        let Err(panic) = panic::catch_unwind(AssertUnwindSafe(&tell)) else {
            return;
        };
        let said = panic.downcast_ref::<String>();
        if !said.is_some_and(|said| said.contains("Chromium has ended by itself")) {
            panic::resume_unwind(panic);
        }
    }
    tell();
}

/// A holder at a browser.
pub struct Holder {
    pub browser: Browser,
    pictures: Cell<u32>,
}

impl Holder {
    pub fn at(browser: Browser) -> Self {
        Self {
            browser,
            pictures: Cell::new(0),
        }
    }

    /// Presses the log-in button of the start page, and takes a row of the browser's dialogue.
    #[track_caller]
    pub fn logs_in(&self, lab: &Lab, row: usize) {
        self.browser.open(&lab.pages()).unwrap();
        self.sees("Välj certifikatet som är utfärdat av Telia Card Identifier.");
        self.browser.press("Logga in").unwrap();
        self.gives_pin_and_certificate(row);
    }

    /// Types the PIN for Legitimering into the browser's own dialogue, and takes a row of the next.
    #[track_caller]
    pub fn gives_pin_and_certificate(&self, row: usize) {
        self.browser.enter_pin(AUTH_PIN).unwrap();
        self.takes_certificate(row);
    }

    /// Takes a row of the browser's dialogue for a certificate.
    #[track_caller]
    pub fn takes_certificate(&self, row: usize) {
        self.browser.wait_for_certificate_dialogue().unwrap();
        self.takes_picture();
        self.browser.choose_certificate(row).unwrap();
    }

    /// The page shows the text.
    #[track_caller]
    pub fn sees(&self, text: &str) {
        self.browser.wait_for_text(text).unwrap();
        self.takes_picture();
    }

    /// Presses a button or a link that leads to another page.
    #[track_caller]
    pub fn presses(&self, button: &str) {
        self.browser.follow(button).unwrap();
    }

    /// Is at the agent's page, types PINs there, presses its button, and goes back to the portal.
    #[track_caller]
    pub fn at_the_agent(&self, pins: &[Pin], button: &str) {
        self.sees("Din egen dator");
        let address = self.browser.address().unwrap();
        assert!(address.starts_with("http://127.0.0.1:47800/"), "{address}");
        // The first field has the keyboard, and is in sight whatever is above it.
        if let Some((first, _)) = pins.first() {
            let focused = self.browser.focused_field().unwrap();
            assert_eq!(focused.as_deref(), Some(*first));
        }
        for (field, pin) in pins {
            self.browser.fill(field, pin).unwrap();
        }
        self.presses(button);
        self.presses("Tillbaka till portalen");
        // The browser has not laid an offer to keep the PIN over the page.
        let (x, y) = DARK_HEADER;
        self.browser.wait_for_dark(x, y).unwrap();
    }

    fn takes_picture(&self) {
        // The page is there; it may not be painted yet.
        thread::sleep(Duration::from_millis(100));
        let number = self.pictures.get() + 1;
        self.pictures.set(number);
        self.browser.picture(&format!("{number:02}")).unwrap();
    }
}
