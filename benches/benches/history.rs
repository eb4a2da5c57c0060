//! A recorded session of 10 000 commands: played, and bisected by `diagnose`, beside one diagnosis.
#![allow(missing_docs)] // criterion's macros make items that have none

use std::hint::black_box;
use std::time::{Duration, SystemTime};

use criterion::{Criterion, criterion_group, criterion_main};
use kortlab_apdu::Protocol;
use kortlab_card::Against;
use kortlab_card::files::Budget;
use kortlab_diagnose::history::{
    History, NewFaults, Playing, Recording, Walk, bisect as find_border,
};
use kortlab_diagnose::{Diagnosing, diagnose};
use kortlab_emulator::{CardRng, Image, InProcess, VirtualCard};
use kortlab_issuer::clock::Timestamp;
use kortlab_renewal::states::{CardState, new_card};
use kortlab_trace::Reading;

/// How many commands the session has.
const COMMANDS: usize = 10_000;

/// The command that breaks the card.
const BAD: usize = 6_174;

/// A card with four certificates, and its session as text: the PIN, EF(CDF), then a write of filler and a
/// read in turn, but for one write over the first certificate's entry.
fn session() -> (Image, Vec<u8>) {
    let date = Timestamp::from_date(2026, 11, 24).expect("a date");
    let card = new_card(CardState::Valid, Protocol::T1, 1, date).expect("a card");
    let mut card = VirtualCard::new(card.image, CardRng::from_seed(1)).expect("a card");
    let start = card.image();
    card.power_on();
    let mut text = String::new();
    for number in 1..=COMMANDS {
        let command = match number {
            1 => "00200081083132333435360000".to_owned(),
            2 => "00A4080C0450154403".to_owned(),
            BAD => "00D600000104".to_owned(),
            _ if number % 2 == 0 => "00B0060010".to_owned(),
            _ => "00D606000400000000".to_owned(),
        };
        let bytes = hex::decode(&command).expect("hex");
        let answer = card.transmit(&bytes);
        assert!(answer.ends_with(&[0x90, 0x00]), "{number}: {answer:02X?}");
        let answer = hex::encode_upper(answer);
        text.push_str(&format!("{command}\n# Received: {answer}\n"));
    }
    (start, text.into_bytes())
}

fn diagnosing() -> Diagnosing {
    Diagnosing {
        budget: Budget::CARD,
        // Two days later.
        now: SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_700_000),
        against: Against::default(),
        rules: Vec::new(),
    }
}

fn played<'a>(history: &'a History<'a>, start: &Image) -> Recording<'a> {
    let walk = Walk::begin(history, start.clone(), Playing::default()).expect("a card");
    Recording::play(walk, false).expect("no difference")
}

/// All of it: the trace is read, played, and its command found.
fn bisected(text: &[u8], start: &Image) -> usize {
    let reading: Reading = kortlab_trace::read(text);
    let history = History::of(&reading, None).expect("commands");
    let recording = played(&history, start);
    let last = recording.changing().len();
    let ends = (recording.card(0), recording.card(last));
    let faults = NewFaults::between(ends.0, ends.1, diagnosing()).expect("read");
    let found = find_border(last, |state| faults.verdict(recording.card(state)));
    let found = found.expect("read").expect("a border");
    recording.changing()[found.bad - 1]
}

fn bisect(criterion: &mut Criterion) {
    let (start, text) = session();
    assert_eq!(bisected(&text, &start), BAD);
    let mut group = criterion.benchmark_group("10000 commands");
    group.sample_size(10);
    group.bench_function("one diagnosis", |bencher| {
        bencher.iter(|| {
            let card = VirtualCard::new(start.clone(), CardRng::from_seed(1)).expect("a card");
            let channel = InProcess::ephemeral(card);
            diagnose(channel, &diagnosing(), |_, _| Vec::new(), Box::new(|_| {})).expect("read")
        });
    });
    group.bench_function("read the trace", |bencher| {
        bencher.iter(|| kortlab_trace::read(black_box(&text)));
    });
    let reading = kortlab_trace::read(&text);
    let history = History::of(&reading, None).expect("commands");
    group.bench_function("play them", |bencher| {
        bencher.iter(|| played(black_box(&history), &start).changing().len());
    });
    group.bench_function("bisect them, all of it", |bencher| {
        bencher.iter(|| bisected(black_box(&text), &start));
    });
    group.finish();
}

criterion_group!(benches, bisect);
criterion_main!(benches);
