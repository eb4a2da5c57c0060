//! Each place of what is about a person, in each encoding: [`Spread`].

use std::collections::{BTreeMap, BTreeSet};

use kortlab_emulator::CardRng;
use serde_json::Value;

use super::personal::{Kind, Personal};
use super::personal_number::personal_number;
use super::spellings::{Pair, Spelt};
use super::stand_in::{StandIns, capitals, small, words};
use super::values::Values;
use super::{ATR, Replaced, sums};

/// The fewest letters of a word that is replaced wherever it stands; a shorter one is replaced as a
/// whole value, and in the texts that it is a part of.
const SHORTEST_WORD: usize = 4;
/// The same of a number: offsets and sizes are numbers, too.
const SHORTEST_NUMBER: usize = 6;
/// The fewest bytes that are replaced wherever they stand.
const SHORTEST: usize = 4;
/// The fewest digits that are looked for as BCD.
const SHORTEST_BCD: usize = 8;
/// The fewest bytes at the edge of something that are taken for a part of what is about a person.
pub(super) const SHORTEST_EDGE: usize = 3;
/// The tags of strings in DER.
const STRINGS: [u8; 5] = [0x0C, 0x13, 0x14, 0x16, 0x1A];

/// What is looked for, and what stands in its place: of the same length.
#[derive(Debug)]
pub(super) struct Needle {
    pub from: Vec<u8>,
    pub to: Vec<u8>,
    /// Whose it is.
    original: usize,
}

/// Everything that is replaced.
pub(super) struct Spread {
    kinds: Vec<Kind>,
    places: Vec<usize>,
    /// In bytes.
    bytes: Needles,
    /// In text: UTF-8, and bytes in hexadecimal.
    text: Needles,
}

/// Needles by their first byte, the longest first.
#[derive(Default)]
struct Needles {
    all: Vec<Needle>,
    by_first: BTreeMap<u8, Vec<usize>>,
}

impl Spread {
    /// What is to be replaced, by what chance has.
    pub(super) fn new(personal: Personal, rng: CardRng) -> Self {
        let originals = personal.texts.keys().map(String::as_str);
        let mut stand_ins = StandIns::new(rng, originals);
        let mut kinds = Vec::new();
        let mut bytes = Vec::new();
        let mut text = Vec::new();
        for (original, kind) in &personal.texts {
            let index = kinds.len();
            kinds.push(*kind);
            let needle = |(from, to): Spelt| Needle {
                from,
                to,
                original: index,
            };
            for (form, new) in forms(original, &mut stand_ins) {
                bytes.extend(encodings(&form, &new).into_iter().map(needle));
                if form.len() >= SHORTEST && is_telling_text(&form) {
                    let pair = Pair {
                        old: &form,
                        new: &new,
                    };
                    let spelt = [pair.plain()].into_iter().chain(pair.decomposed());
                    let spelt = spelt.chain(pair.percent()).chain(pair.escaped());
                    text.extend(spelt.map(needle));
                }
            }
        }
        for (original, kind) in &personal.bytes {
            bytes.push(Needle {
                from: original.clone(),
                to: stand_ins.bytes(original),
                original: kinds.len(),
            });
            kinds.push(*kind);
        }
        for needle in &bytes {
            text.extend(in_hexadecimal(needle));
        }
        Self {
            places: vec![0; kinds.len()],
            kinds,
            bytes: Needles::new(bytes),
            text: Needles::new(text),
        }
    }

    /// How much was replaced so far.
    pub(super) fn counts(&self) -> Vec<Replaced> {
        let each = self.kinds.iter().copied().zip(self.places.iter().copied());
        sums(each.filter(|(_, places)| *places > 0))
    }

    /// Replaces in bytes.
    pub(super) fn in_bytes(&mut self, bytes: &mut [u8]) {
        let values = Values::of(bytes);
        self.bytes.replace(bytes, &values, &mut self.places);
    }

    /// Replaces what stands at an edge of these bytes and goes on behind it, or began before it.
    pub(super) fn at_edges(&mut self, bytes: &mut [u8]) {
        self.bytes.at_edges(bytes, &mut self.places);
    }

    /// Replaces in text: hexadecimal and nothing else is bytes.
    pub(super) fn in_text(&mut self, text: &str) -> String {
        if text.len() >= 4
            && let Ok(mut bytes) = hex::decode(text)
        {
            self.in_bytes(&mut bytes);
            return match text.contains(|sign: char| sign.is_ascii_lowercase()) {
                true => hex::encode(bytes),
                false => hex::encode_upper(bytes),
            };
        }
        let mut own = text.as_bytes().to_vec();
        self.text
            .replace(&mut own, &Values::default(), &mut self.places);
        // Letters become letters of as many bytes, so that it is text still.
        String::from_utf8(own).unwrap_or_default()
    }

    /// The same in an answer to reset, which stays as it is where only names would be replaced: words
    /// there are the card's, by which programs know it.
    fn in_answer_to_reset(&mut self, text: String) -> String {
        let before = self.places.clone();
        let replaced = self.in_text(&text);
        let places = before.iter().zip(&self.places).zip(&self.kinds);
        if places
            .into_iter()
            .any(|((old, new), kind)| old != new && *kind != Kind::Name)
        {
            return replaced;
        }
        self.places = before;
        text
    }

    /// Replaces in every text of a document, but for those fields that have words of Kortlab's own.
    /// Recursive as deep as the document, which is one of Kortlab's.
    pub(super) fn value(&mut self, value: Value, own: &[&str]) -> Value {
        match value {
            Value::String(text) => Value::String(self.in_text(&text)),
            Value::Array(values) => values
                .into_iter()
                .map(|value| self.value(value, own))
                .collect(),
            Value::Object(fields) => fields
                .into_iter()
                .map(|(name, value)| {
                    let value = match value {
                        value if own.contains(&name.as_str()) => value,
                        Value::String(text) if name == ATR => {
                            Value::String(self.in_answer_to_reset(text))
                        }
                        value => self.value(value, own),
                    };
                    (name, value)
                })
                .collect(),
            other => other,
        }
    }
}

impl Needles {
    fn new(mut all: Vec<Needle>) -> Self {
        all.retain(|needle| needle.from != needle.to && needle.from.len() == needle.to.len());
        all.sort_by(|a, b| b.from.len().cmp(&a.from.len()).then(a.from.cmp(&b.from)));
        all.dedup_by(|a, b| a.from == b.from);
        let mut by_first = BTreeMap::<u8, Vec<usize>>::new();
        for (index, needle) in all.iter().enumerate() {
            if let Some(&first) = needle.from.first() {
                by_first.entry(first).or_default().push(index);
            }
        }
        Self { all, by_first }
    }

    /// One pass from the left; at each byte the longest that fits, and goes past the end of no value of DER.
    fn replace(&self, bytes: &mut [u8], values: &Values, places: &mut [usize]) {
        let mut at = 0;
        while let Some(rest) = bytes.get_mut(at..).filter(|rest| !rest.is_empty()) {
            let candidates = rest.first().and_then(|first| self.by_first.get(first));
            let mut candidates = candidates.into_iter().flatten();
            let found = candidates.find_map(|&index| {
                self.all.get(index).filter(|needle| {
                    rest.starts_with(&needle.from) && !values.cross(&(at..at + needle.from.len()))
                })
            });
            at += match found {
                Some(needle) => {
                    if let Some(place) = rest.get_mut(..needle.to.len()) {
                        place.copy_from_slice(&needle.to);
                    }
                    count(places, needle.original);
                    needle.from.len()
                }
                None => 1,
            };
        }
    }

    fn at_edges(&self, bytes: &mut [u8], places: &mut [usize]) {
        for needle in &self.all {
            let most = needle.from.len().saturating_sub(1).min(bytes.len());
            for length in (SHORTEST_EDGE..=most).rev() {
                let cut = needle.from.len() - length;
                let (end, start) = (bytes.len() - length, needle.from.get(..length));
                if start == bytes.get(end..)
                    && let (Some(place), Some(new)) =
                        (bytes.get_mut(end..), needle.to.get(..length))
                {
                    place.copy_from_slice(new);
                    count(places, needle.original);
                }
                if needle.from.get(cut..) == bytes.get(..length)
                    && let (Some(place), Some(new)) =
                        (bytes.get_mut(..length), needle.to.get(cut..))
                {
                    place.copy_from_slice(new);
                    count(places, needle.original);
                }
            }
        }
    }
}

fn count(places: &mut [usize], original: usize) {
    if let Some(places) = places.get_mut(original) {
        *places += 1;
    }
}

/// How a text may be written elsewhere, each form with what stands for it.
fn forms(original: &str, stand_ins: &mut StandIns) -> BTreeMap<String, String> {
    if let Some(digits) = personal_number(original) {
        // The same number with another century, or another sign in it, is the same person's.
        let new = stand_ins.of(&digits);
        let born = original.get(..2).filter(|_| original.len() >= 12);
        return as_personal_numbers(&digits, born)
            .into_iter()
            .zip(as_personal_numbers(&new, born))
            .collect();
    }
    let mut forms: BTreeSet<String> = [original.to_owned()].into();
    forms.extend([small(original), capitals(original)]);
    for word in words(original).filter(|word| is_telling(word)) {
        forms.extend([word.to_owned(), small(word), capitals(word)]);
    }
    forms
        .into_iter()
        .map(|form| {
            let new = stand_ins.of(&form);
            (form, new)
        })
        .collect()
}

/// A personal number of ten digits in all the forms in which it is written, and the day of birth alone where
/// the century is known.
fn as_personal_numbers(digits: &str, born: Option<&str>) -> Vec<String> {
    let (day, rest) = digits.split_at_checked(6).unwrap_or((digits, ""));
    let mut forms = Vec::new();
    for century in ["", "19", "20"] {
        for sign in ["", "-", "+", " "] {
            forms.push(format!("{century}{day}{sign}{rest}"));
        }
    }
    forms.extend(born.map(|century| format!("{century}{day}")));
    forms
}

/// Whether a word is replaced wherever it stands.
fn is_telling(word: &str) -> bool {
    match word.bytes().all(|byte| byte.is_ascii_digit()) {
        true => word.len() >= SHORTEST_NUMBER,
        false => word.chars().count() >= SHORTEST_WORD,
    }
}

/// The same of a whole text: one of few digits is no more telling than a word of them.
fn is_telling_text(text: &str) -> bool {
    text.chars().any(char::is_alphabetic) || is_telling(text)
}

/// A text and what stands for it in the encodings that cards have (`spellings`), digits as BCD both ways. A
/// short one only as the whole value of a string.
fn encodings(old: &str, new: &str) -> Vec<Spelt> {
    let pair = Pair { old, new };
    let mut found = Vec::new();
    let (plain, narrow, big) = (pair.plain(), pair.latin(), pair.wide());
    for tag in STRINGS {
        found.extend(as_value(tag, &plain));
        found.extend(narrow.as_ref().and_then(|narrow| as_value(tag, narrow)));
    }
    found.extend(as_value(0x1E, &big));
    found.extend(as_value(0x1C, &pair.universal()));
    let long = |spelt: &Spelt| spelt.0.len() >= SHORTEST;
    found.extend(Some(plain).filter(long));
    found.extend(narrow.filter(long));
    found.extend(pair.teletex().filter(long));
    found.extend(pair.decomposed().filter(long));
    found.extend(pair.percent().into_iter().filter(long));
    found.extend(pair.escaped().into_iter().filter(long));
    if old.chars().count() >= 3 {
        found.push(big);
        found.push(pair.wide_swapped());
        found.push(pair.universal());
    }
    let is_number = old.bytes().all(|byte| byte.is_ascii_digit());
    if is_number && old.len() >= SHORTEST_BCD {
        found.extend(bcd(old, new));
    }
    found
}

/// With the tag and the length of a string in front.
fn as_value(tag: u8, pair: &Spelt) -> Option<Spelt> {
    let length = u8::try_from(pair.0.len())
        .ok()
        .filter(|length| *length < 0x80)?;
    let head = [tag, length];
    Some(([&head[..], &pair.0].concat(), [&head[..], &pair.1].concat()))
}

/// Digits two a byte: an odd one filled with F behind or 0 in front; and with the digits of each byte
/// the other way round, as in an ICCID.
fn bcd(old: &str, new: &str) -> Vec<Spelt> {
    let filled = |text: &str| match text.len() % 2 {
        0 => vec![text.to_owned()],
        _ => vec![format!("{text}F"), format!("0{text}")],
    };
    let bytes = |text: String| hex::decode(text).unwrap_or_default();
    let swapped =
        |bytes: &[u8]| -> Vec<u8> { bytes.iter().map(|byte| byte.rotate_left(4)).collect() };
    let pairs = filled(old).into_iter().zip(filled(new));
    pairs
        .map(|(old, new)| (bytes(old), bytes(new)))
        .flat_map(|(old, new)| [(swapped(&old), swapped(&new)), (old, new)])
        .collect()
}

/// The same in text, as hexadecimal is written.
fn in_hexadecimal(needle: &Needle) -> Vec<Needle> {
    let spaced = |bytes: &[u8]| kortlab_explain::SpacedHex(bytes).to_string();
    let forms: [fn(&[u8]) -> String; 2] =
        [|bytes| hex::encode_upper(bytes), |bytes| hex::encode(bytes)];
    let mut found: Vec<_> = forms
        .iter()
        .map(|form| (form(&needle.from), form(&needle.to)))
        .collect();
    found.push((spaced(&needle.from), spaced(&needle.to)));
    found
        .into_iter()
        .map(|(from, to)| Needle {
            from: from.into_bytes(),
            to: to.into_bytes(),
            original: needle.original,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(texts: &[(&str, Kind)]) -> Spread {
        let mut personal = Personal::default();
        for (text, kind) in texts {
            personal.add(*kind, text);
        }
        Spread::new(personal, CardRng::from_seed(7))
    }

    #[test]
    fn every_encoding_is_replaced_by_the_same_and_lengths_stay() {
        let name = "Åke Skissbäckman";
        let number = "9752000003140029704";
        let mut spread = spread(&[(name, Kind::Name), (number, Kind::Number)]);
        let new = spread.in_text(name);
        assert_ne!(new, name);
        let new_number = spread.in_text(number);
        for (old, new) in encodings(name, &new)
            .into_iter()
            .chain(encodings(number, &new_number))
        {
            let mut bytes = [b"##", &old[..], b"##"].concat();
            spread.in_bytes(&mut bytes);
            assert_eq!(bytes, [b"##", &new[..], b"##"].concat(), "{old:02X?}");
        }
        let hex = hex::encode_upper(name.as_bytes());
        let text = spread.in_text(&format!("the value {hex} at"));
        assert!(text.contains(&hex::encode_upper(new.as_bytes())), "{text}");
    }

    #[test]
    fn a_short_name_is_replaced_as_a_whole_value_and_leaves_other_bytes_alone() {
        let mut spread = spread(&[("Bo", Kind::Name)]);
        let mut bytes = *b"\x0C\x02Bo and Body";
        spread.in_bytes(&mut bytes);
        assert_ne!(&bytes[2..4], b"Bo");
        assert_eq!(&bytes[4..], b" and Body");
    }

    #[test]
    fn what_goes_past_the_end_of_a_value_is_left_and_what_is_in_it_is_not() {
        let mut spread = spread(&[("anna@skiss.se0", Kind::Address)]);
        // The next value begins with the byte that a digit has.
        let mut bytes = *b"\x30\x11\x81\x0Danna@skiss.se\x30\x00";
        spread.in_bytes(&mut bytes);
        assert_eq!(bytes[17..], *b"\x30\x00");
        assert_ne!(bytes[4..8], *b"anna");
    }

    #[test]
    fn an_answer_to_reset_stays_as_it_is_where_only_a_name_is_in_it() {
        let atr = "3BF518000280014F734549441A";
        let of = |spread: &mut Spread| {
            let image = serde_json::json!({ "atr": atr, "label": "OsEID", "other": atr });
            spread.value(image, &[])
        };
        let mut named = spread(&[("OsEID Skissbackman", Kind::Name)]);
        let image = of(&mut named);
        assert_eq!(image["atr"], atr);
        assert_ne!(image["label"], "OsEID");
        assert_ne!(image["other"], atr);
        // Twice replaced, and so counted.
        assert_eq!(
            named.counts().iter().map(|one| one.places).sum::<usize>(),
            2
        );
        let mut given = spread(&[("OsEID", Kind::Given)]);
        assert_ne!(of(&mut given)["atr"], atr);
    }

    #[test]
    fn what_is_cut_at_an_edge_is_replaced_by_the_same_part() {
        let mut spread = spread(&[("Skissbackman", Kind::Name)]);
        let whole = spread.in_text("Skissbackman");
        let mut first = *b"....Skiss";
        let mut second = *b"backman....";
        spread.at_edges(&mut first);
        spread.at_edges(&mut second);
        assert_eq!(first[4..], whole.as_bytes()[..5]);
        assert_eq!(second[..7], whole.as_bytes()[5..]);
    }
}
