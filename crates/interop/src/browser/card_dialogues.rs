//! The browser's own dialogues about the card: the PIN, and which certificate.

use std::thread;
use std::time::Duration;

use super::Browser;
use super::display::SIZE;
use crate::error::InteropError;

/// The title of the dialogue for a PIN, a window of its own.
const PIN_DIALOGUE: &str = "^Unlock Security Device$";

/// Where the page ends in the lower left corner of the display: dark behind a dialogue for a
/// certificate, which is no window of its own but drawn over the page, light otherwise.
const MARGIN: (u32, u32) = (12, SIZE.1 - 24);

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

    /// Whether the browser's dialogue for a PIN is up.
    ///
    /// # Errors
    /// The display is gone.
    pub fn asks_for_pin(&self) -> Result<bool, InteropError> {
        Ok(!self.display.windows(PIN_DIALOGUE)?.is_empty())
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
        let down = vec!["Down"; row];
        let keys = [&["Home"], down.as_slice(), &["Return"]].concat();
        self.wait_for(
            "the end of the browser's dialogue for a certificate",
            || {
                // Chromium ignores what is typed in a dialogue's first moments.
                self.display.press(&keys).ok()?;
                for _ in 0..10 {
                    if !self.asks_for_certificate().ok()? {
                        return Some(());
                    }
                    thread::sleep(Duration::from_millis(50));
                }
                None
            },
        )
    }

    fn asks_for_certificate(&self) -> Result<bool, InteropError> {
        let (x, y) = MARGIN;
        self.display.is_dark(x, y)
    }
}
