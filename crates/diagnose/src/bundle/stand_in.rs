//! What stands in the place of what is about a person: [`StandIns`].

use std::collections::{BTreeMap, BTreeSet};

use kortlab_emulator::CardRng;

use super::{check_digit, fasc_n};

/// Letters of ISO/IEC 8859-1, which have two bytes in UTF-8 and one there; small ones, whose capitals
/// are there, too.
const LATIN: [char; 20] = [
    'à', 'á', 'â', 'ã', 'ä', 'å', 'æ', 'ç', 'è', 'é', 'ê', 'ë', 'ì', 'í', 'î', 'ï', 'ñ', 'ò', 'ó',
    'ö',
];

/// How often another one is thrown where it is one that is taken.
const THROWS: usize = 64;

/// Words for words: the same for the same whatever its case, and no two the same. Each letter becomes a
/// letter of as many bytes, each digit a digit.
pub(super) struct StandIns {
    rng: CardRng,
    known: BTreeMap<String, String>,
    taken: BTreeSet<String>,
}

impl StandIns {
    /// Words as chance has it; `originals` are none of them.
    pub(super) fn new<'a>(rng: CardRng, originals: impl IntoIterator<Item = &'a str>) -> Self {
        let taken = originals.into_iter().flat_map(words).map(small);
        Self {
            rng,
            known: BTreeMap::new(),
            taken: taken.collect(),
        }
    }

    /// A text, each of its words replaced; what stands between them stays.
    pub(super) fn of(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut word = String::new();
        for sign in text.chars() {
            if sign.is_alphanumeric() {
                word.push(sign);
                continue;
            }
            out.push_str(&self.word(&core::mem::take(&mut word)));
            out.push(sign);
        }
        out.push_str(&self.word(&word));
        out
    }

    /// As many bytes, by chance; the number of a PIV card stays one.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Vec<u8> {
        let digit = || {
            let mut random = [0];
            self.rng.fill(&mut random);
            random[0] % 10
        };
        if let Some(number) = fasc_n::replaced(bytes, digit) {
            return number;
        }
        let mut out = vec![0; bytes.len()];
        self.rng.fill(&mut out);
        out
    }

    fn word(&mut self, word: &str) -> String {
        if word.is_empty() {
            return String::new();
        }
        let key = small(word);
        if !self.known.contains_key(&key) {
            let mut new = self.throw(&key);
            for _ in 0..THROWS {
                if !self.taken.contains(&new) {
                    break;
                }
                new = self.throw(&key);
            }
            self.taken.insert(new.clone());
            self.known.insert(key.clone(), new);
        }
        let stand_in = self.known.get(&key).cloned().unwrap_or_default();
        // In the case of the word that it stands for.
        let pairs = word.chars().zip(stand_in.chars());
        pairs
            .map(|(old, new)| match old.is_uppercase() {
                true => capital(new),
                false => new,
            })
            .collect()
    }

    /// A word by chance. What says of which kind a number is stays as it is: the country of an HSA
    /// identifier, the issuer's prefix of a card number, that its last digit is its check digit.
    fn throw(&mut self, word: &str) -> String {
        let kept = kept(word);
        let mut new: String = word.chars().take(kept).collect();
        for sign in word.chars().skip(kept) {
            new.push(self.sign(sign));
        }
        match check_digit::is_right(word) {
            true => check_digit::corrected(&new),
            false => new,
        }
    }

    fn sign(&mut self, old: char) -> char {
        let mut random = [0; 2];
        self.rng.fill(&mut random);
        let number = u32::from(u16::from_be_bytes(random));
        let nth = |first: char, count: u32| {
            char::from_u32(u32::from(first) + number % count).unwrap_or(first)
        };
        match old {
            '0'..='9' => nth('0', 10),
            'a'..='z' => nth('a', 26),
            'A'..='Z' => nth('A', 26),
            '\u{80}'..='\u{FF}' => {
                let index = number as usize % LATIN.len();
                LATIN.get(index).copied().unwrap_or('ä')
            }
            '\u{100}'..='\u{7FF}' => nth('\u{3B1}', 16),
            '\u{800}'..='\u{FFFF}' => nth('\u{4E00}', 4096),
            _ => nth('\u{20000}', 4096),
        }
    }
}

/// How many letters of a word stay.
fn kept(word: &str) -> usize {
    let bytes = word.as_bytes();
    let is_number = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_digit);
    match bytes {
        [a, b, rest @ ..]
            if a.is_ascii_alphabetic()
                && b.is_ascii_alphabetic()
                && rest.len() >= 6
                && is_number(rest) =>
        {
            2
        }
        number if number.len() >= 16 && is_number(number) => 4,
        _ => 0,
    }
}

/// The words of a text.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|sign: char| !sign.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

/// In small letters, where those have as many bytes.
pub(super) fn small(word: &str) -> String {
    word.chars()
        .map(|sign| same_length(sign, sign.to_lowercase()))
        .collect()
}

/// In capitals, where those have as many bytes.
pub(super) fn capitals(word: &str) -> String {
    word.chars().map(capital).collect()
}

fn capital(sign: char) -> char {
    same_length(sign, sign.to_uppercase())
}

fn same_length(sign: char, mut other: impl Iterator<Item = char>) -> char {
    match (other.next(), other.next()) {
        (Some(one), None)
            if one.len_utf8() == sign.len_utf8()
                && (one as u32 <= 0xFF) == (sign as u32 <= 0xFF) =>
        {
            one
        }
        _ => sign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_word_becomes_the_same_in_its_case_and_with_as_many_bytes() {
        let originals = ["Doris Skissbäckman", "doris.skissbackman@example.org"];
        let mut stand_ins = StandIns::new(CardRng::from_seed(1), originals);
        let name = stand_ins.of("Doris Skissbäckman");
        assert_eq!(name.len(), "Doris Skissbäckman".len());
        assert_ne!(name, "Doris Skissbäckman");
        let first = name.split(' ').next().expect("a word").to_owned();
        assert_eq!(stand_ins.of("DORIS"), first.to_uppercase());
        assert_eq!(stand_ins.of("doris"), first.to_lowercase());
        for text in [
            "9752000003140029704",
            "SE2321000016-1003",
            "Ἀλέξ 山田 𝒜",
            "ß İ ÿ",
        ] {
            let new = stand_ins.of(text);
            assert_eq!(new.len(), text.len(), "{text}: {new}");
            assert_eq!(new.chars().count(), text.chars().count());
            assert_eq!(new, stand_ins.of(text));
        }
        assert_eq!(stand_ins.of("-, ."), "-, .");
        // What programs know a number by stays true of it.
        let number = stand_ins.of("9752000003140029704");
        assert!(number.starts_with("9752") && check_digit::is_right(&number));
        assert!(stand_ins.of("SE2321000016-1003").starts_with("SE"));
    }
}
