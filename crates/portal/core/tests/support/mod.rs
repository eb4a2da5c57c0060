//! A portal with fixed time, cards whose keys are in software, and the openssl command.

#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use kortlab_issuer::card_number::CardNumber;
use kortlab_issuer::clock::{Clock, FixedClock, Timestamp};
use kortlab_issuer::csr::RequestToSign;
use kortlab_issuer::holder::Holder;
use kortlab_issuer::profile::CarrierSubject;
use kortlab_issuer::public_key::PublicKey;
use kortlab_issuer::random::IssuerRng;
use kortlab_issuer::receipt::MessageToSign;
use kortlab_portal_core::{
    Approval, CarrierPair, Enrolment, IssuedPair, KeyRefused, LocalPortal, LogInKey, LogInScheme,
    Order, Portal, PortalError, Session, TestPageRow,
};
use rsa::PrivateKey;
use rsa::pkcs8::EncodePublicKey;
use sha2::Sha256;

/// A key of a card, held in software.
#[derive(Clone)]
pub struct SoftKey(PrivateKey);

impl SoftKey {
    pub fn new(purpose: &str) -> Self {
        let rng = &mut IssuerRng::from_seed(1, purpose);
        Self(PrivateKey::new(rng, 2048).unwrap())
    }

    pub fn of_bits(purpose: &str, bits: usize) -> Self {
        let rng = &mut IssuerRng::from_seed(1, purpose);
        Self(PrivateKey::new(rng, bits).unwrap())
    }

    pub fn with_exponent(purpose: &str, exponent: u64) -> Self {
        let rng = &mut IssuerRng::from_seed(1, purpose);
        Self(PrivateKey::new_with_exp(rng, 2048, exponent.into()).unwrap())
    }

    pub fn public(&self) -> PublicKey {
        let der = self.0.to_public_key().to_public_key_der().unwrap();
        PublicKey::from_spki_der(der.as_bytes()).unwrap()
    }

    /// The same modulus with another exponent: no key of its own.
    pub fn public_with_exponent(&self, exponent: u32) -> PublicKey {
        let modulus = self.public().modulus();
        PublicKey::from_components(&modulus, &exponent.to_be_bytes()).unwrap()
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.pkcs1v15_sign::<Sha256>(message).unwrap()
    }

    pub fn request(&self, name: &str) -> Vec<u8> {
        let request = RequestToSign::new(&self.public(), name).unwrap();
        let signature = self.sign(request.to_be_signed());
        request.finish(&signature).unwrap()
    }

    pub fn sign_text(&self, text: &[u8], certificate: &[u8], now: Timestamp) -> Vec<u8> {
        let message = MessageToSign::new(text, certificate, now).unwrap();
        let signature = self.sign(message.to_be_signed());
        message.finish(&signature).unwrap()
    }
}

/// A key in software, shown with this certificate to log in.
pub struct SoftLogIn<'a> {
    pub key: &'a SoftKey,
    pub certificate: &'a [u8],
    /// What was signed, in order.
    pub signed: Vec<Vec<u8>>,
}

impl<'a> SoftLogIn<'a> {
    pub fn new(key: &'a SoftKey, certificate: &'a [u8]) -> Self {
        let signed = Vec::new();
        Self {
            key,
            certificate,
            signed,
        }
    }
}

impl LogInKey for SoftLogIn<'_> {
    fn certificate(&self) -> &[u8] {
        self.certificate
    }

    fn sign(&mut self, scheme: LogInScheme, message: &[u8]) -> Result<Vec<u8>, KeyRefused> {
        self.signed.push(message.to_vec());
        Ok(match scheme {
            LogInScheme::Pkcs1Sha256 => self.key.sign(message),
            LogInScheme::PssSha256 => self.key.0.pss_sign::<Sha256>(message).unwrap(),
        })
    }
}

/// A card whose keys are in software.
#[derive(Clone)]
pub struct SoftCard {
    pub number: CardNumber,
    pub authentication: SoftKey,
    pub signature: SoftKey,
    pub carrier: CarrierPair,
}

pub struct World {
    pub portal: LocalPortal,
    pub clock: FixedClock,
    pub start: Timestamp,
}

impl World {
    pub fn new() -> Self {
        Self::at(Timestamp::from_date(2026, 3, 1).unwrap())
    }

    pub fn at(start: Timestamp) -> Self {
        let clock = FixedClock::at(start);
        let rng = IssuerRng::from_seed(42, "portal");
        let portal = LocalPortal::create(clock.clone(), rng).unwrap();
        Self {
            portal,
            clock,
            start,
        }
    }

    pub fn enrol(&mut self, name: &str) -> SoftCard {
        self.enrol_as(name, CarrierSubject::Card)
    }

    pub fn enrol_as(&mut self, name: &str, carrier_subject: CarrierSubject) -> SoftCard {
        self.enrol_with(name, carrier_subject, self.clock.now())
    }

    pub fn enrol_on(&mut self, name: &str, when: Timestamp) -> SoftCard {
        self.enrol_with(name, CarrierSubject::Card, when)
    }

    fn enrol_with(
        &mut self,
        name: &str,
        carrier_subject: CarrierSubject,
        when: Timestamp,
    ) -> SoftCard {
        let rng = &mut IssuerRng::from_seed(1, name);
        let number = CardNumber::generate(rng);
        let authentication = SoftKey::new(&format!("{name} authentication"));
        let signature = SoftKey::new(&format!("{name} signature"));
        let carrier = self
            .portal
            .enrol_at(
                &Enrolment {
                    holder: Holder::generate(rng),
                    card_number: number,
                    authentication_key: authentication.public(),
                    signature_key: signature.public(),
                    carrier_subject,
                },
                when,
            )
            .unwrap();
        SoftCard {
            number,
            authentication,
            signature,
            carrier,
        }
    }

    pub fn try_log_in(
        &mut self,
        key: &SoftKey,
        certificate: &[u8],
    ) -> Result<Session, PortalError> {
        self.portal.log_in(&mut SoftLogIn::new(key, certificate))
    }

    pub fn try_authentication(
        &mut self,
        key: &SoftKey,
        certificate: &[u8],
    ) -> Result<TestPageRow, PortalError> {
        self.portal
            .try_authentication(&mut SoftLogIn::new(key, certificate))
    }

    pub fn log_in(&mut self, card: &SoftCard) -> Session {
        let certificate = card.carrier.authentication.clone();
        self.try_log_in(&card.authentication, &certificate).unwrap()
    }

    pub fn approval(&self, card: &SoftCard, order: &Order) -> Approval {
        let authentication_request = card.authentication.request("legitimering");
        let signature_request = card.signature.request("underskrift");
        let text = order.approval_text(&authentication_request, &signature_request);
        Approval {
            signed_approval: card.signature.sign_text(
                text.as_bytes(),
                &card.carrier.signature,
                self.clock.now(),
            ),
            authentication_request,
            signature_request,
        }
    }

    /// Orders and approves; the receipt is not signed.
    pub fn issue(&mut self, card: &SoftCard, session: &Session) -> IssuedPair {
        let order = self.portal.order(&session.token).unwrap();
        let approval = self.approval(card, &order);
        self.portal
            .approve(&session.token, order.id, &approval)
            .unwrap()
    }

    pub fn sign_receipt(&mut self, card: &SoftCard, session: &Session, pair: &IssuedPair) {
        let receipt = self.portal.receipt(&session.token).unwrap().unwrap();
        let signed =
            card.signature
                .sign_text(receipt.text.as_bytes(), &pair.signature, self.clock.now());
        self.portal
            .sign_receipt(&session.token, receipt.order, &signed)
            .unwrap();
    }
}

/// Files for openssl, and openssl itself.
pub struct OpenSsl {
    dir: tempfile::TempDir,
}

impl OpenSsl {
    pub fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Runs openssl in the directory; the output's text is stdout and stderr together.
    pub fn run(&self, arguments: &[&str]) -> (bool, String) {
        let Output {
            status,
            stdout,
            stderr,
        } = Command::new("openssl")
            .args(arguments)
            .current_dir(self.dir.path())
            .output()
            .expect("openssl is missing; run: cargo xtask test");
        let text = [stdout, stderr].concat();
        (
            status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    }

    /// Runs openssl, which must succeed, and returns what it says.
    pub fn must(&self, arguments: &[&str]) -> String {
        let (ok, text) = self.run(arguments);
        assert!(ok, "openssl {arguments:?}: {text}");
        text
    }

    /// Writes a DER certificate as PEM.
    pub fn certificate(&self, name: &str, der: &[u8]) {
        self.write("in.der", der);
        self.must(&["x509", "-inform", "DER", "-in", "in.der", "-out", name]);
    }

    /// Writes a DER CRL as PEM.
    pub fn crl(&self, name: &str, der: &[u8]) {
        self.write("in.der", der);
        self.must(&["crl", "-inform", "DER", "-in", "in.der", "-out", name]);
    }
}
