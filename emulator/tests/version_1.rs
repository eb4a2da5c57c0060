//! Images of version 1, in all states of a card, as the program wrote them that knew no other: they
//! are opened, work, and are saved as version 2.

#![allow(clippy::unwrap_used)]

use kortlab_emulator::{CardRng, Image, ImageFile, InProcess, Inserted, VirtualCard};
use serde_json::{Value, json};

/// One a line: what state the card is in, and its image.
const IMAGES: &str = include_str!("version_1_images.jsonl");

const DONE: [u8; 2] = [0x90, 0x00];

fn images() -> Vec<(String, Value)> {
    let lines = IMAGES
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

fn read(image: &Value) -> Image {
    Image::from_json(&serde_json::to_vec(image).unwrap()).unwrap()
}

#[test]
fn the_set_has_every_state_and_both_protocols_and_is_of_version_1() {
    let names: Vec<_> = images().into_iter().map(|(name, _)| name).collect();
    for state in [
        "blank",
        "blank-slots",
        "delivered",
        "valid",
        "expired",
        "revoked",
        "full",
        "blocked",
    ] {
        assert!(names.iter().any(|name| name == state), "{state}");
    }
    for (name, image) in images() {
        assert_eq!(image["version"], 1, "{name}");
    }
    let protocols: Vec<_> = images()
        .iter()
        .map(|(_, i)| i["protocol"].clone())
        .collect();
    assert!(protocols.contains(&json!("t0")) && protocols.contains(&json!("t1")));
}

#[test]
fn what_is_saved_is_version_2_and_otherwise_what_was_read() {
    for (name, old) in images() {
        let image = read(&old);
        let card = VirtualCard::new(image.clone(), CardRng::from_seed(1)).unwrap();
        let saved: Value = serde_json::from_str(&card.image().to_json()).unwrap();
        let mut expected = old.clone();
        expected["version"] = json!(2);
        expected["master_file"]["application"] = json!("eid");
        assert_eq!(saved, expected, "{name}");
        assert_eq!(read(&saved), image, "{name}");
    }
}

#[test]
fn a_file_of_version_1_is_opened_and_the_first_change_saves_it_as_version_2() {
    let directory = tempfile::tempdir().unwrap();
    for (name, old) in images() {
        let path = directory.path().join(format!("{name}.json"));
        std::fs::write(&path, serde_json::to_vec(&old).unwrap()).unwrap();
        let (file, image) = ImageFile::open(&path).unwrap();
        let mut card = Inserted::new(
            VirtualCard::new(image, CardRng::from_seed(1)).unwrap(),
            file,
        );
        let version = || {
            let text = std::fs::read(&path).unwrap();
            serde_json::from_slice::<Value>(&text).unwrap()["version"].clone()
        };
        assert_eq!(version(), 1, "{name}: reading changes nothing");
        // A wrong PIN takes a try, which is saved; a blank card has no PIN.
        let verify = *b"\x00\x20\x00\x81\x08999999\x00\x00";
        let expected = match name.as_str() {
            "blank" => [0x6A, 0x88],
            "blocked" => [0x69, 0x83],
            _ => [0x63, 0xC2],
        };
        assert_eq!(card.transmit(&verify), expected, "{name}");
        let changed = !matches!(name.as_str(), "blank" | "blocked");
        assert_eq!(version(), if changed { 2 } else { 1 }, "{name}");
    }
}

#[test]
fn the_cards_work_as_they_did() {
    for (name, old) in images().into_iter().filter(|(name, _)| name != "blank") {
        let mut card =
            InProcess::ephemeral(VirtualCard::new(read(&old), CardRng::from_seed(1)).unwrap());
        let select = *b"\x00\xA4\x08\x0C\x04\x50\x15\x50\x31";
        assert_eq!(card.transmit(&select), DONE, "{name}");
        let odf = card.transmit(&[0x00, 0xB0, 0x00, 0x00, 0x02]);
        assert_eq!(odf, [0xA0, 0x0A, 0x90, 0x00], "{name}");
        // What only the EID applet has: its version, the list of files, a public key.
        let version = card.transmit(&[0x00, 0xCA, 0xDF, 0x30, 0x05]);
        assert_eq!(version, b"v2.1\0\x90\x00", "{name}");
        let list = card.transmit(&[0x80, 0xAA, 0x00, 0x00, 0x00]);
        let expected = if old["protocol"] == "t0" { 0x6C } else { 0x50 };
        assert_eq!(list[0], expected, "{name}: {list:02X?}");
        if name == "blocked" {
            continue;
        }
        let verify = *b"\x00\x20\x00\x81\x08123456\x00\x00";
        assert_eq!(card.transmit(&verify), DONE, "{name}");
        let environment = *b"\x00\x22\x41\xB6\x07\x80\x01\x02\x81\x02\x4B\x01";
        assert_eq!(card.transmit(&environment), DONE, "{name}");
        let sign = *b"\x00\x2A\x9E\x9A\x04text\x00";
        let sign = if old["protocol"] == "t0" {
            &sign[..9]
        } else {
            &sign
        };
        let answer = card.transmit(sign);
        assert!(
            answer.ends_with(&DONE) || answer[0] == 0x61,
            "{name}: {answer:02X?}"
        );
    }
}

#[test]
fn what_version_2_brought_is_not_read_in_version_1_nor_another_model() {
    let (_, old) = images().swap_remove(3);
    for (pointer, new, path) in [
        ("/model", json!("toy"), "$.model"),
        (
            "/master_file/application",
            json!("eid"),
            "$.master_file.application",
        ),
        (
            "/master_file/files/1/application",
            json!("iso"),
            "$.master_file.files[1].application",
        ),
    ] {
        let mut image = old.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let place = image.pointer_mut(parent).unwrap();
        place[name] = new;
        let error = Image::from_json(&serde_json::to_vec(&image).unwrap()).unwrap_err();
        assert!(error.to_string().contains(path), "{error}");
    }
}

#[test]
fn every_version_that_is_not_known_is_refused() {
    let (_, old) = images().swap_remove(0);
    for version in [json!(0), json!(3), json!(258), json!("2"), json!(null)] {
        let mut image = old.clone();
        image["version"] = version;
        assert!(Image::from_json(&serde_json::to_vec(&image).unwrap()).is_err());
    }
}
