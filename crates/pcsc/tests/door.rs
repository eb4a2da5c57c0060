//! The door: what comes in by the socket, and what it cannot do to others.

// A test fails by panicking, and so do its helpers.
#![allow(clippy::panic)]

mod common;

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use common::{ATR, Notes, READER, desk};
use kortlab_pcsc::door::wire::{READER_STATE, numbers};
use kortlab_pcsc::door::{Door, DoorError, Manners};
use kortlab_pcsc::{Code, Service};
use tempfile::TempDir;

/// A served service. Dropped, it ends.
struct Open {
    service: Arc<Service>,
    notes: Notes,
    path: PathBuf,
    stop: UnixStream,
    thread: Option<JoinHandle<()>>,
    _directory: TempDir,
}

impl Open {
    fn new() -> Self {
        Self::with(Manners::default())
    }

    fn with(manners: Manners) -> Self {
        let (service, notes) = desk();
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("door");
        let door = Door::open(&path).expect("a door");
        let (stop, stopped) = UnixStream::pair().expect("a pair");
        let serving = Arc::clone(&service);
        let thread =
            thread::spawn(move || door.serve(&serving, manners, &stopped).expect("served"));
        Self {
            service,
            notes,
            path,
            stop,
            thread: Some(thread),
            _directory: directory,
        }
    }

    fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(&self.path).expect("connected");
        let limit = Some(Duration::from_secs(20));
        stream.set_read_timeout(limit).expect("a limit");
        stream
    }

    /// A client with a context.
    fn client(&self) -> Raw {
        let mut raw = Raw(self.connect());
        let version = raw.ask(0x11, &[4, 4, 0]);
        assert_eq!(version, [4, 4, 0]);
        let established = raw.ask(0x01, &[2, 0, 0]);
        assert_eq!((established[0], established[2]), (2, 0));
        raw
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let _ = self.stop.write_all(&[0]);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("ended");
        }
        assert!(!self.path.exists(), "the socket is gone");
    }
}

/// A client that writes what a test wants it to write.
struct Raw(UnixStream);

impl Raw {
    fn send(&mut self, command: u32, body: &[u8]) {
        let size = u32::try_from(body.len()).expect("short");
        let header = numbers(&[size, command]);
        self.0.write_all(&[&header, body].concat()).expect("sent");
    }

    fn read(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).expect("an answer");
        bytes
    }

    fn read_numbers(&mut self, count: usize) -> Vec<u32> {
        let bytes = self.read(4 * count);
        let words = bytes.chunks_exact(4);
        words
            .map(|word| u32::from_ne_bytes(word.try_into().expect("four")))
            .collect()
    }

    fn ask(&mut self, command: u32, fields: &[u32]) -> Vec<u32> {
        self.send(command, &numbers(fields));
        self.read_numbers(fields.len())
    }

    /// Connects, shared; gives the handle.
    fn connect_card(&mut self) -> u32 {
        let mut name = READER.as_bytes().to_vec();
        name.resize(128, 0);
        let body = [numbers(&[1]), name, numbers(&[2, 3, 0, 0, 0])].concat();
        self.send(0x04, &body);
        let answer = self.read(152);
        let field = |at: usize| u32::from_ne_bytes(answer[at..at + 4].try_into().expect("four"));
        assert_eq!(Code(field(148)), Code::SUCCESS);
        field(140)
    }

    fn transmit(&mut self, handle: u32, room: u32, command: &[u8]) -> (Code, Vec<u8>, u32) {
        let length = u32::try_from(command.len()).expect("short");
        let body = numbers(&[handle, 1, 16, length, 3, 16, room, 0]);
        self.send(0x09, &body);
        self.0.write_all(command).expect("sent");
        let answer = self.read_numbers(8);
        let code = Code(answer[7]);
        let bytes = match code {
            Code::SUCCESS => self.read(answer[6] as usize),
            _ => Vec::new(),
        };
        (code, bytes, answer[6])
    }

    #[track_caller]
    fn works(&mut self, handle: u32) {
        let (code, answer, _) = self.transmit(handle, 258, &[0, 1, 2, 3]);
        assert_eq!(
            (code, answer.as_slice()),
            (Code::SUCCESS, &[0, 1, 2, 3, 0x90, 0x00][..])
        );
    }

    #[track_caller]
    fn ends(mut self) {
        assert_eq!(self.0.read(&mut [0; 1]).expect("an end"), 0);
    }
}

#[test]
fn versions_4_4_to_4_6_are_spoken_and_others_are_told_which() {
    let open = Open::new();
    for minor in 4..=6 {
        let mut raw = Raw(open.connect());
        assert_eq!(raw.ask(0x11, &[4, minor, 0]), [4, minor, 0]);
    }
    for (major, minor) in [(4, 3), (4, 7), (3, 4), (5, 6), (u32::MAX, u32::MAX)] {
        let mut raw = Raw(open.connect());
        let refused = raw.ask(0x11, &[major, minor, 0]);
        assert_eq!(refused, [4, 6, Code::SERVICE_STOPPED.0]);
        // A client may propose another one, on the same connection.
        assert_eq!(raw.ask(0x11, &[4, 4, 0]), [4, 4, 0]);
    }
}

#[test]
fn an_answer_that_does_not_fit_tells_its_length_alone() {
    let open = Open::new();
    let mut raw = open.client();
    let handle = raw.connect_card();
    raw.works(handle);
    let (code, _, length) = raw.transmit(handle, 5, &[0, 1, 2, 3]);
    assert_eq!((code, length), (Code::INSUFFICIENT_BUFFER, 6));
    let long = vec![0x55; 65_548];
    let (code, _, length) = raw.transmit(handle, u32::MAX, &long);
    assert_eq!((code, length), (Code::INSUFFICIENT_BUFFER, 0));
    let (code, answer, _) = raw.transmit(handle, u32::MAX, &long[..65_546]);
    assert_eq!((code, answer.len()), (Code::SUCCESS, 65_548));
    raw.works(handle);
}

#[test]
fn reader_states_are_sixteen_for_every_version() {
    let open = Open::new();
    let mut raw = open.client();
    raw.send(0x12, &[]);
    let states = raw.read(16 * READER_STATE);
    assert_eq!(&states[..5], b"Desk\0");
    assert_eq!(states[140..140 + ATR.len()], ATR);
    raw.send(0x16, &[]);
    assert_eq!(raw.read_numbers(1), [16]);
    raw.send(0x17, &[]);
    assert_eq!(raw.read(16 * READER_STATE), states);
    raw.send(0x15, &[]);
    assert_eq!(raw.read_numbers(2), [1, 0]);
}

#[test]
fn of_a_change_and_the_end_of_a_wait_exactly_one_is_told() {
    let open = Open::new();
    let mut raw = open.client();
    // Nobody waits: nothing is told, and the next answer is that of the next question.
    raw.send(0x14, &[]);
    raw.send(0x13, &[]);
    raw.read(16 * READER_STATE);
    raw.send(0x14, &[]);
    assert_eq!(raw.read_numbers(2), [0, 0]);
    raw.send(0x13, &[]);
    raw.read(16 * READER_STATE);
    let card = open
        .service
        .remove(READER)
        .expect("a reader")
        .expect("a card");
    assert_eq!(raw.read_numbers(2), [0, 0]);
    open.service.insert(READER, card).expect("a reader");
    raw.send(0x14, &[]);
    raw.send(0x15, &[]);
    assert_eq!(
        raw.read_numbers(2),
        [1, 0],
        "no answer to the end of no wait"
    );
}

#[test]
fn with_4_6_a_change_is_told_only_after_the_reader_states() {
    let open = Open::new();
    let mut raw = Raw(open.connect());
    raw.ask(0x11, &[4, 6, 0]);
    raw.ask(0x01, &[2, 0, 0]);
    raw.send(0x13, &[]);
    thread::sleep(Duration::from_millis(50));
    open.service.remove(READER).expect("a reader");
    thread::sleep(Duration::from_millis(50));
    raw.send(0x16, &[]);
    assert_eq!(raw.read_numbers(1), [16], "not the news");
    raw.send(0x17, &[]);
    raw.read(16 * READER_STATE);
    assert_eq!(raw.read_numbers(2), [0, 0]);
    // One that does not ask for the states is told all the same, a little later.
    raw.send(0x13, &[]);
    thread::sleep(Duration::from_millis(50));
    open.service.add_reader("Other", None).expect("a reader");
    assert_eq!(raw.read_numbers(2), [0, 0]);
}

#[test]
fn each_version_waits_in_its_own_way_and_hears_of_a_new_reader_once() {
    for minor in 4..=6 {
        let open = Open::new();
        let mut raw = Raw(open.connect());
        raw.ask(0x11, &[4, minor, 0]);
        raw.ask(0x01, &[2, 0, 0]);
        let begin_to_wait = |raw: &mut Raw| {
            raw.send(0x13, &[]);
            // From 4.6 on the states are asked for, and how many there are.
            if minor >= 6 {
                raw.send(0x16, &[]);
                assert_eq!(raw.read_numbers(1), [16]);
                raw.send(0x17, &[]);
            }
            raw.read(16 * READER_STATE)
        };
        let count = |raw: &mut Raw| {
            raw.send(0x15, &[]);
            raw.read_numbers(2)
        };
        assert_eq!(count(&mut raw), [1, 0]);
        let before = begin_to_wait(&mut raw);
        open.service.add_reader("Other", None).expect("a reader");
        assert_eq!(raw.read_numbers(2), [0, 0]);
        assert_eq!(count(&mut raw), [2, 0]);
        // Nothing changes: the end of the wait is answered, once.
        let after = begin_to_wait(&mut raw);
        assert_eq!(before[READER_STATE], 0);
        assert_eq!(after[READER_STATE..][..6], *b"Other\0");
        raw.send(0x14, &[]);
        assert_eq!(raw.read_numbers(2), [0, 0]);
        assert_eq!(count(&mut raw), [2, 0], "nothing else was told");
        // Something does before the end of the wait: that answers it, once.
        begin_to_wait(&mut raw);
        open.service.remove_reader("Other").expect("a reader");
        raw.send(0x14, &[]);
        assert_eq!(raw.read_numbers(2), [0, 0]);
        assert_eq!(count(&mut raw), [3, 0], "nothing else was told");
    }
}

#[test]
fn a_wait_is_cancelled_from_another_connection() {
    let open = Open::new();
    let mut waiting = Raw(open.connect());
    waiting.ask(0x11, &[4, 4, 0]);
    let context = waiting.ask(0x01, &[2, 0, 0])[1];
    let mut other = open.client();
    assert_eq!(other.ask(0x0D, &[context, 0])[1], Code::INVALID_HANDLE.0);
    waiting.send(0x13, &[]);
    waiting.read(16 * READER_STATE);
    assert_eq!(other.ask(0x0D, &[context, 0])[1], 0);
    assert_eq!(waiting.read_numbers(2), [0, Code::CANCELLED.0]);
}

#[test]
fn a_transaction_keeps_one_client_waiting_and_no_other() {
    let open = Open::new();
    let (mut a, mut b, mut c) = (open.client(), open.client(), open.client());
    let (first, second, _third) = (a.connect_card(), b.connect_card(), c.connect_card());
    assert_eq!(a.ask(0x07, &[first, 0])[1], 0);
    let begun = Instant::now();
    b.send(0x07, &numbers(&[second, 0]));
    thread::sleep(Duration::from_millis(200));
    // Whoever wants no card is answered, and so is who has it.
    c.send(0x12, &[]);
    c.read(16 * READER_STATE);
    a.works(first);
    assert!(
        begun.elapsed() < Duration::from_millis(900),
        "nobody waited"
    );
    assert_eq!(a.ask(0x08, &[first, 0, 0])[2], 0);
    assert_eq!(b.read_numbers(2)[1], 0, "as soon as it is free");
    assert!(begun.elapsed() < Duration::from_millis(900));
    // In vain, it is told after a second, and may ask again.
    let begun = Instant::now();
    assert_eq!(a.ask(0x07, &[first, 0])[1], Code::SHARING_VIOLATION.0);
    assert!(begun.elapsed() >= Duration::from_millis(900));
}

#[test]
fn a_connection_waits_for_the_end_of_a_transaction_as_long_as_it_takes() {
    let open = Open::new();
    let (mut a, mut b) = (open.client(), open.client());
    let first = a.connect_card();
    assert_eq!(a.ask(0x07, &[first, 0])[1], 0);
    let (tell, told) = std::sync::mpsc::channel();
    let waiting = thread::spawn(move || {
        let handle = b.connect_card();
        tell.send(()).expect("told");
        b.works(handle);
    });
    assert!(told.recv_timeout(Duration::from_millis(1500)).is_err());
    assert_eq!(a.ask(0x08, &[first, 0, 0])[2], 0);
    told.recv_timeout(Duration::from_secs(20))
        .expect("connected");
    waiting.join().expect("ended");
}

#[test]
fn a_client_that_dies_while_it_waits_or_holds_the_card_is_in_nobodys_way() {
    let open = Open::new();
    let (mut a, mut b, mut c) = (open.client(), open.client(), open.client());
    let (first, second, third) = (a.connect_card(), b.connect_card(), c.connect_card());
    assert_eq!(a.ask(0x07, &[first, 0])[1], 0);
    b.send(0x07, &numbers(&[second, 0]));
    drop(b);
    c.send(0x07, &numbers(&[third, 0]));
    thread::sleep(Duration::from_millis(50));
    open.notes.take();
    drop(a);
    assert_eq!(c.read_numbers(2)[1], Code::RESET_CARD.0);
    // Who hears of the reset first is told, the card or its next user, is left to chance.
    let mut happened = open.notes.take();
    for _ in 0..500 {
        if happened.contains(&"warm") {
            return;
        }
        thread::sleep(Duration::from_millis(10));
        happened.extend(open.notes.take());
    }
    panic!("no reset: {happened:?}");
}

#[test]
fn a_card_at_work_keeps_only_those_waiting_who_want_it() {
    let open = Open::new();
    let (mut a, mut b) = (open.client(), open.client());
    let first = a.connect_card();
    let begun = Instant::now();
    a.send(0x09, &numbers(&[first, 1, 16, 1, 3, 16, 258, 0]));
    a.0.write_all(&[0xE6]).expect("sent");
    b.send(0x12, &[]);
    b.read(16 * READER_STATE);
    open.client();
    assert!(begun.elapsed() < Duration::from_millis(650));
    assert_eq!(a.read_numbers(8)[7], 0);
}

#[test]
fn what_breaks_the_rules_ends_one_connection_and_nothing_else() {
    let open = Open::new();
    let mut honest = open.client();
    let handle = honest.connect_card();
    for bytes in [
        numbers(&[u32::MAX, 0x01]),
        numbers(&[12, 0x63]),
        numbers(&[0, 0]),
        numbers(&[13, 0x01]),
        numbers(&[1, 0x12]),
        numbers(&[32, 0x09, 1, 1, 16, u32::MAX, 3, 16, 258, 0]),
        numbers(&[24, 0x0A, 1, 2, 0x7FFF_FFFF, 0, 0, 0]),
        [numbers(&[280, 0x0F]), vec![0xFF; 280]].concat(),
        vec![0xFF; 4096],
    ] {
        let mut hostile = Raw(open.connect());
        hostile.0.write_all(&bytes).expect("sent");
        hostile.ends();
        honest.works(handle);
    }
    // Half messages are waited for; when the client goes, nothing is left.
    for cut in [1, 7, 8, 20, 39, 40] {
        let mut half = Raw(open.connect());
        let message = numbers(&[32, 0x09, 1, 1, 16, 5, 3, 16, 258, 0]);
        half.0.write_all(&message[..cut]).expect("sent");
        honest.works(handle);
        drop(half);
    }
    // A handle of another is none, and a name without an end is no reader's.
    let mut stranger = open.client();
    assert_eq!(stranger.ask(0x0B, &[handle, 0])[1], Code::INVALID_HANDLE.0);
    let body = [numbers(&[1]), vec![b'x'; 128], numbers(&[2, 3, 0, 0, 0])].concat();
    stranger.send(0x04, &body);
    let answer = stranger.read(152);
    assert_eq!(answer[148..], Code::UNKNOWN_READER.0.to_ne_bytes());
    honest.works(handle);
}

#[test]
fn a_client_that_reads_nothing_blocks_itself_alone() {
    let open = Open::new();
    let mut deaf = open.client();
    deaf.0.set_nonblocking(true).expect("set");
    // Until neither side takes any more.
    let question = numbers(&[0, 0x12]);
    while deaf.0.write_all(&question).is_ok() {}
    let mut honest = open.client();
    let handle = honest.connect_card();
    honest.works(handle);
}

#[test]
fn a_thousand_idle_connections_do_not_keep_a_program_out() {
    let open = Open::new();
    let mut first = open.client();
    let handle = first.connect_card();
    let mut idle = Vec::new();
    for _ in 0..1000 {
        match UnixStream::connect(&open.path) {
            Ok(stream) => idle.push(stream),
            // The test's own descriptors have come to their end.
            Err(_) => break,
        }
        if idle.len() > 400 {
            idle.remove(0);
        }
    }
    first.works(handle);
    let mut late = open.client();
    let handle = late.connect_card();
    late.works(handle);
}

#[test]
fn programs_that_have_contexts_are_not_pushed_out() {
    let open = Open::with(Manners {
        most: 3,
        ..Manners::default()
    });
    let mut all: Vec<_> = (0..3).map(|_| open.client()).collect();
    let handle = all[0].connect_card();
    Raw(open.connect()).ends();
    all[0].works(handle);
    drop(all.pop());
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let mut raw = Raw(open.connect());
        let header = numbers(&[12, 0x11, 4, 4, 0]);
        if raw.0.write_all(&header).is_ok() && raw.0.read(&mut [0; 12]).is_ok_and(|n| n == 12) {
            break;
        }
        assert!(Instant::now() < deadline, "no room");
    }
}

#[test]
fn a_message_may_come_byte_by_byte_and_several_at_once() {
    let open = Open::new();
    let mut raw = open.client();
    let handle = raw.connect_card();
    let message = [
        numbers(&[32, 0x09, handle, 1, 16, 4, 3, 16, 258, 0]),
        vec![9, 8, 7, 6],
    ]
    .concat();
    for byte in &message {
        raw.0.write_all(&[*byte]).expect("sent");
    }
    raw.0.write_all(&message.repeat(50)).expect("sent");
    for _ in 0..51 {
        assert_eq!(raw.read_numbers(8)[6..], [6, 0]);
        assert_eq!(raw.read(6), [9, 8, 7, 6, 0x90, 0x00]);
    }
}

#[test]
fn the_socket_is_for_this_user_alone_and_what_was_left_behind_is_replaced() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("new/door");
    let mode = |path: &Path| path.metadata().expect("a file").permissions().mode() & 0o777;
    let door = Door::open(&path).expect("a door");
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().expect("a directory")), 0o700);
    assert!(matches!(Door::open(&path), Err(DoorError::InUse(_))));
    drop(door);
    assert!(!path.exists());
    drop(UnixListener::bind(&path).expect("bound"));
    drop(Door::open(&path).expect("replaced"));
    fs::write(&path, "a file").expect("written");
    assert!(matches!(Door::open(&path), Err(DoorError::NotASocket(_))));
    fs::remove_file(&path).expect("removed");
    // A door removes its own socket, not that of its successor.
    let door = Door::open(&path).expect("a door");
    fs::remove_file(&path).expect("removed");
    let next = UnixListener::bind(&path).expect("bound");
    drop(door);
    assert!(path.exists());
    drop(next);
    let entries = fs::read_dir(path.parent().expect("a directory")).expect("entries");
    assert_eq!(entries.count(), 1);
}

#[test]
fn a_path_is_as_long_as_a_socket_takes_it_and_no_longer() {
    let directory = tempfile::tempdir().expect("a directory");
    let room = 107 - directory.path().as_os_str().len() - 1;
    let longest = directory.path().join("x".repeat(room));
    let door = Door::open(&longest).expect("a door");
    UnixStream::connect(door.path()).expect("connected");
    // Also where the file's name is shorter than what it is made under at first.
    let short = directory.path().join("y".repeat(room - 3)).join("s");
    let other = Door::open(&short).expect("a door");
    UnixStream::connect(other.path()).expect("connected");
    let error = Door::open(&directory.path().join("x".repeat(room + 1))).expect_err("too long");
    assert!(matches!(error, DoorError::TooLong(_)), "{error}");
    assert!(
        error
            .to_string()
            .contains("has 108 bytes; a socket's has at most 107"),
        "{error}"
    );
}
