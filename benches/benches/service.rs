//! APDUs as a program sees them through our PC/SC service, beside a server that does nothing, on the
//! same client library, and beside the real pcscd with vpcd and the null card.
//!
//! Each arrangement is measured by the same client, a process of its own; they take turns, so that
//! what else the machine does hits all of them, and the table shows the best and the median round.
//! This program plays every part but that of `kortlab run`, which is the release build of the
//! command itself: `cargo build --release -p kortlab` makes it.

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use kortlab_apdu::{Channel, ChannelError, Protocol, ResetKind};
use kortlab_interop::{Sandbox, VPCD_PORT, null_card};
use kortlab_pcsc::Service;
use kortlab_pcsc::door::{Door, Manners};
use pcsc::{Context, Protocols, Scope, ShareMode};
use rustix::thread::{CpuSet, sched_getcpu, sched_setaffinity};

/// Which part this process plays; unset in the one that cargo starts.
const ROLE: &str = "KORTLAB_BENCH_ROLE";
/// How many commands the client times.
const COMMANDS: &str = "KORTLAB_BENCH_COMMANDS";
/// Set: the processor on which this process stays.
const PROCESSOR: &str = "KORTLAB_BENCH_PROCESSOR";

const SELECT: [u8; 9] = [0x00, 0xA4, 0x08, 0x0C, 0x04, 0x50, 0x15, 0x50, 0x32];
/// A certificate's file, which has more than 256 bytes.
const SELECT_LONG: [u8; 9] = [0x00, 0xA4, 0x08, 0x0C, 0x04, 0x50, 0x15, 0x43, 0x31];
const READ_BINARY: [u8; 5] = [0x00, 0xB0, 0x00, 0x00, 0x00];

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let played = match env::var(ROLE).as_deref() {
        Ok("client") => measure(),
        Ok("null server") => play_null_server(),
        Ok("our door") => play_our_door(),
        Ok("null card") => play_null_card(),
        _ => direct(),
    };
    match played {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("service: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Times in nanoseconds.
#[derive(Clone, Copy)]
struct Times {
    select: u64,
    read: u64,
}

/// One way from a program to a card.
struct Way<'a> {
    name: &'static str,
    client: Box<dyn Fn() -> Outcome<String> + 'a>,
}

/// Has all arrangements measured in turn, and prints the table.
fn direct() -> Outcome {
    let once = env::args().any(|argument| argument == "--test");
    let (rounds, commands) = if once { (1, 20) } else { (15, 2000) };
    let directory = tempfile::tempdir()?;
    let bench = env::current_exe()?;
    let here = |role: &str, one: bool| {
        let mut command = Command::new(&bench);
        command.env(ROLE, role).env(COMMANDS, commands.to_string());
        if one {
            command.env(PROCESSOR, "0");
        }
        command
    };
    let mut servers = Vec::new();
    let mut serve = |role: &str, one: bool| -> Outcome<PathBuf> {
        let path = directory.path().join(format!("{role} {one}"));
        servers.push(Ends(here(role, one).arg(&path).spawn()?));
        wait_for(&path)?;
        Ok(path)
    };
    let null = [serve("null server", false)?, serve("null server", true)?];
    let door = [serve("our door", false)?, serve("our door", true)?];
    let shipped = through_pcscd(&bench)?;
    stay_on("0")?;
    let one = through_pcscd(&bench)?;
    stay_anywhere()?;
    let kortlab = kortlab()?;
    let card = directory.path().join("card.json");
    let new = Command::new(&kortlab)
        .args(["card", "new", "-o"])
        .arg(&card)
        .args(["--protocol", "t1"])
        .output()?;
    if !new.status.success() {
        return Err(String::from_utf8_lossy(&new.stderr).into());
    }
    let on_socket =
        |path: &Path, one: bool| said(here("client", one).env("PCSCLITE_CSOCK_NAME", path));
    let in_sandbox = |sandbox: &Sandbox, one: bool| -> Outcome<String> {
        let client = sandbox
            .command(&bench)
            .env(ROLE, "client")
            .env(COMMANDS, commands.to_string());
        let client = if one {
            client.env(PROCESSOR, "0")
        } else {
            client
        };
        Ok(client
            .timeout(Duration::from_secs(600))
            .run()?
            .success()?
            .stdout_text())
    };
    let with_run = |one: bool| {
        let mut run = Command::new(&kortlab);
        run.args(["run", "--ephemeral"])
            .arg(&card)
            .arg("--")
            .arg(&bench);
        run.env(ROLE, "client")
            .env(COMMANDS, commands.to_string())
            .env_remove(PROCESSOR);
        if one {
            run = taskset(&run);
        }
        said(&mut run)
    };
    let ways = [
        Way {
            name: "null server",
            client: Box::new(|| on_socket(&null[0], false)),
        },
        Way {
            name: "our door, null card",
            client: Box::new(|| on_socket(&door[0], false)),
        },
        Way {
            name: "kortlab run, its card",
            client: Box::new(|| with_run(false)),
        },
        Way {
            name: "pcscd + vpcd, null card",
            client: Box::new(|| in_sandbox(&shipped.0, false)),
        },
        Way {
            name: "null server, one processor",
            client: Box::new(|| on_socket(&null[1], true)),
        },
        Way {
            name: "our door, null card, one processor",
            client: Box::new(|| on_socket(&door[1], true)),
        },
        Way {
            name: "kortlab run, its card, one processor",
            client: Box::new(|| with_run(true)),
        },
        Way {
            name: "pcscd + vpcd, null card, one processor",
            client: Box::new(|| in_sandbox(&one.0, true)),
        },
    ];
    let mut measured: BTreeMap<usize, Vec<Times>> = BTreeMap::new();
    for _ in 0..rounds {
        for (number, way) in ways.iter().enumerate() {
            let said = (way.client)()?;
            let mut numbers = said.split_ascii_whitespace().map(str::parse);
            let (Some(Ok(select)), Some(Ok(read))) = (numbers.next(), numbers.next()) else {
                return Err(format!("{}: {said:?}", way.name).into());
            };
            measured
                .entry(number)
                .or_default()
                .push(Times { select, read });
        }
    }
    println!(
        "{commands} commands each, {rounds} rounds; µs: median of the rounds' medians (best round)\n"
    );
    println!("| way | SELECT | READ BINARY, 256 bytes |\n|---|---:|---:|");
    for (number, way) in ways.iter().enumerate() {
        let times = &measured[&number];
        let shown = |of: fn(&Times) -> u64| {
            let mut all: Vec<_> = times.iter().map(of).collect();
            all.sort_unstable();
            format!("{:.1} ({:.1})", micros(all[all.len() / 2]), micros(all[0]))
        };
        println!(
            "| {} | {} | {} |",
            way.name,
            shown(|times| times.select),
            shown(|times| times.read)
        );
    }
    println!("\n| ratio of | SELECT | READ BINARY, 256 bytes |\n|---|---:|---:|");
    for (name, ours, other) in [
        ("our door / null server", 1, 0),
        ("our door / null server, one processor", 5, 4),
        ("pcscd + vpcd / kortlab run", 3, 2),
        ("pcscd + vpcd / kortlab run, one processor", 7, 6),
    ] {
        // Round by round, since both were measured in the same moments.
        let ratio = |of: fn(&Times) -> u64| {
            let pairs = measured[&ours].iter().zip(&measured[&other]);
            let mut all: Vec<_> = pairs.map(|(a, b)| micros(of(a)) / micros(of(b))).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        println!(
            "| {name} | {:.2} | {:.2} |",
            ratio(|times| times.select),
            ratio(|times| times.read)
        );
    }
    whole_program(&kortlab, &card, directory.path(), if once { 1 } else { 21 })
}

/// `kortlab run … pkcs15-tool -D` beside `pkcs15-tool --version`, in turn, and beside what the program
/// takes with a service that stands already.
fn whole_program(kortlab: &Path, card: &Path, directory: &Path, rounds: usize) -> Outcome {
    let socket = directory.join("standing");
    let mut standing = Command::new(kortlab);
    standing
        .args(["pcscd", "--ephemeral", "--socket"])
        .arg(&socket)
        .arg(card);
    standing.stdout(Stdio::null()).stderr(Stdio::null());
    let _standing = Ends(standing.spawn()?);
    wait_for(&socket)?;
    let nowhere = directory.join("nowhere");
    let tool = |argument: &str, socket: &Path| {
        let mut command = Command::new("pkcs15-tool");
        command.arg(argument).env("PCSCLITE_CSOCK_NAME", socket);
        command
    };
    let run = |options: &[&str]| {
        let mut run = Command::new(kortlab);
        run.arg("run").args(options).arg(card);
        run.args(["--", "pkcs15-tool", "-D"]);
        run
    };
    let mut programs = [
        (
            "pkcs15-tool --version, which finds no service",
            tool("--version", &nowhere),
        ),
        (
            "pkcs15-tool --version, kortlab pcscd",
            tool("--version", &socket),
        ),
        ("pkcs15-tool -D, kortlab pcscd", tool("-D", &socket)),
        ("kortlab run card.json -- pkcs15-tool -D", run(&[])),
        (
            "kortlab run --in-process card.json -- pkcs15-tool -D",
            run(&["--in-process", "--ephemeral"]),
        ),
    ];
    let mut measured = vec![Vec::new(); programs.len()];
    for _ in 0..rounds {
        for ((name, command), times) in programs.iter_mut().zip(&mut measured) {
            let begun = Instant::now();
            let output = command.stdin(Stdio::null()).output()?;
            times.push(begun.elapsed().as_secs_f64() * 1e3);
            // `--version` goes on to look for readers, and fails without.
            let text = String::from_utf8_lossy(&output.stdout);
            if name.ends_with("-D") && !text.contains("X.509 Certificate") {
                return Err(format!("{name}: {output:?}").into());
            }
        }
    }
    println!("\n| program | ms: median (best) | / the first |\n|---|---:|---:|");
    let first = measured.first().cloned().unwrap_or_default();
    for ((name, _), times) in programs.iter().zip(measured) {
        // Round by round, since both were measured in the same moments.
        let ratios = times
            .iter()
            .zip(&first)
            .map(|(ours, other)| ours / other)
            .collect();
        let best = times.iter().copied().fold(f64::INFINITY, f64::min);
        let (times, ratios) = (median(times), median(ratios));
        println!("| {name} | {times:.1} ({best:.1}) | {ratios:.2} |");
    }
    Ok(())
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}

#[allow(clippy::cast_precision_loss)] // Nanoseconds of one command.
fn micros(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1000.0
}

/// The release build of the command, beside this bench.
fn kortlab() -> Outcome<PathBuf> {
    let bench = env::current_exe()?;
    let target = bench.ancestors().nth(3).ok_or("no target directory")?;
    let found = target.join("release/kortlab");
    match found.is_file() {
        true => Ok(found),
        false => Err("no target/release/kortlab; run: cargo build --release -p kortlab".into()),
    }
}

/// The same command on processor 0, with all that it starts.
fn taskset(command: &Command) -> Command {
    let mut pinned = Command::new("taskset");
    pinned
        .args(["--cpu-list", "0"])
        .arg(command.get_program())
        .args(command.get_args());
    pinned.envs(
        command
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    pinned
}

/// A sandbox with the null card in its reader. The card goes when this is dropped.
fn through_pcscd(bench: &Path) -> Outcome<(Sandbox, kortlab_interop::Emulation)> {
    let sandbox = Sandbox::new()?;
    let inserted = sandbox.insert(sandbox.command(bench).env(ROLE, "null card"))?;
    Ok((sandbox, inserted))
}

fn said(command: &mut Command) -> Outcome<String> {
    let output = command.stdin(Stdio::null()).output()?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}

fn wait_for(path: &Path) -> Outcome {
    let deadline = Instant::now() + Duration::from_secs(20);
    while UnixStream::connect(path).is_err() {
        if Instant::now() > deadline {
            return Err(format!("nobody listens on {}", path.display()).into());
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// A process that is killed when this is dropped.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn stay_on(processor: &str) -> Outcome {
    let mut set = CpuSet::new();
    set.set(processor.parse()?);
    sched_setaffinity(None, &set)?;
    Ok(())
}

fn stay_anywhere() -> Outcome {
    let mut set = CpuSet::new();
    let processors = fs::read_to_string("/proc/cpuinfo")?
        .matches("processor\t")
        .count();
    for processor in 0..processors.max(sched_getcpu() + 1).min(CpuSet::MAX_CPU) {
        set.set(processor);
    }
    sched_setaffinity(None, &set)?;
    Ok(())
}

fn stay_as_told() -> Outcome {
    env::var(PROCESSOR).map_or(Ok(()), |processor| stay_on(&processor))
}

/// The client: prints the medians of SELECT and of READ BINARY, in nanoseconds.
fn measure() -> Outcome {
    stay_as_told()?;
    let commands: usize = env::var(COMMANDS)?.parse()?;
    let context = Context::establish(Scope::User)?;
    let names = context.list_readers_owned()?;
    let reader = names.first().ok_or("no reader")?;
    let card = context.connect(reader, ShareMode::Shared, Protocols::ANY)?;
    let mut buffer = [0; 258];
    let mut median = |command: &[u8], length: usize| -> Outcome<u64> {
        let mut times = Vec::with_capacity(commands);
        for _ in 0..commands {
            let begun = Instant::now();
            let answer = card.transmit(command, &mut buffer)?;
            times.push(begun.elapsed());
            if !answer.ends_with(&[0x90, 0x00]) || answer.len() != length {
                return Err(format!("{command:02X?} was answered {answer:02X?}").into());
            }
        }
        times.sort_unstable();
        Ok(u64::try_from(times[times.len() / 2].as_nanos())?)
    };
    let select = median(&SELECT, 2)?;
    median(&SELECT_LONG, 2)?;
    let read = median(&READ_BINARY, 258)?;
    println!("{select} {read}");
    Ok(())
}

fn always(command: &[u8]) -> Vec<u8> {
    let data = if command.get(1) == Some(&0xB0) {
        256
    } else {
        0
    };
    [&vec![0; data][..], &[0x90, 0x00]].concat()
}

fn play_null_card() -> Outcome {
    let address = format!("127.0.0.1:{VPCD_PORT}");
    null_card::serve(address, &null_card::ATR, always)?;
    Ok(())
}

/// The least that a server must do for this client: nothing is checked, and nothing known.
fn play_null_server() -> Outcome {
    stay_as_told()?;
    let listener = UnixListener::bind(argument()?)?;
    for stream in listener.incoming() {
        let mut stream = stream?;
        thread::spawn(move || null_connection(&mut stream));
    }
    Ok(())
}

fn null_connection(stream: &mut UnixStream) -> std::io::Result<()> {
    let word = |bytes: &[u8], at: usize| {
        let word = bytes.get(at..at + 4).and_then(|word| word.try_into().ok());
        word.map_or(0, u32::from_ne_bytes)
    };
    let mut bytes = [0; 4096];
    let mut have = 0;
    loop {
        let (size, command) = (word(&bytes[..have], 0) as usize, word(&bytes[..have], 4));
        let behind = if command == 9 {
            word(&bytes[..have], 20) as usize
        } else {
            0
        };
        if have < 8 || have < 8 + size + behind {
            let count = stream.read(&mut bytes[have..])?;
            if count == 0 {
                return Ok(());
            }
            have += count;
            continue;
        }
        let mut answer = bytes[8..8 + size].to_vec();
        let mut set =
            |at: usize, number: u32| answer[at..at + 4].copy_from_slice(&number.to_ne_bytes());
        match command {
            0x01 => set(4, 7),
            0x04 => [(140, 9), (144, 2)]
                .into_iter()
                .for_each(|(at, number)| set(at, number)),
            0x09 => {
                let card = always(&bytes[8 + size..]);
                set(24, u32::try_from(card.len()).unwrap_or(0));
                answer.extend(card);
            }
            0x12 => {
                answer = vec![0; 16 * 184];
                answer[..4].copy_from_slice(b"Null");
                answer[132..136].copy_from_slice(&0x34_u32.to_ne_bytes());
                answer[140..144].copy_from_slice(&null_card::ATR);
                answer[176..180].copy_from_slice(&4_u32.to_ne_bytes());
                answer[180..184].copy_from_slice(&2_u32.to_ne_bytes());
            }
            _ => {}
        }
        stream.write_all(&answer)?;
        bytes.copy_within(8 + size + behind..have, 0);
        have -= 8 + size + behind;
    }
}

/// Our service with a card that does nothing.
fn play_our_door() -> Outcome {
    stay_as_told()?;
    let mut numbers = 1..;
    let service = Arc::new(Service::new(move || numbers.next().unwrap_or(1)));
    service.add_reader("Null", Some(Box::new(NullCard)))?;
    let door = Door::open(Path::new(&argument()?))?;
    let (_stop, never) = UnixStream::pair()?;
    door.serve(&service, Manners::default(), &never)?;
    Ok(())
}

fn argument() -> Outcome<OsString> {
    Ok(env::args_os().nth(1).ok_or("no socket")?)
}

struct NullCard;

impl Channel for NullCard {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        Ok(always(command))
    }
    fn reset(&mut self, _: ResetKind) -> Result<(), ChannelError> {
        Ok(())
    }
    fn atr(&self) -> &[u8] {
        &null_card::ATR
    }
    fn protocol(&self) -> Protocol {
        Protocol::T1
    }
}
