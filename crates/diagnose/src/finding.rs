//! Something wrong with a card: [`Finding`].

use kortlab_apdu::tlv::{Filler, Reader};
use kortlab_apdu::{FilePath, private_key};
use kortlab_card::Problem;
use kortlab_explain::Span;

use crate::evidence::Evidence;
use crate::rules::Rule;

/// What stands behind filler.
const OBJECT_AFTER_FILLER: &str = "object-after-filler";

/// The most bytes that a finding marks; of a longer element its beginning.
const MAX_MARKED: usize = 64;

/// Something wrong, which rule found it, and the bytes at fault.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// What is wrong, in the one vocabulary of findings.
    pub problem: Problem,
    /// The bytes, where they are known.
    pub bytes: Option<Marked>,
}

/// Bytes of a card, and those of them that are at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marked {
    /// All bytes of the file, or of the answer.
    pub all: Vec<u8>,
    /// Those at fault, from the first byte of `all` on.
    pub span: Span,
}

impl Finding {
    pub(crate) fn new(rule: &'static Rule, problem: Problem, evidence: &Evidence) -> Self {
        let bytes = problem.offset().and_then(|offset| {
            let all = before_keys(evidence.bytes_of(&problem)?);
            let rest = all.get(offset..).filter(|rest| !rest.is_empty())?;
            // Of an element its beginning at least; of what is none, one byte.
            let length = element_at(all, offset).unwrap_or(1).clamp(1, rest.len());
            Some(Marked {
                all: all.to_vec(),
                span: Span::new(offset, length.min(MAX_MARKED)),
            })
        });
        Self {
            rule,
            problem,
            bytes,
        }
    }

    /// Which programs trip over it, as far as that was tried.
    pub fn trips(&self) -> impl Iterator<Item = &'static str> {
        let code = self.problem.code();
        // In EF.DIR OpenSC looks for the next entry.
        let is_harmless = code == OBJECT_AFTER_FILLER && *self.problem.path() == FilePath::EF_DIR;
        let of_code =
            move |trip: &&(&str, &str)| trip.0 == code && !(is_harmless && trip.1 == "OpenSC");
        self.rule.trips.iter().filter(of_code).map(|trip| trip.1)
    }
}

impl Marked {
    /// The bytes at fault.
    pub fn marked(&self) -> &[u8] {
        self.span.of(&self.all)
    }
}

/// What stands before the first private key: nothing of one is shown that lies in a file, nor of what is behind it.
fn before_keys(all: &[u8]) -> &[u8] {
    let places = private_key::places(all);
    let end = places.first().map_or(all.len(), |key| key.start);
    all.get(..end).unwrap_or(all)
}

/// How long the element is that begins at this offset; `None` if none begins there, as inside of a
/// value.
fn element_at(all: &[u8], offset: usize) -> Option<usize> {
    /// How deep elements stand inside each other.
    const MAX_DEPTH: usize = 32;
    let mut reader = Reader::new(all).filler(Filler::Skip);
    for _ in 0..MAX_DEPTH {
        let around = loop {
            let element = reader.next()?.ok()?;
            match element.offset {
                at if at == offset => return Some(element.raw.len()),
                at if at > offset => return None,
                at if offset < at + element.raw.len() => break element,
                _ => {}
            }
        };
        if !around.tag.is_constructed() {
            return None;
        }
        reader = around.children();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_file_with_a_private_key_what_is_before_it_is_shown() {
        let head = [
            0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22,
            0x04, 0x20,
        ];
        let before = [0x04, 0x02, 0x01, 0x02];
        let all = [&before[..], &head, &[0x5A; 32], &before].concat();
        assert_eq!(before_keys(&all), before);
        assert_eq!(before_keys(&before), before);
    }

    #[test]
    fn an_element_is_marked_whole_and_of_a_value_one_byte() {
        // Filler, SEQUENCE { INTEGER 5, SEQUENCE { OCTET STRING 30 01 } }, filler.
        let all = [
            0x00, 0x00, 0x30, 0x09, 0x02, 0x01, 0x05, 0x30, 0x04, 0x04, 0x02, 0x30, 0x01, 0x00,
        ];
        let lengths = [2, 4, 7, 9].map(|at| element_at(&all, at));
        assert_eq!(lengths, [Some(11), Some(3), Some(6), Some(4)]);
        for inside in [0, 1, 3, 5, 6, 8, 10, 11, 12] {
            assert_eq!(element_at(&all, inside), None, "{inside}");
        }
        assert_eq!(element_at(&[0x30, 0x7F, 0x02], 0), None, "cut short");
        assert_eq!(element_at(&[0x30; 4000], 3999), None);
    }
}
