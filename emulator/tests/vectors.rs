//! The conversations in `vectors/emulator`, and that each is there for a reason.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use kortlab_emulator::{CardRng, Image, VirtualCard};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors/emulator")
}

fn card(image: &str) -> VirtualCard {
    let image = Image::from_json(image.as_bytes()).expect("a card image");
    let mut card = VirtualCard::new(image, CardRng::from_seed(1)).expect("a card");
    card.power_on();
    card
}

/// `*` for any data before the rest, `?` for any digit.
fn matches(pattern: &str, answer: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(end) => answer.ends_with(end),
        None => {
            pattern.len() == answer.len()
                && pattern
                    .chars()
                    .zip(answer.chars())
                    .all(|(wanted, got)| wanted == '?' || wanted == got)
        }
    }
}

/// Plays a file; returns what went wrong, and which instructions were used.
fn play(path: &Path, used: &mut BTreeSet<u8>) -> Vec<String> {
    let text = fs::read_to_string(path).expect("a vector file");
    let file: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let image = file["card"].as_str().expect("the name of an image");
    let image = fs::read_to_string(directory().join(image)).expect("the image");
    let mut wrong = Vec::new();
    for case in file["cases"].as_array().expect("cases") {
        let proves = case["proves"].as_str().expect("what it proves");
        let mut card = card(&image);
        for (number, step) in case["steps"].as_array().expect("steps").iter().enumerate() {
            let step: Vec<&str> = step
                .as_array()
                .expect("a step")
                .iter()
                .map(|text| text.as_str().expect("text"))
                .collect();
            match step[..] {
                ["reset"] => card.reset(),
                ["reload"] => {
                    let saved = card.image().to_json();
                    card = self::card(&saved);
                }
                [command, wanted] => {
                    let bytes = hex::decode(command).expect(proves);
                    used.extend(bytes.get(1));
                    let answer = hex::encode_upper(card.transmit(&bytes));
                    if !matches(wanted, &answer) {
                        let name = path.file_stem().expect("a name").to_string_lossy();
                        wrong.push(format!(
                            "{name}: {proves}: step {number}: {command}: {wanted} expected, {answer} answered"
                        ));
                    }
                }
                _ => wrong.push(format!("{proves}: step {number} is malformed")),
            }
        }
    }
    wrong
}

#[test]
fn every_conversation_goes_as_written() {
    let mut used = BTreeSet::new();
    let mut wrong = Vec::new();
    let mut files = 0;
    for entry in fs::read_dir(directory()).expect("the vectors") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if name.ends_with(".json") && !name.starts_with("small-card") {
            files += 1;
            wrong.extend(play(&path, &mut used));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(files >= 9, "only {files} vector files found");
    // Every instruction that the card has without its keys is in some conversation.
    for ins in [
        0x04, 0x0C, 0x0E, 0x20, 0x24, 0x2C, 0x44, 0x70, 0x84, 0xA4, 0xAA, 0xB0, 0xB2, 0xC0, 0xCA,
        0xD0, 0xD2, 0xD6, 0xDA, 0xDC, 0xE0, 0xE2, 0xE4, 0xE6, 0xE8, 0xFE,
    ] {
        assert!(used.contains(&ins), "no conversation uses INS {ins:02X}");
    }
}

#[test]
fn a_wrong_answer_is_noticed() {
    assert!(matches("9000", "9000"));
    assert!(matches("*9000", "AABB9000"));
    assert!(matches("??9000", "AA9000"));
    assert!(!matches("9000", "6982"));
    assert!(!matches("??9000", "AABB9000"));
    assert!(!matches("*9000", "AABB6982"));
}
