//! Whatever is done to the bytes of a directory or of a certificate: `check` finds something
//! wrong wherever an independent reader sees another card than before.
//!
//! The independent readers are the `der` crate, which walks through the directory files, and
//! OpenSSL, which prints the certificates. What they must see alike: the elements of every object
//! of every directory, nested as they are; the identifiers and paths, which tie objects together;
//! and each certificate, to the last bit of its signature. A label, a flag or a number with another
//! value is another good card, which no reader can tell from a damaged one.
//!
//! OpenSC is asked about a sample as well, through a private pcscd.
//!
//! `KORTLAB_DAMAGED_CARDS` says how many cards, a few hundred if it is not set, and
//! `KORTLAB_DAMAGED_FROM` the first one's seed.

mod known;
mod opensc;
mod reading;

use std::time::{Duration, UNIX_EPOCH};

use kortlab_apdu::Protocol;
use kortlab_card::{Against, Card};
use kortlab_emulator::{CardRng, Image, InProcess, VirtualCard};
use kortlab_issuer::clock::Timestamp;
use kortlab_pkcs15::Severity;
use kortlab_renewal::states::{CardState, new_card};
use kortlab_tear::damage::{self, Damaged};
use kortlab_tear::sample::Dice;

use reading::{OpenSsl, Reading};

const IN_CI: u64 = 300;

/// What `cert check` finds with the issuers' certificates at hand: errors and warnings.
fn found(image: &Image, issuers: &[Vec<u8>], now: Duration) -> Vec<String> {
    let Ok(card) = VirtualCard::new(image.clone(), CardRng::from_seed(1)) else {
        return vec!["no card".to_owned()];
    };
    let mut card = match Card::open(InProcess::ephemeral(card)) {
        Ok(card) => card,
        Err(error) => return vec![error.to_string()],
    };
    let against = Against {
        issuers: issuers.to_vec(),
        all_issuers: true,
        ..Against::default()
    };
    let checked = card.check(UNIX_EPOCH + now, &against).expect("checked");
    let of_certificates = checked
        .certificates
        .iter()
        .flat_map(|certificate| certificate.to_problems());
    let directories = card.contents().problems.iter().cloned();
    directories
        .chain(checked.problems)
        .chain(of_certificates)
        .filter(|problem| problem.severity() >= Severity::Warning)
        .map(|problem| problem.to_string())
        .collect()
}

/// A good card, what its authorities' certificates are, and the time at which it is valid.
fn good_card() -> (Image, Vec<Vec<u8>>, Duration) {
    let date = Timestamp::from_date(2026, 11, 24).expect("a day");
    let mut made = new_card(CardState::Valid, Protocol::T0, 1, date).expect("a card");
    let authorities = made.world.authority_files().expect("authorities");
    let issuers = authorities.map(|files| files.certificate_der).to_vec();
    (
        made.image,
        issuers,
        Duration::from_secs(date.unix_seconds()),
    )
}

/// A card of which `check` found nothing, and what another reader saw.
fn describe(seed: u64, damaged: &Damaged, good: &Reading, reading: &Reading) -> String {
    let changed: Vec<_> = reading
        .directories
        .iter()
        .filter(|(path, text)| good.directories.get(*path) != Some(text))
        .map(|(path, text)| format!("{path:04X?}: {text}"))
        .collect();
    format!("seed {seed}: {}\n{}", damaged.what, changed.join("\n"))
}

#[test]
fn check_finds_something_wherever_an_independent_reader_sees_another_card() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let count: u64 = number("KORTLAB_DAMAGED_CARDS").unwrap_or(IN_CI);
    let first: u64 = number("KORTLAB_DAMAGED_FROM").unwrap_or(0);
    let (image, issuers, now) = good_card();
    let mut openssl = OpenSsl::default();
    let good = Reading::of(&image, &mut openssl);
    assert_eq!(good.certificates.len(), 4, "{good:#?}");
    assert_eq!(good.directories.len(), 7, "{good:#?}");
    assert_eq!(found(&image, &issuers, now), [""; 0], "the good card");

    let targets = damage::targets(&image);
    assert_eq!(targets.len(), 11);
    let workers = std::thread::available_parallelism().map_or(1, |workers| workers.get() as u64);
    let (mut differ, mut missed) = (0_u64, Vec::new());
    let work = |worker: u64| {
        let mut openssl = OpenSsl::default();
        let seeds = (first + worker..first + count).step_by(workers as usize);
        let trials = seeds.map(|seed| {
            let damaged = damage::damage(&image, &targets, &mut Dice::new(seed));
            let reading = Reading::of(&damaged.image, &mut openssl);
            if reading == good {
                return (0, None);
            }
            let is_missed = found(&damaged.image, &issuers, now).is_empty();
            (
                1,
                is_missed.then(|| describe(seed, &damaged, &good, &reading)),
            )
        });
        let (differ, missed): (Vec<u64>, Vec<Option<String>>) = trials.unzip();
        (differ.iter().sum::<u64>(), missed)
    };
    std::thread::scope(|scope| {
        let work = &work;
        let running: Vec<_> = (0..workers)
            .map(|worker| scope.spawn(move || work(worker)))
            .collect();
        for worker in running {
            let (seen, found) = worker.join().expect("no panic");
            differ += seen;
            missed.extend(found.into_iter().flatten());
        }
    });
    println!(
        "{count} damaged cards, {differ} read differently, {} missed",
        missed.len()
    );
    assert!(
        differ > count / 2,
        "the damage is seen: {differ} of {count}"
    );
    missed.truncate(20);
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
