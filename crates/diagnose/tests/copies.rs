//! The copy of a card answers as the card did where everybody may ask: the public halves of its keys,
//! and PINs that EF(AODF) lists and the card has not.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{eid_card, insert};
use kortlab_apdu::FilePath;
use kortlab_diagnose::{Diagnosing, Options, diagnose, dump};
use kortlab_emulator::Image;
use kortlab_emulator::image::FileImage;

fn copy(image: &Image) -> Image {
    let read = dump(insert(image), &Options::default(), Box::new(|_| {}));
    read.unwrap().image
}

fn last(image: &Image, commands: &[&str]) -> String {
    let mut card = insert(image);
    let mut answer = Vec::new();
    for command in commands {
        answer = card.transmit(&hex::decode(command).unwrap());
    }
    // Under T=0 the length is told.
    if let (Some(command), [0x6C, length]) = (commands.last(), &*answer) {
        let command = format!("{}{length:02X}", &command[..8]);
        answer = card.transmit(&hex::decode(command).unwrap());
    }
    hex::encode_upper(answer)
}

fn codes(image: &Image) -> Vec<&'static str> {
    let options = Diagnosing {
        budget: kortlab_card::files::Budget::CARD,
        now: std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_800_000_000),
        against: kortlab_card::Against::default(),
        rules: Vec::new(),
    };
    let found = diagnose(insert(image), &options, |_, _| Vec::new(), Box::new(|_| {}));
    let found = found.unwrap();
    let counting = found.findings.iter();
    let counting = counting.filter(|finding| finding.problem.counts());
    counting.map(|finding| finding.problem.code()).collect()
}

fn kinds<'a>(image: &'a Image, what: &str) -> Vec<&'a str> {
    let provenance = image.provenance.as_deref().unwrap();
    let about = provenance.not_read.iter().filter(|note| note.what == what);
    about.map(|note| &*note.kind).collect()
}

fn file<'a>(image: &'a mut Image, path: &FilePath) -> &'a mut FileImage {
    path.fids().fold(&mut image.master_file, |df, fid| {
        let files = df.files_mut().unwrap();
        files.iter_mut().find(|file| file.fid == fid).unwrap()
    })
}

#[test]
fn the_public_half_of_a_key_is_in_the_copy() {
    let image = eid_card();
    let copy = copy(&image);
    for key in ["4B01", "4B02"] {
        let select = format!("00A40800045015{key}");
        let asked = [select.as_str(), "00CA010100"];
        let of_card = last(&image, &asked);
        assert!(
            of_card.starts_with("0400") && of_card.len() > 256,
            "{of_card}"
        );
        assert_eq!(last(&copy, &asked), of_card);
        assert_eq!(kinds(&copy, &format!("3F00/5015/{key}")), ["secret"]);
    }
    assert_eq!(codes(&image), [""; 0]);
    assert_eq!(codes(&copy), [""; 0]);
}

#[test]
fn a_key_file_without_a_key_is_one_without_in_the_copy() {
    let mut image = eid_card();
    let path = FilePath::from([0x50, 0x15, 0x4B, 0x01]);
    let key = file(&mut image, &path);
    if let kortlab_emulator::image::FileContent::Key(content) = &mut key.content {
        content.key = None;
    }
    assert_eq!(codes(&image), ["no-key-in-file"]);
    assert_eq!(codes(&copy(&image)), ["no-key-in-file"]);
}

#[test]
fn a_pin_that_is_listed_and_that_the_card_has_not_is_none_in_the_copy() {
    let mut image = eid_card();
    let path = FilePath::from([0x50, 0x15, 0x44, 0x01]);
    let aodf = file(&mut image, &path).data_mut().unwrap();
    let at = aodf
        .windows(4)
        .position(|four| four == [0x80, 0x02, 0x00, 0x82]);
    aodf[at.unwrap() + 3] = 0x99;
    let copy = copy(&image);
    assert_eq!(last(&image, &["00200099"]), "6A88");
    assert_eq!(last(&copy, &["00200099"]), "6A88");
    assert!(copy.pins.iter().all(|pin| pin.reference.0 != 0x99));
    assert_eq!(kinds(&copy, "PIN 99"), ["refused"]);
    let found = codes(&image);
    assert!(found.contains(&"pin-state-unknown"), "{found:?}");
    assert_eq!(codes(&copy), found);
}
