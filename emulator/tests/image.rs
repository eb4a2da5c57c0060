//! The image: read strictly, written as it was read.

use kortlab_emulator::crypto::RsaKey;
use kortlab_emulator::image::{
    DataObjectImage, DataTag, FileContent, FileImage, HexByte, Image, LifeCycle, PinEncoding,
    PinImage, ProtocolName, RecordStructure, RecordsImage, SecretText, TransparentImage,
};
use kortlab_emulator::{CardRng, ImageError, VirtualCard};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

const CARD: &[u8] = include_bytes!("../../vectors/emulator/small-card-t0.json");

fn value() -> Value {
    serde_json::from_slice(CARD).expect("the card image")
}

/// The error for the card with one thing replaced, added (`pointer` of a new name) or removed.
fn error(pointer: &str, new: Value) -> String {
    let mut card = value();
    match card.pointer_mut(pointer) {
        Some(place) => *place = new,
        None => {
            let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
            card.pointer_mut(parent).expect("a parent")[name] = new;
        }
    }
    let text = serde_json::to_vec(&card).expect("JSON");
    let error = Image::from_json(&text).map(|_| ()).expect_err(pointer);
    let line = error.to_string();
    assert_eq!(line.lines().count(), 1, "{line}");
    line
}

#[track_caller]
fn refused(pointer: &str, new: Value, path: &str, what: &str) {
    let line = error(pointer, new);
    assert!(
        line.contains(&format!("at {path}")) && line.contains(what),
        "{line}\ndoes not say: at {path} … {what}"
    );
}

#[test]
fn an_image_is_written_as_it_was_read() {
    let image = Image::from_json(CARD).expect("the card image");
    assert_eq!(
        Image::from_json(image.to_json().as_bytes()),
        Ok(image.clone())
    );
    let card = VirtualCard::new(image.clone(), CardRng::from_seed(1)).expect("a card");
    assert_eq!(
        serde_json::to_value(card.image()).expect("JSON"),
        serde_json::to_value(&image).expect("JSON"),
        "the running card holds what the image said"
    );
}

#[test]
fn what_is_no_image_at_all_is_refused_in_one_line() {
    for text in [
        &b""[..],
        b"{",
        b"[]",
        b"null",
        b"\xFF\xFE",
        b"\0",
        b"{}",
        b"{\"format\":\"kortlab-card-image\"}",
    ] {
        let error = Image::from_json(text).map(|_| ()).expect_err("no image");
        let line = error.to_string();
        assert!(line.starts_with("not a card image: at $"), "{line}");
        assert_eq!(line.lines().count(), 1, "{line}");
    }
    let trailing = [CARD, b"{}"].concat();
    assert!(Image::from_json(&trailing).is_err());
}

#[test]
fn an_image_cut_anywhere_is_refused_and_called_cut() {
    let end = CARD.iter().rposition(|&byte| byte == b'}').expect("an end");
    for length in 0..=end {
        let error = Image::from_json(&CARD[..length]).expect_err("refused");
        let line = error.to_string();
        let said = if length == 0 {
            "empty"
        } else {
            "the text is cut here"
        };
        assert!(line.contains(said), "{length} bytes: {line}");
    }
}

#[test]
fn a_byte_order_mark_is_skipped_and_utf_16_is_called_so() {
    let marked = [b"\xEF\xBB\xBF", CARD].concat();
    assert!(Image::from_json(&marked).is_ok());
    let text = str::from_utf8(CARD).expect("text");
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let with_mark = |mark: &[u8; 2], text: &Vec<u8>| [&mark[..], text].concat();
    for bytes in [
        with_mark(b"\xFF\xFE", &little),
        with_mark(b"\xFE\xFF", &big),
        little,
        big,
    ] {
        let error = Image::from_json(&bytes).expect_err("refused");
        assert!(error.to_string().contains("UTF-16"), "{error}");
    }
}

#[test]
fn a_text_that_is_too_long_is_refused_before_it_is_read() {
    let text = vec![b' '; 8 * 1024 * 1024 + 1];
    let error = Image::from_json(&text).map(|_| ()).expect_err("too long");
    assert!(matches!(error, ImageError::TooLarge { .. }), "{error}");
}

#[test]
fn files_that_nest_too_deep_are_refused_without_overflow() {
    let deep = |levels: usize| {
        let mut card = value();
        let mut file = json!({"fid": "7000", "kind": "df", "files": []});
        for _ in 0..levels {
            file = json!({"fid": "7000", "kind": "df", "files": [file]});
        }
        card["master_file"]["files"] = json!([file]);
        serde_json::to_vec(&card).expect("JSON")
    };
    let line = Image::from_json(&deep(8))
        .map(|_| ())
        .expect_err("deep")
        .to_string();
    assert!(line.contains("DFs nest at most 8 deep"), "{line}");
    assert!(Image::from_json(&deep(7)).is_ok());
    assert!(Image::from_json(&deep(20_000 / 100)).is_err());
    let open = "[".repeat(1_000_000);
    assert!(Image::from_json(open.as_bytes()).is_err());
    let open = "{\"master_file\":".to_owned() + &"{\"files\":[".repeat(100_000);
    assert!(Image::from_json(open.as_bytes()).is_err());
}

#[test]
fn unknown_names_versions_and_models_are_refused_where_they_stand() {
    refused(
        "/version",
        json!(3),
        "$.version",
        "image version 3 is unknown",
    );
    refused("/version", json!("1"), "$.version", "invalid type");
    refused("/format", json!("other"), "$.format", "unknown variant");
    refused("/model", json!("nosuch"), "$.model", "unknown variant");
    refused("/protocol", json!("t2"), "$.protocol", "unknown variant");
    refused("/colour", json!("blue"), "$.colour", "unknown field");
    refused(
        "/pins/1/colour",
        json!(1),
        "$.pins[1].colour",
        "unknown field",
    );
    refused(
        "/master_file/files/0/colour",
        json!(1),
        "$.master_file.files[0].colour",
        "unknown field",
    );
    refused(
        "/settings",
        json!({"x": 1}),
        "$.settings.x",
        "unknown field",
    );
    refused(
        "/test_secrets",
        json!(false),
        "$.test_secrets",
        "must be true",
    );
}

#[test]
fn every_field_that_is_required_is_missed() {
    for name in [
        "format",
        "version",
        "test_secrets",
        "model",
        "protocol",
        "atr",
        "serial",
        "capacity",
        "pins",
        "data_objects",
        "master_file",
    ] {
        let mut card = value();
        card.as_object_mut().expect("an object").remove(name);
        let text = serde_json::to_vec(&card).expect("JSON");
        let line = Image::from_json(&text)
            .map(|_| ())
            .expect_err(name)
            .to_string();
        assert!(line.contains(&format!("missing field `{name}`")), "{line}");
    }
}

/// One value for every field that some kind of file has, and the kinds that have it.
fn fields() -> [(&'static str, Value, &'static [&'static str]); 14] {
    const EF: &[&str] = &[
        "transparent",
        "linear-fixed",
        "linear-variable",
        "cyclic",
        "rsa-key",
    ];
    const RECORDS: &[&str] = &["linear-fixed", "linear-variable", "cyclic"];
    [
        ("name", json!("A0"), &["df"]),
        ("application", json!("iso"), &["df"]),
        ("files", json!([]), &["df"]),
        (
            "objects",
            json!([{"tag": "5FC105", "value": "5300"}]),
            &["df"],
        ),
        ("shareable", json!(true), EF),
        ("sfi", json!(1), EF),
        ("data_coding", json!("21"), &EF[..4]),
        (
            "size",
            json!(9),
            &["transparent", "linear-variable", "rsa-key"],
        ),
        ("data", json!("00"), &["transparent"]),
        ("record_length", json!(2), RECORDS),
        ("record_count", json!(2), RECORDS),
        ("record_tlv", json!(true), RECORDS),
        ("records", json!([]), RECORDS),
        (
            "key",
            value()["master_file"]["files"][10]["files"][1]["key"].clone(),
            &["rsa-key"],
        ),
    ]
}

#[test]
fn each_kind_of_file_has_its_own_fields_and_no_other_and_gives_them_back() {
    const NEEDED: &[&str] = &["files", "size", "record_length", "record_count"];
    for kind in [
        "df",
        "transparent",
        "linear-fixed",
        "linear-variable",
        "cyclic",
        "rsa-key",
    ] {
        let mut whole = json!({"fid": "4001", "kind": kind, "life_cycle": "activated"});
        for (name, value, kinds) in fields() {
            if kinds.contains(&kind) {
                whole[name] = value;
            }
        }
        let mut card = value();
        card["version"] = json!(2);
        card["master_file"]["application"] = json!("eid");
        card["master_file"]["files"] = json!([whole]);
        let text = serde_json::to_vec(&card).expect("JSON");
        let image = Image::from_json(&text).expect(kind);
        let written: Value = serde_json::from_str(&image.to_json()).expect("JSON");
        assert_eq!(written["master_file"]["files"][0], whole, "{kind}");
        for (name, value, kinds) in fields() {
            let mut file = whole.clone();
            if !kinds.contains(&kind) {
                file[name] = value;
                let path = format!("$.master_file.files[0].{name}");
                let what = format!("a file of kind {kind} has no such field");
                refused("/master_file/files", json!([file]), &path, &what);
            } else if NEEDED.contains(&name) && (kind, name) != ("rsa-key", "size") {
                file.as_object_mut().expect("an object").remove(name);
                let what = format!("a file of kind {kind} needs the field {name}");
                refused(
                    "/master_file/files",
                    json!([file]),
                    "$.master_file.files[0]",
                    &what,
                );
            }
        }
    }
}

#[test]
fn what_does_not_fit_together_is_refused_where_it_stands() {
    let file = |index: usize, name: &str| format!("/master_file/files/{index}/{name}");
    let path = |index: usize, name: &str| format!("$.master_file.files[{index}].{name}");
    refused("/atr", json!("3B"), "$.atr", "2 to 33");
    refused("/atr", json!("3B0"), "$.atr", "even number");
    refused("/serial", json!(""), "$.serial", "1 to 256");
    refused("/capacity", json!(100), "$.capacity", "takes");
    refused("/capacity", json!(-1), "$.capacity", "invalid value");
    refused("/capacity", json!(2_000_000), "$.capacity", "at most");
    refused(
        "/life_cycle",
        json!("deactivated"),
        "$.life_cycle",
        "terminated",
    );
    refused(
        "/pins/1/reference",
        json!("81"),
        "$.pins[1].reference",
        "twice",
    );
    refused(
        "/pins/0/reference",
        json!("00"),
        "$.pins[0].reference",
        "no reference",
    );
    refused(
        "/pins/0/reference",
        json!("99"),
        "$.",
        "no PIN with reference 81",
    );
    refused(
        "/pins/0/unblocked_by",
        json!("99"),
        "$.pins[0].unblocked_by",
        "99",
    );
    refused(
        "/pins/0/unblocked_by",
        json!("81"),
        "$.pins[0].unblocked_by",
        "itself",
    );
    refused(
        "/pins/0/value",
        json!("123"),
        "$.pins[0].value",
        "3 characters",
    );
    refused(
        "/pins/0/value",
        json!("12345A"),
        "$.pins[0].value",
        "encoding",
    );
    refused(
        "/pins/0/tries_left",
        json!(4),
        "$.pins[0].tries_left",
        "tries_max",
    );
    refused(
        "/pins/0/tries_max",
        json!(16),
        "$.pins[0].tries_max",
        "1 to 15",
    );
    refused(
        "/pins/0/tries_max",
        json!(0),
        "$.pins[0].tries_max",
        "1 to 15",
    );
    refused(
        "/pins/0/min_length",
        json!(9),
        "$.pins[0].min_length",
        "max_length",
    );
    refused(
        "/pins/0/max_length",
        json!(9),
        "$.pins[0].max_length",
        "stored_length",
    );
    refused(
        "/pins/0/stored_length",
        json!(65),
        "$.pins[0].stored_length",
        "1 to 64",
    );
    refused("/pins/0/pad", json!("30"), "$.pins[0].pad", "cannot pad");
    refused(
        "/data_objects/1/tag",
        json!("DF30"),
        "$.data_objects[1].tag",
        "twice",
    );
    refused(
        "/data_objects/1/access",
        json!("03"),
        "$.data_objects[1].access",
        "byte 0",
    );
    refused(
        "/master_file/fid",
        json!("3F01"),
        "$.master_file.fid",
        "3F00",
    );
    refused(
        "/master_file/kind",
        json!("cyclic"),
        "$.master_file.kind",
        "is a df",
    );
    refused(
        &file(1, "fid"),
        json!("2F00"),
        &path(1, "fid"),
        "twice in this DF",
    );
    refused(&file(1, "fid"), json!("3F00"), &path(1, "fid"), "reserved");
    refused(
        &file(1, "fid"),
        json!("2f0"),
        &path(1, "fid"),
        "hexadecimal",
    );
    refused(
        &file(1, "access"),
        json!("020299"),
        &path(1, "access"),
        "reference 99",
    );
    refused(
        &file(1, "access"),
        json!("0502"),
        &path(1, "access"),
        "byte 0",
    );
    refused(
        &file(1, "data"),
        json!("00".repeat(17)),
        &path(1, "data"),
        "17 bytes",
    );
    refused(&file(1, "size"), json!(40_000), &path(1, "size"), "at most");
    refused(&file(1, "sfi"), json!(31), &path(1, "sfi"), "30");
    refused(
        &file(1, "name"),
        json!("A0"),
        &path(1, "name"),
        "no such field",
    );
    refused(
        &file(1, "files"),
        json!([]),
        &path(1, "files"),
        "no such field",
    );
    refused(
        &file(1, "records"),
        json!([]),
        &path(1, "records"),
        "no such field",
    );
    refused(
        &file(7, "records/0"),
        json!("01"),
        &path(7, "records[0]"),
        "1 bytes",
    );
    refused(
        &file(7, "record_count"),
        json!(1),
        &path(7, "records"),
        "at most 1",
    );
    refused(
        &file(7, "record_count"),
        json!(255),
        &path(7, "record_count"),
        "254",
    );
    refused(
        &file(7, "record_length"),
        json!(0),
        &path(7, "record_length"),
        "255",
    );
    refused(&file(8, "size"), json!(5), &path(8, "records"), "size of 5");
    refused(
        &file(8, "records/0"),
        json!(""),
        &path(8, "records[0]"),
        "0 bytes",
    );
    refused(&file(10, "name"), json!(""), &path(10, "name"), "1 to 16");
    refused(
        &file(11, "name"),
        json!("A000000063504B43532D3135"),
        &path(11, "name"),
        "same name",
    );
    refused(
        &file(10, "size"),
        json!(1),
        &path(10, "size"),
        "no such field",
    );
    let key = "/master_file/files/10/files/1/key";
    let key_path = "$.master_file.files[10].files[1].key";
    refused(
        &format!("{key}/n"),
        json!("01"),
        &format!("{key_path}.n"),
        "1 bits",
    );
    refused(
        &format!("{key}/e"),
        json!("00"),
        &format!("{key_path}.e"),
        "not zero",
    );
    refused(
        &format!("{key}/d"),
        json!(7),
        &format!("{key_path}.d"),
        "double quotes",
    );
}

#[test]
fn a_key_with_a_composite_number_for_a_prime_is_refused() {
    let key = "/master_file/files/10/files/1/key";
    for name in ["p", "q"] {
        let length = value()
            .pointer(&format!("{key}/{name}"))
            .and_then(Value::as_str)
            .map_or(0, str::len);
        // 2 to the power 4n, less one: a multiple of three.
        refused(
            &format!("{key}/{name}"),
            json!("F".repeat(length)),
            &format!("$.master_file.files[10].files[1].key.{name}"),
            "not a prime",
        );
    }
}

#[test]
fn the_digest_of_the_keys_is_of_each_of_their_numbers_and_of_nothing_else() {
    let of = |value: &Value| {
        let image = Image::from_known_json(value.to_string().as_bytes());
        image.expect("an image").keys_digest()
    };
    let key = "/master_file/files/10/files/1/key";
    let first = of(&value());
    assert!(first.is_some());
    let mut digests = vec![first];
    for name in ["n", "e", "d", "p", "q"] {
        let mut changed = value();
        let number = changed
            .pointer_mut(&format!("{key}/{name}"))
            .expect("a number");
        let digits = number.as_str().expect("digits").to_owned();
        let last = if digits.ends_with('1') { "3" } else { "1" };
        *number = json!(format!("{}{last}", &digits[..digits.len() - 1]));
        digests.push(of(&changed));
    }
    let different: std::collections::BTreeSet<_> = digests.iter().collect();
    assert_eq!(different.len(), digests.len());
    let mut other = value();
    other["serial"] = json!("00");
    other["atr"] = json!("3B00");
    if let Some(fields) = other.pointer_mut(key).and_then(Value::as_object_mut) {
        fields.insert("user_consent".to_owned(), json!(true));
    }
    assert_eq!(of(&other), first);
    // Digits that stand in the next number instead of this one make another digest.
    let mut moved = value();
    let number = |value: &Value, name: &str| {
        let found = value.pointer(&format!("{key}/{name}"));
        found.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let (p, q) = (number(&moved, "p"), number(&moved, "q"));
    let (p, tail) = p.split_at(p.len() - 2);
    let (p, q) = (json!(p), json!(format!("{tail}{q}")));
    for (name, number) in [("p", p), ("q", q)] {
        moved["master_file"]["files"][10]["files"][1]["key"][name] = number;
    }
    assert_ne!(of(&moved), first);
}

#[test]
fn a_key_whose_numbers_do_not_belong_together_is_refused() {
    let key = "/master_file/files/10/files/1/key";
    let number = |name: &str| {
        let number = value().pointer(&format!("{key}/{name}")).cloned();
        number.unwrap_or_else(|| unreachable!("{name}"))
    };
    let other = RsaKey::generate(512, &mut CardRng::from_seed(9)).expect("a key");
    let other = other.components();
    let changed = |name: &str, to: Value| {
        refused(
            &format!("{key}/{name}"),
            to,
            "$.master_file.files[10].files[1].key.n",
            "do not make an RSA key",
        );
    };
    // Another key's numbers, one of its own in the place of another, and none that is nearly right.
    for (name, bytes) in [
        ("n", &other.modulus[..]),
        ("d", &other.private_exponent),
        ("p", &other.prime_p),
        ("q", &other.prime_q),
    ] {
        changed(name, json!(hex::encode_upper(bytes)));
    }
    changed("q", number("p"));
    changed("d", number("e"));
    refused(
        &format!("{key}/e"),
        json!("04"),
        "$.master_file.files[10].files[1].key.n",
        "public exponent",
    );
}

#[test]
fn an_atr_that_does_not_offer_the_protocol_is_refused_with_both_named() {
    // T=0 only; T=1 only; specific mode for T=1.
    let (t0, t1, forced) = ("3B00", "3B800181", "3B90119181811191");
    for (protocol, atr, fine) in [
        ("t0", t0, true),
        ("t1", t0, false),
        ("t1", t1, true),
        ("t0", t1, false),
        ("t0", "3B80800101", true),
        ("t1", "3B80800101", true),
        ("t0", forced, false),
    ] {
        let mut card = value();
        card["protocol"] = json!(protocol);
        card["atr"] = json!(atr);
        let text = serde_json::to_vec(&card).expect("JSON");
        match Image::from_json(&text) {
            Ok(_) => assert!(fine, "{protocol} {atr}"),
            Err(error) => {
                let line = error.to_string();
                assert!(!fine && line.contains("at $.atr"), "{line}");
                let wanted = protocol.to_uppercase().replace('T', "T=");
                assert!(line.contains(&wanted), "{line}");
            }
        }
    }
}

#[test]
fn names_in_an_error_cannot_break_its_line_nor_flood_it() {
    for name in ["a\nb", "a\u{1b}[2Jb", "a\u{85}b", "a\u{2028}b"] {
        let mut card = value();
        card[name] = json!(1);
        let text = serde_json::to_vec(&card).expect("JSON");
        let line = Image::from_json(&text)
            .map(|_| ())
            .expect_err(name)
            .to_string();
        assert!(line.contains("unknown field `a\\"), "{line}");
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
    let mut card = value();
    card["x".repeat(1_000_000).as_str()] = json!(1);
    let text = serde_json::to_vec(&card).expect("JSON");
    let line = Image::from_json(&text)
        .map(|_| ())
        .expect_err("a long name")
        .to_string();
    assert!(line.len() < 1000, "{} bytes", line.len());
}

#[test]
fn no_error_repeats_a_secret() {
    let secret = "0815471100";
    for (pointer, value) in [
        ("/pins/0/value", json!(secret)),
        ("/pins/0/value", json!(815_471_100)),
        ("/pins/0/value", json!([secret])),
        (
            "/master_file/files/10/files/1/key/d",
            json!(format!("{secret}X")),
        ),
        ("/master_file/files/10/files/1/key/p", json!(815_471_100)),
        (
            "/master_file/files/10/files/1/key/q",
            json!(format!("{secret}0")),
        ),
    ] {
        let line = error(pointer, value);
        assert!(!line.contains("81547110"), "{line}");
    }
}

#[test]
fn debug_shows_no_secret() {
    let image = Image::from_json(CARD).expect("the card image");
    let card = VirtualCard::new(image.clone(), CardRng::from_seed(1)).expect("a card");
    let key = value()
        .pointer("/master_file/files/10/files/1/key/d")
        .cloned()
        .expect("d");
    let key = key.as_str().expect("hexadecimal text").to_owned();
    for text in [format!("{image:?}"), format!("{card:?}")] {
        assert!(!text.contains("123456"), "a PIN");
        assert!(!text.contains(&key), "a private exponent");
    }
}

fn pins() -> impl Strategy<Value = Vec<PinImage>> {
    vec(
        (
            1..=15_u8,
            0..=15_u8,
            "[0-9]{4,8}",
            any::<bool>(),
            "\\PC{0,12}",
        ),
        0..4,
    )
    .prop_map(|pins| {
        let count = pins.len();
        let mut out = Vec::new();
        for (index, (tries_max, left, value, puk, label)) in pins.into_iter().enumerate() {
            out.push(PinImage {
                reference: HexByte(0x81 + index as u8),
                label,
                value: SecretText::new(value),
                encoding: PinEncoding::AsciiNumeric,
                min_length: 4,
                max_length: 8,
                stored_length: 8,
                pad: HexByte(0xFF),
                tries_left: left.min(tries_max),
                tries_max,
                unblocked_by: (puk && index + 1 < count).then_some(HexByte(0x82 + index as u8)),
            });
        }
        out
    })
}

fn ef() -> impl Strategy<Value = FileImage> {
    let transparent = (0..64_u32, vec(any::<u8>(), 0..64), any::<bool>(), 0..31_u8).prop_map(
        |(more, data, shareable, sfi)| {
            let content = TransparentImage {
                size: data.len() as u32 + more,
                data: Some(data.into()),
                shareable,
                sfi: Some(sfi),
                data_coding: None,
            };
            FileImage::new(0, FileContent::Transparent(content))
        },
    );
    let structures = prop_oneof![
        Just(RecordStructure::LinearFixed),
        Just(RecordStructure::LinearVariable { size: 0 }),
        Just(RecordStructure::Cyclic)
    ];
    let records = (structures, 1..5_u16, 1..8_u16, any::<bool>(), any::<u8>()).prop_map(
        |(structure, count, length, tlv, coding)| {
            let size = u32::from(length * count);
            let record = vec![coding; usize::from(length)];
            let content = RecordsImage {
                record_length: length,
                record_count: count,
                tlv,
                data_coding: Some(HexByte(coding)),
                structure: match structure.size() {
                    Some(_) => RecordStructure::LinearVariable { size },
                    None => structure,
                },
                records: Some(vec![record.into(); usize::from(count)]),
                shareable: false,
                sfi: None,
            };
            FileImage::new(0, FileContent::Records(content))
        },
    );
    prop_oneof![transparent, records]
}

fn file() -> impl Strategy<Value = FileImage> {
    let life_cycle = prop_oneof![
        Just(LifeCycle::Creation),
        Just(LifeCycle::Initialisation),
        Just(LifeCycle::Activated),
        Just(LifeCycle::Deactivated),
        Just(LifeCycle::Terminated)
    ];
    let leaf = (ef(), life_cycle).prop_map(|(file, life_cycle)| FileImage { life_cycle, ..file });
    leaf.prop_recursive(4, 24, 5, |inner| {
        vec(inner, 0..5).prop_map(|files| numbered(FileImage::df(0, files)))
    })
}

/// Gives the files of a DF different identifiers.
fn numbered(mut df: FileImage) -> FileImage {
    for (index, file) in df.files_mut().into_iter().flatten().enumerate() {
        file.fid.0 = 0x4000 + index as u16;
    }
    df
}

fn image() -> impl Strategy<Value = Image> {
    let objects = vec((vec(any::<u8>(), 0..20), any::<bool>()), 0..4);
    let t0 = any::<bool>();
    (pins(), vec(file(), 0..6), objects, t0, "[ -~]{1,20}").prop_map(
        |(pins, files, objects, t0, serial)| {
            let mut image = Image::from_json(CARD).expect("the card image");
            let (protocol, atr) = if t0 {
                (ProtocolName::T0, &[0x3B, 0x00][..])
            } else {
                (ProtocolName::T1, &[0x3B, 0x80, 0x01, 0x81][..])
            };
            image.protocol = protocol;
            image.atr = atr.to_vec().into();
            image.serial = serial;
            image.capacity = 1024 * 1024;
            image.pins = pins;
            image.data_objects = objects
                .into_iter()
                .enumerate()
                .map(|(index, (value, open))| DataObjectImage {
                    tag: DataTag(0x0100 + index as u16),
                    value: value.into(),
                    access: open.then(|| vec![0x01, 0x03].into()),
                })
                .collect();
            image.master_file = numbered(FileImage::df(0x3F00, files)).with_application("eid");
            image
        },
    )
}

proptest! {
    #[test]
    fn any_image_is_read_as_it_was_written(image in image()) {
        let text = image.to_json();
        prop_assert_eq!(Image::from_json(text.as_bytes()), Ok(image));
    }

    #[test]
    fn a_running_card_gives_back_an_image_that_gives_back_the_same_card(image in image()) {
        let card = VirtualCard::new(image, CardRng::from_seed(1)).expect("a card");
        let first = card.image();
        let again = VirtualCard::new(first.clone(), CardRng::from_seed(1)).expect("a card");
        prop_assert_eq!(again.image(), first);
    }

    #[test]
    fn arbitrary_text_is_refused_in_one_line(text in vec(any::<u8>(), 0..200)) {
        if let Err(error) = Image::from_json(&text) {
            prop_assert_eq!(error.to_string().lines().count(), 1);
        }
    }

    #[test]
    fn an_image_with_a_byte_changed_is_read_or_refused(at in 0..CARD.len(), byte in any::<u8>()) {
        let mut text = CARD.to_vec();
        text[at] = byte;
        if let Ok(image) = Image::from_json(&text) {
            // What is accepted runs, or says that it does not fit its capacity.
            let _ = VirtualCard::new(image, CardRng::from_seed(1));
        }
    }
}

#[test]
fn the_example_in_the_document_is_an_image() {
    let document = include_str!("../../docs/image.md");
    let example = document
        .split("```json\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("an example");
    let image = Image::from_json(example.as_bytes()).expect("an image");
    assert_eq!(image.pins.len(), 1);
}

#[test]
fn the_document_names_every_field() {
    fn names(value: &Value, out: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    out.push(name.clone());
                    names(value, out);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| names(item, out)),
            _ => {}
        }
    }
    let document = include_str!("../../docs/image.md");
    let mut fields = Vec::new();
    names(&value(), &mut fields);
    let image = serde_json::to_value(Image::from_json(CARD).expect("an image")).expect("JSON");
    names(&image, &mut fields);
    fields.extend(["name", "operations", "user_consent"].map(String::from));
    for field in fields {
        assert!(document.contains(&format!("`{field}`")), "{field}");
    }
}

/// The rows of the first table below this heading of docs/image.md, without its head.
fn documented(heading: &str) -> Vec<Vec<String>> {
    let page = include_str!("../../docs/image.md");
    let (_, below) = page.split_once(heading).expect("the heading");
    let lines = below.lines().skip_while(|line| !line.starts_with("|---"));
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    let cells = |row: &str| {
        row.trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect()
    };
    rows.map(cells).collect()
}

#[test]
fn the_page_lists_the_models_that_there_are_and_their_protocols() {
    let name = |protocol| match protocol {
        kortlab_apdu::Protocol::T0 => "`t0`",
        kortlab_apdu::Protocol::T1 => "`t1`",
    };
    let models = kortlab_emulator::models::MODELS.iter().map(|model| {
        let protocols: Vec<_> = model
            .protocols
            .iter()
            .map(|&protocol| name(protocol))
            .collect();
        vec![
            format!("`{}`", model.name),
            protocols.join(", "),
            model.summary.to_owned(),
        ]
    });
    assert_eq!(documented("\n## Models\n"), models.collect::<Vec<_>>());
}

#[test]
fn the_page_lists_the_applications_that_there_are() {
    let applications = kortlab_emulator::models::applications([]);
    let names: Vec<_> = applications
        .iter()
        .map(|application| format!("`{}`", application.name()))
        .collect();
    let rows = documented("\n## Applications\n");
    let listed: Vec<_> = rows.iter().map(|row| row[0].clone()).collect();
    assert_eq!(listed, names);
}
