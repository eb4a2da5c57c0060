//! EMSA-PSS with MGF1 (RFC 8017 §9.1.1).

use super::{Hash, PaddingError, mask};

/// EMSA-PSS of a digest for a modulus of `modulus_bits` bits, with this salt. The result is as
/// long as the modulus.
///
/// # Errors
/// The digest is not one of `hash`, or the key is too short for it and the salt.
pub fn encode(
    hash: Hash,
    digest: &[u8],
    salt: &[u8],
    modulus_bits: usize,
) -> Result<Vec<u8>, PaddingError> {
    if digest.len() != hash.len() {
        return Err(PaddingError::DigestLength {
            hash,
            length: digest.len(),
            expected: hash.len(),
        });
    }
    let bits = modulus_bits
        .checked_sub(1)
        .ok_or(PaddingError::KeyTooShort)?;
    let length = bits.div_ceil(8);
    // PS || 01 || salt, then H, then BC.
    let padding = length
        .checked_sub(hash.len() + salt.len() + 2)
        .ok_or(PaddingError::KeyTooShort)?;
    let mut block = vec![0x00; padding];
    block.push(0x01);
    block.extend_from_slice(salt);
    let seal = hash.digest_of(&[&[0; 8], digest, salt]);
    mask(hash, &seal, &mut block);
    if let Some(first) = block.first_mut() {
        *first &= 0xFF >> (8 * length - bits);
    }
    // A modulus of 8n + 1 bits has one byte more than its encoded messages.
    let mut encoded = vec![0x00; modulus_bits.div_ceil(8) - length];
    encoded.extend_from_slice(&block);
    encoded.extend_from_slice(&seal);
    encoded.push(0xBC);
    Ok(encoded)
}

#[cfg(test)]
mod tests {
    use rsa::BoxedUint;
    use rsa::traits::SignatureScheme as _;

    use super::*;

    /// The first example of RSA Laboratories' `pss-vect.txt` (key 1, 1024 bits, SHA-1).
    #[test]
    fn the_published_example_is_reproduced() {
        let message = hex::decode(
            "cdc87da223d786df3b45e0bbbc721326d1ee2af806cc315475cc6f0d9c66e1b6\
             2371d45ce2392e1ac92844c310102f156a0d8d52c1f4c40ba3aa65095786cb76\
             9757a6563ba958fed0bcc984e8b517a3d5f515b23b8a41e74aa867693f90dfb0\
             61a6e86dfaaee64472c00e5f20945729cbebe77f06ce78e08f4098fba41f9d61\
             93c0317e8b60d4b6084acb42d29e3808a3bc372d85e331170fcbf7cc72d0b71c\
             296648b3a4d10f416295d0807aa625cab2744fd9ea8fd223c42537029828bd16\
             be02546f130fd2e33b936d2676e08aed1b73318b750a0167d0",
        )
        .expect("hex");
        let salt = hex::decode("dee959c7e06411361420ff80185ed57f3e6776af").expect("hex");
        let digest = Hash::Sha1.digest(&message);
        let encoded = encode(Hash::Sha1, &digest, &salt, 1024).expect("encoded");
        let signature = hex::decode(
            "9074308fb598e9701b2294388e52f971faac2b60a5145af185df5287b5ed2887\
             e57ce7fd44dc8634e407c8e0e4360bc226f3ec227f9d9e54638e8d31f5051215\
             df6ebb9c2f9579aa77598a38f914b5b9c1bd83c4e2f9f382a0d0aa3542ffee65\
             984a601bc69eb28deb27dca12c82c2d4c3f66cd500f1ff2b994d8a4e30cbb33c",
        )
        .expect("hex");
        let modulus = hex::decode(
            "a56e4a0e701017589a5187dc7ea841d156f2ec0e36ad52a44dfeb1e61f7ad991\
             d8c51056ffedb162b4c0f283a12a88a394dff526ab7291cbb307ceabfce0b1df\
             d5cd9508096d5b2b8b6df5d671ef6377c0921cb23c270a70e2598e6ff89d19f1\
             05acc2d3f0cb35f29280e1386b6f64c4ef22e1e1f20d0ce8cffb2249bd9a2137",
        )
        .expect("hex");
        let key = rsa::PublicKey::new(
            BoxedUint::from_be_slice_vartime(&modulus),
            BoxedUint::from(65_537_u64),
        )
        .expect("a key");
        let raw = BoxedUint::from_be_slice_vartime(&signature);
        let opened = rsa::hazmat::rsa_encrypt(&key, &raw).expect("opened");
        assert_eq!(hex::encode(opened.to_be_bytes()), hex::encode(&encoded));
    }

    #[test]
    fn another_implementation_accepts_the_padding_for_every_hash() {
        let mut rng = rand_chacha_like();
        let key = rsa::PrivateKey::new(&mut rng, 1024).expect("a key");
        let public = rsa::PublicKey::from(&key);
        for hash in Hash::ALL {
            let salt = vec![0x5A; hash.len().min(40)];
            let digest = hash.digest(b"message");
            let encoded = match encode(hash, &digest, &salt, 1024) {
                Ok(encoded) => encoded,
                Err(error) => panic!("{hash}: {error}"),
            };
            let raw = rsa::BoxedUint::from_be_slice(&encoded, 1024).expect("a number");
            let signature = rsa::hazmat::rsa_decrypt(None::<&mut Rng>, &key, &raw).expect("signed");
            let signature = signature.to_be_bytes();
            let verified = match hash {
                Hash::Sha1 => rsa::Pss::<sha1::Sha1>::new_with_salt(salt.len())
                    .verify(&public, &digest, &signature),
                Hash::Sha256 => rsa::Pss::<sha2::Sha256>::new_with_salt(salt.len())
                    .verify(&public, &digest, &signature),
                Hash::Sha384 => rsa::Pss::<sha2::Sha384>::new_with_salt(salt.len())
                    .verify(&public, &digest, &signature),
                Hash::Sha512 => rsa::Pss::<sha2::Sha512>::new_with_salt(salt.len())
                    .verify(&public, &digest, &signature),
            };
            assert_eq!(verified, Ok(()), "{hash}");
        }
    }

    type Rng = chacha20::ChaCha20Rng;

    fn rand_chacha_like() -> Rng {
        use chacha20::rand_core::SeedableRng as _;
        Rng::seed_from_u64(1)
    }

    #[test]
    fn odd_modulus_lengths_give_messages_as_long_as_the_modulus() {
        let digest = Hash::Sha256.digest(b"x");
        for bits in 1023..=1026 {
            let encoded = encode(Hash::Sha256, &digest, &[1; 32], bits).expect("encoded");
            assert_eq!(encoded.len(), bits.div_ceil(8));
            let leading = encoded.iter().take_while(|&&byte| byte == 0).count();
            assert!(bits % 8 != 1 || leading >= 1);
        }
        assert!(encode(Hash::Sha512, &[0; 64], &[0; 64], 1024).is_err());
        assert!(encode(Hash::Sha256, &[0; 20], &[], 1024).is_err());
        assert!(encode(Hash::Sha256, &[0; 32], &[], 0).is_err());
    }
}
