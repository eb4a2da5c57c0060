//! Holds the ATR reader against pcsc-tools' `ATR_analysis`, which other hands wrote.

use std::fs;
use std::path::Path;
use std::process::Command;

use kortlab_apdu::Atr;
use kortlab_apdu::atr::AtrBuilder;
use kortlab_apdu::error::ErrorKind;

const TOOL: &str = "/usr/bin/ATR_analysis";
const LIST: &str = "/usr/share/pcsc/smartcard_list.txt";

/// What the tool prints for one ATR, without colours. It would fetch a newer list of cards from
/// the network: it gets a fresh, empty list and a PATH in which there is nothing to fetch with.
fn analyse(cache: &Path, atr: &str) -> String {
    let output = Command::new(TOOL)
        .arg(atr)
        .env("XDG_CACHE_HOME", cache)
        .env("PATH", cache)
        .output()
        .expect("ATR_analysis of pcsc-tools is missing: run: cargo xtask test");
    let text = String::from_utf8_lossy(&output.stdout);
    text.split("Possibly identified")
        .next()
        .unwrap_or_default()
        .replace("\u{1b}[35m", "")
        .replace("\u{1b}[0m", "")
}

fn cache() -> tempfile::TempDir {
    let cache = tempfile::tempdir().expect("a directory");
    fs::write(cache.path().join("smartcard_list.txt"), "").expect("an empty list");
    cache
}

/// The ATRs of the list of known cards that have no wild cards, every `step`th.
fn known_cards(step: usize) -> Vec<String> {
    let list = fs::read(LIST).expect("the list of pcsc-tools is missing: run: cargo xtask test");
    String::from_utf8_lossy(&list)
        .lines()
        .filter(|line| line.starts_with("3B ") || line.starts_with("3F "))
        .filter(|line| line.chars().all(|c| c.is_ascii_hexdigit() || c == ' '))
        .step_by(step)
        .map(str::to_owned)
        .collect()
}

fn parse(text: &str) -> Option<Atr> {
    Atr::parse(&hex::decode(text.replace(' ', "")).ok()?).ok()
}

fn hold_against_the_tool(cache: &Path, text: &str) {
    let atr = parse(text).expect("an ATR");
    let theirs = analyse(cache, text);
    let historical = theirs.contains("Historical bytes: ").then(|| {
        let line = theirs
            .lines()
            .find(|line| line.contains("Historical bytes: "));
        line.and_then(|line| line.split(": ").nth(1))
            .unwrap_or_default()
            .trim()
            .to_owned()
    });
    let ours: Vec<String> = atr
        .historical_bytes()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    assert_eq!(
        historical.unwrap_or_default(),
        ours.join(" "),
        "{text}\n{theirs}"
    );

    let protocols: Vec<u8> = theirs
        .lines()
        .filter(|line| line.trim_start().starts_with("TD("))
        .filter_map(|line| {
            line.split("Protocol T = ")
                .nth(1)?
                .split_whitespace()
                .next()?
                .parse()
                .ok()
        })
        .collect();
    let ours: Vec<u8> = atr
        .interfaces()
        .iter()
        .filter_map(|group| group.protocol)
        .collect();
    assert_eq!(protocols, ours, "{text}\n{theirs}");

    let expected_tck = theirs
        .split("WRONG CHECKSUM, expected ")
        .nth(1)
        .and_then(|rest| u32::from_str_radix(rest.split_whitespace().next()?, 16).ok());
    let ours = atr
        .findings()
        .iter()
        .find_map(|finding| match finding.kind() {
            ErrorKind::Mismatch {
                what: "TCK",
                expected,
                ..
            } => Some(expected),
            _ => None,
        });
    assert_eq!(expected_tck, ours, "{text}\n{theirs}");
    assert_eq!(
        theirs.contains("(correct checksum)"),
        atr.tck_is_due() && atr.tck().is_some() && ours.is_none(),
        "{text}\n{theirs}"
    );

    if let (Some(fi), Some(di), true) = (atr.fi(), atr.di(), theirs.contains("TA(1)")) {
        assert!(
            theirs.contains(&format!("Fi={fi}, Di={di}")),
            "{text}\n{theirs}"
        );
    }
    if let Some(group) = atr
        .interfaces()
        .iter()
        .find(|group| group.index >= 3 && group.protocol == Some(1))
    {
        if group.ta.is_some() {
            let ifsc = atr.information_field_size().expect("T=1");
            assert!(
                theirs.contains(&format!("IFSC: {ifsc}")),
                "{text}\n{theirs}"
            );
        }
        if group.tb.is_some() {
            let bwi = atr.block_waiting_time_integer().expect("T=1");
            let cwi = atr.character_waiting_time_integer().expect("T=1");
            let line = format!("Block Waiting Integer: {bwi} - Character Waiting Integer: {cwi}");
            assert!(theirs.contains(&line), "{text}\n{theirs}");
        }
    }
}

#[test]
fn protocols_parameters_and_tck_agree_with_another_decoder_on_known_cards() {
    let cache = cache();
    let cards: Vec<String> = known_cards(60)
        .into_iter()
        // The tool gives up on what is cut short or too long.
        .filter(|text| {
            parse(text).is_some_and(|atr| {
                !atr.findings().iter().any(|finding| {
                    matches!(
                        finding.kind(),
                        ErrorKind::Truncated { .. }
                            | ErrorKind::Trailing { .. }
                            | ErrorKind::Length { .. }
                            | ErrorKind::Missing { .. }
                            | ErrorKind::Unexpected { .. }
                    )
                })
            })
        })
        .collect();
    assert!(cards.len() > 50, "only {} cards", cards.len());
    for card in &cards {
        hold_against_the_tool(cache.path(), card);
    }
}

#[test]
fn the_cards_of_this_project_agree_with_another_decoder() {
    let cache = cache();
    for card in [
        "3B 7D 96 00 00 80 31 80 65 B0 A3 11 01 F3 83 00 90 00",
        "3B 7F 96 00 00 80 31 80 65 B0 85 04 00 11 12 02 F0 82 90 00",
        "3B F5 96 00 00 81 31 FE 45 4D 79 45 49 44 14",
        "3B FD 96 00 00 81 31 FE 45 80 31 80 65 B0 A3 11 01 F3 83 00 90 00 00",
    ] {
        hold_against_the_tool(cache.path(), card);
    }
    let built = AtrBuilder::new()
        .global(Some(0x96), Some(0x00), Some(0x00))
        .protocol(1, Some(0xFE), Some(0x45), None)
        .historical(&[
            0x80, 0x31, 0x80, 0x65, 0xB0, 0xA3, 0x11, 0x01, 0xF3, 0x83, 0x00, 0x90, 0x00,
        ])
        .build()
        .expect("an ATR");
    assert_eq!(built.tck(), Some(0xD7));
    hold_against_the_tool(cache.path(), &built.to_string());
}

#[test]
fn every_known_card_reads_without_failure_and_most_without_findings() {
    let cards = known_cards(1);
    assert!(cards.len() > 3_000, "only {} cards", cards.len());
    let read: Vec<Atr> = cards.iter().filter_map(|text| parse(text)).collect();
    assert_eq!(read.len(), cards.len());
    let clean = read.iter().filter(|atr| atr.findings().is_empty()).count();
    assert!(clean * 10 > cards.len() * 9, "{clean} of {}", cards.len());
}
