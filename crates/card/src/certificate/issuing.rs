//! What the certificate of an issuer lets it sign (RFC 5280 §6.1.4, §6.3.3), as OpenSSL has it.

use kortlab_apdu::tlv::{Tag, read_one};
use kortlab_pkcs15::Severity;

use super::syntax::{BASIC_CONSTRAINTS, KEY_CERT_SIGN, KEY_USAGE};
use super::{CertificateInfo, Rule, same_name};

/// cRLSign, in the first byte of keyUsage (RFC 5280 §4.2.1.3).
const CRL_SIGN: u8 = 0x02;

/// Why it is not one whose extensions programs accept, whatever it is for.
const UNKNOWN_CRITICAL: &str = "has a critical extension that programs do not know (RFC 5280 §4.2)";

/// Why this may not be the certificate of who issues others; `None` if it may. One of version 1 says
/// nothing of that: it may be a root.
pub(crate) fn why_no_issuer(info: &CertificateInfo) -> Option<&'static str> {
    let is_root = || same_name(&info.subject_der, &info.issuer_der);
    let constraints = info.extension(BASIC_CONSTRAINTS);
    if info.has_unknown_critical {
        return Some(UNKNOWN_CRITICAL);
    }
    let mut faults = info.faults.iter();
    if faults.any(|fault| fault.rule == Rule::Profile && fault.severity == Severity::Error) {
        return Some("is one that programs refuse for how it is written");
    }
    match constraints {
        Some(_) if !info.is_authority() => {
            return Some("says that it is no authority's (cA, RFC 5280 §4.2.1.9)");
        }
        None if info.version != 0 => {
            return Some("does not say that it is an authority's (cA, RFC 5280 §4.2.1.9)");
        }
        None if !is_root() => {
            return Some("does not say that it is an authority's, and is no root");
        }
        _ => {}
    }
    (!may(info, KEY_CERT_SIGN))
        .then_some("is not for signing certificates (keyCertSign, RFC 5280 §4.2.1.3)")
}

/// Why this may not be the certificate of who signs revocation lists; `None` if it may.
pub(crate) fn why_no_list_issuer(info: &CertificateInfo) -> Option<&'static str> {
    if info.has_unknown_critical {
        return Some(UNKNOWN_CRITICAL);
    }
    (!may(info, CRL_SIGN)).then_some("is not for signing lists (cRLSign, RFC 5280 §4.2.1.3)")
}

/// Whether keyUsage has this bit of its first byte, or is not there.
fn may(info: &CertificateInfo, bit: u8) -> bool {
    info.extension(KEY_USAGE).is_none_or(|usage| {
        let bits = read_one(usage)
            .ok()
            .filter(|bits| bits.tag == Tag::BIT_STRING);
        let first = bits.and_then(|bits| bits.value.get(1).copied());
        first.is_some_and(|first| first & bit != 0)
    })
}
