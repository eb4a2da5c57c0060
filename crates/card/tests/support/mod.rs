//! A virtual card, and OpenSSL as the second opinion.

#![allow(dead_code)]

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use kortlab_apdu::Protocol;
use kortlab_card::{Card, Pin};
use kortlab_emulator::crypto::RsaKey;
use kortlab_emulator::models::eid::{CardCertificate, EidCard};
use kortlab_emulator::{CardRng, Image, InProcess, VirtualCard};
use kortlab_pkcs15::Id;
use tempfile::TempDir;

pub const SERIAL: &str = "9752269700000000008";
pub const PROTOCOLS: [Protocol; 2] = [Protocol::T0, Protocol::T1];

/// The two keys of the card; made once, since that takes a while.
pub fn keys() -> &'static (RsaKey, RsaKey) {
    static KEYS: OnceLock<(RsaKey, RsaKey)> = OnceLock::new();
    KEYS.get_or_init(|| {
        let mut rng = CardRng::from_seed(45);
        let mut key = || RsaKey::generate(2048, &mut rng).expect("a key");
        (key(), key())
    })
}

pub fn model(protocol: Protocol) -> EidCard {
    let (authentication, signature) = keys().clone();
    EidCard::new(SERIAL, authentication, signature).protocol(protocol)
}

pub fn insert(image: Image) -> InProcess {
    let card = VirtualCard::new(image, CardRng::from_seed(7)).expect("a card");
    InProcess::ephemeral(card)
}

pub fn open(model: EidCard) -> Card<InProcess> {
    Card::open(insert(model.build().expect("an image"))).expect("a session")
}

pub fn pin(text: &str) -> Pin {
    Pin::try_from(text).expect("a PIN")
}

pub fn id(byte: u8) -> Id {
    Id::from(byte)
}

pub fn on_card(der: &[u8], key: u8, label: &str) -> CardCertificate {
    CardCertificate {
        der: der.to_vec(),
        key_id: id(key),
        label: label.to_owned(),
        authority: false,
    }
}

/// OpenSSL in a directory of its own.
pub struct OpenSsl {
    directory: TempDir,
}

impl OpenSsl {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        Self { directory }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).expect("written");
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).expect("read")
    }

    /// Runs it, and gives its exit status and what it says.
    pub fn run(&self, arguments: &[&str]) -> (bool, String) {
        let output = Command::new("openssl")
            .args(arguments)
            .current_dir(&self.directory)
            .output()
            .expect("openssl is missing: run: cargo xtask test");
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    }

    pub fn must(&self, arguments: &[&str]) {
        let (good, text) = self.run(arguments);
        assert!(good, "openssl {arguments:?}: {text}");
    }

    /// An authority that issues certificates with [`OpenSsl::certificate`].
    pub fn authority() -> Self {
        let openssl = Self::new();
        openssl.must(&[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
            "-subj",
            "/C=SE/CN=TEST Authority",
            "-days",
            "3650",
        ]);
        openssl
    }

    /// A certificate for a public key, valid for so many days (negative: expired).
    pub fn certificate(&self, key: &RsaKey, serial: &str, days: i32) -> Vec<u8> {
        self.write("public.der", &key.public_key_der());
        self.must(&[
            "pkey",
            "-pubin",
            "-inform",
            "DER",
            "-in",
            "public.der",
            "-out",
            "public.pem",
        ]);
        self.must(&[
            "x509",
            "-new",
            "-force_pubkey",
            "public.pem",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-subj",
            "/C=SE/CN=TEST Holder",
            "-days",
            &days.to_string(),
            "-set_serial",
            serial,
            "-outform",
            "DER",
            "-out",
            "certificate.der",
        ]);
        self.read("certificate.der")
    }
}
