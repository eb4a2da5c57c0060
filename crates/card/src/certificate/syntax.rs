//! The syntax of a certificate (RFC 5280 §4.1, §4.2): whether each element is the one that must
//! stand there, also inside the extensions.

mod answer;
mod extensions;
mod list;
mod names;
mod parts;

use kortlab_apdu::ByteCount;
use kortlab_apdu::tlv::{Tag, Tlv, read_one};

use super::der_rules;
use super::fault::Faults;
use super::time::{ReadTime, UTC_TIME};

pub(crate) use answer::answer_fault;
use extensions::extensions;
pub(crate) use extensions::{
    AUTHORITY_INFO_ACCESS, CRL_DISTRIBUTION_POINTS, EXT_KEY_USAGE, KEY_USAGE,
};
pub(super) use extensions::{
    AUTHORITY_KEY_IDENTIFIER, BASIC_CONSTRAINTS, KEY_CERT_SIGN, NAME_CONSTRAINTS,
    SUBJECT_KEY_IDENTIFIER, is_known_critical,
};
pub(crate) use list::list_fault;
use names::name;
use parts::{Parts, inner};

/// The content of the object identifier of RSA keys.
pub(crate) const RSA_ENCRYPTION: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];

/// The most bytes of a serial number (RFC 5280 §4.1.2.2).
const MAX_SERIAL: usize = 20;

/// From this year on dates are GeneralizedTimes (RFC 5280 §4.1.2.5): 2050-01-01, in seconds since
/// the epoch.
const YEAR_2050: i64 = 2_524_608_000;

/// Checks the certificate in `der`.
pub(super) fn check(der: &[u8], faults: &mut Faults) {
    let Ok(outer) = read_one(der) else {
        return;
    };
    if let Some(more) = der
        .len()
        .checked_sub(outer.raw.len())
        .filter(|more| *more > 0)
    {
        faults.error(
            outer.raw.len(),
            format_args!("{} behind the certificate", ByteCount(more)),
        );
    }
    let mut parts = Parts::of("the certificate", &outer, faults);
    let body = parts.need(Tag::SEQUENCE, "the tbsCertificate", faults);
    let algorithm = parts.need(Tag::SEQUENCE, "the signatureAlgorithm", faults);
    let signature = parts.need(Tag::BIT_STRING, "the signatureValue", faults);
    parts.end(faults);
    if let Some(algorithm) = &algorithm {
        self::algorithm(algorithm, faults);
    }
    if let Some(signature) = signature {
        whole_bytes("the signatureValue", &signature, faults);
    }
    let Some(body) = body else { return };
    let inner = self::body(&body, faults);
    if let (Some(outer), Some(inner)) = (algorithm, inner)
        && outer.raw != inner.raw
    {
        faults.error(
            outer.offset,
            "the signatureAlgorithm is not the one inside the certificate (RFC 5280 §4.1.1.2)",
        );
    }
}

/// The TBSCertificate; gives back its signature algorithm.
fn body<'a>(body: &Tlv<'a>, faults: &mut Faults) -> Option<Tlv<'a>> {
    let mut parts = Parts::of("the tbsCertificate", body, faults);
    let version = parts.take(Tag::context(0, true));
    let number = version.map(|version| self::version(&version, faults));
    if let Some(serial) = parts.need(Tag::INTEGER, "the serialNumber", faults) {
        self::serial(&serial, faults);
    }
    let signature = parts.need(Tag::SEQUENCE, "the signature algorithm", faults);
    if let Some(signature) = &signature {
        algorithm(signature, faults);
    }
    if let Some(issuer) = parts.need(Tag::SEQUENCE, "the issuer", faults) {
        name(&issuer, faults);
        if issuer.value.is_empty() {
            faults.profile(
                issuer.offset,
                "an issuer without a name (RFC 5280 §4.1.2.4)",
            );
        }
    }
    if let Some(validity) = parts.need(Tag::SEQUENCE, "the validity", faults) {
        self::validity(&validity, faults);
    }
    let subject = parts.need(Tag::SEQUENCE, "the subject", faults);
    if let Some(subject) = &subject {
        name(subject, faults);
    }
    if let Some(key) = parts.need(Tag::SEQUENCE, "the subjectPublicKeyInfo", faults) {
        public_key(&key, faults);
    }
    for (number, what) in [(1, "issuerUniqueID"), (2, "subjectUniqueID")] {
        if let Some(unique) = parts.take(Tag::context(number, false)) {
            faults.profile(unique.offset, format_args!("an {what} (RFC 5280 §4.1.2.8)"));
        }
    }
    let mut alternative_name = None;
    if let Some(wrapper) = parts.take(Tag::context(3, true)) {
        if number != Some(2) {
            faults.error(
                wrapper.offset,
                "extensions in a certificate that is not of version 3 (RFC 5280 §4.1.2.9)",
            );
        }
        alternative_name = extensions(&wrapper, faults).alternative_name;
    }
    if let Some(subject) = subject
        && subject.value.is_empty()
        && alternative_name != Some(true)
    {
        let message = match alternative_name {
            Some(_) => {
                "the subject is empty, and its alternative name not critical (RFC 5280 §4.1.2.6)"
            }
            None => "the subject is empty, and has no other name (RFC 5280 §4.1.2.6)",
        };
        faults.profile(subject.offset, message);
    }
    parts.end(faults);
    signature
}

fn version(wrapper: &Tlv<'_>, faults: &mut Faults) -> u8 {
    let mut parts = Parts::of("the version", wrapper, faults);
    let version = parts.need(Tag::INTEGER, "the version", faults);
    parts.end(faults);
    match version.map(|version| version.value) {
        Some([0]) => {
            faults.error(
                wrapper.offset,
                "version 1 is written out, which DER leaves out (X.690 §11.5)",
            );
            0
        }
        Some([number @ (1 | 2)]) => *number,
        _ => {
            faults.error(wrapper.offset, "a version that X.509 does not have");
            0
        }
    }
}

fn serial(serial: &Tlv<'_>, faults: &mut Faults) {
    match serial.value {
        [0x80..=0xFF, ..] => faults.profile(
            serial.offset,
            "a negative serial number (RFC 5280 §4.1.2.2)",
        ),
        [0] => faults.profile(serial.offset, "the serial number 0 (RFC 5280 §4.1.2.2)"),
        value if value.len() > MAX_SERIAL => faults.profile(
            serial.offset,
            format_args!(
                "a serial number of {} bytes, more than {MAX_SERIAL} (RFC 5280 §4.1.2.2)",
                value.len()
            ),
        ),
        _ => {}
    }
}

fn algorithm(algorithm: &Tlv<'_>, faults: &mut Faults) {
    let mut parts = Parts::of("the algorithm", algorithm, faults);
    parts.need(Tag::OBJECT_IDENTIFIER, "its identifier", faults);
    parts.any();
    parts.end(faults);
}

fn validity(validity: &Tlv<'_>, faults: &mut Faults) {
    let mut parts = Parts::of("the validity", validity, faults);
    let mut times = [None, None];
    for (slot, what) in times.iter_mut().zip(["notBefore", "notAfter"]) {
        match parts.any() {
            Some(time) if matches!(time.tag, UTC_TIME | Tag::GENERALIZED_TIME) => {
                *slot = ReadTime::read(&time).map(ReadTime::unix_seconds);
                if time.tag == Tag::GENERALIZED_TIME && slot.is_some_and(|at| at < YEAR_2050) {
                    let message = format_args!(
                        "{what} is a GeneralizedTime; before 2050 it must be a UTCTime (RFC 5280 \
                         §4.1.2.5)"
                    );
                    faults.profile(time.offset, message);
                }
            }
            Some(other) => faults.error(other.offset, format_args!("{what} is no time")),
            None => faults.error(validity.offset, format_args!("{what} is missing")),
        }
    }
    parts.end(faults);
    if let [Some(from), Some(until)] = times
        && until < from
    {
        faults.profile(validity.offset, "it ends before it begins");
    }
}

fn public_key(key: &Tlv<'_>, faults: &mut Faults) {
    let mut parts = Parts::of("the subjectPublicKeyInfo", key, faults);
    let algorithm = parts.need(Tag::SEQUENCE, "its algorithm", faults);
    let bits = parts.need(Tag::BIT_STRING, "the key", faults);
    parts.end(faults);
    let (Some(algorithm), Some(bits)) = (algorithm, bits) else {
        return;
    };
    self::algorithm(&algorithm, faults);
    whole_bytes("the key", &bits, faults);
    let mut named = algorithm.children().map_while(Result::ok);
    let identifier = named.next();
    if identifier.is_some_and(|identifier| identifier.value == RSA_ENCRYPTION) {
        let parameters = named.next();
        if parameters.is_none_or(|parameters| parameters.raw != [0x05, 0x00]) {
            faults.profile(
                algorithm.offset,
                "the parameters of rsaEncryption are not NULL (RFC 3279 §2.3.1)",
            );
        }
        let base = bits.value_offset() + 1;
        let value = bits.value.get(1..).unwrap_or_default();
        // What stands in a BIT STRING is not looked into with the elements around it.
        der_rules::check(value, base, faults);
        if let Some(key) = inner("the RSA key", Tag::SEQUENCE, value, base, faults) {
            let mut parts = Parts::of("the RSA key", &key, faults);
            for what in ["the modulus", "the exponent"] {
                if let Some(number) = parts.need(Tag::INTEGER, what, faults)
                    && matches!(number.value, [] | [0x80..=0xFF, ..] | [0])
                {
                    faults.error(number.offset, format_args!("{what} is not positive"));
                }
            }
            parts.end(faults);
        }
    }
}

fn whole_bytes(what: &str, bits: &Tlv<'_>, faults: &mut Faults) {
    if bits.value.first().is_some_and(|unused| *unused != 0) {
        faults.error(
            bits.offset,
            format_args!("{what} does not end with a whole byte"),
        );
    }
}
