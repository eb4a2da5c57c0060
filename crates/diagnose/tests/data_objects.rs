//! The data objects by which programs know cards answer on the copy as on the card.

#![allow(missing_docs, clippy::unwrap_used)]

use std::cell::RefCell;
use std::rc::Rc;

use kortlab_apdu::{Channel, Layer, Layered};
use kortlab_diagnose::dump::{Search, survey};
use kortlab_diagnose::{Dump, Options, dump};
use kortlab_emulator::image::{
    DataObjectImage, DataTag, FileContent, FileImage, ObjectOfDf, Refusal,
};
use kortlab_emulator::{CardRng, Image, InProcess, VirtualCard};

const PIV: &[u8] = b"\xA0\x00\x00\x03\x08\x00\x00\x10\x00\x01\x00";

fn insert(image: &Image) -> InProcess {
    let card = VirtualCard::new(image.clone(), CardRng::from_seed(1)).expect("a card");
    InProcess::ephemeral(card)
}

fn read(image: &Image, search: &[Search]) -> Dump {
    let options = Options {
        search: search.to_vec(),
        ..Options::default()
    };
    dump(insert(image), &options, Box::new(|_| {})).expect("a copy")
}

/// Sends commands to a fresh card, and gives the answer to the last.
fn last(image: &Image, commands: &[&str]) -> String {
    let mut card = insert(image);
    let mut answer = Vec::new();
    for command in commands {
        answer = card.transmit(&hex::decode(command).unwrap());
    }
    hex::encode_upper(answer)
}

fn value(tag: &[u8], value: &[u8]) -> ObjectOfDf {
    ObjectOfDf {
        tag: tag.into(),
        value: Some(value.into()),
        status: None,
    }
}

fn refused(tag: &[u8], status: u16) -> ObjectOfDf {
    ObjectOfDf {
        tag: tag.into(),
        value: None,
        status: Refusal::new(kortlab_apdu::StatusWord::new(status)),
    }
}

fn with_objects(mut file: FileImage, objects: Vec<ObjectOfDf>) -> FileImage {
    let FileContent::Df(df) = &mut file.content else {
        unreachable!("a DF");
    };
    df.objects = objects;
    file
}

fn of_card(tag: u16, value: &[u8]) -> DataObjectImage {
    DataObjectImage {
        tag: DataTag(tag),
        value: value.into(),
        access: None,
    }
}

/// A card that programs know as MyEID: two DFs, each with a list of its files.
fn my_eid() -> Image {
    let list = |fids: &[u8]| vec![value(&[0x01, 0xA1], fids)];
    let inner = with_objects(FileImage::df(0x5016, Vec::new()), list(&[]));
    let directory = FileImage::df(0x5015, vec![FileImage::transparent(0x5031, 2, &[0, 0])]);
    let directory = with_objects(directory, list(&[0x50, 0x31]));
    let mut image = Image::plain(vec![directory, inner]);
    image.master_file = with_objects(image.master_file, list(&[0x50, 0x15, 0x50, 0x16]));
    image.data_objects = vec![
        of_card(0x01A0, b"info"),
        of_card(0x01AA, b"can"),
        of_card(0x01B1, b"\x03\x03"),
        of_card(0x01AD, b"other"),
    ];
    image
}

const LISTS: [(&str, &str); 2] = [
    ("00A4000C023F00", "501550169000"),
    ("00A4080C025015", "50319000"),
];

#[test]
fn an_application_that_knows_no_get_data_knows_none_on_its_copy() {
    let application = FileImage::df(0x7F66, Vec::new()).with_name(PIV);
    let refusals = vec![refused(&[0x01, 0x01], 0x6D00)];
    let mut image = Image::plain(vec![with_objects(application, refusals)]);
    image.master_file = with_objects(image.master_file, vec![refused(&[0x01, 0xA0], 0x6982)]);
    let copy = read(&image, &[]).image;
    let aid = format!("00A4040C{:02X}{}", PIV.len(), hex::encode_upper(PIV));
    for card in [&image, &copy] {
        assert_eq!(last(card, &[&aid, "00CA010100"]), "6D00");
        assert_eq!(last(card, &[&aid, "00CA01A000"]), "6A88");
        assert_eq!(last(card, &["00CA01A000"]), "6982");
    }
    let not_read = &copy.provenance.unwrap().not_read;
    let is_told = |what: &str| not_read.iter().any(|note| note.what.contains(what));
    assert!(is_told("data object 01A0") && !is_told("data object 0101"));
}

#[test]
fn what_a_card_says_of_itself_and_of_each_directory_is_in_the_copy() {
    let image = my_eid();
    let copy = read(&image, &[]).image;
    for card in [&image, &copy] {
        for selected in ["00A4000C023F00", "00A4080C025015", "00A4080C025016"] {
            assert_eq!(last(card, &[selected, "00CA01A000"]), "696E666F9000");
            assert_eq!(last(card, &[selected, "00CA01AA00"]), "63616E9000");
            assert_eq!(last(card, &[selected, "00CA01B100"]), "03039000");
            assert_eq!(last(card, &[selected, "00CA01B200"]), "6A88");
        }
        for (selected, list) in LISTS {
            assert_eq!(last(card, &[selected, "00CA01A100"]), list, "{selected}");
        }
    }
    assert_eq!(last(&copy, &["00CA01AD00"]), "6A88");
    let not_read = copy.provenance.unwrap().not_read;
    let kinds: Vec<_> = not_read
        .iter()
        .filter(|note| note.what == "data objects")
        .map(|note| note.kind.as_str())
        .collect();
    assert_eq!(kinds, ["not-looked-at", "differs"]);
}

#[test]
fn an_object_that_differs_between_directories_is_not_taken_for_the_cards() {
    let mut image = my_eid();
    // Another than the list that is asked for anyway.
    image.data_objects.clear();
    let copy = read(&image, &[Search::Objects]).image;
    for card in [&image, &copy] {
        for (selected, list) in LISTS {
            assert_eq!(last(card, &[selected, "00CA01A100"]), list, "{selected}");
        }
    }
    assert!(copy.data_objects.is_empty());
    // And one that is the same everywhere is the card's.
    let copy = read(&my_eid(), &[Search::Objects]).image;
    let tags: Vec<u16> = copy
        .data_objects
        .iter()
        .map(|object| object.tag.0)
        .collect();
    assert_eq!(tags, [0x01A0, 0x01AA, 0x01B1, 0x01AD]);
}

/// Which instructions a card got.
#[derive(Clone, Default)]
struct Sent(Rc<RefCell<Vec<u8>>>);

impl Layer for Sent {
    fn transmit(
        &mut self,
        next: &mut dyn Channel,
        command: &[u8],
    ) -> Result<Vec<u8>, kortlab_apdu::ChannelError> {
        self.0.borrow_mut().push(command[1]);
        next.transmit(command)
    }
}

#[test]
fn asking_tries_no_pin_and_looking_at_files_alone_asks_for_nothing() {
    let instructions = |is_dump: bool| {
        let sent = Sent::default();
        let channel = Layered::new(insert(&my_eid()), sent.clone());
        if is_dump {
            dump(channel, &Options::default(), Box::new(|_| {})).unwrap();
        } else {
            survey(channel, &Options::default(), Box::new(|_| {})).unwrap();
        }
        sent.0.take()
    };
    let copying = instructions(true);
    assert!(copying.contains(&0xCA) && !copying.contains(&0x20));
    assert!(!instructions(false).contains(&0xCA));
}

/// Gives data also to a GET DATA that has no Le, as PIV cards do.
#[derive(Clone)]
struct Unasked;

impl Layer for Unasked {
    fn transmit(
        &mut self,
        next: &mut dyn Channel,
        command: &[u8],
    ) -> Result<Vec<u8>, kortlab_apdu::ChannelError> {
        match command {
            [0x00, 0xCB, _, _, lc, data @ ..] if data.len() == usize::from(*lc) => {
                next.transmit(&[command, &[0x00]].concat())
            }
            _ => next.transmit(command),
        }
    }
}

#[test]
fn a_data_object_that_a_card_gives_unasked_its_copy_gives_unasked_and_no_other() {
    let application = FileImage::df(0x7F66, Vec::new()).with_name(PIV);
    let long = vec![0x42; 0x180];
    let objects = vec![
        refused(&[0x5F, 0xC1, 0x01], 0x6982),
        value(&[0x5F, 0xC1, 0x05], &long),
    ];
    let mut image = Image::plain(vec![with_objects(application, objects)]);
    image.atr = vec![0x3B, 0x80, 0x01, 0x81].into();
    image.protocol = kortlab_apdu::Protocol::T1.into();
    let aid = format!("00A4040C{:02X}{}", PIV.len(), hex::encode_upper(PIV));
    let get = "00CB3FFF055C035FC105";
    // By programs as yubico-piv-tool it is asked for so.
    let first = "42".repeat(0x100) + "6180";
    let unasked = Layered::new(insert(&image), Unasked);
    let copy = dump(unasked, &Options::default(), Box::new(|_| {})).expect("a copy");
    assert_eq!(last(&copy.image, &[&aid, get]), first);
    assert_eq!(last(&copy.image, &[&aid, &format!("{get}00")]), first);
    let copy = read(&image, &[]);
    assert_eq!(last(&copy.image, &[&aid, get]), "6700");
    assert_eq!(last(&copy.image, &[&aid, &format!("{get}00")]), first);
}
