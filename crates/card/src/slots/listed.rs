//! Whether the directory says of a certificate what it says itself (CommonCertificateAttributes and
//! X509CertificateAttributes, PKCS#15 §6.1.14 and §6.6.2): programs look for certificates by these
//! fields, and do not find another one.

use kortlab_apdu::tlv::{Tag, Tlv, object, read_one};
use kortlab_pkcs15::{
    Certificate, CertificateAttributes, CommonCertificateAttributes, Element, Usage, X509KeyUsage,
};

use super::identifiers::{self, is_hash};
use super::key_entries::MAX_NAMES;
use super::usage::wanted;
use super::{Slot, SlotProblem};
use crate::certificate::{CertificateInfo, EXT_KEY_USAGE, same_name, shortest};
use crate::padding::Hash;

/// hashAlg and certId of an OOBCertHash (RFC 4210 §5.2.5).
const HASH_ALGORITHM: Tag = Tag::context(0, true);
const CERTIFICATE: Tag = Tag::context(1, true);
/// The directoryName among GeneralNames.
const DIRECTORY_NAME: Tag = Tag::context(4, true);
/// anyExtendedKeyUsage (RFC 5280 §4.2.1.12), 2.5.29.37.0.
const ANY_PURPOSE: &[u8] = &[0x55, 0x1D, 0x25, 0x00];

/// What the entry of `slot` says otherwise. `issuers` are the certificates of issuers that are at hand.
pub(super) fn otherwise(
    slot: &Slot,
    info: &CertificateInfo,
    issuers: &[CertificateInfo],
) -> Vec<SlotProblem> {
    let Certificate {
        certificate,
        attributes:
            CertificateAttributes::X509 {
                subject,
                issuer,
                serial_number,
                ..
            },
        ..
    } = &slot.object
    else {
        return Vec::new();
    };
    let subject = subject.as_ref().map(|subject| subject.bytes().to_vec());
    let issuer = issuer.as_ref().map(|issuer| untagged(issuer.bytes()));
    let is_other = |said: Option<&Vec<u8>>, own: &[u8]| {
        said.is_some_and(|said| !own.is_empty() && !same_name(said, own))
    };
    let number = serial_number.as_deref().map(shortest);
    let is_other_number = number.is_some_and(|number| number != shortest(&info.serial_number));
    let usage = certificate.trusted_usage.as_ref();
    let fields = [
        ("subject", is_other(subject.as_ref(), &info.subject_der)),
        ("issuer", is_other(issuer.as_ref(), &info.issuer_der)),
        ("serial number", is_other_number),
        (
            "use (trustedUsage)",
            usage.is_some_and(|usage| is_other_usage(usage, info)),
        ),
    ];
    let fields = fields.into_iter();
    let fields = fields.filter_map(|(what, is_other)| is_other.then_some(what));
    fields
        .chain(other_names(certificate, info, issuers))
        .map(|what| SlotProblem::ListedOtherwise { what })
        .chain(
            certificate
                .cert_hash
                .as_ref()
                .and_then(|hash| other_hash(hash, &slot.der, info)),
        )
        .collect()
}

/// What of the further names of a certificate is not of this one.
fn other_names<'a>(
    certificate: &'a CommonCertificateAttributes,
    info: &'a CertificateInfo,
    issuers: &'a [CertificateInfo],
) -> impl Iterator<Item = &'static str> + 'a {
    let all = certificate
        .identifier
        .iter()
        .chain(&certificate.identifiers);
    all.take(MAX_NAMES)
        .filter_map(|identifier| identifiers::otherwise(identifier, info, issuers))
}

/// Whether the holder is said to trust the certificate for things alone for which it is not.
fn is_other_usage(usage: &Usage, info: &CertificateInfo) -> bool {
    let said = usage.key_usage.filter(|usage| !usage.is_empty());
    let is_other_use = |(said, own): (X509KeyUsage, X509KeyUsage)| !said.intersects(own);
    let purposes = info.extension(EXT_KEY_USAGE).map(purposes);
    let is_other_purpose = purposes.is_some_and(|own| {
        let said = usage.ext_key_usage.iter().map(|purpose| purpose.content());
        let mut said = said.peekable();
        let is_own =
            |purpose: &[u8]| purpose == ANY_PURPOSE || own.iter().any(|own| own == purpose);
        said.peek().is_some()
            && !own.is_empty()
            && !own.iter().any(|own| own == ANY_PURPOSE)
            && !said.any(is_own)
    });
    said.zip(wanted(info)).is_some_and(is_other_use) || is_other_purpose
}

/// The purposes in an extKeyUsage (RFC 5280 §4.2.1.12).
fn purposes(value: &[u8]) -> Vec<Vec<u8>> {
    let list =
        read_one(value).map(|list| list.children().map_while(Result::ok).collect::<Vec<_>>());
    let purposes = list.into_iter().flatten();
    purposes.map(|purpose| purpose.value.to_vec()).collect()
}

/// What is wrong with a certHash, an OOBCertHash in its tag `[0]`, of the certificate `der`.
fn other_hash(hash: &Element, der: &[u8], info: &CertificateInfo) -> Option<SlotProblem> {
    let wrong = |is_hash| Some(SlotProblem::HashOtherwise { is_hash });
    let Ok(outer) = read_one(hash.bytes()) else {
        return wrong(false);
    };
    let mut parts: Vec<_> = outer.children().map_while(Result::ok).collect();
    if let [only] = parts.as_slice()
        && only.tag == Tag::SEQUENCE
    {
        parts = only.children().map_while(Result::ok).collect();
    }
    let part = |tag: Tag| parts.iter().find(|part| part.tag == tag);
    let digest = part(Tag::BIT_STRING).and_then(|bits| bits.value.split_first());
    let Some((0, digest)) = digest else {
        return wrong(false);
    };
    let is_other_certificate = part(CERTIFICATE).is_some_and(|one| is_other_certificate(one, info));
    let is_own = match part(HASH_ALGORITHM).and_then(algorithm) {
        Some(identifier) => {
            let mut known = Hash::ALL.into_iter();
            let known = known.find(|hash| hash.identifier() == identifier);
            // Of a function that is not known here nothing can be said.
            known.is_none_or(|hash| hash.digest(der) == digest)
        }
        None => is_hash(digest, der),
    };
    match is_own && !is_other_certificate {
        true => None,
        false => wrong(true),
    }
}

/// The object identifier in an AlgorithmIdentifier, whether its own tag is there or not.
fn algorithm<'a>(outer: &Tlv<'a>) -> Option<&'a [u8]> {
    let first = outer.children().next()?.ok()?;
    match first.tag {
        Tag::OBJECT_IDENTIFIER => Some(first.value),
        Tag::SEQUENCE => {
            let first = first.children().next()?.ok()?;
            (first.tag == Tag::OBJECT_IDENTIFIER).then_some(first.value)
        }
        _ => None,
    }
}

/// Whether a CertId (RFC 4211 §7.1) names another certificate.
fn is_other_certificate(one: &Tlv<'_>, info: &CertificateInfo) -> bool {
    one.children()
        .map_while(Result::ok)
        .any(|part| match part.tag {
            Tag::INTEGER => shortest(part.value) != shortest(&info.serial_number),
            DIRECTORY_NAME => !same_name(&untagged(part.raw), &info.issuer_der),
            _ => false,
        })
}

/// A Name without the tag that tells it from the subject: around it, or in the place of its own.
fn untagged(bytes: &[u8]) -> Vec<u8> {
    let Ok(tagged) = read_one(bytes) else {
        return bytes.to_vec();
    };
    match read_one(tagged.value) {
        Ok(inner) if inner.tag == Tag::SEQUENCE => tagged.value.to_vec(),
        _ => object(Tag::SEQUENCE, tagged.value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_in_either_tag() {
        let name = [0x30, 0x04, 0x31, 0x02, 0x30, 0x00];
        let around = object(Tag::context(0, true), &name);
        let in_place = object(Tag::context(0, true), &name[2..]);
        assert_eq!(untagged(&around), name);
        assert_eq!(untagged(&in_place), name);
        assert_eq!(untagged(&[0xA0, 0x05, 0x00]), [0xA0, 0x05, 0x00]);
    }
}
