//! The card's side: listens, serves one program at a time, and goes when it is told to.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use kortlab_apdu::{Channel, Protocol, ResetKind};
use rustix::event::{PollFd, PollFlags, poll};
use zeroize::Zeroizing;

use super::frame;
use super::timed::Timed;

/// A frame that has begun must be complete within this time.
const FRAME_TIMEOUT: Duration = Duration::from_secs(10);

/// A socket in the file system that a card listens on. It is removed when this is dropped.
#[derive(Debug)]
pub struct CardSocket {
    listener: UnixListener,
    path: PathBuf,
}

/// Why a card cannot listen, or cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// Another card listens there.
    #[error("another card listens on {}", .0.display())]
    InUse(PathBuf),
    /// The path is taken by something that is no socket.
    #[error("{} is there already, and is no socket", .0.display())]
    NotASocket(PathBuf),
    /// The socket could not be made or served.
    #[error("the socket {} failed: {error}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What happened.
        error: io::Error,
    },
}

impl CardSocket {
    /// Makes the socket, for this user only. A socket that a killed process left behind is
    /// replaced.
    ///
    /// # Errors
    /// Another card listens there, or the path cannot be used.
    pub fn bind(path: &Path) -> Result<Self, SocketError> {
        let failed = |error| SocketError::Io {
            path: path.to_path_buf(),
            error,
        };
        if let Ok(metadata) = fs::symlink_metadata(path) {
            if !metadata.file_type().is_socket() {
                return Err(SocketError::NotASocket(path.to_path_buf()));
            }
            if UnixStream::connect(path).is_ok() {
                return Err(SocketError::InUse(path.to_path_buf()));
            }
        }
        let listener = bind_private(path).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(Self {
            listener,
            path: path.to_path_buf(),
        })
    }

    /// Serves the card until `shutdown` becomes readable.
    ///
    /// # Errors
    /// The socket fails; what one program does wrong ends only its own connection.
    pub fn serve(
        &self,
        card: &mut (impl Channel + ?Sized),
        shutdown: &impl AsFd,
    ) -> Result<(), SocketError> {
        let failed = |error| SocketError::Io {
            path: self.path.clone(),
            error,
        };
        while wait(self.listener.as_fd(), shutdown.as_fd()).map_err(failed)? {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if is_passing(&error) => continue,
                Err(error) => return Err(failed(error)),
            };
            // Which card it is may have changed since the last program.
            let _ = card.reset(ResetKind::Cold);
            // A program that breaks the rules, or breaks down, loses its connection only.
            let _ = converse(stream, card, shutdown.as_fd());
            let _ = card.reset(ResetKind::Cold);
        }
        Ok(())
    }
}

impl Drop for CardSocket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Binds inside a directory that only this user can enter and moves the socket out once its mode
/// is set: nobody else can connect at any moment, and a socket left behind is replaced at once.
fn bind_private(path: &Path) -> io::Result<UnixListener> {
    let name = format!(".{:x}", std::process::id());
    let directory = path.with_file_name(name);
    fs::DirBuilder::new().mode(0o700).create(&directory)?;
    let inside = directory.join("s");
    let listener = UnixListener::bind(&inside).and_then(|listener| {
        fs::set_permissions(&inside, fs::Permissions::from_mode(0o600))?;
        fs::rename(&inside, path)?;
        Ok(listener)
    });
    if listener.is_err() {
        let _ = fs::remove_file(&inside);
    }
    let _ = fs::remove_dir(&directory);
    listener
}

/// Answers one program until it goes or the card must go.
fn converse(
    stream: UnixStream,
    card: &mut (impl Channel + ?Sized),
    shutdown: BorrowedFd<'_>,
) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let timed = || Timed::new(&stream, FRAME_TIMEOUT).until(shutdown);
    while wait(stream.as_fd(), shutdown)? {
        let Some((kind, body)) = frame::read(&mut timed())? else {
            break;
        };
        let answer = match (kind, body.as_slice()) {
            (frame::HELLO, [frame::VERSION]) => Ok(hello(card)),
            (frame::TRANSMIT, command) => card.transmit(command),
            (frame::RESET, [0x00]) => card.reset(ResetKind::Cold).map(|()| card.atr().to_vec()),
            (frame::RESET, [0x01]) => card.reset(ResetKind::Warm).map(|()| card.atr().to_vec()),
            (frame::HELLO, _) => Err(kortlab_apdu::ChannelError::Link(format!(
                "this card speaks version {} of the socket protocol",
                frame::VERSION
            ))),
            _ => Err(kortlab_apdu::ChannelError::Link(
                "this question is not in the socket protocol".to_owned(),
            )),
        };
        match answer {
            Ok(body) => frame::write(&mut timed(), frame::ANSWER | kind, &Zeroizing::new(body))?,
            Err(error) => {
                frame::write(&mut timed(), frame::ERROR, &frame::encode_error(&error))?;
            }
        }
    }
    Ok(())
}

fn hello(card: &(impl Channel + ?Sized)) -> Vec<u8> {
    let protocol = match card.protocol() {
        Protocol::T0 => 0x00,
        Protocol::T1 => 0x01,
    };
    let most = u32::try_from(card.max_command_data()).unwrap_or(u32::MAX);
    let mut body = vec![protocol];
    body.extend_from_slice(&most.to_be_bytes());
    body.extend_from_slice(card.atr());
    body
}

/// Waits until something can be read; false when it is the shutdown.
fn wait(work: BorrowedFd<'_>, shutdown: BorrowedFd<'_>) -> io::Result<bool> {
    loop {
        let mut polled = [
            PollFd::new(&work, PollFlags::IN),
            PollFd::new(&shutdown, PollFlags::IN),
        ];
        match poll(&mut polled, None) {
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => {
                let [work, shutdown] = &polled;
                if !shutdown.revents().is_empty() {
                    return Ok(false);
                }
                if !work.revents().is_empty() {
                    return Ok(true);
                }
            }
        }
    }
}

/// Errors of one connection that was given up before it was accepted, not of the listener.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::thread;

    use kortlab_apdu::ChannelError;

    use super::super::SocketChannel;
    use super::*;

    /// Answers every command with its own bytes and 9000, until it is reset.
    struct Echo {
        resets: usize,
    }

    impl Channel for Echo {
        fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
            if command.is_empty() {
                return Err(ChannelError::Storage("disk full".to_owned()));
            }
            Ok([command, &[0x90, 0x00]].concat())
        }
        fn reset(&mut self, _: ResetKind) -> Result<(), ChannelError> {
            self.resets += 1;
            Ok(())
        }
        fn atr(&self) -> &[u8] {
            &[0x3B, 0x00]
        }
        fn protocol(&self) -> Protocol {
            Protocol::T0
        }
        fn max_command_data(&self) -> usize {
            255
        }
    }

    /// Runs `test` against a served card, then shuts the card down and returns its resets.
    fn with_card(test: impl FnOnce(&Path)) -> usize {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("card");
        let socket = CardSocket::bind(&path).expect("a socket");
        let (stop, stopped) = UnixStream::pair().expect("a pair");
        let server = thread::spawn(move || {
            let mut card = Echo { resets: 0 };
            socket.serve(&mut card, &stopped).expect("served");
            card.resets
        });
        test(&path);
        (&stop).write_all(&[1]).expect("told");
        let resets = server.join().expect("ended");
        assert!(!path.exists(), "the socket is gone with its card");
        resets
    }

    #[test]
    fn commands_and_errors_go_through_and_the_card_is_reset_for_the_next_program() {
        let resets = with_card(|path| {
            let mut first = SocketChannel::connect(path, None).expect("connected");
            assert_eq!(first.atr(), [0x3B, 0x00]);
            assert_eq!(first.protocol(), Protocol::T0);
            assert_eq!(first.max_command_data(), 255);
            assert_eq!(first.transmit(&[0xAA; 65_536]).expect("echo").len(), 65_538);
            assert_eq!(
                first.transmit(&[]),
                Err(ChannelError::Storage("disk full".to_owned()))
            );
            first.reset(ResetKind::Warm).expect("reset");
            drop(first);
            let mut second = SocketChannel::connect(path, None).expect("connected");
            assert_eq!(second.transmit(&[0x00]).expect("echo"), [0x00, 0x90, 0x00]);
        });
        assert!(resets >= 2);
    }

    #[test]
    fn garbage_ends_one_connection_and_not_the_card() {
        with_card(|path| {
            let mut garbage = UnixStream::connect(path).expect("connected");
            garbage.write_all(&[0xFF; 64]).expect("sent");
            drop(garbage);
            let mut cut = UnixStream::connect(path).expect("connected");
            cut.write_all(&[0, 0, 0, 9, frame::TRANSMIT]).expect("sent");
            drop(cut);
            SocketChannel::connect(path, None).expect("the card still answers");
        });
    }

    #[test]
    fn a_socket_that_was_left_behind_is_replaced_and_one_in_use_is_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("card");
        drop(UnixListener::bind(&path).expect("bound"));
        let socket = CardSocket::bind(&path).expect("replaced");
        assert!(matches!(
            CardSocket::bind(&path),
            Err(SocketError::InUse(_))
        ));
        drop(socket);

        fs::write(&path, "a file").expect("written");
        assert!(matches!(
            CardSocket::bind(&path),
            Err(SocketError::NotASocket(_))
        ));
        assert!(path.exists());
    }

    /// What a program is told by a card that sends this much, a byte each 20 ms, and no more.
    fn asked_of(answer: &'static [u8]) -> (ChannelError, Duration) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("card");
        let listener = UnixListener::bind(&path).expect("bound");
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a program");
            for byte in answer {
                if stream.write_all(&[*byte]).is_err() {
                    break;
                }
                thread::sleep(Duration::from_millis(20));
            }
            // The program goes when it has waited long enough.
            let _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
            while matches!(io::Read::read(&mut stream, &mut [0; 64]), Ok(1..)) {}
        });
        let begun = std::time::Instant::now();
        let limit = Duration::from_millis(300);
        let connected = SocketChannel::connect(&path, Some(limit));
        let error = connected
            .and_then(|mut channel| channel.transmit(&[0; 4]))
            .expect_err("no whole answer");
        let taken = begun.elapsed();
        drop(server);
        (error, taken)
    }

    #[test]
    fn the_time_is_that_of_the_whole_answer_and_the_card_is_named_as_silent() {
        const HELLO: &[u8] = &[0, 0, 0, 8, 0x81, 1, 0, 0, 0, 0xFF, 0x3B, 0x00];
        static TRICKLE: [u8; 4096] = {
            let mut bytes = [0; 4096];
            bytes[2] = 0x10;
            bytes[4] = 0x81;
            bytes
        };
        for answer in [&[][..], &TRICKLE, HELLO] {
            let (error, taken) = asked_of(answer);
            let text = error.to_string();
            assert!(text.contains("does not answer"), "{text}");
            assert!(!text.contains("another program holds"), "{text}");
            assert!(taken < Duration::from_secs(3), "{taken:?}");
        }
    }

    #[test]
    fn a_program_that_sends_a_frame_byte_by_byte_does_not_keep_the_card_from_going() {
        let begun = std::time::Instant::now();
        with_card(|path| {
            let mut slow = UnixStream::connect(path).expect("connected");
            slow.write_all(&[0, 0, 1, 0, frame::TRANSMIT])
                .expect("sent");
            thread::sleep(Duration::from_millis(50));
            // Kept open beyond the shutdown.
            std::mem::forget(slow);
        });
        assert!(begun.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn nobody_listening_is_no_reader() {
        let directory = tempfile::tempdir().expect("a directory");
        assert!(matches!(
            SocketChannel::connect(&directory.path().join("none"), None),
            Err(ChannelError::NoReader(_))
        ));
    }
}
