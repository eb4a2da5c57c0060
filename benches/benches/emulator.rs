//! The card in process: SELECT, READ BINARY and others, beside a channel that does nothing.
#![allow(missing_docs)] // criterion's macros make items that have none

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use kortlab_apdu::{Channel, ChannelError, Protocol, ResetKind};
use kortlab_emulator::{CardRng, Image, InProcess, VirtualCard};

/// Answers 9000 to everything: the floor.
struct Null;

impl Channel for Null {
    fn transmit(&mut self, _: &[u8]) -> Result<Vec<u8>, ChannelError> {
        Ok(vec![0x90, 0x00])
    }
    fn reset(&mut self, _: ResetKind) -> Result<(), ChannelError> {
        Ok(())
    }
    fn atr(&self) -> &[u8] {
        &[0x3B, 0x00]
    }
    fn protocol(&self) -> Protocol {
        Protocol::T1
    }
}

fn card(text: &[u8]) -> InProcess {
    let image = Image::from_json(text).expect("a card image");
    InProcess::ephemeral(VirtualCard::new(image, CardRng::from_seed(1)).expect("a card"))
}

/// Sends a command once, to see that it is answered as meant, then measures it.
fn measure(
    group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
    name: &str,
    channel: &mut dyn Channel,
    command: &[u8],
    status: [u8; 2],
) {
    let answer = channel.transmit(command).expect("an answer");
    assert!(answer.ends_with(&status), "{name}: {answer:02X?}");
    group.bench_function(name, |bencher| {
        bencher.iter(|| channel.transmit(black_box(command)));
    });
}

fn commands(criterion: &mut Criterion) {
    let done = [0x90, 0x00];
    let select = [0x00, 0xA4, 0x08, 0x00, 0x02, 0x2F, 0x00, 0x00];
    let mut card = card(include_bytes!("../../vectors/emulator/small-card-t1.json"));
    let mut group = criterion.benchmark_group("card in process");
    measure(&mut group, "null channel", &mut Null, &select, done);
    measure(&mut group, "SELECT by path, FCI", &mut card, &select, done);
    let select = [0x00, 0xA4, 0x08, 0x0C, 0x02, 0x2F, 0x05];
    measure(
        &mut group,
        "SELECT by path, no answer",
        &mut card,
        &select,
        done,
    );
    let read = [0x00, 0xB0, 0x00, 0x00, 0x00];
    measure(&mut group, "READ BINARY, 256 bytes", &mut card, &read, done);
    let get_data = [0x00, 0xCA, 0xDF, 0x30, 0x05];
    measure(&mut group, "GET DATA", &mut card, &get_data, done);
    let mut verify = vec![0x00, 0x20, 0x00, 0x81, 0x08];
    verify.extend_from_slice(b"123456\0\0");
    measure(&mut group, "VERIFY, nothing kept", &mut card, &verify, done);
    let mut update = vec![0x00, 0xD6, 0x00, 0x00, 0xFF];
    update.extend_from_slice(&[0x5A; 255]);
    measure(
        &mut group,
        "UPDATE BINARY, 255 bytes",
        &mut card,
        &update,
        done,
    );
    let challenge = [0x00, 0x84, 0x00, 0x00, 0x08];
    measure(
        &mut group,
        "GET CHALLENGE, 8 bytes",
        &mut card,
        &challenge,
        done,
    );
    group.finish();
}

criterion_group!(benches, commands);
criterion_main!(benches);
