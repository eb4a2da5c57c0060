//! What happened in one execution.

use sha2::{Digest as _, Sha256};

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this exit code.
    Exit(i32),
    /// By this signal.
    Signal(i32),
    /// It was ended because its time was over.
    TimeOver,
    /// It was ended because it held too much memory.
    MemoryOver,
}

/// A command and what was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Which command it is, counted from 1.
    pub number: usize,
    /// The command's first four bytes: what follows may be a PIN.
    pub header: [u8; 4],
    /// Whether data follows: VERIFY without data only asks how many tries are left.
    pub has_data: bool,
    /// The status word that the program got; nothing if the transfer failed.
    pub seen: Option<u16>,
    /// The status word that the card itself gave last for it; nothing if it was not asked.
    pub card: Option<u16>,
    /// Whether what the program got is not what the card gave.
    pub spoilt: bool,
}

/// What happened in one execution.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How the program ended.
    pub ended: Ended,
    /// The end of what it printed on standard output.
    pub stdout: Vec<u8>,
    /// The end of what it printed on standard error.
    pub stderr: String,
    /// The data of all answers that it got, one behind the other; nothing if there were too many
    /// to keep.
    pub given: Option<Vec<u8>>,
    /// The first commands, and the last; of those between, the last that were spoilt.
    pub exchanges: Vec<Exchange>,
    /// How many commands there were.
    pub commands: usize,
    /// Whether it wanted more than it may have.
    pub commands_over: bool,
    /// The tries left of each PIN of the card, before and after.
    pub tries: Vec<(u8, u8, u8)>,
}

impl Outcome {
    /// What this execution did, as a number: equal for executions that went the same way.
    pub fn way(&self) -> u64 {
        // Not the standard library's hashes: they are others in every run.
        let mut hash = Sha256::new();
        for exchange in &self.exchanges {
            hash.update([exchange.header[1]]);
            hash.update(exchange.seen.unwrap_or(0).to_be_bytes());
        }
        let ended = match self.ended {
            Ended::Exit(code) => code,
            Ended::Signal(signal) => 1000 + signal,
            Ended::TimeOver => 2000,
            Ended::MemoryOver => 2001,
        };
        hash.update(ended.to_be_bytes());
        let [a, b, c, d, e, f, g, h, ..] = hash.finalize().0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }

    /// The exit code, if it is one that says that something went wrong.
    pub const fn bad_exit_code(&self) -> Option<i32> {
        match self.ended {
            Ended::Exit(code) if code != 0 => Some(code),
            _ => None,
        }
    }

    /// The instruction of the last command; of a GET RESPONSE that of the command whose answer it
    /// fetches the first piece of; 00 if there was none.
    pub fn last_instruction(&self) -> u8 {
        let mut last = self.exchanges.iter().rev();
        let mut next = || last.next().map(|exchange| exchange.header[1]);
        match next() {
            Some(GET_RESPONSE) => next().unwrap_or(GET_RESPONSE),
            last => last.unwrap_or(0),
        }
    }
}

/// GET RESPONSE (ISO/IEC 7816-4 §5.3.4).
const GET_RESPONSE: u8 = 0xC0;
