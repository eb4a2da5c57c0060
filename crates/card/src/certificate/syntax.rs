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
use super::name::same_name;
use super::time::{ReadTime, UTC_TIME};
use crate::keys::{EC_DH, EC_MQV};

pub(crate) use answer::answer_fault;
pub(crate) use extensions::{
    AUTHORITY_INFO_ACCESS, CRL_DISTRIBUTION_POINTS, EXT_KEY_USAGE, KEY_USAGE,
};
pub(super) use extensions::{
    AUTHORITY_KEY_IDENTIFIER, BASIC_CONSTRAINTS, KEY_CERT_SIGN, NAME_CONSTRAINTS, SUBJECT_ALT_NAME,
    SUBJECT_KEY_IDENTIFIER, is_known_critical,
};
use extensions::{Summary, extensions};
pub(crate) use list::list_fault;
use names::name;
use parts::{Parts, inner};

/// The content of the object identifier of RSA keys for whatever they are used.
pub(crate) const RSA_ENCRYPTION: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];

/// id-RSASSA-PSS and id-RSAES-OAEP: of keys for one purpose (RFC 4055 §1.2).
const RSASSA_PSS: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0A];
const RSAES_OAEP: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x07];
/// id-ea-rsa, 2.5.8.1.1 (X.509, 1988), which OpenSSL takes for the same as rsaEncryption.
const EA_RSA: &[u8] = &[0x55, 0x08, 0x01, 0x01];
/// The algorithms whose keys are an RSAPublicKey.
pub(crate) const RSA_KEYS: [&[u8]; 4] = [RSA_ENCRYPTION, RSASSA_PSS, RSAES_OAEP, EA_RSA];

/// The most bytes of a serial number (RFC 5280 §4.1.2.2).
const MAX_SERIAL: usize = 20;

/// From this year on dates are GeneralizedTimes (RFC 5280 §4.1.2.5): 2050-01-01, in seconds since
/// the epoch.
const YEAR_2050: i64 = 2_524_608_000;

/// Whether these bytes begin like a certificate: a body, an algorithm and a signature (RFC 5280 §4.1).
fn begins_with_certificate(bytes: &[u8]) -> bool {
    let parts = [Tag::SEQUENCE, Tag::SEQUENCE, Tag::BIT_STRING];
    read_one(bytes).is_ok_and(|outer| {
        let tags = outer.children().map_while(Result::ok).map(|part| part.tag);
        outer.tag == Tag::SEQUENCE && tags.eq(parts)
    })
}

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
        let rest = der.get(outer.raw.len()..).unwrap_or_default();
        let what = match begins_with_certificate(rest) {
            true => ", which look like another certificate",
            false => "",
        };
        faults.behind(
            outer.raw.len(),
            format_args!("{} behind the certificate{what}", ByteCount(more)),
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
    let issuer = parts.need(Tag::SEQUENCE, "the issuer", faults);
    if let Some(issuer) = &issuer {
        name(issuer, faults);
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
    let wrapper = parts.take(Tag::context(3, true));
    let mut summary = Summary::default();
    if let Some(wrapper) = &wrapper {
        if number != Some(2) {
            faults.error(
                wrapper.offset,
                "extensions in a certificate that is not of version 3 (RFC 5280 §4.1.2.9)",
            );
        }
        summary = extensions(wrapper, faults);
    }
    let is_of_another = issuer.zip(subject).is_some_and(|(issuer, subject)| {
        issuer.raw != subject.raw && !same_name(issuer.raw, subject.raw)
    });
    if number == Some(2) && is_of_another && !summary.names_issuer_key {
        faults.note(
            wrapper.map_or(body.offset, |wrapper| wrapper.offset),
            "it does not name its issuer's key: no authorityKeyIdentifier with a keyIdentifier \
             (RFC 5280 §4.2.1.1)",
        );
    }
    let alternative_name = summary.alternative_name;
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
    let identifier = identifier.map(|identifier| identifier.value);
    if identifier.is_some_and(|kind| [RSAES_OAEP, EC_DH, EC_MQV].contains(&kind)) {
        faults.refused(
            algorithm.offset,
            "the key is for RSAES-OAEP, ECDH or ECMQV alone (RFC 4055 §4.1, RFC 5480 §2.1.2): OpenSSL \
             does not load it, and refuses the certificate",
        );
    }
    if identifier.is_some_and(|identifier| RSA_KEYS.contains(&identifier)) {
        let parameters = named.next();
        if identifier == Some(RSASSA_PSS)
            && !parameters.is_none_or(|parameters| is_of_pss(&parameters))
        {
            faults.refused(
                algorithm.offset,
                "the parameters of a key for RSASSA-PSS are none of it (RFC 4055 §3.1): OpenSSL does \
                 not load it, and refuses the certificate",
            );
        }
        if identifier == Some(RSA_ENCRYPTION)
            && parameters.is_none_or(|parameters| parameters.raw != [0x05, 0x00])
        {
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

/// Whether these can be RSASSA-PSS-params (RFC 4055 §3.1): up to four parts in order.
fn is_of_pss(parameters: &Tlv<'_>) -> bool {
    let mut last = None;
    parameters.tag == Tag::SEQUENCE
        && parameters.children().all(|part| {
            part.is_ok_and(|part| {
                let number = part.tag.value();
                let is_next = last.is_none_or(|last| last < number);
                last = Some(number);
                is_next && (0xA0..=0xA3).contains(&number)
            })
        })
}

fn whole_bytes(what: &str, bits: &Tlv<'_>, faults: &mut Faults) {
    if bits.value.first().is_some_and(|unused| *unused != 0) {
        faults.error(
            bits.offset,
            format_args!("{what} does not end with a whole byte"),
        );
    }
}
