//! Cards that answer nonsense, reset themselves, are pulled out, nest in a circle or lie about sizes:
//! what was read is kept, and it always ends.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::cell::Cell;
use std::time::{Duration, Instant};

use common::Told;
use kortlab_apdu::{Channel, ChannelError, FilePath, ResetKind};
use kortlab_card::Session;
use kortlab_card::files::Budget;
use kortlab_diagnose::{Dump, Ended, Options, dump};
use kortlab_emulator::{CardRng, Image, InProcess, VirtualCard};

const SMALL: &[u8] = include_bytes!("../../../vectors/emulator/small-card-t1.json");

fn small() -> InProcess {
    let image = Image::from_json(SMALL).unwrap();
    InProcess::ephemeral(VirtualCard::new(image, CardRng::from_seed(1)).unwrap())
}

fn options() -> Options {
    Options::default()
}

fn read(card: impl Channel, options: &Options) -> Result<Dump, kortlab_card::CardError> {
    dump(card, options, Box::new(|_| {}))
}

/// The image is one that plays: it is read again from its own text.
#[track_caller]
fn assert_plays(dump: &Dump) {
    let image = Image::from_json(dump.image.to_json().as_bytes()).unwrap();
    VirtualCard::new(image, CardRng::from_seed(1)).unwrap();
}

#[test]
fn a_card_pulled_out_at_any_command_leaves_what_was_read_before() {
    let whole = read(small(), &options()).unwrap();
    let commands = whole.image.provenance.as_ref().unwrap().commands as usize;
    assert!(whole.ended.is_none() && commands > 50);
    let mut known = 0;
    for pulled in 1..commands {
        let mut card = small();
        let answer = move |nth: usize, command: &[u8]| match nth {
            nth if nth > pulled => Err(ChannelError::NoCard),
            _ => Ok(card.transmit(command)),
        };
        let mut card = Told::new(answer);
        card.atr = Channel::atr(&small()).to_vec();
        match read(card, &options()) {
            Ok(part) => {
                assert!(matches!(part.ended, Some(Ended::Gone(_))), "{pulled}");
                assert!(part.files >= known, "{pulled}: {} of {known}", part.files);
                known = part.files;
                let provenance = part.image.provenance.as_ref().unwrap();
                assert!(!provenance.complete && provenance.ended.is_some());
                assert_plays(&part);
            }
            Err(_) => assert_eq!(known, 0, "{pulled}"),
        }
    }
    assert!(known + 1 >= whole.files, "{known} of {}", whole.files);
}

#[test]
fn a_card_that_is_reset_now_and_then_is_read_all_the_same() {
    let whole = read(small(), &options()).unwrap();
    for every in [2, 3, 7, 20, 60] {
        let mut card = small();
        let answer = move |nth: usize, command: &[u8]| {
            if nth.is_multiple_of(every) {
                Channel::reset(&mut card, ResetKind::Cold)?;
                return Err(ChannelError::WasReset);
            }
            Ok(card.transmit(command))
        };
        let mut card = Told::new(answer);
        card.atr = Channel::atr(&small()).to_vec();
        let part = read(card, &options());
        if let Ok(part) = part {
            assert_plays(&part);
            if every == 60 {
                assert_eq!(part.files, whole.files);
            }
        }
    }
}

#[test]
fn any_nonsense_ends_within_the_budget_and_makes_an_image_that_plays() {
    for seed in 0..60_u64 {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut next = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let answer = move |_: usize, command: &[u8]| {
            let mut data: Vec<u8> = match next() % 6 {
                // A description with whatever in it.
                0 => vec![
                    0x6F,
                    0x08,
                    0x81,
                    0x02,
                    next() as u8,
                    0,
                    0x82,
                    0x01,
                    0x38,
                    0x83,
                ],
                1 => vec![
                    0x6F,
                    0x0B,
                    0x81,
                    2,
                    0xFF,
                    next() as u8,
                    0x82,
                    1,
                    next() as u8,
                    0x83,
                    2,
                    0x50,
                    0x15,
                ],
                2 => (0..next() % 64).map(|_| next() as u8).collect(),
                _ => Vec::new(),
            };
            let status = match next() % 12 {
                0 => [0x61, next() as u8],
                1 => [0x6C, next() as u8],
                2 => [0x6A, 0x82],
                3 => [next() as u8, next() as u8],
                4 => return Ok(vec![next() as u8]),
                _ => [0x90, 0x00],
            };
            let _ = command;
            data.extend(status);
            Ok(data)
        };
        let options = Options {
            budget: Budget {
                commands: 1500,
                ..Budget::CARD
            },
            ..options()
        };
        let begun = Instant::now();
        if let Ok(part) = read(Told::new(answer), &options) {
            let provenance = part.image.provenance.as_ref().unwrap();
            assert!(provenance.commands <= 1500, "{seed}");
            assert_plays(&part);
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{seed}");
    }
}

#[test]
fn directories_in_a_circle_are_followed_once_and_told() {
    // Every path is a DF, and each lists the same two.
    let answer = |_: usize, command: &[u8]| {
        Ok(match command[1] {
            0xA4 if command[2] == 0x04 => vec![0x6A, 0x82],
            0xA4 => hex::decode("6F068201388A01079000").unwrap(),
            0xAA => vec![0x50, 0x15, 0x50, 0x16, 0x90, 0x00],
            0xCA => b"v2.1\0\x90\0".to_vec(),
            _ => vec![0x69, 0x86],
        })
    };
    let begun = Instant::now();
    let part = read(Told::new(answer), &options()).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert_eq!(part.ended, None);
    assert!(part.files < 40, "{}", part.files);
    let notes = &part.image.provenance.as_ref().unwrap().not_read;
    assert!(
        notes.iter().any(|note| note.why.contains("circle")),
        "{notes:#?}"
    );
    assert_plays(&part);
}

#[test]
fn a_card_that_has_a_file_for_every_identifier_is_not_searched_for_ever() {
    let answer = |_: usize, command: &[u8]| {
        Ok(match command[1] {
            0xA4 => hex::decode("6F078102000482010190 00".replace(' ', "")).unwrap(),
            0xB0 if command[3] == 0 => vec![1, 2, 3, 4, 0x90, 0x00],
            0xB0 => vec![0x6B, 0x00],
            _ => vec![0x6D, 0x00],
        })
    };
    let options = Options {
        search: kortlab_diagnose::dump::Search::ALL.to_vec(),
        ..options()
    };
    let part = read(Told::new(answer), &options).unwrap();
    assert!(part.files < 100);
    let notes = &part.image.provenance.as_ref().unwrap().not_read;
    let told = |text: &str| notes.iter().any(|note| note.why.contains(text));
    assert!(told("every AID") && told("every identifier"), "{notes:#?}");
    assert_plays(&part);
}

#[test]
fn a_card_that_gives_one_byte_at_a_time_is_stopped_by_the_budget() {
    // A file of 32 kB, one byte a READ BINARY, under every identifier.
    let answer = |_: usize, command: &[u8]| {
        Ok(match command[1] {
            0xA4 if command[2] == 0x04 => vec![0x6A, 0x82],
            0xA4 => hex::decode("6F0781027FFF8201019000").unwrap(),
            0xB0 => vec![0x30, 0x90, 0x00],
            _ => vec![0x6D, 0x00],
        })
    };
    let part = read(Told::new(answer), &options()).unwrap();
    let provenance = part.image.provenance.as_ref().unwrap();
    assert!(matches!(&part.ended, Some(Ended::Budget(why)) if why.contains("10000 commands")));
    assert_eq!(provenance.commands, 10_000);
    assert_plays(&part);
}

#[test]
fn a_slow_card_is_stopped_by_the_time_of_the_budget() {
    let answer = |_: usize, _: &[u8]| {
        std::thread::sleep(Duration::from_millis(5));
        Ok(vec![0x90, 0x00])
    };
    let options = Options {
        budget: Budget {
            time: Duration::from_millis(200),
            ..Budget::CARD
        },
        ..options()
    };
    let begun = Instant::now();
    let part = read(Told::new(answer), &options);
    assert!(begun.elapsed() < Duration::from_secs(10));
    if let Ok(part) = part {
        assert!(matches!(part.ended, Some(Ended::Budget(_))));
    }
}

#[test]
fn an_answer_to_reset_that_is_none_or_lies_makes_an_image_all_the_same() {
    for atr in ["", "3B", "FF".repeat(40).as_str(), "3B9F21", "3B00"] {
        let mut card = small();
        let mut told = Told::new(move |_, command| Ok(card.transmit(command)));
        told.atr = hex::decode(atr).unwrap();
        let part = read(told, &options()).unwrap();
        assert_plays(&part);
    }
}

#[test]
fn how_far_it_is_is_told_before_each_command() {
    let told = Cell::new(0);
    let listener = |progress: &kortlab_diagnose::dump::Progress| {
        assert_eq!(progress.commands, told.get());
        assert_eq!(progress.budget, Budget::CARD);
        told.set(told.get() + 1);
    };
    let whole = dump(small(), &options(), Box::new(listener)).unwrap();
    assert_eq!(told.get() as u64, whole.image.provenance.unwrap().commands);
}

#[test]
fn a_copy_answers_every_select_and_read_as_the_card_does() {
    let whole = read(small(), &options()).unwrap();
    let copy = VirtualCard::new(whole.image.clone(), CardRng::from_seed(1)).unwrap();
    let mut copy = Session::new(InProcess::ephemeral(copy));
    let mut card = Session::new(small());
    // Every path of two levels with the identifiers that are on the card.
    let text = whole.image.to_json();
    let fids: Vec<u16> = text
        .split("\"fid\": \"")
        .skip(1)
        .map(|rest| u16::from_str_radix(&rest[..4], 16).unwrap())
        .collect();
    assert!(fids.len() > 5);
    let mut selected = 0;
    for &one in &fids {
        for two in fids.iter().map(|&fid| Some(fid)).chain([None]) {
            let mut path = FilePath::MASTER_FILE.child(kortlab_apdu::Fid(one));
            if let Some(two) = two {
                path = path.child(kortlab_apdu::Fid(two));
            }
            let of_card = card.files().select(&path);
            let of_copy = copy.files().select(&path);
            match (of_card, of_copy) {
                (Ok(card), Ok(copy)) => {
                    assert_eq!(copy.raw, card.raw, "{path}");
                    selected += 1;
                }
                (Err(card), Err(copy)) => assert_eq!(copy.status(), card.status(), "{path}"),
                (card, copy) => panic!("{path}: {card:?}, {copy:?}"),
            }
        }
    }
    assert!(selected > 5, "{selected}");
}
