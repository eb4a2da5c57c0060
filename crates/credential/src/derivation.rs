//! The key derivation of PKCS#12 (RFC 7292 appendix B.2).

use sha2::digest::Digest;
use sha2::digest::block_api::BlockSizeUser;
use zeroize::Zeroizing;

/// What is derived: the ID of RFC 7292 appendix B.3.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    Encryption = 1,
    InitializationVector = 2,
    Mac = 3,
}

/// `length` bytes from a passphrase (a BMPString with two zero bytes behind it) and a salt. The
/// letters are those of the RFC.
pub(crate) fn derive<H: Digest + BlockSizeUser>(
    passphrase: &[u8],
    salt: &[u8],
    purpose: Purpose,
    rounds: u32,
    length: usize,
) -> Zeroizing<Vec<u8>> {
    let v = H::block_size();
    let d = vec![purpose as u8; v];
    let filled = |bytes: &[u8]| -> Vec<u8> {
        let length = bytes.len().div_ceil(v) * v;
        bytes.iter().copied().cycle().take(length).collect()
    };
    let mut i = Zeroizing::new(filled(salt));
    let p = Zeroizing::new(filled(passphrase));
    // As long as it will be at once, so that growth leaves no copy behind.
    i = Zeroizing::new([i.as_slice(), p.as_slice()].concat());
    let mut out = Zeroizing::new(Vec::with_capacity(length));
    while out.len() < length {
        let mut a = H::new().chain_update(&d).chain_update(&*i).finalize();
        for _ in 1..rounds {
            a = H::digest(&a);
        }
        let missing = length - out.len();
        out.extend(a.iter().take(missing));
        for block in i.chunks_mut(v) {
            // I_j = (I_j + B + 1) mod 2^v, where B is A over and over.
            let b = a.iter().cycle().take(v).collect::<Vec<_>>();
            let mut carry = 1_u16;
            for (place, add) in block.iter_mut().zip(b).rev() {
                carry += u16::from(*place) + u16::from(*add);
                *place = carry as u8;
                carry >>= 8;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use sha1::Sha1;

    use super::*;

    /// From the test cases that Bouncy Castle, GnuTLS and Crypto++ share ("smeg", "queeg").
    #[test]
    fn keys_and_vectors_are_those_of_the_published_test_cases() {
        let smeg = [0, b's', 0, b'm', 0, b'e', 0, b'g', 0, 0];
        let salt = [0x0A, 0x58, 0xCF, 0x64, 0x53, 0x0D, 0x82, 0x3F];
        let key = derive::<Sha1>(&smeg, &salt, Purpose::Encryption, 1, 24);
        assert_eq!(
            *key,
            [
                0x8A, 0xAA, 0xE6, 0x29, 0x7B, 0x6C, 0xB0, 0x46, 0x42, 0xAB, 0x5B, 0x07, 0x78, 0x51,
                0x28, 0x4E, 0xB7, 0x12, 0x8F, 0x1A, 0x2A, 0x7F, 0xBC, 0xA3
            ]
        );
        let iv = derive::<Sha1>(&smeg, &salt, Purpose::InitializationVector, 1, 8);
        assert_eq!(*iv, [0x79, 0x99, 0x3D, 0xFE, 0x04, 0x8D, 0x3B, 0x76]);
        let queeg = [0, b'q', 0, b'u', 0, b'e', 0, b'e', 0, b'g', 0, 0];
        let salt = [0x05, 0xDE, 0xC9, 0x59, 0xAC, 0xFF, 0x72, 0xF7];
        let key = derive::<Sha1>(&queeg, &salt, Purpose::Encryption, 1000, 24);
        assert_eq!(
            *key,
            [
                0xED, 0x20, 0x34, 0xE3, 0x63, 0x28, 0x83, 0x0F, 0xF0, 0x9D, 0xF1, 0xE1, 0xA0, 0x7D,
                0xD3, 0x57, 0x18, 0x5D, 0xAC, 0x0D, 0x4F, 0x9E, 0xB3, 0xD4
            ]
        );
    }
}
