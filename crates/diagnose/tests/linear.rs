//! The work of a diagnosis grows with the size of a file and not faster, whatever is in the file: counted in
//! objects read and commands sent, not in time.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::time::{Duration, SystemTime};

use kortlab_apdu::tlv::{counted, object};
use kortlab_card::Against;
use kortlab_card::files::Budget;
use kortlab_diagnose::{Diagnosing, diagnose, html};
use kortlab_emulator::crypto::RsaKey;
use kortlab_emulator::models::eid::EidCard;
use kortlab_emulator::{CardRng, Image, InProcess, VirtualCard};
use kortlab_explain::pkcs15::{File, explain};

/// SEQUENCE in SEQUENCE, as deep as it goes.
fn nested(size: usize) -> Vec<u8> {
    let mut reversed: Vec<u8> = Vec::new();
    while reversed.len() + 4 < size {
        let length = reversed.len();
        let bytes = length.to_be_bytes();
        let significant: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
        reversed.extend(significant.iter().rev());
        match (length, significant.len()) {
            (0, _) => reversed.push(0),
            (0x80.., count) => reversed.push(0x80 | count as u8),
            _ => {}
        }
        reversed.push(0x30);
    }
    reversed.reverse();
    reversed
}

/// Files that are made to be slow to read.
fn hostile(size: usize) -> [(&'static str, Vec<u8>); 6] {
    [
        ("nested", nested(size)),
        ("tiny objects", [0x30, 0x00].repeat(size / 2)),
        (
            "tiny objects in one",
            object(0x30_u8, &[0x05, 0x00].repeat(size / 2 - 3)),
        ),
        ("all 30", vec![0x30; size]),
        ("filler between", [0x00, 0x30, 0x00, 0xFF].repeat(size / 4)),
        // Each cut one is a finding, as long as findings are kept.
        (
            "broken objects",
            [0x30, 0x04, 0x02, 0x7F, 0x01, 0x01].repeat(size / 6),
        ),
    ]
}

#[test]
fn a_file_that_is_twice_as_long_takes_at_most_twice_the_work() {
    const SIZES: [usize; 8] = [1, 2, 4, 8, 16, 32, 64, 256];
    for index in 0..hostile(64).len() {
        let mut before: Option<(usize, u64)> = None;
        for size in SIZES.map(|size| size << 10) {
            let (name, bytes) = hostile(size)[index].clone();
            counted::take();
            let explained = explain(File::Certificates, &bytes);
            let work = counted::take();
            assert!(!explained.problems.is_empty(), "{name}: {size}");
            // No byte is read in more than a handful of objects.
            assert!(
                work <= 4 * size as u64 + 100,
                "{name}: {work} objects of {size} bytes"
            );
            if let Some((smaller, less)) = before {
                let most = less * (size / smaller) as u64 * 11 / 10 + 100;
                assert!(
                    work <= most,
                    "{name}: {less} at {smaller}, {work} at {size}"
                );
            }
            before = Some((size, work));
        }
    }
}

/// A card whose EF(CDF) has this content.
fn card(image: &Image, content: &[u8]) -> InProcess {
    let mut document: serde_json::Value = serde_json::from_str(&image.to_json()).unwrap();
    document["capacity"] = (1 << 20).into();
    let child = |parent: &mut serde_json::Value, fid: &str| -> usize {
        let files = parent["files"].as_array().unwrap();
        files.iter().position(|file| file["fid"] == fid).unwrap()
    };
    let application = child(&mut document["master_file"], "5015");
    let application = &mut document["master_file"]["files"][application];
    let directory = child(application, "4403");
    let directory = &mut application["files"][directory];
    directory["size"] = content.len().into();
    directory["data"] = hex::encode_upper(content).into();
    let image = Image::from_json(document.to_string().as_bytes()).unwrap();
    InProcess::ephemeral(VirtualCard::new(image, CardRng::from_seed(1)).unwrap())
}

#[test]
fn a_card_with_such_a_file_takes_at_most_twice_the_work_for_twice_the_size() {
    let mut rng = CardRng::from_seed(1);
    let mut key = || RsaKey::generate(1024, &mut rng).unwrap();
    let image = EidCard::new("9752269700000000008", key(), key())
        .build()
        .unwrap();
    let options = Diagnosing {
        budget: Budget::CARD,
        now: SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
        against: Against::default(),
        rules: Vec::new(),
    };
    for index in 0..hostile(64).len() {
        let mut before: Option<(usize, u64, usize)> = None;
        for size in [2, 4, 8, 16, 32].map(|size| size << 10) {
            let (name, content) = hostile(size)[index].clone();
            counted::take();
            let card = card(&image, &content);
            let found = diagnose(card, &options, |_, _| Vec::new(), Box::new(|_| {})).unwrap();
            let work = counted::take();
            assert!(found.count() > 0 && found.ended.is_none(), "{name}: {size}");
            // The report shows a bounded part of a file for each of a bounded number of findings.
            assert!(
                html::report(&found, "a test").len() < 64 << 20,
                "{name}: {size}"
            );
            if let Some((smaller, less, fewer)) = before {
                let times = size / smaller;
                let most = less * times as u64 * 12 / 10 + 2_000;
                assert!(
                    work <= most,
                    "{name}: {less} at {smaller}, {work} at {size}"
                );
                let commands = found.commands;
                assert!(
                    commands <= fewer * times,
                    "{name}: {fewer} commands, then {commands}"
                );
            }
            before = Some((size, work, found.commands));
        }
    }
}
