//! BER-TLV data objects.

use iso7816_tlv::ber;
use kortlab_apdu::tlv::{Filler, Reader, Tlv, object, read_one, walk};

use crate::assert_inside;

/// Every object stands where its offset says, building it again gives its bytes if its length
/// was minimal, and on what both accept the tree is the same as another implementation's.
pub fn tlv(data: &[u8]) {
    for filler in [Filler::Reject, Filler::Skip] {
        let mut behind = 0;
        for object in Reader::new(data).filler(filler) {
            match object {
                Ok(object) => {
                    assert!(object.offset >= behind);
                    behind = object.offset + object.raw.len();
                    check(&object, data);
                }
                Err(error) => assert_inside(&error, data),
            }
        }
    }
    let mut steps = 0;
    for step in walk(data, usize::MAX) {
        steps += 1;
        match step {
            Ok(visit) => check(&visit.object, data),
            Err(error) => assert_inside(&error, data),
        }
    }
    // An object takes two bytes, and an error comes once: the walk is linear.
    assert!(steps <= data.len() / 2 + 1);
    assert!(walk(data, 3).flatten().all(|visit| visit.depth <= 3));
    if data.len() <= PEER_BYTES {
        hold_against_a_peer(data);
    }
}

/// The peer recurses, in quadratic time: it gets small inputs only.
const PEER_BYTES: usize = 256;

/// The peer has no tags of four bytes, its `00` is no tag, it reads the indefinite length `80` as
/// 0, and it miscounts lengths that are not minimal. What is left, both read as the same tree.
fn hold_against_a_peer(data: &[u8]) {
    let ours: Result<Vec<_>, _> = walk(data, usize::MAX).collect();
    let theirs = ber::Tlv::from_bytes(data);
    match ours {
        Ok(visits) => {
            let one = visits.iter().filter(|visit| visit.depth == 0).count() == 1;
            let plain = visits.iter().all(|visit| {
                let tag = visit.object.tag;
                visit.object.minimal_length && tag.value() != 0 && tag.len() < 4
            });
            if one && plain {
                same(
                    &read_one(data).expect("one object"),
                    &theirs.expect("the peer reads what is minimal and definite"),
                );
            }
        }
        Err(error) => {
            // The peer counts a length as if it were minimal (and 127 as if it took one byte,
            // which it writes as two), so it accepts some objects that overrun their parent.
            let trap = data.windows(2).any(|pair| pair == [0x81, 0x7F]);
            let read = theirs.is_ok_and(|theirs| theirs.to_vec() == data);
            assert!(trap || !read, "{error}, and the peer reads and writes it");
        }
    }
}

fn same(ours: &Tlv<'_>, theirs: &ber::Tlv) {
    let mut tag = Vec::new();
    ours.tag.write(&mut tag);
    assert_eq!(tag, theirs.tag().to_bytes());
    assert_eq!(ours.tag.is_constructed(), theirs.tag().is_constructed());
    match theirs.value() {
        ber::Value::Primitive(value) => assert_eq!(ours.value, value),
        ber::Value::Constructed(children) => {
            let mut count = 0;
            for (ours, theirs) in ours.children().zip(children) {
                same(&ours.expect("walked before"), theirs);
                count += 1;
            }
            assert_eq!((count, ours.children().count()), (children.len(), count));
        }
    }
}

fn check(found: &Tlv<'_>, data: &[u8]) {
    let end = found.offset + found.raw.len();
    assert_eq!(data.get(found.offset..end), Some(found.raw));
    assert_eq!(data.get(found.value_offset()..end), Some(found.value));
    if found.raw.len() > PEER_BYTES {
        // Building is tried on small ones: a tree of large ones would be built over and over.
        return;
    }
    if found.minimal_length {
        assert_eq!(object(found.tag, found.value), found.raw);
    } else {
        let built = object(found.tag, found.value);
        assert!(built.len() < found.raw.len());
        let again = read_one(&built).expect("what was built");
        assert_eq!((again.tag, again.value), (found.tag, found.value));
    }
}
