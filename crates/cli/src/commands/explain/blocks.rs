//! The blocks of a text in PEM, each explained: a chain of certificates is one text.

use std::fmt;

use kortlab_explain::Explanation;
use serde::Serialize;

use super::{Parts, Told, base64};
use crate::commands::problem::count;
use crate::output::{BOLD, WARNING};

/// So many blocks are explained at most; each has a tree of its own.
const MAX_BLOCKS: usize = 32;

/// The blocks of a text, in their order.
pub(super) struct Blocks {
    /// What the first ones hold.
    ders: Vec<Block>,
    /// How many more blocks there are.
    more: usize,
}

/// One that is explained.
struct Block {
    /// Which of all blocks, from 1.
    number: usize,
    der: Vec<u8>,
}

impl Blocks {
    /// Reads a text in PEM, with text around its blocks or not. `None` if it has no block, or none of
    /// base64.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (mut ders, mut more, mut rest) = (Vec::new(), 0, text);
        let mut number = 0;
        while let Some((body, behind)) = next(rest) {
            rest = behind;
            number += 1;
            match base64(body).filter(|_| ders.len() < MAX_BLOCKS) {
                Some(der) => ders.push(Block { number, der }),
                None => more += 1,
            }
        }
        (!ders.is_empty()).then_some(Self { ders, more })
    }
}

/// The body of the next block, and what stands behind it.
fn next(text: &str) -> Option<(&str, &str)> {
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (_, rest) = rest.split_once("-----")?;
    rest.split_once("-----END ")
}

/// What the blocks say.
#[derive(Serialize)]
pub(super) struct Explanations {
    /// As where there is but one.
    #[serde(flatten)]
    first: Explanation,
    /// The others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    more: Vec<Explanation>,
    /// How many blocks were not explained: beyond the limit, or no base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_explained: Option<usize>,
    #[serde(skip)]
    numbers: Vec<usize>,
}

impl Explanations {
    /// Explains each; there is at least one.
    pub(super) fn new(blocks: &Blocks, explain: impl Fn(&[u8]) -> Explanation) -> Self {
        let mut all = blocks.ders.iter().map(|block| explain(&block.der));
        Self {
            // Of no block there are no bytes.
            first: all.next().unwrap_or_else(|| explain(&[])),
            more: all.collect(),
            not_explained: Some(blocks.more).filter(|more| *more > 0),
            numbers: blocks.ders.iter().map(|block| block.number).collect(),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Explanation> {
        std::iter::once(&self.first).chain(&self.more)
    }
}

impl Told for Explanations {
    fn findings(&self) -> usize {
        let of_each = self.all().map(|one| count(&one.problems));
        of_each.chain(self.not_explained).sum()
    }
}

impl fmt::Display for Explanations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.numbers.len() + self.not_explained.unwrap_or_default();
        for (index, (explanation, number)) in self.all().zip(&self.numbers).enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            match total {
                1 => writeln!(f, "{BOLD}{}{BOLD:#}", explanation.what)?,
                _ => writeln!(
                    f,
                    "{BOLD}block {number} of {total}: {}{BOLD:#}",
                    explanation.what
                )?,
            }
            Parts(explanation).fmt(f)?;
        }
        match self.not_explained {
            None => Ok(()),
            Some(count) => writeln!(
                f,
                "\n{WARNING}not explained{WARNING:#}: {count} of the {total} blocks; at most \
                 {MAX_BLOCKS} are, and none whose body is not base64"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(body: &str) -> String {
        format!("text\n-----BEGIN X-----\n{body}\n-----END X-----\n")
    }

    #[test]
    fn every_block_is_read_and_those_beyond_the_limit_are_counted() {
        let text = [block("BQA="), block("Proc-Type: x"), block("BAEB")].concat();
        let blocks = Blocks::read(&text).expect("blocks");
        let read: Vec<_> = blocks
            .ders
            .iter()
            .map(|block| (block.number, block.der.as_slice()))
            .collect();
        assert_eq!(read, [(1, &[5, 0][..]), (3, &[4, 1, 1])]);
        assert_eq!(blocks.more, 1);
        let blocks = Blocks::read(&block("BQA=").repeat(1000)).expect("blocks");
        assert_eq!((blocks.ders.len(), blocks.more), (MAX_BLOCKS, 968));
        for none in [
            "",
            "text",
            &block("Proc-Type: x"),
            "-----BEGIN X-----\nBQA=",
        ] {
            assert!(Blocks::read(none).is_none(), "{none}");
        }
    }
}
