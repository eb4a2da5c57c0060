//! The syntax of the answer of an OCSP responder (RFC 6960 §4.2.1), as strictly as a certificate's.

use kortlab_apdu::tlv::{Tag, Tlv, read_one};

use super::algorithm;
use super::extensions::wrapped_extensions;
use super::names::name;
use super::parts::{Parts, inner};
use crate::certificate::fault::{Fault, Faults};
use crate::certificate::{der_rules, faults};

/// The first thing that makes these bytes no OCSPResponse in DER; `None` if there is nothing. The offset
/// of what stands in its OCTET STRING is that in the whole answer.
pub(crate) fn answer_fault(der: &[u8]) -> Option<Fault> {
    faults(der, check).first_error()
}

fn check(der: &[u8], faults: &mut Faults) {
    let Ok(outer) = read_one(der) else {
        return;
    };
    let mut parts = Parts::of("the answer", &outer, faults);
    parts.need(Tag::ENUMERATED, "its status", faults);
    let wrapper = parts.take(Tag::context(0, true));
    parts.end(faults);
    let Some(wrapper) = wrapper else { return };
    let mut parts = Parts::of("the responseBytes", &wrapper, faults);
    let bytes = parts.need(Tag::SEQUENCE, "their SEQUENCE", faults);
    parts.end(faults);
    let Some(bytes) = bytes else { return };
    let mut parts = Parts::of("the responseBytes", &bytes, faults);
    parts.need(Tag::OBJECT_IDENTIFIER, "their type", faults);
    let content = parts.need(Tag::OCTET_STRING, "the response", faults);
    parts.end(faults);
    let Some(content) = content else { return };
    let base = content.value_offset();
    der_rules::check(content.value, base, faults);
    if let Some(basic) = inner(
        "the basic response",
        Tag::SEQUENCE,
        content.value,
        base,
        faults,
    ) {
        self::basic(&basic, faults);
    }
}

/// BasicOCSPResponse.
fn basic(basic: &Tlv<'_>, faults: &mut Faults) {
    let mut parts = Parts::of("the basic response", basic, faults);
    let data = parts.need(Tag::SEQUENCE, "the tbsResponseData", faults);
    if let Some(algorithm) = parts.need(Tag::SEQUENCE, "the signatureAlgorithm", faults) {
        self::algorithm(&algorithm, faults);
    }
    parts.need(Tag::BIT_STRING, "the signature", faults);
    parts.take(Tag::context(0, true));
    parts.end(faults);
    let Some(data) = data else { return };
    let mut parts = Parts::of("the tbsResponseData", &data, faults);
    parts.take(Tag::context(0, true));
    responder(parts.any().as_ref(), &data, faults);
    parts.need(Tag::GENERALIZED_TIME, "producedAt", faults);
    if let Some(singles) = parts.need(Tag::SEQUENCE, "the responses", faults) {
        for single in singles.children().map_while(Result::ok) {
            self::single(&single, faults);
        }
    }
    if let Some(wrapper) = parts.take(Tag::context(1, true)) {
        wrapped_extensions(&wrapper, faults);
    }
    parts.end(faults);
}

fn responder(responder: Option<&Tlv<'_>>, data: &Tlv<'_>, faults: &mut Faults) {
    let Some(responder) = responder else {
        faults.error(data.offset, "the answer does not say whose it is");
        return;
    };
    let mut parts = Parts::of("the responder", responder, faults);
    if responder.tag == Tag::context(1, true) {
        if let Some(named) = parts.need(Tag::SEQUENCE, "its name", faults) {
            name(&named, faults);
        }
    } else if responder.tag == Tag::context(2, true) {
        parts.need(Tag::OCTET_STRING, "the hash of its key", faults);
    } else {
        faults.error(responder.offset, "the answer does not say whose it is");
        return;
    }
    parts.end(faults);
}

/// SingleResponse.
fn single(single: &Tlv<'_>, faults: &mut Faults) {
    if single.tag != Tag::SEQUENCE {
        faults.error(single.offset, "a single response that is no SEQUENCE");
        return;
    }
    let mut parts = Parts::of("the single response", single, faults);
    if let Some(id) = parts.need(Tag::SEQUENCE, "the certID", faults) {
        let mut parts = Parts::of("the certID", &id, faults);
        if let Some(algorithm) = parts.need(Tag::SEQUENCE, "its algorithm", faults) {
            self::algorithm(&algorithm, faults);
        }
        parts.need(Tag::OCTET_STRING, "the hash of the issuer's name", faults);
        parts.need(Tag::OCTET_STRING, "the hash of the issuer's key", faults);
        parts.need(Tag::INTEGER, "the serial number", faults);
        parts.end(faults);
    }
    match parts.any() {
        Some(status) => self::status(&status, faults),
        None => faults.error(single.offset, "a single response without a status"),
    }
    parts.need(Tag::GENERALIZED_TIME, "thisUpdate", faults);
    if let Some(wrapper) = parts.take(Tag::context(0, true)) {
        let mut parts = Parts::of("nextUpdate", &wrapper, faults);
        parts.need(Tag::GENERALIZED_TIME, "its time", faults);
        parts.end(faults);
    }
    if let Some(wrapper) = parts.take(Tag::context(1, true)) {
        wrapped_extensions(&wrapper, faults);
    }
    parts.end(faults);
}

/// CertStatus: good and unknown are NULLs.
fn status(status: &Tlv<'_>, faults: &mut Faults) {
    match status.tag.value() {
        0x80 | 0x82 if status.value.is_empty() => {}
        0xA1 => {
            let mut parts = Parts::of("the revocation", status, faults);
            parts.need(Tag::GENERALIZED_TIME, "its date", faults);
            if let Some(wrapper) = parts.take(Tag::context(0, true)) {
                let mut parts = Parts::of("the reason", &wrapper, faults);
                parts.need(Tag::ENUMERATED, "its number", faults);
                parts.end(faults);
            }
            parts.end(faults);
        }
        _ => faults.error(status.offset, "a status that is none"),
    }
}
