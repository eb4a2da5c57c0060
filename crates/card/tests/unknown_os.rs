//! Keys on a card whose OS is not known: what the standard has is tried, checked, and given up
//! without a try of a PIN being spent; and keys that this program does not work with.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod support;

use kortlab_apdu::{Layered, Protocol};
use kortlab_card::dialect::Operation;
use kortlab_card::{Card, Encryption, ErrorKind, Hash, KeyKind, PinRole, PinState, Scheme};
use kortlab_emulator::image::{Fid, FileImage, HexBytes};
use kortlab_emulator::{Image, InProcess};
use kortlab_pkcs15::{
    AlgorithmInfo, CommonKeyAttributes, CommonObjectAttributes, Directory, KeyInfo, KeyUsage,
    Operations, Path, PrKdf, PrivateKey, PrivateKeyAttributes, TokenInfo,
};
use support::{PROTOCOLS, Sent, Told, id, keys, model, open_told, pin};

/// A session with a card that may answer every use of a key in one way.
fn open(image: Image, uses: Option<&[u8]>) -> (Card<Layered<InProcess, Told>>, Sent) {
    let uses = uses.map(<[u8]>::to_vec);
    open_told(image, move |card, command| match (&uses, command.get(1)) {
        (Some(answer), Some(0x2A)) => Ok(answer.clone()),
        _ => card.transmit(command),
    })
}

fn file_of(image: &mut Image, fid: u16) -> &mut FileImage {
    let directories = image.master_file.files_mut().into_iter().flatten();
    let mut files = directories.flat_map(|file| file.files_mut().into_iter().flatten());
    files.find(|file| file.fid == Fid(fid)).expect("the file")
}

/// A staff card that does not say which applet it has.
fn unknown(protocol: Protocol) -> Image {
    let mut image = model(protocol).build().expect("an image");
    image.data_objects.clear();
    image
}

/// The same, with the card's numbers of its algorithms in the TokenInfo.
fn with_algorithms(protocol: Protocol) -> Image {
    let mut image = unknown(protocol);
    let file = file_of(&mut image, 0x5032);
    let bytes = file
        .as_transparent_mut()
        .unwrap()
        .data
        .take()
        .unwrap_or_default();
    let mut token = TokenInfo::parse(&bytes.0).expect("a TokenInfo").value;
    let does = Operations::COMPUTE_SIGNATURE | Operations::DECIPHER;
    for (reference, mechanism, number) in [(1, 0x01, 0x02), (2, 0x03, 0x00)] {
        let mut algorithm = AlgorithmInfo::new(reference, mechanism, does);
        algorithm.alg_ref = Some(number);
        token.supported_algorithms.push(algorithm);
    }
    let encoded = token.encode().expect("it encodes");
    file.as_transparent_mut().unwrap().size = encoded.len() as u32;
    file.as_transparent_mut().unwrap().data = Some(HexBytes(encoded));
    image
}

#[test]
fn an_unknown_card_that_lists_its_algorithms_signs_and_deciphers() {
    for protocol in PROTOCOLS {
        let (mut card, _) = open(with_algorithms(protocol), None);
        assert!(card.dialect().guesses());
        card.verify(PinRole::Authentication, &pin("123456"))
            .expect("verified");
        for scheme in [Scheme::Pkcs1(Hash::Sha256), Scheme::Pss(Hash::Sha256)] {
            // It is checked with the public key before it is given out.
            let public = card.public_key(&id(0x45)).expect("read");
            assert!(public.is_some());
            card.still_unlocked(PinRole::Authentication, |key| key.sign(scheme, b"x"))
                .expect("signed");
        }
        let block = [&[0x00, 0x02][..], &[0x11; 250], &[0x00], b"abc"].concat();
        let (key, _) = keys();
        let public = kortlab_card::RsaPublicKey::from_der(&key.public_key_pkcs1_der());
        let cryptogram = public.and_then(|key| key.open(&block)).expect("encrypted");
        let opened = card.still_unlocked(PinRole::Authentication, |key| {
            key.decipher(Encryption::Pkcs1, &cryptogram)
        });
        assert_eq!(opened.expect("deciphered").as_slice(), b"abc");
    }
}

#[test]
fn an_unknown_card_that_lists_none_signs_if_its_keys_imply_one() {
    for protocol in PROTOCOLS {
        let (mut card, _) = open(unknown(protocol), None);
        card.verify(PinRole::Authentication, &pin("123456"))
            .expect("verified");
        let mut sign =
            |scheme| card.still_unlocked(PinRole::Authentication, |key| key.sign(scheme, b"x"));
        sign(Scheme::Pkcs1(Hash::Sha256)).expect("signed");
        // Without padding there is no algorithm to name, and nothing is guessed.
        let error = sign(Scheme::Pss(Hash::Sha256)).expect_err("not listed");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("not known"), "{error}");
    }
}

#[test]
fn what_stays_impossible_is_said_to_be_an_unknown_card_os_and_costs_no_try() {
    for (uses, in_text) in [
        (&[0x6A, 0x80][..], "6A80"),
        (&[0x6A, 0x81], "6A81"),
        (&[0x69, 0x84], "6984"),
        // An answer that is no signature is not given out.
        (&[0xAA, 0xBB, 0x90, 0x00], "2 bytes"),
    ] {
        let (mut card, commands) = open(with_algorithms(Protocol::T1), Some(uses));
        card.verify(PinRole::Authentication, &pin("123456"))
            .expect("verified");
        commands.borrow_mut().clear();
        let error = card
            .still_unlocked(PinRole::Authentication, |key| {
                key.sign(Scheme::Pkcs1(Hash::Sha256), b"x")
            })
            .expect_err("impossible");
        let text = error.to_string();
        assert!(text.contains("card OS is not known"), "{text}");
        assert!(text.contains(in_text), "{text}");
        let next = error.next_step().unwrap_or_default();
        assert!(!next.contains("verify the PIN"), "{next}");
        let sent = commands.borrow();
        let spends = |command: &&Vec<u8>| matches!(command.get(1), Some(0x20 | 0x24 | 0x2C));
        assert_eq!(sent.iter().filter(spends).count(), 0);
        assert!(sent.len() < 120, "{} commands", sent.len());
    }
}

#[test]
fn a_key_file_that_is_not_on_the_card_is_named_and_the_card_os_is_not_blamed() {
    for protocol in PROTOCOLS {
        for uses in [None, Some(&[0x69, 0x82][..]), Some(&[0x6A, 0x88])] {
            let mut image = with_algorithms(protocol);
            let directories = image.master_file.files_mut().into_iter().flatten();
            for files in directories.filter_map(FileImage::files_mut) {
                files.retain(|file| file.fid != Fid(0x4B01));
            }
            let (mut card, _) = open(image, uses);
            card.verify(PinRole::Authentication, &pin("123456"))
                .expect("verified");
            let error = card
                .still_unlocked(PinRole::Authentication, |key| {
                    key.sign(Scheme::Pkcs1(Hash::Sha256), b"x")
                })
                .expect_err("no key");
            assert_eq!(error.kind(), ErrorKind::NotFound);
            let text = error.to_string();
            assert!(text.contains("3F00/5015/4B01"), "{text}");
            assert!(text.contains("not on the card"), "{text}");
            assert!(!text.contains("card OS"), "{text}");
            assert!(
                error
                    .next_step()
                    .is_some_and(|next| next.contains("the key is lost"))
            );
        }
    }
}

#[test]
fn a_pin_that_is_verified_is_not_asked_for_again() {
    let image = model(Protocol::T1).build().expect("an image");
    let (mut card, _) = open(image, Some(&[0x69, 0x82]));
    let mut sign = |reset: bool| {
        card.unlocked(PinRole::Authentication, &pin("123456"), |key| {
            if reset {
                key.card().reset().expect("reset");
            }
            key.sign(Scheme::Pkcs1(Hash::Sha256), b"x")
        })
        .expect_err("refused")
    };
    // A reset takes it back.
    let error = sign(true);
    let role = Some(PinRole::Authentication);
    assert_eq!(error.kind(), ErrorKind::PinRequired { role });
    assert!(
        error
            .next_step()
            .is_some_and(|next| next.contains("verify the PIN"))
    );
    let error = sign(false);
    assert_eq!(error.kind(), ErrorKind::Refused);
    let next = error.next_step().unwrap_or_default();
    assert!(next.contains("is verified"), "{next}");
    assert_eq!(sign(true).kind(), ErrorKind::PinRequired { role });
}

#[test]
fn a_key_is_not_used_for_what_its_usage_does_not_say() {
    let (mut card, commands) = open(model(Protocol::T0).build().expect("an image"), None);
    card.verify(PinRole::Signature, &pin("654321"))
        .expect("verified");
    commands.borrow_mut().clear();
    let error = card
        .still_unlocked(PinRole::Signature, |key| {
            key.decipher(Encryption::Pkcs1, &[1; 256])
        })
        .expect_err("a signature key");
    assert!(error.to_string().contains("may not decipher"), "{error}");
    let key = card.key(&id(0x46)).expect("the key");
    assert!(key.allows(Operation::Sign).is_ok());
    assert!(key.allows(Operation::Decipher).is_err());
    assert_eq!(*commands.borrow(), Vec::<Vec<u8>>::new());

    // The other way round, and a usage that says nothing.
    for (usage, fine) in [(KeyUsage::DECRYPT, false), (KeyUsage::default(), true)] {
        let mut image = model(Protocol::T0).build().expect("an image");
        let file = file_of(&mut image, 0x4402);
        let bytes = file
            .as_transparent_mut()
            .unwrap()
            .data
            .take()
            .unwrap_or_default();
        let mut keys: Vec<_> = PrKdf::parse(&bytes.0).value.objects().cloned().collect();
        keys[0].key.usage = usage;
        let encoded = Directory::new(keys).encode().expect("it encodes");
        file.as_transparent_mut().unwrap().data = Some(HexBytes(encoded));
        let (mut card, _) = open(image, None);
        card.verify(PinRole::Authentication, &pin("123456"))
            .expect("verified");
        let signed = card.still_unlocked(PinRole::Authentication, |key| {
            key.sign(Scheme::Pkcs1(Hash::Sha256), b"x")
        });
        assert_eq!(signed.is_ok(), fine, "{usage}: {signed:?}");
    }
}

#[test]
fn an_elliptic_curve_key_has_its_size_and_is_named_as_not_supported() {
    let mut image = model(Protocol::T0).build().expect("an image");
    let file = file_of(&mut image, 0x4402);
    let mut key = PrivateKey::ec(
        CommonObjectAttributes::labelled("EC").with_auth_id(0x01),
        CommonKeyAttributes::new(0x47, KeyUsage::SIGN),
        Path::file([0x3F, 0x00, 0x50, 0x15, 0x4B, 0x03]),
    );
    if let PrivateKeyAttributes::Ec { key_info, .. } = &mut key.attributes {
        *key_info = Some(KeyInfo::Reference(384));
    }
    file.as_transparent_mut().unwrap().data = Some(HexBytes(
        Directory::new([key]).encode().expect("it encodes"),
    ));
    let (mut card, commands) = open(image, None);
    let key = card.key(&id(0x47)).expect("the key");
    assert_eq!((key.kind, key.bits), (KeyKind::Ec, Some(384)));
    commands.borrow_mut().clear();
    let error = card
        .unlocked_key(&id(0x47), &pin("123456"), |key| {
            key.sign(Scheme::Pkcs1(Hash::Sha256), b"x")
        })
        .expect_err("not supported");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let text = error.to_string();
    assert!(
        text.contains("384 bits") && text.contains("kortlab works with RSA"),
        "{text}"
    );
    assert_eq!(*commands.borrow(), Vec::<Vec<u8>>::new());
    let state = card.pin_status(PinRole::Authentication);
    assert_eq!(state, Ok(PinState::TriesLeft(3)));
}
