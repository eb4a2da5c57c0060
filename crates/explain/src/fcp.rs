//! What a card says of a file (FCP, FCI, FMD; ISO/IEC 7816-4 §7.4).

use core::fmt;

use kortlab_apdu::ByteCount;
use kortlab_apdu::fcp::{Fcp, FileDescriptor};
use kortlab_apdu::tlv::{Filler, Tag, read_one};
use kortlab_card::Problem;
use serde::Serialize;

use crate::hexadecimal::Hex;
use crate::node::{Explanation, Node};
use crate::tlv;

/// What whoever sees such a problem can do.
const NEXT: &str = "the card's answer is at fault, not the command: programs may read another size \
                    or kind of file from it; tell whoever made the card";

/// What the answer to SELECT says of the file, in a few words.
#[derive(Clone, Debug, Serialize)]
pub struct File {
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    df_names: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    life_cycle: Option<String>,
    /// Tag 86, in the card's own coding.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_conditions: Option<String>,
    /// What is wrong with the answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<Problem>,
}

impl File {
    /// What `answer` says; `None` if it is none of the templates that say something of a file.
    pub fn new(answer: &[u8]) -> Option<Self> {
        let parsed = Fcp::parse(answer).ok()?;
        let fcp = parsed.value;
        Some(Self {
            kind: fcp.descriptor.as_ref().map(kind),
            id: fcp.file_id.map(|id| id.to_string()),
            size: fcp.size(),
            df_names: fcp
                .df_names
                .iter()
                .map(|name| Hex(name).to_string())
                .collect(),
            life_cycle: fcp.life_cycle().map(|state| state.to_string()),
            access_conditions: fcp.security.as_deref().map(|bytes| Hex(bytes).to_string()),
            findings: parsed.findings.into_iter().map(problem).collect(),
        })
    }

    /// What is wrong with the answer.
    pub fn findings(&self) -> &[Problem] {
        &self.findings
    }
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self
            .df_names
            .iter()
            .map(|name| format!("name {name}"))
            .collect();
        let parts = [
            self.id.as_ref().map(|id| format!("file {id}")),
            self.kind.clone(),
            self.size.map(|size| ByteCount(size).to_string()),
            (!names.is_empty()).then(|| names.join(", ")),
            self.life_cycle.clone(),
            self.access_conditions
                .as_ref()
                .map(|conditions| format!("access conditions {conditions}")),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        f.write_str(&parts.join(", "))
    }
}

/// What the template says, object by object.
pub fn explain(bytes: &[u8]) -> Explanation {
    let (mut nodes, errors) = tlv::tree(bytes, Filler::Skip);
    for node in &mut nodes {
        name(node, bytes);
    }
    let mut problems: Vec<_> = match Fcp::parse(bytes) {
        Ok(parsed) => parsed.findings.into_iter().map(problem).collect(),
        Err(error) => vec![problem(error)],
    };
    // Where the parameters themselves are read, the tree finds what they find; it goes further into
    // what is kept as it is.
    for error in errors {
        let found = problem(error);
        if !problems
            .iter()
            .any(|known| known.offset() == found.offset())
        {
            problems.push(found);
        }
    }
    Explanation {
        what: "file control information",
        nodes,
        problems,
    }
    .settled()
}

/// Whether these bytes are one template, and behind it at most filler.
pub(crate) fn is_alone(bytes: &[u8]) -> bool {
    let filler = |byte: &u8| matches!(byte, 0x00 | 0xFF);
    is_template(bytes)
        && read_one(bytes).is_ok_and(|template| {
            let behind = bytes.get(template.raw.len()..).unwrap_or_default();
            behind.iter().all(filler)
        })
}

/// Whether these bytes are a template whose length is wrong by a few: more than chance makes of other data.
pub(crate) fn is_nearly_alone(bytes: &[u8]) -> bool {
    const FEW: usize = 4;
    let length = match bytes {
        [0x62 | 0x64 | 0x6F, length @ ..=0x7F, ..] => usize::from(*length) + 2,
        [0x62 | 0x64 | 0x6F, 0x81, length, ..] => usize::from(*length) + 3,
        _ => return false,
    };
    length.abs_diff(bytes.len()) <= FEW
}

/// Whether these bytes begin as a template does that says something of a file.
pub(crate) fn is_template(bytes: &[u8]) -> bool {
    Tag::parse(bytes).is_ok_and(|(tag, _)| matches!(tag.value(), 0x62 | 0x64 | 0x6F))
}

fn problem(error: kortlab_apdu::Error) -> Problem {
    Problem::of_bytes("answer", error).hint(NEXT)
}

fn kind(descriptor: &FileDescriptor) -> String {
    let shareable = if descriptor.is_shareable() {
        ", shareable"
    } else {
        ""
    };
    format!("{}{shareable}", descriptor.kind())
}

/// Names a template and the objects in it (table 10), down to an FCP inside an FCI.
fn name(node: &mut Node, all: &[u8]) {
    let template = match node.tag.map(Tag::value) {
        Some(0x62) => "file control parameters",
        Some(0x64) => "file management data",
        Some(0x6F) => "file control information",
        _ => return parameter(node, all),
    };
    node.rename(template);
    for part in &mut node.parts {
        if part.is(0x62) || part.is(0x64) {
            part.rename(match part.is(0x62) {
                true => "file control parameters",
                false => "file management data",
            });
            for inner in &mut part.parts {
                parameter(inner, all);
            }
        } else {
            parameter(part, all);
        }
    }
}

fn parameter(node: &mut Node, all: &[u8]) {
    let value = node.content().of(all);
    let (name, meaning) = match node.tag.map(Tag::value) {
        Some(0x80) => ("data bytes in the file", number(value)),
        Some(0x81) => ("data bytes with structural information", number(value)),
        Some(0x82) => (
            "file descriptor",
            FileDescriptor::from_bytes(value).as_ref().map(kind),
        ),
        Some(0x83) => ("file identifier", None),
        Some(0x84) => ("DF name", None),
        Some(0x85) => ("proprietary information", None),
        Some(0x86) => ("security attribute in the card's own coding", None),
        Some(0x87) => ("file identifier of the FCI extension", None),
        Some(0x88) => match value {
            [] => ("short EF identifier", Some("it has none".to_owned())),
            [byte] => ("short EF identifier", Some(format!("{:02X}", byte >> 3))),
            _ => ("short EF identifier", None),
        },
        Some(0x8A) => {
            let state = match value {
                [state] => Some(kortlab_apdu::LifeCycle::from_byte(*state).to_string()),
                _ => None,
            };
            ("life cycle status", state)
        }
        Some(0x8B | 0xAB) => ("security attribute in expanded coding", None),
        Some(0x8C) => ("security attribute in compact coding", None),
        Some(0xA5) => ("proprietary information in BER-TLV", None),
        _ => return,
    };
    node.rename(name);
    node.meaning = meaning;
}

fn number(value: &[u8]) -> Option<String> {
    let number = value.iter().try_fold(0_u64, |number, byte| {
        Some(number.checked_mul(256)? | u64::from(*byte))
    })?;
    (!value.is_empty()).then(|| number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_parameter_has_its_name_its_meaning_and_its_place() {
        let bytes = [
            0x6F, 0x11, 0x62, 0x0F, 0x80, 0x02, 0x01, 0x00, 0x82, 0x01, 0x01, 0x83, 0x02, 0x43,
            0x31, 0x8A, 0x01, 0x05, 0x88,
        ];
        let explained = explain(&bytes);
        let parameters = &explained.nodes[0].parts[0].parts;
        let found: Vec<_> = parameters
            .iter()
            .map(|node| {
                (
                    node.name.as_str(),
                    node.span.offset,
                    node.meaning.as_deref(),
                )
            })
            .collect();
        assert_eq!(found[0], ("data bytes in the file", 4, Some("256")));
        assert_eq!(found[1].0, "file descriptor");
        assert_eq!(found[2], ("file identifier", 11, None));
        assert_eq!(found[3].0, "life cycle status");
        // A byte behind the template.
        assert!(!explained.is_clean());
        assert!(
            explained
                .problems
                .iter()
                .all(|problem| problem.offset() >= Some(18))
        );
    }

    #[test]
    fn what_is_no_template_is_told_and_shown() {
        let explained = explain(&[0x30, 0x00]);
        assert_eq!(explained.problems[0].code(), "bad-value");
        assert_eq!(explained.nodes[0].span.length, 2);
        assert!(File::new(&[0x30, 0x00]).is_none());
    }
}
