//! What a card answered, decoded: status word, TLV, file control parameters.

use std::fmt;

use anstyle::Style;
use kortlab_apdu::fcp::{Fcp, FileDescriptor};
use kortlab_apdu::tlv::{DEFAULT_DEPTH, Tag, Visit, walk};
use kortlab_apdu::{Command, Response, StatusWord, instruction};
use serde::Serialize;

use crate::output::{DIM, Hex, SpacedHex};

/// The longest value that is shown in full in the tree; the whole answer is above it.
const MAX_SHOWN: usize = 32;
/// How many bytes are shown a line.
const BYTES_A_LINE: usize = 16;

/// One decoded answer.
#[derive(Serialize)]
pub struct Answer {
    data: String,
    sw: String,
    meaning: String,
    /// The data as BER-TLV objects, if it is nothing but those; each with its depth.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tlv: Vec<Object>,
    /// What the answer to SELECT says of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<File>,
    #[serde(skip)]
    bytes: Vec<u8>,
    #[serde(skip)]
    status: StatusWord,
}

#[derive(Serialize)]
struct Object {
    depth: usize,
    tag: String,
    length: usize,
    /// The value, of primitive objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip)]
    text: String,
}

#[derive(Serialize)]
struct File {
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<String>,
}

impl Answer {
    /// Decodes the response to a command.
    pub fn new(command: &Command, response: &Response) -> Self {
        let status = response.status();
        Self {
            data: Hex(response.data()).to_string(),
            sw: status.to_string(),
            meaning: status.meaning(),
            tlv: objects(response.data()).unwrap_or_default(),
            file: (command.ins() == instruction::SELECT)
                .then(|| File::new(response.data()))
                .flatten(),
            bytes: response.data().to_vec(),
            status,
        }
    }

    /// The status word.
    pub const fn status(&self) -> StatusWord {
        self.status
    }

    /// Writes the answer as text, its status word in `style`.
    pub fn write(&self, f: &mut fmt::Formatter<'_>, style: Style) -> fmt::Result {
        for (row, bytes) in self.bytes.chunks(BYTES_A_LINE).enumerate() {
            let offset = row * BYTES_A_LINE;
            let width = BYTES_A_LINE * 3;
            let hex = SpacedHex(bytes).to_string();
            writeln!(
                f,
                "  {DIM}{offset:04X}{DIM:#}  {hex:width$} {}",
                ascii(bytes)
            )?;
        }
        writeln!(f, "<- {style}{}{style:#}  {}", self.sw, self.meaning)?;
        if let Some(file) = &self.file {
            writeln!(f, "  {file}")?;
            for finding in &file.findings {
                writeln!(f, "  finding: {finding}")?;
            }
        }
        for object in &self.tlv {
            let indent = 2 + 2 * object.depth;
            let Object {
                tag, length, text, ..
            } = object;
            writeln!(f, "{:indent$}{tag} ({length}){text}", "")?;
        }
        Ok(())
    }
}

impl File {
    fn new(answer: &[u8]) -> Option<Self> {
        let parsed = Fcp::parse(answer).ok()?;
        let fcp = parsed.value;
        Some(Self {
            kind: fcp.descriptor.as_ref().map(kind),
            id: fcp.file_id.map(|id| format!("{id:04X}")),
            size: fcp.size(),
            df_names: fcp
                .df_names
                .iter()
                .map(|name| Hex(name).to_string())
                .collect(),
            life_cycle: fcp.life_cycle().map(|state| state.to_string()),
            access_conditions: fcp.security.as_deref().map(|bytes| Hex(bytes).to_string()),
            findings: parsed.findings.iter().map(ToString::to_string).collect(),
        })
    }
}

fn kind(descriptor: &FileDescriptor) -> String {
    let shareable = if descriptor.is_shareable() {
        ", shareable"
    } else {
        ""
    };
    format!("{}{shareable}", descriptor.kind())
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
            self.size.map(|size| format!("{size} bytes")),
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

/// The objects of a value that is BER-TLV from its first byte to its last, and not just by chance:
/// a tag of 00 or FF is filler, and bytes that parse as one empty object are not worth a tree.
fn objects(data: &[u8]) -> Option<Vec<Object>> {
    if matches!(data.first(), None | Some(0x00 | 0xFF)) {
        return None;
    }
    let objects: Vec<_> = walk(data, DEFAULT_DEPTH)
        .map(|visit| visit.map(|visit| Object::new(&visit)))
        .collect::<Result<_, _>>()
        .ok()?;
    (data.len() > 2).then_some(objects)
}

impl Object {
    fn new(visit: &Visit<'_>) -> Self {
        let object = &visit.object;
        let primitive = !object.tag.is_constructed();
        Self {
            depth: visit.depth,
            tag: object.tag.to_string(),
            length: object.value.len(),
            value: primitive.then(|| Hex(object.value).to_string()),
            text: if primitive {
                shown(object.tag, object.value)
            } else {
                String::new()
            },
        }
    }
}

fn shown(tag: Tag, value: &[u8]) -> String {
    if value.is_empty() {
        return String::new();
    }
    let start = value.get(..MAX_SHOWN).unwrap_or(value);
    let more = if start.len() < value.len() {
        " …"
    } else {
        ""
    };
    let is_text = matches!(
        tag,
        Tag::UTF8_STRING | Tag::PRINTABLE_STRING | Tag::GENERALIZED_TIME
    ) || (value.len() > 3 && value.iter().all(|byte| (0x20..0x7F).contains(byte)));
    let text = if is_text {
        format!("  {}", ascii(start))
    } else {
        String::new()
    };
    format!(": {}{more}{text}", SpacedHex(start))
}

/// Printable ASCII, everything else as dots: nothing from a card reaches the terminal as it is.
fn ascii(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|&byte| {
            if (0x20..0x7F).contains(&byte) {
                char::from(byte)
            } else {
                '.'
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_tlv_throughout_gets_a_tree() {
        let tree = objects(&[0x6F, 0x04, 0x84, 0x02, 0xAA, 0xBB]).expect("a tree");
        assert_eq!(tree.len(), 2);
        assert_eq!((tree[1].depth, tree[1].value.as_deref()), (1, Some("AABB")));
        for data in [
            &[][..],
            &[0x00, 0x00, 0x00],
            &[0x30, 0x05, 0x01],
            &[0x04, 0x00],
        ] {
            assert!(objects(data).is_none(), "{data:02X?}");
        }
    }
}
