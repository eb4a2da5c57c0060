//! PKCS#1 v1.5 (RFC 8017 §7.2 and §9.2).

use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use zeroize::Zeroizing;

use super::PaddingError;

/// The fewest padding bytes, with the three bytes around them.
const OVERHEAD: usize = 11;

/// EMSA-PKCS1-v1_5 around `info` (a DigestInfo) for a modulus of `k` bytes.
///
/// # Errors
/// It does not fit.
pub fn encode(info: &[u8], k: usize) -> Result<Vec<u8>, PaddingError> {
    let longest = k.checked_sub(OVERHEAD).ok_or(PaddingError::KeyTooShort)?;
    if info.len() > longest {
        return Err(PaddingError::TooLong {
            length: info.len(),
            longest,
        });
    }
    let mut encoded = vec![0xFF; k - info.len() - 1];
    if let Some(start) = encoded.get_mut(..2) {
        start.copy_from_slice(&[0x00, 0x01]);
    }
    encoded.push(0x00);
    encoded.extend_from_slice(info);
    Ok(encoded)
}

/// The message in `encoded` (EME-PKCS1-v1_5), which is as long as the modulus. The time taken
/// depends on the lengths of modulus and message, not on where the padding is wrong.
///
/// # Errors
/// It is not padded so.
pub fn decode(encoded: &[u8]) -> Result<Zeroizing<Vec<u8>>, PaddingError> {
    let [first, second, rest @ ..] = encoded else {
        return Err(PaddingError::Decoding);
    };
    let mut valid = first.ct_eq(&0x00) & second.ct_eq(&0x02);
    let mut searching = Choice::from(1);
    let mut zero = 0_u32;
    for (index, byte) in (0_u32..).zip(rest) {
        let here = searching & byte.ct_eq(&0x00);
        zero.conditional_assign(&index, here);
        searching &= !here;
    }
    valid &= !searching;
    let zero = zero as usize;
    // At least eight padding bytes.
    valid &= Choice::from(u8::from(zero >= OVERHEAD - 3));
    match (bool::from(valid), rest.get(zero + 1..)) {
        (true, Some(message)) => Ok(Zeroizing::new(message.to_vec())),
        _ => Err(PaddingError::Decoding),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoded_message_is_as_the_standard_draws_it() {
        let encoded = encode(&[0xAA, 0xBB], 16).expect("encoded");
        assert_eq!(hex::encode(encoded), "0001ffffffffffffffffffffff00aabb");
        assert!(encode(&[0; 6], 16).is_err());
        assert_eq!(encode(&[], 10), Err(PaddingError::KeyTooShort));
    }

    #[test]
    fn only_proper_padding_is_decoded() {
        let good = hex::decode("0002112233445566778800aabb").expect("hex");
        assert_eq!(
            decode(&good).as_deref().map(Vec::as_slice),
            Ok(&[0xAA, 0xBB][..])
        );
        for bad in [
            "0102112233445566778800aabb",
            "0001112233445566778800aabb",
            "0002112233445566770011aabb",
            "000211223344556677889911aabb",
            "0002",
            "00",
            "",
        ] {
            let bytes = hex::decode(bad).expect("hex");
            assert_eq!(decode(&bytes), Err(PaddingError::Decoding), "{bad}");
        }
    }
}
