//! The blocks of a text in PEM, each explained: a chain of certificates is one text.

use std::fmt;

use kortlab_explain::{Explanation, certificate};
use kortlab_issuer::encoded::{PemBlock, Unusable, pem_blocks};
use serde::Serialize;

use super::{Parts, Told};
use crate::commands::problem::count;
use crate::output::{BOLD, WARNING};

/// So many blocks are explained at most; each has a tree of its own.
const MAX_BLOCKS: usize = 32;

/// The blocks of a text, in their order.
pub(super) struct Blocks {
    first: Vec<PemBlock>,
    /// How many more blocks there are.
    more: usize,
}

impl Blocks {
    /// Reads a text in PEM, with text around its blocks or not. `None` if no block begins in it.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (first, more) = pem_blocks(text, MAX_BLOCKS);
        (!first.is_empty()).then_some(Self { first, more })
    }

    /// Why none of them can be read, if that is so: what is wrong with the first.
    pub(super) fn trouble(&self) -> Option<&Unusable> {
        let mut errors = self.first.iter().map(|block| block.content.as_ref().err());
        let first = errors.next()??;
        errors.all(|error| error.is_some()).then_some(first)
    }
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
    /// How many blocks were not explained: beyond the limit, or damaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_explained: Option<usize>,
    /// The damaged ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    damaged: Vec<Damaged>,
    #[serde(skip)]
    numbers: Vec<usize>,
    #[serde(skip)]
    beyond: usize,
}

/// A block that cannot be read.
#[derive(Serialize)]
struct Damaged {
    /// Which of all blocks, from 1.
    block: usize,
    message: String,
    next_step: String,
}

impl Explanations {
    /// Explains each that can be read; there is at least one. Of what is called a private key nothing is
    /// shown, whatever its bytes have become.
    pub(super) fn new(blocks: &Blocks, explain: impl Fn(&[u8]) -> Explanation) -> Self {
        let (mut all, mut numbers, mut damaged) = (Vec::new(), Vec::new(), Vec::new());
        for (number, block) in (1..).zip(&blocks.first) {
            match &block.content {
                Ok(der) => {
                    numbers.push(number);
                    all.push(match block.is_private_key() {
                        true => certificate::private_key(der.len()),
                        false => explain(der),
                    });
                }
                Err(error) => damaged.push(Damaged {
                    block: number,
                    message: error.to_string(),
                    next_step: error.next_step().to_owned(),
                }),
            }
        }
        let mut all = all.into_iter();
        Self {
            // Of no block there are no bytes.
            first: all.next().unwrap_or_else(|| explain(&[])),
            more: all.collect(),
            not_explained: Some(blocks.more + damaged.len()).filter(|count| *count > 0),
            damaged,
            numbers,
            beyond: blocks.more,
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
        if self.not_explained.is_some() {
            writeln!(f)?;
        }
        for Damaged {
            message, next_step, ..
        } in &self.damaged
        {
            writeln!(f, "{WARNING}not explained{WARNING:#}: {message}")?;
            writeln!(f, "  next: {next_step}")?;
        }
        match self.beyond {
            0 => Ok(()),
            count => writeln!(
                f,
                "{WARNING}not explained{WARNING:#}: {count} of the {total} blocks; at most \
                 {MAX_BLOCKS} are"
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
            .first
            .iter()
            .map(|block| block.content.as_deref().ok())
            .collect();
        assert_eq!(read, [Some(&[5, 0][..]), None, Some(&[4, 1, 1])]);
        assert!(blocks.trouble().is_none());
        let blocks = Blocks::read(&block("BQA=").repeat(1000)).expect("blocks");
        assert_eq!((blocks.first.len(), blocks.more), (MAX_BLOCKS, 968));
        for none in ["", "text", "-----END X-----"] {
            assert!(Blocks::read(none).is_none(), "{none}");
        }
        for (damaged, why) in [
            (block("Proc-Type: x"), "on line 2 is not base64"),
            (block(""), "on line 2 is empty"),
            (
                block("Proc-Type: 4,ENCRYPTED\n\nBAEB"),
                "on line 2 is encrypted",
            ),
            (
                "-----BEGIN X-----\nBQA=".to_owned(),
                "on line 1 does not end",
            ),
            (
                block("AAAA\n=AAAA").replace(" X-", " PGP MESSAGE-"),
                "on line 2 is of OpenPGP",
            ),
        ] {
            let blocks = Blocks::read(&damaged).expect("a block");
            let trouble = blocks.trouble().expect("a damaged block").to_string();
            assert!(trouble.ends_with(why) || trouble.contains(why), "{trouble}");
        }
    }
}
