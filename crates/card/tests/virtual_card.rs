//! A session with the virtual card, under both protocols, with OpenSSL as the second opinion.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod support;

use std::time::{Duration, SystemTime};

use kortlab_apdu::{Channel as _, Protocol, StatusWord};
use kortlab_card::{
    Against, Card, Change, Encryption, ErrorKind, Exception, Hash, MemoryJournal, NewCertificate,
    PinPurpose, PinRole, PinState, RawInput, RevocationList, Scheme, SlotProblem, UnlockedKey,
};
use kortlab_emulator::InProcess;
use kortlab_emulator::image::{Fid, FileImage, HexBytes};
use kortlab_pkcs15::{
    AuthenticationObject, CommonObjectAttributes, Edit, PinAttributes, PinFlags, PinType,
};
use support::{OpenSsl, PROTOCOLS, id, insert, keys, model, on_card, open, pin};

const ROLES: [(PinRole, &str); 2] = [
    (PinRole::Authentication, "123456"),
    (PinRole::Signature, "654321"),
];

#[test]
fn an_undamaged_card_opens_without_a_problem() {
    for protocol in PROTOCOLS {
        let card = open(model(protocol));
        assert_eq!(card.contents().problems, [], "{protocol:?}");
        assert_eq!(card.contents().label(), Some("Telia EID IP5a"));
        assert_eq!(card.dialect().name(), "EID applet");
        let keys = card.keys();
        let found: Vec<_> = keys
            .iter()
            .map(|key| (&key.id, key.pin, key.bits))
            .collect();
        assert_eq!(
            found,
            [
                (&id(0x45), Some(PinRole::Authentication), Some(2048)),
                (&id(0x46), Some(PinRole::Signature), Some(2048)),
            ]
        );
        let pin = card.pin(PinRole::Signature).expect("a PIN");
        assert_eq!((pin.reference, pin.purpose), (0x82, PinPurpose::User));
        assert_eq!(card.puk_for(&pin), None, "the card's AODF lists none");
    }
}

#[test]
fn of_a_puk_that_the_aodf_lists_the_tries_are_known_and_the_form_is_kept() {
    let attributes = PinAttributes {
        flags: PinFlags::UNBLOCKING_PIN | PinFlags::NEEDS_PADDING,
        pin_type: PinType::AsciiNumeric,
        min_length: 8,
        stored_length: 8,
        reference: 0x83,
        pad_char: Some(0x00),
        ..PinAttributes::default()
    };
    let common = CommonObjectAttributes::labelled("PUK");
    let puk = AuthenticationObject::pin(common, 0x03, attributes);
    let mut image = model(Protocol::T0).build().expect("an image");
    let aodf = file_of(&mut image.master_file, &[0x5015, 0x4401]);
    let aodf = aodf.as_transparent_mut().expect("a transparent EF");
    let old = aodf.data.take().unwrap_or_default();
    let size = aodf.size as usize;
    let mut edit = Edit::<AuthenticationObject>::new(&old.0, size);
    edit.push(&puk).expect("valid");
    aodf.data = Some(HexBytes(edit.finish().expect("it fits")));

    let mut card = Card::open(insert(image)).expect("a session");
    for (role, _) in ROLES {
        let user = card.pin(role).expect("a PIN");
        let puk = card.puk_for(&user).expect("listed");
        assert_eq!((puk.reference, puk.purpose), (0x83, PinPurpose::Unblocking));
        assert_eq!(card.state_of(&puk), Ok(PinState::TriesLeft(10)));
        // Nothing is sent, so that no try is lost.
        let error = card
            .unblock_pin(role, &pin("1234567"), &pin("222222"))
            .expect_err("a PUK of 7 digits");
        assert!(error.to_string().contains("PUK"), "{error}");
        assert_eq!(card.state_of(&puk), Ok(PinState::TriesLeft(10)));
        card.unblock_pin(role, &pin("12345678"), &pin("222222"))
            .expect("unblocked");
    }
}

fn file_of<'a>(directory: &'a mut FileImage, path: &[u16]) -> &'a mut FileImage {
    path.iter().fold(directory, |directory, &fid| {
        let mut files = directory.files_mut().into_iter().flatten();
        files.find(|file| file.fid == Fid(fid)).expect("the file")
    })
}

#[test]
fn asking_for_the_state_of_a_pin_costs_no_try() {
    for protocol in PROTOCOLS {
        let mut card = open(model(protocol));
        for (role, value) in ROLES {
            for _ in 0..5 {
                assert_eq!(card.pin_status(role), Ok(PinState::TriesLeft(3)));
            }
            card.verify(role, &pin(value)).expect("verified");
            assert_eq!(card.pin_status(role), Ok(PinState::Verified));
        }
        card.reset().expect("reset");
        let state = card.pin_status(PinRole::Authentication);
        assert_eq!(state, Ok(PinState::TriesLeft(3)));
    }
}

#[test]
fn a_wrong_pin_thrice_blocks_and_the_puk_unblocks() {
    for protocol in PROTOCOLS {
        let mut card = open(model(protocol));
        for (role, value) in ROLES {
            for left in [2, 1] {
                let error = card.verify(role, &pin("000000")).expect_err("wrong");
                assert_eq!(error.kind(), ErrorKind::PinWrong { tries: Some(left) });
                assert_eq!(error.tries_left(), Some(left));
            }
            let error = card.verify(role, &pin("000000")).expect_err("wrong");
            assert_eq!(error.kind(), ErrorKind::PinBlocked);
            let error = card.verify(role, &pin(value)).expect_err("blocked");
            assert_eq!(error.kind(), ErrorKind::PinBlocked);
            assert!(error.next_step().is_some_and(|next| next.contains("PUK")));
            assert_eq!(card.pin_status(role), Ok(PinState::Blocked));

            let error = card
                .unblock_pin(role, &pin("00000000"), &pin("222222"))
                .expect_err("wrong PUK");
            assert!(
                matches!(error.kind(), ErrorKind::PinWrong { .. }),
                "{error}"
            );
            assert!(error.to_string().contains("PUK"), "{error}");
            // The AODF says nothing of the PUK: one with letters is the card's to judge.
            let error = card
                .unblock_pin(role, &pin("1234abcd"), &pin("222222"))
                .expect_err("wrong PUK");
            assert!(
                matches!(error.kind(), ErrorKind::PinWrong { .. }),
                "{error}"
            );
            card.unblock_pin(role, &pin("12345678"), &pin("222222"))
                .expect("unblocked");
            card.verify(role, &pin("222222")).expect("the new PIN");
        }
    }
}

#[test]
fn a_changed_pin_replaces_the_old_one() {
    for protocol in PROTOCOLS {
        let mut card = open(model(protocol));
        for (role, value) in ROLES {
            card.change_pin(role, &pin(value), &pin("777777"))
                .expect("changed");
            let error = card.verify(role, &pin(value)).expect_err("the old PIN");
            assert_eq!(error.kind(), ErrorKind::PinWrong { tries: Some(2) });
            card.verify(role, &pin("777777")).expect("the new PIN");
        }
    }
}

#[test]
fn a_pin_of_the_wrong_form_is_not_sent() {
    let mut card = open(model(PROTOCOLS[0]));
    for bad in ["12345", "123456789", "12345x"] {
        let error = card
            .verify(PinRole::Authentication, &pin(bad))
            .expect_err(bad);
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(!error.to_string().contains(bad));
    }
    let state = card.pin_status(PinRole::Authentication);
    assert_eq!(state, Ok(PinState::TriesLeft(3)));
}

#[test]
fn signatures_of_every_scheme_verify_under_openssl() {
    let openssl = OpenSsl::new();
    openssl.write("message", b"a message to sign");
    for protocol in PROTOCOLS {
        let mut card = open(model(protocol));
        let pairs = [(0x45, &keys().0, ROLES[0]), (0x46, &keys().1, ROLES[1])];
        for (key, public, (role, value)) in pairs {
            openssl.write("public.der", &public.public_key_der());
            openssl.must(&[
                "pkey",
                "-pubin",
                "-inform",
                "DER",
                "-in",
                "public.der",
                "-out",
                "public.pem",
            ]);
            // Not before the PIN is verified, nor when the card has forgotten it.
            let sign =
                |key: &mut UnlockedKey<'_, InProcess>| key.sign(Scheme::Pkcs1(Hash::Sha256), b"x");
            let error = card.still_unlocked(role, sign).expect_err("no PIN yet");
            assert_eq!(error.kind(), ErrorKind::PinRequired { role: Some(role) });
            let error = card
                .unlocked(role, &pin(value), |key| {
                    key.card().reset()?;
                    sign(key)
                })
                .expect_err("no PIN any more");
            assert_eq!(error.kind(), ErrorKind::PinRequired { role: Some(role) });
            assert_eq!(error.status(), Some(StatusWord::SECURITY_STATUS));
            for hash in Hash::ALL {
                let name = format!("-{}", hash.to_string().replace('-', "").to_lowercase());
                for pss in [false, true] {
                    let scheme = if pss {
                        Scheme::Pss(hash)
                    } else {
                        Scheme::Pkcs1(hash)
                    };
                    let signature = card
                        .unlocked_key(&id(key), &pin(value), |key| {
                            key.sign(scheme, b"a message to sign")
                        })
                        .unwrap_or_else(|error| panic!("{scheme:?}: {error}"));
                    openssl.write("signature", &signature);
                    let mut arguments = vec!["dgst", &name, "-verify", "public.pem"];
                    if pss {
                        arguments.extend(["-sigopt", "rsa_padding_mode:pss"]);
                        arguments.extend(["-sigopt", "rsa_pss_saltlen:digest"]);
                    }
                    arguments.extend(["-signature", "signature", "message"]);
                    openssl.must(&arguments);
                    openssl.write("message", b"another one");
                    assert!(!openssl.run(&arguments).0, "a wrong message verifies");
                    openssl.write("message", b"a message to sign");
                }
            }
            let info = Hash::Sha256.digest_info(&Hash::Sha256.digest(b"a message to sign"));
            let signature = card
                .unlocked(role, &pin(value), |key| {
                    key.sign_raw(RawInput::DigestInfo(&info))
                })
                .expect("signed");
            let digest = Hash::Sha256.digest(b"a message to sign");
            let of_digest = card.unlocked(role, &pin(value), |key| {
                key.sign_digest(Scheme::Pkcs1(Hash::Sha256), &digest)
            });
            assert_eq!(of_digest.as_deref(), Ok(signature.as_slice()));
            let mut raw = vec![0xFF; 256 - info.len() - 1];
            raw[..2].copy_from_slice(&[0x00, 0x01]);
            raw.push(0x00);
            raw.extend_from_slice(&info);
            let mut bare = |block: &[u8]| {
                card.unlocked(role, &pin(value), |key| {
                    key.sign_raw(RawInput::Block(block))
                })
            };
            let bare_signature = bare(&raw).expect("signed");
            assert_eq!(signature, bare_signature, "the card's padding and ours");
            assert!(bare(&raw[1..]).is_err());
        }
    }
}

#[test]
fn what_openssl_enciphers_is_deciphered() {
    let openssl = OpenSsl::new();
    let secret = b"a secret of the holder";
    openssl.write("secret", secret);
    openssl.write("public.der", &keys().0.public_key_der());
    for protocol in PROTOCOLS {
        let mut card = open(model(protocol));
        card.verify(PinRole::Authentication, &pin("123456"))
            .expect("verified");
        for (encryption, options) in [
            (Encryption::Pkcs1, vec!["rsa_padding_mode:pkcs1"]),
            (
                Encryption::Oaep(Hash::Sha1),
                vec!["rsa_padding_mode:oaep", "rsa_oaep_md:sha1"],
            ),
            (
                Encryption::Oaep(Hash::Sha256),
                vec![
                    "rsa_padding_mode:oaep",
                    "rsa_oaep_md:sha256",
                    "rsa_mgf1_md:sha256",
                ],
            ),
        ] {
            let mut arguments = vec!["pkeyutl", "-encrypt", "-pubin", "-keyform", "DER"];
            arguments.extend([
                "-inkey",
                "public.der",
                "-in",
                "secret",
                "-out",
                "cryptogram",
            ]);
            for option in options {
                arguments.extend(["-pkeyopt", option]);
            }
            openssl.must(&arguments);
            let mut cryptogram = openssl.read("cryptogram");
            let mut decipher = |encryption, cryptogram: &[u8]| {
                card.still_unlocked(PinRole::Authentication, |key| {
                    key.decipher(encryption, cryptogram)
                })
            };
            let opened = decipher(encryption, &cryptogram)
                .unwrap_or_else(|error| panic!("{encryption:?}: {error}"));
            assert_eq!(*opened, secret);
            let whole = decipher(Encryption::Raw, &cryptogram).expect("opened");
            assert_eq!(whole.len(), 256);
            cryptogram[200] ^= 1;
            assert!(decipher(encryption, &cryptogram).is_err());
            assert!(decipher(encryption, &cryptogram[1..]).is_err());
        }
        let error = card
            .unlocked(PinRole::Signature, &pin("654321"), |key| {
                key.decipher(Encryption::Raw, &openssl.read("cryptogram"))
            })
            .expect_err("the signature key does not decipher");
        // Its usage says so: the card is not asked.
        assert_eq!((error.kind(), error.status()), (ErrorKind::Refused, None));
        assert!(error.to_string().contains("nonRepudiation"), "{error}");
    }
}

#[test]
fn a_certificate_is_written_read_back_and_removed_without_a_trace() {
    let mut journal = MemoryJournal::new();
    let authority = OpenSsl::authority();
    let old = authority.certificate(&keys().0, "1", 30);
    let new = authority.certificate(&keys().0, "2", 30);
    for protocol in PROTOCOLS {
        let mut card = open(model(protocol).certificate(on_card(&old, 0x45, "Old")));
        let before = card.channel_mut().card().image();
        let certificate = NewCertificate::new(new.as_slice(), 0x45, "New");

        let error = card
            .write_certificate(&certificate, &mut journal)
            .expect_err("no PIN");
        let role = Some(PinRole::Authentication);
        assert_eq!(error.kind(), ErrorKind::PinRequired { role });
        assert_eq!(card.channel_mut().card().image(), before);

        card.verify(PinRole::Authentication, &pin("123456"))
            .expect("verified");
        let executed = card
            .write_certificate(&certificate, &mut journal)
            .expect("written");
        assert_eq!(executed.warnings, [""; 0]);
        let slots = card.slots().expect("slots");
        let found: Vec<_> = slots
            .iter()
            .map(|slot| (slot.label().unwrap_or_default(), &*slot.der))
            .collect();
        assert_eq!(found, [("Old", old.as_slice()), ("New", new.as_slice())]);
        assert_eq!(card.contents().problems, []);
        assert!(slots.iter().all(|slot| slot.findings.is_empty()));

        let slot = slots.last().expect("the new one");
        let executed = card
            .remove_certificate(slot, &mut journal)
            .expect("removed");
        assert_eq!(executed.warnings, [""; 0]);
        assert_eq!(card.channel_mut().card().image(), before, "no trace");
        let error = card
            .remove_certificate(slot, &mut journal)
            .expect_err("gone already");
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}

#[test]
fn what_does_not_belong_on_the_card_is_refused_unless_forced() {
    let mut journal = MemoryJournal::new();
    let authority = OpenSsl::authority();
    let good = authority.certificate(&keys().0, "1", 30);
    let mut card = open(model(PROTOCOLS[0]).certificate(on_card(&good, 0x45, "Good")));
    card.verify(PinRole::Authentication, &pin("123456"))
        .expect("verified");
    let image = card.channel_mut().card().image();
    let other = authority.certificate(&keys().1, "2", 30);
    // A length in more bytes than it takes: BER, not DER.
    let mut loose = other.clone();
    assert_eq!(loose[1], 0x82);
    loose.splice(1..2, [0x83, 0x00]);
    for (der, key, part) in [
        (good.clone(), 0x45, "on the card already"),
        (other.clone(), 0x45, "for another key"),
        (loose, 0x46, "not strict DER"),
        (vec![0x30, 0x00], 0x45, "no X.509"),
        (good[..100].to_vec(), 0x45, "no X.509"),
    ] {
        let error = card
            .write_certificate(&NewCertificate::new(der, key, "Bad"), &mut journal)
            .expect_err(part);
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
    let error = card
        .write_certificate(
            &NewCertificate::new(other.as_slice(), 0x47, "Bad"),
            &mut journal,
        )
        .expect_err("no such key");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(card.channel_mut().card().image(), image, "nothing changed");

    let forced = NewCertificate::new(other, 0x45, "Forced");
    let others = Exception::ALL.into_iter();
    let others = others.filter(|other| *other != Exception::OtherKey);
    let error = card
        .write_certificate(&forced.clone().except(others), &mut journal)
        .expect_err("another exception");
    assert!(error.to_string().contains("for another key"), "{error}");
    let forced = forced.except([Exception::OtherKey]);
    let executed = card
        .write_certificate(&forced, &mut journal)
        .expect("forced");
    assert_eq!(executed.warnings.len(), 1);
    let checked = card
        .check(SystemTime::now(), &Against::default())
        .expect("checked");
    let mismatch = SlotProblem::KeyMismatch { key: id(0x45) };
    assert_eq!(checked.certificates[1].problems, [mismatch]);
}

#[test]
fn a_full_card_says_what_could_go_and_stays_as_it_is() {
    let mut journal = MemoryJournal::new();
    let authority = OpenSsl::authority();
    let certificate = authority.certificate(&keys().0, "1", 30);
    let full = |capacity| {
        model(PROTOCOLS[0])
            .certificate(on_card(&certificate, 0x45, "Old"))
            .capacity(capacity)
            .build()
    };
    // The smallest memory that holds the card as it is has no room for another certificate.
    let (mut low, mut high) = (0, 1 << 20);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if full(middle).is_ok() {
            high = middle;
        } else {
            low = middle;
        }
    }
    let mut card = Card::open(insert(full(high).expect("an image"))).expect("a session");
    card.verify(PinRole::Authentication, &pin("123456"))
        .expect("verified");
    let image = card.channel_mut().card().image();
    let second = authority.certificate(&keys().0, "2", 30);
    let error = card
        .write_certificate(&NewCertificate::new(second, 0x45, "New"), &mut journal)
        .expect_err("full");
    assert_eq!(error.kind(), ErrorKind::Full);
    assert!(
        error
            .next_step()
            .is_some_and(|next| next.contains("\"Old\""))
    );
    assert_eq!(card.channel_mut().card().image(), image);
}

#[test]
fn a_directory_without_room_is_noticed_before_anything_is_touched() {
    let mut journal = MemoryJournal::new();
    let authority = OpenSsl::authority();
    let mut card = open(model(PROTOCOLS[0]));
    card.verify(PinRole::Authentication, &pin("123456"))
        .expect("verified");
    let long = "x".repeat(200);
    for serial in 1..20 {
        let der = authority.certificate(&keys().0, &serial.to_string(), 30);
        let image = card.channel_mut().card().image();
        let new = NewCertificate::new(der, 0x45, long.as_str());
        let free = card.free_space().directory.expect("a directory");
        match card.write_certificate(&new, &mut journal) {
            Ok(_) => assert!(card.free_space().directory < Some(free)),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Full, "{error}");
                assert_eq!(card.channel_mut().card().image(), image);
                return;
            }
        }
    }
    panic!("a directory of that size is never full");
}

#[test]
fn a_directory_changed_since_the_plan_is_left_alone() {
    let mut journal = MemoryJournal::new();
    let authority = OpenSsl::authority();
    let mut card = open(model(PROTOCOLS[1]));
    card.verify(PinRole::Authentication, &pin("123456"))
        .expect("verified");
    let one = authority.certificate(&keys().0, "1", 30);
    let two = authority.certificate(&keys().1, "2", 30);
    let plan = card
        .plan(&Change::new().write(NewCertificate::new(one, 0x45, "One")))
        .expect("a plan");
    let _ = card
        .write_certificate(&NewCertificate::new(two, 0x46, "Two"), &mut journal)
        .expect("written");
    let image = card.channel_mut().card().image();
    let error = card.execute(&plan, &mut journal).expect_err("changed");
    assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
    assert_eq!(card.channel_mut().card().image(), image);
}

#[test]
fn expired_early_and_revoked_certificates_are_told_apart() {
    let authority = OpenSsl::authority();
    let good = authority.certificate(&keys().0, "10", 30);
    let revoked = authority.certificate(&keys().0, "11", 30);
    let crl = revocation_list(&authority, &revoked);
    let mut card = open(model(PROTOCOLS[0]).certificates([
        on_card(&good, 0x45, "Good"),
        on_card(&revoked, 0x45, "Revoked"),
        on_card(&good, 0x47, "No key"),
    ]));
    let day = Duration::from_secs(24 * 3600);
    let now = SystemTime::now();
    let codes = |card: &mut Card<_>, at, crls: &[_]| -> Vec<Vec<&'static str>> {
        let against = Against {
            lists: crls.to_vec(),
            ..Against::default()
        };
        let checked = card.check(at, &against).expect("checked").certificates;
        let codes = checked
            .iter()
            .map(|slot| slot.problems.iter().map(SlotProblem::code));
        codes.map(Iterator::collect).collect()
    };
    let crls = [crl];
    assert_eq!(
        codes(&mut card, now, &crls),
        [vec![], vec!["revoked"], vec!["no-key"]]
    );
    assert_eq!(codes(&mut card, now, &[])[1], [""; 0]);
    assert_eq!(codes(&mut card, now + 31 * day, &crls)[0], ["expired"]);
    assert_eq!(codes(&mut card, now - 2 * day, &crls)[0], ["not-yet-valid"]);
}

fn revocation_list(authority: &OpenSsl, revoked: &[u8]) -> RevocationList {
    authority.write("index.txt", b"");
    authority.write("crlnumber", b"01\n");
    authority.write(
        "ca.cnf",
        b"[ca]\ndefault_ca = a\n[a]\ndatabase = index.txt\ncrlnumber = crlnumber\n\
          default_md = sha256\ndefault_crl_days = 30\ncertificate = ca.pem\nprivate_key = ca.key\n",
    );
    authority.write("revoked.der", revoked);
    authority.must(&[
        "x509",
        "-inform",
        "DER",
        "-in",
        "revoked.der",
        "-out",
        "revoked.pem",
    ]);
    authority.must(&["ca", "-config", "ca.cnf", "-revoke", "revoked.pem"]);
    authority.must(&["ca", "-config", "ca.cnf", "-gencrl", "-out", "crl.pem"]);
    authority.must(&[
        "crl", "-in", "crl.pem", "-outform", "DER", "-out", "crl.der",
    ]);
    RevocationList::parse("crl.der", &authority.read("crl.der")).expect("a list")
}

#[test]
fn a_card_without_pkcs15_is_one_clear_error() {
    #[derive(Debug)]
    struct Bare;
    impl kortlab_apdu::Channel for Bare {
        fn transmit(&mut self, _: &[u8]) -> Result<Vec<u8>, kortlab_apdu::ChannelError> {
            Ok(vec![0x6A, 0x82])
        }
        fn reset(&mut self, _: kortlab_apdu::ResetKind) -> Result<(), kortlab_apdu::ChannelError> {
            Ok(())
        }
        fn atr(&self) -> &[u8] {
            &[0x3B, 0x00]
        }
        fn protocol(&self) -> kortlab_apdu::Protocol {
            kortlab_apdu::Protocol::T0
        }
    }
    assert_eq!(Bare.max_command_data(), 255);
    let error = Card::open(Bare).expect_err("no PKCS#15");
    assert_eq!(error.kind(), ErrorKind::NotPkcs15);
    assert!(
        error.to_string().contains("no PKCS#15 application"),
        "{error}"
    );
}
