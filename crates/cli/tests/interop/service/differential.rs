//! Random sequences of calls by two and three clients, to the real pcscd with vpcd and to our service,
//! with the same card: the same codes, answers and states. In some of them the card is pulled out and put
//! in again.
//!
//! `KORTLAB_PCSC_SEQUENCES` says how many, 200 unless set; `KORTLAB_PCSC_PULLS` how many with a card that
//! is pulled, 40 unless set; `KORTLAB_PCSC_SANDBOXES` in how many sandboxes they run at once, since
//! they wait for pcscd. What is left out, since it differs on purpose, is in
//! `docs/pcsc.md`.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{env, io::BufRead as _, io::BufReader, io::Write as _, thread};

use kortlab_emulator::{CardRng, Image, InProcess, VirtualCard};
use kortlab_pcsc::Service;
use kortlab_pcsc::door::{Door, Manners};

use super::calls::{COMMANDS, Call, Came, Hand, Player};
use crate::lab::{KORTLAB, Lab, Link, card};

/// How many calls a sequence has at most.
const CALLS: usize = 14;
/// A sequence that took longer met pcscd's next look at the reader, which takes the card's power.
const QUICK: Duration = Duration::from_millis(380);
/// The bit of a reader's state that says that its card has power.
const POWERED: u32 = 0x10;
/// What pcscd calls its reader.
const READER: &str = "Virtual PCD 00 00";

/// Both services, with the same card.
struct Both {
    real: Player,
    ours: Player,
    stop: UnixStream,
    _lab: Lab,
}

/// What is left to do before the card is out, and then before it is in again; nothing if it stays.
#[derive(Clone, Copy)]
struct Moves {
    out: Option<usize>,
    inside: Option<usize>,
}

impl Moves {
    fn any(random: &mut Random, pulls: bool) -> Self {
        let out = pulls.then(|| random.below(CALLS - 4));
        Self {
            out,
            inside: out.map(|out| out + 1 + random.below(5)),
        }
    }

    /// Whether the card moves before this call, and where.
    fn at(self, call: usize) -> Option<bool> {
        if self.out == Some(call) {
            return Some(false);
        }
        (self.inside == Some(call)).then_some(true)
    }
}

impl Both {
    fn new() -> Self {
        let lab = Lab::without_card(Link::T0);
        let image = card("valid", "t0");
        std::fs::write(&lab.image, &image).unwrap();
        let control = lab.sandbox.file("control");
        let options = ["--ephemeral", "--control", control.to_str().unwrap()];
        let emulation = lab
            .sandbox
            .emulate(Path::new(KORTLAB), &lab.image, &options);
        // It ends with the sandbox.
        std::mem::forget(emulation.unwrap());

        let mut numbers = 1..;
        let service = Service::new(move || numbers.next().unwrap()).with_grace(Duration::MAX);
        let service = Arc::new(service);
        let image = Image::from_json(&image).unwrap();
        let virtual_card = VirtualCard::new(image, CardRng::from_seed(1)).unwrap();
        let virtual_card = Box::new(InProcess::ephemeral(virtual_card));
        service.add_reader(READER, Some(virtual_card)).unwrap();
        let door = Door::open(&lab.sandbox.file("ours")).unwrap();
        let path = door.path().to_owned();
        let (stop, stopped) = UnixStream::pair().unwrap();
        // As pcscd, which answers at once; it is the caller that asks again.
        let manners = Manners {
            patience: Duration::ZERO,
            ..Manners::default()
        };
        let serving = Arc::clone(&service);
        thread::spawn(move || door.serve(&serving, manners, &stopped).unwrap());
        Self {
            real: Player::new(&lab.sandbox.file("run/pcscd.comm"), hand_of_pcscd(control)),
            ours: Player::new(&path, hand_of(service)),
            stop,
            _lab: lab,
        }
    }

    /// Plays the sequence of this seed; what differed, if something did, or nothing if it took too
    /// long to tell.
    fn play(&mut self, seed: u64, pulls: bool) -> Option<Result<(), String>> {
        let mut random = Random::new(seed);
        let clients = 2 + random.below(2);
        let moves = Moves::any(&mut random, pulls);
        self.real.begin(clients);
        self.ours.begin(clients);
        let mut begun = Instant::now();
        let mut played = Vec::new();
        let mut holders = vec![None; clients];
        let mut last = vec![None; clients];
        // Whether somebody uses the card, which keeps its power then; or there is none.
        let mut in_use = false;
        let mut is_out = false;
        // Whether the card has power, of which vpcd takes no notice: a card that has none gets its commands.
        let mut powered = true;
        for number in 0..CALLS {
            if let Some(inside) = moves.at(number) {
                if !in_use && begun.elapsed() > QUICK {
                    return None;
                }
                let waits_to_reset = |(client, last): (usize, &Option<Call>)| {
                    self.real.waits(client) && last.is_some_and(Call::resets)
                };
                if !inside && last.iter().enumerate().any(waits_to_reset) {
                    // The card would be reset when it is not there any more, which differs on purpose.
                    break;
                }
                let told = [self.real.move_card(inside), self.ours.move_card(inside)];
                played.push(format!("the card is in: {inside}"));
                (in_use, is_out) = (!inside, !inside);
                powered = true;
                if !inside {
                    // What was held is not any more; what is held of an empty reader stays so.
                    holders.fill(None);
                }
                begun = Instant::now();
                if told[0] != told[1] {
                    let played = played.join("\n");
                    return Some(Err(format!("{played}\nwho waits is told {told:02X?}")));
                }
                if let Some(difference) = self.settle(&last, &mut holders, &mut played) {
                    return Some(Err(difference));
                }
            }
            let client = random.below(clients);
            if self.real.waits(client) {
                continue;
            }
            let mut call = call(&mut random, self.real.handles(client), holders[client]);
            if is_out {
                call = call.without_reset();
            }
            if !powered && (matches!(call, Call::Transmit { .. }) || call.takes_it_as_it_is()) {
                // What becomes of it differs on purpose.
                continue;
            }
            let waits_to_connect = |(client, last): (usize, &Option<Call>)| {
                self.real.waits(client) && last.is_some_and(Call::connects)
            };
            if call.wants_it_alone() && last.iter().enumerate().any(waits_to_connect) {
                // Who waits is let in by pcscd all the same.
                continue;
            }
            last[client] = Some(call);
            let came = [self.real.call(client, call), self.ours.call(client, call)];
            played.push(format!("client {client}: {call:?}: {:02X?}", came[0]));
            if !in_use && begun.elapsed() > QUICK {
                return None;
            }
            if let Some(difference) = difference(&came, &played) {
                return Some(Err(difference));
            }
            note_holder(&mut holders[client], call, &came[0]);
            if (0..clients).filter(|one| self.real.waits(*one)).count() > 1 {
                // Which of them comes first is nobody's promise.
                break;
            }
            if let Some(difference) = self.settle(&last, &mut holders, &mut played) {
                return Some(Err(difference));
            }
            let states = [self.real.state(), self.ours.state()];
            if states[0] != states[1] {
                if begun.elapsed() > QUICK && (is_out || !in_use) {
                    // An empty reader, too, loses its power then, and with it a protocol.
                    return None;
                }
                let played = played.join("\n");
                return Some(Err(format!(
                    "{played}\nthe states:\n{:02X?}\n{:02X?}",
                    states[0], states[1]
                )));
            }
            if is_out {
                continue;
            }
            powered = states[0].state & POWERED != 0;
            in_use = states[0].sharing != 0 && (in_use || takes_card(call, &came[0]));
            if in_use {
                begun = Instant::now();
            } else if begun.elapsed() > QUICK {
                return None;
            }
            let unpowered = matches!(call, Call::Disconnect { disposition: 2, .. });
            if unpowered && states[0].sharing != 0 {
                // What becomes of the handles that are left differs on purpose.
                break;
            }
        }
        Some(Ok(()))
    }

    /// Looks after those who wait for another client; what differed, if something did.
    fn settle(
        &mut self,
        last: &[Option<Call>],
        holders: &mut [Option<usize>],
        played: &mut Vec<String>,
    ) -> Option<String> {
        for (waiting, (call, holder)) in last.iter().zip(holders).enumerate() {
            if !(self.real.waits(waiting) || self.ours.waits(waiting)) {
                continue;
            }
            let within = Duration::from_millis(250);
            let came = [
                self.real.came(waiting, within),
                self.ours.came(waiting, within),
            ];
            if came[0] != Came::Waits || came[1] != Came::Waits {
                played.push(format!("client {waiting} had waited: {:02X?}", came[0]));
            }
            if let Some(call) = call {
                note_holder(holder, *call, &came[0]);
            }
            let difference = difference(&came, played);
            if difference.is_some() {
                return difference;
            }
        }
        None
    }
}

impl Drop for Both {
    fn drop(&mut self) {
        let _ = self.stop.write_all(&[0]);
    }
}

/// Moves the card in pcscd's reader: by the control door of `kortlab emulate`.
fn hand_of_pcscd(control: PathBuf) -> Hand {
    Box::new(move |inside| {
        let request: &[u8] = match inside {
            true => b"{\"do\": \"insert\"}\n",
            false => b"{\"do\": \"remove\"}\n",
        };
        let mut door = UnixStream::connect(&control).unwrap();
        door.write_all(request).unwrap();
        let mut answer = String::new();
        BufReader::new(door).read_line(&mut answer).unwrap();
        assert!(!answer.contains("error"), "{answer}");
    })
}

/// Moves the card in the reader of our service.
fn hand_of(service: Arc<Service>) -> Hand {
    let mut taken = None;
    Box::new(move |inside| match inside {
        true => service.insert(READER, taken.take().unwrap()).unwrap(),
        false => taken = service.remove(READER).unwrap(),
    })
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

/// How many, where somebody wants to know.
fn number(variable: &str, usual: u64) -> u64 {
    let text = env::var(variable).ok();
    text.map_or(usual, |text| text.parse().unwrap())
}

/// Plays so many sequences, in several sandboxes at once; all have to give what pcscd gives.
fn compare(wanted: u64, sandboxes: u64, pulls: bool) {
    let (seeds, told) = (
        AtomicU64::new(number("KORTLAB_PCSC_SEED", 0)),
        AtomicU64::new(0),
    );
    let first = seeds.load(Ordering::Relaxed);
    let play = || {
        let mut both = Both::new();
        let mut differences = Vec::new();
        while told.load(Ordering::Relaxed) < wanted && differences.len() < 10 {
            let seed = seeds.fetch_add(1, Ordering::Relaxed) + 1;
            match both.play(seed, pulls) {
                Some(Ok(())) => {
                    told.fetch_add(1, Ordering::Relaxed);
                }
                Some(Err(difference)) => {
                    differences.push(format!("sequence {seed}:\n{difference}"));
                }
                // A machine so busy tells nothing; but it is not that for ever.
                None => assert!(
                    seed - first < 100 + 8 * wanted,
                    "only {told:?} of {} were quick enough",
                    seed - first
                ),
            }
        }
        differences
    };
    let differences: Vec<String> = thread::scope(|scope| {
        let players: Vec<_> = (0..sandboxes).map(|_| scope.spawn(play)).collect();
        let found = players
            .into_iter()
            .flat_map(|player| player.join().unwrap());
        found.collect()
    });
    assert!(
        differences.is_empty(),
        "{} of {told:?} differ:\n{}",
        differences.len(),
        differences.join("\n\n")
    );
}

#[test]
fn random_sequences_of_calls_give_what_pcscd_gives() {
    let sandboxes = number("KORTLAB_PCSC_SANDBOXES", 4);
    compare(number("KORTLAB_PCSC_SEQUENCES", 200), sandboxes, false);
}

#[test]
fn they_do_so_when_the_card_is_pulled_out_and_put_in() {
    let sandboxes = number("KORTLAB_PCSC_SANDBOXES", 4);
    compare(number("KORTLAB_PCSC_PULLS", 40), sandboxes, true);
}

/// Whoever connects to a reader whose card has no power chooses for all who come with it, until a reset.
#[test]
fn a_protocol_chosen_without_power_stays_when_the_card_gets_it() {
    let mut both = Both::new();
    for player in [&mut both.real, &mut both.ours] {
        player.begin(2);
        let shared = Call::Connect {
            share: 2,
            protocols: 3,
        };
        let raw = Call::Connect {
            share: 3,
            protocols: 4,
        };
        let unpower = Call::Disconnect {
            handle: 0,
            disposition: 2,
        };
        let reset = Call::Reconnect {
            handle: 0,
            share: 3,
            protocols: 0,
            initialization: 1,
        };
        let (t0, none) = (vec![1, 0, 0, 0], vec![0; 4]);
        assert_eq!(player.call(0, shared), Came::Code(0, t0.clone()));
        assert_eq!(player.call(0, unpower), Came::Code(0, Vec::new()));
        assert_eq!(player.call(0, raw), Came::Code(0, vec![4, 0, 0, 0]));
        let mismatch = Came::Code(0x8010_000F, Vec::new());
        assert_eq!(player.call(1, shared), mismatch);
        assert_eq!(player.call(0, reset), Came::Code(0, none));
        assert_eq!(player.call(1, shared), Came::Code(0, t0));
    }
}

#[test]
fn a_planted_error_in_our_sharing_is_found() {
    let mut both = Both::new();
    let found = (1..200).any(|seed| {
        both.ours.exclusive_is_shared = true;
        let planted = both.play(seed, false);
        both.ours.exclusive_is_shared = false;
        matches!(planted, Some(Err(_))) && both.play(seed, false) == Some(Ok(()))
    });
    assert!(found, "200 sequences found nothing");
}

#[test]
fn a_planted_error_in_what_handles_hear_of_a_pull_is_found() {
    let mut both = Both::new();
    let found = (1..200).any(|seed| {
        both.ours.removed_is_reset = true;
        let planted = both.play(seed, true);
        both.ours.removed_is_reset = false;
        matches!(planted, Some(Err(_))) && both.play(seed, true) == Some(Ok(()))
    });
    assert!(found, "200 sequences found nothing");
}
