//! Cards that are pulled out, at any byte and at any command, on each kind of memory: after a
//! recovery all of a change is there, or nothing of it.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod support;

use std::time::{Duration, SystemTime};

use kortlab_apdu::Protocol;
use kortlab_card::{
    Card, Change, ErrorKind, Exception, Guarantee, IfChanged, MemoryJournal, NewCertificate,
    PinRole, Plan, Transaction, Way,
};
use kortlab_emulator::image::FileImage;
use kortlab_emulator::memory::{MemoryTechnology, PowerCut};
use kortlab_emulator::{Image, InProcess};
use support::{OpenSsl, certificates, insert, keys, model, old_and_stays, pin, unlocked as open};

/// One byte in so many is tried here; a harness of its own tries them all.
const STRIDE: u64 = 37;

/// A card with two certificates: "Old", and behind it "Stays".
fn start(memory: MemoryTechnology) -> Image {
    let mut image = old_and_stays(model(Protocol::T1));
    image.settings.memory = memory;
    image
}

fn image(card: &mut Card<InProcess>) -> Image {
    card.channel_mut().card().image()
}

fn new() -> NewCertificate {
    NewCertificate::new(certificates()[1].clone(), 0x45, "New")
}

/// The changes that are tried: a replacement, an addition, a removal in the middle, a removal of
/// all.
fn changes(card: &mut Card<InProcess>) -> Vec<Change> {
    let slots = card.slots().unwrap();
    let [old, stays] = slots.as_slice() else {
        panic!("two certificates");
    };
    vec![
        Change::new().remove(old.clone()).write(new()),
        Change::new().write(new()),
        Change::new().remove(old.clone()),
        Change::new().remove(stays.clone()).remove(old.clone()),
    ]
}

/// Starts a change and pulls the card out; gives the card as it is then, put in again.
fn torn(
    start: &Image,
    plan: &Plan,
    journal: &mut MemoryJournal,
    cut: PowerCut,
) -> (InProcess, bool) {
    let mut card = open(start.clone());
    card.channel_mut().card_mut().schedule_power_cut(cut);
    let result = card.execute(plan, journal);
    let out = card.channel_mut().is_out();
    if let Err(error) = &result {
        if journal.is_empty() {
            // Out before it began.
            assert_eq!(error.kind(), ErrorKind::NoCard, "{cut:?}: {error}");
        } else {
            assert_eq!(error.kind(), ErrorKind::Unfinished, "{cut:?}: {error}");
            assert!(error.next_step().unwrap().contains("kortlab recover"));
        }
        assert!(out, "{cut:?}: {error}");
    }
    let mut channel = card.into_channel();
    channel.reinsert();
    (channel, out)
}

fn recovered(channel: InProcess, journal: &mut MemoryJournal) -> (Image, Option<Way>) {
    let mut card = Card::open(channel).unwrap();
    let recovery = card
        .recover(journal, &pin("123456"), IfChanged::LeaveIt)
        .unwrap();
    if let Some(recovery) = &recovery {
        assert_eq!(recovery.warnings, [""; 0]);
    }
    assert!(journal.is_empty());
    assert_eq!(card.contents().problems, []);
    for slot in card.slots().unwrap() {
        assert_eq!(slot.findings, []);
    }
    (image(&mut card), recovery.map(|recovery| recovery.way))
}

/// The files of the PKCS#15 application, in an order that does not depend on when they were made.
fn files(image: &Image) -> Vec<String> {
    let mut image = image.clone();
    let mut files: Vec<_> = application(&mut image)
        .iter()
        .map(|file| format!("{file:?}"))
        .collect();
    files.sort_unstable();
    files
}

fn application(image: &mut Image) -> &mut Vec<FileImage> {
    let files = image.master_file.files_mut().unwrap();
    let application = files.iter_mut().find(|file| file.fid.0 == 0x5015);
    application.unwrap().files_mut().unwrap()
}

#[test]
fn after_any_cut_and_a_recovery_all_is_old_or_all_is_new() {
    for memory in MemoryTechnology::ALL {
        let before = start(memory);
        let plans: Vec<_> = {
            let mut card = open(before.clone());
            let changes = changes(&mut card);
            changes
                .iter()
                .map(|change| card.plan(change).unwrap())
                .collect()
        };
        for plan in &plans {
            let mut card = open(before.clone());
            let bytes = card.channel_mut().card().bytes_programmed();
            let commands = card.channel_mut().card().commands_received();
            let _ = card.execute(plan, &mut MemoryJournal::new()).unwrap();
            let after = image(&mut card);
            let bytes = card.channel_mut().card().bytes_programmed() - bytes;
            let commands = card.channel_mut().card().commands_received() - commands;

            let at_bytes = (0..bytes)
                .step_by(STRIDE as usize)
                .map(PowerCut::AfterBytes);
            let at_commands = (1..=commands)
                .flat_map(|n| [PowerCut::BeforeCommand(n), PowerCut::BeforeAnswer(n)]);
            let mut ways = [0; 2];
            for cut in at_bytes.chain(at_commands) {
                let mut journal = MemoryJournal::new();
                let (channel, out) = torn(&before, plan, &mut journal, cut);
                assert!(out, "{cut:?}");
                let (found, way) = recovered(channel, &mut journal);
                let what = format!("{memory:?}, {}, {cut:?}", plan.transaction().purpose);
                match way {
                    Some(Way::RolledBack) => {
                        ways[0] += 1;
                        assert!(files(&found) == files(&before), "{what}: not all old");
                    }
                    Some(Way::Completed) => {
                        ways[1] += 1;
                        assert!(files(&found) == files(&after), "{what}: not all new");
                    }
                    None => assert!(
                        files(&found) == files(&before) || files(&found) == files(&after),
                        "{what}: neither"
                    ),
                }
            }
            assert!(ways[0] > 0 && ways[1] > 0, "{ways:?}: both ways are taken");
        }
    }
}

#[test]
fn a_recovery_that_is_cut_can_be_begun_again() {
    for memory in MemoryTechnology::ALL {
        let before = start(memory);
        let mut card = open(before.clone());
        let change = changes(&mut card).swap_remove(0);
        let plan = card.plan(&change).unwrap();
        let programmed = card.channel_mut().card().bytes_programmed();
        let _ = card.execute(&plan, &mut MemoryJournal::new()).unwrap();
        let after = image(&mut card);
        let bytes = card.channel_mut().card().bytes_programmed() - programmed;
        let mut cut_twice = 0;
        for first in (1..bytes).step_by(211) {
            for second in (0..).step_by(53).map(PowerCut::AfterBytes) {
                let mut journal = MemoryJournal::new();
                let cut = PowerCut::AfterBytes(first);
                let (mut channel, _) = torn(&before, &plan, &mut journal, cut);
                channel.card_mut().schedule_power_cut(second);
                let mut card = Card::open(channel).unwrap();
                let result = card.recover(&mut journal, &pin("123456"), IfChanged::LeaveIt);
                let mut channel = card.into_channel();
                if !channel.is_out() {
                    assert!(result.is_ok(), "{result:?}");
                    break;
                }
                cut_twice += 1;
                assert_eq!(result.unwrap_err().kind(), ErrorKind::Unfinished);
                channel.reinsert();
                let (found, way) = recovered(channel, &mut journal);
                let expected = match way.unwrap() {
                    Way::RolledBack => &before,
                    Way::Completed => &after,
                };
                assert!(
                    files(&found) == files(expected),
                    "{memory:?}, {first}, {second:?}"
                );
            }
        }
        assert!(cut_twice > 5, "{memory:?}: {cut_twice}");
    }
}

/// What a reader sees in a directory that stops at the first filler byte.
fn seen(cdf: &[u8]) -> Option<Vec<&[u8]>> {
    let mut rest = cdf;
    let mut seen = Vec::new();
    while !matches!(rest.first(), None | Some(0x00 | 0xFF)) {
        let object = kortlab_apdu::tlv::read_one(rest).ok()?;
        seen.push(object.raw);
        rest = rest.get(object.raw.len()..)?;
    }
    Some(seen)
}

#[test]
fn where_one_byte_decides_a_reader_sees_old_or_new_even_without_recovery() {
    let mut checked = 0;
    // Pages are erased whole; there the guarantee needs the recovery.
    for memory in MemoryTechnology::ALL {
        if memory == MemoryTechnology::Paged {
            continue;
        }
        let before = start(memory);
        let mut card = open(before.clone());
        for change in changes(&mut card) {
            let plan = card.plan(&change).unwrap();
            if plan.guarantee() != Guarantee::OneByte {
                continue;
            }
            let [directory] = plan.transaction().directories.as_slice() else {
                panic!("one directory");
            };
            let mut at = 0;
            loop {
                let mut journal = MemoryJournal::new();
                let cut = PowerCut::AfterBytes(at);
                let (channel, out) = torn(&before, &plan, &mut journal, cut);
                if !out {
                    break;
                }
                let mut card = Card::open(channel).unwrap();
                let now = card.files().read(&directory.path).unwrap().data;
                let now = seen(&now);
                assert!(
                    now.is_some()
                        && (now == seen(&directory.before) || now == seen(&directory.after)),
                    "{memory:?}, {}, {cut:?}",
                    plan.transaction().purpose
                );
                checked += 1;
                at += 7;
            }
        }
    }
    assert!(checked > 300, "{checked}");
}

#[test]
fn the_guarantee_is_told_before_it_starts() {
    let mut card = open(start(MemoryTechnology::Journalled));
    let guarantees: Vec<_> = changes(&mut card)
        .iter()
        .map(|change| card.plan(change).unwrap().guarantee())
        .collect();
    use Guarantee::{Journal, OneByte};
    assert_eq!(guarantees, [Journal, OneByte, Journal, OneByte]);
}

/// A card pulled out in the middle of its directory, and the journal.
fn torn_directory(memory: MemoryTechnology) -> (InProcess, MemoryJournal, Transaction) {
    let before = start(memory);
    let mut card = open(before.clone());
    let change = changes(&mut card).swap_remove(0);
    let plan = card.plan(&change).unwrap();
    let directory = plan.transaction().directories[0].clone();
    for at in 0.. {
        let mut journal = MemoryJournal::new();
        let (channel, out) = torn(&before, &plan, &mut journal, PowerCut::AfterBytes(at));
        assert!(out, "the directory was never torn");
        let mut card = Card::open(channel).unwrap();
        let now = card.files().read(&directory.path).unwrap().data;
        if now != *directory.before && now != *directory.after {
            return (card.into_channel(), journal, plan.transaction().clone());
        }
    }
    unreachable!()
}

#[test]
fn a_card_whose_directories_are_erased_is_recovered_from_the_journal_alone() {
    let (channel, mut journal, transaction) = torn_directory(MemoryTechnology::Paged);
    // Erase the ODF and the CDF altogether: nothing on the card says any more where anything is.
    let mut image = channel.card().image();
    for file in application(&mut image) {
        if matches!(file.fid.0, 0x5031 | 0x4403) {
            let file = file.as_transparent_mut().unwrap();
            file.data = Some(vec![0xFF; file.size as usize].into());
        }
    }
    let mut card = Card::open(insert(image)).unwrap();
    assert!(card.contents().certificates.is_empty());
    assert!(card.pin(PinRole::Authentication).is_err());
    let recovery = card
        .recover(&mut journal, &pin("123456"), IfChanged::LeaveIt)
        .unwrap();
    assert_eq!(recovery.unwrap().way, Way::Completed);
    let directory = &transaction.directories[0];
    let now = card.files().read(&directory.path).unwrap().data;
    assert_eq!(now, *directory.after);
}

#[test]
fn a_wrong_pin_recovers_nothing_and_costs_one_try_as_ever() {
    let (channel, mut journal, _) = torn_directory(MemoryTechnology::Bytewise);
    let mut card = Card::open(channel).unwrap();
    let before = image(&mut card).master_file;
    let error = card
        .recover(&mut journal, &pin("000000"), IfChanged::LeaveIt)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PinWrong { tries: Some(2) });
    assert!(image(&mut card).master_file == before);
    assert!(!journal.is_empty());
    let _ = card
        .recover(&mut journal, &pin("123456"), IfChanged::LeaveIt)
        .unwrap();
}

#[test]
fn a_directory_that_another_program_changed_since_is_left_alone_unless_forced() {
    let before = start(MemoryTechnology::Bytewise);
    let mut card = open(before.clone());
    let change = changes(&mut card).swap_remove(0);
    let plan = card.plan(&change).unwrap();
    let mut journal = MemoryJournal::new();
    let (channel, _) = torn(&before, &plan, &mut journal, PowerCut::AfterBytes(1));
    let mut card = open(channel.card().image());
    // Another program, with a journal of its own or none.
    let other = NewCertificate::new(certificates()[1].clone(), 0x45, "By another program");
    let _ = card
        .write_certificate(&other, &mut MemoryJournal::new())
        .unwrap();
    let changed = image(&mut card);
    let error = card
        .recover(&mut journal, &pin("123456"), IfChanged::LeaveIt)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
    assert!(image(&mut card) == changed);
    assert!(!journal.is_empty(), "nothing is forgotten");
    let forced = card
        .recover(&mut journal, &pin("123456"), IfChanged::Overwrite)
        .unwrap();
    assert!(forced.is_some() && journal.is_empty());
    assert_eq!(card.contents().problems, []);
}

#[test]
fn an_unfinished_change_keeps_others_from_beginning() {
    let (channel, mut journal, _) = torn_directory(MemoryTechnology::Bytewise);
    let mut fresh = open(start(MemoryTechnology::Bytewise));
    let before = image(&mut fresh);
    let error = fresh.write_certificate(&new(), &mut journal).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unfinished, "{error}");
    assert!(error.next_step().unwrap().contains("recover"));
    assert!(image(&mut fresh) == before);
    drop(channel);
}

#[test]
fn a_host_that_crashes_in_its_journal_changes_nothing_or_recovers() {
    use kortlab_card::slots::journal::Crash;
    for (operation, left) in [(1, Crash::Before), (1, Crash::After), (2, Crash::Before)] {
        let before = start(MemoryTechnology::Bytewise);
        let mut card = open(before.clone());
        let change = changes(&mut card).swap_remove(0);
        let plan = card.plan(&change).unwrap();
        let mut journal = MemoryJournal::new();
        journal.crash_at(operation, left);
        let result = card.execute(&plan, &mut journal);
        assert_eq!(result.is_err(), operation == 1, "{result:?}");
        let pending = (!journal.is_empty()).then_some(());
        assert_eq!(pending.is_some(), (operation, left) != (1, Crash::Before));
        let now = image(&mut card);
        let (found, way) = recovered(insert(now.clone()), &mut journal);
        assert!(files(&found) == files(&now));
        assert_eq!(
            way,
            pending.map(|_| match operation {
                1 => Way::RolledBack,
                _ => Way::Completed,
            })
        );
    }
}

#[test]
fn a_trial_of_the_room_leaves_nothing_whenever_it_is_cut() {
    let before = start(MemoryTechnology::Bytewise);
    let mut card = open(before.clone());
    let mut journal = MemoryJournal::new();
    assert!(card.has_room(3000, &mut journal).unwrap());
    assert!(!card.has_room(200_000, &mut journal).unwrap());
    assert!(journal.is_empty());
    assert!(files(&image(&mut card)) == files(&before));
    let mut cut = 0;
    loop {
        cut += 1;
        let mut card = open(before.clone());
        let power = PowerCut::BeforeAnswer(cut);
        card.channel_mut().card_mut().schedule_power_cut(power);
        let mut journal = MemoryJournal::new();
        let _ = card.has_room(3000, &mut journal);
        let mut channel = card.into_channel();
        if !channel.is_out() {
            break;
        }
        channel.reinsert();
        let (found, _) = recovered(channel, &mut journal);
        assert!(files(&found) == files(&before), "{cut}");
    }
    assert!(cut > 4);
}

#[test]
fn a_card_too_full_for_the_new_beside_the_old_is_left_as_it_was() {
    let mut before = start(MemoryTechnology::Bytewise);
    before.capacity = u32::try_from(before.memory_used().unwrap() + 200).unwrap();
    let mut card = open(before.clone());
    let change = changes(&mut card).swap_remove(0);
    let mut journal = MemoryJournal::new();
    let error = card.change(&change, &mut journal).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
    assert!(error.next_step().unwrap().contains("\"Old\""), "{error:?}");
    assert!(image(&mut card).master_file == before.master_file);
    assert!(journal.is_empty());
    // In two transactions there is room: what was released is used again.
    let slots = card.slots().unwrap();
    let _ = card.remove_certificate(&slots[0], &mut journal).unwrap();
    let _ = card.write_certificate(&new(), &mut journal).unwrap();
}

#[test]
fn certificates_out_of_date_or_not_by_their_issuer_are_refused_unless_forced() {
    let authority = OpenSsl::authority();
    let issuer = own_certificate(&authority);
    // Another authority of the same name, with another key.
    let imposter = own_certificate(&OpenSsl::authority());
    let certificate = authority.certificate(&keys().0, "7", 30);
    let mut card = open(start(MemoryTechnology::Journalled));
    let day = Duration::from_secs(24 * 3600);
    let now = SystemTime::now();
    let new = NewCertificate::new(certificate, 0x45, "New");
    let good = Change::new().write(new.clone()).at(now);

    let plan = card.plan(&good.clone()).unwrap();
    assert!(
        plan.notes()[0].contains("not at hand"),
        "{:?}",
        plan.notes()
    );
    let plan = card.plan(&good.clone().issuer(issuer.clone())).unwrap();
    assert_eq!((plan.notes(), plan.warnings()), (&[][..], &[][..]));

    let late = Change::new().write(new.clone()).at(now + 31 * day);
    let early = Change::new().write(new.clone()).at(now - 2 * day);
    let false_issuer = good.clone().issuer(imposter.clone());
    let twice = good.clone().write(new.clone());
    for (change, part) in [
        (late, "has expired"),
        (early, "not valid yet"),
        (false_issuer, "not by that authority's key"),
        (twice, "written twice"),
    ] {
        let error = card.plan(&change).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(part), "{error}");
        assert!(error.next_step().unwrap().contains("--force"));
    }
    let forced = new.except([Exception::NotValidNow, Exception::NotByItsIssuer]);
    let change = Change::new().write(forced).at(now + 31 * day);
    let plan = card.plan(&change.issuer(imposter)).unwrap();
    assert_eq!(plan.warnings().len(), 2, "{:?}", plan.warnings());
}

/// The authority's certificate, DER.
fn own_certificate(authority: &OpenSsl) -> Vec<u8> {
    authority.must(&["x509", "-in", "ca.pem", "-outform", "DER", "-out", "ca.der"]);
    authority.read("ca.der")
}

#[test]
fn a_signature_by_an_authority_on_p_256_is_checked_as_one_by_rsa_is() {
    let authority = OpenSsl::authority_on("P-256");
    let certificate = authority.certificate(&keys().0, "7", 30);
    let mut changed = certificate.clone();
    *changed.last_mut().unwrap() ^= 0x01;
    let change = |der: &[u8], issuer: &OpenSsl| {
        let new = NewCertificate::new(der.to_vec(), 0x45, "New");
        let change = Change::new().write(new).at(SystemTime::now());
        change.issuer(own_certificate(issuer))
    };
    let mut card = open(start(MemoryTechnology::Journalled));
    let plan = card.plan(&change(&certificate, &authority)).unwrap();
    assert_eq!((plan.notes(), plan.warnings()), (&[][..], &[][..]));
    // Others of the same name, with other keys, and a signature that is none.
    let (other, rsa) = (OpenSsl::authority_on("P-256"), OpenSsl::authority());
    let by_rsa = rsa.certificate(&keys().0, "8", 30);
    for (der, issuer) in [(&certificate, &other), (&changed, &authority)] {
        let error = card.plan(&change(der, issuer)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let said = error.to_string();
        assert!(said.contains("not by that authority's key"), "{said}");
    }
    // A signature of one kind, and a key of another: nothing is known of it, and that is said.
    for (der, issuer) in [(&certificate, &rsa), (&by_rsa, &authority)] {
        let plan = card.plan(&change(der, issuer)).unwrap();
        let notes = plan.notes();
        assert!(notes[0].contains("cannot be checked here"), "{notes:?}");
    }
    let far = OpenSsl::authority_on("P-384");
    let plan = card.plan(&change(&far.certificate(&keys().0, "9", 30), &far));
    let plan = plan.unwrap();
    assert!(plan.notes()[0].contains("cannot be checked here"));
}

#[test]
fn a_certificate_may_be_written_again_in_the_change_that_removes_it() {
    let mut card = open(start(MemoryTechnology::Bytewise));
    let slots = card.slots().unwrap();
    let same = NewCertificate::new(slots[0].der.clone(), 0x45, "Renamed");
    let change = Change::new().remove(slots[0].clone()).write(same);
    let executed = card.change(&change, &mut MemoryJournal::new()).unwrap();
    assert_eq!(executed.warnings, [""; 0]);
    let labels: Vec<_> = card.slots().unwrap();
    let labels: Vec<_> = labels.iter().map(|slot| slot.label().unwrap()).collect();
    assert_eq!(labels, ["Stays", "Renamed"]);
}

#[test]
fn a_planted_bug_is_found() {
    use kortlab_card::slots::Procedure;
    // A replacement whose new file is whole is completed even so; a removal shows the first bug.
    for (procedure, index, stride) in [
        (Procedure::OLD_RELEASED_FIRST, 2, 1),
        (Procedure::JOURNAL_TOO_LATE, 0, 11),
    ] {
        let before = start(MemoryTechnology::Bytewise);
        let mut card = open(before.clone());
        let change = changes(&mut card).swap_remove(index);
        let plan = card.plan(&change).unwrap();
        let _ = card.execute(&plan, &mut MemoryJournal::new()).unwrap();
        let after = image(&mut card);
        let mut wrong = 0;
        for at in (0..).step_by(stride) {
            let mut journal = MemoryJournal::new();
            let mut card = open(before.clone());
            card.follow(procedure);
            let cut = PowerCut::AfterBytes(at);
            card.channel_mut().card_mut().schedule_power_cut(cut);
            let _ = card.execute(&plan, &mut journal);
            let mut channel = card.into_channel();
            if !channel.is_out() {
                break;
            }
            channel.reinsert();
            let mut card = Card::open(channel).unwrap();
            let _ = card.recover(&mut journal, &pin("123456"), IfChanged::LeaveIt);
            let found = files(&image(&mut card));
            wrong += usize::from(found != files(&before) && found != files(&after));
        }
        assert!(wrong > 0, "{procedure:?} was not found");
    }
}
