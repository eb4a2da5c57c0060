//! Something wrong with a card: [`Finding`].

use kortlab_apdu::tlv::read_one;
use kortlab_card::Problem;
use kortlab_explain::Span;

use crate::evidence::Evidence;
use crate::rules::Rule;

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
            let all = evidence.bytes_of(&problem)?;
            let rest = all.get(offset..).filter(|rest| !rest.is_empty())?;
            // The element that begins there, or where none does, one byte.
            let length = read_one(rest).map_or(1, |element| element.raw.len());
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
        let of_code = move |trip: &&(&str, &str)| trip.0 == code;
        self.rule.trips.iter().filter(of_code).map(|trip| trip.1)
    }
}

impl Marked {
    /// The bytes at fault.
    pub fn marked(&self) -> &[u8] {
        self.span.of(&self.all)
    }
}
