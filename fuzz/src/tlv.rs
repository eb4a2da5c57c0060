//! BER-TLV data objects.

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
}

fn check(found: &Tlv<'_>, data: &[u8]) {
    let end = found.offset + found.raw.len();
    assert_eq!(data.get(found.offset..end), Some(found.raw));
    assert_eq!(data.get(found.value_offset()..end), Some(found.value));
    if found.minimal_length {
        assert_eq!(object(found.tag, found.value), found.raw);
    } else {
        let built = object(found.tag, found.value);
        assert!(built.len() < found.raw.len());
        let again = read_one(&built).expect("what was built");
        assert_eq!((again.tag, again.value), (found.tag, found.value));
    }
}
