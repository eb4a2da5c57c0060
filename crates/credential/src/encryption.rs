//! Password-based decryption: PBES2 (RFC 8018 §6.2) and the schemes of RFC 7292 appendix C.

use aes::{Aes128, Aes192, Aes256};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt as _, KeyInit, KeyIvInit as _};
use const_oid::ObjectIdentifier;
use der::Sequence;
use der::asn1::{AnyRef, OctetStringRef};
use des::{TdesEde2, TdesEde3};
use rc2::Rc2;
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};
use spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use crate::derivation::{Purpose, derive};
use crate::{CredentialError, Effort, Passphrase};

const PBES2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.13");
const PBKDF2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.12");
const HMAC_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.7");
const HMAC_SHA224: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.8");
const HMAC_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.9");
const HMAC_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.10");
const HMAC_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.11");
const AES128_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.2");
const AES192_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.22");
const AES256_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.42");
const DES_EDE3_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.3.7");
const SHA_3DES_3KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.3");
const SHA_3DES_2KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.4");
const SHA_RC2_128: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.5");
const SHA_RC2_40: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.6");

/// PBES2-params (RFC 8018 appendix A.4).
#[derive(Sequence)]
struct Pbes2Params<'a> {
    key_derivation: AlgorithmIdentifierRef<'a>,
    encryption: AlgorithmIdentifierRef<'a>,
}

/// PBKDF2-params (RFC 8018 appendix A.2), with the salt that everybody uses.
#[derive(Sequence)]
struct Pbkdf2Params<'a> {
    salt: &'a OctetStringRef,
    rounds: u32,
    key_length: Option<u16>,
    prf: Option<AlgorithmIdentifierRef<'a>>,
}

/// pkcs-12PbeParams (RFC 7292 appendix C).
#[derive(Sequence)]
struct Pkcs12PbeParams<'a> {
    salt: &'a OctetStringRef,
    rounds: i32,
}

/// Decrypts what is encrypted as `algorithm` says. `bmp` is the form of the passphrase for the
/// schemes of RFC 7292. A wrong passphrase shows in the padding, but not always.
///
/// # Errors
/// The passphrase is wrong; the algorithm is not known; the parameters make no sense.
pub(crate) fn decrypt(
    algorithm: &AlgorithmIdentifierRef<'_>,
    encrypted: &[u8],
    passphrase: &Passphrase,
    bmp: &[u8],
    effort: &mut Effort,
) -> Result<Zeroizing<Vec<u8>>, CredentialError> {
    let legacy = |key_length| Legacy {
        algorithm,
        encrypted,
        bmp,
        key_length,
    };
    match algorithm.oid {
        PBES2 => pbes2(algorithm, encrypted, passphrase, effort),
        SHA_3DES_3KEY => legacy(24).decrypt::<TdesEde3>(effort),
        SHA_3DES_2KEY => legacy(16).decrypt::<TdesEde2>(effort),
        SHA_RC2_128 => legacy(16).decrypt::<Rc2>(effort),
        SHA_RC2_40 => legacy(5).decrypt::<Rc2>(effort),
        other => Err(CredentialError::Unsupported(format!(
            "the encryption {other}"
        ))),
    }
}

/// A scheme of RFC 7292 appendix C: SHA-1, and a cipher with a block of 8 bytes.
struct Legacy<'a> {
    algorithm: &'a AlgorithmIdentifierRef<'a>,
    encrypted: &'a [u8],
    bmp: &'a [u8],
    key_length: usize,
}

impl Legacy<'_> {
    fn decrypt<C: BlockCipherDecrypt + KeyInit>(
        &self,
        effort: &mut Effort,
    ) -> Result<Zeroizing<Vec<u8>>, CredentialError> {
        let params: Pkcs12PbeParams<'_> = parameters(self.algorithm)?;
        let rounds = effort.spend(params.rounds)?;
        let salt = params.salt.as_bytes();
        let key = derive::<Sha1>(self.bmp, salt, Purpose::Encryption, rounds, self.key_length);
        let iv = derive::<Sha1>(self.bmp, salt, Purpose::InitializationVector, rounds, 8);
        cbc::<C>(&key, &iv, self.encrypted)
    }
}

fn pbes2(
    algorithm: &AlgorithmIdentifierRef<'_>,
    encrypted: &[u8],
    passphrase: &Passphrase,
    effort: &mut Effort,
) -> Result<Zeroizing<Vec<u8>>, CredentialError> {
    let params: Pbes2Params<'_> = parameters(algorithm)?;
    let cipher = params.encryption.oid;
    let key_length = match cipher {
        AES128_CBC => 16,
        AES192_CBC | DES_EDE3_CBC => 24,
        AES256_CBC => 32,
        other => return Err(CredentialError::Unsupported(format!("the cipher {other}"))),
    };
    if params.key_derivation.oid != PBKDF2 {
        let name = format!("the key derivation {}", params.key_derivation.oid);
        return Err(CredentialError::Unsupported(name));
    }
    let derivation: Pbkdf2Params<'_> = parameters(&params.key_derivation)?;
    if derivation
        .key_length
        .is_some_and(|length| usize::from(length) != key_length)
    {
        return Err(CredentialError::Malformed {
            what: "the parameters of its encryption",
            why: "the length of the key is not the cipher's".to_owned(),
        });
    }
    let rounds = effort.spend(derivation.rounds)?;
    let salt = derivation.salt.as_bytes();
    let mut key = Zeroizing::new(vec![0; key_length]);
    let words = passphrase.bytes();
    match derivation.prf.map_or(HMAC_SHA1, |prf| prf.oid) {
        HMAC_SHA1 => pbkdf2::pbkdf2_hmac::<Sha1>(words, salt, rounds, &mut key),
        HMAC_SHA224 => pbkdf2::pbkdf2_hmac::<Sha224>(words, salt, rounds, &mut key),
        HMAC_SHA256 => pbkdf2::pbkdf2_hmac::<Sha256>(words, salt, rounds, &mut key),
        HMAC_SHA384 => pbkdf2::pbkdf2_hmac::<Sha384>(words, salt, rounds, &mut key),
        HMAC_SHA512 => pbkdf2::pbkdf2_hmac::<Sha512>(words, salt, rounds, &mut key),
        other => {
            return Err(CredentialError::Unsupported(format!(
                "the function {other}"
            )));
        }
    }
    let iv: &OctetStringRef = parameters(&params.encryption)?;
    let iv = iv.as_bytes();
    match cipher {
        AES128_CBC => cbc::<Aes128>(&key, iv, encrypted),
        AES192_CBC => cbc::<Aes192>(&key, iv, encrypted),
        AES256_CBC => cbc::<Aes256>(&key, iv, encrypted),
        _ => cbc::<TdesEde3>(&key, iv, encrypted),
    }
}

fn parameters<'a, T: TryFromAny<'a>>(
    algorithm: &AlgorithmIdentifierRef<'a>,
) -> Result<T, CredentialError> {
    let any = algorithm.parameters.ok_or(CredentialError::Malformed {
        what: "the parameters of its encryption",
        why: "they are missing".to_owned(),
    })?;
    T::try_from_any(any).map_err(CredentialError::malformed(
        "the parameters of its encryption",
    ))
}

/// What parameters are read as.
trait TryFromAny<'a>: Sized {
    fn try_from_any(any: AnyRef<'a>) -> Result<Self, der::Error>;
}

impl<'a, T: der::Choice<'a> + der::DecodeValue<'a, Error = der::Error>> TryFromAny<'a> for T {
    fn try_from_any(any: AnyRef<'a>) -> Result<Self, der::Error> {
        any.decode_as()
    }
}

fn cbc<C: BlockCipherDecrypt + KeyInit>(
    key: &[u8],
    iv: &[u8],
    encrypted: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CredentialError> {
    let cipher = cbc::Decryptor::<C>::new_from_slices(key, iv);
    let cipher = cipher.map_err(|_| CredentialError::Malformed {
        what: "the parameters of its encryption",
        why: "the initialization vector is not as long as a block".to_owned(),
    })?;
    let mut plain = Zeroizing::new(encrypted.to_vec());
    let length = cipher
        .decrypt_padded::<Pkcs7>(&mut plain)
        .map_err(|_| CredentialError::WrongPassphrase)?
        .len();
    plain.truncate(length);
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use der::Decode as _;

    use super::*;

    #[test]
    fn parameters_that_ask_for_endless_work_are_refused_at_once() {
        // 2^31-1 rounds of PBKDF2, AES-256.
        let der = [
            &[
                0x30, 0x4B, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x05, 0x0D,
            ][..],
            &[
                0x30, 0x3E, 0x30, 0x1D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x05,
            ],
            &[
                0x0C, 0x30, 0x10, 0x04, 0x08, 1, 2, 3, 4, 5, 6, 7, 8, 0x02, 0x04, 0x7F, 0xFF, 0xFF,
            ],
            &[
                0xFF, 0x30, 0x1D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2A,
            ],
            &[0x04, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ]
        .concat();
        let algorithm = AlgorithmIdentifierRef::from_der(&der).expect("an algorithm");
        let passphrase = Passphrase::empty();
        let result = decrypt(
            &algorithm,
            &[0; 16],
            &passphrase,
            &[],
            &mut Effort::default(),
        );
        assert_eq!(
            result.map(|plain| plain.to_vec()),
            Err(CredentialError::Rounds)
        );
    }
}
