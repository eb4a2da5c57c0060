//! The syntax of a revocation list (RFC 5280 §5.1), as strictly as a certificate's.

use kortlab_apdu::tlv::{Tag, Tlv, read_one};

use super::YEAR_2050;
use super::algorithm;
use super::extensions::{extension_list, wrapped_extensions};
use super::names::name;
use super::parts::Parts;
use crate::certificate::fault::{Fault, Faults};
use crate::certificate::faults;
use crate::certificate::time::{ReadTime, UTC_TIME};

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
    let version = parts.take(Tag::INTEGER);
    if let Some(version) = version
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
    if !is_time(parts.any().as_ref(), faults) {
        faults.error(body.offset, "thisUpdate is not where it must be");
    }
    let next = parts.take(UTC_TIME);
    if let Some(next) = next.or_else(|| parts.take(Tag::GENERALIZED_TIME)) {
        is_time(Some(&next), faults);
    }
    let mut of_version_2 = None;
    if let Some(entries) = parts.take(Tag::SEQUENCE) {
        if entries.value.is_empty() {
            faults.error(
                entries.offset,
                "a list of no entries, which must not be there (RFC 5280 §5.1.2.6)",
            );
        }
        for entry in entries.children().map_while(Result::ok) {
            let extensions = self::entry(&entry, faults);
            of_version_2 = of_version_2.or(extensions);
        }
    }
    if let Some(wrapper) = parts.take(Tag::context(0, true)) {
        wrapped_extensions(&wrapper, faults);
        of_version_2 = of_version_2.or(Some(wrapper.offset));
    }
    if let (None, Some(at)) = (version, of_version_2) {
        faults.error(
            at,
            "extensions in a list that does not say that it is of version 2 (RFC 5280 §5.1.2.1)",
        );
    }
    parts.end(faults);
    signature
}

/// An entry of revokedCertificates; gives back where its extensions are.
fn entry(entry: &Tlv<'_>, faults: &mut Faults) -> Option<usize> {
    if entry.tag != Tag::SEQUENCE {
        faults.error(entry.offset, "an entry that is no SEQUENCE");
        return None;
    }
    let mut parts = Parts::of("the entry", entry, faults);
    parts.need(Tag::INTEGER, "its serial number", faults);
    if !is_time(parts.any().as_ref(), faults) {
        faults.error(entry.offset, "the entry has no date where it must be");
    }
    let list = parts.take(Tag::SEQUENCE);
    if let Some(list) = &list {
        extension_list(list, faults);
    }
    parts.end(faults);
    list.map(|list| list.offset)
}

/// Whether it is a time at all. Before 2050 it must be a UTCTime (RFC 5280 §5.1.2.4 to §5.1.2.6).
fn is_time(element: Option<&Tlv<'_>>, faults: &mut Faults) -> bool {
    let Some(time) = element.filter(|time| matches!(time.tag, UTC_TIME | Tag::GENERALIZED_TIME))
    else {
        return false;
    };
    let at = ReadTime::read(time).map(ReadTime::unix_seconds);
    if time.tag == Tag::GENERALIZED_TIME && at.is_some_and(|at| at < YEAR_2050) {
        faults.error(
            time.offset,
            "a GeneralizedTime before 2050, where a UTCTime must be (RFC 5280 §5.1.2.4)",
        );
    }
    true
}
