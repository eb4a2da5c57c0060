//! The thread of one connection.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use zeroize::{Zeroize as _, Zeroizing};

use super::Manners;
use super::bell::{Bell, ChangeBell, ReleaseBell};
use super::session::{Reply, Session};
use super::together::{PAUSE, Together};
use super::wire::{self, Parsed, Request};
use crate::{Service, Wake};

/// How much is read at once where no long message is known to come.
const CHUNK: usize = 4096;
/// How long a client may take to read an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client of protocol 4.6 that waits may take to ask for the reader states.
const READING: Duration = Duration::from_millis(500);

/// Serves one client until it goes, breaks the rules, or its socket is shut down.
pub(super) fn serve(
    stream: &UnixStream,
    service: &Arc<Service>,
    manners: Manners,
    has_context: &AtomicBool,
) -> io::Result<()> {
    stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
    let bell = Bell::new()?;
    let change: Arc<dyn Wake> = Arc::new(ChangeBell(Arc::clone(&bell)));
    let mut connection = Connection {
        stream,
        session: Session::new(service, change),
        has_context,
        release: Arc::new(ReleaseBell(Arc::clone(&bell))),
        bell,
        patience: manners.patience,
        together: Together::new(stream, manners.together),
    };
    let mut received = Received::default();
    loop {
        let needed = loop {
            match wire::parse(received.bytes()) {
                Parsed::Request(request, length) => {
                    connection.answer(&request)?;
                    received.used(length);
                }
                Parsed::Incomplete(needed) => break needed,
                Parsed::Broken(why) => return Err(io::Error::other(why)),
            }
        };
        connection.tell_change()?;
        if !received.read(needed, &mut connection)? {
            return Ok(());
        }
    }
}

struct Connection<'a> {
    stream: &'a UnixStream,
    session: Session,
    /// Whether it has established a context, for whoever makes room.
    has_context: &'a AtomicBool,
    bell: Arc<Bell>,
    release: Arc<dyn Wake>,
    patience: Duration,
    together: Together,
}

impl Connection<'_> {
    fn answer(&mut self, request: &Request<'_>) -> io::Result<()> {
        if self.together.request() {
            // A pause is to be noticed.
            self.stream.set_read_timeout(Some(PAUSE))?;
        }
        let begun = Instant::now();
        let mut patient = !self.patience.is_zero();
        loop {
            match self.session.handle(request, patient) {
                Reply::Answer(answer) => {
                    // Before the client knows: it is not pushed out from then on.
                    let has_context = self.session.client().has_context();
                    self.has_context.store(has_context, Ordering::Relaxed);
                    return self.write(&Zeroizing::new(answer));
                }
                Reply::Nothing => return Ok(()),
                Reply::Held { forever } => {
                    self.part()?;
                    self.session
                        .when_released(request, Arc::clone(&self.release));
                    let limit = (!forever).then(|| self.patience.saturating_sub(begun.elapsed()));
                    patient = self.wait_for_release(limit)?;
                }
            }
        }
    }

    /// Lets the program and this thread go where they may.
    fn part(&mut self) -> io::Result<()> {
        match self.together.part() {
            true => self.stream.set_read_timeout(None),
            false => Ok(()),
        }
    }

    /// Waits until somebody lets go of a card; says whether that was in time.
    fn wait_for_release(&self, limit: Option<Duration>) -> io::Result<bool> {
        let deadline = limit.map(|limit| Instant::now() + limit);
        while !self.bell.take_released() {
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Ok(false);
            }
            // Of the socket only the end is of interest, which is always told.
            let mut polled = [
                PollFd::new(&self.bell, PollFlags::IN),
                PollFd::new(&self.stream, PollFlags::empty()),
            ];
            wait(&mut polled, left)?;
            if !polled[1].revents().is_empty() {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            self.bell.quiet();
        }
        Ok(true)
    }

    /// Tells the client that its wait is over, if it is and the client listens.
    fn tell_change(&mut self) -> io::Result<()> {
        if self.session.listens()
            && let Some(code) = self.bell.take_change()
        {
            self.session.told();
            self.write(&wire::change(code))?;
        }
        Ok(())
    }

    /// Waits until the client has sent something, and tells it meanwhile what has changed.
    fn wait_for_client(&mut self) -> io::Result<()> {
        if self.session.waits() {
            self.part()?;
        }
        // Without a wait for a change nothing can ring, and reading waits by itself.
        while self.session.waits() {
            let late = self.bell.has_change().then_some(READING);
            let mut polled = [
                PollFd::new(&self.stream, PollFlags::IN),
                PollFd::new(&self.bell, PollFlags::IN),
            ];
            wait(&mut polled, late)?;
            let [client, bell] = polled.map(|polled| !polled.revents().is_empty());
            if bell {
                self.bell.quiet();
            }
            if client {
                return Ok(());
            }
            if !bell && let Some(code) = self.bell.take_change() {
                // It does not ask for the states: it must be listening.
                self.session.told();
                self.write(&wire::change(code))?;
            }
            self.tell_change()?;
        }
        Ok(())
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        (&mut &*self.stream).write_all(bytes)
    }
}

fn wait(polled: &mut [PollFd<'_>], limit: Option<Duration>) -> io::Result<()> {
    let limit = limit.map(|limit| {
        Timespec::try_from(limit).unwrap_or(Timespec {
            tv_sec: i64::from(i32::MAX),
            tv_nsec: 0,
        })
    });
    match poll(polled, limit.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// What a client has sent and was not looked at. PINs are among it, so it is wiped.
#[derive(Default)]
struct Received {
    buffer: Zeroizing<Vec<u8>>,
    from: usize,
    to: usize,
}

impl Received {
    fn bytes(&self) -> &[u8] {
        self.buffer.get(self.from..self.to).unwrap_or_default()
    }

    fn used(&mut self, count: usize) {
        let end = self.to.min(self.from + count);
        if let Some(used) = self.buffer.get_mut(self.from..end) {
            used.zeroize();
        }
        self.from = end;
        if self.from == self.to {
            (self.from, self.to) = (0, 0);
            // A long message needs room for itself alone.
            if self.buffer.len() > CHUNK {
                self.buffer = Zeroizing::default();
            }
        }
    }

    /// Reads what is there, for a message that has so many bytes in all. False: the client is gone.
    fn read(&mut self, needed: usize, connection: &mut Connection<'_>) -> io::Result<bool> {
        let room = needed.max(CHUNK);
        if self.buffer.len() < self.from + needed || self.buffer.is_empty() {
            let mut larger = Zeroizing::new(vec![0; room]);
            let bytes = self.bytes();
            for (to, from) in larger.iter_mut().zip(bytes) {
                *to = *from;
            }
            (self.from, self.to) = (0, bytes.len());
            self.buffer = larger;
        }
        connection.wait_for_client()?;
        let Some(free) = self.buffer.get_mut(self.to..) else {
            return Ok(false);
        };
        loop {
            match (&mut &*connection.stream).read(free) {
                Ok(0) => return Ok(false),
                Ok(count) => {
                    self.to += count;
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => connection.part()?,
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_received_is_wiped_once_it_was_used() {
        let mut received = Received {
            buffer: Zeroizing::new(vec![0x31; 16]),
            from: 0,
            to: 16,
        };
        received.used(10);
        assert_eq!(received.bytes(), [0x31; 6]);
        assert_eq!(received.buffer[..10], [0; 10]);
        received.used(100);
        assert!(received.bytes().is_empty());
        assert!(received.buffer.iter().all(|byte| *byte == 0));
    }
}
