//! A line of the shell: its words, and whether it may carry a secret.

use std::fmt;

#[cfg(any(test, feature = "line-editing"))]
use kortlab_apdu::instruction;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// The longest line, in bytes: a command with all its data in hexadecimal, and room for spaces.
pub const MAX_LINE: usize = 256 * 1024;

/// A line, without the comment at its end.
pub struct Line {
    text: Zeroizing<String>,
}

impl Line {
    /// What stands in front of the first `#` that begins a word.
    pub fn new(text: &str) -> Self {
        let mut before = None;
        for (at, sign) in text.char_indices() {
            let begins = text
                .get(..at)
                .is_none_or(|start| start.is_empty() || start.ends_with(char::is_whitespace));
            if sign == '#' && begins {
                before = text.get(..at);
                break;
            }
        }
        let text = before.unwrap_or(text).trim();
        Self {
            text: Zeroizing::new(text.to_owned()),
        }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The whole of it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first word.
    pub fn verb(&self) -> &str {
        self.text.split_whitespace().next().unwrap_or_default()
    }

    /// Its words; what stands between quotes is one.
    ///
    /// # Errors
    /// A quote is not closed.
    pub fn words(&self) -> Result<Vec<String>, Failure> {
        let mut words = Vec::new();
        let mut word: Option<String> = None;
        let mut quote = None;
        for sign in self.text.chars() {
            match quote {
                Some(open) if sign == open => quote = None,
                Some(_) => word.get_or_insert_default().push(sign),
                None if matches!(sign, '\'' | '"') => {
                    word.get_or_insert_default();
                    quote = Some(sign);
                }
                None if sign.is_whitespace() => words.extend(word.take()),
                None => word.get_or_insert_default().push(sign),
            }
        }
        if let Some(open) = quote {
            return Err(Failure::usage(format!("the quote {open} is not closed")));
        }
        words.extend(word);
        Ok(words)
    }

    #[cfg(any(test, feature = "line-editing"))]
    /// Whether something in it can be a command with a PIN or a key: bytes in hexadecimal, in one word or
    /// in all of them from some word on, whose instruction carries such, and more behind its header.
    pub fn may_be_secret(&self) -> bool {
        let words: Vec<&str> = self.text.split(char::is_whitespace).collect();
        (0..words.len()).any(|first| {
            let rest = words.get(first..).unwrap_or_default().concat();
            let digits = rest
                .chars()
                .filter(|sign| !matches!(sign, '\'' | '"' | ':'));
            let digits: Zeroizing<String> =
                Zeroizing::new(digits.take_while(char::is_ascii_hexdigit).collect());
            let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
            let header = byte(0).zip(byte(2));
            header.is_some_and(|(class, ins)| instruction::carries_secrets(class, ins))
                && digits.len() > 10
        })
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It may carry a PIN.
        f.debug_tuple("Line").field(&self.text.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_at_blanks_and_quotes_keep_them() {
        let words = |text| Line::new(text).words();
        assert_eq!(
            words("cd  5015 # there"),
            Ok(vec!["cd".into(), "5015".into()])
        );
        assert_eq!(
            words("find 'Telia EID'"),
            Ok(vec!["find".into(), "Telia EID".into()])
        );
        assert_eq!(words("find ''"), Ok(vec!["find".into(), String::new()]));
        assert!(words("find 'Telia").is_err());
        assert!(Line::new("  # a comment").is_empty());
        assert_eq!(Line::new("find a#b").text(), "find a#b");
    }

    #[test]
    fn a_command_with_a_pin_is_a_secret_however_it_is_written() {
        for line in [
            "0020008108313233343536FFFF",
            "00 20 00 81 08 31 32 33 34",
            "00 20 00 81 :31323334",
            "apdu 00A40000023F00 0020008108313233343536FFFF",
            "apdu '00 20 00 81 :31 32 33 34'",
            "00240081 :313233343132",
            "002C0081083132333435363738",
        ] {
            assert!(Line::new(line).may_be_secret(), "{line}");
        }
        for line in [
            "00200081",
            "0020008100",
            "00A4000C023F00",
            "cd 5015",
            "find 'Telia'",
            "cat 4401",
        ] {
            assert!(!Line::new(line).may_be_secret(), "{line}");
        }
    }
}
