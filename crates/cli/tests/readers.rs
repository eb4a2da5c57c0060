//! `kortlab readers` and `kortlab emulate` with the real pcscd: several cards, and what a watch
//! tells of insertions and removals.
#![cfg(feature = "pcsc")]

use std::time::{Duration, Instant};

use kortlab_interop::{Output, Sandbox};
use serde_json::Value;

const KORTLAB: &str = env!("CARGO_BIN_EXE_kortlab");
/// How long pcscd may take to notice a card.
const PATIENCE: Duration = Duration::from_secs(10);

fn kortlab(sandbox: &Sandbox, arguments: &[&str]) -> Output {
    let command = sandbox.command(KORTLAB).args(arguments);
    command.run().expect("kortlab runs")
}

fn document(output: &Output) -> Value {
    serde_json::from_str(&output.stdout_text()).expect("one JSON document")
}

/// How many readers hold a card.
fn cards(sandbox: &Sandbox) -> usize {
    let readers = document(&kortlab(sandbox, &["--json", "readers"]));
    let readers = readers["readers"].as_array().expect("a list");
    readers
        .iter()
        .filter(|reader| reader["state"] == "card")
        .count()
}

#[track_caller]
fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "{what}: not in time");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn two_cards_sit_in_two_readers_and_are_chosen_by_number() {
    let sandbox = Sandbox::new().expect("a sandbox");
    for (card, seed, protocol) in [("a.json", "1", "t0"), ("b.json", "2", "t1")] {
        let new = [
            "card",
            "new",
            "-o",
            card,
            "--seed",
            seed,
            "--protocol",
            protocol,
        ];
        kortlab(&sandbox, &new).success().expect("a card");
    }
    let emulate = sandbox
        .command(KORTLAB)
        .args(["emulate", "a.json", "b.json"]);
    let mut running = emulate.spawn().expect("kortlab runs");
    wait_until("two cards", || cards(&sandbox) == 2);

    // With two cards, one must be named.
    let ambiguous = kortlab(&sandbox, &["info"]);
    ambiguous.clone().code(3).expect("exit code 3");
    let mut found: Vec<_> = ["pcsc:0", "pcsc:1"]
        .iter()
        .map(|reader| {
            let output = kortlab(&sandbox, &["-c", reader, "--json", "info"]);
            document(&output.success().expect("information"))
        })
        .collect();
    let mut expected: Vec<_> = ["a.json", "b.json"]
        .iter()
        .map(|image| {
            // The images are in use: a copy says the same.
            std::fs::copy(sandbox.file(image), sandbox.file("copy.json")).expect("copied");
            let output = kortlab(&sandbox, &["-c", "copy.json", "--json", "info"]);
            document(&output.success().expect("information"))
        })
        .collect();
    let by_serial = |one: &Value| one["serial"].to_string();
    found.sort_by_key(by_serial);
    expected.sort_by_key(by_serial);
    assert_eq!(found, expected);

    running.interrupt().expect("told");
    let ended = running.wait(PATIENCE).expect("ended");
    ended.clone().code(0).expect("exit code 0");
    assert_eq!(ended.stdout_text().matches("ejected").count(), 2);
    wait_until("no card", || cards(&sandbox) == 0);
    let output = kortlab(&sandbox, &["info"]);
    output.clone().code(3).expect("exit code 3");
}

#[test]
fn a_watch_tells_of_insertion_and_removal_and_ends_cleanly() {
    let sandbox = Sandbox::new().expect("a sandbox");
    let new = ["card", "new", "-o", "card.json", "--seed", "1"];
    kortlab(&sandbox, &new).success().expect("a card");
    let watch = sandbox
        .command(KORTLAB)
        .args(["--json", "readers", "--watch"]);
    let mut watch = watch.spawn().expect("kortlab runs");
    let card = sandbox
        .emulate(KORTLAB.as_ref(), &sandbox.file("card.json"), &[])
        .expect("a card in the reader");
    // The watch must have seen it before it goes.
    std::thread::sleep(Duration::from_secs(2));
    card.eject().expect("ejected");
    std::thread::sleep(Duration::from_secs(2));
    watch.interrupt().expect("told");
    let output = watch.wait(PATIENCE).expect("ended");
    output.clone().code(0).expect("exit code 0");

    let text = output.stdout_text();
    let lines = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("a JSON line"));
    let lines: Vec<Value> = lines.collect();
    let mut states = lines
        .iter()
        .filter(|line| line["event"] == "card")
        .skip_while(|line| line["state"] != "card");
    let inserted = states.next().expect("an insertion");
    assert_eq!(inserted["atr"], "3B7D96000080318065B0A31101F383009000");
    assert!(states.any(|line| line["state"] == "empty"), "{text}");
    assert!(lines.iter().any(|line| line["event"] == "reader-added"));
}
