//! Cards that answer nonsense, change their answers, are pulled out or never end, under diagnosis:
//! it ends, nothing panics, and what was not looked at is not called good.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::time::{Duration, Instant, SystemTime};

use common::{Told, eid_card, insert};
use kortlab_apdu::{Channel, ChannelError, Fid};
use kortlab_card::files::Budget;
use kortlab_card::{Against, CardError};
use kortlab_diagnose::{Diagnosing, Diagnosis, diagnose, html};
use kortlab_emulator::Image;

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
    changed_of(&eid_card(), change)
}

/// The same of another card.
fn changed_of(
    image: &Image,
    change: impl Fn(usize, &[u8], Vec<u8>) -> Result<Vec<u8>, ChannelError> + 'static,
) -> Told {
    let mut card = insert(image);
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
fn a_card_that_forgets_what_is_selected_in_the_middle_of_a_file_is_not_called_one_of_records() {
    for status in [0x81, 0x86] {
        let card = changed(move |_, command, answer| match command {
            [_, 0xB0, 0x01, 0x00, ..] => Ok(vec![0x69, status]),
            // It has none.
            [_, 0xB2, ..] => panic!("a record is asked for"),
            _ => Ok(answer),
        });
        let found = look(card, &options()).unwrap();
        let unreadable = found.findings.iter().map(|finding| &finding.problem);
        let unreadable = unreadable.filter(|problem| problem.code() == "file-unreadable");
        let next: Vec<_> = unreadable.map(kortlab_card::Problem::next_step).collect();
        assert!(!next.is_empty(), "{:?}", codes(&found));
        for next in next {
            assert!(
                next.contains("selected") && !next.contains("records"),
                "{next}"
            );
        }
    }
}

#[test]
fn what_was_read_of_a_card_before_it_was_pulled_out_is_told() {
    // EF.DIR lists the application twice.
    let mut image = eid_card();
    let files = image.master_file.files_mut().unwrap();
    let dir = files.iter_mut().find(|file| file.fid == Fid(0x2F00));
    let dir = dir.unwrap().data_mut().unwrap();
    let entry = dir[..2 + usize::from(dir[1])].to_vec();
    dir.splice(0..0, entry);
    let whole = look(changed_of(&image, |_, _, answer| Ok(answer)), &options()).unwrap();
    assert_eq!(codes(&whole), ["duplicate-id"]);
    let mut first = None;
    for pulled in 0..whole.commands {
        let card = changed_of(&image, move |nth, _, answer| match nth {
            nth if nth > pulled => Err(ChannelError::NoCard),
            _ => Ok(answer),
        });
        let part = match look(card, &options()) {
            Ok(part) => part,
            Err(_) => {
                assert_eq!(first, None, "{pulled}");
                continue;
            }
        };
        first.get_or_insert(pulled);
        assert_eq!(codes(&part), ["duplicate-id"], "{pulled}");
        assert!(part.ended.is_some(), "{pulled}");
        let looked_at = part.looked_at.join(", ");
        assert!(looked_at.contains("answer to reset"), "{pulled}");
        assert!(looked_at.contains("file"), "{pulled}: {looked_at}");
        let rest = part.not_looked_at.iter();
        let mut rest = rest.filter(|text| text.contains("what follows"));
        assert!(rest.next().is_some(), "{pulled}: {:?}", part.not_looked_at);
    }
    // SELECT EF.DIR, GET RESPONSE, READ BINARY.
    assert_eq!(first, Some(3));
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
