//! X.509 certificates as far as a card session needs them, read strictly if possible and
//! leniently if not.

use std::time::SystemTime;

use der::{Decode as _, Encode as _};
use kortlab_apdu::tlv::{Tag, Tlv, read_one};
use x509_cert::Certificate;
use x509_cert::name::Name;
use x509_cert::time::Time;

use crate::keys::RsaPublicKey;
use crate::padding::{Hash, pkcs1_encode};

/// What a certificate says, as far as it can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateInfo {
    /// The subject's name as RFC 4514 writes it; `None` if it cannot be read.
    pub subject: Option<String>,
    /// The issuer's name as RFC 4514 writes it; `None` if it cannot be read.
    pub issuer: Option<String>,
    /// The subject's name in DER; empty if it is not there.
    pub subject_der: Vec<u8>,
    /// The issuer's name in DER; empty if it is not there.
    pub issuer_der: Vec<u8>,
    /// The serial number: the content of its INTEGER.
    pub serial_number: Vec<u8>,
    /// From when on it is valid.
    pub not_before: Option<SystemTime>,
    /// Until when it is valid, this second included.
    pub not_after: Option<SystemTime>,
    /// The subject's public key, if it is an RSA key.
    pub public_key: Option<RsaPublicKey>,
    /// What a strict DER parser finds wrong, in words; `None` if it accepts the certificate and
    /// would write it byte for byte the same.
    pub fault: Option<String>,
}

impl CertificateInfo {
    /// What the certificate in `der` says. Of a broken one, what can be read; `None` if it has
    /// not even the outline of a certificate.
    pub fn parse(der: &[u8]) -> Option<Self> {
        let outline = Outline::read(der)?;
        let name = |tlv: &Tlv<'_>| Name::from_der(tlv.raw).ok().map(|name| name.to_string());
        let time = |tlv: Option<Tlv<'_>>| {
            tlv.and_then(|tlv| Time::from_der(tlv.raw).ok())
                .map(|time| time.to_system_time())
        };
        let mut validity = outline.validity.children();
        let mut next_time = || validity.next().and_then(Result::ok);
        Some(Self {
            subject: name(&outline.subject),
            issuer: name(&outline.issuer),
            subject_der: outline.subject.raw.to_vec(),
            issuer_der: outline.issuer.raw.to_vec(),
            serial_number: outline.serial.value.to_vec(),
            not_before: time(next_time()),
            not_after: time(next_time()),
            public_key: RsaPublicKey::from_der(outline.public_key.raw),
            fault: fault(der),
        })
    }

    /// Whether a strict DER parser accepts the certificate.
    pub const fn is_strict_der(&self) -> bool {
        self.fault.is_none()
    }
}

/// The certificate at the start of `content`, without what follows it: files are often longer
/// than their certificate. `None` if there is no complete SEQUENCE.
pub(crate) fn at_start(content: &[u8]) -> Option<&[u8]> {
    let outer = read_one(content).ok()?;
    (outer.tag == Tag::SEQUENCE).then_some(outer.raw)
}

/// Whether `key` signed the certificate in `der`; `None` if that cannot be told: another algorithm
/// than RSASSA-PKCS1-v1_5 with a hash of [`Hash::ALL`], or no certificate.
pub(crate) fn is_signed_by(der: &[u8], key: &RsaPublicKey) -> Option<bool> {
    let certificate = Certificate::from_der(der).ok()?;
    let body = read_one(der).ok()?.children().next()?.ok()?;
    let hash = match certificate.signature_algorithm().oid.to_string().as_str() {
        "1.2.840.113549.1.1.5" => Hash::Sha1,
        "1.2.840.113549.1.1.11" => Hash::Sha256,
        "1.2.840.113549.1.1.12" => Hash::Sha384,
        "1.2.840.113549.1.1.13" => Hash::Sha512,
        _ => return None,
    };
    let signature = certificate.signature().as_bytes()?;
    let info = hash.digest_info(&hash.digest(body.raw));
    let expected = pkcs1_encode(&info, key.modulus().len()).ok()?;
    Some(key.open(signature).is_some_and(|opened| opened == expected))
}

/// The public key in the certificate at the start of `content`.
pub(crate) fn public_key(content: &[u8]) -> Option<RsaPublicKey> {
    let outline = Outline::read(at_start(content)?)?;
    RsaPublicKey::from_der(outline.public_key.raw)
}

/// What a strict DER parser finds wrong with a certificate.
fn fault(der: &[u8]) -> Option<String> {
    let certificate = match Certificate::from_der(der) {
        Ok(certificate) => certificate,
        Err(error) => return Some(error.to_string()),
    };
    match certificate.to_der() {
        Ok(again) if again == der => None,
        Ok(_) => Some("it is not DER: written anew it comes out differently".to_owned()),
        Err(error) => Some(error.to_string()),
    }
}

/// The parts of a TBSCertificate (RFC 5280 §4.1), not interpreted.
struct Outline<'a> {
    serial: Tlv<'a>,
    issuer: Tlv<'a>,
    validity: Tlv<'a>,
    subject: Tlv<'a>,
    public_key: Tlv<'a>,
}

impl<'a> Outline<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let outer = read_one(der).ok()?;
        let body = outer.children().next()?.ok()?;
        if outer.tag != Tag::SEQUENCE || body.tag != Tag::SEQUENCE {
            return None;
        }
        let mut parts = body.children();
        let mut first = parts.next()?.ok()?;
        if first.tag == Tag::context(0, true) {
            first = parts.next()?.ok()?;
        }
        let _algorithm = parts.next()?.ok()?;
        Some(Self {
            serial: first,
            issuer: parts.next()?.ok()?,
            validity: parts.next()?.ok()?,
            subject: parts.next()?.ok()?,
            public_key: parts.next()?.ok()?,
        })
    }
}
