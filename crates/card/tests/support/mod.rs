//! A virtual card, and OpenSSL as the second opinion.

#![allow(dead_code)]

use std::cell::RefCell;
use std::path::PathBuf;
use std::process::Command;
use std::rc::Rc;
use std::sync::OnceLock;

use kortlab_apdu::{Channel, ChannelError, Layer, Layered, Protocol};
use kortlab_card::{Card, Pin, PinRole};
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

/// Two certificates for key 45, one for key 46.
pub fn certificates() -> &'static [Vec<u8>; 3] {
    static CERTIFICATES: OnceLock<[Vec<u8>; 3]> = OnceLock::new();
    CERTIFICATES.get_or_init(|| {
        let authority = OpenSsl::authority();
        [
            authority.certificate(&keys().0, "1", 30),
            authority.certificate(&keys().0, "2", 30),
            authority.certificate(&keys().1, "3", 30),
        ]
    })
}

/// A card with the first of [`certificates`] as "Old" in 4331, and the last as "Stays" in 4332.
pub fn old_and_stays(model: EidCard) -> Image {
    let [old, _, other] = certificates();
    model
        .certificate(on_card(old, 0x45, "Old"))
        .certificate(on_card(other, 0x46, "Stays"))
        .build()
        .expect("an image")
}

/// A session on a card in which the PIN for authentication is verified.
pub fn unlocked(image: Image) -> Card<InProcess> {
    let mut card = Card::open(insert(image)).expect("a session");
    card.verify(PinRole::Authentication, &pin("123456"))
        .expect("the PIN");
    card
}

pub fn on_card(der: &[u8], key: u8, label: &str) -> CardCertificate {
    CardCertificate {
        der: der.to_vec(),
        key_id: id(key),
        label: label.to_owned(),
        authority: false,
    }
}

/// Commands as the card got them, shared with the test.
pub type Sent = Rc<RefCell<Vec<Vec<u8>>>>;

/// What a card answers to a command; the channel is the card itself.
type Answer = Box<dyn Fn(&mut dyn Channel, &[u8]) -> Result<Vec<u8>, ChannelError>>;

/// Notes each command, and answers as the test says.
pub struct Told {
    sent: Sent,
    answer: Answer,
}

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Told")
    }
}

impl Layer for Told {
    fn transmit(
        &mut self,
        next: &mut dyn Channel,
        command: &[u8],
    ) -> Result<Vec<u8>, ChannelError> {
        self.sent.borrow_mut().push(command.to_vec());
        (self.answer)(next, command)
    }
}

/// A session with a card that answers as `answer` says, and the commands that it gets.
pub fn open_told(
    image: Image,
    answer: impl Fn(&mut dyn Channel, &[u8]) -> Result<Vec<u8>, ChannelError> + 'static,
) -> (Card<Layered<InProcess, Told>>, Sent) {
    let sent = Sent::default();
    let told = Told {
        sent: Rc::clone(&sent),
        answer: Box::new(answer),
    };
    let card = Card::open(Layered::new(insert(image), told)).expect("a session");
    (card, sent)
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
        Self::authority_with(&["-newkey", "rsa:2048"])
    }

    /// The same with a key on this curve.
    pub fn authority_on(curve: &str) -> Self {
        let curve = format!("ec_paramgen_curve:{curve}");
        Self::authority_with(&["-newkey", "ec", "-pkeyopt", &curve])
    }

    fn authority_with(key: &[&str]) -> Self {
        let openssl = Self::new();
        let request = [
            "req",
            "-x509",
            "-nodes",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
            "-subj",
            "/C=SE/CN=TEST Authority",
            "-days",
            "3650",
        ];
        openssl.must(&[&request, key].concat());
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
