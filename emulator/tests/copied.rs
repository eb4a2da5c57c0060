//! Copies of cards: what the card answered from which a file was copied is answered again, what is
//! not known is refused, and all of it stays in the image.

#![allow(missing_docs, clippy::unwrap_used)]

use kortlab_apdu::{Channel, Protocol, ResetKind, StatusWord};
use kortlab_emulator::image::{
    FileContent, FileImage, KeyFileImage, NotRead, ObjectOfDf, PinImage, Provenance,
    RecordStructure, Recorded, RecordsImage, Refusal, SecretText, Unreadable,
};
use kortlab_emulator::{CardRng, Image, InProcess, VirtualCard};
use serde_json::{Value, json};

fn refusal(status: u16) -> Refusal {
    Refusal::new(StatusWord::new(status)).expect("a refusal")
}

fn unreadable(from: u32, status: u16) -> Recorded {
    Recorded {
        unreadable: Some(Unreadable {
            from,
            status: refusal(status),
        }),
        ..Recorded::default()
    }
}

fn selected(select: Option<u16>, answer: Option<&[u8]>) -> Recorded {
    Recorded {
        select: select.map(refusal),
        answer: answer.map(Into::into),
        ..Recorded::default()
    }
}

fn recorded(mut file: FileImage, recorded: Recorded) -> FileImage {
    file.recorded = Some(Box::new(recorded));
    file
}

fn records() -> FileImage {
    let content = RecordsImage {
        shareable: false,
        sfi: None,
        data_coding: None,
        structure: RecordStructure::LinearFixed,
        record_length: 2,
        record_count: 3,
        tlv: false,
        records: Some((1..=3).map(|n| vec![n, n].into()).collect()),
    };
    FileImage::new(0x0004, FileContent::Records(content))
}

/// A card that was copied: files that refused to be read, to be selected, to be described as they
/// are; a PIN and a key that nobody knows; data objects.
fn copy() -> Image {
    let data: Vec<u8> = (1..=8).collect();
    let ef = |fid| FileImage::transparent(fid, 8, &data);
    let mut df = FileImage::df(0x5000, Vec::new()).with_name(b"\xA0\x00\x00\x03\x08");
    if let FileContent::Df(df) = &mut df.content {
        let object = |tag: &[u8], value: Option<&[u8]>, status: Option<u16>| ObjectOfDf {
            tag: tag.into(),
            value: value.map(Into::into),
            status: status.map(refusal),
        };
        df.objects = vec![
            object(&[0x5F, 0xC1, 0x02], Some(&[0x53, 0x01, 0x2A]), None),
            object(&[0x5F, 0xC1, 0x03], None, Some(0x6982)),
        ];
    }
    let key = FileContent::Key(KeyFileImage {
        size: Some(2048),
        ..KeyFileImage::default()
    });
    let mut image = Image::plain(vec![
        recorded(ef(0x0001), unreadable(0, 0x6982)),
        recorded(ef(0x0002), unreadable(4, 0x6F00)),
        recorded(ef(0x0003), selected(Some(0x6982), None)),
        recorded(records(), unreadable(2, 0x6982)),
        recorded(ef(0x0005), selected(Some(0x6283), Some(&[0x62, 0x00]))),
        FileImage::new(0x0006, key),
        df,
    ]);
    image.pins = vec![PinImage {
        value: SecretText::default(),
        ..PinImage::digits(0x81, "PIN", "123456")
    }];
    image.provenance = Some(Box::new(Provenance {
        program: "a test".to_owned(),
        commands: 99,
        complete: false,
        ended: Some("the card was pulled out".to_owned()),
        not_read: vec![NotRead {
            what: "3F00/0003".to_owned(),
            kind: "refused".to_owned(),
            status: Some(refusal(0x6982)),
            why: "security status not satisfied".to_owned(),
        }],
    }));
    image
}

fn insert(image: Image) -> InProcess {
    InProcess::ephemeral(VirtualCard::new(image, CardRng::from_seed(1)).expect("a card"))
}

/// Sends commands one after the other, and gives the answer to the last.
fn last(card: &mut InProcess, commands: &[&str]) -> String {
    let mut answer = Vec::new();
    for command in commands {
        answer = card.transmit(&hex::decode(command.replace(' ', "")).unwrap());
    }
    hex::encode_upper(answer)
}

/// A card whose files are behind an application that has a file system of its own, and describes
/// itself in its own way.
fn behind() -> Image {
    let inside = FileImage::df(
        0x5015,
        vec![FileImage::transparent(0x5031, 2, &[0xA0, 0x00])],
    );
    let files = vec![FileImage::transparent(0x2F00, 1, &[0x61]), inside];
    let application = recorded(
        FileImage::df(0x7F80, files).with_name(b"\xF2\x76\xA2\x88"),
        Recorded {
            answer: Some(vec![0x00, 0x06, 0x06].into()),
            unasked: true,
            file_system: true,
            ..Recorded::default()
        },
    );
    let mut image = Image::plain(vec![
        recorded(
            FileImage::transparent(0x2F00, 0, &[]),
            selected(Some(0x6986), None),
        ),
        FileImage::transparent(0x0001, 1, &[0x01]),
        FileImage::df(0x5000, Vec::new()).with_name(b"\xA0\x00\x00\x03\x08"),
        application,
    ]);
    image.master_file = recorded(image.master_file, selected(Some(0x6986), None));
    image
}

#[test]
fn an_application_with_a_file_system_of_its_own_is_the_whole_card_while_it_is_selected() {
    let mut card = insert(behind());
    let outside = ["00A40000023F00", "00A40800022F00", "00A40000022F00"];
    for command in outside {
        assert_eq!(last(&mut card, &[command]), "6986", "{command}");
    }
    assert_eq!(last(&mut card, &["00A4080C0450155031"]), "6A82");
    let within = [
        ("00A4080C022F00", "00B0000001", "619000"),
        ("00A4080C063F0050155031", "00B0000002", "A0009000"),
        ("00A4000C022F00", "00B0000001", "619000"),
        ("00A4080C0450155031", "00B0000002", "A0009000"),
    ];
    assert_eq!(last(&mut card, &["00A4040C04F276A288"]), "0006069000");
    for (select, read, content) in within {
        assert_eq!(last(&mut card, &[select, read]), content, "{select}");
        // The MF is that of the application, and nothing is around or beside it.
        assert_eq!(last(&mut card, &["00A4000C023F00"]), "9000");
        assert_eq!(last(&mut card, &["00A4080C020001"]), "6A82");
        assert_eq!(last(&mut card, &["00A4000C025000"]), "6A82");
        assert_eq!(last(&mut card, &["00A4030C"]), "6A82");
    }
    // Another application leads out of it, and so does a reset.
    assert_eq!(last(&mut card, &["00A4040C05A000000308"]), "9000");
    assert_eq!(last(&mut card, &["00A4000C023F00"]), "6986");
    last(&mut card, &["00A4040C04F276A288"]);
    Channel::reset(&mut card, ResetKind::Warm).expect("a reset");
    assert_eq!(last(&mut card, &["00A4000C023F00"]), "6986");
    assert_eq!(last(&mut card, &["00A4080C020001", "00B0000001"]), "019000");
}

#[test]
fn an_application_describes_itself_unasked_where_the_card_did() {
    let mut card = insert(behind());
    for select in [
        "00A4040004F276A288",
        "00A4040C04F276A288",
        "00A4040004F276A28800",
    ] {
        assert_eq!(last(&mut card, &[select]), "0006069000", "{select}");
    }
    let mut image = behind();
    let files = image.master_file.files_mut().expect("the MF");
    let told = files.last_mut().and_then(|file| file.recorded.as_mut());
    told.expect("recorded").unasked = false;
    let mut card = insert(image);
    assert_eq!(last(&mut card, &["00A4040004F276A288"]), "9000");
    assert_eq!(last(&mut card, &["00A4040004F276A28800"]), "0006069000");
    // The flag does not outlive the command.
    let mut card = insert(behind());
    last(&mut card, &["00A4040004F276A288"]);
    assert_eq!(last(&mut card, &["00A40800022F00"]), "9000");
    // Only a DF has a file system.
    let mut image = behind();
    let file = &mut image.master_file.files_mut().expect("the MF")[1];
    file.recorded = Some(Box::new(Recorded {
        file_system: true,
        ..Recorded::default()
    }));
    let error = image.check().expect_err("no DF");
    assert!(error.to_string().contains("only a DF"), "{error}");
}

#[test]
fn what_could_not_be_read_of_the_card_is_refused_with_the_same_status_word() {
    let mut card = insert(copy());
    let mut read =
        |fid: &str, command: &str| last(&mut card, &[&format!("00A4000C02{fid}"), command]);
    assert_eq!(read("0001", "00B0000000"), "6982");
    // What could be read is still there.
    assert_eq!(read("0002", "00B0000004"), "010203049000");
    assert_eq!(read("0002", "00B0000000"), "010203049000");
    assert_eq!(read("0002", "00B0000400"), "6F00");
    assert_eq!(read("0002", "00B0000700"), "6F00");
    assert_eq!(read("0004", "00B2010400"), "01019000");
    assert_eq!(read("0004", "00B2020400"), "6982");
}

#[test]
fn select_answers_what_the_card_answered() {
    let mut card = insert(copy());
    assert_eq!(last(&mut card, &["00A40000020003"]), "6982");
    // A refused SELECT selects nothing: the EF before it is still the current one.
    assert_eq!(
        last(
            &mut card,
            &["00A4000C020002", "00A4000C020003", "00B0000002"]
        ),
        "01029000"
    );
    assert_eq!(last(&mut card, &["00A4000002000500"]), "62006283");
    assert_eq!(last(&mut card, &["00A4000C020005"]), "6283");
    assert_eq!(last(&mut card, &["00B0000002"]), "01029000");
}

#[test]
fn data_objects_of_a_df_are_given_while_it_is_the_current_one() {
    let mut card = insert(copy());
    let get = |tag: &str| format!("00CB3FFF055C03{tag}00");
    assert_eq!(last(&mut card, &[&get("5FC102")]), "6A88");
    let select = "00A4040C05A000000308";
    assert_eq!(last(&mut card, &[select, &get("5FC102")]), "53012A9000");
    assert_eq!(last(&mut card, &[&get("5FC103")]), "6982");
    assert_eq!(last(&mut card, &[&get("5FC104")]), "6A88");
    assert_eq!(last(&mut card, &["00CB3F00055C035FC10200"]), "6A88");
    assert_eq!(last(&mut card, &["00CB1234055C035FC10200"]), "6A82");
    assert_eq!(last(&mut card, &["00CB3FFF0253000000"]), "6700");
    assert_eq!(last(&mut card, &["00CB3FFF02530000"]), "6A80");
}

/// The copy, with the application of data objects as the card had it.
fn with_objects(protocol: Protocol, objects_unasked: bool) -> InProcess {
    let mut image = copy();
    if protocol == Protocol::T0 {
        image.protocol = protocol.into();
        image.atr = vec![0x3B, 0x00].into();
    }
    let files = image.master_file.files_mut().unwrap();
    let df = files.iter_mut().find(|file| file.as_df().is_some());
    let df = df.expect("the application");
    if let FileContent::Df(content) = &mut df.content {
        let long = vec![0x42; 0x180];
        content.objects[0].value = Some(long.into());
    }
    df.recorded = objects_unasked.then(|| {
        Box::new(Recorded {
            objects_unasked,
            ..Recorded::default()
        })
    });
    insert(image)
}

#[test]
fn data_objects_are_given_without_le_where_the_card_gave_them() {
    let select = "00A4040C05A000000308";
    let (get, refused) = ("00CB3FFF055C035FC102", "00CB3FFF055C035FC103");
    let part = |number: usize, status: &str| "42".repeat(number) + status;
    let mut card = with_objects(Protocol::T1, true);
    assert_eq!(last(&mut card, &[select, get]), part(0x100, "6180"));
    assert_eq!(last(&mut card, &["00C0000000"]), part(0x80, "9000"));
    assert_eq!(last(&mut card, &[refused]), "6982");
    assert_eq!(last(&mut card, &["00CB3FFF055C035FC104"]), "6A88");
    // Of the card's other DFs, and of a card that was not copied so, nothing is given.
    assert_eq!(last(&mut card, &["00CB3F00055C035FC102"]), "6700");
    let mut card = with_objects(Protocol::T1, false);
    assert_eq!(last(&mut card, &[select, get]), "6700");
}

#[test]
fn data_objects_are_offered_under_t0_whose_commands_have_no_le() {
    for objects_unasked in [false, true] {
        let mut card = with_objects(Protocol::T0, objects_unasked);
        let select = "00A4040005A000000308";
        assert_eq!(last(&mut card, &[select, "00CB3FFF055C035FC102"]), "6100");
        let rest = last(&mut card, &["00C0000000"]);
        assert_eq!(rest, "42".repeat(0x100) + "6180");
        assert_eq!(last(&mut card, &["00CB3FFF055C035FC103"]), "6982");
    }
}

#[test]
fn a_pin_that_nobody_knows_is_never_right_whatever_is_sent() {
    // Padded values of nothing but padding, too, and old values of CHANGE REFERENCE DATA.
    for command in [
        "0020008108FFFFFFFFFFFFFFFF",
        "00200081080000000000000000",
        "0020008108313233343536FFFF",
        "0024008110FFFFFFFFFFFFFFFF313233343536FFFF",
    ] {
        let mut card = insert(copy());
        assert_eq!(last(&mut card, &["00200081"]), "63C3");
        assert_eq!(last(&mut card, &[command]), "63C2", "{command}");
        assert_eq!(last(&mut card, &[command, command, command]), "6983");
    }
}

#[test]
fn a_key_that_nobody_has_is_refused() {
    let mut image = copy();
    image.master_file = image.master_file.with_application("eid");
    let mut card = insert(image);
    let set = "002241B6078001028102 0006".replace(' ', "");
    assert_eq!(last(&mut card, &["00A4000C020006", &set]), "9000");
    let sign = format!("002A9E9A14{}00", "00".repeat(20));
    assert_eq!(last(&mut card, &[&sign]), "6A88");
}

/// The EID applet with a key file whose key stayed in the card from which it was copied.
fn with_a_public_half(public: Option<&[u8]>) -> Image {
    let key = FileImage::new(0x4B01, FileContent::Key(KeyFileImage::default()));
    let key = key.with_access(&[0x01, 0x01]);
    let key = match public {
        Some(told) => recorded(
            key,
            Recorded {
                public_key: Some(told.into()),
                ..Recorded::default()
            },
        ),
        None => key,
    };
    let mut image = Image::plain(vec![key]);
    image.master_file = image.master_file.with_application("eid");
    image
}

#[test]
fn the_public_half_of_a_key_that_stayed_in_its_card_is_told() {
    let asked = ["00A40000024B01", "00CA010100"];
    let mut card = insert(with_a_public_half(None));
    assert_eq!(last(&mut card, &asked), "6A88");
    let mut card = insert(with_a_public_half(Some(&[0x00, 0x10, 0xC0, 0x01])));
    assert_eq!(last(&mut card, &asked), "0010C0019000");
    // Only while that file is selected, and the key itself is refused as before.
    assert_eq!(last(&mut card, &["00A40000023F00", "00CA010100"]), "6A88");
    let image = with_a_public_half(Some(&[0x00, 0x10, 0xC0, 0x01]));
    assert_eq!(Image::from_json(image.to_json().as_bytes()).unwrap(), image);
}

#[test]
fn only_a_key_file_has_the_public_half_of_a_key() {
    for length in [0, 515] {
        let error = with_a_public_half(Some(&vec![1; length]))
            .check()
            .unwrap_err();
        assert!(error.to_string().contains("public_key"), "{error}");
    }
    let public = Recorded {
        public_key: Some(vec![1].into()),
        ..Recorded::default()
    };
    let image = Image::plain(vec![recorded(
        FileImage::transparent(0x0001, 1, &[1]),
        public,
    )]);
    let error = image.check().unwrap_err();
    assert!(error.to_string().contains("only a key file"), "{error}");
}

#[test]
fn all_of_it_stays_in_the_image() {
    let image = copy();
    let again = Image::from_json(image.to_json().as_bytes()).expect("an image");
    assert_eq!(again, image);
    let card = VirtualCard::new(image.clone(), CardRng::from_seed(1)).expect("a card");
    let mut kept = card.image();
    // Zeros at the end are left out.
    kept.capacity = image.capacity;
    assert_eq!(kept.to_json(), image.to_json());
    let value: Value = serde_json::from_str(&image.to_json()).expect("JSON");
    assert!(value["pins"][0].get("value").is_none());
}

#[test]
fn what_cannot_be_is_refused_at_its_place() {
    let good: Value = serde_json::from_str(&copy().to_json()).expect("JSON");
    for (pointer, value, path, what) in [
        (
            "/master_file/files/0/recorded",
            json!({}),
            "files[0].recorded",
            "says nothing",
        ),
        (
            "/master_file/files/0/recorded/unreadable/status",
            json!("9000"),
            "files[0]",
            "6982",
        ),
        (
            "/master_file/files/4/recorded/answer",
            json!("00".repeat(257)),
            "recorded.answer",
            "256",
        ),
        (
            "/master_file/files/6/objects/0/tag",
            json!(""),
            "objects[0].tag",
            "1 to 3",
        ),
        (
            "/master_file/files/6/objects/0/tag",
            json!("5FC103"),
            "objects[1].tag",
            "twice",
        ),
        (
            "/master_file/files/6/objects/0/status",
            json!("6982"),
            "objects[0]",
            "either",
        ),
        (
            "/provenance/program",
            json!("x".repeat(1025)),
            "$.provenance.program",
            "1024",
        ),
        (
            "/provenance/not_read/0/why",
            json!("x".repeat(1025)),
            "not_read[0].why",
            "1024",
        ),
        (
            "/pins/0/tries_left",
            json!(4),
            "$.pins[0].tries_left",
            "tries_max",
        ),
    ] {
        let mut image = good.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        image.pointer_mut(parent).unwrap()[name] = value;
        let error = Image::from_json(image.to_string().as_bytes()).expect_err(pointer);
        let error = error.to_string();
        assert!(error.contains(path) && error.contains(what), "{error}");
    }
}
