//! The keys of a PIN pad: pressed by one thread, waited for by another.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use zeroize::{Zeroize as _, Zeroizing};

use super::PadStatus;
use super::structure::Ends;

/// The longest PIN that the pad takes, in digits.
pub(crate) const MAX_DIGITS: u8 = 16;
/// The most keys that are pressed at once.
pub const MAX_KEYS: usize = 64;
/// How often it is looked whether the card is gone.
const LOOK: Duration = Duration::from_millis(100);

/// One key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A digit, 0 to 9.
    Digit(u8),
    /// What ends a PIN.
    Ok,
    /// What takes all digits back.
    Clear,
    /// What ends it all.
    Cancel,
}

impl Key {
    const fn code(self) -> u8 {
        match self {
            Self::Digit(digit) => digit % 10,
            Self::Ok => 10,
            Self::Clear => 11,
            Self::Cancel => 12,
        }
    }

    const fn from_code(code: u8) -> Self {
        match code {
            digit @ 0..=9 => Self::Digit(digit),
            10 => Self::Ok,
            11 => Self::Clear,
            _ => Self::Cancel,
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            // Which one is nobody's business.
            Self::Digit(_) => "Digit",
            Self::Ok => "Ok",
            Self::Clear => "Clear",
            Self::Cancel => "Cancel",
        })
    }
}

/// Which PIN a pad asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The PIN to be verified.
    Pin,
    /// The PIN that is to be changed.
    Old,
    /// The new PIN.
    New,
    /// The new PIN once more.
    Again,
}

impl Asked {
    /// A word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pin => "pin",
            Self::Old => "old-pin",
            Self::New => "new-pin",
            Self::Again => "new-pin-again",
        }
    }
}

/// A PIN pad. It has one user at a time; others wait for their turn.
#[derive(Default)]
pub struct PinPad {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    taken: bool,
    asked: Option<Asked>,
    pressed: Pressed,
}

/// Keys that were pressed and not read; wiped when they are.
struct Pressed {
    codes: Zeroizing<Vec<u8>>,
    next: usize,
}

impl Default for Pressed {
    fn default() -> Self {
        Self {
            // Room at once, so that no copy is left behind by growth.
            codes: Zeroizing::new(Vec::with_capacity(MAX_KEYS)),
            next: 0,
        }
    }
}

impl Pressed {
    fn is_empty(&self) -> bool {
        self.next == self.codes.len()
    }

    fn press(&mut self, keys: &[Key]) {
        self.codes.zeroize();
        self.next = 0;
        self.codes
            .extend(keys.iter().take(MAX_KEYS).map(|key| key.code()));
    }

    fn read(&mut self) -> Option<Key> {
        let code = self.codes.get_mut(self.next)?;
        self.next += 1;
        Some(Key::from_code(std::mem::take(code)))
    }
}

impl PinPad {
    /// Which PIN it asks for, if it does.
    pub fn asks_for(&self) -> Option<Asked> {
        self.lock().asked
    }

    /// Presses these keys, at most [`MAX_KEYS`], when the pad asks for a PIN, which is waited for. Says
    /// whether it did.
    pub fn press(&self, keys: &[Key], patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let mut state = self.lock();
        // Keys that were pressed before are read first, and may end what it asks for.
        while state.asked.is_none() || !state.pressed.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.sleep(state, left);
        }
        state.pressed.press(keys);
        self.changed.notify_all();
        true
    }

    /// Waits for one's turn.
    pub(super) fn begin(&self) -> Turn<'_> {
        let mut state = self.lock();
        while state.taken {
            state = self.sleep(state, LOOK);
        }
        state.taken = true;
        Turn { pad: self }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep<'a>(&self, state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
        let woken = self.changed.wait_timeout(state, time);
        woken.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl fmt::Debug for PinPad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PinPad").finish_non_exhaustive()
    }
}

/// One user's turn at the pad.
pub(super) struct Turn<'a> {
    pad: &'a PinPad,
}

impl Turn<'_> {
    /// Asks for a PIN.
    ///
    /// # Errors
    /// None came in time, or none that fits; or the card has gone, which counts as cancelled.
    pub(super) fn pin(
        &mut self,
        asked: Asked,
        digits: &RangeInclusive<usize>,
        ends: Ends,
        deadline: Instant,
        gone: &impl Fn() -> bool,
    ) -> Result<Zeroizing<Vec<u8>>, PadStatus> {
        let mut pin = Zeroizing::new(Vec::with_capacity(MAX_DIGITS.into()));
        self.pad.lock().asked = Some(asked);
        self.pad.changed.notify_all();
        loop {
            match self.key(deadline, gone)? {
                Some(Key::Digit(digit)) => {
                    // Beyond that, the pad has no place for digits.
                    if pin.len() < MAX_DIGITS.into() {
                        pin.push(digit);
                    }
                    if ends.at_most_digits && pin.len() == *digits.end() {
                        return Ok(pin);
                    }
                }
                Some(Key::Clear) => pin.zeroize(),
                Some(Key::Cancel) => return Err(PadStatus::Cancelled),
                Some(Key::Ok) => break,
                None if ends.at_timeout && !pin.is_empty() => break,
                None => return Err(PadStatus::Timeout),
            }
        }
        match digits.contains(&pin.len()) {
            true => Ok(pin),
            false => Err(PadStatus::Length),
        }
    }

    /// The next key; none if there is none in time.
    fn key(&self, deadline: Instant, gone: &impl Fn() -> bool) -> Result<Option<Key>, PadStatus> {
        loop {
            {
                let mut state = self.pad.lock();
                if let Some(key) = state.pressed.read() {
                    // Whoever presses more means what is asked for next.
                    if matches!(key, Key::Ok | Key::Cancel) {
                        state.asked = None;
                    }
                    self.pad.changed.notify_all();
                    return Ok(Some(key));
                }
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Ok(None);
                }
                drop(self.pad.sleep(state, left.min(LOOK)));
            }
            if gone() {
                return Err(PadStatus::Cancelled);
            }
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.pad.lock() = State::default();
        self.pad.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    const ENDS: Ends = Ends {
        at_most_digits: false,
        at_timeout: false,
    };

    fn keys(text: &str) -> Vec<Key> {
        text.chars()
            .map(|char| match char {
                'o' => Key::Ok,
                'c' => Key::Clear,
                'x' => Key::Cancel,
                digit => Key::Digit(digit.to_digit(10).expect("a digit") as u8),
            })
            .collect()
    }

    fn entered(text: &str, ends: Ends) -> Result<Vec<u8>, PadStatus> {
        let pad = Arc::new(PinPad::default());
        let (other, pressed) = (Arc::clone(&pad), keys(text));
        let presser = thread::spawn(move || other.press(&pressed, Duration::from_secs(20)));
        let deadline = Instant::now() + Duration::from_secs(2);
        let mut turn = pad.begin();
        let pin = turn.pin(Asked::Pin, &(4..=8), ends, deadline, &|| false);
        drop(turn);
        assert!(presser.join().expect("ended"));
        assert_eq!(pad.asks_for(), None);
        pin.map(|pin| pin.to_vec())
    }

    #[test]
    fn digits_are_a_pin_until_ok_is_pressed() {
        assert_eq!(entered("1234o", ENDS), Ok(vec![1, 2, 3, 4]));
        assert_eq!(entered("99c5678o", ENDS), Ok(vec![5, 6, 7, 8]));
        assert_eq!(entered("12x", ENDS), Err(PadStatus::Cancelled));
        assert_eq!(entered("123o", ENDS), Err(PadStatus::Length));
        assert_eq!(entered("123456789o", ENDS), Err(PadStatus::Length));
        assert_eq!(
            entered("12345678901234567890o", ENDS),
            Err(PadStatus::Length)
        );
        assert_eq!(entered("1234", ENDS), Err(PadStatus::Timeout));
        let most = Ends {
            at_most_digits: true,
            ..ENDS
        };
        assert_eq!(entered("12345678", most), Ok(vec![1, 2, 3, 4, 5, 6, 7, 8]));
        let timeout = Ends {
            at_timeout: true,
            ..ENDS
        };
        assert_eq!(entered("1234", timeout), Ok(vec![1, 2, 3, 4]));
    }

    #[test]
    fn keys_that_nobody_asks_for_are_not_pressed_and_a_card_that_goes_ends_it() {
        let pad = PinPad::default();
        assert!(!pad.press(&keys("1234o"), Duration::from_millis(50)));
        let deadline = Instant::now() + Duration::from_secs(60);
        let gone = pad
            .begin()
            .pin(Asked::Pin, &(4..=8), ENDS, deadline, &|| true);
        assert_eq!(gone.map(|_| ()), Err(PadStatus::Cancelled));
        assert!(!pad.press(&keys("1"), Duration::from_millis(50)));
    }

    #[test]
    fn a_key_does_not_show_its_digit() {
        assert_eq!(format!("{:?}", keys("17o")), "[Digit, Digit, Ok]");
    }
}
