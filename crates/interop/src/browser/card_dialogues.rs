//! The browser's own dialogues about the card: the PIN, and which certificate.

use std::thread;
use std::time::Duration;

use super::Browser;
use super::display::SIZE;
use crate::error::InteropError;

/// The title of the dialogue for a PIN, a window of its own.
const PIN_DIALOGUE: &str = "^Unlock Security Device$";

/// A place at the left edge of the page, where pages have nothing: dark behind a dialogue for a
/// certificate, which is no window of its own but drawn over the page, light otherwise. (In the
/// corner below, the browser shows where a link goes.)
const MARGIN: (u32, u32) = (8, SIZE.1 / 2);

impl Browser {
    /// Waits for the browser's dialogue for a PIN, and types the PIN there.
    ///
    /// # Errors
    /// No such dialogue comes up in time, or it does not go away.
    pub fn enter_pin(&self, pin: &str) -> Result<(), InteropError> {
        let dialogue = self.wait_for("the browser's dialogue for a PIN", || {
            self.display.windows(PIN_DIALOGUE).ok()?.pop()
        })?;
        self.display.activate(&dialogue)?;
        self.display.type_text(pin)?;
        self.display.press(&["Return"])?;
        self.wait_for("the end of the browser's dialogue for a PIN", || {
            let dialogues = self.display.windows(PIN_DIALOGUE).ok()?;
            (!dialogues.contains(&dialogue)).then_some(())
        })
    }

    /// Waits for the browser's dialogue for a PIN, and cancels it.
    ///
    /// # Errors
    /// No such dialogue comes up in time, or it does not go away.
    pub fn cancel_pin(&self) -> Result<(), InteropError> {
        let dialogue = self.wait_for("the browser's dialogue for a PIN", || {
            self.display.windows(PIN_DIALOGUE).ok()?.pop()
        })?;
        self.display.activate(&dialogue)?;
        self.display.press(&["Escape"])?;
        self.wait_for("the end of the browser's dialogue for a PIN", || {
            let dialogues = self.display.windows(PIN_DIALOGUE).ok()?;
            (!dialogues.contains(&dialogue)).then_some(())
        })
    }

    /// Cancels the browser's dialogue for a certificate.
    ///
    /// # Errors
    /// No such dialogue comes up in time, or it does not go away.
    pub fn cancel_certificate(&self) -> Result<(), InteropError> {
        self.wait_for_certificate_dialogue()?;
        thread::sleep(Duration::from_millis(500));
        self.display.press(&["Escape"])?;
        self.wait_for(
            "the end of the browser's dialogue for a certificate",
            || (!self.asks_for_certificate().ok()?).then_some(()),
        )
    }

    /// Whether one of the browser's dialogues about the card is up.
    ///
    /// # Errors
    /// The display does not answer.
    pub fn asks(&self) -> Result<bool, InteropError> {
        let pin = !self.display.windows(PIN_DIALOGUE)?.is_empty();
        Ok(pin || self.asks_for_certificate()?)
    }

    /// Waits for the browser's dialogue for a certificate; the rows stay for a person to see.
    ///
    /// # Errors
    /// No such dialogue comes up in time.
    pub fn wait_for_certificate_dialogue(&self) -> Result<(), InteropError> {
        self.wait_for("the browser's dialogue for a certificate", || {
            self.asks_for_certificate().ok()?.then_some(())
        })
    }

    /// Waits for the browser's dialogue for a certificate, and takes the row, from 0. Chromium
    /// puts valid certificates first, of these the one that is valid longest.
    ///
    /// # Errors
    /// No such dialogue comes up in time, or it does not go away.
    pub fn choose_certificate(&self, row: usize) -> Result<(), InteropError> {
        self.wait_for_certificate_dialogue()?;
        // It is still coming up, and ignores keys for a moment.
        thread::sleep(Duration::from_millis(500));
        let down = vec!["Down"; row];
        let keys = [&["Home"], down.as_slice(), &["Return"]].concat();
        self.display.press(&keys)?;
        self.wait_for(
            "the end of the browser's dialogue for a certificate",
            || (!self.asks_for_certificate().ok()?).then_some(()),
        )
    }

    fn asks_for_certificate(&self) -> Result<bool, InteropError> {
        let (x, y) = MARGIN;
        self.display.is_dark(x, y)
    }
}
