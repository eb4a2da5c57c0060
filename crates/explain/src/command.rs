//! Commands (ISO/IEC 7816-4 §5.4).

use kortlab_apdu::{ByteCount, Command, instruction, private_key};
use kortlab_card::Problem;

use crate::hexadecimal::SpacedHex;
use crate::node::{Explanation, NOT_DECODED, Node};
use crate::span::Span;

/// What a command says. Data that may be a PIN or a key is not shown.
pub fn explain(bytes: &[u8]) -> Explanation {
    let mut nodes = header(bytes);
    let mut problems = Vec::new();
    let at = nodes.len();
    let secret = matches!(bytes, [class, ins, ..] if instruction::carries_secrets(*class, *ins));
    if let Some(rest) = bytes.len().checked_sub(at).filter(|rest| *rest > 0) {
        match Command::parse(bytes) {
            Ok(command) => nodes.extend(body(&command, bytes, secret)),
            Err(error) => {
                let span = Span::new(at, rest);
                let why = error.kind().to_string();
                nodes.push(match secret {
                    true => hidden(NOT_DECODED, span),
                    false => Node::not_decoded(span, bytes, &why),
                });
                problems.push(problem(error));
            }
        }
    } else if let Err(error) = Command::parse(bytes) {
        problems.push(problem(error));
    }
    Explanation {
        what: "command",
        nodes,
        problems,
    }
}

fn problem(error: kortlab_apdu::Error) -> Problem {
    Problem::of_bytes("command", error).hint(
        "check its length bytes: Lc says how many data bytes follow, Le how many are expected",
    )
}

/// A command in hexadecimal, without the data that might hold a PIN or a key.
pub fn masked(command: &Command) -> String {
    let header = SpacedHex(&[
        command.class().byte(),
        command.ins(),
        command.p1(),
        command.p2(),
    ])
    .to_string();
    let mut text = header;
    if !command.data().is_empty() {
        let data = command.data();
        if may_be_secret(command.class().byte(), command.ins(), data) {
            text.push_str(&format!(" :({} not shown)", ByteCount(data.len())));
        } else {
            text.push_str(&format!(" :{}", SpacedHex(data)));
        }
    }
    if let Some(ne) = command.ne() {
        text.push_str(&format!(" /{ne}"));
    }
    text
}

/// The same of bytes that need not be a whole command.
pub fn masked_bytes(bytes: &[u8]) -> String {
    match bytes {
        [cla, ins, p1, p2, rest @ ..] if !rest.is_empty() && may_be_secret(*cla, *ins, rest) => {
            let header = [*cla, *ins, *p1, *p2];
            format!(
                "{} ({} not shown)",
                SpacedHex(&header),
                ByteCount(rest.len())
            )
        }
        _ => SpacedHex(bytes).to_string(),
    }
}

/// Whether a PIN or a key may be in the data of such a command.
fn may_be_secret(class: u8, ins: u8, data: &[u8]) -> bool {
    instruction::carries_secrets(class, ins) || private_key::is_in(data)
}

/// CLA, INS, P1 and P2, as far as they are there.
fn header(bytes: &[u8]) -> Vec<Node> {
    let (p1, p2) = match bytes {
        [_, ins, p1, p2, ..] => parameters(*ins, *p1, *p2),
        _ => (None, None),
    };
    let ins = bytes.get(1).copied();
    let class = bytes.first().map(|cla| class(*cla));
    let name = ins.map(|ins| {
        let name = instruction::name(ins).unwrap_or("not in ISO/IEC 7816-4, -8 or -9");
        name.to_owned()
    });
    [("CLA", class), ("INS", name), ("P1", p1), ("P2", p2)]
        .into_iter()
        .enumerate()
        .take(bytes.len())
        .map(|(at, (name, meaning))| Node::new(name, Span::new(at, 1), bytes).maybe(meaning))
        .collect()
}

/// What a class byte says (ISO/IEC 7816-4 §5.4.1).
fn class(byte: u8) -> String {
    use kortlab_apdu::class::{Class, SecureMessaging};

    let class = Class::from_byte(byte);
    if !class.is_interindustry() {
        return "proprietary".to_owned();
    }
    let mut words = vec![format!("channel {}", class.channel())];
    words.extend(class.is_chained().then(|| "more of it follows".to_owned()));
    words.extend(match class.secure_messaging() {
        SecureMessaging::None => None,
        _ => Some("secure messaging".to_owned()),
    });
    words.join(", ")
}

/// What P1 and P2 say, of the commands whose parameters people ask for most.
fn parameters(ins: u8, p1: u8, p2: u8) -> (Option<String>, Option<String>) {
    match ins {
        instruction::SELECT => {
            let by = match p1 {
                0x00 => "by file identifier",
                0x01 => "a DF below the current one",
                0x02 => "an EF of the current DF",
                0x03 => "the DF above",
                0x04 => "by DF name",
                0x08 => "by path from the MF",
                0x09 => "by path from the current DF",
                _ => return (None, None),
            };
            let answer = match p2 & 0x0C {
                0x00 => "the answer is an FCI",
                0x04 => "the answer is an FCP",
                0x08 => "the answer is an FMD",
                _ => "no answer is wanted",
            };
            (Some(by.to_owned()), Some(answer.to_owned()))
        }
        instruction::READ_BINARY | instruction::UPDATE_BINARY if p1 & 0x80 == 0 => {
            let offset = u16::from_be_bytes([p1, p2]);
            (None, Some(format!("from byte {offset}")))
        }
        instruction::READ_BINARY | instruction::UPDATE_BINARY => (
            Some(format!(
                "the EF with the short identifier {:02X}",
                p1 & 0x1F
            )),
            Some(format!("from byte {p2}")),
        ),
        instruction::VERIFY
        | instruction::CHANGE_REFERENCE_DATA
        | instruction::RESET_RETRY_COUNTER => (None, Some(format!("the reference data {p2:02X}"))),
        _ => (None, None),
    }
}

/// Lc, data and Le (ISO/IEC 7816-3 §12.1.3).
fn body(command: &Command, bytes: &[u8], secret: bool) -> Vec<Node> {
    let mut nodes = Vec::new();
    let data = command.data().len();
    let mut at = 4;
    if data > 0 {
        let width = if command.is_extended() { 3 } else { 1 };
        let lc = Node::new("Lc", Span::new(at, width), bytes);
        nodes.push(lc.meaning(format!("{} of data", ByteCount(data))));
        at += width;
        let span = Span::new(at, data);
        nodes.push(match secret {
            true => hidden("data", span),
            false => Node::new("data", span, bytes),
        });
        at += data;
    }
    if let (Some(ne), Some(rest)) = (command.ne(), bytes.len().checked_sub(at)) {
        let le = Node::new("Le", Span::new(at, rest), bytes);
        let verb = if ne == 1 { "is" } else { "are" };
        nodes.push(le.meaning(format!("at most {} {verb} expected", ByteCount(ne))));
    }
    nodes
}

fn hidden(name: &str, span: Span) -> Node {
    let they = if span.length == 1 { "it" } else { "they" };
    let meaning = format!(
        "{} not shown: {they} may be a PIN or a key",
        ByteCount(span.length)
    );
    Node::without_value(name, span).meaning(meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_and_keys_are_not_shown() {
        let verify = Command::new(0x20, 0x00, 0x81).with_data(*b"123456");
        assert_eq!(masked(&verify), "00 20 00 81 :(6 bytes not shown)");
        let bytes = verify.encode().expect("short");
        assert_eq!(masked_bytes(&bytes), "00 20 00 81 (7 bytes not shown)");
        assert_eq!(masked_bytes(&[0x00, 0x20]), "00 20");
        let whole = explain(&bytes).to_string();
        let cut = explain(&bytes[..bytes.len() - 2]).to_string();
        for text in [whole, cut] {
            assert!(text.contains("not shown"), "{text}");
            assert!(!text.contains("31 32 33"), "{text}");
        }
    }

    #[test]
    fn one_byte_is_no_plural() {
        let read = explain(&[0x00, 0xB0, 0x00, 0x00, 0x01]).to_string();
        assert!(read.contains("at most 1 byte is expected"), "{read}");
        let update = explain(&[0x00, 0xD6, 0x00, 0x00, 0x01, 0xAA]).to_string();
        assert!(update.contains("1 byte of data"), "{update}");
        let verify = [0x00, 0x20, 0x00, 0x81, 0x01, 0x31];
        let verify = explain(&verify).to_string();
        assert!(verify.contains("1 byte not shown: it may be"), "{verify}");
    }

    #[test]
    fn each_part_stands_where_it_is_in_short_and_extended_commands() {
        let names = |bytes: &[u8]| -> Vec<(String, usize, usize)> {
            let explained = explain(bytes);
            assert!(explained.is_clean(), "{explained}");
            let nodes = explained.nodes.into_iter().skip(4);
            nodes
                .map(|node| (node.name, node.span.offset, node.span.length))
                .collect()
        };
        let part = |name: &str, at, length| (name.to_owned(), at, length);
        assert_eq!(names(&[0, 0xA4, 0, 0]), []);
        assert_eq!(names(&[0, 0xB0, 0, 0, 0]), [part("Le", 4, 1)]);
        assert_eq!(
            names(&[0, 0xA4, 0, 0, 2, 0x3F, 0, 0]),
            [part("Lc", 4, 1), part("data", 5, 2), part("Le", 7, 1)]
        );
        assert_eq!(
            names(&[0, 0xD6, 0, 0, 0, 0, 1, 0xAA, 0, 0]),
            [part("Lc", 4, 3), part("data", 7, 1), part("Le", 8, 2)]
        );
        let wrong = explain(&[0, 0xA4, 0, 0, 9, 0x3F]);
        assert_eq!(wrong.problems[0].code(), "truncated");
        assert_eq!(
            wrong.nodes.last().map(|node| node.span),
            Some(Span::new(4, 2))
        );
        assert_eq!(explain(&[0, 0xA4]).problems.len(), 1);
    }
}
