//! Whose journal it is: copies of one card, and other cards of the same serial number, keep their
//! certificates and their recovery.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod support;

use kortlab_apdu::{Fid, Protocol};
use kortlab_card::files::Budget;
use kortlab_card::slots::journal::NewContent;
use kortlab_card::{
    Card, CardError, Change, ErrorKind, Fit, IfChanged, Journal as _, MemoryJournal,
    NewCertificate, Problem, Transaction,
};
use kortlab_emulator::crypto::RsaKey;
use kortlab_emulator::memory::{MemoryTechnology, PowerCut};
use kortlab_emulator::models::eid::EidCard;
use kortlab_emulator::{CardRng, Image, InProcess};
use support::{SERIAL, certificates, insert, model, old_and_stays, pin, unlocked as open};

fn with_certificates(model: EidCard) -> Image {
    let mut image = old_and_stays(model);
    image.settings.memory = MemoryTechnology::Paged;
    image
}

fn start() -> Image {
    with_certificates(model(Protocol::T1))
}

/// A card with other keys, the same serial number and the same directory.
fn another_card() -> Image {
    let mut rng = CardRng::from_seed(46);
    let mut key = || RsaKey::generate(1024, &mut rng).unwrap();
    with_certificates(EidCard::new(SERIAL, key(), key()).protocol(Protocol::T1))
}

fn image(card: &mut Card<InProcess>) -> Image {
    card.channel_mut().card().image()
}

/// A removal in the middle, and a replacement.
fn changes() -> [Change; 2] {
    let mut card = open(start());
    let old = card.slots().unwrap().remove(0);
    let new = NewCertificate::new(certificates()[1].clone(), 0x45, "New");
    [
        Change::new().remove(old.clone()),
        Change::new().remove(old).write(new),
    ]
}

/// The card pulled out after so many bytes; `None` if the change was over by then.
fn torn(change: &Change, journal: &mut MemoryJournal, bytes: u64) -> Option<Image> {
    let mut card = open(start());
    let power = PowerCut::AfterBytes(bytes);
    card.channel_mut().card_mut().schedule_power_cut(power);
    let failed = card.change(change, journal).is_err();
    let mut channel = card.into_channel();
    channel.reinsert();
    failed.then(|| channel.card().image())
}

fn fits(card: &mut Card<InProcess>, journal: &mut MemoryJournal) -> Vec<Fit> {
    let notes = card.notes(journal).unwrap();
    notes.into_iter().map(|(_, fit)| fit).collect()
}

fn labels(card: &mut Card<InProcess>) -> Vec<String> {
    assert_eq!(card.contents().problems, []);
    let slots = card.slots().unwrap();
    assert!(slots.iter().all(|slot| slot.findings.is_empty()));
    let labels = slots.iter().map(|slot| slot.label().unwrap().to_owned());
    labels.collect()
}

#[test]
fn a_recovery_of_the_wrong_copy_leaves_it_and_the_journal_alone_and_the_right_one_is_recovered() {
    let mut begun = 0;
    for change in &changes() {
        for bytes in (0..).step_by(23) {
            let mut journal = MemoryJournal::shared();
            let Some(torn) = torn(change, &mut journal, bytes) else {
                break;
            };
            let kept = journal.clone();
            for if_changed in IfChanged::ALL {
                let mut copy = open(start());
                let before = image(&mut copy);
                assert_eq!(fits(&mut copy, &mut journal), [Fit::Untouched]);
                let recovery = copy
                    .recover(&mut journal, &pin("123456"), if_changed)
                    .unwrap();
                assert_eq!(recovery, None, "{bytes}");
                assert!(image(&mut copy) == before, "{bytes}: the copy was changed");
                assert_eq!(journal, kept);
            }
            let mut card = Card::open(insert(torn)).unwrap();
            let fit = fits(&mut card, &mut journal);
            let recovery = card
                .recover(&mut journal, &pin("123456"), IfChanged::LeaveIt)
                .unwrap();
            assert_eq!(recovery.is_some(), fit == [Fit::Begun], "{fit:?}");
            if recovery.is_some() {
                begun += 1;
                assert!(journal.is_empty());
            }
            let labels = labels(&mut card);
            let labels: Vec<_> = labels.iter().map(String::as_str).collect();
            assert!(
                matches!(
                    labels.as_slice(),
                    ["Old", "Stays"] | ["Stays"] | ["Stays", "New"]
                ),
                "{labels:?}"
            );
        }
    }
    assert!(begun > 20, "{begun}");
}

#[test]
fn another_card_of_the_same_serial_number_is_never_overwritten_not_even_with_force() {
    for change in &changes() {
        for bytes in (0..).step_by(97) {
            let mut journal = MemoryJournal::shared();
            if torn(change, &mut journal, bytes).is_none() {
                break;
            }
            let kept = journal.clone();
            let mut other = open(another_card());
            let before = image(&mut other);
            assert_eq!(fits(&mut other, &mut journal), [Fit::Foreign]);
            for if_changed in IfChanged::ALL {
                let recovery = other
                    .recover(&mut journal, &pin("123456"), if_changed)
                    .unwrap();
                assert_eq!(recovery, None);
            }
            assert!(image(&mut other) == before);
            assert_eq!(journal, kept);
        }
    }
}

/// As in a card image that another card's `pending_change` was put into.
#[test]
fn the_change_of_another_card_in_the_journal_of_one_card_is_refused_by_name_also_with_force() {
    let mut looked = 0;
    for change in &changes() {
        for bytes in (0..).step_by(97) {
            let mut journal = MemoryJournal::new();
            if torn(change, &mut journal, bytes).is_none() {
                break;
            }
            let kept = journal.clone();
            let mut other = open(another_card());
            let before = image(&mut other);
            assert_eq!(fits(&mut other, &mut journal), [Fit::Foreign]);
            for if_changed in IfChanged::ALL {
                let error = other
                    .recover(&mut journal, &pin("123456"), if_changed)
                    .unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Interrupted);
                let said = error.to_string();
                assert!(said.contains("is another card's"), "{said}");
            }
            // Nor is it forgotten for a change of this card.
            let remove = Change::new().remove(other.slots().unwrap().remove(0));
            assert!(other.change(&remove, &mut journal).is_err());
            let problems = other.unfinished_changes(&mut journal).unwrap();
            assert_eq!(problems.len(), 1);
            assert_eq!(problems[0].code(), "change-elsewhere");
            assert!(image(&mut other) == before);
            assert_eq!(journal, kept);
            looked += 1;
        }
    }
    assert!(looked > 5, "{looked}");
}

/// A journal as earlier versions wrote it: nothing in it tells cards of one number apart.
fn without_witness(journal: &MemoryJournal) -> MemoryJournal {
    let mut old = MemoryJournal::shared();
    for transaction in journal.transactions() {
        let transaction = Transaction {
            witness: None,
            ..transaction.clone()
        };
        old.begin(&transaction).unwrap();
    }
    old
}

#[test]
fn a_journal_of_an_earlier_version_recovers_its_card_and_no_other() {
    let change = &changes()[1];
    let mut recovered = 0;
    for bytes in (0..).step_by(61) {
        let mut journal = MemoryJournal::shared();
        let Some(torn) = torn(change, &mut journal, bytes) else {
            break;
        };
        let mut journal = without_witness(&journal);
        let mut empty = another_card();
        empty_directory(&mut empty);
        for other in [another_card(), start(), empty] {
            let mut other = open(other);
            let before = image(&mut other);
            for if_changed in IfChanged::ALL {
                let recovery = other
                    .recover(&mut journal, &pin("123456"), if_changed)
                    .unwrap();
                assert_eq!(recovery, None, "{bytes}");
            }
            assert!(image(&mut other) == before, "{bytes}");
        }
        let mut card = Card::open(insert(torn)).unwrap();
        if fits(&mut card, &mut journal) == [Fit::Begun] {
            let recovery = card
                .recover(&mut journal, &pin("123456"), IfChanged::LeaveIt)
                .unwrap();
            assert!(recovery.is_some() && journal.is_empty());
            recovered += 1;
        }
        assert_eq!(card.contents().problems, []);
    }
    assert!(recovered > 5, "{recovered}");
}

fn empty_directory(image: &mut Image) {
    let files = image.master_file.files_mut().unwrap();
    let application = files.iter_mut().find(|file| file.fid.0 == 0x5015).unwrap();
    let mut files = application.files_mut().unwrap().iter_mut();
    files
        .find(|file| file.fid.0 == 0x4403)
        .unwrap()
        .as_transparent_mut()
        .unwrap()
        .data = None;
}

#[test]
fn a_change_of_one_copy_goes_on_while_that_of_another_waits() {
    let [removal, replacement] = &changes();
    let mut journal = MemoryJournal::shared();
    let torn = torn(replacement, &mut journal, 900).unwrap();
    let mut copy = open(start());
    let _ = copy.change(removal, &mut journal).unwrap();
    assert_eq!(labels(&mut copy), ["Stays"]);
    assert_eq!(journal.transactions().count(), 1, "that of the torn one");
    let mut card = Card::open(insert(torn)).unwrap();
    let error = card.change(removal, &mut journal).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unfinished, "{error}");
    let recovery = card
        .recover(&mut journal, &pin("123456"), IfChanged::LeaveIt)
        .unwrap();
    assert!(recovery.is_some() && journal.is_empty());
}

#[test]
fn a_change_that_was_done_when_the_card_was_pulled_is_told_as_done() {
    let [removal, _] = &changes();
    let commands = |done: &mut Card<InProcess>| done.channel_mut().card().commands_received();
    let (first, last) = {
        let mut card = open(start());
        let plan = card.plan(removal).unwrap();
        let first = commands(&mut card);
        let _ = card.execute(&plan, &mut MemoryJournal::new()).unwrap();
        (first, commands(&mut card))
    };
    // Whenever it is pulled out, what is said is what is: an error and a journal, or neither.
    for number in 1..=last - first + 3 {
        let mut card = open(start());
        let plan = card.plan(removal).unwrap();
        let power = PowerCut::BeforeCommand(number);
        card.channel_mut().card_mut().schedule_power_cut(power);
        let mut journal = MemoryJournal::new();
        match card.execute(&plan, &mut journal) {
            // The last one looks whether the file is gone, as the card has answered already.
            Ok(_) => assert!(journal.is_empty() && number >= last - first),
            Err(error) if journal.is_empty() => assert_eq!(error.kind(), ErrorKind::NoCard),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unfinished, "{error}"),
        }
    }
}

/// A journal with so many notes of a change that creates a file and was torn before it began.
fn noted(many: usize) -> MemoryJournal {
    let mut first = MemoryJournal::shared();
    let _ = torn(&changes()[1], &mut first, 0).unwrap();
    let transaction = first.transactions().next().unwrap();
    let mut journal = MemoryJournal::shared();
    for _ in 0..many {
        journal.begin(transaction).unwrap();
    }
    journal
}

#[test]
fn however_many_changes_are_noted_down_no_file_of_the_card_is_read_more_often_for_them() {
    let commands = |many: usize| {
        let mut journal = noted(many);
        let mut card = Card::open(insert(start())).unwrap();
        let mut taken = Vec::new();
        let mut before = card.channel_mut().card().commands_received();
        let mut lap = |card: &mut Card<InProcess>| {
            let now = card.channel_mut().card().commands_received();
            taken.push(now - before);
            before = now;
        };
        assert_eq!(card.unfinished_changes(&mut journal).unwrap().len(), many);
        lap(&mut card);
        assert_eq!(card.pending(&mut journal).unwrap(), None);
        lap(&mut card);
        let recovered = card.recover(&mut journal, &pin("123456"), IfChanged::LeaveIt);
        assert_eq!(recovered.unwrap(), None);
        lap(&mut card);
        taken
    };
    let one = commands(1);
    assert_eq!(commands(200), one);
    // The directory is known; whether the new file is there is one SELECT.
    assert_eq!(one[0], 1);
}

#[test]
fn what_is_noted_down_is_looked_at_under_the_budget_of_the_session() {
    let opening = {
        let mut card = Card::open(insert(start())).unwrap();
        card.channel_mut().card().commands_received()
    };
    let mut transaction = noted(1).transactions().next().unwrap().clone();
    let file = transaction.create[0].clone();
    transaction.create = (0..60)
        .map(|number| NewContent {
            file_id: Fid(0x7000 + number),
            ..file.clone()
        })
        .collect();
    let mut journal = MemoryJournal::shared();
    journal.begin(&transaction).unwrap();
    let budget = Budget {
        commands: usize::try_from(opening).unwrap() + 10,
        ..Budget::CARD
    };
    type Opened = Result<Card<InProcess>, CardError>;
    let opened: [fn(InProcess, Budget) -> Opened; 2] = [Card::open_within, Card::open_for_pins];
    for open in opened {
        let mut card = open(insert(start()), budget).unwrap();
        let problems = card.unfinished_changes(&mut journal).unwrap();
        let codes: Vec<_> = problems.iter().map(Problem::code).collect();
        assert_eq!(codes, ["budget"], "{problems:?}");
        let said = problems[0].message();
        assert!(said.contains("was not looked at"), "{said}");
        // Nor is anything changed on a card of which this is not known.
        let error = card.pending(&mut journal).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Budget);
        let sent = card.channel_mut().card().commands_received();
        assert!(sent <= opening + 12, "{sent} of {opening}");
    }
}
