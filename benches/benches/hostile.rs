//! Files that are made to be slow to read, diagnosed at growing sizes, beside a peer, `iso7816-tlv`, which
//! only reads them: compare one size with the next, and one line with the other.
#![allow(missing_docs)] // criterion's macros make items that have none

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use iso7816_tlv::ber;
use kortlab_apdu::Protocol;
use kortlab_apdu::tlv::object;
use kortlab_card::Against;
use kortlab_card::files::Budget;
use kortlab_diagnose::{Diagnosing, diagnose};
use kortlab_emulator::{CardRng, Image, InProcess, VirtualCard};
use kortlab_explain::pkcs15::{File, explain};
use kortlab_issuer::clock::Timestamp;
use kortlab_renewal::states::{CardState, new_card};

const SIZES: [usize; 5] = [1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10];

/// The longest file that a card may have here.
const LONGEST: usize = 32 << 10;

/// The peer takes time quadratic in the depth, and a stack that grows with it: it is given both up to here.
const PEER: usize = 64 << 10;
const STACK: usize = 1 << 30;

/// How a file of so many bytes is made.
type Shape = fn(usize) -> Vec<u8>;

const SHAPES: [(&str, Shape); 4] = [
    ("nested", nested),
    ("tiny objects", tiny),
    ("tiny objects in one", tiny_in_one),
    ("all 30", |size| vec![0x30; size]),
];

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

/// As many objects as there is room for.
fn tiny(size: usize) -> Vec<u8> {
    [0x30, 0x00].repeat(size / 2)
}

/// The same in one object.
fn tiny_in_one(size: usize) -> Vec<u8> {
    object(0x30_u8, &[0x05, 0x00].repeat((size - 6) / 2))
}

/// What the peer needs to read all of it.
fn peer(bytes: &[u8]) -> Duration {
    let bytes = bytes.to_vec();
    let work = move || {
        let begun = Instant::now();
        black_box(ber::Tlv::parse_all(black_box(&bytes)).len());
        begun.elapsed()
    };
    let thread = thread::Builder::new().stack_size(STACK).spawn(work);
    thread.expect("a thread").join().expect("it ends")
}

/// A file as EF(CDF), read and explained: its objects, its tree, and each finding with its byte.
fn files(c: &mut Criterion) {
    for (name, shape) in SHAPES {
        let mut group = c.benchmark_group(format!("hostile file, {name}"));
        group.sample_size(10);
        for size in SIZES {
            let bytes = shape(size);
            group.throughput(Throughput::Bytes(bytes.len() as u64));
            group.bench_with_input(BenchmarkId::new("kortlab", size), &bytes, |b, bytes| {
                b.iter(|| explain(File::Certificates, black_box(bytes)));
            });
            if size <= PEER {
                group.bench_with_input(
                    BenchmarkId::new("iso7816-tlv", size),
                    &bytes,
                    |b, bytes| {
                        b.iter_custom(|times| (0..times).map(|_| peer(bytes)).sum());
                    },
                );
            }
        }
        group.finish();
    }
}

/// A card whose EF(CDF) is such a file.
fn card(content: Vec<u8>) -> InProcess {
    let date = Timestamp::from_date(2026, 11, 24).expect("a date");
    let card = new_card(CardState::BlankSlots, Protocol::T1, 1, date).expect("a card");
    let mut document: serde_json::Value =
        serde_json::from_str(&card.image.to_json()).expect("an image");
    document["capacity"] = (1 << 20).into();
    let directory = document["master_file"]["files"]
        .as_array_mut()
        .expect("files");
    let application = directory.iter_mut().find(|file| file["fid"] == "5015");
    let files = application.expect("5015")["files"]
        .as_array_mut()
        .expect("files");
    let file = files
        .iter_mut()
        .find(|file| file["fid"] == "4403")
        .expect("EF(CDF)");
    file["size"] = content.len().into();
    file["data"] = hex::encode_upper(content).into();
    let image = Image::from_json(document.to_string().as_bytes()).expect("an image");
    InProcess::ephemeral(VirtualCard::new(image, CardRng::from_seed(1)).expect("a card"))
}

/// All of `diagnose`, with the card's answers.
fn cards(c: &mut Criterion) {
    let diagnosing = Diagnosing {
        budget: Budget::CARD,
        now: SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_700_000),
        against: Against::default(),
        rules: Vec::new(),
    };
    for (name, shape) in SHAPES {
        let mut group = c.benchmark_group(format!("hostile card, {name}"));
        group.sample_size(10);
        for size in SIZES
            .into_iter()
            .chain([LONGEST])
            .filter(|size| *size <= LONGEST)
        {
            let content = shape(size);
            group.throughput(Throughput::Bytes(content.len() as u64));
            group.bench_with_input(BenchmarkId::new("kortlab", size), &content, |b, content| {
                b.iter_batched(
                    || card(content.clone()),
                    |card| {
                        let found =
                            diagnose(card, &diagnosing, |_, _| Vec::new(), Box::new(|_| {}));
                        assert!(found.expect("it ends").count() > 0);
                    },
                    criterion::BatchSize::LargeInput,
                );
            });
        }
        group.finish();
    }
}

criterion_group!(benches, files, cards);
criterion_main!(benches);
