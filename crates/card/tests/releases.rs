//! What a removal deletes: the file of that certificate, and never another one, whatever the
//! directory's entry names and whatever else names the file.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod support;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use kortlab_apdu::tlv::{Builder, Tag};
use kortlab_apdu::{FilePath, Protocol};
use kortlab_card::{
    Card, Change, ErrorKind, Hash, IfChanged, Journal, MemoryJournal, NewCertificate, PinRole,
    Scheme, Slot,
};
use kortlab_emulator::image::{Fid, FileContent, FileImage, FileKind};
use kortlab_emulator::{Image, InProcess};
use kortlab_pkcs15::{
    Certificate, CommonObjectAttributes, DataObject, Directory, Edit, ObjectKind, Odf, OdfEntry,
    Path,
};
use support::{certificates, id, model, old_and_stays, open_told, pin, unlocked as open};

const CDF: u16 = 0x4403;

/// A card with "Old" in 4331 and "Stays" in 4332.
fn start() -> Image {
    old_and_stays(model(Protocol::T1))
}

fn application(image: &mut Image) -> &mut Vec<FileImage> {
    let files = image.master_file.files_mut().unwrap();
    let application = files.iter_mut().find(|file| file.fid.0 == 0x5015);
    application.unwrap().files_mut().unwrap()
}

fn file(image: &mut Image, fid: u16) -> &mut FileImage {
    let mut files = application(image).iter_mut();
    files.find(|file| file.fid.0 == fid).unwrap()
}

fn content(image: &mut Image, fid: u16) -> Vec<u8> {
    let file = file(image, fid);
    let mut bytes = file.data().to_vec();
    bytes.resize(file.as_transparent().unwrap().size as usize, 0);
    bytes
}

fn set(image: &mut Image, fid: u16, bytes: &[u8]) {
    let file = file(image, fid);
    let file = file.as_transparent_mut().unwrap();
    assert!(bytes.len() <= file.size as usize);
    file.data = Some(bytes.into());
}

/// An entry "Wrong" at the end of the CDF that names `path`.
fn listed_at(image: &mut Image, path: Path) {
    let bytes = content(image, CDF);
    let mut edit = Edit::<Certificate>::new(&bytes, bytes.len());
    let common = CommonObjectAttributes::labelled("Wrong");
    edit.push(&Certificate::x509(common, id(0x45), path))
        .unwrap();
    let after = edit.finish().unwrap();
    set(image, CDF, &after);
}

fn path(text: &str) -> FilePath {
    text.parse().unwrap()
}

/// A directory file with one data object (PKCS#15 §6.7.2) in the file at `path`.
fn data_object(path: &[u8]) -> Vec<u8> {
    Builder::new()
        .constructed(Tag::SEQUENCE, |object| {
            object
                .primitive(Tag::SEQUENCE, &[])
                .primitive(Tag::SEQUENCE, &[])
                .constructed(Tag::context(1, true), |attributes| {
                    attributes.constructed(Tag::SEQUENCE, |value| {
                        value.primitive(Tag::OCTET_STRING, path)
                    })
                })
        })
        .finish()
}

fn slot(card: &mut Card<InProcess>, label: &str) -> Slot {
    let mut slots = card.slots().unwrap().into_iter();
    slots.find(|slot| slot.label() == Some(label)).unwrap()
}

/// Every file below the MF but the CDF, by path.
fn others(image: &Image) -> BTreeMap<Vec<u16>, String> {
    fn add(file: &FileImage, above: &[u16], files: &mut BTreeMap<Vec<u16>, String>) {
        let path = [above, &[file.fid.0]].concat();
        for inner in file.files() {
            add(inner, &path, files);
        }
        if file.kind() != FileKind::Df && file.fid.0 != CDF {
            let mut file = file.clone();
            if let Some(data) = file.data_mut() {
                let length = data.iter().rposition(|&byte| byte != 0);
                data.truncate(length.map_or(0, |last| last + 1));
            }
            files.insert(path, format!("{file:?}"));
        }
    }
    let mut files = BTreeMap::new();
    add(&image.master_file, &[], &mut files);
    files
}

/// Removes a certificate and gives the warnings and the card as it is then.
fn remove(image: Image, label: &str) -> (Vec<String>, Card<InProcess>) {
    let mut card = open(image);
    let slot = slot(&mut card, label);
    let executed = card
        .remove_certificate(&slot, &mut MemoryJournal::new())
        .unwrap();
    let left = card.slots().unwrap();
    assert!(left.iter().all(|slot| slot.label() != Some(label)));
    (executed.warnings, card)
}

fn image(card: &mut Card<InProcess>) -> Image {
    card.channel_mut().card().image()
}

/// The entry goes, every file stays as it was, and one warning says so.
fn the_file_stays(start: Image, label: &str, what: &str) {
    let before = others(&start);
    let (warnings, mut card) = remove(start, label);
    assert!(
        others(&image(&mut card)) == before,
        "{what}: a file has changed"
    );
    assert_eq!(warnings.len(), 1, "{what}: {warnings:?}");
    assert!(warnings[0].contains(" stays: "), "{what}: {warnings:?}");
}

#[test]
fn an_entry_that_names_a_file_of_the_card_itself_goes_and_the_file_stays() {
    let start = start();
    let named = [
        "3F0050154B01",
        "50154B02",
        "4B01",
        "3F0050154401",
        "3F0050154402",
        "3F0050154403",
        "3F0050154404",
        "3F0050155031",
        "3F0050155032",
        "3F002F00",
        "3F005015",
        "3F00",
        "3F0050154332",
    ];
    for path in named {
        let mut start = start.clone();
        listed_at(&mut start, Path::file(self::path(path)));
        the_file_stays(start, "Wrong", path);
    }
}

#[test]
fn a_key_whose_file_an_entry_named_still_signs() {
    let mut start = start();
    listed_at(&mut start, Path::file(path("3F0050154B01")));
    let (_, mut card) = remove(start, "Wrong");
    let signature = card.still_unlocked(PinRole::Authentication, |key| {
        key.sign(Scheme::Pkcs1(Hash::Sha256), b"message")
    });
    assert!(signature.is_ok(), "{signature:?}");
}

#[test]
fn the_file_of_a_certificate_goes_with_it_padding_or_not() {
    for padding in [&[][..], &[0x00; 40], &[0xFF; 40]] {
        let mut start = start();
        let der = certificates()[0].clone();
        let file = file(&mut start, 0x4331);
        file.as_transparent_mut().unwrap().size = (der.len() + padding.len()) as u32;
        file.as_transparent_mut().unwrap().data = Some([der.as_slice(), padding].concat().into());
        let (warnings, mut card) = remove(start, "Old");
        assert_eq!(warnings, [""; 0]);
        assert!(!others(&image(&mut card)).contains_key(&vec![0x3F00, 0x5015, 0x4331]));
    }
}

#[test]
fn a_file_with_something_else_behind_its_certificate_stays() {
    let mut start = start();
    let der = certificates()[0].clone();
    let file = file(&mut start, 0x4331);
    file.as_transparent_mut().unwrap().size = der.len() as u32 + 10;
    file.as_transparent_mut().unwrap().data =
        Some([der.as_slice(), b"\0\0secret\0\0"].concat().into());
    the_file_stays(start, "Old", "more than the certificate");
}

#[test]
fn a_file_of_two_certificates_stays_until_the_last_entry_and_is_then_too_much_for_one() {
    let [one, two, _] = certificates();
    let mut start = start();
    let file = file(&mut start, 0x4331);
    file.as_transparent_mut().unwrap().size = (one.len() + two.len()) as u32;
    file.as_transparent_mut().unwrap().data = Some([one.as_slice(), two].concat().into());
    let part = Path::part(path("4331"), one.len() as u32, two.len() as u32);
    listed_at(&mut start, part);
    the_file_stays(start.clone(), "Wrong", "the second part");
    the_file_stays(start, "Old", "the first part");
}

#[test]
fn a_file_that_another_directory_names_stays_whatever_form_the_path_has() {
    let forms = [
        "3F0050154331",
        "50154331",
        "4331",
        "3F00501550154331",
        "3FFF4331",
    ];
    for form in forms {
        let bytes = data_object(path(form).as_bytes());
        assert!(Directory::<DataObject>::parse(&bytes).findings.is_empty());
        let mut start = start();
        application(&mut start).push(FileImage::transparent(0x4460, 200, &bytes));
        let odf = content(&mut start, 0x5031);
        let mut edit = Edit::<OdfEntry>::new(&odf, odf.len());
        let entry = OdfEntry::file(ObjectKind::DataObjects, Path::file(path("3F0050154460")));
        edit.push(&entry).unwrap();
        let odf = edit.finish().unwrap();
        assert!(Odf::parse(&odf).findings.is_empty());
        set(&mut start, 0x5031, &odf);
        the_file_stays(start, "Old", form);
    }
}

#[test]
fn a_file_that_a_directory_of_unknown_objects_names_stays() {
    // SKDF: secret keys are of no use here, and name files all the same.
    for kind in [ObjectKind::SecretKeys, ObjectKind::Other(10)] {
        let mut start = start();
        let bytes = data_object(path("50154331").as_bytes());
        application(&mut start).push(FileImage::transparent(0x4461, 60, &bytes));
        let odf = content(&mut start, 0x5031);
        let mut edit = Edit::<OdfEntry>::new(&odf, odf.len());
        edit.push(&OdfEntry::file(kind, Path::file(path("50154461"))))
            .unwrap();
        let odf = edit.finish().unwrap();
        set(&mut start, 0x5031, &odf);
        the_file_stays(start, "Old", &format!("{kind}"));
    }
}

#[test]
fn no_file_goes_where_a_directory_cannot_be_read_to_its_end() {
    for (fid, what) in [(0x4402, "EF(PrKDF)"), (0x4404, "EF(PuKDF)")] {
        let mut cut = start();
        let mut bytes = content(&mut cut, fid);
        bytes[1] ^= 0x20;
        set(&mut cut, fid, &bytes);
        the_file_stays(cut, "Old", what);
        let mut absent = start();
        application(&mut absent).retain(|file| file.fid.0 != fid);
        the_file_stays(absent, "Old", what);
    }
}

/// Another DF beside the application, with this name, in no EF.DIR; its CDF lists 3F00/5015/4331.
fn beside(image: &mut Image, name: &[u8]) {
    let files = image.master_file.files_mut().unwrap();
    let application = files.iter().find(|file| file.fid.0 == 0x5015);
    let mut other = application.unwrap().clone();
    other.fid = Fid(0x5017);
    let FileContent::Df(df) = &mut other.content else {
        panic!("no DF")
    };
    df.name = Some(name.into());
    df.files.retain(|file| matches!(file.fid.0, 0x5031 | CDF));
    files.push(other);
}

#[test]
fn no_file_goes_where_the_card_answers_to_another_application_that_nothing_lists() {
    let names = [
        // The same with something behind it, which comes as the next one, and the first one too.
        &b"\xA0\x00\x00\x00cPKCS-15\x02"[..],
        b"\xA0\x00\x00\x00cPKCS-15 of others",
        // ISO/IEC 7816-15, and IsoApplet.
        b"\xE8\x28\xBD\x08\x0F\x01",
        b"\xF2\x76\xA2\x88\xBC\xFB\xA6\x9D\x34\xF3\x10\x01",
    ];
    for (name, first) in names.iter().flat_map(|name| [(name, false), (name, true)]) {
        let name = &name[..name.len().min(16)];
        let mut start = start();
        beside(&mut start, name);
        if first {
            start.master_file.files_mut().unwrap().reverse();
        }
        the_file_stays(start, "Old", &hex::encode_upper(name));
    }
    // A directory that no name leads to, on a card that lists its files.
    let mut start = start();
    beside(&mut start, b"\xA0\x00\x00\x03\x08\x00\x00\x10\x00");
    the_file_stays(start, "Old", "a directory with an EF(ODF)");
    // One that holds no such files names none.
    let mut start = self::start();
    beside(&mut start, b"\xA0\x00\x00\x03\x08\x00\x00\x10\x00");
    let files = start.master_file.files_mut().unwrap().iter_mut();
    let other = files.last().unwrap().files_mut().unwrap();
    other.retain(|file| file.fid.0 != 0x5031);
    assert_eq!(remove(start, "Old").0, [""; 0]);
}

#[test]
fn an_unreadable_file_is_never_deleted() {
    let mut start = start();
    // Reading never; update and delete with the PIN.
    file(&mut start, 0x4331).access = Some([0x01, 0x00, 0x02, 0x5E, 0x81].as_slice().into());
    let before = others(&start);
    let mut card = open(start);
    let slots = card.slots().unwrap();
    let unread = slots.iter().find(|slot| slot.label() == Some("Old"));
    let executed = card
        .remove_certificate(unread.unwrap(), &mut MemoryJournal::new())
        .unwrap();
    assert_eq!(executed.warnings.len(), 1);
    assert!(executed.warnings[0].contains("cannot be read"));
    assert!(others(&image(&mut card)) == before, "a file has changed");
}

#[test]
fn two_entries_of_one_certificate_release_its_file_once_both_are_gone() {
    let mut start = start();
    listed_at(&mut start, Path::file(path("4331")));
    the_file_stays(start.clone(), "Old", "another entry names it");
    let mut card = open(start);
    let (old, wrong) = (slot(&mut card, "Old"), slot(&mut card, "Wrong"));
    let change = Change::new().remove(old).remove(wrong);
    let executed = card.change(&change, &mut MemoryJournal::new()).unwrap();
    assert_eq!(executed.warnings, [""; 0]);
    assert!(!others(&image(&mut card)).contains_key(&vec![0x3F00, 0x5015, 0x4331]));
}

#[test]
fn a_new_certificate_takes_no_identifier_that_something_names() {
    let mut start = start();
    // 4333 is the next free one; EF(UnusedSpace) and an entry of the CDF may name it.
    listed_at(&mut start, Path::file(path("4333")));
    let mut card = open(start);
    let new = NewCertificate::new(certificates()[1].clone(), 0x45, "New");
    let executed = card.write_certificate(&new, &mut MemoryJournal::new());
    assert!(executed.is_ok(), "{executed:?}");
    let new = slot(&mut card, "New");
    assert_eq!(new.path.unwrap(), path("3F0050154334"));
}

#[test]
fn a_recovery_deletes_and_overwrites_no_file_that_is_not_the_one_of_the_journal() {
    let mut card = open(start());
    let old = slot(&mut card, "Old");
    let change = Change::new().remove(old).write(NewCertificate::new(
        certificates()[1].clone(),
        0x45,
        "New",
    ));
    let plan = card.plan(&change).unwrap();
    let new_file = plan.transaction().create[0].file_id;
    let _ = card.execute(&plan, &mut MemoryJournal::new()).unwrap();
    let done = image(&mut card);

    // The directory is new; where the old file was is another one now.
    let mut reused = done.clone();
    let key = FileImage::transparent(0x4331, 100, b"something that a program keeps here");
    application(&mut reused).push(key);
    let before = others(&reused);
    let mut journal = MemoryJournal::new();
    journal.begin(plan.transaction()).unwrap();
    let mut card = open(reused);
    let recovery = card
        .recover(&mut journal, &pin("123456"), IfChanged::LeaveIt)
        .unwrap();
    assert!(recovery.unwrap().warnings[0].contains("4331 stays"));
    assert!(others(&image(&mut card)) == before, "a file has changed");

    // The directory is old; where the new file is to be is another one.
    let mut taken = start();
    let file = FileImage::transparent(new_file.0, 100, b"something that a program keeps here");
    application(&mut taken).push(file);
    let before = others(&taken);
    let mut journal = MemoryJournal::new();
    journal.begin(plan.transaction()).unwrap();
    let mut card = open(taken);
    let _ = card.recover(&mut journal, &pin("123456"), IfChanged::LeaveIt);
    assert!(others(&image(&mut card)) == before, "a file has changed");
}

#[test]
fn a_plan_is_carried_out_as_it_is_or_not_at_all() {
    let mut card = open(start());
    let old = slot(&mut card, "Old");
    let plan = card.plan(&Change::new().remove(old)).unwrap();
    // Another program puts another certificate into the same file; the entry stays.
    let mut changed = image(&mut card);
    let other = certificates()[1].clone();
    let file = file(&mut changed, 0x4331);
    file.as_transparent_mut().unwrap().size = other.len() as u32;
    file.as_transparent_mut().unwrap().data = Some(other.into());
    let before = changed.master_file.clone();
    let mut card = open(changed);
    let mut journal = MemoryJournal::new();
    let error = card.execute(&plan, &mut journal).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
    assert!(journal.is_empty());
    assert!(image(&mut card).master_file == before);
}

#[test]
fn a_file_that_cannot_be_read_again_is_not_said_to_have_been_changed_by_another_program() {
    for answer in [
        &[0x6F, 0x00][..],
        &[0x69, 0x82],
        &[0x6A, 0x82],
        &[],
        &[0x90],
    ] {
        let is_spoilt = Rc::new(Cell::new(false));
        let spoilt = Rc::clone(&is_spoilt);
        let (mut card, sent) = open_told(start(), move |card, command| {
            let is_of_file =
                command.get(1) == Some(&0xA4) && command.ends_with(&[0x43, 0x31, 0x00]);
            match spoilt.get() && is_of_file {
                true => Ok(answer.to_vec()),
                false => card.transmit(command),
            }
        });
        card.verify(PinRole::Authentication, &pin("123456"))
            .unwrap();
        let slots = card.slots().unwrap();
        let old = slots.into_iter().find(|slot| slot.label() == Some("Old"));
        let plan = card.plan(&Change::new().remove(old.unwrap())).unwrap();
        is_spoilt.set(true);
        let before = sent.borrow().len();
        let mut journal = MemoryJournal::new();
        let error = card.execute(&plan, &mut journal).unwrap_err();
        let text = error.to_string();
        let why = match answer {
            [0x6A, 0x82] => "it is no longer there".to_owned(),
            [_, _] => hex::encode_upper(answer),
            _ => "nonsense".to_owned(),
        };
        assert!(
            text.contains("3F00/5015/4331") && text.contains(&why),
            "{text}"
        );
        assert!(text.contains("the card was left as it is"), "{text}");
        assert!(!text.contains("changed"), "{text}");
        let writes = |command: &Vec<u8>| matches!(command.get(1), Some(0xD6 | 0xE0 | 0xE4));
        assert!(!sent.borrow()[before..].iter().any(writes));
        assert!(journal.is_empty());
    }
}

#[test]
fn on_a_card_os_that_nobody_knows_nothing_is_removed_or_written_and_nothing_is_sent_that_changes() {
    let mut start = start();
    start.data_objects.clear();
    let before = start.master_file.clone();
    let mut card = open(start);
    assert!(card.dialect().name().contains("unknown"));
    let mut journal = MemoryJournal::new();
    let old = slot(&mut card, "Old");
    let error = card.remove_certificate(&old, &mut journal).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(error.to_string().contains("nothing was changed"), "{error}");
    let new = NewCertificate::new(certificates()[1].clone(), 0x45, "New");
    let other = card.write_certificate(&new, &mut journal).unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Unsupported, "{other}");
    // What is not known here is not called a limit of the card, and another program is named.
    for error in [error, other] {
        let text = error.to_string();
        assert!(
            text.contains("on this card is not known here") && text.contains("nothing was changed")
        );
        let next = error.next_step().unwrap_or_default();
        assert!(next.contains("pkcs15-init"), "{next}");
    }
    assert!(journal.is_empty());
    assert!(image(&mut card).master_file == before);
}
