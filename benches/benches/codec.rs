//! Commands, responses, ATRs, and the exchange layer over a card that costs nothing.
#![allow(missing_docs)] // criterion's macros make items that have none

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kortlab_apdu::atr::AtrBuilder;
use kortlab_apdu::fcp::Fcp;
use kortlab_apdu::historical::Historical;
use kortlab_apdu::{Atr, Channel, ChannelError, Command, Protocol, ResetKind, Response, exchange};

const SELECT_AID: &[u8] = &[
    0x00, 0xA4, 0x04, 0x00, 0x0C, 0xA0, 0x00, 0x00, 0x00, 0x63, 0x50, 0x4B, 0x43, 0x53, 0x2D, 0x31,
    0x35, 0x00,
];
const STAFF_CARD: &[u8] = &[
    0x3B, 0x7D, 0x96, 0x00, 0x00, 0x80, 0x31, 0x80, 0x65, 0xB0, 0xA3, 0x11, 0x01, 0xF3, 0x83, 0x00,
    0x90, 0x00,
];
const FCI: &[u8] = &[
    0x6F, 0x29, 0x81, 0x02, 0x00, 0x00, 0x82, 0x01, 0x38, 0x83, 0x02, 0x50, 0x15, 0x84, 0x0C, 0xA0,
    0x00, 0x00, 0x00, 0x63, 0x50, 0x4B, 0x43, 0x53, 0x2D, 0x31, 0x35, 0x86, 0x03, 0x02, 0x47, 0x81,
    0x8A, 0x01, 0x07, 0xA5, 0x06, 0xC1, 0x04, 0x81, 0x82, 0x83, 0x84,
];

/// A card that costs nothing: it gives out `data` in parts of at most 256 bytes.
struct NullCard {
    protocol: Protocol,
    data: Vec<u8>,
    at: usize,
}

impl NullCard {
    fn new(protocol: Protocol, length: usize) -> Self {
        Self {
            protocol,
            data: vec![0x55; length],
            at: 0,
        }
    }
}

impl Channel for NullCard {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        if command.get(1) != Some(&0xC0) {
            self.at = 0;
        }
        let rest = &self.data[self.at..];
        let (part, rest) = rest.split_at(rest.len().min(256));
        self.at += part.len();
        let mut answer = Vec::with_capacity(part.len() + 2);
        answer.extend_from_slice(part);
        let status = match rest.len() {
            0 => [0x90, 0x00],
            more => [0x61, u8::try_from(more).unwrap_or(0)],
        };
        answer.extend_from_slice(&status);
        Ok(answer)
    }

    fn reset(&mut self, _: ResetKind) -> Result<(), ChannelError> {
        Ok(())
    }

    fn atr(&self) -> &[u8] {
        STAFF_CARD
    }

    fn protocol(&self) -> Protocol {
        self.protocol
    }
}

fn commands(c: &mut Criterion) {
    let mut group = c.benchmark_group("command");
    let select = Command::parse(SELECT_AID).expect("SELECT");
    let long = Command::new(0xD6, 0, 0).with_data(vec![0x55; 4096]);
    let long_bytes = long.encode().expect("an extended command");
    group.bench_function("parse SELECT by AID", |b| {
        b.iter(|| Command::parse(black_box(SELECT_AID)));
    });
    group.bench_function("encode SELECT by AID", |b| {
        b.iter(|| black_box(&select).encode());
    });
    group.bench_function("encode SELECT by AID as TPDU", |b| {
        b.iter(|| black_box(&select).encode_tpdu());
    });
    group.throughput(Throughput::Bytes(4096));
    group.bench_function("parse 4096 extended bytes", |b| {
        b.iter(|| Command::parse(black_box(&long_bytes)));
    });
    group.finish();
}

fn responses(c: &mut Criterion) {
    let mut group = c.benchmark_group("response");
    let mut answer = vec![0x55; 256];
    answer.extend_from_slice(&[0x90, 0x00]);
    group.bench_function("parse 256 bytes", |b| {
        b.iter(|| Response::parse(black_box(&answer)));
    });
    group.bench_function("read an FCI", |b| b.iter(|| Fcp::parse(black_box(FCI))));
    group.finish();
}

fn exchanges(c: &mut Criterion) {
    let mut group = c.benchmark_group("exchange");
    let read = Command::new(0xB0, 0, 0).expecting_any();
    for protocol in [Protocol::T0, Protocol::T1] {
        let mut card = NullCard::new(protocol, 0);
        // What the layer costs is the difference to the bare channel.
        let bytes = read.encode().expect("READ BINARY");
        group.bench_function(format!("{protocol:?} bare channel"), |b| {
            b.iter(|| card.transmit(black_box(&bytes)));
        });
        group.bench_function(format!("{protocol:?} one command"), |b| {
            b.iter(|| exchange(&mut card, black_box(&read)));
        });
        let mut card = NullCard::new(protocol, 4096);
        group.bench_function(format!("{protocol:?} 4096 bytes with GET RESPONSE"), |b| {
            b.iter(|| exchange(&mut card, black_box(&read)));
        });
        let mut card = NullCard::new(protocol, 0);
        let update = Command::new(0xD6, 0, 0).with_data(vec![0x55; 4096]);
        group.bench_function(format!("{protocol:?} 4096 bytes chained"), |b| {
            b.iter(|| exchange(&mut card, black_box(&update)));
        });
    }
    group.finish();
}

fn atrs(c: &mut Criterion) {
    let mut group = c.benchmark_group("atr");
    group.bench_function("parse", |b| b.iter(|| Atr::parse(black_box(STAFF_CARD))));
    group.bench_function("historical bytes", |b| {
        b.iter(|| {
            Historical::parse(black_box(&STAFF_CARD[5..]))
                .findings()
                .len()
        });
    });
    let builder = AtrBuilder::new()
        .global(Some(0x96), Some(0x00), Some(0x00))
        .protocol(1, Some(0xFE), Some(0x45), None)
        .historical(&STAFF_CARD[5..]);
    group.bench_function("build with TCK", |b| b.iter(|| black_box(&builder).build()));
    group.finish();
}

criterion_group!(benches, commands, responses, exchanges, atrs);
criterion_main!(benches);
