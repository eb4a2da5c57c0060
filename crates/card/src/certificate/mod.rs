//! X.509 certificates as far as a card session needs them, read strictly if possible and
//! leniently if not.

mod authority_key;
mod der_rules;
mod fault;
mod integer;
mod issuing;
mod kind;
mod name;
mod name_constraints;
mod signature;
mod syntax;
mod time;

use der::Decode as _;
use kortlab_apdu::tlv::{Tag, Tlv, read_one};
use kortlab_pkcs15::Severity;
use x509_cert::name::Name;

use crate::keys::RsaPublicKey;

pub(crate) use authority_key::names as names_key_of;
use fault::Faults;
pub use fault::{Fault, Rule};
pub(crate) use integer::shortest;
pub(crate) use issuing::{why_no_issuer, why_no_list_issuer};
pub use kind::ContentKind;
use name::COMMON_NAME;
pub use name::{Attribute, same_name};
pub(crate) use name_constraints::{Limits, limits};
pub use signature::is_signed_by_spki;
pub(crate) use syntax::{
    AUTHORITY_INFO_ACCESS, CRL_DISTRIBUTION_POINTS, EXT_KEY_USAGE, KEY_USAGE, RSA_ENCRYPTION,
    RSA_KEYS, answer_fault, list_fault,
};
pub use time::ReadTime;

/// The most extensions of one certificate that are read.
const MAX_EXTENSIONS: usize = 128;

/// The card's number as SS 61 43 31 has it in certificates, 1.2.752.34.2.1: 19 digits that begin with
/// those of Sweden.
const CARD_NUMBER: &[u8] = &[0x2A, 0x85, 0x70, 0x22, 0x02, 0x01];
const CARD_NUMBER_DIGITS: usize = 19;
pub(crate) const CARD_NUMBER_PREFIX: &str = "9752";
/// serialNumber of a name, 2.5.4.5.
const SERIAL_NUMBER: &[u8] = &[0x55, 0x04, 0x05];

/// What a certificate says, as far as it can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateInfo {
    /// The version as it is written: 0 of version 1, which does not say it, 2 of version 3.
    pub version: u8,
    /// The subject's name as RFC 4514 writes it; `None` if it cannot be read.
    pub subject: Option<String>,
    /// The issuer's name as RFC 4514 writes it; `None` if it cannot be read.
    pub issuer: Option<String>,
    /// The attributes of the subject that can be read.
    pub subject_attributes: Vec<Attribute>,
    /// The attributes of the issuer that can be read.
    pub issuer_attributes: Vec<Attribute>,
    /// The subject's name in DER; empty if it is not there.
    pub subject_der: Vec<u8>,
    /// The issuer's name in DER; empty if it is not there.
    pub issuer_der: Vec<u8>,
    /// The serial number: the content of its INTEGER.
    pub serial_number: Vec<u8>,
    /// From when on it is valid.
    pub not_before: Option<ReadTime>,
    /// Until when it is valid, this second included.
    pub not_after: Option<ReadTime>,
    /// The subject's public key, if it is an RSA key.
    pub public_key: Option<RsaPublicKey>,
    /// The subject's public key, whatever it is: its SubjectPublicKeyInfo in DER.
    pub public_key_der: Vec<u8>,
    /// The extensions that can be read.
    pub extensions: Vec<Extension>,
    /// Whether there is a critical extension that programs do not know, or that must not be critical: they
    /// refuse the certificate (RFC 5280 §4.2).
    pub has_unknown_critical: bool,
    /// Whether the outer element holds all three parts (RFC 5280 §4.1), each to its end. Of one that does
    /// not, the rest can be read, but it is no certificate to give to others.
    pub is_whole: bool,
    /// What is wrong with how it is written, in the order of its bytes; empty if it is DER and
    /// as RFC 5280 has it.
    pub faults: Vec<Fault>,
}

/// An extension of a certificate (RFC 5280 §4.2), not interpreted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Which one: the content of its object identifier.
    pub identifier: Vec<u8>,
    /// Whether a program that does not know it must refuse the certificate.
    pub critical: bool,
    /// Its value.
    pub value: Vec<u8>,
}

impl CertificateInfo {
    /// What the certificate in `der` says. Of a broken one, what can be read; `None` if it has
    /// not even the outline of a certificate.
    pub fn parse(der: &[u8]) -> Option<Self> {
        let outline = Outline::read(der)?;
        let text = |tlv: &Tlv<'_>| Name::from_der(tlv.raw).ok().map(|name| name.to_string());
        let mut validity = outline.validity.children();
        let mut next_time = || {
            let time = validity.next()?.ok()?;
            ReadTime::read(&time)
        };
        Some(Self {
            version: outline.version,
            subject: text(&outline.subject),
            issuer: text(&outline.issuer),
            subject_attributes: name::attributes(&outline.subject),
            issuer_attributes: name::attributes(&outline.issuer),
            subject_der: outline.subject.raw.to_vec(),
            issuer_der: outline.issuer.raw.to_vec(),
            serial_number: outline.serial.value.to_vec(),
            not_before: next_time(),
            not_after: next_time(),
            public_key: RsaPublicKey::from_der(outline.public_key.raw),
            public_key_der: outline.public_key.raw.to_vec(),
            extensions: outline
                .extensions
                .map(|wrapper| extensions(&wrapper))
                .unwrap_or_default(),
            has_unknown_critical: outline
                .extensions
                .is_some_and(|wrapper| has_unknown_critical(&wrapper)),
            is_whole: is_whole(der),
            faults: faults_of_certificate(der).settle(),
        })
    }

    /// The text of the subject's first attribute of this type (the content of its identifier).
    pub fn subject_attribute(&self, kind: &[u8]) -> Option<&str> {
        text_of(&self.subject_attributes, kind)
    }

    /// The text of the issuer's first attribute of this type.
    pub fn issuer_attribute(&self, kind: &[u8]) -> Option<&str> {
        text_of(&self.issuer_attributes, kind)
    }

    /// What people call the subject: its common name, else its whole name.
    pub fn subject_text(&self) -> Option<&str> {
        self.subject_attribute(COMMON_NAME)
            .or(self.subject.as_deref())
    }

    /// What people call the issuer.
    pub fn issuer_text(&self) -> Option<&str> {
        self.issuer_attribute(COMMON_NAME)
            .or(self.issuer.as_deref())
    }

    /// The number of the card that it is for: the extension of SS 61 43 31, or the subject's
    /// serialNumber where that has the form of one.
    pub fn card_number(&self) -> Option<&str> {
        let extension = self.extension(CARD_NUMBER).and_then(|value| {
            let text = read_one(value).ok()?;
            core::str::from_utf8(text.value).ok()
        });
        extension.or_else(|| {
            let number = self.subject_attribute(SERIAL_NUMBER);
            number.filter(|number| is_card_number(number))
        })
    }

    /// Whether basicConstraints says that it is an authority's (RFC 5280 §4.2.1.9).
    pub fn is_authority(&self) -> bool {
        self.extension(syntax::BASIC_CONSTRAINTS)
            .and_then(|value| read_one(value).ok())
            .and_then(|constraints| constraints.children().next()?.ok())
            .is_some_and(|first| {
                first.tag == Tag::BOOLEAN && first.value.iter().any(|byte| *byte != 0)
            })
    }

    /// The identifier of its own key (RFC 5280 §4.2.1.2).
    pub fn subject_key_identifier(&self) -> Option<&[u8]> {
        let value = read_one(self.extension(syntax::SUBJECT_KEY_IDENTIFIER)?).ok()?;
        (!value.value.is_empty()).then_some(value.value)
    }

    /// The identifier of its issuer's key (RFC 5280 §4.2.1.1).
    pub fn authority_key_identifier(&self) -> Option<&[u8]> {
        let value = read_one(self.extension(syntax::AUTHORITY_KEY_IDENTIFIER)?).ok()?;
        let first = value.children().next()?.ok()?;
        (first.tag == Tag::context(0, false) && !first.value.is_empty()).then_some(first.value)
    }

    /// Whether all that it says of its issuer's key (RFC 5280 §4.2.1.1) is so of the certificate `issuer`.
    pub fn names_key_of(&self, issuer: &Self) -> bool {
        self.extension(syntax::AUTHORITY_KEY_IDENTIFIER)
            .is_none_or(|identifier| names_key_of(identifier, issuer))
    }

    /// Whether it is DER all the way down, and nothing stands behind it.
    pub fn is_strict_der(&self) -> bool {
        let mut faults = self.faults.iter();
        faults.all(|fault| fault.rule == Rule::Profile)
    }

    /// Whether every program can be expected to load it and to read the same in it.
    pub fn is_readable_by_all(&self) -> bool {
        let mut faults = self.faults.iter();
        faults.all(|fault| fault.severity < Severity::Error)
    }

    /// The value of the extension with this object identifier (its content), if it is there.
    pub fn extension(&self, identifier: &[u8]) -> Option<&[u8]> {
        let mut extensions = self.extensions.iter();
        extensions
            .find(|extension| extension.identifier == identifier)
            .map(|extension| extension.value.as_slice())
    }
}

/// Whether a text has the form of a card's number (SS 61 43 31).
pub(crate) fn is_card_number(text: &str) -> bool {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits && text.len() == CARD_NUMBER_DIGITS && text.starts_with(CARD_NUMBER_PREFIX)
}

fn is_whole(der: &[u8]) -> bool {
    let parts = read_one(der).map(|outer| outer.children().map_while(Result::ok).take(3));
    let tags: Vec<_> = parts.into_iter().flatten().map(|part| part.tag).collect();
    tags == [Tag::SEQUENCE, Tag::SEQUENCE, Tag::BIT_STRING]
}

fn text_of<'a>(attributes: &'a [Attribute], kind: &[u8]) -> Option<&'a str> {
    let found = attributes.iter().find(|attribute| attribute.kind == kind);
    found.map(|attribute| attribute.text.as_str())
}

/// A name as people read it: its common name, else its attributes one after the other.
pub(crate) fn name_text(name: &Tlv<'_>) -> String {
    let attributes = name::attributes(name);
    let common = attributes.iter().find(|found| found.kind == COMMON_NAME);
    match common {
        Some(common) => common.text.clone(),
        None => {
            let texts: Vec<_> = attributes.into_iter().map(|found| found.text).collect();
            texts.join(", ")
        }
    }
}

/// The certificate at the start of `content`, without what follows it: files are often longer
/// than their certificate. `None` if there is no complete SEQUENCE.
pub(crate) fn at_start(content: &[u8]) -> Option<&[u8]> {
    let outer = read_one(content).ok()?;
    (outer.tag == Tag::SEQUENCE).then_some(outer.raw)
}

/// The public key in the certificate at the start of `content`.
pub(crate) fn public_key(content: &[u8]) -> Option<RsaPublicKey> {
    let outline = Outline::read(at_start(content)?)?;
    RsaPublicKey::from_der(outline.public_key.raw)
}

/// What is wrong with the certificate at the start of `der`; what stands behind it breaks none of its own
/// rules.
fn faults_of_certificate(der: &[u8]) -> Faults {
    let mut faults = Faults::default();
    let alone = read_one(der).map_or(der, |outer| outer.raw);
    der_rules::check(alone, 0, &mut faults);
    syntax::check(der, &mut faults);
    faults
}

/// What is wrong with `der` by the rules of DER and by the syntax that `check` knows.
fn faults(der: &[u8], check: fn(&[u8], &mut Faults)) -> Faults {
    let mut faults = Faults::default();
    der_rules::check(der, 0, &mut faults);
    check(der, &mut faults);
    faults
}

fn extensions(wrapper: &Tlv<'_>) -> Vec<Extension> {
    let list = wrapper.children().next().and_then(Result::ok);
    let Some(list) = list else {
        return Vec::new();
    };
    let all = list.children().map_while(Result::ok).take(MAX_EXTENSIONS);
    all.filter_map(|extension| {
        let (identifier, critical, value) = extension_parts(&extension)?;
        Some(Extension {
            identifier: identifier.value.to_vec(),
            critical,
            value: value.value.to_vec(),
        })
    })
    .collect()
}

fn has_unknown_critical(wrapper: &Tlv<'_>) -> bool {
    let list = wrapper.children().next().and_then(Result::ok);
    let all = list.into_iter().flat_map(|list| list.children());
    all.map_while(Result::ok)
        .filter_map(|extension| extension_parts(&extension))
        .any(|(identifier, critical, _)| critical && !syntax::is_known_critical(identifier.value))
}

/// The parts of an Extension (RFC 5280 §4.1), of whatever tags: its identifier, whether it is
/// critical, and its value.
pub(crate) fn extension_parts<'a>(extension: &Tlv<'a>) -> Option<(Tlv<'a>, bool, Tlv<'a>)> {
    let mut parts = extension.children();
    let identifier = parts.next()?.ok()?;
    let mut value = parts.next()?.ok()?;
    let mut critical = false;
    if value.tag == Tag::BOOLEAN {
        critical = value.value.iter().any(|byte| *byte != 0);
        value = parts.next()?.ok()?;
    }
    Some((identifier, critical, value))
}

/// The parts of a TBSCertificate (RFC 5280 §4.1), not interpreted.
struct Outline<'a> {
    version: u8,
    serial: Tlv<'a>,
    issuer: Tlv<'a>,
    validity: Tlv<'a>,
    subject: Tlv<'a>,
    public_key: Tlv<'a>,
    extensions: Option<Tlv<'a>>,
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
        let mut version = 0;
        if first.tag == Tag::context(0, true) {
            let number = first.children().next().and_then(Result::ok);
            version = number
                .and_then(|number| number.value.last().copied())
                .unwrap_or(0);
            first = parts.next()?.ok()?;
        }
        let algorithm = parts.next()?.ok()?;
        let outline = Self {
            version,
            serial: first,
            issuer: parts.next()?.ok()?,
            validity: parts.next()?.ok()?,
            subject: parts.next()?.ok()?,
            public_key: parts.next()?.ok()?,
            extensions: parts
                .map_while(Result::ok)
                .find(|part| part.tag == Tag::context(3, true)),
        };
        // A SEQUENCE of anything, such as a revocation list or a signed message, is none.
        let sequences = [
            algorithm,
            outline.issuer,
            outline.validity,
            outline.subject,
            outline.public_key,
        ];
        (outline.serial.tag == Tag::INTEGER
            && sequences.iter().all(|part| part.tag == Tag::SEQUENCE))
        .then_some(outline)
    }
}
