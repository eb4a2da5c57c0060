//! The number of a PIV card, its FASC-N: forty signs of five bits (Technical Implementation Guidance:
//! Smart Card Enabled Physical Access Control Systems 2.3, §2.1).

/// How many signs it has, and bits each of them: four of the value, the least first, and one of parity.
const SIGNS: usize = 40;
const BITS: usize = 5;
/// The signs at fixed places: where it starts, between its fields, where it ends.
const START: u8 = 0x0B;
const SEPARATOR: u8 = 0x0D;
const END: u8 = 0x0F;
const SEPARATORS: [usize; 5] = [5, 10, 17, 19, 21];
const LAST: usize = SIGNS - 2;
const CHECK: usize = SIGNS - 1;

/// What of it is of one card and one person: the credential's number, and the person's. What says which
/// agency and system it is, and how it is made, programs know cards by.
const OWN: [core::ops::Range<usize>; 2] = [11..17, 22..32];

/// The same number with other digits by `digit`, which gives values of 0 to 9; `None` if it is none.
pub(super) fn replaced(number: &[u8], mut digit: impl FnMut() -> u8) -> Option<Vec<u8>> {
    let mut signs = read(number)?;
    for place in OWN.into_iter().flatten() {
        if let Some(sign) = signs.get_mut(place) {
            *sign = digit() % 10;
        }
    }
    let check = check_sign(&signs);
    *signs.last_mut()? = check;
    Some(written(&signs))
}

/// Its signs, if it is one.
fn read(number: &[u8]) -> Option<Vec<u8>> {
    if number.len() * 8 != SIGNS * BITS {
        return None;
    }
    let bits: Vec<u8> = number
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1))
        .collect();
    let mut signs = Vec::with_capacity(SIGNS);
    for sign in bits.chunks_exact(BITS) {
        if sign.iter().sum::<u8>() % 2 == 0 {
            return None;
        }
        let value = sign.iter().take(4).enumerate();
        signs.push(value.map(|(bit, set)| set << bit).sum());
    }
    let fits = |(place, sign): (usize, &u8)| match place {
        0 => *sign == START,
        place if SEPARATORS.contains(&place) => *sign == SEPARATOR,
        LAST => *sign == END,
        CHECK => *sign == check_sign(&signs),
        _ => *sign < 10,
    };
    signs.iter().enumerate().all(fits).then_some(signs)
}

/// The longitudinal redundancy check: all signs before it, added without carry.
fn check_sign(signs: &[u8]) -> u8 {
    let before = signs.iter().take(CHECK);
    before.fold(0, |sum, sign| sum ^ sign)
}

fn written(signs: &[u8]) -> Vec<u8> {
    let bits: Vec<u8> = signs
        .iter()
        .flat_map(|sign| {
            let parity = (sign.count_ones() + 1) % 2;
            let value = (0..4).map(move |bit| sign >> bit & 1);
            value.chain([parity as u8])
        })
        .collect();
    let bytes = bits.chunks(8);
    bytes
        .map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | bit))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The guidance's own: agency 0032, system 0001, credential 092446, person 1112223333.
    const PUBLISHED: &str = "D0439458210C2C19A0846D83685A1082108CE73984108CA3FC";

    #[test]
    fn the_published_number_is_read_and_written_as_it_is() {
        let number = hex::decode(PUBLISHED).unwrap();
        let signs = read(&number).unwrap();
        assert_eq!(signs[1..5], [0, 0, 3, 2]);
        assert_eq!(signs[11..17], [0, 9, 2, 4, 4, 6]);
        assert_eq!(signs[22..32], [1, 1, 1, 2, 2, 2, 3, 3, 3, 3]);
        assert_eq!(written(&signs), number);
    }

    #[test]
    fn other_digits_make_another_number_of_the_same_agency() {
        let number = hex::decode(PUBLISHED).unwrap();
        let mut next = 0;
        let other = replaced(&number, || {
            next += 7;
            next % 10
        });
        let other = other.unwrap();
        let (old, new) = (read(&number).unwrap(), read(&other).unwrap());
        for place in 0..CHECK {
            let own = OWN.iter().any(|range| range.contains(&place));
            assert!(own || old[place] == new[place], "{place}");
        }
        assert_ne!(old[11..17], new[11..17]);
        assert_ne!(old[22..32], new[22..32]);
    }

    #[test]
    fn what_is_no_such_number_is_not_taken_for_one() {
        let number = hex::decode(PUBLISHED).unwrap();
        assert!(read(&number[1..]).is_none() && read(&[]).is_none());
        for bit in 0..200 {
            let mut changed = number.clone();
            changed[bit / 8] ^= 0x80 >> (bit % 8);
            assert!(read(&changed).is_none(), "bit {bit}");
        }
        assert!(read(&[0xFF; 25]).is_none() && read(&[0x00; 25]).is_none());
    }
}
