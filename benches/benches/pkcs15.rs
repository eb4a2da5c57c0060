//! Reading PKCS#15 files, beside the generic reading of RustCrypto's `der` in the same groups:
//! read the ratios. The peer checks tags and lengths only; ours gives typed objects and findings.
#![allow(missing_docs)] // criterion's macros make items that have none

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use der::asn1::AnyRef;
use der::{Decode, Reader, SliceReader, Tagged};
use kortlab_pkcs15::{
    Aodf, AuthenticationObject, Cdf, Certificate, CommonKeyAttributes, CommonObjectAttributes,
    Edit, EfDir, KeyUsage, ObjectFlags, ObjectKind, Odf, Path, PinAttributes, PinFlags, PrKdf,
    PrivateKey, TokenFlags, TokenInfo,
};

fn path(file: u16) -> Path {
    let [high, low] = file.to_be_bytes();
    Path::file([0x3F, 0x00, 0x50, 0x15, high, low])
}

fn certificate(number: u16) -> Certificate {
    Certificate::x509(
        CommonObjectAttributes::labelled(format!("TEST certificate {number}"))
            .with_flags(ObjectFlags::MODIFIABLE),
        0x45 + (number % 2) as u8,
        path(0x4331 + number),
    )
}

fn cdf(count: u16) -> Vec<u8> {
    let directory = Cdf::new((0..count).map(certificate));
    directory.encode().expect("valid")
}

/// EF.DIR, ODF, TokenInfo, AODF, PrKDF and CDF of a card with two PINs, two keys and four
/// certificates.
fn card() -> [Vec<u8>; 6] {
    let private = ObjectFlags::PRIVATE | ObjectFlags::MODIFIABLE;
    let common = |label: &str, pin: u8| {
        CommonObjectAttributes::labelled(label)
            .with_flags(private)
            .with_auth_id(pin)
    };
    let pin = |label: &str, id: u8| {
        let attributes = PinAttributes {
            flags: PinFlags::INITIALIZED | PinFlags::NEEDS_PADDING,
            min_length: 6,
            stored_length: 8,
            max_length: Some(8),
            reference: 0x80 | u32::from(id),
            pad_char: Some(0x00),
            ..PinAttributes::default()
        };
        AuthenticationObject::pin(common(label, 0x03), id, attributes)
    };
    let key = |label: &str, id: u8, pin, usage| {
        let key = CommonKeyAttributes::new(id, usage);
        let file = path(0x4B00 + u16::from(pin));
        PrivateKey::rsa(common(label, pin), key, file, 2048)
    };
    [
        EfDir::new([kortlab_pkcs15::Application::pkcs15(
            "Telia EID IP5a",
            [0x3F, 0x00, 0x50, 0x15],
        )])
        .encode(),
        Odf::of_files([
            (ObjectKind::PrivateKeys, path(0x4402)),
            (ObjectKind::Certificates, path(0x4403)),
            (ObjectKind::AuthObjects, path(0x4401)),
        ])
        .encode(),
        TokenInfo::new(
            *b"9752268000000000017",
            "Telia EID IP5a",
            TokenFlags::LOGIN_REQUIRED,
        )
        .encode(),
        Aodf::new([pin("Legitimering", 0x01), pin("Underskrift", 0x02)]).encode(),
        PrKdf::new([
            key("Legitimering", 0x45, 0x01, KeyUsage::SIGN),
            key("Underskrift", 0x46, 0x02, KeyUsage::NON_REPUDIATION),
        ])
        .encode(),
        Ok(cdf(4)),
    ]
    .map(|file| file.expect("valid"))
}

/// Reads `bytes` level by level with the peer; returns how many elements there are.
fn generic(bytes: &[u8]) -> usize {
    let mut reader = SliceReader::new(bytes).expect("short enough");
    let mut count = 0;
    while !reader.is_finished() {
        let any = AnyRef::decode(&mut reader).expect("DER");
        count += 1;
        if any.tag().is_constructed() {
            count += generic(any.value());
        }
    }
    count
}

fn read_card([dir, odf, token, aodf, prkdf, cdf]: &[Vec<u8>; 6]) -> usize {
    let dir = EfDir::parse(dir).value;
    let odf = Odf::parse(odf).value;
    let token = TokenInfo::parse(token).map(|token| token.value);
    let aodf = Aodf::parse(aodf).value;
    let prkdf = PrKdf::parse(prkdf).value;
    let cdf = Cdf::parse(cdf).value;
    dir.entries.len()
        + odf.entries.len()
        + usize::from(token.is_ok())
        + aodf.entries.len()
        + prkdf.entries.len()
        + cdf.entries.len()
}

fn reading(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pkcs15 read CDF");
    for count in [4_u16, 100] {
        let file = cdf(count);
        let read = Cdf::parse(&file);
        assert!(read.is_clean());
        assert_eq!(read.value.objects().count(), usize::from(count));
        assert!(generic(&file) > 8 * usize::from(count));
        group.throughput(Throughput::Bytes(file.len() as u64));
        group.bench_with_input(BenchmarkId::new("kortlab", count), &file, |bench, file| {
            bench.iter(|| Cdf::parse(black_box(file)));
        });
        group.bench_with_input(
            BenchmarkId::new("der, generic", count),
            &file,
            |bench, file| {
                bench.iter(|| generic(black_box(file)));
            },
        );
    }
    group.finish();

    let mut group = criterion.benchmark_group("pkcs15 read card");
    let files = card();
    assert_eq!(read_card(&files), 13);
    group.throughput(Throughput::Bytes(
        files.iter().map(Vec::len).sum::<usize>() as u64
    ));
    group.bench_function("kortlab", |bench| {
        bench.iter(|| read_card(black_box(&files)))
    });
    group.bench_function("der, generic", |bench| {
        bench.iter(|| {
            files
                .iter()
                .map(|file| generic(black_box(file)))
                .sum::<usize>()
        });
    });
    group.finish();
}

/// A directory whose every length is wrong by one: the work of finding objects all the same.
fn damaged(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pkcs15 read damaged CDF");
    for count in [4_u16, 100] {
        let mut file = cdf(count);
        let mut start = 0;
        while let Some(length) = file.get(start + 1).copied() {
            file[start + 1] = length + 1;
            start += 2 + usize::from(length);
        }
        let read = Cdf::parse(&file).value;
        assert_eq!(read.objects().count(), usize::from(count));
        group.throughput(Throughput::Bytes(file.len() as u64));
        group.bench_with_input(BenchmarkId::new("kortlab", count), &file, |bench, file| {
            bench.iter(|| Cdf::parse(black_box(file)));
        });
    }
    group.finish();
}

fn writing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pkcs15 write");
    let directory = Cdf::parse(&cdf(4)).value;
    group.bench_function("CDF of 4", |bench| {
        bench.iter(|| black_box(&directory).encode())
    });
    let file = cdf(4);
    let new = certificate(5);
    group.bench_function("replace one of 4", |bench| {
        bench.iter(|| {
            let mut edit = Edit::<Certificate>::new(black_box(&file), 1024);
            edit.replace(1, &new).expect("there");
            edit.finish().expect("fits")
        });
    });
    group.finish();
}

criterion_group!(benches, reading, damaged, writing);
criterion_main!(benches);
