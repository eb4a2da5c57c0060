//! DER that is changed: an element is replaced, and the lengths around it are made to fit.

/// An element of this tag.
pub fn element(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len().to_be_bytes();
    let zeros = length.iter().take_while(|byte| **byte == 0).count();
    let length = match value.len() {
        0..=0x7F => vec![value.len() as u8],
        _ => [&[0x80 | (8 - zeros) as u8], &length[zeros..]].concat(),
    };
    [&[tag][..], &length, value].concat()
}

/// The elements that stand one after the other in `bytes`: tag, value and all of its bytes.
pub fn elements(mut bytes: &[u8]) -> Vec<(u8, &[u8], &[u8])> {
    let mut all = Vec::new();
    while let [tag, first, ..] = *bytes {
        let (header, length) = match first {
            0..=0x7F => (2, usize::from(first)),
            _ => {
                let count = usize::from(first & 0x7F);
                let length = bytes[2..2 + count].iter();
                (
                    2 + count,
                    length.fold(0, |length, byte| length << 8 | usize::from(*byte)),
                )
            }
        };
        all.push((
            tag,
            &bytes[header..header + length],
            &bytes[..header + length],
        ));
        bytes = &bytes[header + length..];
    }
    all
}

/// The bytes with the element `old` replaced by `new`, wherever it stands.
pub fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let found = bytes.windows(old.len()).any(|part| part == old);
    assert!(found, "{old:02X?} is not in it");
    replace(bytes, old, new)
}

fn replace(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (tag, value, raw) in elements(bytes) {
        let inside = value.windows(old.len()).any(|part| part == old);
        if raw == old {
            out.extend_from_slice(new);
        } else if tag & 0x20 != 0 && inside {
            out.extend(element(tag, &replace(value, old, new)));
        } else {
            out.extend_from_slice(raw);
        }
    }
    out
}
