//! The keys of the EID-applet card: choosing them, signing, deciphering, hashing, making new ones.
//! Whatever a key computes is judged by `openssl`.

use std::path::Path;
use std::process::Command as Process;
use std::sync::OnceLock;
use std::{fs, iter};

use kortlab_apdu::exchange::exchange;
use kortlab_apdu::{Channel, Command, Protocol, Response};
use kortlab_emulator::crypto::RsaKey;
use kortlab_emulator::crypto::digest::Hash;
use kortlab_emulator::image::HexBytes;
use kortlab_emulator::image::Settings;
use kortlab_emulator::models::eid::EidCard;
use kortlab_emulator::{CardRng, InProcess, VirtualCard};

const SERIAL: &str = "9752269700000000123";
const BOTH: [Protocol; 2] = [Protocol::T0, Protocol::T1];

/// The authentication key and the signature key, of 2048 bits each.
fn keys() -> &'static (RsaKey, RsaKey) {
    static KEYS: OnceLock<(RsaKey, RsaKey)> = OnceLock::new();
    KEYS.get_or_init(|| {
        let mut rng = CardRng::from_seed(45);
        let mut key = || RsaKey::generate(2048, &mut rng).expect("a key");
        (key(), key())
    })
}

fn eid(protocol: Protocol) -> EidCard {
    let (authentication, signature) = keys().clone();
    EidCard::new(SERIAL, authentication, signature).protocol(protocol)
}

struct Card(InProcess);

impl Card {
    fn new(eid: EidCard) -> Self {
        let image = eid.build().expect("an image");
        let card = VirtualCard::new(image, CardRng::from_seed(7)).expect("a card");
        Self(InProcess::ephemeral(card))
    }

    /// A card of this protocol in whose application a key file is selected.
    fn with_key(protocol: Protocol, fid: &str) -> Self {
        let mut card = Self::new(eid(protocol));
        card.ok(&format!("00A4080C 5015{fid}"));
        card
    }

    /// Sends one command: four bytes of header, data, and `/` where a response is expected.
    fn send(&mut self, text: &str) -> Response {
        let (body, le) = match text.strip_suffix('/') {
            Some(body) => (body, true),
            None => (text, false),
        };
        let bytes = hex::decode(body.replace(' ', "")).expect("hex");
        let mut command = Command::new(bytes[1], bytes[2], bytes[3])
            .with_class(kortlab_apdu::Class::from_byte(bytes[0]))
            .with_data(&bytes[4..]);
        if le {
            command = command.expecting_any();
        }
        exchange(&mut self.0, &command).expect("an answer")
    }

    fn sw(&mut self, text: &str) -> u16 {
        self.send(text).status().value()
    }

    fn ok(&mut self, text: &str) -> Vec<u8> {
        let response = self.send(text);
        assert_eq!(response.status().value(), 0x9000, "{text}");
        response.data().to_vec()
    }

    fn verify(&mut self, reference: u8, pin: &str) {
        let padded: Vec<u8> = pin.bytes().chain(iter::repeat(0)).take(8).collect();
        self.ok(&format!("002000{reference:02X} {}", hex::encode(padded)));
    }

    fn verify_both(&mut self) {
        self.verify(0x81, "123456");
        self.verify(0x82, "654321");
    }
}

/// openssl's judgement of a signature over `message`; `digest` is `none` for a raw block.
fn openssl_verifies(key: &RsaKey, digest: &str, message: &[u8], signature: &[u8]) -> bool {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    fs::write(at("public.der"), key.public_key_der()).expect("written");
    fs::write(at("message"), message).expect("written");
    fs::write(at("signature"), signature).expect("written");
    let output = openssl(directory.path())
        .args(["dgst", digest, "-verify", "public.der", "-keyform", "DER"])
        .args(["-signature", "signature", "message"])
        .output();
    output
        .expect("openssl is missing: run: cargo xtask test")
        .status
        .success()
}

fn openssl_encrypts(key: &RsaKey, padding: &str, message: &[u8]) -> Vec<u8> {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("public.der"), key.public_key_der()).expect("written");
    fs::write(directory.path().join("message"), message).expect("written");
    let output = openssl(directory.path())
        .args(["pkeyutl", "-encrypt", "-pubin", "-keyform", "DER"])
        .args(["-inkey", "public.der", "-in", "message"])
        .args(["-pkeyopt", &format!("rsa_padding_mode:{padding}")])
        .output()
        .expect("openssl is missing: run: cargo xtask test");
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

fn openssl(directory: &Path) -> Process {
    let mut openssl = Process::new("openssl");
    openssl.current_dir(directory);
    openssl
}

fn digest_info(hash: Hash, message: &[u8]) -> String {
    let info = hash.digest_info(&hash.digest(message));
    hex::encode(info.expect("a digest of its own size"))
}

#[test]
fn each_key_signs_a_digest_info_of_the_host_and_a_digest_that_the_card_wraps() {
    let (authentication, signature) = keys();
    for protocol in BOTH {
        for (fid, key) in [("4B01", authentication), ("4B02", signature)] {
            let mut card = Card::with_key(protocol, fid);
            card.verify_both();
            card.ok(&format!("002241B6 800102 8102{fid}"));
            let signed = card.ok(&format!("002A9E9A {}/", digest_info(Hash::Sha256, b"text")));
            assert!(openssl_verifies(key, "-sha256", b"text", &signed));
            assert!(!openssl_verifies(key, "-sha256", b"other", &signed));

            for (algorithm, hash, option) in
                [("12", Hash::Sha1, "-sha1"), ("42", Hash::Sha256, "-sha256")]
            {
                card.ok(&format!("002241B6 8001{algorithm} 8102{fid} 840101"));
                let digest = hex::encode(hash.digest(b"text"));
                let signed = card.ok(&format!("002A9E9A {digest}/"));
                assert!(openssl_verifies(key, option, b"text", &signed));
            }
        }
    }
}

#[test]
fn a_raw_block_comes_chained_or_extended_and_gives_the_same_as_the_key_itself() {
    let (key, _) = keys();
    let block = [0x5A; 256];
    let expected = key.raw_private(&block).expect("below the modulus");
    for protocol in BOTH {
        let mut card = Card::with_key(protocol, "4B01");
        card.verify_both();
        card.ok("002241B6 800100 81024B01");
        // As the channel does it: chained under T=0, extended under T=1.
        let signed = card.ok(&format!("002A9E9A {}/", hex::encode(block)));
        assert_eq!(signed, *expected);
        // And chained by hand, under both.
        let first = [&[0x10, 0x2A, 0x9E, 0x9A, 0xFF], &block[..255]].concat();
        assert_eq!(card.0.transmit(&first), [0x90, 0x00]);
        let last = match protocol {
            Protocol::T0 => vec![0x00, 0x2A, 0x9E, 0x9A, 0x01, 0x5A],
            Protocol::T1 => vec![0x00, 0x2A, 0x9E, 0x9A, 0x01, 0x5A, 0x00],
        };
        let mut answer = card.0.transmit(&last);
        if protocol == Protocol::T0 {
            assert_eq!(answer, [0x61, 0x00]);
            answer = card.0.transmit(&[0x00, 0xC0, 0x00, 0x00, 0x00]);
        }
        assert_eq!(answer, [expected.as_slice(), &[0x90, 0x00]].concat());
    }
}

#[test]
fn the_block_without_p3_is_taken_under_t0_if_the_image_says_so() {
    let (key, _) = keys();
    let block = [0x5A; 256];
    let first = [&[0x10, 0x2A, 0x9E, 0x9A], &block[..255], &[0x00]].concat();
    let last = [0x00, 0x2A, 0x9E, 0x9A, 0x01, 0x5A];
    for accept in [true, false] {
        let mut card = Card::new(eid(Protocol::T0).settings(Settings {
            accept_chained_block_without_p3: accept,
            ..Settings::default()
        }));
        card.ok("00A4080C 50154B01");
        card.verify_both();
        card.ok("002241B6 800100 81024B01");
        if accept {
            assert_eq!(card.0.transmit(&first), [0x90, 0x00]);
            assert_eq!(card.0.transmit(&last), [0x61, 0x00]);
            let answer = card.0.transmit(&[0x00, 0xC0, 0x00, 0x00, 0x00]);
            let expected = key.raw_private(&block).expect("below the modulus");
            assert_eq!(&answer[..256], expected.as_slice());
        } else {
            assert_eq!(card.0.transmit(&first), [0x67, 0x00]);
        }
    }
}

#[test]
fn a_card_without_chaining_signs_only_what_fits_one_command() {
    let mut card = Card::new(eid(Protocol::T0).settings(Settings {
        command_chaining: false,
        ..Settings::default()
    }));
    card.ok("00A4080C 50154B01");
    card.verify_both();
    card.ok("002241B6 800100 81024B01");
    assert_eq!(card.sw(&format!("002A9E9A {}/", "5A".repeat(256))), 0x6884);
    card.ok("002241B6 800102 81024B01");
    card.ok(&format!("002A9E9A {}/", digest_info(Hash::Sha256, b"text")));
}

#[test]
fn the_authentication_key_deciphers_what_openssl_enciphered_and_the_signature_key_does_not() {
    let (authentication, signature) = keys();
    let padded = hex::encode(openssl_encrypts(authentication, "pkcs1", b"a session key"));
    let oaep = openssl_encrypts(authentication, "oaep", b"a session key");
    for protocol in BOTH {
        let mut card = Card::with_key(protocol, "4B01");
        card.verify_both();
        card.ok("002241B8 800102 81024B01");
        assert_eq!(card.ok(&format!("002A8086 00{padded}/")), b"a session key");
        card.ok("002241B8 800100 81024B01");
        let block = card.ok(&format!("002A8086 00{padded}/"));
        assert_eq!(block.len(), 256);
        assert!(block.ends_with(b"\0a session key") && block.starts_with(&[0, 2]));
        let block = card.ok(&format!("002A8086 00{}/", hex::encode(&oaep)));
        assert_eq!(
            *block,
            **authentication
                .raw_private(&oaep)
                .expect("below the modulus")
        );

        let for_signature = hex::encode(openssl_encrypts(signature, "pkcs1", b"secret"));
        card.ok("002241B8 800102 81024B02");
        assert_eq!(card.sw(&format!("002A8086 00{for_signature}/")), 0x6985);
    }
}

#[test]
fn wrong_padding_is_refused_alike_whatever_is_wrong_with_it() {
    let (key, _) = keys();
    let mut card = Card::with_key(Protocol::T1, "4B01");
    card.verify_both();
    card.ok("002241B8 800102 81024B01");
    let mut short = [0x11; 256];
    (short[0], short[1], short[4]) = (0, 2, 0);
    let mut type_1 = [0xFF; 256];
    (type_1[0], type_1[1], type_1[100]) = (0, 1, 0);
    let mut endless = [0x11; 256];
    (endless[0], endless[1]) = (0, 2);
    for block in [short, type_1, endless, [0x22; 256]] {
        let cryptogram = openssl_encrypts(key, "none", &block);
        let status = card.sw(&format!("002A8086 00{}/", hex::encode(cryptogram)));
        assert_eq!(status, 0x6A80, "{:02X?}", &block[..5]);
    }
}

#[test]
fn a_key_works_only_with_its_own_pin() {
    for protocol in BOTH {
        for (fid, wrong, right) in [
            ("4B01", (0x82, "654321"), (0x81, "123456")),
            ("4B02", (0x81, "123456"), (0x82, "654321")),
        ] {
            let mut card = Card::with_key(protocol, fid);
            card.ok(&format!("002241B6 800102 8102{fid}"));
            let sign = format!("002A9E9A {}/", digest_info(Hash::Sha1, b"text"));
            assert_eq!(card.sw(&sign), 0x6982);
            card.verify(wrong.0, wrong.1);
            assert_eq!(card.sw(&sign), 0x6982);
            card.verify(right.0, right.1);
            card.ok(&sign);
            card.ok(&sign);
            card.0.reset(kortlab_apdu::ResetKind::Warm).expect("reset");
            assert_eq!(card.sw(&sign), 0x6985, "a reset forgets the environment");
        }
    }
}

#[test]
fn with_user_consent_a_verification_is_good_for_one_signature() {
    let mut card = Card::new(eid(Protocol::T1).user_consent(true));
    card.ok("00A4080C 50154B02");
    card.verify_both();
    card.ok("002241B6 800102 81024B02");
    let sign = format!("002A9E9A {}/", digest_info(Hash::Sha1, b"text"));
    assert_eq!(
        card.sw("002A9E9A 00/"),
        0x9000,
        "any data within the padding"
    );
    assert_eq!(card.sw(&sign), 0x6982);
    assert_eq!(
        card.sw("00200081"),
        0x9000,
        "the other PIN is still verified"
    );
    assert_eq!(card.sw("00200082"), 0x63C3);
    card.verify(0x82, "654321");
    card.ok(&sign);
    // What fails before the key is used takes no consent.
    card.verify(0x82, "654321");
    assert_eq!(card.sw(&format!("002A9E9A {}/", "AA".repeat(246))), 0x6700);
    card.ok(&sign);
}

#[test]
fn user_consent_takes_every_pin_that_allowed_the_use() {
    // Either PIN allows the key; with both verified there is consent for one use all the same.
    let mut image = eid(Protocol::T1)
        .user_consent(true)
        .build()
        .expect("an image");
    let directories = image.master_file.files_mut().into_iter().flatten();
    let mut files = directories.flat_map(|file| file.files_mut().into_iter().flatten());
    let key = files.find(|file| file.fid.0 == 0x4B02).expect("a key file");
    let access = hex::decode("010183012A8183012A82").expect("hex");
    key.access = Some(HexBytes(access));
    let card = VirtualCard::new(image, CardRng::from_seed(7)).expect("a card");
    let mut card = Card(InProcess::ephemeral(card));
    card.ok("00A4080C 50154B02");
    card.ok("002241B6 800102 81024B02");
    let sign = format!("002A9E9A {}/", digest_info(Hash::Sha1, b"text"));
    card.verify_both();
    card.ok(&sign);
    assert_eq!(card.sw(&sign), 0x6982);
    assert_eq!(card.sw("00200081"), 0x63C3);
    assert_eq!(card.sw("00200082"), 0x63C3);
    card.verify(0x81, "123456");
    card.ok(&sign);
    assert_eq!(card.sw(&sign), 0x6982);
}

#[test]
fn what_is_hashed_on_the_card_is_what_an_empty_signature_command_signs() {
    let (key, _) = keys();
    let text = hex::encode(b"text");
    for protocol in BOTH {
        let mut card = Card::with_key(protocol, "4B01");
        card.verify_both();
        card.ok("002241B6 800102 81024B01");
        card.ok(&format!("002A9080 {text}"));
        let signed = card.ok("002A9E9A/");
        assert!(openssl_verifies(key, "-sha1", b"text", &signed));
        assert_eq!(card.sw("002A9E9A/"), 0x6985, "a digest is signed once");

        card.ok("002241AA 800142");
        card.ok(&format!("002A90A0 8004{text}"));
        let signed = card.ok("002A9E9A/");
        assert!(openssl_verifies(key, "-sha256", b"text", &signed));

        let digest = hex::encode(Hash::Sha256.digest(b"text"));
        card.ok(&format!("002A90A0 9020{digest}"));
        let signed = card.ok("002A9E9A/");
        assert!(openssl_verifies(key, "-sha256", b"text", &signed));
        let info = digest_info(Hash::Sha1, b"text");
        card.ok(&format!("002A90A0 90{:02X}{info}", info.len() / 2));
        let signed = card.ok("002A9E9A/");
        assert!(openssl_verifies(key, "-sha1", b"text", &signed));
    }
    let mut card = Card::with_key(Protocol::T1, "4B01");
    assert_eq!(
        card.ok(&format!("002A9080 {text}/")),
        Hash::Sha1.digest(b"text"),
        "with Le the digest is given"
    );
}

#[test]
fn internal_authenticate_proves_the_authentication_key() {
    let (key, _) = keys();
    for protocol in BOTH {
        let mut card = Card::with_key(protocol, "4B01");
        let prove = format!("00880000 {}/", digest_info(Hash::Sha256, b"challenge"));
        assert_eq!(card.sw(&prove), 0x6982);
        card.verify_both();
        let answer = card.ok(&prove);
        assert!(openssl_verifies(key, "-sha256", b"challenge", &answer));
        card.ok("002241A4 800112 81024B01");
        let digest = hex::encode(Hash::Sha1.digest(b"challenge"));
        let answer = card.ok(&format!("00880000 {digest}/"));
        assert!(openssl_verifies(key, "-sha1", b"challenge", &answer));
        card.ok("002241A4 800102 81024B02");
        assert_eq!(card.sw(&prove), 0x6985, "the signature key is not for this");
        assert_eq!(card.sw(&prove.replacen("0000", "0001", 1)), 0x6A86);
    }
}

#[test]
fn a_security_environment_takes_only_what_the_card_has() {
    let mut card = Card::with_key(Protocol::T0, "4B01");
    card.verify_both();
    for (command, status) in [
        // Templates that are good: by FID, by path from the DF, from the MF, by selection.
        ("002241B6 800102 81024B01", 0x9000),
        ("002241B6 81024B01 800102 840100", 0x9000),
        ("002241B6 800102 810450154B01", 0x9000),
        ("002241B6 800102 81063F0050154B01", 0x9000),
        ("002241B6 800102", 0x9000),
        ("002241B6 81024B02", 0x9000),
        // No such key, or no key.
        ("002241B6 800102 81024B03", 0x6A88),
        ("002241B6 800102 81024403", 0x6A88),
        ("002241B6 800102 81024B01 840102", 0x6A88),
        // Algorithms and templates that are malformed or unknown.
        ("002241B6 800103 81024B01", 0x6A80),
        ("002241B6 80020002 81024B01", 0x6A80),
        ("002241B8 800112 81024B01", 0x6A80),
        ("002241B6 800102 800102 81024B01", 0x6A80),
        ("002241B6 800102 81034B0100", 0x6A80),
        ("002241B6 800102 8100", 0x6A80),
        ("002241B6 800102 850101", 0x6A80),
        ("002241B6 800102 81024B", 0x6A80),
        ("002241AA 800102", 0x6A80),
        ("002241AA 800112 81024B01", 0x6A80),
        ("002241B6", 0x6700),
        ("002241B4 800102 81024B01", 0x6A86),
        ("002211B6 800102 81024B01", 0x6A86),
        ("0022F201", 0x6A81),
        ("0022F301 8001", 0x6700),
        ("0022F302", 0x6A88),
    ] {
        assert_eq!(card.sw(command), status, "{command}");
    }
    // A failed SET left what was there; RESTORE empties it.
    let sign = format!("002A9E9A {}/", digest_info(Hash::Sha1, b"text"));
    card.ok(&sign);
    card.ok("0022F301");
    assert_eq!(card.sw(&sign), 0x6985);
}

#[test]
fn a_security_operation_takes_only_input_that_suits_its_algorithm() {
    let mut card = Card::with_key(Protocol::T1, "4B01");
    card.verify_both();
    let modulus = hex::encode(keys().0.modulus());
    let zeros = "00".repeat(256);
    for (environment, command, status) in [
        (
            "002241B6 800100",
            format!("002A9E9A {}/", &zeros[2..]),
            0x6700,
        ),
        ("002241B6 800100", format!("002A9E9A 00{zeros}/"), 0x6700),
        ("002241B6 800100", format!("002A9E9A {modulus}/"), 0x6A80),
        ("002241B6 800100", format!("002A9E9A {zeros}/"), 0x9000),
        (
            "002241B6 800102",
            format!("002A9E9A {}/", "AA".repeat(245)),
            0x9000,
        ),
        (
            "002241B6 800102",
            format!("002A9E9A {}/", "AA".repeat(246)),
            0x6700,
        ),
        (
            "002241B6 800112",
            format!("002A9E9A {}/", "AA".repeat(21)),
            0x6700,
        ),
        (
            "002241B8 800100",
            format!("002A8086 00{}/", &zeros[2..]),
            0x6700,
        ),
        ("002241B8 800100", format!("002A8086 02{zeros}/"), 0x6A80),
        ("002241B8 800100", format!("002A8086 00{modulus}/"), 0x6A80),
        ("002241B8 800100", "002A8086/".to_owned(), 0x6700),
        ("002241AA 800112", "002A90A0/".to_owned(), 0x6700),
        ("002241AA 800112", "002A90A0 8005AA/".to_owned(), 0x6A80),
        (
            "002241AA 800112",
            "002A90A0 8001AA 8001BB/".to_owned(),
            0x6A80,
        ),
        ("002241AA 800112", "002A90A0 9000/".to_owned(), 0x6A80),
        ("002241AA 800112", "002A9E9B 00/".to_owned(), 0x6A86),
    ] {
        card.ok(environment);
        assert_eq!(card.sw(&command), status, "{environment} {:.20}", command);
    }
}

#[test]
fn a_key_made_on_the_card_signs_and_its_modulus_can_be_read() {
    for protocol in BOTH {
        let mut card = Card::with_key(protocol, "4B01");
        let create = "00E00000 6F19 81020000 820111 83024B10 8609 0101 024681 83012A81 8A0107";
        card.ok("00A4080C 5015");
        assert_eq!(card.sw(create), 0x6982);
        card.verify(0x81, "123456");
        card.ok(create);
        assert_eq!(card.sw("00CA0101/"), 0x6A88, "there is no key yet");
        let generate = "00460000 9200 0400 0018 010001";
        card.ok(generate);
        let modulus = card.ok("00CA0101/");
        assert_eq!((modulus.len(), &modulus[..2]), (130, &[0x04, 0x00][..]));
        card.ok("002241B6 800100");
        let one = format!("{}02", "00".repeat(127));
        let signed = card.ok(&format!("002A9E9A {one}/"));
        // 2^d, raised to e by openssl, is 2 again.
        assert_eq!(
            raised(&modulus[2..], &signed),
            hex::decode(&one).expect("hex")
        );
        // A second key takes its place.
        card.ok(generate);
        assert_ne!(card.ok("00CA0101/"), modulus);
        card.ok("00E40000 4B10");
        assert_eq!(
            card.sw("002A9E9A 02/"),
            0x6985,
            "the environment forgot the key"
        );
    }
}

/// `number` to the power 65537 modulo `modulus`, by openssl.
fn raised(modulus: &[u8], number: &[u8]) -> Vec<u8> {
    let directory = tempfile::tempdir().expect("a directory");
    let at = directory.path();
    let text = format!(
        "asn1=SEQUENCE:spki\n[spki]\nalgorithm=SEQUENCE:rsa\nkey=BITWRAP,SEQUENCE:key\n\
         [rsa]\noid=OID:rsaEncryption\nnone=NULL\n\
         [key]\nn=INTEGER:0x{}\ne=INTEGER:65537\n",
        hex::encode(modulus)
    );
    fs::write(at.join("key.cnf"), text).expect("written");
    fs::write(at.join("number"), number).expect("written");
    let made = openssl(at)
        .args([
            "asn1parse",
            "-genconf",
            "key.cnf",
            "-noout",
            "-out",
            "key.der",
        ])
        .status();
    assert!(
        made.expect("openssl is missing: run: cargo xtask test")
            .success()
    );
    let output = openssl(at)
        .args([
            "pkeyutl", "-encrypt", "-pubin", "-keyform", "DER", "-inkey", "key.der",
        ])
        .args(["-pkeyopt", "rsa_padding_mode:none", "-in", "number"])
        .output()
        .expect("openssl runs");
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

#[test]
fn a_key_is_imported_with_its_primes() {
    let key = RsaKey::generate(1024, &mut CardRng::from_seed(99)).expect("a key");
    let numbers = key.components();
    let import = |p: &[u8], q: &[u8]| {
        format!(
            "00460000 9A00 0400 0011 010001 0200 {} 0200 {}",
            hex::encode(p),
            hex::encode(q)
        )
    };
    let mut card = Card::with_key(Protocol::T1, "4B01");
    card.verify(0x81, "123456");
    card.ok("00A4080C 5015");
    card.ok("00E00000 6F19 81020400 820111 83024B10 8609 0101 024681 83012A81 8A0107");
    let wrong = import(&numbers.prime_p, &numbers.prime_p);
    assert_eq!(card.sw(&wrong), 0x6A80);
    // A product of two primes, as long as a prime that belongs there, is none.
    let half = RsaKey::generate(512, &mut CardRng::from_seed(98)).expect("a key");
    for (p, q) in [
        (half.modulus(), numbers.prime_q.to_vec()),
        (numbers.prime_p.to_vec(), half.modulus()),
    ] {
        assert_eq!(card.sw(&import(&p, &q)), 0x6A80);
        assert_eq!(card.sw("00CA0101/"), 0x6A88, "there is no key yet");
    }
    card.ok(&import(&numbers.prime_p, &numbers.prime_q));
    assert_eq!(card.ok("00CA0101/")[2..], numbers.modulus);
    card.ok("002241B6 800102");
    let signed = card.ok(&format!("002A9E9A {}/", digest_info(Hash::Sha256, b"text")));
    assert!(openssl_verifies(&key, "-sha256", b"text", &signed));
    // The file was created for 1024 bits.
    assert_eq!(card.sw("00460000 9200 0800 0018 010001"), 0x6A80);
}

#[test]
fn keys_are_made_only_where_and_as_they_may() {
    let mut card = Card::with_key(Protocol::T0, "4B01");
    let generate = "00460000 9200 0400 0018 010001";
    card.verify_both();
    assert_eq!(
        card.sw(generate),
        0x6982,
        "a resident key is never replaced"
    );
    card.ok("00A4080C 50154403");
    assert_eq!(card.sw(generate), 0x6981);
    card.ok("00A4080C 5015");
    assert_eq!(card.sw(generate), 0x6986);
    card.ok("00E00000 6F19 81020000 820111 83024B10 8609 0101 024681 83012A81 8A0107");
    for (command, status) in [
        ("00460001 9200 0400 0018 010001", 0x6A86),
        ("00460000", 0x6A80),
        ("00460000 92", 0x6A80),
        ("00460000 9300 0400 0018 010001", 0x6A80),
        ("00460000 9201 0400 0018 010001", 0x6A80),
        ("00460000 9200 0000 0018 010001", 0x6A80),
        ("00460000 9200 0401 0018 010001", 0x6A80),
        ("00460000 9200 1000 0018 010001", 0x6A80),
        ("00460000 9200 FFFF 0018 010001", 0x6A80),
        ("00460000 9200 0400 0018 010000", 0x6A80),
        ("00460000 9200 0400 0008 01", 0x6A80),
        ("00460000 9200 0400 0028 0100000001", 0x6A80),
        ("00460000 9200 0400 0000", 0x6A80),
        ("00460000 9200 0400 0018 0100", 0x6A80),
        ("00460000 9200 0400 0018 01000100", 0x6A80),
        ("00460000 9200 0400 FFFF 010001", 0x6A80),
        ("00460000 9A00 0400 0018 010001 0200 05", 0x6A80),
    ] {
        assert_eq!(card.sw(command), status, "{command}");
    }
    card.verify(0x81, "123456");
    card.ok("00460000 9200 0200 0002 03");
    assert_eq!(card.ok("00CA0101/").len(), 66);
}

#[test]
fn a_key_that_does_not_fit_leaves_the_card_as_it_was() {
    let image = eid(Protocol::T1).build().expect("an image");
    let card = VirtualCard::new(image, CardRng::from_seed(7)).expect("a card");
    let used = u32::try_from(card.state().used).expect("small");
    let mut card = Card::new(eid(Protocol::T1).capacity(used + 100));
    card.verify(0x81, "123456");
    card.ok("00A4080C 5015");
    card.ok("00E00000 6F19 81020000 820111 83024B10 8609 0101 024681 83012A81 8A0107");
    let before = card.0.card().image();
    assert_eq!(card.sw("00460000 9200 0400 0018 010001"), 0x6A84);
    assert_eq!(card.0.card().image(), before);
}
