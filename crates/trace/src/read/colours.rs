//! The colours in which programs write their logs: control sequences (ECMA-48 §5.4), which may stand anywhere
//! in a line.

use zeroize::Zeroizing;

/// The bytes without control sequences; `None` if there are none.
pub(super) fn without(bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut plain: Option<Zeroizing<Vec<u8>>> = None;
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == 0x1B) {
        let (before, behind) = rest.split_at(at);
        let length = sequence(behind);
        // Room at once, so that no copy is left behind by growth.
        let plain = plain.get_or_insert_with(|| Zeroizing::new(Vec::with_capacity(bytes.len())));
        plain.extend_from_slice(before);
        if length == 0 {
            plain.push(0x1B);
        }
        rest = behind.get(length.max(1)..).unwrap_or_default();
    }
    plain.map(|mut plain| {
        plain.extend_from_slice(rest);
        plain
    })
}

/// How many bytes the sequence at the start has; 0 if it is none that ends in its line.
fn sequence(bytes: &[u8]) -> usize {
    let Some(inside) = bytes.strip_prefix(b"\x1B[") else {
        return 0;
    };
    let parameters = inside
        .iter()
        .take_while(|byte| (0x20..=0x3F).contains(*byte));
    let length = parameters.count();
    match inside.get(length) {
        Some(0x40..=0x7E) => length.saturating_add(3),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_taken_out_wherever_they_stand_and_all_else_stays() {
        for (bytes, expected) in [
            (
                &b"\x1B[36m0005\x1B[0m [1] \x1B[01;34mAPDU\x1B[0m\n"[..],
                &b"0005 [1] APDU\n"[..],
            ),
            (b"a\x1B[Kb\x1B[", b"ab\x1B["),
            (b"\x1B\x1B[0m\x1B[12\n", b"\x1B\x1B[12\n"),
        ] {
            assert_eq!(without(bytes).as_deref().map(Vec::as_slice), Some(expected));
        }
        assert_eq!(without(b"[0m"), None);
    }
}
