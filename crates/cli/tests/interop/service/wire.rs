//! A client that speaks pcsc-lite's protocol by itself: the same bytes to both services.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// The bytes of a reader's state.
const STATE: usize = 184;

/// One connection.
pub struct Wire {
    stream: UnixStream,
    /// How many bytes the answer has that has not come yet.
    pending: Option<Answer>,
}

/// What everybody sees of a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderState {
    /// How many times a card came or went.
    pub events: u32,
    pub state: u32,
    /// How many share it; -1: one has it to itself.
    pub sharing: i32,
    pub atr: Vec<u8>,
    pub protocol: u32,
}

impl ReaderState {
    /// Whether there is a card that has answered a reset, or none: not something between.
    pub fn is_settled(&self, inside: bool) -> bool {
        match inside {
            true => self.state & 0x04 != 0 && !self.atr.is_empty(),
            false => self.state & 0x02 != 0,
        }
    }
}

/// What answers a request.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// The bytes of the structure.
    size: usize,
    /// Where in it the length of what follows is, if something does.
    length_at: Option<usize>,
}

impl Wire {
    /// Connects, and agrees on the version.
    pub fn connect(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap();
        let mut wire = Self {
            stream,
            pending: None,
        };
        wire.send(0x11, &words(&[4, 4, 0]), &[], 12, None);
        assert_eq!(
            wire.answer(Duration::from_secs(20)),
            Some(words(&[4, 4, 0]))
        );
        wire
    }

    /// Sends a request.
    pub fn send(
        &mut self,
        command: u32,
        body: &[u8],
        behind: &[u8],
        size: usize,
        length_at: Option<usize>,
    ) {
        let header = words(&[u32::try_from(body.len()).unwrap(), command]);
        let message = [&header, body, behind].concat();
        self.stream.write_all(&message).unwrap();
        self.pending = Some(Answer { size, length_at });
    }

    /// Whether an answer is still to come.
    pub fn waits(&self) -> bool {
        self.pending.is_some()
    }

    /// The answer, if it comes in this time.
    pub fn answer(&mut self, within: Duration) -> Option<Vec<u8>> {
        let Answer { size, length_at } = self.pending?;
        self.stream.set_read_timeout(Some(within)).unwrap();
        let mut first = [0];
        match self.stream.read(&mut first) {
            Ok(1) => {}
            Ok(_) => panic!("the service has closed the connection"),
            Err(_) => return None,
        }
        let limit = Some(Duration::from_secs(20));
        self.stream.set_read_timeout(limit).unwrap();
        let mut answer = vec![0; size];
        answer[0] = first[0];
        self.stream.read_exact(&mut answer[1..]).unwrap();
        if let Some(at) = length_at
            && word(&answer, size - 4) == 0
        {
            let mut rest = vec![0; word(&answer, at) as usize];
            self.stream.read_exact(&mut rest).unwrap();
            answer.extend_from_slice(&rest);
        }
        self.pending = None;
        Some(answer)
    }

    /// What everybody sees of the first reader.
    pub fn reader_state(&mut self) -> ReaderState {
        self.send(0x12, &[], &[], 16 * STATE, None);
        let states = self.answer(Duration::from_secs(20)).unwrap();
        let length = word(&states, 176) as usize;
        ReaderState {
            events: word(&states, 128),
            state: word(&states, 132),
            sharing: word(&states, 136).cast_signed(),
            atr: states[140..140 + length].to_vec(),
            protocol: word(&states, 180),
        }
    }

    /// Begins to wait for a change.
    pub fn wait_for_change(&mut self) {
        self.send(0x13, &[], &[], 16 * STATE, None);
        self.answer(Duration::from_secs(20)).unwrap();
        self.pending = Some(Answer {
            size: 8,
            length_at: None,
        });
    }

    /// The name of the first reader.
    pub fn reader_name(&mut self) -> Vec<u8> {
        self.send(0x12, &[], &[], 16 * STATE, None);
        self.answer(Duration::from_secs(20)).unwrap()[..128].to_vec()
    }
}

/// Words in the machine's order.
pub fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// The word at this offset.
pub fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap())
}
