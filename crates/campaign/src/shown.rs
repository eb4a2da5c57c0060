//! What a program shows of a card's data: PEM, and bytes in hexadecimal.

use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Fewer bytes on a line may be a word, a date or a number.
const LEAST_ON_A_LINE: usize = 8;

/// How data is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// A block of PEM (RFC 7468) with this label.
    Pem(String),
    /// Pairs of digits, close together or apart by a space or a colon, on one line or on several;
    /// with an offset in front or not.
    Hexadecimal,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pem(label) => write!(f, "PEM {label}"),
            Self::Hexadecimal => f.write_str("hexadecimal"),
        }
    }
}

/// Data, and how it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// How.
    pub form: Form,
    /// What.
    pub bytes: Vec<u8>,
}

/// The data in what a program has printed. What is neither form, or base64 that is none, is not
/// data to us.
pub fn shown(printed: &[u8]) -> Vec<Shown> {
    let text = String::from_utf8_lossy(printed);
    let mut all = Vec::new();
    let mut hexadecimal = Vec::new();
    let mut block: Option<(&str, String)> = None;
    for line in text.lines() {
        let line = line.trim();
        if let Some((label, mut body)) = block.take() {
            if line.starts_with("-----END ") {
                let bytes = STANDARD.decode(body).ok();
                all.extend(bytes.map(|bytes| Shown {
                    form: Form::Pem(label.to_owned()),
                    bytes,
                }));
            } else {
                body.push_str(line);
                block = Some((label, body));
            }
            continue;
        }
        let begins = line.strip_prefix("-----BEGIN ");
        if let Some(label) = begins.and_then(|rest| rest.strip_suffix("-----")) {
            block = Some((label, String::new()));
        }
        let bytes = digits(line);
        if bytes.len() < LEAST_ON_A_LINE {
            // The last line of many may be short.
            if !hexadecimal.is_empty() {
                hexadecimal.extend(bytes);
                all.push(of_hexadecimal(&mut hexadecimal));
            }
        } else {
            hexadecimal.extend(bytes);
        }
    }
    if !hexadecimal.is_empty() {
        all.push(of_hexadecimal(&mut hexadecimal));
    }
    all
}

fn of_hexadecimal(bytes: &mut Vec<u8>) -> Shown {
    Shown {
        form: Form::Hexadecimal,
        bytes: std::mem::take(bytes),
    }
}

/// The bytes that a line begins with, behind an offset or a name and a colon.
fn digits(line: &str) -> Vec<u8> {
    let bytes = pairs(line);
    if bytes.len() >= LEAST_ON_A_LINE {
        return bytes;
    }
    match line.split_once(": ") {
        Some((_, rest)) => pairs(rest.trim_start()),
        None => bytes,
    }
}

/// Pairs of digits up to what is none.
fn pairs(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line.as_bytes();
    while let [high, low, after @ ..] = rest {
        let digit = |character: u8| char::from(character).to_digit(16);
        let (Some(high), Some(low)) = (digit(*high), digit(*low)) else {
            break;
        };
        bytes.push((16 * high + low) as u8);
        rest = match after {
            [b' ' | b':', after @ ..] => after,
            after => after,
        };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<(String, Vec<u8>)> {
        let all = shown(text.as_bytes()).into_iter();
        all.map(|piece| (piece.form.to_string(), piece.bytes))
            .collect()
    }

    #[test]
    fn pem_and_hexadecimal_in_the_forms_of_programs_are_data_and_words_are_none() {
        let pem = "Reading\n-----BEGIN CERTIFICATE-----\nMAMC\nAQU=\n-----END CERTIFICATE-----\n";
        let certificate = ("PEM CERTIFICATE".to_owned(), vec![0x30, 3, 2, 1, 5]);
        assert_eq!(of(pem), [certificate]);
        // OpenSC's explorer, OpenSSL's moduli, and digits alone.
        let explorer = "00000000: 30 31 32 33 34 35 36 37 38 01234567 8\n00000009: AB .\n";
        let modulus = "    00:30:31:32:33:34:35:36\n    37:38\nExponent: 65537\n";
        let alone = "ID: 3031323334353637\n";
        for (text, last) in [(explorer, 0xAB), (modulus, 0x38), (alone, 0x37)] {
            let [(form, bytes)] = &of(text)[..] else {
                panic!("{text}: {:?}", of(text));
            };
            assert_eq!((form.as_str(), bytes.last()), ("hexadecimal", Some(&last)));
        }
        assert_eq!(of("a bad decade, added\n2026-11-29 10:00:00\n"), []);
        assert_eq!(
            of("-----BEGIN X-----\n!!\n-----END X-----\n-----BEGIN Y-----\n"),
            []
        );
    }
}
