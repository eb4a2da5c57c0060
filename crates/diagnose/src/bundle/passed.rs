//! What was read in a trace, file by file and object by object: [`read`].

use kortlab_apdu::instruction;
use serde_json::{Value, json};

/// What the answers since the last command are of.
enum Of {
    File(String),
    Object(String),
}

/// The files, data objects and names of applications in a trace, as a card image has them: what is about a
/// person in EF.GDO or in an object of PIV is known by where it stands.
pub(super) fn read(trace: &str) -> Value {
    let reading = kortlab_trace::read(trace.as_bytes());
    let mut passed = Passed::default();
    for exchange in reading.exchanges() {
        let Some([_, ins, p1, p2, rest @ ..]) = exchange.command.bytes() else {
            continue;
        };
        let answer = match exchange.answer {
            Some(Ok([data @ .., _, _])) => data,
            _ => &[],
        };
        passed.step(*ins, [*p1, *p2], body(rest), answer);
    }
    passed.end();
    Value::Array(passed.found)
}

/// What was read so far.
#[derive(Default)]
struct Passed {
    found: Vec<Value>,
    /// The file that is selected.
    selected: Option<String>,
    /// What is being read, and what came of it.
    open: Option<(Of, Vec<u8>)>,
}

impl Passed {
    fn step(&mut self, ins: u8, place: [u8; 2], body: &[u8], answer: &[u8]) {
        match (ins, place) {
            (instruction::SELECT, [0x04, _]) => {
                self.end();
                let name = hex::encode_upper(body);
                self.found.push(json!({ "name": name }));
                self.selected = None;
            }
            (instruction::SELECT, _) => {
                self.end();
                self.selected = body.last_chunk::<2>().map(hex::encode_upper);
            }
            (instruction::READ_BINARY, [0x00..0x80, _]) => {
                // Pieces of one file follow each other.
                let is_next = place != [0, 0] && matches!(self.open, Some((Of::File(_), _)));
                if !is_next {
                    self.end();
                    let of = self.selected.clone().map(Of::File);
                    self.open = of.map(|of| (of, Vec::new()));
                }
                self.more(answer);
            }
            (instruction::GET_DATA, _) => {
                self.end();
                let tag = hex::encode_upper(place);
                let tag = tag.strip_prefix("00").unwrap_or(&tag).to_owned();
                self.open = Some((Of::Object(tag), answer.to_vec()));
            }
            (instruction::GET_DATA_ODD, _) => {
                self.end();
                if let [0x5C, _, tag @ ..] = body {
                    let of = Of::Object(hex::encode_upper(tag));
                    self.open = Some((of, answer.to_vec()));
                }
            }
            (instruction::GET_RESPONSE, _) => self.more(answer),
            _ => self.end(),
        }
    }

    fn more(&mut self, answer: &[u8]) {
        if let Some((_, content)) = &mut self.open {
            content.extend_from_slice(answer);
        }
    }

    fn end(&mut self) {
        self.found.extend(self.open.take().map(told));
    }
}

fn told((of, content): (Of, Vec<u8>)) -> Value {
    let content = hex::encode_upper(content);
    match of {
        Of::File(fid) => json!({ "fid": fid, "data": content }),
        Of::Object(tag) => json!({ "tag": tag, "value": content }),
    }
}

/// The data of a command, behind its length, short or extended.
fn body(rest: &[u8]) -> &[u8] {
    match rest {
        [0x00, high, low, data @ ..] if !data.is_empty() => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            data.get(..length).unwrap_or(data)
        }
        [length, data @ ..] => data.get(..usize::from(*length)).unwrap_or(data),
        [] => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_of_the_file_or_the_object_that_was_asked_for() {
        let trace = "00A4000C022FE2\n# Received in 0.1 ms: 9000\n\
                     00B0000004\n# Received in 0.1 ms: 010203049000\n\
                     00B0000404\n# Received in 0.1 ms: 056102\n00C0000002\n# Received in 0.1 ms: 06079000\n\
                     00CA005E00\n# Received in 0.1 ms: 416E6E619000\n\
                     00A4040005A000000063\n# Received in 0.1 ms: 9000\n";
        let expected = json!([
            { "fid": "2FE2", "data": "01020304050607" },
            { "tag": "5E", "value": "416E6E61" },
            { "name": "A000000063" },
        ]);
        assert_eq!(read(trace), expected);
        assert_eq!(read(""), json!([]));
    }
}
