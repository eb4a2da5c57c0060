//! Files that only the card's own list names are in a copy of it and in its tree, where it is of a
//! kind that lists them; and the copy has the tries of its PINs.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::cell::RefCell;
use std::rc::Rc;

use common::{eid_card, insert};
use kortlab_apdu::{Channel, ChannelError, Layer, Layered};
use kortlab_diagnose::dump::survey;
use kortlab_diagnose::{Options, dump};
use kortlab_emulator::Image;
use kortlab_emulator::image::{DataObjectImage, DataTag, Fid, FileContent, FileImage, ObjectOfDf};

/// An answer to reset for T=0, whose historical bytes are these.
fn atr(name: &[u8; 5]) -> Vec<u8> {
    [&[0x3B, 0x05][..], name].concat()
}

/// A file in the application, and one in a directory, which only the lists of files name.
fn card(name: &[u8; 5]) -> Image {
    let mut image = eid_card();
    image.atr = atr(name).into();
    image.data_objects = vec![DataObjectImage {
        tag: DataTag(0x01A0),
        value: b"an applet"[..].into(),
        access: None,
    }];
    image.pins[0].tries_left = 0;
    let files = image.master_file.files_mut().unwrap();
    let application = files
        .iter_mut()
        .find(|file| file.fid == Fid(0x5015))
        .unwrap();
    let files = application.files_mut().unwrap();
    let inside = FileImage::transparent(0x5C01, 2, &[0xAB, 0xCD]);
    files.push(listing(FileImage::df(0x5B01, vec![inside])));
    *application = listing(application.clone());
    image.master_file = listing(image.master_file);
    image
}

/// The same DF, with the list of its files as a data object.
fn listing(mut df: FileImage) -> FileImage {
    let files = df.files_mut().unwrap();
    let list: Vec<u8> = files.iter().flat_map(|file| file.fid.bytes()).collect();
    let FileContent::Df(content) = &mut df.content else {
        panic!("a DF");
    };
    content.objects.push(ObjectOfDf {
        tag: [0x01, 0xA1][..].into(),
        value: Some(list.into()),
        status: None,
    });
    df
}

/// The commands that ask for a list, and those that verify.
#[derive(Clone, Default)]
struct Sent(Rc<RefCell<Vec<Vec<u8>>>>);

impl Layer for Sent {
    fn transmit(
        &mut self,
        next: &mut dyn Channel,
        command: &[u8],
    ) -> Result<Vec<u8>, ChannelError> {
        self.0.borrow_mut().push(command.to_vec());
        next.transmit(command)
    }
}

const UNLISTED: &str = "3F00/5015/5B01/5C01";

#[test]
fn what_only_the_lists_of_files_of_a_myeid_card_name_is_in_its_tree_and_its_copy() {
    for name in [b"MyEID", b"OsEID"] {
        let image = card(name);
        let found = survey(insert(&image), &Options::default(), Box::new(|_| {})).unwrap();
        let names: Vec<_> = found.files.iter().map(|file| file.name()).collect();
        assert!(names.iter().any(|name| name == UNLISTED), "{names:?}");
        let copy = dump(insert(&image), &Options::default(), Box::new(|_| {})).unwrap();
        let text = serde_json::to_string(&copy.image).unwrap();
        assert!(text.contains("ABCD"), "{text}");
        // The copy lists them, too, and is copied whole.
        let again = dump(insert(&copy.image), &Options::default(), Box::new(|_| {})).unwrap();
        assert_eq!(again.files, copy.files);
    }
}

#[test]
fn a_card_of_no_known_kind_is_not_asked_for_its_files_by_a_tree() {
    let sent = Sent::default();
    let channel = Layered::new(insert(&card(b"HisID")), sent.clone());
    let found = survey(channel, &Options::default(), Box::new(|_| {})).unwrap();
    assert!(found.files.iter().all(|file| file.name() != UNLISTED));
    let sent = sent.0.borrow();
    assert!(
        sent.iter()
            .all(|command| command[1..4] != [0xCA, 0x01, 0xA1])
    );
}

#[test]
fn a_blocked_pin_of_a_myeid_card_is_blocked_in_its_copy_and_cost_no_try() {
    let image = card(b"OsEID");
    let sent = Sent::default();
    let channel = Layered::new(insert(&image), sent.clone());
    let copy = dump(channel, &Options::default(), Box::new(|_| {})).unwrap();
    let reference = image.pins[0].reference;
    let mut pins = copy.image.pins.iter();
    let blocked = pins.find(|pin| pin.reference == reference).unwrap();
    assert_eq!(blocked.tries_left, 0);
    let provenance = copy.image.provenance.unwrap();
    let mut assumed = provenance
        .not_read
        .iter()
        .filter(|note| note.kind == "assumed");
    assert!(assumed.all(|note| !note.why.contains("tries")));
    let sent = sent.0.borrow();
    let mut verified = sent.iter().filter(|command| command[1] == 0x20);
    assert!(verified.all(|command| command[4..].iter().all(|byte| *byte == 0)));
}
