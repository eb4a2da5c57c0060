//! PKCS#12 files (RFC 7292): what browsers, Windows, Java and OpenSSL export.

mod mac;

use const_oid::ObjectIdentifier;
use der::asn1::{AnyRef, OctetStringRef};
use der::{Decode as _, Encode as _, Sequence, Tag, TagNumber, Tagged as _};
use spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use self::mac::MacData;
use crate::encryption::decrypt;
use crate::private_key::{BEGIN, END, base64, decrypt_pkcs8, from_pkcs8};
use crate::{CredentialError, Effort, Holdings, Passphrase, ber};

const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const ENCRYPTED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.6");
const KEY_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.1");
const SHROUDED_KEY_BAG: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.2");
const CERT_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.3");
const SAFE_CONTENTS_BAG: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.6");
const X509_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.22.1");

/// The most keys and certificates of a file that are read; the card has places for fewer.
const MAX_KEYS: usize = 16;
const MAX_CERTIFICATES: usize = 256;

/// How deep bags may lie in bags.
const DEPTH: usize = 4;

/// PFX (RFC 7292 §4).
#[derive(Sequence)]
struct Pfx<'a> {
    version: u8,
    auth_safe: ContentInfo<'a>,
    mac_data: Option<MacData<'a>>,
}

/// ContentInfo (RFC 5652 §3).
#[derive(Sequence)]
struct ContentInfo<'a> {
    content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    content: AnyRef<'a>,
}

/// EncryptedData (RFC 5652 §8), without attributes.
#[derive(Sequence)]
struct EncryptedData<'a> {
    version: u8,
    info: EncryptedContentInfo<'a>,
}

/// EncryptedContentInfo (RFC 5652 §6.1). The content is an implicitly tagged OCTET STRING, in one
/// piece or in several.
#[derive(Sequence)]
struct EncryptedContentInfo<'a> {
    content_type: ObjectIdentifier,
    algorithm: AlgorithmIdentifierRef<'a>,
    content: AnyRef<'a>,
}

/// SafeBag (RFC 7292 §4.2). What the attributes say is not needed.
#[derive(Sequence)]
struct SafeBag<'a> {
    bag: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    value: AnyRef<'a>,
    attributes: Option<AnyRef<'a>>,
}

/// CertBag (RFC 7292 §4.2.3).
#[derive(Sequence)]
struct CertBag<'a> {
    kind: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    value: &'a OctetStringRef,
}

/// What is in a PEM file with a PKCS#12 file in it, as some programs write it; `None` if it is none.
fn pem(file: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, CredentialError> {
    // The words around it may be in any encoding.
    let text = Zeroizing::new(String::from_utf8_lossy(file).into_owned());
    let label = "PKCS12";
    let inside = text
        .split_once(&format!("{BEGIN}{label}-----"))
        .and_then(|(_, body)| body.split_once(END));
    inside
        .map(|(body, _)| base64(FILE, label, body))
        .transpose()
}

/// Reads the private keys and certificates of a PKCS#12 file. Without a passphrase a file is read
/// that is not encrypted, or with an empty one.
///
/// # Errors
/// It is no such file, the passphrase is missing or wrong, it uses what is not known here, or it
/// has a key that is not RSA.
pub fn read_pkcs12(
    file: &[u8],
    passphrase: Option<&Passphrase>,
    effort: &mut Effort,
) -> Result<Holdings, CredentialError> {
    let from_pem = pem(file)?;
    let file = from_pem.as_ref().map_or(file, |der| der.as_slice());
    let der = ber::to_der(file).map_err(|error| no_pkcs12(&error))?;
    let pfx = Pfx::from_der(&der).map_err(CredentialError::malformed(FILE))?;
    if pfx.version != 3 {
        return Err(CredentialError::Unsupported(format!(
            "version {} of PKCS#12",
            pfx.version
        )));
    }
    if pfx.auth_safe.content_type == SIGNED_DATA {
        return Err(CredentialError::Unsupported(
            "a signature in place of a MAC".to_owned(),
        ));
    }
    let content = octets(&pfx.auth_safe)?;
    let empty = Passphrase::empty();
    let mut wrong = match passphrase {
        Some(_) => CredentialError::WrongPassphrase,
        None => CredentialError::NeedsPassphrase,
    };
    let passphrase = passphrase.unwrap_or(&empty);
    for bmp in passphrase.bmp_forms() {
        let is_right = match &pfx.mac_data {
            Some(mac) => mac.fits(content, &bmp, effort)?,
            None => true,
        };
        if !is_right {
            continue;
        }
        let mut reading = Reading {
            passphrase,
            bmp: &bmp,
            effort: &mut *effort,
            is_checked: pfx.mac_data.is_some(),
            holdings: Holdings::default(),
        };
        match reading.authenticated_safe(content) {
            Ok(()) => return Ok(reading.holdings),
            Err(CredentialError::WrongPassphrase) if pfx.mac_data.is_some() => {
                // The MAC fits this passphrase, what is inside does not.
                wrong = CredentialError::WrongPassphrase;
            }
            Err(CredentialError::WrongPassphrase) => {}
            Err(error) => return Err(error),
        }
    }
    Err(wrong)
}

const FILE: &str = "the PKCS#12 file";

fn no_pkcs12(error: &CredentialError) -> CredentialError {
    CredentialError::Malformed {
        what: FILE,
        why: match error {
            CredentialError::Malformed { why, .. } => why.clone(),
            other => other.to_string(),
        },
    }
}

fn octets<'a>(info: &ContentInfo<'a>) -> Result<&'a [u8], CredentialError> {
    if info.content_type != DATA {
        let name = format!("contents of the type {}", info.content_type);
        return Err(CredentialError::Unsupported(name));
    }
    let octets: &OctetStringRef = info
        .content
        .decode_as()
        .map_err(CredentialError::malformed(FILE))?;
    Ok(octets.as_bytes())
}

/// What is read, with what.
struct Reading<'a> {
    passphrase: &'a Passphrase,
    bmp: &'a [u8],
    effort: &'a mut Effort,
    /// Whether a MAC has shown that the passphrase is right.
    is_checked: bool,
    holdings: Holdings,
}

impl Reading<'_> {
    fn authenticated_safe(&mut self, content: &[u8]) -> Result<(), CredentialError> {
        let der = ber::to_der(content)?;
        let safes = Vec::<ContentInfo<'_>>::from_der(&der);
        for safe in safes.map_err(CredentialError::malformed(FILE))? {
            match safe.content_type {
                ENCRYPTED_DATA => {
                    let contents = self.decrypted(safe.content)?;
                    self.safe_contents(&contents, 0)?;
                }
                _ => self.safe_contents(octets(&safe)?, 0)?,
            }
        }
        Ok(())
    }

    fn decrypted(&mut self, content: AnyRef<'_>) -> Result<Zeroizing<Vec<u8>>, CredentialError> {
        let malformed = CredentialError::malformed("an encrypted part of the file");
        let data: EncryptedData<'_> = content.decode_as().map_err(&malformed)?;
        let content = data.info.content;
        let encrypted = match content.tag() {
            Tag::ContextSpecific {
                constructed: false,
                number: TagNumber(0),
            } => content.value().to_vec(),
            Tag::ContextSpecific {
                constructed: true,
                number: TagNumber(0),
            } => ber::joined(content.value())?.to_vec(),
            other => return Err(malformed(other.value_error().into())),
        };
        self.decrypt(&data.info.algorithm, &encrypted)
    }

    fn decrypt(
        &mut self,
        algorithm: &AlgorithmIdentifierRef<'_>,
        encrypted: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CredentialError> {
        decrypt(algorithm, encrypted, self.passphrase, self.bmp, self.effort)
    }

    fn safe_contents(&mut self, content: &[u8], depth: usize) -> Result<(), CredentialError> {
        if depth == DEPTH {
            return Err(CredentialError::Unsupported(
                "bags in bags in bags".to_owned(),
            ));
        }
        let malformed = CredentialError::malformed("a bag of the file");
        // What a wrong passphrase leaves may have good padding, but is no list of bags.
        let der = ber::to_der(content).map_err(|error| self.garbled(error))?;
        let bags =
            Vec::<SafeBag<'_>>::from_der(&der).map_err(|error| self.garbled(malformed(error)))?;
        for bag in bags {
            let holdings = &self.holdings;
            if holdings.keys.len() >= MAX_KEYS || holdings.certificates.len() >= MAX_CERTIFICATES {
                return Err(CredentialError::TooMuch);
            }
            let value = bag.value.to_der().map_err(&malformed)?;
            let value = Zeroizing::new(value);
            match bag.bag {
                KEY_BAG => self.holdings.keys.push(from_pkcs8(&value)?),
                SHROUDED_KEY_BAG => {
                    let key = decrypt_pkcs8(&value, self.passphrase, self.bmp, self.effort)?;
                    let key = from_pkcs8(&key).map_err(|error| match error {
                        CredentialError::Malformed { .. } => self.garbled(error),
                        other => other,
                    })?;
                    self.holdings.keys.push(key);
                }
                CERT_BAG => {
                    let bag = CertBag::from_der(&value).map_err(&malformed)?;
                    if bag.kind == X509_CERTIFICATE {
                        self.holdings
                            .certificates
                            .push(bag.value.as_bytes().to_vec());
                    }
                }
                SAFE_CONTENTS_BAG => self.safe_contents(&value, depth + 1)?,
                // Revocation lists and secrets have no place on the card.
                _ => {}
            }
        }
        Ok(())
    }

    /// Bytes without a meaning, after a decryption that nothing has checked.
    fn garbled(&self, error: CredentialError) -> CredentialError {
        match self.is_checked {
            true => error,
            false => CredentialError::WrongPassphrase,
        }
    }
}
