//! Private keys: PKCS#8 (RFC 5958), encrypted or not, and PKCS#1 (RFC 8017 appendix A.1.2).

use const_oid::ObjectIdentifier;
use der::asn1::OctetStringRef;
use der::{Decode as _, Sequence};
use kortlab_emulator::crypto::RsaKey;
use pkcs8::PrivateKeyInfoRef;
use spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use crate::encryption::decrypt;
use crate::{CredentialError, Effort, Passphrase, ber};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const ED448: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.113");

const KEY: &str = "the private key";
pub(crate) const BEGIN: &str = "-----BEGIN ";
pub(crate) const END: &str = "-----END ";
/// The most private keys of a PEM file that are counted.
const MAX_KEYS: usize = 64;

/// EncryptedPrivateKeyInfo (RFC 5958 §3).
#[derive(Sequence)]
struct EncryptedPrivateKeyInfo<'a> {
    algorithm: AlgorithmIdentifierRef<'a>,
    encrypted: &'a OctetStringRef,
}

/// Reads a private key from a PEM or DER file; other things in a PEM file do not matter.
///
/// # Errors
/// There is none, it is not RSA, or the passphrase is missing or wrong.
pub fn read_key(
    file: &[u8],
    passphrase: Option<&Passphrase>,
    effort: &mut Effort,
) -> Result<RsaKey, CredentialError> {
    let Some(PemKey { form, der }) = pem(file)? else {
        return from_der(file, passphrase, effort);
    };
    match form {
        Form::Pkcs8 => from_pkcs8(&der),
        Form::Encrypted => from_encrypted(&der, passphrase, effort),
        Form::Pkcs1 => from_pkcs1(&der),
    }
}

/// What a PEM label says (RFC 7468 §10 and §11, and what OpenSSL calls PKCS#1).
enum Form {
    Pkcs8,
    Encrypted,
    Pkcs1,
}

/// A private key of a PEM file, without its base64.
struct PemKey {
    form: Form,
    der: Zeroizing<Vec<u8>>,
}

/// The one private key of a PEM file; `None` if it is no PEM file.
fn pem(file: &[u8]) -> Result<Option<PemKey>, CredentialError> {
    let text = Zeroizing::new(String::from_utf8_lossy(file).into_owned());
    let mut is_pem = false;
    let mut keys = Vec::new();
    let mut rest = text.as_str();
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let Some((label, body)) = after.split_once("-----") else {
            break;
        };
        is_pem = true;
        rest = body;
        let form = match label {
            "PRIVATE KEY" => Form::Pkcs8,
            "ENCRYPTED PRIVATE KEY" => Form::Encrypted,
            "RSA PRIVATE KEY" => Form::Pkcs1,
            "EC PRIVATE KEY" => return Err(CredentialError::NotRsa("an EC key".to_owned())),
            "DSA PRIVATE KEY" => return Err(CredentialError::NotRsa("a DSA key".to_owned())),
            "OPENSSH PRIVATE KEY" => {
                let name = "OpenSSH's own form of private keys".to_owned();
                return Err(CredentialError::Unsupported(name));
            }
            _ => continue,
        };
        if body.trim_start().starts_with("Proc-Type:") {
            let name = "the old encryption of PEM files (DEK-Info)".to_owned();
            return Err(CredentialError::Unsupported(name));
        }
        let body = body.split_once(END).map_or(body, |(body, _)| body);
        if keys.len() == MAX_KEYS {
            return Err(CredentialError::TooMuch);
        }
        let der = base64(KEY, label, body)?;
        keys.push(PemKey { form, der });
    }
    match keys.len() {
        0 if is_pem => Err(CredentialError::NoKey),
        0 | 1 => Ok(keys.pop()),
        several => Err(CredentialError::SeveralKeys(several)),
    }
}

/// What is between the lines of a PEM file, whatever the length of its lines; `what` it is for people.
pub(crate) fn base64(
    what: &'static str,
    label: &str,
    body: &str,
) -> Result<Zeroizing<Vec<u8>>, CredentialError> {
    let mut lines = Zeroizing::new(String::with_capacity(body.len() * 2 + 128));
    lines.push_str(BEGIN);
    lines.push_str(label);
    lines.push_str("-----");
    for (index, character) in body.chars().filter(|one| !one.is_whitespace()).enumerate() {
        if index % 64 == 0 {
            lines.push('\n');
        }
        lines.push(character);
    }
    lines.push('\n');
    lines.push_str(END);
    lines.push_str(label);
    lines.push_str("-----\n");
    let (_, bytes) =
        der::pem::decode_vec(lines.as_bytes()).map_err(|error| CredentialError::Malformed {
            what,
            why: error.to_string(),
        })?;
    Ok(Zeroizing::new(bytes))
}

fn from_der(
    der: &[u8],
    passphrase: Option<&Passphrase>,
    effort: &mut Effort,
) -> Result<RsaKey, CredentialError> {
    if PrivateKeyInfoRef::from_der(der).is_ok() {
        from_pkcs8(der)
    } else if EncryptedPrivateKeyInfo::from_der(der).is_ok() {
        from_encrypted(der, passphrase, effort)
    } else {
        from_pkcs1(der)
    }
}

fn from_encrypted(
    der: &[u8],
    passphrase: Option<&Passphrase>,
    effort: &mut Effort,
) -> Result<RsaKey, CredentialError> {
    let passphrase = passphrase.ok_or(CredentialError::NeedsPassphrase)?;
    for bmp in passphrase.bmp_forms() {
        match decrypt_pkcs8(der, passphrase, &bmp, effort) {
            // Without a MAC a wrong passphrase shows also in what makes no sense.
            Ok(der) if PrivateKeyInfoRef::from_der(&der).is_ok() => return from_pkcs8(&der),
            Ok(_) | Err(CredentialError::WrongPassphrase) => {}
            Err(error) => return Err(error),
        }
    }
    Err(CredentialError::WrongPassphrase)
}

/// The PrivateKeyInfo in an EncryptedPrivateKeyInfo.
pub(crate) fn decrypt_pkcs8(
    der: &[u8],
    passphrase: &Passphrase,
    bmp: &[u8],
    effort: &mut Effort,
) -> Result<Zeroizing<Vec<u8>>, CredentialError> {
    let info = EncryptedPrivateKeyInfo::from_der(der);
    let info = info.map_err(CredentialError::malformed(KEY))?;
    let encrypted = info.encrypted.as_bytes();
    decrypt(&info.algorithm, encrypted, passphrase, bmp, effort)
}

/// The key in a PrivateKeyInfo.
pub(crate) fn from_pkcs8(der: &[u8]) -> Result<RsaKey, CredentialError> {
    let der = ber::to_der(der)?;
    let info = PrivateKeyInfoRef::from_der(&der).map_err(CredentialError::malformed(KEY))?;
    match info.algorithm.oid {
        RSA => from_pkcs1(info.private_key.as_bytes()),
        other => Err(CredentialError::NotRsa(match other {
            EC => "an EC key".to_owned(),
            RSA_PSS => "a key for RSASSA-PSS alone".to_owned(),
            X25519 => "an X25519 key".to_owned(),
            ED25519 => "an Ed25519 key".to_owned(),
            ED448 => "an Ed448 key".to_owned(),
            other => format!("a key of the algorithm {other}"),
        })),
    }
}

fn from_pkcs1(der: &[u8]) -> Result<RsaKey, CredentialError> {
    let key = pkcs1::RsaPrivateKeyRef::from_der(der).map_err(CredentialError::malformed(KEY))?;
    if key.other_prime_infos.is_some() {
        let name = "an RSA key of more than two primes".to_owned();
        return Err(CredentialError::Unsupported(name));
    }
    let [p, q, e] = [key.prime1, key.prime2, key.public_exponent].map(|number| number.as_bytes());
    let made = RsaKey::from_primes(p, q, e)?;
    if made.modulus() == key.modulus.as_bytes() {
        return Ok(made);
    }
    Err(CredentialError::Malformed {
        what: KEY,
        why: "its primes do not make its modulus".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(file: &[u8]) -> CredentialError {
        read_key(file, None, &mut Effort::default()).expect_err("no key")
    }

    #[test]
    fn what_is_no_rsa_key_is_named() {
        let cases: [(&[u8], &str); 7] = [
            (b"", "the private key cannot be read"),
            (b"hello", "the private key cannot be read"),
            (
                b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
                "no private key",
            ),
            (b"-----BEGIN EC PRIVATE KEY-----\n", "an EC key: RSA only"),
            (b"-----BEGIN OPENSSH PRIVATE KEY-----\n", "OpenSSH"),
            (
                b"-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----\n",
                "cannot be read",
            ),
            (
                b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n",
                "DEK-Info",
            ),
        ];
        for (file, said) in cases {
            let error = error(file).to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
