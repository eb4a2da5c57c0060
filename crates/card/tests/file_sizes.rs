//! A card that says another size of a file than the file has: the file is read as far as it goes,
//! and the size is a finding.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod support;

use std::time::SystemTime;

use kortlab_apdu::Protocol;
use kortlab_card::Against;
use kortlab_emulator::Image;
use support::{PROTOCOLS, on_card, open_told};

/// A file whose content is one object of 900 bytes, which fills it.
fn image(protocol: Protocol) -> (Image, Vec<u8>) {
    let content = [&[0x30, 0x82, 0x03, 0x80][..], &[0x05; 0x380]].concat();
    let model = support::model(protocol).certificate(on_card(&content, 0x45, "Filler"));
    (model.build().unwrap(), content)
}

/// The size in the answer to SELECT (tag 80, or 81 with structural information) is another one.
fn with_size(mut answer: Vec<u8>, size: u16) -> Vec<u8> {
    let is_size = |two: &[u8]| matches!(two, [0x80 | 0x81, 0x02]);
    let place = answer.windows(2).position(is_size);
    let place = place.expect("a size") + 2;
    answer[place..place + 2].copy_from_slice(&size.to_be_bytes());
    answer
}

/// What is read of the certificate's file, and the codes of what is said of it.
fn read(protocol: Protocol, size: u16) -> (Vec<u8>, Vec<String>) {
    let (image, _) = image(protocol);
    let (mut card, _) = open_told(image, move |card, command| {
        let answer = card.transmit(command)?;
        let selects = command.get(1) == Some(&0xA4) && command.windows(2).any(|id| id == FILE);
        // T=0 gives the description with GET RESPONSE.
        let describes = matches!(answer.first(), Some(0x6F | 0x62));
        let describes_it = describes && answer.windows(4).any(|id| id == NAMED);
        match (selects && describes) || describes_it {
            true => Ok(with_size(answer, size)),
            false => Ok(answer),
        }
    });
    let checked = card
        .check(SystemTime::now(), &Against::default())
        .expect("the card is there");
    let only = &checked.certificates[0];
    let data = card.files().read(only.slot.path.as_ref().unwrap()).unwrap();
    let codes = only
        .problems
        .iter()
        .map(|problem| problem.code().to_owned());
    (data.data, codes.collect())
}

/// The first certificate's file, and how its description names it.
const FILE: [u8; 2] = [0x43, 0x31];
const NAMED: [u8; 4] = [0x83, 0x02, 0x43, 0x31];

#[test]
fn the_right_size_is_nothing_wrong() {
    for protocol in PROTOCOLS {
        let (_, content) = image(protocol);
        let (data, codes) = read(protocol, content.len() as u16);
        assert_eq!(data, content);
        assert!(!codes.contains(&"size-mismatch".to_owned()), "{codes:?}");
    }
}

#[test]
fn a_size_that_is_too_small_cuts_nothing_off() {
    for protocol in PROTOCOLS {
        let (_, content) = image(protocol);
        for size in [0_u16, 1, 2, 3, 4, 5, 100, 255, 256, 899] {
            let (data, codes) = read(protocol, size);
            let read = data.len();
            assert!(data == content, "{protocol:?} {size}: {read} bytes");
            assert!(
                codes.contains(&"size-mismatch".to_owned()),
                "{size} {codes:?}"
            );
        }
    }
}

#[test]
fn a_size_that_is_too_large_adds_nothing() {
    for protocol in PROTOCOLS {
        let (_, content) = image(protocol);
        for size in [901_u16, 1000, 1156, 0x7FFF, 0xFFFF] {
            let (data, codes) = read(protocol, size);
            let read = data.len();
            assert!(data == content, "{protocol:?} {size}: {read} bytes");
            assert!(
                codes.contains(&"size-mismatch".to_owned()),
                "{size} {codes:?}"
            );
        }
    }
}
