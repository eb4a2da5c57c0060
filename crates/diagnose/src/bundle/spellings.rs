//! How a text may be spelt in bytes beside UTF-8, each with its stand-in of as many bytes.

/// A text, and what stands for it: letter for letter.
#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    pub old: &'a str,
    pub new: &'a str,
}

/// The bytes of a text, and of what stands for it.
pub(super) type Spelt = (Vec<u8>, Vec<u8>);

impl Pair<'_> {
    /// UTF-8.
    pub(super) fn plain(self) -> Spelt {
        (self.old.as_bytes().to_vec(), self.new.as_bytes().to_vec())
    }

    /// ISO/IEC 8859-1, if it has all the letters.
    pub(super) fn latin(self) -> Option<Spelt> {
        let latin = |text: &str| -> Option<Vec<u8>> {
            text.chars()
                .map(|sign| u8::try_from(u32::from(sign)).ok())
                .collect()
        };
        latin(self.old).zip(latin(self.new))
    }

    /// UTF-16, the high byte first: BMPString.
    pub(super) fn wide(self) -> Spelt {
        self.of_units(u16::to_be_bytes)
    }

    /// UTF-16, the low byte first: Windows.
    pub(super) fn wide_swapped(self) -> Spelt {
        self.of_units(u16::to_le_bytes)
    }

    /// Four bytes a letter: UniversalString.
    pub(super) fn universal(self) -> Spelt {
        let universal = |text: &str| -> Vec<u8> {
            text.chars()
                .flat_map(|sign| u32::from(sign).to_be_bytes())
                .collect()
        };
        (universal(self.old), universal(self.new))
    }

    /// TeletexString as ITU-T T.61 has it: the accent stands before its letter. `None` where that is the
    /// same as ASCII.
    pub(super) fn teletex(self) -> Option<Spelt> {
        self.accented(|letter, accent| vec![accent.teletex(), letter as u8])
    }

    /// UTF-8 with the accents as letters of their own (Unicode's form D), as macOS writes names. `None`
    /// where there are none.
    pub(super) fn decomposed(self) -> Option<Spelt> {
        self.accented(|letter, accent| format!("{letter}{}", accent.combining()).into_bytes())
    }

    /// As in a URI (RFC 3986 §2.1), with capital digits and with small ones.
    pub(super) fn percent(self) -> Vec<Spelt> {
        let digits: [fn(u8) -> String; 2] =
            [|byte| format!("%{byte:02X}"), |byte| format!("%{byte:02x}")];
        let spelt = |text: &str, digits: fn(u8) -> String| -> Vec<u8> {
            let each = text.bytes().map(|byte| match byte {
                b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => {
                    char::from(byte).to_string()
                }
                _ => digits(byte),
            });
            each.collect::<String>().into_bytes()
        };
        digits
            .into_iter()
            .map(|digits| (spelt(self.old, digits), spelt(self.new, digits)))
            .collect()
    }

    /// As JSON and JavaScript escape letters, with capital digits and with small ones.
    pub(super) fn escaped(self) -> Vec<Spelt> {
        let digits: [fn(u16) -> String; 2] = [
            |unit| format!("\\u{unit:04X}"),
            |unit| format!("\\u{unit:04x}"),
        ];
        let spelt = |text: &str, digits: fn(u16) -> String| -> Vec<u8> {
            let each = text.encode_utf16().map(|unit| match u8::try_from(unit) {
                Ok(byte) if byte.is_ascii() => char::from(byte).to_string(),
                _ => digits(unit),
            });
            each.collect::<String>().into_bytes()
        };
        digits
            .into_iter()
            .map(|digits| (spelt(self.old, digits), spelt(self.new, digits)))
            .collect()
    }

    fn of_units(self, order: fn(u16) -> [u8; 2]) -> Spelt {
        let wide = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(order).collect() };
        (wide(self.old), wide(self.new))
    }

    /// Letters with accents spelt otherwise, of as many bytes in what stands for them.
    fn accented(self, spell: fn(char, Accent) -> Vec<u8>) -> Option<Spelt> {
        let mut found = (Vec::new(), Vec::new());
        let mut any = false;
        for (old, new) in self.old.chars().zip(self.new.chars()) {
            let Some((letter, accent)) = taken_apart(old) else {
                let mut bytes = [0; 4];
                found.0.extend(old.encode_utf8(&mut bytes).bytes());
                found.1.extend(new.encode_utf8(&mut bytes).bytes());
                continue;
            };
            any = true;
            found.0.extend(spell(letter, accent));
            // A stand-in that has no accent takes one.
            let (letter, accent) = taken_apart(new).unwrap_or(('e', Accent::Diaeresis));
            found.1.extend(spell(letter, accent));
        }
        any.then_some(found)
    }
}

/// What stands over or under a letter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Accent {
    Grave,
    Acute,
    Circumflex,
    Tilde,
    Diaeresis,
    Ring,
    Cedilla,
}

impl Accent {
    const fn teletex(self) -> u8 {
        match self {
            Self::Grave => 0xC1,
            Self::Acute => 0xC2,
            Self::Circumflex => 0xC3,
            Self::Tilde => 0xC4,
            Self::Diaeresis => 0xC8,
            Self::Ring => 0xCA,
            Self::Cedilla => 0xCB,
        }
    }

    const fn combining(self) -> char {
        match self {
            Self::Grave => '\u{300}',
            Self::Acute => '\u{301}',
            Self::Circumflex => '\u{302}',
            Self::Tilde => '\u{303}',
            Self::Diaeresis => '\u{308}',
            Self::Ring => '\u{30A}',
            Self::Cedilla => '\u{327}',
        }
    }
}

/// A letter of ISO/IEC 8859-1 without its accent, and that.
fn taken_apart(letter: char) -> Option<(char, Accent)> {
    const LETTERS: [(&str, &str, Accent); 7] = [
        ("àèìòùÀÈÌÒÙ", "aeiouAEIOU", Accent::Grave),
        ("áéíóúýÁÉÍÓÚÝ", "aeiouyAEIOUY", Accent::Acute),
        ("âêîôûÂÊÎÔÛ", "aeiouAEIOU", Accent::Circumflex),
        ("ãñõÃÑÕ", "anoANO", Accent::Tilde),
        ("äëïöüÿÄËÏÖÜ", "aeiouyAEIOU", Accent::Diaeresis),
        ("åÅ", "aA", Accent::Ring),
        ("çÇ", "cC", Accent::Cedilla),
    ];
    LETTERS.iter().find_map(|(with, without, accent)| {
        let index = with.chars().position(|known| known == letter)?;
        Some((without.chars().nth(index)?, *accent))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_spelt_as_each_standard_has_them_and_stand_ins_are_as_long() {
        let pair = Pair {
            old: "Åsa Öh",
            new: "Æbc Çd",
        };
        let (old, new) = pair.teletex().expect("accents");
        assert_eq!(old, b"\xCAAsa \xC8Oh");
        assert_eq!(new.len(), old.len());
        let (old, new) = pair.decomposed().expect("accents");
        assert_eq!(old, "A\u{30A}sa O\u{308}h".as_bytes());
        assert_eq!(new.len(), old.len());
        assert_eq!(pair.percent()[0].0, b"%C3%85sa%20%C3%96h");
        assert_eq!(pair.percent()[1].0, b"%c3%85sa%20%c3%96h");
        assert_eq!(pair.escaped()[0].0, b"\\u00C5sa \\u00D6h");
        assert_eq!(pair.universal().0[..8], [0, 0, 0, 0xC5, 0, 0, 0, b's']);
        for (old, new) in pair.percent().into_iter().chain(pair.escaped()) {
            assert_eq!(old.len(), new.len());
        }
        let plain = Pair {
            old: "Bo",
            new: "Xy",
        };
        assert_eq!(plain.teletex(), None);
        assert_eq!(plain.decomposed(), None);
    }
}
