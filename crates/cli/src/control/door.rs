//! The socket of the control door: requests in, answers out, a JSON object a line each.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use kortlab_pcsc::control::Line;
use kortlab_pcsc::door::{Door, DoorError};
use serde::Serialize;
use zeroize::{Zeroize as _, Zeroizing};

use super::lab::Lab;
use crate::failure::{ErrorEntry, Failure};

/// The environment variable that names the socket to whoever is started by `kortlab run`.
pub const VARIABLE: &str = "KORTLAB_CONTROL";

/// The longest line of a request, in bytes.
pub const MAX_LINE: usize = 65_536;
/// The most characters of what a request was refused with.
const MAX_MESSAGE: usize = 1000;
/// The most clients. When one more comes, the one that has asked nothing for longest goes.
const MAX_CLIENTS: usize = 32;
/// How long a client may take to read an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer may take that is still to come when the door is shut.
const LAST_ANSWER: Duration = Duration::from_millis(500);
/// What the thread of a client may use; what it does not use takes no memory.
const STACK: usize = 1 << 20;

/// A control door that stands open. It is shut when this is dropped.
pub struct ControlDoor {
    path: PathBuf,
    stop: UnixStream,
    thread: Option<JoinHandle<()>>,
}

/// What answers a request that was not carried out.
#[derive(Serialize)]
struct Refused<'a> {
    error: ErrorEntry<'a>,
}

impl ControlDoor {
    /// Opens the door at this path: of this user alone, mode 0600.
    ///
    /// # Errors
    /// The path cannot be used.
    pub fn open(path: &Path, lab: Arc<Lab>) -> Result<Self, Failure> {
        let door = Door::open(path).map_err(|error| about(&error))?;
        let (stop, stopped) = UnixStream::pair().map_err(no_thread)?;
        let path = door.path().to_owned();
        let thread = thread::Builder::new()
            .name("control".to_owned())
            .spawn(move || accept_all(&door, &lab, &stopped))
            .map_err(no_thread)?;
        Ok(Self {
            path,
            stop,
            thread: Some(thread),
        })
    }

    /// Where it is: an absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ControlDoor {
    fn drop(&mut self) {
        let _ = (&self.stop).write_all(&[0]);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn about(error: &DoorError) -> Failure {
    let failure = Failure::failed(format!("no control door: {error}"));
    match error {
        DoorError::TooLong(_) => failure
            .hint("name a shorter path with --control, or set XDG_RUNTIME_DIR to a shorter one"),
        DoorError::InUse(_) => failure
            .of_kind("in-use")
            .hint("name another path with --control"),
        _ => failure.hint("name another path with --control"),
    }
}

fn no_thread(error: std::io::Error) -> Failure {
    Failure::failed(format!("no control door: {error}"))
}

type Guests = Arc<Mutex<BTreeMap<u64, Guest>>>;

/// A client that is in.
struct Guest {
    stream: Arc<UnixStream>,
    /// When it last had an answer, or came.
    heard: Arc<Mutex<Option<Instant>>>,
}

fn accept_all(door: &Door, lab: &Arc<Lab>, stopped: &UnixStream) {
    let guests = Guests::default();
    let numbers = AtomicU64::new(0);
    while let Ok(Some(stream)) = door.next(stopped) {
        if !make_room(&mut lock(&guests)) {
            let failure = Failure::failed(format!("{MAX_CLIENTS} requests are being carried out"));
            // It has read nothing yet, so there is room for this line.
            let _ = (&stream).write_all(&refused(&failure));
            continue;
        }
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        let guest = Guest {
            stream: Arc::new(stream),
            heard: Arc::new(Mutex::new(Some(Instant::now()))),
        };
        let (stream, heard) = (Arc::clone(&guest.stream), Arc::clone(&guest.heard));
        lock(&guests).insert(number, guest);
        let (lab, left) = (Arc::clone(lab), Arc::clone(&guests));
        let thread = thread::Builder::new().name("control client".to_owned());
        let started = thread.stack_size(STACK).spawn(move || {
            // Whoever breaks the rules loses this connection only.
            let _ = serve(&stream, &lab, &heard);
            let _ = stream.shutdown(Shutdown::Both);
            lock(&left).remove(&number);
        });
        if started.is_err() {
            lock(&guests).remove(&number);
        }
    }
    let shut = |how| {
        for guest in lock(&guests).values() {
            let _ = guest.stream.shutdown(how);
        }
    };
    // What is done may be what has ended all this: whoever asked for it is told.
    shut(Shutdown::Read);
    let deadline = Instant::now() + LAST_ANSWER;
    let is_busy = |guest: &Guest| lock(&guest.heard).is_none();
    while lock(&guests).values().any(is_busy) && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(2));
    }
    shut(Shutdown::Both);
}

/// Lets the client go that has asked nothing for longest, if there are too many. One whose request
/// is being carried out stays. Says whether there is room.
fn make_room(guests: &mut BTreeMap<u64, Guest>) -> bool {
    if guests.len() < MAX_CLIENTS {
        return true;
    }
    let idle = guests
        .iter()
        .filter_map(|(number, guest)| Some(((*lock(&guest.heard))?, *number)))
        .min();
    match idle.and_then(|(_, number)| guests.remove(&number)) {
        Some(guest) => guest.stream.shutdown(Shutdown::Both).is_ok(),
        None => false,
    }
}

/// Answers one client until it goes.
fn serve(
    mut stream: &UnixStream,
    lab: &Lab,
    heard: &Mutex<Option<Instant>>,
) -> std::io::Result<()> {
    stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
    // Keys of a PIN pad are among it.
    let mut line = Zeroizing::new(Vec::with_capacity(1024));
    let mut chunk = Zeroizing::new([0; 1024]);
    loop {
        let count = match stream.read(&mut *chunk) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        for &byte in chunk.get(..count).unwrap_or_default() {
            if byte != b'\n' {
                if line.len() == MAX_LINE {
                    let failure = Failure::usage(format!("a line is longer than {MAX_LINE} bytes"));
                    return stream.write_all(&refused(&failure));
                }
                if line.len() == line.capacity() {
                    grow(&mut line);
                }
                line.push(byte);
                continue;
            }
            *lock(heard) = None;
            if !line.trim_ascii().is_empty() {
                stream.write_all(&answer(lab, &line))?;
            }
            line.zeroize();
            *lock(heard) = Some(Instant::now());
        }
    }
}

/// Makes room without leaving a copy behind.
fn grow(line: &mut Zeroizing<Vec<u8>>) {
    let mut larger = Zeroizing::new(Vec::with_capacity(line.len() * 4));
    larger.extend_from_slice(line);
    *line = larger;
}

fn answer(lab: &Lab, line: &[u8]) -> Vec<u8> {
    let done = match Line::parse(line) {
        Ok(Line::Press(press)) => lab.press(&press),
        Ok(Line::Request(request)) => lab.answer(request),
        Err(why) => Err(Failure::usage(why.to_string())
            .hint("a request is one JSON object a line, as {\"do\": \"state\"}")),
    };
    match done {
        Ok(answer) => json(&answer),
        // It may repeat what was sent.
        Err(failure) => refused(&failure.cut_to(MAX_MESSAGE)),
    }
}

fn refused(failure: &Failure) -> Vec<u8> {
    json(&Refused {
        error: failure.entry(),
    })
}

fn json(answer: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(answer).unwrap_or_default();
    line.push(b'\n');
    line
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
