//! EME-OAEP with MGF1 and an empty label (RFC 8017 §7.1.2).

use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use zeroize::Zeroizing;

use super::{Hash, PaddingError, mask};

/// The message in `encoded`, which is as long as the modulus. The time taken depends on the
/// lengths of modulus and message, not on where the padding is wrong.
///
/// # Errors
/// It is not padded so, with this hash function.
pub fn decode(hash: Hash, encoded: &[u8]) -> Result<Zeroizing<Vec<u8>>, PaddingError> {
    let length = hash.len();
    let Some((&first, rest)) = encoded.split_first() else {
        return Err(PaddingError::Decoding);
    };
    let Some((seed, block)) = rest.split_at_checked(length) else {
        return Err(PaddingError::Decoding);
    };
    if block.len() < length + 1 {
        return Err(PaddingError::Decoding);
    }
    let mut seed = Zeroizing::new(seed.to_vec());
    let mut block = Zeroizing::new(block.to_vec());
    mask(hash, &block, &mut seed);
    mask(hash, &seed, &mut block);
    let (label, padded) = block.split_at(length);

    let mut valid = first.ct_eq(&0x00) & label.ct_eq(&hash.digest(&[]));
    let mut searching = Choice::from(1);
    let mut one = 0_u32;
    for (index, byte) in (0_u32..).zip(padded) {
        let here = searching & byte.ct_eq(&0x01);
        one.conditional_assign(&index, here);
        valid &= here | !searching | byte.ct_eq(&0x00);
        searching &= !here;
    }
    valid &= !searching;
    match (bool::from(valid), padded.get(one as usize + 1..)) {
        (true, Some(message)) => Ok(Zeroizing::new(message.to_vec())),
        _ => Err(PaddingError::Decoding),
    }
}

#[cfg(test)]
mod tests {
    use rsa::rand_core::SeedableRng as _;
    use rsa::traits::PaddingScheme as _;

    use super::*;

    #[test]
    fn what_another_implementation_encodes_is_decoded() {
        let mut rng = chacha20::ChaCha20Rng::seed_from_u64(2);
        let key = rsa::PrivateKey::new(&mut rng, 1024).expect("a key");
        let public = rsa::PublicKey::from(&key);
        for (hash, message) in [
            (Hash::Sha1, &b""[..]),
            (Hash::Sha1, b"m"),
            (
                Hash::Sha256,
                b"sixty-two bytes are the most that fit one of 1024 bits, it is.",
            ),
        ] {
            let cryptogram = match hash {
                Hash::Sha1 => rsa::Oaep::<sha1::Sha1>::new().encrypt(&mut rng, &public, message),
                _ => rsa::Oaep::<sha2::Sha256>::new().encrypt(&mut rng, &public, message),
            }
            .expect("enciphered");
            let raw = rsa::BoxedUint::from_be_slice(&cryptogram, 1024).expect("a number");
            let opened = rsa::hazmat::rsa_decrypt(None::<&mut chacha20::ChaCha20Rng>, &key, &raw)
                .expect("opened")
                .to_be_bytes();
            let decoded = decode(hash, &opened).expect("decoded");
            assert_eq!(*decoded, message);
            for index in 0..opened.len() {
                let mut damaged = opened.to_vec();
                damaged[index] ^= 0x80;
                assert!(decode(hash, &damaged).is_err(), "byte {index}");
            }
        }
    }

    #[test]
    fn short_input_is_refused() {
        for length in 0..=42 {
            assert!(decode(Hash::Sha1, &vec![0; length]).is_err());
        }
    }
}
