//! OpenSC as another independent reader, for a sample of the damaged cards.

use kortlab_emulator::Image;
use kortlab_interop::{Sandbox, VPCD_PORT};
use kortlab_tear::damage;
use kortlab_tear::sample::Dice;

use crate::{found, good_card};

/// How many cards OpenSC is asked about.
const OPENSC: u64 = 300;

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
