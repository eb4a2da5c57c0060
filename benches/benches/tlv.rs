//! BER-TLV against a peer, `iso7816-tlv`, in the same groups: read the ratios.
#![allow(missing_docs)] // criterion's macros make items that have none

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use iso7816_tlv::ber;
use kortlab_apdu::tlv::{Builder, object, walk};

/// What the peer is given at most: it recurses, and takes time quadratic in depth.
const PEER_DEPTH: usize = 4_000;

/// A certificate directory's shape: `count` templates of three objects each.
fn templates(count: usize) -> Vec<u8> {
    let template = Builder::new()
        .constructed(0x30_u8, |outer| {
            outer
                .constructed(0x30_u8, |inner| {
                    inner
                        .primitive(0x0C_u8, b"TEST Telia e-legitimation")
                        .primitive(0x03_u8, &[0x06, 0x40])
                })
                .primitive(0x04_u8, &[0x45])
                .primitive(0x30_u8, &[0x04, 0x02, 0x43, 0x31])
        })
        .finish();
    object(0x31_u8, &template.repeat(count))
}

/// Objects in objects, `depth` levels.
fn nested(depth: usize) -> Vec<u8> {
    // Built from the inside, without copying the inside again and again.
    let mut reversed = Vec::new();
    for _ in 0..depth {
        let mut header = vec![0x30];
        push_length(&mut header, reversed.len());
        reversed.extend(header.iter().rev());
    }
    reversed.reverse();
    reversed
}

fn push_length(out: &mut Vec<u8>, length: usize) {
    let bytes = length.to_be_bytes();
    let skip = bytes.iter().take_while(|&&byte| byte == 0).count();
    let significant = &bytes[skip..];
    if length >= 0x80 {
        out.push(0x80 | significant.len() as u8);
    } else if length == 0 {
        out.push(0);
    }
    out.extend_from_slice(significant);
}

fn count_ours(bytes: &[u8]) -> usize {
    walk(bytes, usize::MAX).filter(Result::is_ok).count()
}

fn count_theirs(object: &ber::Tlv) -> usize {
    match object.value() {
        ber::Value::Primitive(_) => 1,
        ber::Value::Constructed(children) => 1 + children.iter().map(count_theirs).sum::<usize>(),
    }
}

fn read_flat(c: &mut Criterion) {
    let mut group = c.benchmark_group("tlv read templates");
    for count in [10, 100, 1_000] {
        let bytes = templates(count);
        let theirs = ber::Tlv::from_bytes(&bytes).expect("the peer reads it");
        assert_eq!(count_ours(&bytes), count_theirs(&theirs));
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_with_input(BenchmarkId::new("kortlab", count), &bytes, |b, bytes| {
            b.iter(|| count_ours(black_box(bytes)));
        });
        group.bench_with_input(
            BenchmarkId::new("iso7816-tlv", count),
            &bytes,
            |b, bytes| {
                b.iter(|| ber::Tlv::from_bytes(black_box(bytes)).is_ok());
            },
        );
    }
    group.finish();
}

fn read_nested(c: &mut Criterion) {
    let mut group = c.benchmark_group("tlv read nested");
    group.sample_size(10);
    for depth in [1_000, 4_000, 16_000] {
        let bytes = nested(depth);
        assert_eq!(count_ours(&bytes), depth);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_with_input(BenchmarkId::new("kortlab", depth), &bytes, |b, bytes| {
            b.iter(|| count_ours(black_box(bytes)));
        });
        if depth <= PEER_DEPTH {
            group.bench_with_input(
                BenchmarkId::new("iso7816-tlv", depth),
                &bytes,
                |b, bytes| {
                    b.iter(|| ber::Tlv::from_bytes(black_box(bytes)).is_ok());
                },
            );
        }
    }
    group.finish();
}

fn build(c: &mut Criterion) {
    let mut group = c.benchmark_group("tlv build FCP");
    let ours = || {
        Builder::new()
            .constructed(0x62_u8, |fcp| {
                fcp.primitive(0x81_u8, &[0x01, 0x00])
                    .primitive(0x82_u8, &[0x01])
                    .primitive(0x83_u8, &[0x2F, 0x00])
                    .primitive(0x8A_u8, &[0x07])
            })
            .finish()
    };
    let primitive = |tag: u8, value: &[u8]| {
        let tag = ber::Tag::try_from(tag).expect("a tag");
        ber::Tlv::new(tag, ber::Value::Primitive(value.to_vec())).expect("an object")
    };
    let theirs = || {
        let children = vec![
            primitive(0x81, &[0x01, 0x00]),
            primitive(0x82, &[0x01]),
            primitive(0x83, &[0x2F, 0x00]),
            primitive(0x8A, &[0x07]),
        ];
        let tag = ber::Tag::try_from(0x62_u8).expect("a tag");
        ber::Tlv::new(tag, ber::Value::Constructed(children))
            .expect("a template")
            .to_vec()
    };
    assert_eq!(ours(), theirs());
    group.bench_function("kortlab", |b| b.iter(ours));
    group.bench_function("iso7816-tlv", |b| b.iter(theirs));
    group.finish();
}

criterion_group!(benches, read_flat, read_nested, build);
criterion_main!(benches);
