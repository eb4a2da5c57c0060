//! Reading and writing that end at a given moment, however the bytes trickle.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// A stream until a deadline, or until something else becomes readable.
#[derive(Debug)]
pub struct Timed<'a> {
    stream: &'a UnixStream,
    deadline: Instant,
    stop: Option<BorrowedFd<'a>>,
}

impl<'a> Timed<'a> {
    /// The stream for so long from now on. It must not block.
    pub fn new(stream: &'a UnixStream, limit: Duration) -> Self {
        let now = Instant::now();
        Self {
            stream,
            // A day is for ever here.
            deadline: now
                .checked_add(limit)
                .unwrap_or(now + Duration::from_secs(86_400)),
            stop: None,
        }
    }

    /// The same; it ends at once when `stop` becomes readable.
    pub fn until(mut self, stop: BorrowedFd<'a>) -> Self {
        self.stop = Some(stop);
        self
    }

    fn wait(&self, interest: PollFlags) -> io::Result<()> {
        let stream = self.stream.as_fd();
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let mut polled = vec![PollFd::new(&stream, interest)];
            if let Some(stop) = &self.stop {
                polled.push(PollFd::new(stop, PollFlags::IN));
            }
            match poll(&mut polled, Timespec::try_from(left).ok().as_ref()) {
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
                Ok(_) => {}
            }
            if polled.get(1).is_some_and(|stop| !stop.revents().is_empty()) {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            if polled
                .first()
                .is_some_and(|stream| !stream.revents().is_empty())
            {
                return Ok(());
            }
        }
    }

    fn repeat<T>(
        &self,
        interest: PollFlags,
        mut attempt: impl FnMut(&UnixStream) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            self.wait(interest)?;
            match attempt(self.stream) {
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                    ) => {}
                result => return result,
            }
        }
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.repeat(PollFlags::IN, |mut stream| stream.read(buffer))
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.repeat(PollFlags::OUT, |mut stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
