//! Whether another name of a certificate or of its key (CredentialIdentifier, PKCS#15 §6.1.6) is one of
//! that certificate.

use kortlab_apdu::tlv::{Tag, Tlv, object, read_one};
use kortlab_pkcs15::CredentialIdentifier;

use crate::certificate::{CertificateInfo, same_name, shortest};
use crate::padding::Hash;

/// The kinds of identifiers of certificates; those of keys of PGP are not looked at.
const ISSUER_AND_SERIAL_NUMBER: u32 = 1;
const SUBJECT_KEY_IDENTIFIER: u32 = 2;
const ISSUER_AND_SERIAL_NUMBER_HASH: u32 = 3;
const SUBJECT_KEY_HASH: u32 = 4;
const ISSUER_KEY_HASH: u32 = 5;
const ISSUER_NAME_HASH: u32 = 6;
const SUBJECT_NAME_HASH: u32 = 7;

/// The lengths of digests of functions that are not known here: MD5, SHA-224.
const OTHER_DIGESTS: [usize; 2] = [16, 28];

/// What the identifier says otherwise than the certificate; nothing where they agree, or where that
/// cannot be told. `issuers` are the certificates of issuers that are at hand.
pub(super) fn otherwise(
    identifier: &CredentialIdentifier,
    info: &CertificateInfo,
    issuers: &[CertificateInfo],
) -> Option<&'static str> {
    let value = identifier.id_value.value();
    let is_hash_of = |parts: &[&[u8]]| parts.iter().any(|part| is_hash(value, part));
    let (what, is_own) = match identifier.id_type {
        ISSUER_AND_SERIAL_NUMBER => (
            "issuer and serial number",
            is_issuer_and_number(identifier.id_value.bytes(), info)
                || is_issuer_and_number(value, info),
        ),
        SUBJECT_KEY_IDENTIFIER => (
            "key identifier",
            is_key_identifier(value, info.subject_key_identifier()?),
        ),
        ISSUER_AND_SERIAL_NUMBER_HASH => (
            "hash of issuer and serial number",
            is_hash_of(&[&issuer_and_number(info)]),
        ),
        SUBJECT_KEY_HASH => ("hash of the key", is_hash_of_key(value, info)),
        ISSUER_KEY_HASH => {
            let mut own = issuers
                .iter()
                .filter(|issuer| same_name(&issuer.subject_der, &info.issuer_der))
                .peekable();
            own.peek()?;
            let names = info.authority_key_identifier() == Some(value);
            (
                "hash of the issuer's key",
                names || own.any(|issuer| is_hash_of_key(value, issuer)),
            )
        }
        ISSUER_NAME_HASH => ("hash of the issuer's name", is_hash_of(&[&info.issuer_der])),
        SUBJECT_NAME_HASH => ("hash of the name", is_hash_of(&[&info.subject_der])),
        _ => return None,
    };
    (!is_own).then_some(what)
}

/// Whether `digest` is one of these bytes, by whatever function; one of a length that only unknown
/// functions have may be.
pub(super) fn is_hash(digest: &[u8], bytes: &[u8]) -> bool {
    let is_one = |hash: &Hash| hash.len() == digest.len() && hash.digest(bytes) == digest;
    OTHER_DIGESTS.contains(&digest.len()) || Hash::ALL.iter().any(is_one)
}

/// An IssuerAndSerialNumber (RFC 5652 §10.2.4) of the certificate, as DER has it.
fn issuer_and_number(info: &CertificateInfo) -> Vec<u8> {
    let number = object(Tag::INTEGER, &info.serial_number);
    object(
        Tag::SEQUENCE,
        &[info.issuer_der.as_slice(), &number].concat(),
    )
}

fn is_issuer_and_number(bytes: &[u8], info: &CertificateInfo) -> bool {
    let Ok(both) = read_one(bytes) else {
        return false;
    };
    let parts: Vec<Tlv<'_>> = both.children().map_while(Result::ok).collect();
    match parts.as_slice() {
        [name, number] if number.tag == Tag::INTEGER => {
            same_name(name.raw, &info.issuer_der)
                && shortest(number.value) == shortest(&info.serial_number)
        }
        _ => false,
    }
}

/// The identifier itself, or the value of the extension, which is an OCTET STRING with it.
fn is_key_identifier(value: &[u8], own: &[u8]) -> bool {
    let inner = read_one(value).map(|inner| inner.value);
    value == own || inner.is_ok_and(|inner| inner == own)
}

/// The standard does not say of which bytes of the key: all that programs take.
fn is_hash_of_key(digest: &[u8], info: &CertificateInfo) -> bool {
    let spki = info.public_key_der.as_slice();
    let bits = read_one(spki).ok().and_then(|spki| {
        let mut parts = spki.children();
        parts.nth(1)?.ok()
    });
    let of_bits = bits.is_some_and(|bits| {
        let content = bits.value.get(1..).unwrap_or_default();
        [bits.raw, bits.value, content]
            .iter()
            .any(|part| is_hash(digest, part))
    });
    let modulus = info.public_key.as_ref().map(|key| key.modulus());
    is_hash(digest, spki)
        || of_bits
        || modulus.is_some_and(|modulus| is_hash(digest, modulus))
        || info.subject_key_identifier() == Some(digest)
}
