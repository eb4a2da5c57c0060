//! The paddings of PKCS#1 v1.5 (RFC 8017 §7.2 and §9.2).

use subtle::{ConditionallySelectable, ConstantTimeEq, ConstantTimeGreater};
use zeroize::Zeroizing;

/// The bytes a padding takes at least: `00 bt`, eight bytes of padding, `00`.
pub const OVERHEAD: usize = 11;

/// The padding is wrong. It does not say how: every further detail helps to decipher without the
/// key (Bleichenbacher 1998).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPadding;

/// Block type 1: `00 01 FF … FF 00 ‖ data`, `size` bytes long, for signatures; `None` if `data`
/// is longer than `size` − 11.
pub fn pad_type_1(data: &[u8], size: usize) -> Option<Vec<u8>> {
    let filler = size.checked_sub(data.len().checked_add(3)?)?;
    if filler < OVERHEAD - 3 {
        return None;
    }
    let mut block = Vec::with_capacity(size);
    block.extend_from_slice(&[0x00, 0x01]);
    block.resize(2 + filler, 0xFF);
    block.push(0x00);
    block.extend_from_slice(data);
    Some(block)
}

/// Takes block type 2, `00 02 ‖ eight or more bytes that are not 00 ‖ 00 ‖ data`, off a
/// deciphered block.
///
/// What is wrong with a wrong block shows neither in the result nor in the time taken; a good
/// one shows the length of its data, as the answer does anyway.
///
/// # Errors
/// The block is not of that form.
pub fn unpad_type_2(block: &[u8]) -> Result<Zeroizing<Vec<u8>>, BadPadding> {
    let [first, second, rest @ ..] = block else {
        return Err(BadPadding);
    };
    let mut good = first.ct_eq(&0x00) & second.ct_eq(&0x02);
    let mut found = subtle::Choice::from(0);
    let mut separator = 0_u32;
    for (at, byte) in (0_u32..).zip(rest) {
        let here = byte.ct_eq(&0x00) & !found;
        separator.conditional_assign(&at, here);
        found |= here;
    }
    good &= found & separator.ct_gt(&(OVERHEAD as u32 - 4));
    if !bool::from(good) {
        return Err(BadPadding);
    }
    let data = rest.get(separator as usize + 1..).ok_or(BadPadding)?;
    Ok(Zeroizing::new(data.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn type_1_needs_eleven_bytes() {
        assert_eq!(
            pad_type_1(&[0xAB], 12).expect("fits"),
            [
                0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0xAB
            ]
        );
        assert_eq!(pad_type_1(&[0xAB, 0xCD], 12), None);
        assert_eq!(pad_type_1(&[], 0), None);
    }

    #[test]
    fn type_2_wants_its_marks_and_eight_bytes_of_padding() {
        let good = [0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0xAA, 0x00, 0xBB];
        assert_eq!(*unpad_type_2(&good).expect("good"), [0xAA, 0x00, 0xBB]);
        assert!(
            unpad_type_2(&good[..11])
                .expect("empty data is data")
                .is_empty()
        );
        for (at, value) in [(0, 1), (1, 1), (2, 0), (9, 0)] {
            let mut bad = good;
            bad[at] = value;
            assert_eq!(unpad_type_2(&bad), Err(BadPadding), "byte {at}");
        }
        assert_eq!(
            unpad_type_2(&[0, 2, 1, 1, 1, 1, 1, 1, 1, 1]),
            Err(BadPadding)
        );
        assert_eq!(unpad_type_2(&[]), Err(BadPadding));
        assert_eq!(unpad_type_2(&[0]), Err(BadPadding));
    }

    proptest! {
        #[test]
        fn what_type_2_pads_comes_back(
            filler in proptest::collection::vec(1..=0xFF_u8, 8..64),
            data in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            let block = [&[0, 2], filler.as_slice(), &[0], &data].concat();
            let unpadded = unpad_type_2(&block).expect("good");
            prop_assert_eq!(&*unpadded, &data);
        }

        #[test]
        fn arbitrary_blocks_are_judged_as_the_plain_reading_judges_them(
            mut block in proptest::collection::vec(0..3_u8, 0..40),
            typed in any::<bool>(),
        ) {
            if typed && let [first, second, ..] = block.as_mut_slice() {
                (*first, *second) = (0, 2);
            }
            let plain = block.strip_prefix(&[0, 2]).and_then(|rest| {
                let separator = rest.iter().position(|&byte| byte == 0)?;
                (separator >= 8).then(|| rest[separator + 1..].to_vec())
            });
            prop_assert_eq!(unpad_type_2(&block).ok().map(|data| data.to_vec()), plain);
        }
    }
}
