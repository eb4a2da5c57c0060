//! Cards that carry out a change and answer with a warning or an error, and cards that answer with
//! success and do nothing: what is said of the change is what is on the card.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod support;

use kortlab_apdu::{Channel, Layered, Protocol, StatusWord};
use kortlab_card::files::Files;
use kortlab_card::{
    Card, CardError, Change, ErrorKind, Executed, IfChanged, MemoryJournal, NewCertificate, PinRole,
};
use kortlab_emulator::memory::PowerCut;
use kortlab_emulator::{Image, InProcess};
use support::{Told, certificates, insert, model, old_and_stays, open_told, pin, unlocked};

const UPDATE: u8 = 0xD6;
const CREATE: u8 = 0xE0;
const DELETE: u8 = 0xE4;
const CHANGES: [u8; 3] = [UPDATE, CREATE, DELETE];

/// What the card does with a command that changes it, and what it answers where that was done, or
/// would be.
#[derive(Clone, Copy, Debug)]
enum Does {
    All,
    Nothing,
}

/// A card of which nothing else is known than that it is in use.
type Odd = Card<Layered<InProcess, Told>>;

fn start() -> Image {
    old_and_stays(model(Protocol::T1))
}

/// An unlocked card that answers so to this instruction.
fn odd(ins: u8, does: Does, answer: u16) -> Odd {
    let mut card = odd_of(start(), ins, does, answer);
    card.verify(PinRole::Authentication, &pin("123456"))
        .unwrap();
    card
}

fn odd_of(image: Image, ins: u8, does: Does, answer: u16) -> Odd {
    let (card, _) = open_told(image, move |card, command| {
        if command.get(1) != Some(&ins) {
            return card.transmit(command);
        }
        let own = match does {
            Does::All => card.transmit(command)?,
            Does::Nothing => vec![0x90, 0x00],
        };
        match own.as_slice() {
            [0x90, 0x00] => Ok(answer.to_be_bytes().to_vec()),
            _ => Ok(own),
        }
    });
    card
}

fn image(card: &mut Odd) -> Image {
    card.channel_mut().channel_mut().card().image()
}

/// The image of a card of which all that is stored is as in `other`.
fn same_files(one: &Image, other: &Image) -> bool {
    one.master_file == other.master_file
}

/// Old is replaced by New; a file is created, written, and another one deleted.
fn replaced<C: Channel>(
    card: &mut Card<C>,
    journal: &mut MemoryJournal,
) -> Result<Executed, CardError> {
    let old = card.slots().unwrap().remove(0);
    let new = NewCertificate::new(certificates()[1].clone(), 0x45, "New");
    card.change(&Change::new().remove(old).write(new), journal)
}

/// What a card holds after the change on which nothing is odd.
fn after() -> Image {
    let mut card = unlocked(start());
    let executed = replaced(&mut card, &mut MemoryJournal::new()).unwrap();
    assert_eq!(executed.warnings, [""; 0]);
    card.channel_mut().card().image()
}

#[test]
fn what_was_carried_out_with_a_warning_is_done_and_the_warning_is_told() {
    let after = after();
    for ins in CHANGES {
        for status in [0x6200, 0x6283, 0x6310, 0x6381, 0x63C0, 0x63C1] {
            let mut card = odd(ins, Does::All, status);
            let mut journal = MemoryJournal::shared();
            let executed = replaced(&mut card, &mut journal).unwrap();
            assert!(journal.is_empty());
            assert!(
                same_files(&image(&mut card), &after),
                "{ins:02X} {status:04X}"
            );
            let said = executed.warnings.join("\n");
            assert!(said.contains(&format!(": {status:04X} (")), "{said}");
            assert!(said.contains("the card warned when"), "{said}");
            for wrong in ["tries left", "refused", "is left on the card"] {
                assert!(!said.contains(wrong), "{said}");
            }
        }
    }
}

#[test]
fn what_was_carried_out_and_refused_all_the_same_is_looked_at_and_done() {
    let after = after();
    for ins in CHANGES {
        for status in [0x6400, 0x6581, 0x6600, 0x6F00] {
            let mut card = odd(ins, Does::All, status);
            let mut journal = MemoryJournal::shared();
            let executed = replaced(&mut card, &mut journal).unwrap();
            assert!(journal.is_empty());
            assert!(
                same_files(&image(&mut card), &after),
                "{ins:02X} {status:04X}"
            );
            let said = executed.warnings.join("\n");
            assert!(said.contains("all the same"), "{said}");
            assert!(!said.contains("is left on the card"), "{said}");
        }
    }
}

/// 6982 says what was wrong before the command was carried out; this card has carried it out.
#[test]
fn nothing_was_changed_is_said_where_that_was_seen_whatever_the_card_answers() {
    let before = start();
    for ins in [UPDATE, CREATE] {
        for does in [Does::All, Does::Nothing] {
            for status in [0x6400, 0x6581, 0x6982, 0x6A84, 0x6F00] {
                if matches!(does, Does::All) && matches!(status, 0x6400 | 0x6581 | 0x6F00) {
                    continue;
                }
                let mut card = odd(ins, does, status);
                let mut journal = MemoryJournal::shared();
                let error = replaced(&mut card, &mut journal).unwrap_err();
                let said = error.to_string();
                assert!(said.starts_with("nothing was changed"), "{said}");
                assert!(said.contains(&format!("{status:04X}")), "{said}");
                assert!(journal.is_empty(), "{said}");
                assert!(same_files(&image(&mut card), &before), "{said}");
            }
        }
    }
}

/// The directory is put back, and that is refused although it was done.
#[test]
fn a_change_that_was_put_back_under_refusals_leaves_nothing_in_the_journal() {
    for status in [0x6982, 0x6F00] {
        let mut card = odd(UPDATE, Does::All, status);
        let mut journal = MemoryJournal::shared();
        let old = card.slots().unwrap().remove(0);
        let done = card.change(&Change::new().remove(old), &mut journal);
        assert!(journal.is_empty(), "{done:?}");
        let labels = Card::open(insert(image(&mut card)))
            .unwrap()
            .slots()
            .unwrap();
        match done {
            Ok(executed) => {
                assert!(!executed.warnings.is_empty());
                assert_eq!(labels.len(), 1);
            }
            Err(error) => {
                assert_eq!(error.status(), Some(StatusWord::SECURITY_STATUS));
                assert!(error.to_string().starts_with("nothing was changed"));
                assert_eq!(labels.len(), 2);
            }
        }
    }
}

#[test]
fn a_file_that_is_there_still_after_it_was_deleted_with_success_is_told() {
    for status in [0x9000, 0x6200, 0x63C1] {
        let mut card = odd(DELETE, Does::Nothing, status);
        let mut journal = MemoryJournal::shared();
        let executed = replaced(&mut card, &mut journal).unwrap();
        let said = executed.warnings.join("\n");
        let answered = format!("the card answered DELETE FILE with {status:04X}, and has it still");
        assert!(said.contains(&answered), "{said}");
        assert!(said.contains("3F00/5015/4331"), "{said}");
        assert!(journal.is_empty());
    }
}

#[test]
fn a_file_that_was_created_with_success_and_is_not_there_is_no_room_and_no_change() {
    for status in [0x9000, 0x6200] {
        let mut card = odd(CREATE, Does::Nothing, status);
        let mut journal = MemoryJournal::shared();
        let changed = replaced(&mut card, &mut journal).unwrap_err();
        let room = card.has_room(1000, &mut journal).unwrap_err();
        for error in [changed, room] {
            let said = error.to_string();
            assert!(said.starts_with("nothing was changed"), "{said}");
            assert!(said.contains("was created, and there is none"), "{said}");
            assert_eq!(error.kind(), ErrorKind::Nonsense);
        }
        assert!(journal.is_empty());
        assert!(same_files(&image(&mut card), &start()));
    }
}

#[test]
fn writing_a_file_gives_each_warning_once() {
    let mut card = odd(UPDATE, Does::All, 0x63C1);
    let path = "3F00/5015/4331".parse().unwrap();
    let mut files = Files::new(card.channel_mut());
    let warnings = files.update(&path, 0, &[0x30; 600]).unwrap();
    assert_eq!(warnings, [0x63C1.into()]);
    assert_eq!(files.read(&path).unwrap().data[..600], [0x30; 600]);
}

/// A card that was pulled out after so many bytes of the replacement, and its journal.
fn torn(bytes: u64) -> Option<(Image, MemoryJournal)> {
    let mut card = unlocked(start());
    let power = PowerCut::AfterBytes(bytes);
    card.channel_mut().card_mut().schedule_power_cut(power);
    let mut journal = MemoryJournal::shared();
    let _ = replaced(&mut card, &mut journal).err()?;
    let mut channel = card.into_channel();
    channel.reinsert();
    Some((channel.card().image(), journal))
}

#[test]
fn a_recovery_that_is_carried_out_under_warnings_and_errors_is_done() {
    let mut told = 0;
    for bytes in (100..).step_by(67) {
        let Some((torn, journal)) = torn(bytes) else {
            break;
        };
        for (ins, status) in [
            (UPDATE, 0x6200),
            (UPDATE, 0x63C1),
            (UPDATE, 0x6F00),
            (DELETE, 0x63C1),
            (DELETE, 0x6F00),
        ] {
            let mut journal = journal.clone();
            let mut card = odd_of(torn.clone(), ins, Does::All, status);
            let recovery = card
                .recover(&mut journal, &pin("123456"), IfChanged::LeaveIt)
                .unwrap();
            let Some(recovery) = recovery else { continue };
            assert!(journal.is_empty());
            let said = recovery.warnings.join("\n");
            assert!(!said.contains("is left on the card"), "{said}");
            assert!(!said.contains("tries left"), "{said}");
            told += usize::from(said.contains(&format!("{status:04X}")));
            let mut found = Card::open(insert(image(&mut card))).unwrap();
            assert_eq!(found.contents().problems, []);
            assert_eq!(found.slots().unwrap().len(), 2);
        }
    }
    assert!(told > 20, "{told}");
}
