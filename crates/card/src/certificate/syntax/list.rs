//! The syntax of a revocation list (RFC 5280 §5.1), as strictly as a certificate's.

use kortlab_apdu::tlv::{Tag, Tlv, read_one};

use super::algorithm;
use super::extensions::{extension_list, wrapped_extensions};
use super::names::name;
use super::parts::Parts;
use crate::certificate::fault::{Fault, Faults};
use crate::certificate::faults;
use crate::certificate::time::UTC_TIME;

/// The first thing that makes the list in `der` none in DER; `None` if there is nothing.
pub(crate) fn list_fault(der: &[u8]) -> Option<Fault> {
    faults(der, check).first_error()
}

fn check(der: &[u8], faults: &mut Faults) {
    let Ok(outer) = read_one(der) else {
        return;
    };
    let mut parts = Parts::of("the list", &outer, faults);
    let body = parts.need(Tag::SEQUENCE, "the tbsCertList", faults);
    let outside = parts.need(Tag::SEQUENCE, "the signatureAlgorithm", faults);
    parts.need(Tag::BIT_STRING, "the signatureValue", faults);
    parts.end(faults);
    if outer.tag != Tag::SEQUENCE {
        faults.error(outer.offset, "the list is no SEQUENCE");
    }
    let Some(body) = body else { return };
    let inside = self::body(&body, faults);
    if let (Some(outside), Some(inside)) = (outside, inside) {
        algorithm(&outside, faults);
        if outside.raw != inside.raw {
            faults.error(
                outside.offset,
                "the signatureAlgorithm is not the one inside the list (RFC 5280 §5.1.1.2)",
            );
        }
    }
}

/// The TBSCertList; gives back its signature algorithm.
fn body<'a>(body: &Tlv<'a>, faults: &mut Faults) -> Option<Tlv<'a>> {
    let mut parts = Parts::of("the tbsCertList", body, faults);
    if let Some(version) = parts.take(Tag::INTEGER)
        && version.value != [1]
    {
        faults.error(
            version.offset,
            "a version that a list does not have (RFC 5280 §5.1.2.1)",
        );
    }
    let signature = parts.need(Tag::SEQUENCE, "the signature algorithm", faults);
    if let Some(signature) = &signature {
        algorithm(signature, faults);
    }
    if let Some(issuer) = parts.need(Tag::SEQUENCE, "the issuer", faults) {
        name(&issuer, faults);
    }
    if !is_time(parts.any().as_ref()) {
        faults.error(body.offset, "thisUpdate is not where it must be");
    }
    if parts.take(UTC_TIME).is_none() {
        parts.take(Tag::GENERALIZED_TIME);
    }
    if let Some(entries) = parts.take(Tag::SEQUENCE) {
        for entry in entries.children().map_while(Result::ok) {
            self::entry(&entry, faults);
        }
    }
    if let Some(wrapper) = parts.take(Tag::context(0, true)) {
        wrapped_extensions(&wrapper, faults);
    }
    parts.end(faults);
    signature
}

/// An entry of revokedCertificates.
fn entry(entry: &Tlv<'_>, faults: &mut Faults) {
    if entry.tag != Tag::SEQUENCE {
        faults.error(entry.offset, "an entry that is no SEQUENCE");
        return;
    }
    let mut parts = Parts::of("the entry", entry, faults);
    parts.need(Tag::INTEGER, "its serial number", faults);
    if !is_time(parts.any().as_ref()) {
        faults.error(entry.offset, "the entry has no date where it must be");
    }
    if let Some(list) = parts.take(Tag::SEQUENCE) {
        extension_list(&list, faults);
    }
    parts.end(faults);
}

fn is_time(element: Option<&Tlv<'_>>) -> bool {
    element.is_some_and(|element| matches!(element.tag, UTC_TIME | Tag::GENERALIZED_TIME))
}
