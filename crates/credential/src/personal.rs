//! Which key and which certificate has which place on the card.

use core::fmt;
use std::time::SystemTime;

use kortlab_apdu::Protocol;
use kortlab_emulator::CardRng;
use kortlab_emulator::crypto::RsaKey;
use kortlab_emulator::models::eid::layout::{ID_AUTHENTICATION, ID_SIGNATURE};
use kortlab_emulator::models::{CardCertificate, Personalisation};
use kortlab_pkcs15::Id;

use crate::CredentialError;
use crate::certificate::Certificate;

/// The size of a key that is made because there is none of one's own for its place.
const KEY_BITS: usize = 2048;
/// The ids of authorities' certificates.
const IDS_OF_AUTHORITIES: core::ops::RangeInclusive<u8> = 0x51..=0xFF;

/// What files held, in their order.
#[derive(Clone, Debug, Default)]
pub struct Holdings {
    /// Private keys.
    pub keys: Vec<RsaKey>,
    /// Certificates, DER.
    pub certificates: Vec<Vec<u8>>,
}

/// Which of the card's two keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The first, for authentication and decipherment.
    Authentication,
    /// The second, for signatures.
    Signature,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authentication => "authentication",
            Self::Signature => "signatures",
        })
    }
}

/// What the holder of a card brings along: one's own keys and certificates, in their places.
#[derive(Clone, Debug)]
pub struct Personal {
    /// Whom the first certificate names.
    pub name: String,
    /// One's own key for authentication.
    pub authentication_key: Option<RsaKey>,
    /// One's own key for signatures.
    pub signature_key: Option<RsaKey>,
    /// The certificates of the keys, and behind them those of authorities, issuers after those
    /// they have issued.
    pub certificates: Vec<CardCertificate>,
    /// What is not as one would want it.
    pub warnings: Vec<Warning>,
}

/// What is not as one would want it, though the card is made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The validity of this certificate is over.
    Expired(String),
    /// The validity of this certificate has not begun.
    NotYetValid(String),
    /// This certificate is neither for the key nor of an authority, and is not put on the card.
    LeftOut(String),
    /// A certificate cannot be read, and is not put on the card.
    Unreadable(String),
    /// There are private keys without a certificate, so many; they are not put on the card.
    KeysWithoutCertificate(usize),
}

impl Warning {
    /// A stable name for data.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Expired(_) => "expired",
            Self::NotYetValid(_) => "not-yet-valid",
            Self::LeftOut(_) => "left-out",
            Self::Unreadable(_) => "unreadable",
            Self::KeysWithoutCertificate(_) => "key-without-certificate",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired(name) => write!(f, "the certificate of {name} has expired"),
            Self::NotYetValid(name) => write!(f, "the certificate of {name} is not yet valid"),
            Self::LeftOut(name) => write!(
                f,
                "the certificate of {name} is neither for the key nor an authority's, and was left out"
            ),
            Self::Unreadable(why) => write!(f, "{why}; it was left out"),
            Self::KeysWithoutCertificate(1) => {
                f.write_str("a private key has no certificate, and was left out")
            }
            Self::KeysWithoutCertificate(count) => {
                write!(
                    f,
                    "{count} private keys have no certificate, and were left out"
                )
            }
        }
    }
}

/// Puts keys and certificates together and gives them their places: the key that its certificate's
/// key usage says, or `role` where that is ambiguous or to be overruled.
///
/// # Errors
/// There is no key, no certificate for it, or no telling which key of the card it is.
pub fn personal(
    holdings: Holdings,
    role: Option<Role>,
    now: SystemTime,
) -> Result<Personal, CredentialError> {
    let mut warnings = Vec::new();
    let mut keys = holdings.keys;
    dedup(&mut keys);
    if keys.is_empty() {
        return Err(CredentialError::NoKey);
    }
    let mut ders = holdings.certificates;
    dedup(&mut ders);
    let mut rest = Vec::new();
    let mut unreadable = None;
    for der in ders {
        match Certificate::read(der) {
            Ok(certificate) => rest.push(certificate),
            Err(error) => {
                warnings.push(Warning::Unreadable(error.to_string()));
                unreadable = Some(error);
            }
        }
    }
    let Some(first) = rest.first() else {
        // Whether it is for the key cannot be told.
        return Err(unreadable.unwrap_or(CredentialError::NoCertificate));
    };
    let mismatch = format!(
        "the certificate of {} is for {}, another one than the private key of {} bits",
        first.name,
        first.key_text(),
        keys.first().map_or(0, RsaKey::bits),
    );
    let mut owned: Vec<(RsaKey, Vec<Certificate>)> = Vec::new();
    let mut alone = 0;
    for key in keys {
        let (own, others) = rest
            .into_iter()
            .partition(|one: &Certificate| one.is_for(&key));
        rest = others;
        match own {
            own if own.is_empty() => alone += 1,
            own => owned.push((key, own)),
        }
    }
    match owned.len() {
        0 => return Err(CredentialError::NoMatch(mismatch)),
        1 => {}
        2 if role.is_some() => return Err(CredentialError::RoleForTwo),
        2 => {}
        count => return Err(CredentialError::TooManyKeys(count)),
    }
    if alone > 0 {
        warnings.push(Warning::KeysWithoutCertificate(alone));
    }
    let mut made = Personal {
        name: String::new(),
        authentication_key: None,
        signature_key: None,
        certificates: Vec::new(),
        warnings,
    };
    let chain = chain(
        owned.iter().flat_map(|(_, own)| own),
        rest,
        &mut made.warnings,
    );
    for (key, own) in owned {
        made.take(key, own, role, now)?;
    }
    for (id, certificate) in IDS_OF_AUTHORITIES.zip(chain) {
        made.warn_of_dates(&certificate, now);
        made.put(certificate, id, true);
    }
    Ok(made)
}

impl Personal {
    /// The data for a card model: a key that one does not bring along is made.
    ///
    /// # Errors
    /// The key cannot be made.
    pub fn personalisation(
        &self,
        serial: String,
        protocol: Protocol,
        rng: &mut CardRng,
    ) -> Result<Personalisation, CredentialError> {
        let mut key = |own: &Option<RsaKey>| match own {
            Some(key) => Ok(key.clone()),
            None => RsaKey::generate(KEY_BITS, rng),
        };
        Ok(Personalisation {
            serial,
            protocol,
            authentication_key: key(&self.authentication_key)?.into(),
            signature_key: key(&self.signature_key)?.into(),
            certificates: self.certificates.clone(),
        })
    }

    fn take(
        &mut self,
        key: RsaKey,
        own: Vec<Certificate>,
        role: Option<Role>,
        now: SystemTime,
    ) -> Result<(), CredentialError> {
        let name = own.first().map(|one| one.name.clone()).unwrap_or_default();
        let role = role.or_else(|| own.iter().find_map(Certificate::role));
        let role = role.ok_or_else(|| CredentialError::Ambiguous(name.clone()))?;
        let (place, id) = match role {
            Role::Authentication => (&mut self.authentication_key, ID_AUTHENTICATION),
            Role::Signature => (&mut self.signature_key, ID_SIGNATURE),
        };
        if place.replace(key).is_some() {
            return Err(CredentialError::SamePlace(role));
        }
        if self.name.is_empty() {
            self.name = name;
        }
        for certificate in own {
            self.warn_of_dates(&certificate, now);
            self.put(certificate, id, false);
        }
        Ok(())
    }

    fn put(&mut self, certificate: Certificate, id: u8, authority: bool) {
        self.certificates.push(CardCertificate {
            der: certificate.der,
            key_id: Id::from(id),
            label: certificate.name,
            authority,
        });
    }

    fn warn_of_dates(&mut self, certificate: &Certificate, now: SystemTime) {
        let name = || certificate.name.clone();
        if certificate.is_expired(now) {
            self.warnings.push(Warning::Expired(name()));
        } else if certificate.is_not_yet_valid(now) {
            self.warnings.push(Warning::NotYetValid(name()));
        }
    }
}

/// The authorities, each after those that it may have issued, as far as they hang together; what is
/// no authority's is left out.
fn chain<'a>(
    own: impl Iterator<Item = &'a Certificate>,
    rest: Vec<Certificate>,
    warnings: &mut Vec<Warning>,
) -> Vec<Certificate> {
    let (mut left, others): (Vec<_>, Vec<_>) =
        rest.into_iter().partition(Certificate::is_authority);
    warnings.extend(others.into_iter().map(|other| Warning::LeftOut(other.name)));
    let mut chain = Vec::new();
    for leaf in own {
        let start = chain.len();
        take_issuers(leaf, &mut left, &mut chain);
        let mut next = start;
        while next < chain.len() {
            let mut found = Vec::new();
            if let Some(issued) = chain.get(next) {
                take_issuers(issued, &mut left, &mut found);
            }
            chain.append(&mut found);
            next += 1;
        }
    }
    chain.append(&mut left);
    chain
}

fn take_issuers(issued: &Certificate, left: &mut Vec<Certificate>, to: &mut Vec<Certificate>) {
    let (issuers, others): (Vec<_>, Vec<_>) = core::mem::take(left)
        .into_iter()
        .partition(|one| one.may_have_issued(issued));
    *left = others;
    to.extend(issuers);
}

/// Takes out what is there a second time.
fn dedup<T: PartialEq>(all: &mut Vec<T>) {
    let mut kept: Vec<T> = Vec::with_capacity(all.len());
    for one in all.drain(..) {
        if !kept.contains(&one) {
            kept.push(one);
        }
    }
    *all = kept;
}
