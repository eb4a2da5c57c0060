//! The EID-applet card as it is made: what a reader of PKCS#15 finds on it, byte for byte where
//! OpenSC is particular.

use kortlab_apdu::{Command, Protocol, exchange::exchange};
use kortlab_emulator::crypto::RsaKey;
use kortlab_emulator::models::eid::{ATR_T0, ATR_T1, CardCertificate, EidCard, EidError};
use kortlab_emulator::{CardRng, Image, InProcess, VirtualCard};
use kortlab_pkcs15::{
    Aodf, Cdf, EfDir, KeyUsage, ObjectKind, Odf, PrKdf, PuKdf, TokenInfo, UnusedSpace,
};

const SERIAL: &str = "9752269700000000123";

fn eid(serial: &str) -> EidCard {
    let mut rng = CardRng::from_seed(1);
    let mut key = || RsaKey::generate(512, &mut rng).expect("a key");
    let (authentication, signature) = (key(), key());
    EidCard::new(serial, authentication, signature)
}

fn certificate(id: u8, label: &str, length: usize) -> CardCertificate {
    CardCertificate {
        der: vec![id; length],
        key_id: id.into(),
        label: label.to_owned(),
        authority: false,
    }
}

fn insert(eid: EidCard) -> InProcess {
    let image = eid.build().expect("an image");
    let card = VirtualCard::new(image, CardRng::from_seed(2)).expect("a card");
    InProcess::ephemeral(card)
}

fn select(card: &mut InProcess, path: &str) -> Vec<u8> {
    let path = hex::decode(path).expect("hex");
    let command = Command::new(0xA4, 0x08, 0x00)
        .with_data(path)
        .expecting_any();
    let response = exchange(card, &command).expect("an answer");
    assert!(response.is_success(), "{}", response.status());
    response.data().to_vec()
}

/// The whole file: as many bytes as its FCI says, in READ BINARYs of 256.
fn read(card: &mut InProcess, path: &str) -> Vec<u8> {
    let fci = select(card, path);
    let size = usize::from(u16::from_be_bytes([fci[4], fci[5]]));
    let mut content = Vec::new();
    while content.len() < size {
        let offset = u16::try_from(content.len()).expect("short").to_be_bytes();
        let wanted = u32::try_from((size - content.len()).min(256)).expect("short");
        let command = Command::new(0xB0, offset[0], offset[1]).expecting(wanted);
        let response = exchange(card, &command).expect("an answer");
        assert!(response.is_success(), "{path}: {}", response.status());
        content.extend_from_slice(response.data());
    }
    content
}

#[test]
fn every_file_reads_without_a_finding() {
    for protocol in [Protocol::T0, Protocol::T1] {
        let mut card = insert(eid(SERIAL).protocol(protocol).certificates([
            certificate(0x45, "Carrier, authentication", 1300),
            certificate(0x46, "Carrier, signature", 1200),
            certificate(0x45, "HCC, authentication", 1500),
            certificate(0x46, "HCC, signature", 1400),
        ]));
        let dir = EfDir::parse(&read(&mut card, "2F00"));
        assert!(dir.is_clean());
        let application = dir.value.pkcs15().expect("the application");
        assert_eq!(application.label.as_deref(), Some("Telia EID IP5a"));
        assert_eq!(application.path, Some([0x3F, 0, 0x50, 0x15].into()));

        let odf = Odf::parse(&read(&mut card, "50155031"));
        assert!(odf.is_clean());
        let file = |kind| {
            let path = odf.value.paths(kind).next().expect("a path");
            hex::encode(path.path.below_master_file())
        };
        let prkdf = PrKdf::parse(&read(&mut card, &file(ObjectKind::PrivateKeys)));
        let pukdf = PuKdf::parse(&read(&mut card, &file(ObjectKind::PublicKeys)));
        let cdf = Cdf::parse(&read(&mut card, &file(ObjectKind::Certificates)));
        let aodf = Aodf::parse(&read(&mut card, &file(ObjectKind::AuthObjects)));
        let unused = UnusedSpace::parse(&read(&mut card, "50155033"));
        let token = TokenInfo::parse(&read(&mut card, "50155032")).expect("a TokenInfo");
        assert!(prkdf.is_clean() && pukdf.is_clean() && cdf.is_clean() && aodf.is_clean());
        assert!(unused.is_clean() && unused.value.entries.is_empty() && token.is_clean());

        let keys: Vec<_> = prkdf
            .value
            .objects()
            .map(|key| (key.id().to_string(), key.usage()))
            .collect();
        assert_eq!(
            keys,
            [
                ("45".to_owned(), KeyUsage::SIGN | KeyUsage::DECRYPT),
                ("46".to_owned(), KeyUsage::NON_REPUDIATION)
            ]
        );
        let pins: Vec<_> = aodf
            .value
            .objects()
            .map(|pin| pin.pin_attributes().expect("a PIN").reference)
            .collect();
        // The PUK is none of the objects, or it would be listed as a third PIN.
        assert_eq!(pins, [0x81, 0x82]);
        let serial = token.value.serial_number.expect("a serial number");
        assert_eq!(hex::encode(serial), format!("{SERIAL}f"));

        let certificates: Vec<_> = cdf.value.objects().collect();
        assert_eq!(certificates.len(), 4);
        for (number, (id, length)) in [(0x45, 1300), (0x46, 1200), (0x45, 1500), (0x46, 1400)]
            .into_iter()
            .enumerate()
        {
            let object = certificates[number];
            assert_eq!(object.id().as_bytes(), [id]);
            let path = object.path().expect("a path").to_string();
            assert_eq!(path, format!("3F00/5015/433{}", number + 1));
            let path = path.replace('/', "").split_off(4);
            assert_eq!(read(&mut card, &path), vec![id; length]);
        }
    }
}

#[test]
fn file_control_information_is_as_opensc_reads_it_rightly() {
    let mut card = insert(eid(SERIAL).certificate(certificate(0x45, "One", 0x0301)));
    for (path, expected) in [
        (
            "5015",
            "6F2981020000820138830250 15840CA000000063504B43532D3135\
             8603020781 8A0107A506C10481828384",
        ),
        (
            "50154331",
            "6F15 81020301 820101 83024331 86050101024681 8A0107",
        ),
        (
            "50154403",
            "6F15 81020800 820101 83024403 86050101020681 8A0107",
        ),
        (
            "50154B01",
            "6F16 81020200 820111 83024B01 8606010183012A81 8A0107",
        ),
        (
            "50154B02",
            "6F16 81020200 820111 83024B02 8606010183012A82 8A0107",
        ),
    ] {
        let expected = expected.replace(' ', "");
        assert_eq!(
            hex::encode_upper(select(&mut card, path)),
            expected,
            "{path}"
        );
    }
}

#[test]
fn probes_get_what_middleware_expects() {
    let mut card = insert(eid(SERIAL));
    let version = Command::new(0xCA, 0xDF, 0x30).expecting(5);
    let response = exchange(&mut card, &version).expect("an answer");
    assert_eq!(response.data(), hex::decode("76322E3100").expect("hex"));
    // The probes that OpenSC sends to a card that it does not know yet.
    for aid in [
        "627601FF000000",
        "A00000000101",
        "E82B0601040181C31F0201",
        "D23300000045737445494420763335",
        "A00000030800001000",
        "A000000116DB00",
        "A0000000791000",
        "A00000007901",
        "A0000000790100",
        "A0000000790113",
        "F276A288BCFBA69D34F31001",
        "A00000039742544659",
        "D27600012401",
        "D392F000260100000001",
    ] {
        for p2 in [0x00, 0x0C] {
            let command = Command::new(0xA4, 0x04, p2).with_data(hex::decode(aid).expect("hex"));
            let response = exchange(&mut card, &command).expect("an answer");
            assert_eq!(response.status().value(), 0x6A82, "{aid}");
        }
    }
}

#[test]
fn only_the_certificates_and_their_directory_change_and_only_under_the_authentication_pin() {
    let mut card = insert(eid(SERIAL).certificate(certificate(0x45, "One", 100)));
    let files = [
        ("2F00", false),
        ("50155031", false),
        ("50155032", true),
        ("50155033", true),
        ("50154401", false),
        ("50154402", true),
        ("50154403", true),
        ("50154404", true),
        ("50154946", true),
        ("50154331", true),
    ];
    let update = Command::new(0xD6, 0, 0).with_data([0x30]);
    let delete = Command::new(0xE4, 0, 0);
    let sw = |card: &mut InProcess, command: &Command| {
        exchange(card, command).expect("an answer").status().value()
    };
    let verify = |card: &mut InProcess, reference: u8, pin: &[u8]| {
        let pin = [pin, &[0, 0]].concat();
        assert_eq!(
            sw(card, &Command::new(0x20, 0, reference).with_data(pin)),
            0x9000
        );
    };
    for (path, _) in files {
        select(&mut card, path);
        assert_eq!(sw(&mut card, &update), 0x6982, "{path}, no PIN");
    }
    verify(&mut card, 0x82, b"654321");
    for (path, _) in files {
        select(&mut card, path);
        assert_eq!(sw(&mut card, &update), 0x6982, "{path}, the signature PIN");
        assert_eq!(sw(&mut card, &delete), 0x6982, "{path}, the signature PIN");
    }
    verify(&mut card, 0x81, b"123456");
    for (path, changes) in files {
        select(&mut card, path);
        let expected = if changes { 0x9000 } else { 0x6982 };
        assert_eq!(sw(&mut card, &update), expected, "{path}");
    }
    select(&mut card, "5015");
    assert_eq!(
        sw(&mut card, &delete),
        0x6982,
        "the application itself stays"
    );
    select(&mut card, "50154331");
    assert_eq!(sw(&mut card, &delete), 0x9000);
}

#[test]
fn an_image_is_complete_and_the_same_each_time() {
    for (protocol, atr) in [(Protocol::T0, &ATR_T0[..]), (Protocol::T1, &ATR_T1)] {
        let make = || eid(SERIAL).protocol(protocol).build().expect("an image");
        let image = make();
        assert_eq!(image.atr.as_slice(), atr);
        assert_eq!(make(), image);
        let text = image.to_json();
        assert_eq!(Image::from_json(text.as_bytes()).expect("an image"), image);
    }
}

#[test]
fn a_card_that_cannot_be_is_refused() {
    for serial in [
        "",
        "975226970000000012",
        "9752269700000000124",
        "9753269700000000123",
        "97522697000000001231",
        "975226970000000012x",
        "９７５２２６９",
    ] {
        assert_eq!(eid(serial).build(), Err(EidError::Serial), "{serial}");
    }
    let many = (0..100).map(|_| certificate(0x45, "A certificate with a long name", 10));
    let refused = eid(SERIAL).certificates(many).build();
    assert!(matches!(
        refused,
        Err(EidError::FileFull { fid: 0x4403, .. })
    ));
    for length in [0, 0x8000] {
        let refused = eid(SERIAL)
            .certificate(certificate(0x45, "One", length))
            .build();
        assert_eq!(refused, Err(EidError::Certificate { index: 0, length }));
    }
    let refused = eid(SERIAL).pins("12345", "654321", "12345678").build();
    let Err(EidError::Image(error)) = refused else {
        panic!("a short PIN was taken")
    };
    assert!(!error.to_string().contains("12345"), "{error}");
    let refused = eid(SERIAL).label("x".repeat(300)).build();
    assert!(matches!(
        refused,
        Err(EidError::FileFull { fid: 0x2F00, .. })
    ));
}

#[test]
fn the_directory_has_room_for_a_dozen_certificates_more() {
    let certificates = (0..16).map(|number| certificate(0x45, &format!("Number {number:<20}"), 50));
    let mut card = insert(eid(SERIAL).certificates(certificates));
    let cdf = Cdf::parse(&read(&mut card, "50154403"));
    assert_eq!(cdf.value.objects().count(), 16);
}

#[test]
fn the_security_status_outlives_the_df_that_was_current() {
    let sw = |card: &mut InProcess, command: &Command| {
        exchange(card, command).expect("an answer").status().value()
    };
    let mut card = insert(eid(SERIAL).protocol(Protocol::T1));
    let verify = Command::new(0x20, 0x00, 0x81).with_data(*b"123456\0\0");
    assert_eq!(sw(&mut card, &verify), 0x9000);
    select(&mut card, "5015");
    let template = hex::decode("6F0F8201388302700186030247818A0107").expect("hex");
    let create = Command::new(0xE0, 0x00, 0x00).with_data(template);
    assert_eq!(sw(&mut card, &create), 0x9000);
    // The current DF is the new one; it goes, and the one around it is current.
    assert_eq!(sw(&mut card, &Command::new(0xE4, 0x00, 0x00)), 0x9000);
    assert_eq!(sw(&mut card, &Command::new(0x20, 0x00, 0x81)), 0x9000);
    select(&mut card, "3F00");
    assert_eq!(sw(&mut card, &Command::new(0x20, 0x00, 0x81)), 0x9000);
}
