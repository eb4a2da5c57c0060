//! Cards in named states: reproducible, and what they say they are.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

#[path = "support/openssl.rs"]
mod openssl;

use kortlab_apdu::Protocol;
use kortlab_emulator::image::FileImage;
use kortlab_emulator::{CardRng, Image, VirtualCard};
use kortlab_issuer::authority::CertificateState;
use kortlab_issuer::clock::Timestamp;
use kortlab_portal_core::Portal;
use kortlab_renewal::report::Report;
use kortlab_renewal::states::{CardState, NewCard, new_card};
use openssl::OpenSsl;

fn date() -> Timestamp {
    Timestamp::from_date(2026, 11, 24).unwrap()
}

/// The certificates in an image's files 4331 and following.
fn certificates(image: &Image) -> Vec<Vec<u8>> {
    fn files<'a>(file: &'a FileImage, found: &mut Vec<&'a FileImage>) {
        for child in file.files().iter() {
            found.push(child);
            files(child, found);
        }
    }
    let mut found = Vec::new();
    files(&image.master_file, &mut found);
    found
        .into_iter()
        .filter(|file| (0x4331..0x43FF).contains(&file.fid.0))
        .map(|file| file.data().to_vec())
        .collect()
}

#[test]
fn the_same_seed_and_date_give_the_same_image_byte_for_byte() {
    let json = |seed, date| {
        let card = new_card(CardState::Expired, Protocol::T0, seed, date).unwrap();
        card.image.to_json()
    };
    let one = json(7, date());
    assert_eq!(one, json(7, date()));
    assert_ne!(one, json(8, date()));
    let later = Timestamp::from_date(2026, 11, 25).unwrap();
    assert_ne!(one, json(7, later));
}

#[test]
fn each_state_is_what_it_says_and_makes_a_card_that_runs() {
    for state in CardState::ALL {
        let NewCard { image, mut world } = new_card(state, Protocol::T0, 1, date()).unwrap();
        // As it is read back from a file.
        let image = Image::from_json(image.to_json().as_bytes()).unwrap();
        let der = certificates(&image);
        let rows = world.portal.test_page(&der).unwrap();
        let report = Report::new(&rows);
        let states: Vec<_> = rows
            .iter()
            .filter(|row| row.summary.hsa_id.is_some())
            .map(|row| row.state)
            .collect();
        let blue_and_pink = (report.valid.blue, report.valid.pink);
        match state {
            CardState::Blank | CardState::BlankSlots => assert!(der.is_empty()),
            CardState::Delivered => assert_eq!((der.len(), blue_and_pink), (2, (2, 0))),
            CardState::Valid => assert!(report.is_complete()),
            CardState::Expired => {
                assert_eq!((der.len(), blue_and_pink), (4, (2, 0)));
                assert_eq!(states, [CertificateState::Expired; 2]);
            }
            CardState::Revoked => {
                assert_eq!((der.len(), blue_and_pink), (4, (2, 0)));
                assert!(matches!(
                    states[..],
                    [CertificateState::Revoked(_), CertificateState::Revoked(_)]
                ));
            }
            CardState::Full => assert_eq!((der.len(), blue_and_pink), (6, (2, 0))),
            CardState::Blocked => assert!(report.is_complete()),
        }
        let blocked = image.pins.iter().filter(|pin| pin.tries_left == 0).count();
        assert_eq!(blocked, if state == CardState::Blocked { 2 } else { 0 });
        let mut card = VirtualCard::new(image, CardRng::from_seed(1)).unwrap();
        card.power_on();
        let answer = card.transmit(&[0x00, 0xCA, 0xDF, 0x30, 0x05]);
        assert_eq!(answer, b"v2.1\0\x90\x00");
    }
}

#[test]
fn openssl_chains_the_certificates_to_the_world_s_authorities() {
    let NewCard { image, mut world } =
        new_card(CardState::Revoked, Protocol::T0, 3, date()).unwrap();
    let openssl = OpenSsl::with_authorities_of(&mut world);
    let now = date().unix_seconds().to_string();
    for (index, der) in certificates(&image).into_iter().enumerate() {
        openssl.write("one.der", &der);
        openssl.must(&[
            "x509", "-inform", "DER", "-in", "one.der", "-out", "one.pem",
        ]);
        openssl.must(&["verify", "-attime", &now, "-CAfile", "ca.pem", "one.pem"]);
        let (ok, text) = openssl.run(&[
            "verify",
            "-attime",
            &now,
            "-CAfile",
            "ca.pem",
            "-crl_check",
            "-CRLfile",
            "0.crl",
            "-CRLfile",
            "1.crl",
            "one.pem",
        ]);
        // The carrier's two are good, the HCCs revoked.
        assert_eq!(ok, index < 2, "{text}");
        assert_eq!(text.contains("certificate revoked"), index >= 2, "{text}");
    }
}
