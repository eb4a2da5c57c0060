//! Whatever is done to the bytes of a card's directories and certificates, a change of the slots
//! touches the files of the certificates that it names and the directory that lists them, and no
//! other file.
//!
//! `KORTLAB_DAMAGED_CARDS=20000` damages so many cards in place of a few hundred, and renews each of
//! them, which else only every fiftieth is; `KORTLAB_DAMAGED_FROM` is the first one's seed.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ops::Range;

use kortlab_apdu::{FilePath, Protocol};
use kortlab_card::{Card, Change, Exception, IfChanged, MemoryJournal, NewCertificate, PinRole};
use kortlab_emulator::image::{FileContent, FileImage, FileKind};
use kortlab_emulator::memory::PowerCut;
use kortlab_emulator::{CardRng, Image, InProcess, VirtualCard};
use kortlab_issuer::clock::Timestamp;
use kortlab_pkcs15::Id;
use kortlab_renewal::guide::renew;
use kortlab_renewal::notes::MemoryNotes;
use kortlab_renewal::states::{CardState, NewCard, new_card};
use kortlab_tear::damage::{self, targets};
use kortlab_tear::recording::{Holder, right_pin};
use kortlab_tear::sample::Dice;

/// EF(CDF), and where certificates are.
const CDF: u16 = 0x4403;

/// The seeds of so many cards, if nobody says how many.
fn seeds(usual: u64) -> Range<u64> {
    let number = |name| env::var(name).ok()?.parse().ok();
    let first = number("KORTLAB_DAMAGED_FROM").unwrap_or(0);
    first..first + number("KORTLAB_DAMAGED_CARDS").unwrap_or(usual)
}

/// In a run of all tests so many cards are damaged, and so many renewed.
const IN_CI: u64 = 300;
const RENEWED_IN_CI: u64 = 6;

fn new(state: CardState) -> NewCard {
    let date = Timestamp::from_date(2026, 11, 24).unwrap();
    new_card(state, Protocol::T1, 3, date).unwrap()
}

fn insert(image: Image) -> InProcess {
    InProcess::ephemeral(VirtualCard::new(image, CardRng::from_seed(7)).unwrap())
}

/// Every file with its bytes, by its path.
fn files(image: &Image) -> BTreeMap<Vec<u16>, (FileKind, Vec<u8>)> {
    fn add(file: &FileImage, above: &[u16], files: &mut BTreeMap<Vec<u16>, (FileKind, Vec<u8>)>) {
        let path = [above, &[file.fid.0]].concat();
        for inner in file.files() {
            add(inner, &path, files);
        }
        let bytes = match &file.content {
            FileContent::Df(_) => Vec::new(),
            FileContent::Transparent(ef) => {
                let mut bytes = file.data().to_vec();
                bytes.resize(ef.size as usize, 0);
                bytes
            }
            other => format!("{other:?}").into_bytes(),
        };
        files.insert(path, (file.kind(), bytes));
    }
    let mut all = BTreeMap::new();
    add(&image.master_file, &[], &mut all);
    all
}

/// What changed that must not have: everything but the CDF, new files, and files in `may_go` that
/// are gone whole.
fn touched(before: &Image, after: &Image, may_go: &BTreeSet<Vec<u16>>) -> Vec<Vec<u16>> {
    let (before, after) = (files(before), files(after));
    let mut touched = Vec::new();
    for (path, content) in &before {
        let fine = match after.get(path) {
            Some(now) => now == content || path.last() == Some(&CDF),
            None => may_go.contains(path),
        };
        if !fine {
            touched.push(path.clone());
        }
    }
    touched
}

/// Damages a card: its bytes, or in every third one a path, so that it leads to another file. No
/// flipped bit is likely to make that.
fn damage(image: &mut Image, dice: &mut Dice) -> String {
    let (targets, good) = (targets(image), files(image));
    if dice.below(3) > 0 {
        let damaged = damage::damage(image, &targets, dice);
        *image = damaged.image;
        return damaged.what;
    }
    let mut any = |count: usize| usize::try_from(dice.below(count as u64)).unwrap();
    let target = &targets[any(targets.len())];
    let ids: Vec<u16> = good
        .keys()
        .filter_map(|path| path.last().copied())
        .collect();
    let id = ids[any(ids.len())];
    let mut bytes = damage::content(image, target).unwrap();
    let names = |at: &usize| matches!(bytes.get(*at), Some(0x43 | 0x44 | 0x4B | 0x50));
    let places: Vec<_> = (0..bytes.len() - 1).filter(names).collect();
    let Some(place) = (!places.is_empty()).then(|| places[any(places.len())]) else {
        return "nothing".to_owned();
    };
    bytes[place..place + 2].copy_from_slice(&id.to_be_bytes());
    let mut file = &mut image.master_file;
    for id in target {
        let mut inside = file.files_mut().unwrap().iter_mut();
        file = inside.find(|file| file.fid.0 == *id).unwrap();
    }
    file.as_transparent_mut().unwrap().data = Some(bytes.into());
    format!("{target:04X?} names {id:04X} at byte {place}")
}

fn path(path: &FilePath) -> Vec<u16> {
    path.fids().map(|fid| fid.0).collect()
}

fn open(image: Image) -> Option<Card<InProcess>> {
    let mut card = Card::open(insert(image)).ok()?;
    let pin = right_pin(PinRole::Authentication).unwrap();
    // A card whose AODF was damaged refuses this; then so it does the change.
    let _ = card.verify(PinRole::Authentication, &pin);
    Some(card)
}

/// Removes a certificate, and writes one, on damaged cards.
#[test]
fn a_removal_and_a_writing_on_a_damaged_card_touch_no_other_file() {
    let NewCard { image, .. } = new(CardState::Valid);
    let mut good = Card::open(insert(image.clone())).unwrap();
    let spare = good.slots().unwrap().swap_remove(2);
    let mut done = [0, 0];
    let seeds = seeds(IN_CI);
    for seed in seeds.clone() {
        let mut dice = Dice::new(seed);
        let mut damaged = image.clone();
        let what = damage(&mut damaged, &mut dice);
        let Some(mut card) = open(damaged.clone()) else {
            continue;
        };
        let slots = card.slots().unwrap_or_default();
        let index = usize::try_from(dice.below(slots.len() as u64)).unwrap();
        let mut journal = MemoryJournal::new();
        if let Some(slot) = slots.get(index) {
            let of_certificate = slot.path.iter().filter(|path| {
                // Only what still is a certificate, and named as that by this entry alone.
                let mut content = Card::open(insert(damaged.clone())).unwrap();
                let content = content.files().read(path).map(|content| content.data);
                content.is_ok_and(|data| !slot.der.is_empty() && data.starts_with(&slot.der))
            });
            let may_go = of_certificate.map(path).collect();
            if card.remove_certificate(slot, &mut journal).is_ok() {
                done[0] += 1;
            }
            let after = card.channel_mut().card().image();
            let touched = touched(&damaged, &after, &may_go);
            assert!(touched.is_empty(), "{seed} {what:?}: {touched:04X?}");
        }
        let Some(mut card) = open(damaged.clone()) else {
            continue;
        };
        let certificate = NewCertificate::new(spare.der.clone(), Id::from(0x45), "New");
        let certificate = certificate.except(Exception::ALL);
        if card.write_certificate(&certificate, &mut journal).is_ok() {
            done[1] += 1;
        }
        let after = card.channel_mut().card().image();
        let touched = touched(&damaged, &after, &BTreeSet::new());
        assert!(touched.is_empty(), "{seed} {what:?}: {touched:04X?}");
        assert!(journal.is_empty());
    }
    // A property of changes that are all refused would be none.
    assert!(
        done.iter()
            .all(|done| *done > (seeds.end - seeds.start) / 4),
        "{done:?}"
    );
}

/// Tears a replacement, damages what is left, and recovers, forced too.
#[test]
fn a_recovery_on_a_damaged_card_touches_no_other_file() {
    let NewCard { image, .. } = new(CardState::Valid);
    let mut good = Card::open(insert(image.clone())).unwrap();
    let old = good.slots().unwrap().swap_remove(2);
    let again = NewCertificate::new(old.der.clone(), Id::from(0x45), "New");
    let change = Change::new().remove(old.clone()).write(again);
    let old_path = path(old.path.as_ref().unwrap());
    let mut done = 0;
    let seeds = seeds(IN_CI);
    for seed in seeds.clone() {
        let mut dice = Dice::new(seed);
        let mut card = open(image.clone()).unwrap();
        let mut journal = MemoryJournal::shared();
        let cut = PowerCut::AfterBytes(dice.below(2_200));
        card.channel_mut().card_mut().schedule_power_cut(cut);
        let _ = card.change(&change, &mut journal);
        let mut torn = card.into_channel();
        torn.reinsert();
        let Some(new) = journal
            .transactions()
            .next()
            .map(|t| path(&t.create[0].path()))
        else {
            continue;
        };
        let mut damaged = torn.card().image();
        let what = damage(&mut damaged, &mut dice);
        let Ok(mut card) = Card::open(insert(damaged.clone())) else {
            continue;
        };
        let pin = right_pin(PinRole::Authentication).unwrap();
        for if_changed in IfChanged::ALL {
            if let Ok(Some(_)) = card.recover(&mut journal, &pin, if_changed) {
                done += 1;
            }
        }
        let after = card.channel_mut().card().image();
        let certificate = files(&image)[&old_path].1.clone();
        let whole = |path: &Vec<u16>| {
            files(&damaged)
                .get(path)
                .is_some_and(|(_, bytes)| *bytes == certificate)
        };
        let mut may_go = BTreeSet::new();
        if whole(&old_path) {
            may_go.insert(old_path.clone());
        }
        // The new file is written whole, or taken back, as far as it still is what was written.
        may_go.insert(new.clone());
        let mut touched = touched(&damaged, &after, &may_go);
        touched.retain(|path| *path != new);
        assert!(
            touched.is_empty(),
            "{seed} {cut:?} {what:?}: {touched:04X?}"
        );
    }
    assert!(done > (seeds.end - seeds.start) / 8, "{done}");
}

/// The whole guide on damaged cards whose HCCs have expired.
#[test]
fn a_renewal_of_a_damaged_card_touches_no_other_file() {
    let mut ends = [0, 0];
    for seed in seeds(RENEWED_IN_CI) {
        let NewCard { image, mut world } = new(CardState::Expired);
        let mut good = Card::open(insert(image.clone())).unwrap();
        let slots = good.slots().unwrap();
        let may_go: BTreeSet<_> = slots[2..]
            .iter()
            .map(|slot| path(slot.path.as_ref().unwrap()))
            .collect();
        let mut damaged = image.clone();
        let what = damage(&mut damaged, &mut Dice::new(seed));
        let Ok(mut card) = Card::open(insert(damaged.clone())) else {
            continue;
        };
        let clock = world.clock.clone();
        let mut journal = MemoryJournal::new();
        let renewed = renew(
            &mut card,
            &mut world.portal,
            &clock,
            &mut Holder,
            &mut journal,
            &mut MemoryNotes::new(),
        );
        ends[usize::from(renewed.is_ok())] += 1;
        let after = card.channel_mut().card().image();
        // New certificates take the identifiers that the old ones have given back.
        let mut touched = touched(&damaged, &after, &may_go);
        touched.retain(|path| !may_go.contains(path));
        assert!(touched.is_empty(), "{seed} {what:?}: {touched:04X?}");
    }
    assert!(ends[1] > 0, "{ends:?}");
}
