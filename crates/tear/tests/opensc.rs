//! OpenSC's opinion of cards that were torn and recovered, through a private pcscd.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::fs;

use kortlab_apdu::Protocol;
use kortlab_emulator::memory::MemoryTechnology;
use kortlab_interop::{Sandbox, VPCD_PORT};
use kortlab_tear::listing::Listing;
use kortlab_tear::sample::Dice;
use kortlab_tear::{Case, Point, Recording, trial};

/// How many cuts of each kind of memory; there are four.
const CUTS: usize = 55;

/// A certificate as OpenSC lists it: label, identifier, path.
type Row = (String, String, String);

#[test]
fn pkcs15_tool_lists_a_consistent_card_after_220_cuts_and_their_recovery() {
    let sandbox = Sandbox::new().unwrap();
    let next = sandbox.file("next.json");
    let place = |json: &str| {
        let prepared = sandbox.write("prepared.json", json).unwrap();
        fs::rename(prepared, &next).unwrap();
    };
    let mut changer = None;
    let mut dice = Dice::new(15);
    let mut seen = 0;
    for technology in MemoryTechnology::ALL {
        let recording = Recording::new(technology, Protocol::T0).unwrap();
        let cases: Vec<_> = Point::cases(&recording)
            .into_iter()
            .filter(|(point, _)| point.pulls_the_card())
            .collect();
        for case in dice.draw(&cases, CUTS) {
            let (json, listing) = recovered(&recording, case);
            place(&json);
            changer.get_or_insert_with(|| {
                let program = sandbox.command(env!("CARGO_BIN_EXE_kortlab-card-changer"));
                let address = format!("127.0.0.1:{VPCD_PORT}");
                sandbox
                    .insert(program.arg(address).arg(sandbox.directory()))
                    .unwrap()
            });
            let dump = sandbox.command("pkcs15-tool").arg("-D").run().unwrap();
            let text = dump.success().unwrap().text();
            let place = format!("{technology:?}, {case:?}");
            assert!(!next.exists(), "{place}: another card was asked");
            assert_eq!(rows(&text), expected(&listing), "{place}:\n{text}");
            for bad in ["error", "fail", "invalid", "unknown object"] {
                assert!(!text.to_lowercase().contains(bad), "{place}:\n{text}");
            }
            seen += 1;
        }
    }
    assert!(seen >= 200, "{seen}");
}

/// The image of a card after a cut and its recovery, and what our own reading finds on it.
fn recovered(recording: &Recording, (point, host): Case) -> (String, Listing) {
    let torn = trial::tear(recording, point).unwrap();
    let mut card = trial::insert(torn.card, torn.out);
    let mut journal = torn.journal;
    let outcome = trial::recover(&mut card, &mut journal, host, torn.known);
    outcome.unwrap();
    let image = card.card().image();
    let mut session = kortlab_card::Card::open(&mut card).unwrap();
    (image.to_json(), Listing::read(&mut session).unwrap())
}

fn expected(listing: &Listing) -> Vec<Row> {
    let certificates = listing.certificates.iter();
    certificates
        .map(|listed| {
            let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
            (
                listed.label.clone(),
                hex(&listed.key_id),
                hex(listed.path.as_bytes()),
            )
        })
        .collect()
}

fn rows(text: &str) -> Vec<Row> {
    let sections = text.split("X.509 Certificate [").skip(1);
    sections
        .map(|section| {
            let (label, rest) = section.split_once(']').unwrap();
            let field = |name: &str| {
                let line = rest.lines().find(|line| line.trim().starts_with(name));
                let (_, value) = line.unwrap().split_once(':').unwrap();
                value.trim().to_lowercase()
            };
            (label.to_owned(), field("ID"), field("Path"))
        })
        .collect()
}
