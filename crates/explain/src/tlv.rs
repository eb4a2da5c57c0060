//! BER-TLV data objects (ISO/IEC 7816-4 §5.2.2), whatever they are of.

use kortlab_apdu::error::ErrorKind;
use kortlab_apdu::tlv::{Filler, Tag, read_one};
use kortlab_apdu::{Error, private_key};
use kortlab_card::Problem;

use crate::node::{Explanation, MAX_DEPTH, MAX_NODES, NOT_DECODED, Node};
use crate::span::Span;

/// What whoever sees such a problem can do.
const NEXT: &str = "compare the length with what is there: the bytes were cut, or whoever wrote \
                    them must correct them";

/// The data objects in `bytes`; `00` and `FF` between them is filler.
pub fn explain(bytes: &[u8]) -> Explanation {
    let (nodes, errors) = tree(bytes, Filler::Skip);
    let problem = |error| Problem::of_bytes("data", error).hint(NEXT);
    Explanation {
        what: match is_pkcs12(bytes) {
            true => "PKCS#12",
            false => "BER-TLV",
        },
        nodes,
        problems: errors.into_iter().map(problem).collect(),
    }
    .settled()
}

/// Whether these bytes begin like a PFX (RFC 7292 §4): version 3, and a ContentInfo (RFC 5652 §3) with data or
/// signed data.
fn is_pkcs12(bytes: &[u8]) -> bool {
    const PKCS7: [u8; 8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07];
    let parts = read_one(bytes).map(|outer| {
        let parts = outer.children().map_while(Result::ok).take(2);
        parts.map(|part| (part.tag, part.value)).collect::<Vec<_>>()
    });
    match parts.as_deref() {
        Ok([(Tag::INTEGER, [3]), (Tag::SEQUENCE, content)]) => read_one(content)
            .is_ok_and(|kind| kind.tag == Tag::OBJECT_IDENTIFIER && kind.value.starts_with(&PKCS7)),
        _ => false,
    }
}

/// The objects of bytes that are BER-TLV from the first to the last, and not just by chance: they begin
/// with no filler, and bytes that parse as one empty object are not worth a tree. Filler between and behind
/// them is one node.
pub fn whole(bytes: &[u8]) -> Option<Vec<Node>> {
    if matches!(bytes.first(), None | Some(0x00 | 0xFF)) || bytes.len() <= 2 {
        return None;
    }
    let (nodes, errors) = tree(bytes, Filler::Skip);
    errors.is_empty().then_some(nodes)
}

/// The objects, and what was wrong. Their spans cover every byte.
pub(crate) fn tree(bytes: &[u8], filler: Filler) -> (Vec<Node>, Vec<Error>) {
    let mut builder = Builder {
        all: bytes,
        left: MAX_NODES,
        errors: Vec::new(),
    };
    let nodes = builder.read(Span::new(0, bytes.len()), 0, filler);
    (nodes, builder.errors)
}

/// Takes the value of a primitive object apart where it is one object from its first byte to its last, as
/// what an OCTET STRING wraps. It stands so many levels deep, in a tree of so many nodes.
pub(crate) fn open(node: &mut Node, all: &[u8], depth: usize, nodes: usize) {
    let mut builder = Builder {
        all,
        left: MAX_NODES.saturating_sub(nodes),
        errors: Vec::new(),
    };
    let mut parts = builder.read(node.content(), depth + 1, Filler::Reject);
    if builder.errors.is_empty() && parts.len() == 1 {
        crate::asn1::dress(&mut parts, all);
        node.value = None;
        node.parts = parts;
    }
}

/// So many bytes `00` are one node.
const LEAST_ZEROS: usize = 4;

struct Builder<'a> {
    all: &'a [u8],
    left: usize,
    errors: Vec<Error>,
}

impl Builder<'_> {
    fn read(&mut self, within: Span, depth: usize, filler: Filler) -> Vec<Node> {
        let mut nodes = Vec::new();
        let mut at = within.offset;
        while at < within.end() {
            let rest = Span::new(at, within.end() - at);
            let (node, stop) = self.next(rest, depth, filler);
            at = node.span.end();
            nodes.push(node);
            if stop {
                break;
            }
        }
        nodes
    }

    /// The node at the start of `rest`, and whether it is the last.
    fn next(&mut self, rest: Span, depth: usize, filler: Filler) -> (Node, bool) {
        let bytes = rest.of(self.all);
        let Some(left) = self.left.checked_sub(1) else {
            let kind = ErrorKind::TooMany { limit: MAX_NODES };
            return (self.give_up(rest, kind, rest.offset), true);
        };
        self.left = left;
        let blank = |byte: &&u8| matches!(byte, 0x00 | 0xFF);
        let filling = bytes.iter().take_while(blank).count();
        if filler == Filler::Skip && filling > 0 {
            let span = Span::new(rest.offset, filling);
            return (Node::without_value("filler", span), false);
        }
        // Data objects of tag 00, without a value, are filler too: none is defined (§5.2.2.1).
        let zeros = bytes.iter().take_while(|byte| **byte == 0x00).count() & !1;
        if zeros >= LEAST_ZEROS {
            let node = Node::without_value("filler", Span::new(rest.offset, zeros));
            return (node, false);
        }
        if private_key::begins_inside(bytes) {
            // It may have lost its head; the parts of one alone do not tell.
            return (Node::new(NOT_DECODED, rest, self.all), true);
        }
        let object = match read_one(bytes) {
            Ok(object) => object,
            Err(error) => {
                let error = error.nested(rest.offset);
                return (self.give_up(rest, error.kind(), error.offset()), true);
            }
        };
        let span = Span::new(rest.offset, object.raw.len());
        if private_key::begins_anywhere(object.raw) {
            return (Node::new(object.tag.to_string(), span, self.all), false);
        }
        let content = Span::new(rest.offset + object.header_len, object.value.len());
        let mut node = Node::without_value(object.tag.to_string(), span);
        node.tag = Some(object.tag);
        node.header = object.header_len;
        if !object.tag.is_constructed() {
            node.show(content, self.all);
        } else if !object.value.is_empty() {
            node.parts = self.parts(content, depth);
        }
        (node, false)
    }

    fn parts(&mut self, content: Span, depth: usize) -> Vec<Node> {
        if depth >= MAX_DEPTH {
            let kind = ErrorKind::TooDeep { limit: MAX_DEPTH };
            return vec![self.give_up(content, kind, content.offset)];
        }
        self.read(content, depth + 1, Filler::Reject)
    }

    fn give_up(&mut self, rest: Span, kind: ErrorKind, offset: usize) -> Node {
        self.errors.push(Error::new(kind, offset));
        Node::not_decoded(rest, self.all, &kind.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_in_a_node_also_where_a_length_lies() {
        let bytes = [
            0x00, 0x30, 0x03, 0x02, 0x01, 0x05, 0xFF, 0xFF, 0x04, 0x7F, 0xAA,
        ];
        let explained = explain(&bytes);
        let spans: Vec<_> = explained.nodes.iter().map(|node| node.span).collect();
        let expected = [
            Span::new(0, 1),
            Span::new(1, 5),
            Span::new(6, 2),
            Span::new(8, 3),
        ];
        assert_eq!(spans, expected);
        assert_eq!(explained.nodes[1].parts[0].span, Span::new(3, 3));
        assert_eq!(explained.nodes[3].name, "not decoded");
        assert_eq!(explained.problems[0].code(), "truncated");
        assert_eq!(explained.problems[0].offset(), Some(10));
    }

    #[test]
    fn what_nests_too_deep_or_is_too_much_is_told_and_shown_as_it_stands() {
        let mut bytes = vec![0x05, 0x00];
        for _ in 0..60 {
            bytes = kortlab_apdu::tlv::object(Tag::SEQUENCE, &bytes);
        }
        let explained = explain(&bytes);
        assert_eq!(explained.problems[0].code(), "too-deep");
        let deepest = explained.lines().last().expect("a node");
        assert_eq!(deepest.1.name, "not decoded");
        assert_eq!(deepest.1.span.end(), bytes.len());

        let many = explain(&[0x05, 0x00].repeat(MAX_NODES + 5));
        assert_eq!(many.nodes.len(), MAX_NODES + 1);
        assert_eq!(many.problems[0].code(), "too-many");
        assert_eq!(
            many.nodes.last().map(|node| node.span.length),
            Some(10),
            "the rest is one node"
        );
    }

    #[test]
    fn of_a_private_key_nothing_is_shown_wherever_it_stands_and_however_it_is_cut() {
        let number = kortlab_apdu::tlv::object(Tag::INTEGER, &[0x5A; 257]);
        let key = [vec![0x02, 0x01, 0x00], number].concat();
        let key = kortlab_apdu::tlv::object(Tag::SEQUENCE, &key);
        let wrapped = kortlab_apdu::tlv::object(Tag::context(0, true), &key);
        for bytes in [&key[..], &wrapped, &key[..100], &wrapped[..100]] {
            let explained = explain(bytes);
            let told = explained.lines().map(|(_, node)| node.to_string());
            let told: String = told.collect();
            assert!(
                told.contains("private key") && !told.contains("5A"),
                "{told}"
            );
            let json = serde_json::to_string(&explained).expect("JSON");
            assert!(!json.contains("5A5A"), "{json}");
        }
    }

    #[test]
    fn many_zeros_are_one_line_wherever_they_stand() {
        let bytes = [
            0x6F, 0x0C, 0x84, 0x03, 0x41, 0x42, 0x43, 0, 0, 0, 0, 0, 0, 0,
        ];
        let explained = explain(&bytes);
        let parts = &explained.nodes[0].parts;
        let told: Vec<_> = parts.iter().map(|node| (&*node.name, node.span)).collect();
        let expected = [
            ("84", Span::new(2, 5)),
            ("filler", Span::new(7, 6)),
            ("not decoded", Span::new(13, 1)),
        ];
        assert_eq!(told, expected);
        assert_eq!(explained.problems[0].code(), "truncated");
    }

    #[test]
    fn only_what_is_tlv_throughout_gets_a_tree() {
        let tree = whole(&[0x6F, 0x04, 0x84, 0x02, 0xAA, 0xBB]).expect("a tree");
        assert_eq!(tree[0].parts[0].value.as_deref(), Some("AABB"));
        for data in [
            &[][..],
            &[0x00, 0x00, 0x00],
            &[0x30, 0x05, 0x01],
            &[0x04, 0x00],
        ] {
            assert!(whole(data).is_none(), "{data:02X?}");
        }
    }
}
