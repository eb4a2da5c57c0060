//! BER-TLV: what holds of any bytes and any tree, and what another implementation says.

use iso7816_tlv::ber;
use kortlab_apdu::tlv::{Builder, Filler, Reader, Tag, Tlv, object, read_one, walk};
use proptest::prelude::*;

/// A tree of data objects.
#[derive(Clone, Debug)]
enum Node {
    Primitive(Tag, Vec<u8>),
    Constructed(Tag, Vec<Node>),
}

/// Tags of one to three bytes that ISO/IEC 7816-4 §5.2.2.1 allows.
fn tag(constructed: bool) -> impl Strategy<Value = Tag> {
    let form = if constructed { 0x20_u32 } else { 0 };
    prop_oneof![
        (0..4_u32, 1..0x1F_u32).prop_map(move |(class, number)| class << 6 | form | number),
        (0..4_u32, 0x1F..0x80_u32)
            .prop_map(move |(class, number)| (class << 6 | form | 0x1F) << 8 | number),
        (0..4_u32, 0x81..=0xFF_u32, 0..0x80_u32).prop_map(move |(class, high, low)| {
            (class << 6 | form | 0x1F) << 16 | high << 8 | low
        }),
    ]
    .prop_map(Tag::new)
}

fn node() -> impl Strategy<Value = Node> {
    let value = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..20),
        // Around the lengths at which the length field grows.
        1 => (120..140_usize).prop_map(|length| vec![0x55; length]),
        1 => (250..260_usize).prop_map(|length| vec![0x55; length]),
    ];
    let leaf = (tag(false), value).prop_map(|(tag, value)| Node::Primitive(tag, value));
    leaf.prop_recursive(6, 60, 6, |inner| {
        (tag(true), prop::collection::vec(inner, 0..6))
            .prop_map(|(tag, children)| Node::Constructed(tag, children))
    })
}

fn build(builder: Builder, node: &Node) -> Builder {
    match node {
        Node::Primitive(tag, value) => builder.primitive(*tag, value),
        Node::Constructed(tag, children) => {
            builder.constructed(*tag, |inner| children.iter().fold(inner, build))
        }
    }
}

fn assert_reads_as(object: &Tlv<'_>, node: &Node) {
    match node {
        Node::Primitive(tag, value) => {
            assert_eq!((object.tag, object.value), (*tag, value.as_slice()));
        }
        Node::Constructed(tag, children) => {
            assert_eq!(object.tag, *tag);
            let read: Vec<_> = object
                .children()
                .collect::<Result<_, _>>()
                .expect("children");
            assert_eq!(read.len(), children.len());
            for (object, node) in read.iter().zip(children) {
                assert_reads_as(object, node);
            }
        }
    }
}

fn assert_same(object: &Tlv<'_>, theirs: &ber::Tlv) {
    let mut tag = Vec::new();
    object.tag.write(&mut tag);
    assert_eq!(tag, theirs.tag().to_bytes());
    match theirs.value() {
        ber::Value::Primitive(value) => assert_eq!(object.value, value),
        ber::Value::Constructed(children) => {
            let read: Vec<_> = object
                .children()
                .collect::<Result<_, _>>()
                .expect("children");
            assert_eq!(read.len(), children.len());
            for (object, theirs) in read.iter().zip(children) {
                assert_same(object, theirs);
            }
        }
    }
}

/// The peer codes a length of 127 in two bytes; then nothing can be compared byte by byte.
fn has_a_length_of_127(bytes: &[u8]) -> bool {
    walk(bytes, usize::MAX)
        .flatten()
        .any(|visit| visit.object.value.len() == 127)
}

proptest! {
    #[test]
    fn what_is_built_reads_as_the_same_tree(node in node()) {
        let bytes = build(Builder::new(), &node).finish();
        let object = read_one(&bytes).expect("an object");
        prop_assert_eq!(object.raw, &bytes[..]);
        prop_assert!(walk(&bytes, usize::MAX).all(|step| step.is_ok_and(|visit| visit.object.minimal_length)));
        assert_reads_as(&object, &node);
    }

    #[test]
    fn another_implementation_reads_the_same_tree_and_writes_the_same_bytes(node in node()) {
        let bytes = build(Builder::new(), &node).finish();
        let theirs = ber::Tlv::from_bytes(&bytes).expect("the peer reads it");
        assert_same(&read_one(&bytes).expect("an object"), &theirs);
        if !has_a_length_of_127(&bytes) {
            prop_assert_eq!(theirs.to_vec(), bytes);
        }
    }

    #[test]
    fn offsets_point_at_the_objects_in_any_bytes(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        skip in any::<bool>(),
    ) {
        let filler = if skip { Filler::Skip } else { Filler::Reject };
        for object in Reader::new(&bytes).filler(filler) {
            match object {
                Ok(object) => {
                    let end = object.offset + object.raw.len();
                    prop_assert_eq!(&bytes[object.offset..end], object.raw);
                    prop_assert_eq!(&bytes[object.value_offset()..end], object.value);
                }
                Err(error) => prop_assert!(error.offset() <= bytes.len()),
            }
        }
    }

    #[test]
    fn an_offset_seen_from_an_outer_value_is_moved_by_its_base(
        bytes in prop::collection::vec(any::<u8>(), 0..60),
        base in 0..1_000_usize,
    ) {
        let here: Vec<_> = Reader::new(&bytes).collect();
        let there: Vec<_> = Reader::new(&bytes).at(base).collect();
        prop_assert_eq!(here.len(), there.len());
        for (here, there) in here.iter().zip(&there) {
            match (here, there) {
                (Ok(here), Ok(there)) => prop_assert_eq!(here.offset + base, there.offset),
                (Err(here), Err(there)) => prop_assert_eq!(here.nested(base), *there),
                _ => prop_assert!(false, "one is an error"),
            }
        }
    }

    #[test]
    fn a_changed_byte_is_never_more_than_an_error(
        node in node(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = build(Builder::new(), &node).finish();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        for step in walk(&bytes, usize::MAX) {
            if let Err(error) = step {
                prop_assert!(error.offset() <= bytes.len());
            }
        }
    }
}

/// Work is counted, not timed: a step of the walk reads one tag and one length field and never
/// looks at the value, so the bytes looked at are the sum of the headers.
fn bytes_looked_at(bytes: &[u8]) -> usize {
    walk(bytes, usize::MAX)
        .map(|step| step.expect("well-formed").object.header_len)
        .sum()
}

#[test]
fn the_work_of_a_walk_is_linear_in_depth_and_in_the_number_of_objects() {
    for depth in [1_000, 4_000, 16_000] {
        let mut nested = Vec::new();
        for _ in 0..depth {
            nested = object(Tag::SEQUENCE, &nested);
        }
        assert_eq!(walk(&nested, usize::MAX).count(), depth);
        // Nothing but headers: each byte is looked at exactly once.
        assert_eq!(bytes_looked_at(&nested), nested.len());

        let flat = object(
            Tag::SEQUENCE,
            &object(Tag::OCTET_STRING, &[0x55; 5]).repeat(depth),
        );
        assert_eq!(walk(&flat, usize::MAX).count(), depth + 1);
        assert!(bytes_looked_at(&flat) < flat.len());
    }
}
