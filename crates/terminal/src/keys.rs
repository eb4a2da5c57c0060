//! What is said of an argument that is a private key, typed where the name of a file belongs: not its digits.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use kortlab_apdu::private_key;

/// Words of so many letters and digits may be a key.
const LEAST: usize = 48;

/// The text with its private keys left out, in hexadecimal, base64 or PEM.
pub fn without_keys(text: &str) -> Cow<'_, str> {
    if private_key::is_in(text.as_bytes()) {
        return "there is a private key where none belongs; its bytes are not repeated here".into();
    }
    let is_part =
        |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '+' | '/' | ':' | '=');
    let mut words = text.split(|sign| !is_part(sign));
    if !words.any(is_key) {
        return text.into();
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|sign| !is_part(sign)).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        kept.push_str(if is_key(word) {
            "(a private key)"
        } else {
            word
        });
        let between = behind.find(is_part).unwrap_or(behind.len());
        let (signs, behind) = behind.split_at(between);
        kept.push_str(signs);
        rest = behind;
    }
    kept.into()
}

fn is_key(word: &str) -> bool {
    let word = word.trim_end_matches([':', '=']);
    let is_in = |bytes: Vec<u8>| private_key::is_in(&bytes);
    word.len() >= LEAST
        && (hex::decode(word.replace(':', "")).is_ok_and(is_in)
            || STANDARD_NO_PAD.decode(word).is_ok_and(is_in))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_left_out_in_whatever_letters_and_all_else_stays() {
        let key = [
            &[
                0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22,
                0x04, 0x20,
            ][..],
            &[0x5A; 32],
        ]
        .concat();
        let colons: Vec<_> = key.iter().map(|byte| format!("{byte:02x}")).collect();
        for word in [
            hex::encode(&key),
            hex::encode_upper(&key),
            colons.join(":"),
            STANDARD_NO_PAD.encode(&key),
        ] {
            let text = format!("cannot read '{word}': file name too long");
            let told = "cannot read '(a private key)': file name too long";
            assert_eq!(without_keys(&text), told);
            let text = without_keys(&format!("cannot read {word}==: no such file")).into_owned();
            assert!(text.starts_with("cannot read (a private key)"), "{text}");
            assert_eq!(
                without_keys(&format!("{word} {word}")),
                "(a private key) (a private key)"
            );
        }
        let pem = "invalid value '-----BEGIN PRIVATE KEY-----\nMC4C' for '--as'";
        assert!(!without_keys(pem).contains("MC4C"));
        let certificate = format!("cannot read {}: no such file", "30820321".repeat(30));
        for text in ["", "no card in c.json, é", &certificate, "/a/b=c:d"] {
            assert_eq!(without_keys(text), text);
        }
    }
}
