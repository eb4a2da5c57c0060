//! What a card answered (ISO/IEC 7816-4 §5.4): data, status word, and what the data hold.

use kortlab_apdu::{Command, Response, StatusWord, instruction};
use kortlab_card::Problem;
use serde::Serialize;

use crate::dump;
use crate::fcp::{self, File};
use crate::hexadecimal::{Hex, SpacedHex};
use crate::node::{Explanation, Lines, Node};
use crate::span::Span;
use crate::{status, tlv};

/// The longest value that is shown in full in a line of the tree; the whole answer is beside it.
const MAX_SHOWN: usize = 32;

/// One decoded answer.
#[derive(Clone, Debug, Serialize)]
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

/// A BER-TLV object in an answer.
#[derive(Clone, Debug, Serialize)]
pub struct Object {
    /// How many objects stand around it.
    pub depth: usize,
    /// Its tag.
    pub tag: String,
    /// Where it starts in the data.
    pub offset: usize,
    /// The length of its value.
    pub length: usize,
    /// The value, of primitive objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The value as a line shows it: its beginning, and as text if it is text.
    #[serde(skip)]
    pub text: String,
}

impl Answer {
    /// Decodes the response to a command.
    pub fn new(command: &Command, response: &Response) -> Self {
        let status = response.status();
        let data = response.data();
        let nodes = tlv::whole(data).unwrap_or_default();
        Self {
            data: Hex(data).to_string(),
            sw: status.to_string(),
            meaning: status.meaning_after(command.ins()),
            tlv: Lines::new(&nodes)
                .filter(|(_, node)| node.tag.is_some())
                .map(|(depth, node)| Object::new(depth, node, data))
                .collect(),
            file: (command.ins() == instruction::SELECT)
                .then(|| File::new(data))
                .flatten(),
            bytes: data.to_vec(),
            status,
        }
    }

    /// The status word.
    pub const fn status(&self) -> StatusWord {
        self.status
    }

    /// What the status word means.
    pub fn meaning(&self) -> &str {
        &self.meaning
    }

    /// The data.
    pub fn data(&self) -> &[u8] {
        &self.bytes
    }

    /// What the answer to SELECT says of the file.
    pub const fn file(&self) -> Option<&File> {
        self.file.as_ref()
    }

    /// The objects in the data, if it is nothing but BER-TLV.
    pub fn objects(&self) -> &[Object] {
        &self.tlv
    }
}

impl Object {
    fn new(depth: usize, node: &Node, all: &[u8]) -> Self {
        let value = node.content().of(all);
        Self {
            depth,
            tag: node.name.clone(),
            offset: node.span.offset,
            length: value.len(),
            value: node.value.clone(),
            text: match &node.value {
                Some(_) => shown(node, value),
                None => String::new(),
            },
        }
    }
}

/// What an answer says: data and status word. `command` is what it answers, if that is known: the
/// same data mean one thing behind SELECT and another behind READ BINARY. Where it is not, data that begin
/// as SELECT's do are taken for such.
pub fn explain(command: Option<&Command>, bytes: &[u8]) -> Explanation {
    let response = match Response::parse(bytes) {
        Ok(response) => response,
        Err(error) => {
            let problem = Problem::of_bytes("answer", error).hint(
                "an answer ends with two bytes, the status word: what is in between lost them, or \
                 the card does",
            );
            return Explanation {
                what: "answer",
                nodes: not_decoded(bytes, "an answer has at least two bytes"),
                problems: vec![problem],
            };
        }
    };
    let data = response.data();
    let is_select = match command {
        Some(command) => command.ins() == instruction::SELECT,
        None => fcp::is_alone(data) || fcp::is_nearly_alone(data),
    };
    let (mut nodes, problems) = match is_select && fcp::is_template(data) {
        true => {
            let file = fcp::explain(data);
            (file.nodes, file.problems)
        }
        false => match tlv::whole(data) {
            Some(nodes) => (nodes, Vec::new()),
            None => (not_decoded(data, "data that are no BER-TLV"), Vec::new()),
        },
    };
    nodes.push(status::node(response.status(), data.len(), bytes));
    Explanation {
        what: "answer",
        nodes,
        problems,
    }
}

fn not_decoded(bytes: &[u8], why: &str) -> Vec<Node> {
    let span = Span::new(0, bytes.len());
    let node = (!bytes.is_empty()).then(|| Node::new("data", span, bytes).meaning(why));
    node.into_iter().collect()
}

fn shown(node: &Node, value: &[u8]) -> String {
    if value.is_empty() {
        return String::new();
    }
    if let Some(text) = dump::filler(value).filter(|_| value.len() > dump::BYTES_A_ROW) {
        return format!(": {text}");
    }
    let start = value.get(..MAX_SHOWN).unwrap_or(value);
    let more = if start.len() < value.len() {
        " …"
    } else {
        ""
    };
    // UTF8String, PrintableString, GeneralizedTime.
    let is_text = [0x0C, 0x13, 0x18].into_iter().any(|tag| node.is(tag))
        || (value.len() > 3 && value.iter().all(|byte| (0x20..0x7F).contains(byte)));
    let text = if is_text {
        format!("  {}", dump::ascii(start))
    } else {
        String::new()
    };
    format!(": {}{more}{text}", SpacedHex(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kortlab_apdu::tlv::object;

    fn answer(data: &[u8]) -> Answer {
        let read = Command::new(instruction::READ_BINARY, 0, 0);
        Answer::new(&read, &Response::success(data))
    }

    #[test]
    fn long_filler_in_an_object_is_folded_and_objects_say_where_they_start() {
        let text = |value: &[u8]| {
            let data = [object(0x30, &[]), object(0x04, value)].concat();
            let answer = answer(&data);
            let object = &answer.objects()[1];
            assert_eq!(
                (object.depth, object.offset, object.length),
                (0, 2, value.len())
            );
            object.text.clone()
        };
        assert_eq!(text(&[0x00; 40]), ": 00, 40 times");
        assert_eq!(text(&[0xFF; 2]), ": FF FF");
        assert_eq!(text(b"abcd"), ": 61 62 63 64  abcd");
    }

    #[test]
    fn an_answer_without_a_status_word_is_none_and_nothing_of_it_is_lost() {
        let explained = explain(None, &[0x90]);
        assert_eq!(explained.problems[0].code(), "truncated");
        assert_eq!(explained.nodes[0].value.as_deref(), Some("90"));
        let explained = explain(None, &[0x01, 0x02, 0x03, 0x69, 0x82]);
        assert_eq!(
            explained.nodes[0].meaning.as_deref(),
            Some("data that are no BER-TLV")
        );
        assert_eq!(explained.nodes[1].span, Span::new(3, 2));
    }

    #[test]
    fn what_select_says_is_a_file_behind_select_or_what_is_not_known() {
        let bytes = [0x62, 0x04, 0x83, 0x02, 0x2F, 0x00, 0x90, 0x00];
        let select = Command::new(instruction::SELECT, 0, 0);
        let file = explain(Some(&select), &bytes);
        assert_eq!(file.nodes[0].parts[0].name, "file identifier");
        assert_eq!(explain(None, &bytes).nodes, file.nodes);
        for length in [0x02, 0x03, 0x05, 0x06] {
            let wrong = [0x62, length, 0x83, 0x02, 0x2F, 0x00, 0x90, 0x00];
            let explained = explain(None, &wrong);
            assert!(!explained.problems.is_empty(), "{length}: {explained}");
            assert_eq!(
                explained.nodes.last().map(|node| &*node.name),
                Some("status word")
            );
        }
        let read = Command::new(instruction::READ_BINARY, 0, 0);
        let data = explain(Some(&read), &bytes);
        assert_eq!(data.nodes[0].parts[0].name, "83");
    }
}
