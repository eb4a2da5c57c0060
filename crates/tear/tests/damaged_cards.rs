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

use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, UNIX_EPOCH};

use der::asn1::AnyRef;
use der::{Decode as _, Encode as _, Reader as _, SliceReader, Tagged as _};
use kortlab_apdu::Protocol;
use kortlab_card::{Against, Card};
use kortlab_emulator::{CardRng, Image, InProcess, VirtualCard};
use kortlab_interop::{Sandbox, VPCD_PORT};
use kortlab_issuer::clock::Timestamp;
use kortlab_pkcs15::Severity;
use kortlab_renewal::states::{CardState, new_card};
use kortlab_tear::damage::{self, Damaged};
use kortlab_tear::sample::Dice;

const IN_CI: u64 = 300;

/// How many cards OpenSC is asked about.
const OPENSC: u64 = 300;

/// What an independent reader sees of a card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Reading {
    /// Each directory file, its elements one a line.
    directories: BTreeMap<Vec<u16>, String>,
    /// Each certificate that the CDF names, as OpenSSL prints it.
    certificates: Vec<String>,
}

/// OpenSSL, which is asked once for each certificate.
#[derive(Default)]
struct OpenSsl(HashMap<Vec<u8>, String>);

impl OpenSsl {
    fn text(&mut self, der: &[u8]) -> String {
        if let Some(known) = self.0.get(der) {
            return known.clone();
        }
        let mut process = Command::new("openssl")
            .args(["x509", "-inform", "DER", "-noout", "-text"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl runs; run: cargo xtask test");
        // It may end before it has read everything.
        let _ = process.stdin.take().expect("piped").write_all(der);
        let output = process.wait_with_output().expect("ended");
        let text = match output.status.success() {
            true => String::from_utf8_lossy(&output.stdout).into_owned(),
            false => "not loaded".to_owned(),
        };
        self.0.insert(der.to_vec(), text.clone());
        text
    }
}

impl Reading {
    fn of(image: &Image, openssl: &mut OpenSsl) -> Self {
        let mut reading = Self::default();
        let odf = [0x5015, 0x5031];
        for fixed in [&[0x2F00][..], &odf] {
            reading
                .directories
                .insert(fixed.to_vec(), walked(image, fixed));
        }
        // EF(TokenInfo) names no objects: its values are the card's own.
        let token_info = walked(image, &[0x5015, 0x5032]);
        let elements: Vec<_> = token_info
            .lines()
            .filter_map(|line| line.split('[').next())
            .collect();
        reading
            .directories
            .insert(vec![0x5015, 0x5032], elements.join("\n"));
        for path in paths(&damage::content(image, &odf).unwrap_or_default()) {
            let text = walked(image, &path);
            if text.contains("certificate") {
                continue;
            }
            reading.directories.insert(path, text);
        }
        // The CDF is where the good card has it, or gone.
        let cdf = damage::content(image, &[0x5015, 0x4403]).unwrap_or_default();
        for path in paths(&cdf) {
            let content = damage::content(image, &path);
            let content = content.unwrap_or_default();
            let mut reader = SliceReader::new(&content).expect("a file");
            let der = AnyRef::decode(&mut reader).and_then(|outer| outer.to_der());
            reading.certificates.push(match der {
                Ok(der) => openssl.text(&der),
                Err(_) => "no element".to_owned(),
            });
        }
        reading
    }
}

/// The elements of a directory file, one a line.
fn walked(image: &Image, path: &[u16]) -> String {
    let mut text = String::new();
    match damage::content(image, path) {
        None => text.push_str("not there"),
        Some(content) => walk(&content, 0, &mut text),
    }
    text
}

/// One line for each element; filler ends the top level, anything else that is no element is a
/// line of its own.
fn walk(bytes: &[u8], depth: usize, text: &mut String) {
    let mut rest = bytes;
    while !rest.is_empty() {
        if depth == 0 && matches!(rest[0], 0x00 | 0xFF) {
            let filler = rest.iter().all(|byte| matches!(byte, 0x00 | 0xFF));
            text.push_str(if filler {
                ""
            } else {
                "something behind filler\n"
            });
            return;
        }
        let mut reader = SliceReader::new(rest).expect("short");
        let Ok(element) = AnyRef::decode(&mut reader) else {
            text.push_str("no element\n");
            return;
        };
        let tag = rest[0];
        text.push_str(&format!("{depth} {tag:02X}"));
        // Identifiers, paths, AIDs. One byte this deep is the padChar of a PIN, which is a value.
        let is_pad = depth == 3 && tag == 0x04 && element.value().len() == 1;
        let names = matches!(tag, 0x04 | 0x4F | 0x51) && element.value().len() < 20;
        if depth > 0 && names && !is_pad {
            text.push_str(&format!(" {:02X?}", element.value()));
        }
        text.push('\n');
        if element.tag().is_constructed() && depth < 12 {
            walk(element.value(), depth + 1, text);
        }
        let read = usize::try_from(reader.position()).expect("small");
        rest = &rest[read..];
    }
}

/// The paths in a directory: the OCTET STRINGs that begin with 3F00, in the order of the file.
fn paths(directory: &[u8]) -> Vec<Vec<u16>> {
    let mut text = String::new();
    walk(directory, 0, &mut text);
    text.lines()
        .filter_map(|line| line.split_once(" 04 [")?.1.strip_suffix(']'))
        .filter(|bytes| bytes.starts_with("3F, 00"))
        .map(|bytes| {
            let bytes: Vec<_> = bytes
                .split(", ")
                .filter_map(|byte| u8::from_str_radix(byte, 16).ok())
                .collect();
            damage::below_master_file(&bytes.into())
        })
        .collect()
}

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
        lists: Vec::new(),
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

/// What OpenSC sees: its keys and certificates with their identifiers and paths, the serial
/// number of each certificate, and how many PINs there are; or that it sees no card at all.
fn opensc_sees(sandbox: &Sandbox) -> Vec<String> {
    let dump = sandbox
        .command("pkcs15-tool")
        .arg("-D")
        .run()
        .expect("it runs");
    let Ok(dump) = dump.success() else {
        return vec!["nothing".to_owned()];
    };
    dump.text()
        .lines()
        .map(str::trim)
        .filter_map(|line| {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            let name = name.trim();
            match name {
                "ID" | "Path" | "Encoded serial" => Some(format!("{name} {}", value.trim())),
                _ if name.starts_with("X.509 Certificate [") => Some("certificate".to_owned()),
                _ if name.starts_with("Private RSA Key [") => Some("key".to_owned()),
                _ if name.starts_with("PIN [") => Some("PIN".to_owned()),
                _ => None,
            }
        })
        .collect()
}

#[test]
fn check_finds_something_wherever_opensc_sees_another_card() {
    let (image, issuers, now) = good_card();
    let sandbox = Sandbox::new().expect("a sandbox");
    let next = sandbox.file("next.json");
    let place = |image: &Image| {
        let prepared = sandbox
            .write("prepared.json", image.to_json())
            .expect("written");
        std::fs::rename(prepared, &next).expect("placed");
    };
    place(&image);
    let program = sandbox.command(env!("CARGO_BIN_EXE_kortlab-card-changer"));
    let address = format!("127.0.0.1:{VPCD_PORT}");
    let _changer = sandbox
        .insert(program.arg(address).arg(sandbox.directory()))
        .expect("inserted");
    let good = opensc_sees(&sandbox);
    assert!(good.len() > 12, "{good:?}");
    let targets = damage::targets(&image);
    let (mut differ, mut missed) = (0, Vec::new());
    for seed in 0..OPENSC {
        let damaged = damage::damage(&image, &targets, &mut Dice::new(seed));
        place(&damaged.image);
        let seen = opensc_sees(&sandbox);
        assert!(!next.exists(), "another card was asked");
        if seen == good {
            continue;
        }
        differ += 1;
        if found(&damaged.image, &issuers, now).is_empty() {
            missed.push(format!("seed {seed}: {}\n{seen:#?}", damaged.what));
        }
    }
    println!(
        "OpenSC saw {OPENSC} damaged cards, {differ} of them differently; {} were missed",
        missed.len()
    );
    assert!(differ > 20, "OpenSC sees damage: {differ}");
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
