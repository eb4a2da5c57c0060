//! A test authority: its key, the certificates it has issued, and their state.

mod issued;
mod responder;
mod sign;
mod stored;

pub use issued::{CertificateData, CertificateState};

pub use crate::authority_kind::AuthorityKind;

use std::collections::{BTreeMap, BTreeSet};

use core::fmt;
use core::time::Duration;

use der::pem::LineEnding;
use der::{Decode, EncodePem};
use rsa::PrivateKey;
use rsa::pkcs1v15::SigningKey;
use sha2::Sha256;
use signature::Keypair;
use spki::{EncodePublicKey, SubjectPublicKeyInfoOwned};
use x509_cert::Certificate;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;

use self::sign::validity;
use self::stored::Changed;
use crate::IssueError;
use crate::clock::{DAY, Timestamp};
use crate::name::{self, NameBuilder};
use crate::oid;
use crate::profile::{self, AuthorityUrls, CertificateProfile};
use crate::public_key::{KEY_BITS, PublicKey};
use crate::random::IssuerRng;
use crate::revocation::{AlreadyRevoked, RevocationReason, Revocations, Serial};

/// How long an authority's own certificate is valid.
const AUTHORITY_VALIDITY: Duration = Duration::from_secs(25 * 365 * DAY.as_secs());
/// How long a CRL is valid.
const CRL_VALIDITY: Duration = Duration::from_secs(7 * DAY.as_secs());

/// One of the two authorities, with its private key in memory. Nothing of it is printed.
pub struct Authority {
    kind: AuthorityKind,
    name: Name,
    urls: AuthorityUrls,
    key: SigningKey<Sha256>,
    public_key: SubjectPublicKeyInfoOwned,
    certificate: Vec<u8>,
    issued: BTreeMap<Serial, Issued>,
    revocations: Revocations,
    /// What the next [`Authority::take_changes`] gives.
    changed: BTreeSet<Changed>,
}

/// What the authority remembers of a certificate.
#[derive(Clone, Debug)]
struct Issued {
    certificate: Vec<u8>,
    not_before: Timestamp,
    not_after: Timestamp,
}

impl Authority {
    /// Makes a new authority: an RSA-2048 key drawn from `rng` and a self-signed certificate that
    /// is valid from `now` for 25 years. The same `rng` state and `now` give the same authority.
    ///
    /// # Errors
    /// Key generation or encoding failed.
    pub fn create(
        kind: AuthorityKind,
        urls: AuthorityUrls,
        now: Timestamp,
        rng: &mut IssuerRng,
    ) -> Result<Self, IssueError> {
        Self::create_named(kind, kind.common_name(), urls, now, rng)
    }

    /// As [`Authority::create`], with another common name: an earlier or later generation.
    ///
    /// # Errors
    /// As for [`Authority::create`], and a name that does not fit.
    pub fn create_named(
        kind: AuthorityKind,
        common_name: &str,
        urls: AuthorityUrls,
        now: Timestamp,
        rng: &mut IssuerRng,
    ) -> Result<Self, IssueError> {
        let key = PrivateKey::new(rng, KEY_BITS).map_err(IssueError::KeyGeneration)?;
        let name = name_of(common_name)?;
        let mut authority = Self::with_key(kind, name.clone(), urls, key)?;
        let validity = validity(now, now.after(AUTHORITY_VALIDITY))?;
        let serial = authority.free_serial(rng)?;
        let key = authority.public_key.clone();
        let profile = profile::authority(name).map_err(IssueError::Build)?;
        authority.certificate = authority.sign(profile, serial, validity, key)?;
        Ok(authority)
    }

    /// An authority that has issued nothing, not even its own certificate.
    fn with_key(
        kind: AuthorityKind,
        name: Name,
        urls: AuthorityUrls,
        key: PrivateKey,
    ) -> Result<Self, IssueError> {
        let key = SigningKey::<Sha256>::new(key);
        let public_key = key
            .verifying_key()
            .to_public_key_der()
            .map_err(x509_cert::builder::Error::from)
            .and_then(|der| Ok(SubjectPublicKeyInfoOwned::from_der(der.as_bytes())?))
            .map_err(IssueError::Build)?;
        Ok(Self {
            kind,
            name,
            urls,
            key,
            public_key,
            certificate: Vec::new(),
            issued: BTreeMap::new(),
            revocations: Revocations::default(),
            changed: BTreeSet::new(),
        })
    }

    /// Which of the two it is.
    pub fn kind(&self) -> AuthorityKind {
        self.kind
    }

    /// Whether this is its key, by the modulus: another exponent makes no other key.
    pub fn has_key(&self, key: &PublicKey) -> bool {
        PublicKey::from_spki(&self.public_key).is_ok_and(|own| own.modulus() == key.modulus())
    }

    /// Whether a key has a prime in common with its own, which gives its own away.
    pub fn shares_a_prime_with(&self, key: &PublicKey) -> bool {
        PublicKey::from_spki(&self.public_key).is_ok_and(|own| own.shares_a_prime_with(key))
    }

    /// Its own certificate, DER.
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate
    }

    /// The addresses that its certificates name.
    pub fn urls(&self) -> &AuthorityUrls {
        &self.urls
    }

    /// Its own certificate, PEM.
    ///
    /// # Errors
    /// Encoding failed.
    pub fn certificate_pem(&self) -> Result<String, IssueError> {
        Certificate::from_der(&self.certificate)
            .and_then(|certificate| certificate.to_pem(LineEnding::LF))
            .map_err(IssueError::encode("the authority's certificate"))
    }

    /// Issues a certificate for `public_key` and returns its DER.
    ///
    /// # Errors
    /// This authority does not issue such certificates, the data do not fit, or encoding failed.
    pub fn issue(
        &mut self,
        data: &CertificateData<'_>,
        public_key: &PublicKey,
        rng: &mut IssuerRng,
    ) -> Result<Vec<u8>, IssueError> {
        if !self.kind.issues(data.kind) {
            return Err(IssueError::WrongAuthority {
                authority: self.kind.common_name().to_owned(),
                kind: data.kind.name(),
            });
        }
        let serial = self.free_serial(rng)?;
        let key = public_key.to_spki().map_err(IssueError::PublicKey)?;
        let validity = validity(data.not_before, data.not_after)?;
        let number = serial.as_bytes().to_vec();
        let certificate = self.sign(self.profile(data)?, serial, validity, key)?;
        self.note_issued(number, &certificate, data.not_before, data.not_after);
        Ok(certificate)
    }

    /// What a certificate of one of the four kinds contains.
    fn profile(&self, data: &CertificateData<'_>) -> Result<CertificateProfile, IssueError> {
        let (issuer, usage) = (self.name.clone(), data.kind.key_usage());
        let (holder, card, urls) = (data.holder, data.card_number, &self.urls);
        let profile = if data.kind.is_hcc() {
            let log_on = data.kind.is_authentication().then_some(holder);
            let subject = profile::hcc_subject(holder)?;
            profile::hcc(issuer, subject, usage, card, log_on, urls)
        } else {
            let subject = data.carrier_subject.name(holder, card)?;
            profile::carrier(issuer, subject, usage, urls)
        };
        profile.map_err(IssueError::Build)
    }

    fn note_issued(
        &mut self,
        serial: Serial,
        certificate: &[u8],
        not_before: Timestamp,
        not_after: Timestamp,
    ) {
        self.changed.insert(Changed::Certificate(serial.clone()));
        let issued = Issued {
            certificate: certificate.to_vec(),
            not_before,
            not_after,
        };
        self.issued.insert(serial, issued);
    }

    /// The certificate with this serial number (the INTEGER's contents octets), DER.
    pub fn certificate(&self, serial: &[u8]) -> Option<&[u8]> {
        Some(&self.issued.get(serial)?.certificate)
    }

    /// Whether this authority issued exactly this certificate (every byte of it) under this serial
    /// number.
    pub fn has_issued(&self, serial: &[u8], certificate: &[u8]) -> bool {
        self.certificate(serial) == Some(certificate)
    }

    /// Since when and why the certificate with this serial number (the INTEGER's contents octets)
    /// is revoked or on hold, if it is.
    pub fn revocation(&self, serial: &[u8]) -> Option<(Timestamp, RevocationReason)> {
        self.revocations.of(serial)
    }

    /// What the certificate with this serial number (the INTEGER's contents octets) is worth at
    /// `now`; `None` if it was never issued here.
    pub fn state(&self, serial: &[u8], now: Timestamp) -> Option<CertificateState> {
        let issued = self.issued.get(serial)?;
        let revoked = self.revocations.of(serial).map(|(_, reason)| reason);
        Some(match revoked {
            Some(reason) if reason != RevocationReason::CertificateHold => {
                CertificateState::Revoked(reason)
            }
            _ if now > issued.not_after => CertificateState::Expired,
            Some(_) => CertificateState::OnHold,
            None if now < issued.not_before => CertificateState::NotYetValid,
            None => CertificateState::Valid,
        })
    }

    /// Revokes a certificate, or puts it on hold.
    ///
    /// # Errors
    /// It was never issued here, or it is revoked already.
    pub fn revoke(
        &mut self,
        serial: &[u8],
        reason: RevocationReason,
        now: Timestamp,
    ) -> Result<(), IssueError> {
        self.known(serial)?;
        self.revocations
            .revoke(serial, reason, now)
            .map_err(|error| already_revoked(serial, error))?;
        self.changed.insert(Changed::Revocation(serial.to_vec()));
        Ok(())
    }

    /// Takes a certificate off hold; one that is not on hold stays as it is.
    ///
    /// # Errors
    /// It was never issued here, or it is revoked for good.
    pub fn release(&mut self, serial: &[u8], now: Timestamp) -> Result<(), IssueError> {
        self.known(serial)?;
        let released = self
            .revocations
            .release(serial, now)
            .map_err(|error| already_revoked(serial, error))?;
        if released {
            self.changed.insert(Changed::Revocation(serial.to_vec()));
        }
        Ok(())
    }

    /// Makes the next complete CRL, DER; valid for a week from `now`.
    ///
    /// # Errors
    /// Encoding failed.
    pub fn crl(&mut self, now: Timestamp) -> Result<Vec<u8>, IssueError> {
        let entries = self.revocations.all();
        let number = self.next_crl_number();
        self.sign_crl(number, None, now, entries)
    }

    /// The number of the CRL made last; 0 if there is none yet.
    pub fn newest_crl_number(&self) -> u64 {
        self.revocations.newest_crl_number()
    }

    /// Makes a delta CRL, DER: what changed since the CRL numbered `base`, with removeFromCRL for
    /// what was taken off hold.
    ///
    /// # Errors
    /// Encoding failed.
    pub fn delta_crl(&mut self, base: u64, now: Timestamp) -> Result<Vec<u8>, IssueError> {
        let entries = self.revocations.since(base);
        let number = self.next_crl_number();
        self.sign_crl(number, Some(base), now, entries)
    }

    fn next_crl_number(&mut self) -> u64 {
        self.changed.insert(Changed::CrlNumber);
        self.revocations.next_crl_number()
    }

    fn known(&self, serial: &[u8]) -> Result<(), IssueError> {
        if self.issued.contains_key(serial) {
            return Ok(());
        }
        Err(IssueError::UnknownSerial {
            authority: self.kind.common_name().to_owned(),
            serial: hex::encode_upper(serial),
        })
    }

    /// A serial number of 16 random bytes, positive and without a leading zero.
    fn free_serial(&self, rng: &mut IssuerRng) -> Result<SerialNumber, IssueError> {
        loop {
            let mut bytes: [u8; 16] = rng.bytes();
            let [first, ..] = &mut bytes;
            *first = *first & 0x3F | 0x40;
            if !self.issued.contains_key(bytes.as_slice()) {
                return SerialNumber::new(&bytes).map_err(IssueError::encode("a serial number"));
            }
        }
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("name", &name::display(&self.name))
            .field("issued", &self.issued.len())
            .finish_non_exhaustive()
    }
}

/// The name of an authority, or of what belongs to one.
fn name_of(common_name: &str) -> Result<Name, IssueError> {
    NameBuilder::new()
        .printable(oid::COUNTRY_NAME, "SE")?
        .utf8(oid::ORGANIZATION_NAME, "TEST Kortlab")?
        .utf8(oid::COMMON_NAME, common_name)?
        .build()
}

fn already_revoked(serial: &[u8], AlreadyRevoked(reason): AlreadyRevoked) -> IssueError {
    IssueError::AlreadyRevoked {
        serial: hex::encode_upper(serial),
        reason: reason.name(),
    }
}
