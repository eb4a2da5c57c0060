//! The passphrase of a file.

use core::fmt;

use zeroize::Zeroizing;

/// A passphrase, as it was typed. It is erased when it is dropped, and never printed.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// These bytes, usually UTF-8.
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// No characters at all, which is not the same as none being asked for.
    pub fn empty() -> Self {
        Self(Zeroizing::default())
    }

    /// As PBES2 (RFC 8018) takes it.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The ways in which programs give it to the key derivation of RFC 7292 (appendix B.1): as
    /// BMPString with two zero bytes behind it, from UTF-8, or with each byte taken for a character;
    /// an empty one also without the zero bytes.
    pub(crate) fn bmp_forms(&self) -> Vec<Zeroizing<Vec<u8>>> {
        let widened = self.0.iter().flat_map(|byte| [0, *byte]).chain([0, 0]);
        let mut forms = vec![Zeroizing::new(widened.collect::<Vec<u8>>())];
        if let Ok(text) = core::str::from_utf8(&self.0)
            && !text.is_ascii()
        {
            let units = text.encode_utf16().flat_map(u16::to_be_bytes);
            forms.insert(0, Zeroizing::new(units.chain([0, 0]).collect()));
        }
        if self.0.is_empty() {
            forms.push(Zeroizing::default());
        }
        forms
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(text: &str) -> Vec<Vec<u8>> {
        let forms = Passphrase::new(Zeroizing::new(text.as_bytes().to_vec())).bmp_forms();
        forms.iter().map(|form| form.to_vec()).collect()
    }

    #[test]
    fn a_passphrase_has_the_forms_that_programs_give_it() {
        assert_eq!(forms("ab"), [b"\0a\0b\0\0"]);
        assert_eq!(forms(""), [vec![0, 0], vec![]]);
        assert_eq!(
            forms("å"),
            [vec![0, 0xE5, 0, 0], vec![0, 0xC3, 0, 0xA5, 0, 0]]
        );
    }

    #[test]
    fn a_passphrase_is_not_printed() {
        let passphrase = Passphrase::new(Zeroizing::new(b"hemlig".to_vec()));
        assert_eq!(format!("{passphrase:?}"), "Passphrase(..)");
    }
}
