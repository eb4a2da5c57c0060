//! One answer of nonsense to a dump takes nothing from the image: what the card answers when it is
//! asked again is in it, nonsense is called nonsense, and nothing is said that the card did not say.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Told, eid_card, insert};
use kortlab_apdu::{Channel, ResetKind};
use kortlab_diagnose::{Dump, Options, dump};
use kortlab_emulator::Image;
use kortlab_emulator::image::NotRead;

/// What a card answers, spoilt at some commands.
type Spoil = Box<dyn FnMut(usize, &[u8], Vec<u8>) -> Vec<u8>>;

fn read(image: &Image, mut spoil: Spoil) -> Dump {
    let mut card = insert(image);
    let atr = Channel::atr(&card).to_vec();
    let mut told = Told::new(move |nth, command| {
        let answer = Channel::transmit(&mut card, command)?;
        Ok(spoil(nth, command, answer))
    });
    told.atr = atr;
    told.is_t0 = true;
    dump(told, &Options::default(), Box::new(|_| {})).unwrap()
}

fn notes(dump: &Dump) -> &[NotRead] {
    &dump.image.provenance.as_ref().unwrap().not_read
}

/// The image without what is said of how it was made.
fn card_of(dump: &Dump) -> Image {
    Image {
        provenance: None,
        ..dump.image.clone()
    }
}

#[test]
fn one_nonsense_answer_at_whatever_command_takes_nothing_from_the_image() {
    let image = eid_card();
    let whole = read(&image, Box::new(|_, _, answer| answer));
    let commands = whole.image.provenance.as_ref().unwrap().commands as usize;
    let known = notes(&whole);
    assert!(commands > 60, "{commands}");
    for spoilt in 1..=commands {
        for answer in [&b""[..], b"\x90"] {
            let part = read(
                &image,
                Box::new(move |nth, _, own| match nth {
                    nth if nth == spoilt => answer.to_vec(),
                    _ => own,
                }),
            );
            assert!(part.ended.is_none(), "{spoilt}");
            assert_eq!(
                card_of(&part).to_json(),
                card_of(&whole).to_json(),
                "{spoilt}: {:#?}",
                notes(&part)
            );
            let new = notes(&part).iter().filter(|note| !known.contains(note));
            for note in new {
                assert_eq!(note.kind, "nonsense", "{spoilt}: {note:?}");
                assert_eq!(note.status, None, "{spoilt}: {note:?}");
            }
        }
    }
}

#[test]
fn a_file_that_is_answered_with_nonsense_each_time_is_not_said_to_be_absent() {
    // SELECT of EF(ODF), by whatever path.
    let spoil = |_: usize, command: &[u8], own: Vec<u8>| match command {
        [0x00, 0xA4, 0x08, ..] if command.ends_with(&[0x50, 0x31]) => vec![0x90],
        _ => own,
    };
    let part = read(&eid_card(), Box::new(spoil));
    let about = notes(&part)
        .iter()
        .filter(|note| note.what == "3F00/5015/5031");
    let about: Vec<_> = about.map(|note| (&*note.kind, note.status)).collect();
    assert_eq!(about, [("nonsense", None)]);
}

#[test]
fn a_file_that_is_named_and_not_there_is_told_with_the_cards_status_word() {
    // EF(UnusedSpace) is listed in DF(PKCS15), and refused in another way than with 6A82.
    let spoil = |_: usize, command: &[u8], own: Vec<u8>| match command {
        [0x00, 0xA4, ..] if command.ends_with(&[0x50, 0x33]) => vec![0x6A, 0x82],
        _ => own,
    };
    let part = read(&eid_card(), Box::new(spoil));
    let mut notes = notes(&part).iter();
    let note = notes.find(|note| note.what == "3F00/5015/5033").unwrap();
    assert_eq!(note.kind, "refused");
    assert_eq!(note.status.unwrap().status().value(), 0x6A82);
}

#[test]
fn a_card_that_resets_itself_in_the_middle_of_a_file_is_read_again() {
    // Silently: the next READ BINARY finds nothing selected.
    let image = eid_card();
    let whole = read(&image, Box::new(|_, _, answer| answer));
    let mut card = insert(&image);
    let atr = Channel::atr(&card).to_vec();
    let mut is_reset = false;
    let mut told = Told::new(move |_, command| {
        if !is_reset && command.starts_with(&[0x00, 0xB0, 0x01, 0x00]) {
            is_reset = true;
            Channel::reset(&mut card, ResetKind::Cold)?;
        }
        Channel::transmit(&mut card, command)
    });
    told.atr = atr;
    told.is_t0 = true;
    let part = dump(told, &Options::default(), Box::new(|_| {})).unwrap();
    assert_eq!(card_of(&part).to_json(), card_of(&whole).to_json());
}
