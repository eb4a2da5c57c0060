//! A PIN pad: what programs find of it, and how a PIN goes to the card past them.

// A test fails by panicking, and so do its helpers.
#![allow(clippy::panic)]

mod common;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use common::{READER, connected, desk, refused};
use kortlab_pcsc::pad::{Asked, Key};
use kortlab_pcsc::{Code, PinPad};

const FEATURES: u32 = 0x4200_0D48;

/// `PIN_VERIFY_STRUCTURE` for a PIN of 4 to 8 digits in a block of 8 bytes.
fn verify() -> Vec<u8> {
    let mut bytes = vec![5, 5, 0x82, 0x08, 0, 8, 4, 2, 0, 0, 0, 0, 0, 0, 0];
    bytes.extend(13_u32.to_le_bytes());
    bytes.extend([0, 0x20, 0, 1, 8]);
    bytes.extend([0xFF; 8]);
    bytes
}

/// The control code of a feature.
fn code(features: &[u8], tag: u8) -> Option<u32> {
    let mut all = features.chunks(6);
    let found = all.find(|tlv| tlv[0] == tag && tlv[1] == 4)?;
    Some(u32::from_be_bytes([found[2], found[3], found[4], found[5]]))
}

#[test]
fn a_reader_without_a_pad_has_none_of_its_features() {
    let (service, _) = desk();
    let (client, handle) = connected(&service);
    let features = client.control(handle, FEATURES, &[]).expect("features");
    assert_eq!(features.len(), 6);
    assert!(code(&features, 0x12).is_some() && code(&features, 6).is_none());
    service.fit_pin_pad(READER, Arc::default()).expect("fitted");
    let with_pad = client.control(handle, FEATURES, &[]).expect("features");
    for tag in [0x06, 0x07, 0x0A, 0x12] {
        let code = code(&with_pad, tag).expect("a feature");
        if matches!(tag, 0x0A | 0x12) {
            assert!(client.control(handle, code, &[]).is_ok(), "{tag:02X}");
        }
    }
    let unknown = client.control(handle, 0x4200_0001, &[]);
    assert_eq!(refused(unknown), Code::UNSUPPORTED_FEATURE);
}

#[test]
fn a_pin_goes_from_the_keys_to_the_card() {
    let (service, _) = desk();
    let pad = Arc::new(PinPad::default());
    service
        .fit_pin_pad(READER, Arc::clone(&pad))
        .expect("fitted");
    let (client, handle) = connected(&service);
    let features = client.control(handle, FEATURES, &[]).expect("features");
    let verify_code = code(&features, 6).expect("verify");
    let press = |keys: &'static [Key]| {
        let pad = Arc::clone(&pad);
        thread::spawn(move || pad.press(keys, Duration::from_secs(20)))
    };
    let presser = press(&[
        Key::Digit(1),
        Key::Digit(2),
        Key::Digit(3),
        Key::Digit(4),
        Key::Ok,
    ]);
    let answer = client
        .control(handle, verify_code, &verify())
        .expect("an answer");
    // This card answers with what it was sent.
    assert_eq!(answer, b"\x00\x20\x00\x01\x081234\xFF\xFF\xFF\xFF\x90\x00");
    assert!(presser.join().expect("ended"));
    let presser = press(&[Key::Digit(1), Key::Cancel]);
    assert_eq!(
        client.control(handle, verify_code, &verify()),
        Ok(vec![0x64, 0x01])
    );
    assert!(presser.join().expect("ended"));
    // What cannot be understood asks for nothing.
    assert_eq!(
        client.control(handle, verify_code, &[0; 10]),
        Ok(vec![0x6B, 0x80])
    );
    assert_eq!(pad.asks_for(), None);
}

#[test]
fn who_waits_for_keys_keeps_nobody_from_the_reader_and_hears_that_the_card_went() {
    let (service, _) = desk();
    let pad = Arc::new(PinPad::default());
    service
        .fit_pin_pad(READER, Arc::clone(&pad))
        .expect("fitted");
    let (client, handle) = connected(&service);
    let features = client.control(handle, FEATURES, &[]).expect("features");
    let verify_code = code(&features, 6).expect("verify");
    let waiting = thread::spawn(move || client.control(handle, verify_code, &verify()));
    while pad.asks_for().is_none() {
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(pad.asks_for(), Some(Asked::Pin));
    let (other, second) = connected(&service);
    assert!(
        other
            .transmit(second, kortlab_pcsc::Protocols::T0, &[0; 4])
            .is_ok()
    );
    service.take_out(READER).expect("a reader");
    assert_eq!(refused(waiting.join().expect("ended")), Code::REMOVED_CARD);
    assert_eq!(pad.asks_for(), None);
}
