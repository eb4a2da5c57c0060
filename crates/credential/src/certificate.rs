//! What a certificate says that its place on the card follows from.

use std::time::SystemTime;

use const_oid::ObjectIdentifier;
use der::{Decode as _, Encode as _, Tag, Tagged as _};
use kortlab_emulator::crypto::RsaKey;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages};
use x509_cert::name::Name;

use crate::{CredentialError, Role};

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");
const SMARTCARD_LOGON: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.20.2.2");

/// The most characters of a name; X.520 allows 64 in a common name.
const MAX_NAME: usize = 64;

/// A certificate, read.
pub(crate) struct Certificate {
    pub(crate) der: Vec<u8>,
    /// The common name, or the whole subject where there is none.
    pub(crate) name: String,
    subject: Vec<u8>,
    issuer: Vec<u8>,
    /// The SubjectPublicKeyInfo's key.
    key: Vec<u8>,
    usage: Option<KeyUsage>,
    is_for_log_on: bool,
    is_authority: bool,
    not_before: SystemTime,
    not_after: SystemTime,
}

impl Certificate {
    /// Reads one.
    pub(crate) fn read(der: Vec<u8>) -> Result<Self, CredentialError> {
        let malformed = CredentialError::malformed("a certificate");
        let certificate = x509_cert::Certificate::from_der(&der).map_err(&malformed)?;
        let tbs = certificate.tbs_certificate();
        let extension = |oid| {
            let all = tbs.extensions().into_iter().flatten();
            all.into_iter()
                .find(|one| one.extn_id == oid)
                .map(|one| one.extn_value.as_bytes())
        };
        let usage = extension(KEY_USAGE).map(KeyUsage::from_der);
        let constraints = extension(BASIC_CONSTRAINTS).map(BasicConstraints::from_der);
        let extended = extension(EXTENDED_KEY_USAGE).map(ExtendedKeyUsage::from_der);
        let key = &tbs.subject_public_key_info().subject_public_key;
        let validity = tbs.validity();
        Ok(Self {
            name: name_of(tbs.subject()),
            subject: tbs.subject().to_der().map_err(&malformed)?,
            issuer: tbs.issuer().to_der().map_err(&malformed)?,
            key: key.raw_bytes().to_vec(),
            usage: usage.transpose().map_err(&malformed)?,
            is_for_log_on: extended
                .transpose()
                .map_err(&malformed)?
                .is_some_and(|all| {
                    [CLIENT_AUTH, SMARTCARD_LOGON]
                        .iter()
                        .any(|purpose| all.0.contains(purpose))
                }),
            is_authority: constraints
                .transpose()
                .map_err(&malformed)?
                .is_some_and(|constraints| constraints.ca),
            not_before: validity.not_before.to_system_time(),
            not_after: validity.not_after.to_system_time(),
            der,
        })
    }

    /// Whether it is for this key.
    pub(crate) fn is_for(&self, key: &RsaKey) -> bool {
        pkcs1::RsaPublicKeyRef::from_der(&self.key).is_ok_and(|public| {
            public.modulus.as_bytes() == key.modulus()
                && public.public_exponent.as_bytes() == key.public_exponent()
        })
    }

    /// What its key is, in words.
    pub(crate) fn key_text(&self) -> String {
        pkcs1::RsaPublicKeyRef::from_der(&self.key).map_or_else(
            |_| "a key that is not RSA".to_owned(),
            |public| {
                let modulus = public.modulus.as_bytes();
                let unused = modulus
                    .first()
                    .map_or(0, |first| first.leading_zeros() as usize);
                format!("an RSA key of {} bits", modulus.len() * 8 - unused)
            },
        )
    }

    /// Whether an authority may be what it is for, and not a holder.
    pub(crate) fn is_authority(&self) -> bool {
        self.is_authority || (self.is_self_issued() && self.usage.is_none())
    }

    fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    /// Whether this one may have issued the other, by their names.
    pub(crate) fn may_have_issued(&self, other: &Self) -> bool {
        self.subject == other.issuer
    }

    /// The key of the card that it is for; `None` if it could be either.
    pub(crate) fn role(&self) -> Option<Role> {
        let has = |usage| self.usage.is_some_and(|all| all.0.contains(usage));
        let authenticates = [
            KeyUsages::DigitalSignature,
            KeyUsages::KeyEncipherment,
            KeyUsages::DataEncipherment,
            KeyUsages::KeyAgreement,
        ]
        .into_iter()
        .any(has);
        match (authenticates, has(KeyUsages::NonRepudiation)) {
            (true, false) => Some(Role::Authentication),
            (false, true) => Some(Role::Signature),
            // Log-on is what the first key is for, whatever else the certificate allows.
            _ if self.is_for_log_on => Some(Role::Authentication),
            _ => None,
        }
    }

    /// Whether its validity is over, or has not begun.
    pub(crate) fn is_expired(&self, now: SystemTime) -> bool {
        now > self.not_after
    }

    /// Whether its validity has not begun.
    pub(crate) fn is_not_yet_valid(&self, now: SystemTime) -> bool {
        now < self.not_before
    }
}

fn name_of(name: &Name) -> String {
    let common = name.iter().find(|pair| pair.oid == COMMON_NAME);
    let text = common
        .map(|pair| &pair.value)
        .filter(|value| matches!(value.tag(), Tag::Utf8String | Tag::PrintableString))
        .and_then(|value| core::str::from_utf8(value.value()).ok());
    let text = match text {
        Some(text) if !text.is_empty() => text.to_owned(),
        _ => name.to_string(),
    };
    text.chars()
        .filter(|one| !one.is_control())
        .take(MAX_NAME)
        .collect()
}
