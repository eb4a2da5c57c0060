//! The calls that are made to both services, and one of them as a sequence of them is played to it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::wire::{ReaderState, Wire, word, words};

/// How long a call may take that does not wait for another client.
const PATIENCE: Duration = Duration::from_millis(500);

/// A call. `handle` says which of the handles that its client has been given so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Connect {
        share: u32,
        protocols: u32,
    },
    ConnectElsewhere,
    Reconnect {
        handle: usize,
        share: u32,
        protocols: u32,
        initialization: u32,
    },
    Disconnect {
        handle: usize,
        disposition: u32,
    },
    Begin {
        handle: usize,
    },
    End {
        handle: usize,
        disposition: u32,
    },
    Transmit {
        handle: usize,
        protocol: u32,
        command: usize,
        room: u32,
    },
    Status {
        handle: usize,
    },
    Attribute {
        handle: usize,
    },
    Cancel,
    ReleaseWrong,
}

impl Call {
    /// The same without a reset of the card, which pcscd tries and fails with where there is none.
    pub const fn without_reset(mut self) -> Self {
        match &mut self {
            Self::Reconnect {
                initialization: how,
                ..
            }
            | Self::Disconnect {
                disposition: how, ..
            }
            | Self::End {
                disposition: how, ..
            } if *how == 1 || *how == 2 => {
                *how = 0;
            }
            _ => {}
        }
        self
    }

    /// Whether it connects.
    pub const fn connects(self) -> bool {
        matches!(self, Self::Connect { .. })
    }

    /// Whether a handle gets the card to itself.
    pub const fn wants_it_alone(self) -> bool {
        matches!(self, Self::Reconnect { share: 1, .. })
    }

    /// Whether a handle takes the card again, without a reset.
    pub const fn takes_it_as_it_is(self) -> bool {
        matches!(
            self,
            Self::Reconnect {
                initialization: 0,
                ..
            }
        )
    }

    /// Whether it resets the card.
    pub fn resets(self) -> bool {
        self != self.without_reset()
    }

    /// The handle that it is about, if it is about one.
    const fn handle(self) -> Option<usize> {
        match self {
            Self::Reconnect { handle, .. }
            | Self::Disconnect { handle, .. }
            | Self::Begin { handle }
            | Self::End { handle, .. }
            | Self::Transmit { handle, .. }
            | Self::Status { handle }
            | Self::Attribute { handle } => Some(handle),
            Self::Connect { .. } | Self::ConnectElsewhere | Self::Cancel | Self::ReleaseWrong => {
                None
            }
        }
    }
}

/// What the card is sent: what it answers depends on what was selected and verified before.
pub const COMMANDS: [&[u8]; 5] = [
    &[0x00, 0xA4, 0x00, 0x0C, 0x02, 0x3F, 0x00],
    &[0x00, 0xA4, 0x08, 0x0C, 0x04, 0x50, 0x15, 0x50, 0x32],
    &[0x00, 0xB0, 0x00, 0x00, 0x10],
    &[
        0x00, 0x20, 0x00, 0x81, 0x08, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x00, 0x00,
    ],
    &[0x00, 0x20, 0x00, 0x81],
];

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Came {
    /// This code, with what the answer holds besides handles.
    Code(u32, Vec<u8>),
    /// Nothing yet: the client waits for another one.
    Waits,
    /// The client was waiting, and still does.
    Busy,
    /// It has no such handle.
    NoHandle,
}

/// Takes the card of one of the services out, or puts it in.
pub type Hand = Box<dyn FnMut(bool) + Send>;

/// One of the services.
pub struct Player {
    path: PathBuf,
    watcher: Wire,
    hand: Hand,
    /// Whether the card is to be in.
    inside: bool,
    /// How many cards had come and gone when the sequence began.
    events: u32,
    reader: Vec<u8>,
    clients: Vec<One>,
    /// An error of ours that is to be found.
    pub exclusive_is_shared: bool,
    /// Another one.
    pub removed_is_reset: bool,
}

/// One client.
struct One {
    wire: Wire,
    context: u32,
    handles: Vec<u32>,
    /// What it waits for.
    call: Option<Call>,
}

impl Player {
    pub fn new(path: &Path, hand: Hand) -> Self {
        let mut watcher = Wire::connect(path);
        let reader = watcher.reader_name();
        Self {
            path: path.to_owned(),
            watcher,
            hand,
            inside: true,
            events: 0,
            reader,
            clients: Vec::new(),
            exclusive_is_shared: false,
            removed_is_reset: false,
        }
    }

    /// A sequence begins: a card that was just reset, and so many clients.
    pub fn begin(&mut self, clients: usize) {
        let waits = self.clients.iter().any(|one| one.call.is_some());
        self.clients.clear();
        if waits {
            // pcscd carries out what a client that is gone has waited for, at its next look.
            std::thread::sleep(Duration::from_millis(300));
        }
        // Those before are gone when nobody shares the card.
        for _ in 0..500 {
            if self.watcher.reader_state().sharing == 0 {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        if !self.inside {
            self.move_card(true);
        }
        // One that was too slow for pcscd comes back by itself.
        self.wait_for_card(true);
        self.clients = (0..clients).map(|_| self.client()).collect();
        let mut one = self.client();
        // Whatever protocol was chosen before: "raw" goes with all.
        let mut connected = self.connect(&mut one, 2, 4);
        for _ in 0..20 {
            match connected {
                Ok(_) => break,
                // The card was too slow for pcscd, which takes it for mute until it is put in again.
                Err(Some(0x8010_0067)) => {
                    self.move_card(false);
                    self.move_card(true);
                }
                // Somebody who is gone has come to what he waited for.
                Err(_) => std::thread::sleep(Duration::from_millis(200)),
            }
            connected = self.connect(&mut one, 2, 4);
        }
        let handle = connected.unwrap_or_else(|code| panic!("no card: {code:08X?}"));
        one.wire.send(0x06, &words(&[handle, 1, 0]), &[], 12, None);
        let reset = one.wire.answer(Duration::from_secs(20)).unwrap();
        assert_eq!(word(&reset, 8), 0);
        self.events = self.watcher.reader_state().events;
    }

    /// Takes the card out, or puts it in, and waits until everybody sees that; what a client is told
    /// that waits for a change.
    pub fn move_card(&mut self, inside: bool) -> Option<Vec<u8>> {
        let mut listener = Wire::connect(&self.path);
        listener.wait_for_change();
        (self.hand)(inside);
        self.inside = inside;
        self.wait_for_card(inside);
        listener.answer(Duration::from_secs(1))
    }

    fn wait_for_card(&mut self, inside: bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.watcher.reader_state().is_settled(inside) {
            assert!(Instant::now() < deadline, "the card does not move");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn client(&self) -> One {
        let mut wire = Wire::connect(&self.path);
        wire.send(0x01, &words(&[2, 0, 0]), &[], 12, None);
        let context = wire.answer(Duration::from_secs(20)).unwrap();
        One {
            context: word(&context, 4),
            wire,
            handles: Vec::new(),
            call: None,
        }
    }

    /// A handle, or the code, or nothing where no answer came.
    fn connect(&self, one: &mut One, share: u32, protocols: u32) -> Result<u32, Option<u32>> {
        let body = [
            words(&[one.context]),
            self.reader.clone(),
            words(&[share, protocols, 0, 0, 0]),
        ];
        one.wire.send(0x04, &body.concat(), &[], 152, None);
        let answer = one.wire.answer(Duration::from_secs(20)).ok_or(None)?;
        match word(&answer, 148) {
            0 => Ok(word(&answer, 140)),
            code => Err(Some(code)),
        }
    }

    /// Makes a call for a client; what came of it.
    pub fn call(&mut self, client: usize, call: Call) -> Came {
        if self.clients[client].wire.waits() {
            return Came::Busy;
        }
        let other = self.clients[(client + 1) % self.clients.len()].context;
        let one = &mut self.clients[client];
        let shared = |share| match share {
            1 if self.exclusive_is_shared => 2,
            share => share,
        };
        let handle = match call.handle() {
            None => 0,
            Some(handle) => match one.handles.get(handle) {
                None => return Came::NoHandle,
                Some(handle) => *handle,
            },
        };
        match call {
            Call::Connect { share, protocols } => {
                let tail = words(&[shared(share), protocols, 0, 0, 0]);
                let body = [words(&[one.context]), self.reader.clone(), tail];
                one.wire.send(0x04, &body.concat(), &[], 152, None);
            }
            Call::ConnectElsewhere => {
                let mut name = b"No such reader".to_vec();
                name.resize(128, 0);
                let body = [words(&[one.context]), name, words(&[2, 3, 0, 0, 0])];
                one.wire.send(0x04, &body.concat(), &[], 152, None);
            }
            Call::Reconnect {
                share,
                protocols,
                initialization,
                ..
            } => {
                let body = words(&[handle, shared(share), protocols, initialization, 0, 0]);
                one.wire.send(0x05, &body, &[], 24, None);
            }
            Call::Disconnect { disposition, .. } => {
                one.wire
                    .send(0x06, &words(&[handle, disposition, 0]), &[], 12, None);
            }
            Call::Begin { .. } => {
                one.wire.send(0x07, &words(&[handle, 0]), &[], 8, None);
            }
            Call::End { disposition, .. } => {
                one.wire
                    .send(0x08, &words(&[handle, disposition, 0]), &[], 12, None);
            }
            Call::Transmit {
                protocol,
                command,
                room,
                ..
            } => {
                let command = COMMANDS[command];
                let length = u32::try_from(command.len()).unwrap();
                let body = words(&[handle, protocol, 16, length, 3, 16, room, 0]);
                one.wire.send(0x09, &body, command, 32, Some(24));
            }
            Call::Status { .. } => {
                one.wire.send(0x0B, &words(&[handle, 0]), &[], 8, None);
            }
            Call::Attribute { .. } => {
                // One that no reader has: what others are is the driver's affair.
                let body = [
                    words(&[handle, 0x0007_7777]),
                    vec![0; 264],
                    words(&[264, 0]),
                ];
                one.wire.send(0x0F, &body.concat(), &[], 280, None);
            }
            Call::Cancel => one.wire.send(0x0D, &words(&[other, 0]), &[], 8, None),
            Call::ReleaseWrong => {
                let wrong = one.context.wrapping_add(1);
                one.wire.send(0x02, &words(&[wrong, 0]), &[], 8, None);
            }
        }
        one.call = Some(call);
        self.came(client, PATIENCE)
    }

    /// What has come, within this time, of what a client waits for.
    pub fn came(&mut self, client: usize, within: Duration) -> Came {
        let one = &mut self.clients[client];
        let Some(call) = one.call else {
            return Came::NoHandle;
        };
        let Some(answer) = one.wire.answer(within) else {
            return Came::Waits;
        };
        one.call = None;
        let code_at = match call {
            Call::Connect { .. } | Call::ConnectElsewhere => 148,
            Call::Reconnect { .. } => 20,
            Call::Disconnect { .. } | Call::End { .. } => 8,
            Call::Transmit { .. } => 28,
            Call::Attribute { .. } => 276,
            Call::Begin { .. } | Call::Status { .. } | Call::Cancel | Call::ReleaseWrong => 4,
        };
        let code = match word(&answer, code_at) {
            0x8010_0069 if self.removed_is_reset => 0x8010_0068,
            code => code,
        };
        let done = code == 0;
        let besides = match call {
            Call::Connect { .. } if done => {
                one.handles.push(word(&answer, 140));
                answer[144..148].to_vec()
            }
            Call::Reconnect { .. } if done => answer[16..20].to_vec(),
            Call::Disconnect { handle, .. } if done => {
                one.handles.remove(handle);
                Vec::new()
            }
            // The length, and what was answered.
            Call::Transmit { .. } => [&answer[24..28], &answer[32..]].concat(),
            Call::Attribute { .. } if done => {
                let length = word(&answer, 272) as usize;
                answer[8..8 + length].to_vec()
            }
            _ => Vec::new(),
        };
        Came::Code(code, besides)
    }

    /// Whether a client waits for another one.
    pub fn waits(&self, client: usize) -> bool {
        self.clients[client].call.is_some()
    }

    /// How many handles a client has.
    pub fn handles(&self, client: usize) -> usize {
        self.clients[client].handles.len()
    }

    /// What everybody sees of the reader, with the cards counted that came and went in this sequence.
    pub fn state(&mut self) -> ReaderState {
        let state = self.watcher.reader_state();
        ReaderState {
            events: state.events.wrapping_sub(self.events) & 0xFFFF,
            ..state
        }
    }
}
