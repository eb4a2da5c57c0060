//! Cards that answer nonsense, change their answers, are pulled out or never end, under diagnosis:
//! it ends, nothing panics, and what was not looked at is not called good.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use common::Told;
use kortlab_apdu::{Channel, ChannelError};
use kortlab_card::files::Budget;
use kortlab_card::{Against, CardError};
use kortlab_diagnose::{Diagnosing, Diagnosis, diagnose, html};
use kortlab_emulator::crypto::RsaKey;
use kortlab_emulator::models::eid::EidCard;
use kortlab_emulator::{CardRng, Image, InProcess, VirtualCard};

/// A card without certificates, which is a good one.
fn good() -> InProcess {
    static IMAGE: OnceLock<Image> = OnceLock::new();
    let image = IMAGE.get_or_init(|| {
        let mut rng = CardRng::from_seed(1);
        let mut key = || RsaKey::generate(1024, &mut rng).unwrap();
        EidCard::new("9752269700000000008", key(), key())
            .build()
            .unwrap()
    });
    InProcess::ephemeral(VirtualCard::new(image.clone(), CardRng::from_seed(1)).unwrap())
}

fn options() -> Diagnosing {
    Diagnosing {
        budget: Budget::CARD,
        now: SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
        against: Against::default(),
        rules: Vec::new(),
    }
}

fn look(card: impl Channel, options: &Diagnosing) -> Result<Diagnosis, CardError> {
    let found = diagnose(card, options, |_, _| Vec::new(), Box::new(|_| {}))?;
    // Whatever the card said, the report is one, and has an end.
    let page = html::report(&found, "a test");
    assert!(page.ends_with("</html>\n") && !page.contains("<script"));
    Ok(found)
}

/// The good card, whose answers a test changes.
fn changed(
    change: impl Fn(usize, &[u8], Vec<u8>) -> Result<Vec<u8>, ChannelError> + 'static,
) -> Told {
    let mut card = good();
    let atr = Channel::atr(&card).to_vec();
    let mut told = Told::new(move |nth, command| {
        let answer = Channel::transmit(&mut card, command)?;
        change(nth, command, answer)
    });
    told.atr = atr;
    told.is_t0 = true;
    told
}

fn codes(found: &Diagnosis) -> Vec<&'static str> {
    let counting = found
        .findings
        .iter()
        .filter(|finding| finding.problem.counts());
    counting.map(|finding| finding.problem.code()).collect()
}

#[test]
fn the_good_card_is_silent() {
    let found = look(changed(|_, _, answer| Ok(answer)), &options()).unwrap();
    assert_eq!(codes(&found), [""; 0]);
    assert!(found.ended.is_none() && found.commands > 30);
}

#[test]
fn a_file_that_is_another_when_it_is_read_again_is_unstable_at_its_byte() {
    // From some command on, one byte of EF(AODF) is another.
    let selected = std::cell::RefCell::new(Vec::new());
    let reads = std::cell::Cell::new(0);
    let card = changed(move |_, command, mut answer| {
        if command.get(1) == Some(&0xA4) {
            *selected.borrow_mut() = command.get(5..).unwrap_or_default().to_vec();
        }
        if command.starts_with(&[0x00, 0xB0, 0x00, 0x00])
            && selected.borrow().starts_with(&[0x50, 0x15, 0x44, 0x01])
        {
            reads.set(reads.get() + 1);
            if reads.get() > 1
                && let Some(byte) = answer.get_mut(20)
            {
                *byte ^= 0x01;
            }
        }
        Ok(answer)
    });
    let found = look(card, &options()).unwrap();
    assert_eq!(codes(&found), ["unstable"]);
    let finding = &found
        .findings
        .iter()
        .find(|one| one.problem.counts())
        .unwrap();
    assert_eq!(finding.problem.offset(), Some(20));
    assert_eq!(finding.problem.file(), "EF(AODF)");
}

#[test]
fn a_counter_that_rises_while_nobody_tries_is_told() {
    let asked = std::cell::Cell::new(0);
    let card = changed(move |_, command, answer| {
        if command.get(1) != Some(&0x20) {
            return Ok(answer);
        }
        asked.set(asked.get() + 1);
        Ok(vec![0x63, 0xC0 + asked.get()])
    });
    let found = look(card, &options()).unwrap();
    assert!(
        codes(&found).contains(&"counter-changes"),
        "{:?}",
        codes(&found)
    );
}

#[test]
fn a_card_pulled_out_at_any_command_ends_it_and_is_never_called_good() {
    let whole = look(changed(|_, _, answer| Ok(answer)), &options()).unwrap();
    for pulled in 0..whole.commands {
        let card = changed(move |nth, _, answer| match nth {
            nth if nth > pulled => Err(ChannelError::NoCard),
            _ => Ok(answer),
        });
        if let Ok(part) = look(card, &options()) {
            assert!(part.ended.is_some(), "{pulled}");
            assert!(!part.not_looked_at.is_empty(), "{pulled}");
        }
    }
}

#[test]
fn any_byte_of_any_answer_may_be_another_and_nothing_panics() {
    for seed in 0..150_u64 {
        let card = changed(move |nth, _, mut answer| {
            let at = (seed.wrapping_mul(2_654_435_761) >> 7) as usize;
            if nth as u64 % 7 == seed % 7 && !answer.is_empty() {
                let at = (at + nth * 31) % answer.len();
                answer[at] ^= 1 << (seed % 8);
            }
            if seed % 5 == 0 && nth % 11 == 0 {
                answer.truncate(seed as usize % 3);
            }
            Ok(answer)
        });
        let limited = Diagnosing {
            budget: Budget {
                commands: 2000,
                ..Budget::CARD
            },
            ..options()
        };
        let begun = Instant::now();
        let found = look(card, &limited);
        assert!(begun.elapsed() < Duration::from_secs(60), "{seed}");
        if let Ok(found) = found {
            assert!(found.commands <= 4000, "{seed}");
        }
    }
}

#[test]
fn a_card_that_never_ends_is_stopped_and_that_is_a_finding() {
    // Each READ BINARY brings one byte.
    let card = changed(|_, command, mut answer| {
        if command.get(1) == Some(&0xB0) && answer.len() > 3 {
            answer.drain(1..answer.len() - 2);
        }
        Ok(answer)
    });
    let limited = Diagnosing {
        budget: Budget {
            commands: 1500,
            ..Budget::CARD
        },
        ..options()
    };
    let found = look(card, &limited).unwrap();
    assert!(codes(&found).contains(&"budget"), "{:?}", codes(&found));
    assert!(found.commands <= 3000);
    assert!(found.ended.is_none());
}
