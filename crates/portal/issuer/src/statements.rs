//! What a certificate says of its subject and of its uses, statement by statement, so that two
//! certificates can be compared in everything.
//!
//! Left out is what tells one certificate from the next: serial number, times, key and signature.

use std::collections::BTreeMap;

use const_oid::{AssociatedOid as _, ObjectIdentifier};
use der::asn1::Any;
use der::{Decode as _, Encode as _};
use x509_cert::Certificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    CertificatePolicies, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName,
};

use crate::error::DocumentError;
use crate::inspect::CERTIFICATE_LIMIT;
use crate::name;
use crate::oid;

/// More bytes than these of a value that is not understood are not written out.
const SHOWN: usize = 40;

/// What a statement is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// The attributes of one type in the subject's name, by the identifier (`2.5.4.3`).
    Attribute(String),
    /// The whole name of the issuer.
    Issuer,
    /// An extension, by its identifier (`2.5.29.15`).
    Extension(String),
    /// A unique identifier of issuer or subject (RFC 5280 §4.1.2.8), which no certificate should
    /// have.
    UniqueIdentifier,
}

/// One thing that a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What it is about.
    pub about: About,
    /// What it says, for people; long values are cut.
    pub text: String,
    /// The whole of what it says: two statements are the same if these are.
    whole: Vec<Vec<u8>>,
}

impl Statement {
    /// Whether another certificate says the same. Strings are compared without regard to their
    /// type.
    pub fn is_same(&self, other: &Self) -> bool {
        self.about == other.about && self.whole == other.whole
    }
}

/// What a certificate (DER) says; one statement about each thing.
///
/// # Errors
/// Longer than 64 kB, or not a certificate.
pub fn statements(der: &[u8]) -> Result<Vec<Statement>, DocumentError> {
    let what = "the certificate";
    if der.len() > CERTIFICATE_LIMIT {
        return Err(DocumentError::TooLong {
            what,
            found: der.len(),
            limit: CERTIFICATE_LIMIT,
        });
    }
    let malformed = |source| DocumentError::Malformed { what, source };
    let certificate = Certificate::from_der(der).map_err(malformed)?;
    let tbs = certificate.tbs_certificate();
    let mut said = BTreeMap::new();
    for pair in tbs.subject().iter() {
        let (text, whole) = attribute(&pair.value).map_err(malformed)?;
        add(
            &mut said,
            About::Attribute(pair.oid.to_string()),
            text,
            whole,
        );
    }
    let issuer = tbs.issuer().to_der().map_err(malformed)?;
    add(&mut said, About::Issuer, tbs.issuer().to_string(), issuer);
    for extension in tbs.extensions().map(Vec::as_slice).unwrap_or_default() {
        let about = About::Extension(extension.extn_id.to_string());
        let mut whole = vec![u8::from(extension.critical)];
        whole.extend_from_slice(extension.extn_value.as_bytes());
        add(&mut said, about, extension_text(extension), whole);
    }
    for bits in [tbs.issuer_unique_id(), tbs.subject_unique_id()]
        .into_iter()
        .flatten()
    {
        let whole = bits.to_der().map_err(malformed)?;
        add(
            &mut said,
            About::UniqueIdentifier,
            hexadecimal(&whole),
            whole,
        );
    }
    Ok(said.into_values().collect())
}

fn add(said: &mut BTreeMap<About, Statement>, about: About, text: String, whole: Vec<u8>) {
    if let Some(statement) = said.get_mut(&about) {
        statement.text += " + ";
        statement.text += &text;
        statement.whole.push(whole);
        return;
    }
    let statement = Statement {
        about: about.clone(),
        text,
        whole: vec![whole],
    };
    said.insert(about, statement);
}

/// Text and whole of an attribute's value.
fn attribute(value: &Any) -> Result<(String, Vec<u8>), der::Error> {
    if let Some(text) = name::text(value) {
        let whole = text.clone().into_bytes();
        return Ok((text, whole));
    }
    // Behind a byte that begins no text.
    let mut whole = vec![0xFF];
    whole.extend(value.to_der()?);
    Ok((hexadecimal(&whole), whole))
}

fn extension_text(extension: &Extension) -> String {
    let value = extension.extn_value.as_bytes();
    let understood = match extension.extn_id {
        KeyUsage::OID => KeyUsage::from_der(value).ok().map(key_usage),
        ExtendedKeyUsage::OID => ExtendedKeyUsage::from_der(value)
            .ok()
            .map(|usage| listed(usage.0.iter().map(extended_usage))),
        SubjectAltName::OID => SubjectAltName::from_der(value).ok().and_then(|names| {
            let names: Option<Vec<_>> = names.0.iter().map(general_name).collect();
            names.map(|names| listed(names.into_iter()))
        }),
        CertificatePolicies::OID => CertificatePolicies::from_der(value).ok().map(|policies| {
            listed(
                policies
                    .0
                    .iter()
                    .map(|one| one.policy_identifier.to_string()),
            )
        }),
        // One string, as a card's number is.
        _ => Any::from_der(value)
            .ok()
            .and_then(|value| name::text(&value)),
    };
    let text = understood.unwrap_or_else(|| hexadecimal(value));
    match extension.critical {
        true => format!("{text} (critical)"),
        false => text,
    }
}

fn listed(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

fn key_usage(usage: KeyUsage) -> String {
    const NAMES: [(KeyUsages, &str); 9] = [
        (KeyUsages::DigitalSignature, "digitalSignature"),
        (KeyUsages::NonRepudiation, "nonRepudiation"),
        (KeyUsages::KeyEncipherment, "keyEncipherment"),
        (KeyUsages::DataEncipherment, "dataEncipherment"),
        (KeyUsages::KeyAgreement, "keyAgreement"),
        (KeyUsages::KeyCertSign, "keyCertSign"),
        (KeyUsages::CRLSign, "cRLSign"),
        (KeyUsages::EncipherOnly, "encipherOnly"),
        (KeyUsages::DecipherOnly, "decipherOnly"),
    ];
    let named = NAMES.iter().filter(|(bit, _)| usage.0.contains(*bit));
    listed(named.map(|(_, name)| (*name).to_owned()))
}

fn extended_usage(usage: &ObjectIdentifier) -> String {
    let name = match *usage {
        oid::KP_CLIENT_AUTH => "clientAuth",
        oid::KP_SMARTCARD_LOGON => "smartcardLogon",
        oid::KP_OCSP_SIGNING => "OCSPSigning",
        _ => return usage.to_string(),
    };
    name.to_owned()
}

/// A name that is text; others are not written as one.
fn general_name(name: &GeneralName) -> Option<String> {
    Some(match name {
        GeneralName::Rfc822Name(address) => format!("rfc822Name {}", address.as_str()),
        GeneralName::DnsName(host) => format!("dNSName {}", host.as_str()),
        GeneralName::UniformResourceIdentifier(uri) => format!("URI {}", uri.as_str()),
        GeneralName::OtherName(other) => {
            let value = name::text(&other.value)?;
            match other.type_id {
                oid::USER_PRINCIPAL_NAME => format!("UPN {value}"),
                kind => format!("{kind} {value}"),
            }
        }
        _ => return None,
    })
}

fn hexadecimal(bytes: &[u8]) -> String {
    let shown = hex::encode_upper(bytes.get(..SHOWN).unwrap_or(bytes));
    match bytes.len() > SHOWN {
        true => format!("{shown}…"),
        false => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbage_is_an_error() {
        for der in [&[][..], &[0x30, 0x03, 0x02, 0x01, 0x00]] {
            assert!(statements(der).is_err());
        }
        assert!(statements(&vec![0x30; CERTIFICATE_LIMIT + 1]).is_err());
    }

    #[test]
    fn an_extension_of_one_string_is_told_as_text_and_others_in_hexadecimal() {
        let extension = |value: &[u8]| Extension {
            extn_id: ObjectIdentifier::new_unwrap("1.2.752.34.2.1"),
            critical: false,
            extn_value: der::asn1::OctetString::new(value).unwrap(),
        };
        for (value, text) in [
            (&b"\x13\x049752"[..], "9752"),
            (b"\x0C\x03\xC3\xA5a", "åa"),
            (b"\x04\x049752", "040439373532"),
            // Cut, and with something behind.
            (b"\x13\x059752", "130539373532"),
            (b"\x13\x0197", "13013937"),
        ] {
            assert_eq!(extension_text(&extension(value)), text);
        }
    }

    #[test]
    fn a_second_value_of_a_type_is_said_with_the_first() {
        let mut said = BTreeMap::new();
        let about = About::Attribute("2.5.4.11".to_owned());
        for text in ["A", "B"] {
            add(&mut said, about.clone(), text.to_owned(), text.into());
        }
        let both = &said[&about];
        assert_eq!(both.text, "A + B");
        let mut one = BTreeMap::new();
        add(&mut one, about.clone(), "A + B".to_owned(), b"A + B".into());
        assert!(!both.is_same(&one[&about]));
    }
}
