//! Keys of a PIN pad, as they come by the control door: a PIN is shown nowhere, and wiped.

use std::fmt;

use crate::pad::Key;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::refusal::{NoRequest, check_object};

/// The most digits that are pressed at once.
const MAX_DIGITS: usize = 60;

/// The digits of a PIN.
#[derive(Clone, PartialEq, Eq)]
pub struct Digits(Zeroizing<String>);

impl Digits {
    /// Takes the text of a PIN.
    ///
    /// # Errors
    /// It has something else than digits in it, or none, or too many.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        let fits = (1..=MAX_DIGITS).contains(&text.len());
        if !fits || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("a PIN pad has keys for digits alone, and a PIN has 1 to 60 of them");
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The keys to press.
    pub fn keys(&self) -> impl Iterator<Item = Key> {
        self.0.bytes().map(|byte| Key::Digit(byte - b'0'))
    }
}

impl fmt::Debug for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digits")
    }
}

impl Serialize for Digits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Digits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Text)
    }
}

/// Takes text, and repeats nothing of what is something else.
struct Text;

impl Visitor<'_> for Text {
    type Value = Digits;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the digits of a PIN, as text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Digits, E> {
        Digits::new(text).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Digits, E> {
        Err(E::custom("a PIN is text, not a number"))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Digits, E> {
        self.visit_u64(0)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Digits, E> {
        self.visit_u64(0)
    }
}

/// A key that is no digit, as it is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyName {
    /// Ends a PIN.
    Ok,
    /// Takes all digits back.
    Clear,
    /// Ends it all: the program is told 6401.
    Cancel,
}

impl From<KeyName> for Key {
    fn from(name: KeyName) -> Self {
        match name {
            KeyName::Ok => Self::Ok,
            KeyName::Clear => Self::Clear,
            KeyName::Cancel => Self::Cancel,
        }
    }
}

/// What is pressed: a request of its own, since what is read of it is kept nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Press {
    #[serde(rename = "do")]
    press: Verb,
    /// Which reader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reader: Option<String>,
    /// These digits first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<Digits>,
    /// Then this key; after digits OK unless another is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyName>,
    /// How many seconds it is waited until a program asks for a PIN; 60 if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verb {
    Press,
}

impl Press {
    /// Reads one line.
    ///
    /// # Errors
    /// It is no such request; nothing of a PIN is repeated.
    pub fn parse(line: &[u8]) -> Result<Self, NoRequest> {
        check_object(line)?;
        serde_json::from_slice(line).map_err(|error| NoRequest::from_json(&error))
    }

    /// Presses these digits and this key.
    pub const fn new(reader: Option<String>, pin: Option<Digits>, key: Option<KeyName>) -> Self {
        Self {
            press: Verb::Press,
            reader,
            pin,
            key,
            wait: None,
        }
    }

    /// The same, waiting so many seconds.
    #[must_use]
    pub fn waiting(mut self, seconds: Option<u16>) -> Self {
        self.wait = seconds;
        self
    }

    /// The keys to press.
    pub fn keys(&self) -> Vec<Key> {
        let digits = self.pin.iter().flat_map(Digits::keys);
        let last = match (self.key, &self.pin) {
            (None, Some(_)) => Some(KeyName::Ok),
            (key, _) => key,
        };
        digits.chain(last.map(Key::from)).collect()
    }
}

/// Whether a line is about keys, and is not to be read as the others are, which keep copies.
pub(crate) fn is_press(line: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Peek<'a> {
        #[serde(rename = "do", borrow)]
        request: &'a str,
    }
    serde_json::from_slice::<Peek<'_>>(line).is_ok_and(|peek| peek.request == "press")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_pressed_and_shown_nowhere() {
        let line = br#"{"do":"press","pin":"123456"}"#;
        assert!(is_press(line) && !is_press(br#"{"do":"state"}"#) && !is_press(b"["));
        let press: Press = serde_json::from_slice(line).expect("a request");
        assert_eq!(press.keys().len(), 7);
        assert_eq!(press.keys().last(), Some(&Key::Ok));
        assert!(!format!("{press:?}").contains("123456"));
        assert_eq!(serde_json::to_vec(&press).expect("JSON"), line);
        let cancel: Press =
            serde_json::from_slice(br#"{"do":"press","key":"cancel"}"#).expect("one");
        assert_eq!(cancel.keys(), [Key::Cancel]);
    }

    #[test]
    fn what_is_no_pin_is_not_repeated() {
        for pin in [
            "918273",
            "-918273",
            "91827.3",
            "\"918273x\"",
            "[918273]",
            "{\"918273\":1}",
        ] {
            let line = format!(r#"{{"do":"press","pin":{pin}}}"#);
            let error = serde_json::from_str::<Press>(&line)
                .expect_err(pin)
                .to_string();
            assert!(!error.contains("91827"), "{error}");
        }
        assert!(Digits::new("").is_err() && Digits::new(&"1".repeat(61)).is_err());
    }
}
