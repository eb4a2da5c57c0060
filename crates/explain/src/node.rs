//! The tree that everything is explained by: [`Node`], in an [`Explanation`].

mod lines;

pub use lines::Lines;

use core::fmt;
use core::ops::Range;

use kortlab_apdu::private_key;
use kortlab_apdu::tlv::{DEFAULT_DEPTH, Tag};
use kortlab_card::Problem;
use serde::{Serialize, Serializer};

use crate::hexadecimal::{Hex, SpacedHex};
use crate::printable;
use crate::span::Span;

/// The most nodes of one explanation. What there is beyond is one node that says so.
pub const MAX_NODES: usize = 20_000;

/// The most levels of nodes below the first. What nests deeper is shown as it stands, and told.
pub const MAX_DEPTH: usize = DEFAULT_DEPTH;

/// The name of bytes that nothing is known of.
pub const NOT_DECODED: &str = "not decoded";

/// What is said of bytes with a private key in them.
const SECRET: &str = "a private key, whose bytes are not shown here";

/// The most bytes of a value that a line of text shows.
const MAX_SHOWN: usize = 32;

/// Some bytes and what they say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Node {
    /// What they are: `TA1`, `file identifier`, `subject`.
    pub name: String,
    /// The tag, if they are a data object.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "tag_as_text"
    )]
    pub tag: Option<Tag>,
    /// Where they are, tag and length included.
    #[serde(flatten)]
    pub span: Span,
    /// How many of them are tag and length.
    #[serde(skip)]
    pub header: usize,
    /// The value in hexadecimal, of what has no parts. `None` also of what may be a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What they mean, if that is known. Text from the bytes is made safe for a terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meaning: Option<String>,
    /// What they consist of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Node>,
}

fn tag_as_text<S: Serializer>(tag: &Option<Tag>, serializer: S) -> Result<S::Ok, S::Error> {
    match tag {
        Some(tag) => serializer.collect_str(tag),
        None => serializer.serialize_none(),
    }
}

impl Node {
    /// The bytes `span` of `all`, with their value; without it if there is a private key in them, which is
    /// said.
    pub fn new(name: impl Into<String>, span: Span, all: &[u8]) -> Self {
        let mut node = Self::without_value(name, span);
        node.show(span, all);
        node
    }

    /// Gives it these bytes as its value, unless there is a private key in them.
    pub(crate) fn show(&mut self, value: Span, all: &[u8]) {
        let bytes = value.of(all);
        match private_key::is_in(bytes) {
            true => self.meaning = Some(SECRET.to_owned()),
            false => self.value = Some(Hex(bytes).to_string()),
        }
    }

    /// The same, without their value: they have parts, or are a secret.
    pub fn without_value(name: impl Into<String>, span: Span) -> Self {
        Self {
            name: name.into(),
            tag: None,
            span,
            header: 0,
            value: None,
            meaning: None,
            parts: Vec::new(),
        }
    }

    /// Bytes that nothing is known of, and why.
    pub(crate) fn not_decoded(span: Span, all: &[u8], why: &str) -> Self {
        Self::new(NOT_DECODED, span, all).meaning(why)
    }

    /// The same, meaning this.
    #[must_use]
    pub fn meaning(mut self, meaning: impl AsRef<str>) -> Self {
        let meaning = printable(meaning.as_ref());
        self.meaning = Some(match self.meaning.as_deref() {
            Some(SECRET) => format!("{meaning}: {SECRET}"),
            _ => meaning.into_owned(),
        });
        self
    }

    /// The same, meaning this if anything.
    #[must_use]
    pub(crate) fn maybe(self, meaning: Option<impl AsRef<str>>) -> Self {
        match meaning {
            Some(meaning) => self.meaning(meaning),
            None => self,
        }
    }

    /// The same, consisting of these.
    #[must_use]
    pub fn with_parts(mut self, parts: Vec<Self>) -> Self {
        self.parts = parts;
        self
    }

    /// Where its value is: without tag and length.
    pub const fn content(&self) -> Span {
        Span::new(
            self.span.offset.saturating_add(self.header),
            self.span.length.saturating_sub(self.header),
        )
    }

    /// Whether it has this tag.
    pub(crate) fn is(&self, tag: u32) -> bool {
        self.tag.is_some_and(|own| own.value() == tag)
    }

    /// Calls it `name`.
    pub(crate) fn rename(&mut self, name: impl Into<String>) {
        self.name = name.into();
    }

    /// Says what it means.
    pub(crate) fn mean(&mut self, meaning: impl AsRef<str>) {
        self.meaning = Some(printable(meaning.as_ref()).into_owned());
    }
}

impl fmt::Display for Node {
    /// One line, without its parts: `83 file identifier: 43 31`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(tag) = self.tag.filter(|tag| tag.to_string() != self.name) {
            write!(f, "{tag} ")?;
        }
        f.write_str(&self.name)?;
        if let Some(value) = self.value.as_deref().filter(|value| !value.is_empty()) {
            let bytes = hex::decode(value).unwrap_or_default();
            let start = bytes.get(..MAX_SHOWN).unwrap_or(&bytes);
            let more = if start.len() < bytes.len() {
                " …"
            } else {
                ""
            };
            write!(f, ": {}{more}", SpacedHex(start))?;
        }
        match &self.meaning {
            Some(meaning) => write!(f, " ({meaning})"),
            None => Ok(()),
        }
    }
}

/// What some bytes say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// What they are: `answer to reset`, `certificate`.
    pub what: &'static str,
    /// Their parts, in order: each begins where the one before ends.
    pub nodes: Vec<Node>,
    /// What is wrong with them, in the order of their bytes.
    pub problems: Vec<Problem>,
}

impl Explanation {
    /// Whether everything was decoded, and nothing is wrong. It says nothing of what bytes cannot
    /// tell: whether a certificate is revoked, or a card is the one it says it is.
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty() && self.lines().all(|(_, node)| node.name != NOT_DECODED)
    }

    /// Every node with its depth, parents before their parts.
    pub fn lines(&self) -> Lines<'_> {
        Lines::new(&self.nodes)
    }

    /// Shows nothing of these places, in which there are private keys.
    pub(crate) fn hide(&mut self, places: &[Range<usize>]) {
        if !places.is_empty() {
            hide(&mut self.nodes, places);
        }
    }

    /// Puts the problems in the order of the bytes.
    pub(crate) fn settled(mut self) -> Self {
        self.problems.sort_by_key(Problem::offset);
        self
    }
}

/// Recursive as deep as nodes nest.
fn hide(nodes: &mut [Node], places: &[Range<usize>]) {
    for node in nodes {
        let content = node.content();
        let behind = places.partition_point(|place| place.end <= content.offset);
        let meets = |place: &Range<usize>| place.start < content.end();
        if node.value.is_some() && places.get(behind).is_some_and(meets) {
            node.value = None;
            node.meaning = Some(SECRET.to_owned());
        }
        hide(&mut node.parts, places);
    }
}

impl fmt::Display for Explanation {
    /// A line a node, with its offset and indented by its depth; then a line a problem.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.what)?;
        for (depth, node) in self.lines() {
            let indent = 2 * depth;
            writeln!(f, "  {:04X}  {:indent$}{node}", node.span.offset, "")?;
        }
        for problem in &self.problems {
            writeln!(f, "{}", printable(&problem.to_string()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_tag_name_value_and_meaning_and_text_from_bytes_is_safe() {
        let bytes = [0x83, 0x02, 0x43, 0x31];
        let mut node = Node::new("file identifier", Span::new(2, 2), &bytes);
        node.tag = Some(Tag::new(0x83));
        assert_eq!(node.to_string(), "83 file identifier: 43 31");
        let evil = Node::new("label", Span::new(0, 0), &[]).meaning("a\u{1b}[2Jb");
        assert_eq!(evil.to_string(), "label (a\\u{1b}[2Jb)");
    }

    #[test]
    fn a_span_outside_the_bytes_is_no_bytes() {
        let node = Node::new("x", Span::new(usize::MAX, 5), &[1, 2]);
        assert_eq!(node.value.as_deref(), Some(""));
        assert_eq!(Span::new(1, 1).of(&[1, 2]), [2]);
    }
}
