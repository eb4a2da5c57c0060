//! APDUs through the real pcscd and vpcd: a null card, which answers 9000 to everything, as the
//! floor, and our emulated card beside it, in the same run.
//!
//! Only programs inside a sandbox see its pcscd. So this program makes the sandbox and runs itself
//! in it, once as the card and once as the client that measures.

use std::env;
use std::error::Error;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use kortlab_apdu::Protocol;
use kortlab_emulator::crypto::RsaKey;
use kortlab_emulator::link::vpcd::VpcdLink;
use kortlab_emulator::models::eid::EidCard;
use kortlab_emulator::{CardRng, Inserted, VirtualCard};
use kortlab_interop::{Sandbox, VPCD_PORT, null_card};
use pcsc::{Context, Protocols, Scope, ShareMode};

/// Which part this process plays; unset in the one that cargo starts.
const ROLE: &str = "KORTLAB_BENCH_ROLE";
/// Which card the client is to measure.
const CARD: &str = "KORTLAB_BENCH_CARD";

/// The cards, by the name of their group in the report.
const CARDS: [&str; 3] = ["null card", "kortlab T=0", "kortlab T=1"];

const SELECT_TOKEN_INFO: [u8; 9] = [0x00, 0xA4, 0x08, 0x0C, 0x04, 0x50, 0x15, 0x50, 0x32];
const READ_BINARY: [u8; 5] = [0x00, 0xB0, 0x00, 0x00, 0x20];

fn main() -> ExitCode {
    let played = match env::var(ROLE).as_deref() {
        Ok("client") => measure(&env::var(CARD).unwrap_or_default()),
        Ok("null card") => play_null_card(),
        Ok("kortlab T=0") => play_our_card(Protocol::T0),
        Ok("kortlab T=1") => play_our_card(Protocol::T1),
        _ => direct(),
    };
    match played {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vpcd: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Makes the sandbox and puts one card after the other into its reader.
fn direct() -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::new()?;
    let bench = env::current_exe()?;
    for card in CARDS {
        let inserted = sandbox.insert(sandbox.command(&bench).env(ROLE, card))?;
        let client = sandbox
            .command(&bench)
            .args(env::args_os().skip(1))
            .env(ROLE, "client")
            .env(CARD, card)
            .env("CRITERION_HOME", reports())
            .timeout(Duration::from_secs(600));
        print!("{}", client.run()?.success()?.stdout_text());
        inserted.kill()?;
    }
    Ok(())
}

/// Where criterion keeps its reports: beside this program, in `target/criterion`.
fn reports() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    let target = program.ancestors().nth(3).map(PathBuf::from);
    target.unwrap_or_default().join("criterion")
}

fn play_null_card() -> Result<(), Box<dyn Error>> {
    let address = format!("127.0.0.1:{VPCD_PORT}");
    null_card::serve(address, &null_card::ATR, null_card::always_9000)?;
    Ok(())
}

fn play_our_card(protocol: Protocol) -> Result<(), Box<dyn Error>> {
    let mut rng = CardRng::from_seed(1);
    let keys = [
        RsaKey::generate(2048, &mut rng)?,
        RsaKey::generate(2048, &mut rng)?,
    ];
    let [authentication, signature] = keys;
    let image = EidCard::new("9752000004692943417", authentication, signature)
        .protocol(protocol)
        .build()?;
    let mut card = Inserted::ephemeral(VirtualCard::new(image, rng)?);
    // Nothing is ever written to the other end: the card stays until this process is killed.
    let (_shutdown, never) = UnixStream::pair()?;
    VpcdLink::new(format!("127.0.0.1:{VPCD_PORT}")).run(&mut card, &never, |_| {})?;
    Ok(())
}

fn measure(card_name: &str) -> Result<(), Box<dyn Error>> {
    let context = Context::establish(Scope::User)?;
    let names = context.list_readers_owned()?;
    let reader = names.first().ok_or("no reader")?;
    let card = context.connect(reader, ShareMode::Exclusive, Protocols::ANY)?;
    let mut buffer = [0; 258];
    let mut ends_well = |command: &[u8]| -> Result<bool, pcsc::Error> {
        let answer = card.transmit(command, &mut buffer)?;
        Ok(answer.ends_with(&[0x90, 0x00]))
    };
    // Both must work before they are timed.
    for command in [&SELECT_TOKEN_INFO[..], &READ_BINARY] {
        if !ends_well(command)? {
            return Err(format!("{card_name} refused {command:02X?}").into());
        }
    }
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group(format!("vpcd, {card_name}"));
    group.throughput(Throughput::Elements(1));
    let mut worked = true;
    for (name, command) in [
        ("SELECT", &SELECT_TOKEN_INFO[..]),
        ("READ BINARY, 32 bytes", &READ_BINARY),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| worked &= ends_well(command).unwrap_or(false));
        });
    }
    group.finish();
    criterion.final_summary();
    if worked {
        Ok(())
    } else {
        Err("a command failed while it was timed".into())
    }
}
