//! Files are counted once, and where there is no file system none is.

#![allow(missing_docs, clippy::unwrap_used)]

use kortlab_apdu::StatusWord;
use kortlab_diagnose::dump::survey;
use kortlab_diagnose::{Dump, Options, dump};
use kortlab_emulator::image::{FileImage, Recorded, Refusal};
use kortlab_emulator::{CardRng, Image, InProcess, VirtualCard};

const PIV: &[u8] = b"\xA0\x00\x00\x03\x08\x00\x00\x10\x00\x01\x00";

fn insert(image: &Image) -> InProcess {
    let card = VirtualCard::new(image.clone(), CardRng::from_seed(1)).expect("a card");
    InProcess::ephemeral(card)
}

fn read(image: &Image) -> Dump {
    dump(insert(image), &Options::default(), Box::new(|_| {})).expect("a copy")
}

/// What a fresh card answers to a command.
fn answer(image: &Image, command: &str) -> String {
    hex::encode_upper(insert(image).transmit(&hex::decode(command).unwrap()))
}

fn refusing(mut file: FileImage, status: u16) -> FileImage {
    file.recorded = Some(Box::new(Recorded {
        select: Refusal::new(StatusWord::new(status)),
        ..Recorded::default()
    }));
    file
}

#[test]
fn a_directory_that_has_an_aid_is_one_file() {
    let name = b"\xA0\x00\x00\x00\x63PKCS-15";
    let inside = vec![FileImage::transparent(0x5031, 2, &[0, 0])];
    let directory = FileImage::df(0x5015, inside).with_name(name);
    let image = Image::plain(vec![directory]);
    assert_eq!(read(&image).files, 3);
    let found = survey(insert(&image), &Options::default(), Box::new(|_| {})).unwrap();
    assert_eq!(found.files.len(), 3);
}

#[test]
fn where_select_by_an_identifier_is_no_instruction_no_file_is_found() {
    for status in [0x6D00, 0x6986] {
        let application = FileImage::df(0x7F80, Vec::new()).with_name(PIV);
        let files = [0x2F00, 0x2F01, 0x0003, 0x5015];
        let files = files.map(|fid| refusing(FileImage::transparent(fid, 1, &[0]), status));
        let mut image = Image::plain([&[application][..], &files].concat());
        image.master_file = refusing(image.master_file, status);
        let copy = read(&image);
        assert_eq!(copy.files, 1, "{status:04X}");
        let found = survey(insert(&image), &Options::default(), Box::new(|_| {})).unwrap();
        let names: Vec<_> = found.files.iter().map(|file| file.name()).collect();
        assert_eq!(names, ["AID A00000030800001000"]);
        // The copy refuses as the card does.
        for select in ["00A4000C023F00", "00A4080C022F00"] {
            assert_eq!(answer(&copy.image, select), format!("{status:04X}"));
        }
    }
    // A file that a card with others refuses is one.
    let refusing = refusing(FileImage::transparent(0x2F00, 1, &[0]), 0x6986);
    assert_eq!(read(&Image::plain(vec![refusing])).files, 2);
}
