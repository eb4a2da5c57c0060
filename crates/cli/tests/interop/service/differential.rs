//! Random sequences of calls by two clients, to the real pcscd with vpcd and to our service, with
//! the same card: the same codes, answers and states.
//!
//! `KORTLAB_PCSC_SEQUENCES` says how many; 200 unless set. What is left out, since it differs on
//! purpose, is in `docs/pcsc.md`.

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, io::Write as _, thread};

use kortlab_emulator::{CardRng, Image, InProcess, VirtualCard};
use kortlab_pcsc::Service;
use kortlab_pcsc::door::{Door, Manners};

use super::calls::{COMMANDS, Call, Came, Player};
use crate::lab::{KORTLAB, Lab, Link, card};

/// How many calls a sequence has at most.
const CALLS: usize = 14;
/// A sequence that took longer met pcscd's next look at the reader, which takes the card's power.
const QUICK: Duration = Duration::from_millis(380);

/// Both services, with the same card.
struct Both {
    real: Player,
    ours: Player,
    stop: UnixStream,
    _lab: Lab,
}

impl Both {
    fn new() -> Self {
        let lab = Lab::without_card(Link::T0);
        let image = card("valid", "t0");
        std::fs::write(&lab.image, &image).unwrap();
        let kortlab = std::path::Path::new(KORTLAB);
        let emulation = lab.sandbox.emulate(kortlab, &lab.image, &["--ephemeral"]);
        // It ends with the sandbox.
        std::mem::forget(emulation.unwrap());

        let mut numbers = 1..;
        let service = Service::new(move || numbers.next().unwrap()).with_grace(Duration::MAX);
        let image = Image::from_json(&image).unwrap();
        let virtual_card = VirtualCard::new(image, CardRng::from_seed(1)).unwrap();
        let virtual_card = Box::new(InProcess::ephemeral(virtual_card));
        service
            .add_reader("Virtual PCD 00 00", Some(virtual_card))
            .unwrap();
        let door = Door::open(&lab.sandbox.file("ours")).unwrap();
        let path = door.path().to_owned();
        let (stop, stopped) = UnixStream::pair().unwrap();
        // As pcscd, which answers at once; it is the caller that asks again.
        let manners = Manners {
            patience: Duration::ZERO,
            ..Manners::default()
        };
        thread::spawn(move || door.serve(&Arc::new(service), manners, &stopped).unwrap());
        Self {
            real: Player::new(&lab.sandbox.file("run/pcscd.comm")),
            ours: Player::new(&path),
            stop,
            _lab: lab,
        }
    }

    /// Plays the sequence of this seed; what differed, if something did, or nothing if it took too
    /// long to tell.
    fn play(&mut self, seed: u64) -> Option<Result<(), String>> {
        let mut random = Random::new(seed);
        self.real.begin(2);
        self.ours.begin(2);
        let mut begun = Instant::now();
        let mut played = Vec::new();
        let mut holders = [None; 2];
        // Whether somebody uses the card, which keeps its power then.
        let mut in_use = false;
        for _ in 0..CALLS {
            let client = random.below(2);
            if self.real.waits(client) {
                continue;
            }
            let call = call(&mut random, self.real.handles(client), holders[client]);
            let came = [self.real.call(client, call), self.ours.call(client, call)];
            played.push(format!("client {client}: {call:?}: {:02X?}", came[0]));
            if !in_use && begun.elapsed() > QUICK {
                return None;
            }
            if let Some(difference) = difference(&came, &played) {
                return Some(Err(difference));
            }
            note_holder(&mut holders[client], call, &came[0]);
            for waiting in 0..2 {
                if self.real.waits(waiting) || self.ours.waits(waiting) {
                    let within = Duration::from_millis(250);
                    let came = [
                        self.real.came(waiting, within),
                        self.ours.came(waiting, within),
                    ];
                    if came[0] != Came::Waits || came[1] != Came::Waits {
                        played.push(format!("client {waiting} had waited: {:02X?}", came[0]));
                    }
                    if let Some(difference) = difference(&came, &played) {
                        return Some(Err(difference));
                    }
                }
            }
            let states = [self.real.state(), self.ours.state()];
            if states[0] != states[1] && (in_use || begun.elapsed() <= QUICK) {
                let played = played.join("\n");
                return Some(Err(format!(
                    "{played}\nthe states:\n{:02X?}\n{:02X?}",
                    states[0], states[1]
                )));
            }
            in_use = states[0].1 != 0 && (in_use || takes_card(call, &came[0]));
            if in_use {
                begun = Instant::now();
            } else if begun.elapsed() > QUICK {
                return None;
            }
            let unpowered = matches!(call, Call::Disconnect { disposition: 2, .. });
            if unpowered && states[0].1 != 0 {
                // What becomes of the handles that are left differs on purpose.
                break;
            }
        }
        Some(Ok(()))
    }
}

impl Drop for Both {
    fn drop(&mut self) {
        let _ = self.stop.write_all(&[0]);
    }
}

fn difference(came: &[Came; 2], played: &[String]) -> Option<String> {
    (came[0] != came[1]).then(|| {
        let played = played.join("\n");
        format!("{played}\npcscd: {:02X?}\nours:  {:02X?}", came[0], came[1])
    })
}

/// Whether a call has taken the card into use; of the reader alone pcscd takes no notice.
fn takes_card(call: Call, came: &Came) -> bool {
    let shared = match call {
        Call::Connect { share, .. } => share != 3,
        Call::Reconnect {
            share, protocols, ..
        } => share != 3 && protocols & 4 == 0,
        _ => false,
    };
    shared && matches!(came, Came::Code(0, _))
}

/// Which of its handles a client holds the card with: pcscd lets a client that asks for another one
/// meanwhile wait for itself, for ever, so that is not asked.
fn note_holder(holder: &mut Option<usize>, call: Call, came: &Came) {
    let done = matches!(came, Came::Code(0, _));
    match call {
        Call::Begin { handle } if done => *holder = Some(handle),
        Call::Reconnect {
            handle, share: 1, ..
        } if done => *holder = Some(handle),
        Call::Connect { share: 1, .. } if done => *holder = Some(0),
        Call::Disconnect { .. } if done => *holder = None,
        _ => {}
    }
}

/// A call that says something of a client with so many handles.
fn call(random: &mut Random, handles: usize, holder: Option<usize>) -> Call {
    let share = [1, 2, 2, 2, 2, 3, 3, 0][random.below(8)];
    let protocols = [1, 3, 3, 3, 2, 0, 4, 0x1000][random.below(8)];
    if handles == 0 {
        return match random.below(10) {
            0 => Call::Cancel,
            1 => Call::ReleaseWrong,
            2 => Call::ConnectElsewhere,
            _ => Call::Connect { share, protocols },
        };
    }
    let handle = random.below(handles);
    match random.below(20) {
        0 if holder.is_none() && handles < 3 => Call::Connect { share, protocols },
        1 | 2 => Call::Reconnect {
            handle: holder.unwrap_or(handle),
            share,
            protocols,
            initialization: [0, 0, 1, 2, 3][random.below(5)],
        },
        3 | 4 => Call::Disconnect {
            handle: holder.unwrap_or(handle),
            disposition: [0, 0, 1, 2, 4][random.below(5)],
        },
        5..=7 => Call::Begin {
            handle: holder.unwrap_or(handle),
        },
        8..=10 => Call::End {
            handle,
            disposition: [0, 0, 0, 1, 2, 9][random.below(6)],
        },
        11 => Call::Status { handle },
        12 => Call::Attribute { handle },
        13 => Call::Cancel,
        _ => Call::Transmit {
            handle,
            protocol: [1, 1, 1, 1, 1, 2, 4][random.below(7)],
            command: random.below(COMMANDS.len()),
            room: [258, 258, 258, 1, 0, 65_548][random.below(6)],
        },
    }
}

/// Numbers that follow from a seed (xorshift64*).
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let word = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(word).unwrap() % bound
    }
}

#[test]
fn random_sequences_of_calls_give_what_pcscd_gives() {
    let wanted = env::var("KORTLAB_PCSC_SEQUENCES").ok();
    let wanted: u64 = wanted.map_or(200, |text| text.parse().unwrap());
    let mut both = Both::new();
    let (mut told, mut seed) = (0, 0);
    let mut differences = Vec::new();
    while told < wanted && differences.len() < 10 {
        seed += 1;
        match both.play(seed) {
            Some(Ok(())) => told += 1,
            Some(Err(difference)) => differences.push(format!("sequence {seed}:\n{difference}")),
            // A machine so busy tells nothing; but it is not that for ever.
            None => assert!(
                seed < 50 + 4 * wanted,
                "only {told} of {seed} were quick enough"
            ),
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {seed} differ:\n{}",
        differences.len(),
        differences.join("\n\n")
    );
}

#[test]
fn a_planted_error_in_our_sharing_is_found() {
    let mut both = Both::new();
    let found = (1..200).any(|seed| {
        both.ours.exclusive_is_shared = true;
        let planted = both.play(seed);
        both.ours.exclusive_is_shared = false;
        matches!(planted, Some(Err(_))) && both.play(seed) == Some(Ok(()))
    });
    assert!(found, "200 sequences found nothing");
}
