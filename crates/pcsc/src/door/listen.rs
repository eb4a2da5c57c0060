//! The socket that programs come in by.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{
    DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _,
};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};

use super::{Manners, connection};
use crate::Service;
use crate::service::lock;

/// The longest path of a socket, in bytes: 108 with the zero that ends it (`sockaddr_un`).
pub const MAX_PATH: usize = 107;

/// How long the clients may take to go when the door closes.
const FAREWELL: Duration = Duration::from_secs(1);
/// What the thread of a client may use; what it does not use takes no memory.
const STACK: usize = 1 << 20;

/// A socket that a service listens on. It is removed when this is dropped.
#[derive(Debug)]
pub struct Door {
    listener: UnixListener,
    path: PathBuf,
    /// Which file the socket is: device and inode.
    file: (u64, u64),
}

/// Why a service cannot listen, or cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DoorError {
    /// The path is too long.
    #[error(
        "the path {} has {} bytes; a socket's has at most {MAX_PATH}",
        .0.display(), .0.as_os_str().len()
    )]
    TooLong(PathBuf),
    /// Another service listens there.
    #[error("another service listens on {}", .0.display())]
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

impl Door {
    /// Makes the socket, with mode 0600. Directories that are missing are made, for this user
    /// alone; a socket that a killed process left behind is replaced.
    ///
    /// # Errors
    /// The path is too long, another service listens there, or it cannot be used.
    pub fn open(path: &Path) -> Result<Self, DoorError> {
        // Programs look for it from other directories.
        let failed = |error| DoorError::Io {
            path: path.to_path_buf(),
            error,
        };
        let path = std::path::absolute(path).map_err(failed)?;
        if path.as_os_str().as_bytes().len() > MAX_PATH {
            return Err(DoorError::TooLong(path));
        }
        let failed = |error| DoorError::Io {
            path: path.clone(),
            error,
        };
        if let Some(directory) = path.parent() {
            let mut builder = fs::DirBuilder::new();
            builder.recursive(true).mode(0o700);
            builder.create(directory).map_err(failed)?;
        }
        if let Ok(metadata) = fs::symlink_metadata(&path) {
            if !metadata.file_type().is_socket() {
                return Err(DoorError::NotASocket(path));
            }
            if UnixStream::connect(&path).is_ok() {
                return Err(DoorError::InUse(path));
            }
        }
        let listener = bind_private(&path).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let metadata = fs::symlink_metadata(&path).map_err(failed)?;
        Ok(Self {
            listener,
            file: (metadata.dev(), metadata.ino()),
            path,
        })
    }

    /// Where it is: an absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Serves whoever comes until `stop` becomes readable.
    ///
    /// # Errors
    /// The socket fails; what one client does wrong ends only its own connection.
    pub fn serve(
        &self,
        service: &Arc<Service>,
        manners: Manners,
        stop: &impl AsFd,
    ) -> Result<(), DoorError> {
        let clients = Arc::new(Mutex::new(BTreeMap::new()));
        let served = self.accept_all(service, manners, stop, &clients);
        for guest in lock(&clients).values() {
            guest.dismiss();
        }
        let deadline = Instant::now() + FAREWELL;
        while !lock(&clients).is_empty() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
        served.map_err(|error| DoorError::Io {
            path: self.path.clone(),
            error,
        })
    }

    fn accept_all(
        &self,
        service: &Arc<Service>,
        manners: Manners,
        stop: &impl AsFd,
        clients: &Arc<Mutex<BTreeMap<u64, Guest>>>,
    ) -> io::Result<()> {
        for number in 0.. {
            let Some(stream) = self.next(stop)? else {
                break;
            };
            let guest = Guest {
                stream: Arc::new(stream),
                has_context: Arc::default(),
            };
            if !make_room(&mut lock(clients), manners.most) {
                continue;
            }
            let (stream, has_context) = (Arc::clone(&guest.stream), Arc::clone(&guest.has_context));
            lock(clients).insert(number, guest);
            let (service, left) = (Arc::clone(service), Arc::clone(clients));
            let thread = thread::Builder::new().name("pcsc client".to_owned());
            let started = thread.stack_size(STACK).spawn(move || {
                // Whoever breaks the rules, or breaks down, loses this connection only.
                let _ = connection::serve(&stream, &service, manners, &has_context);
                let _ = stream.shutdown(Shutdown::Both);
                lock(&left).remove(&number);
            });
            if started.is_err() {
                lock(clients).remove(&number);
            }
        }
        Ok(())
    }

    /// The next client of a protocol of one's own; none once `stop` is readable. The socket is
    /// this one's all the same: of this user alone, and removed in the end.
    ///
    /// # Errors
    /// The socket fails.
    pub fn next(&self, stop: &impl AsFd) -> io::Result<Option<UnixStream>> {
        loop {
            let mut polled = [
                PollFd::new(stop, PollFlags::IN),
                PollFd::new(&self.listener, PollFlags::IN),
            ];
            match poll(&mut polled, None) {
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            if !polled[0].revents().is_empty() {
                return Ok(None);
            }
            match self.listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false)?;
                    return Ok(Some(stream));
                }
                Err(error) if is_passing(&error) => {}
                // No more descriptors: those who are there may go.
                Err(error) if matches!(error.raw_os_error(), Some(23 | 24)) => {
                    thread::sleep(Duration::from_millis(20));
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let own = fs::symlink_metadata(&self.path)
            .is_ok_and(|found| (found.dev(), found.ino()) == self.file);
        if own {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A client that is in.
struct Guest {
    stream: Arc<UnixStream>,
    has_context: Arc<AtomicBool>,
}

impl Guest {
    /// Ends its connection; its thread does the rest.
    fn dismiss(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

/// Whether one more may come in. The oldest that has not established a context goes if there are
/// too many: it is no program that uses cards.
fn make_room(clients: &mut BTreeMap<u64, Guest>, most: usize) -> bool {
    if clients.len() < most {
        return true;
    }
    let idle = clients
        .iter()
        .find(|(_, guest)| !guest.has_context.load(Ordering::Relaxed))
        .map(|(number, _)| *number);
    match idle.and_then(|number| clients.remove(&number)) {
        Some(guest) => {
            guest.dismiss();
            true
        }
        None => false,
    }
}

/// Binds inside a directory that only this user can enter and moves the socket out once its mode
/// is set: nobody else can connect at any moment, and a socket left behind is replaced at once.
fn bind_private(path: &Path) -> io::Result<UnixListener> {
    // One process may open several doors at once.
    static DOORS: AtomicU32 = AtomicU32::new(0);
    let number = DOORS.fetch_add(1, Ordering::Relaxed);
    let directory = path.with_file_name(format!(".{:x}-{number:x}", std::process::id()));
    let inside = directory.join("s");
    let made = fs::DirBuilder::new().mode(0o700).create(&directory);
    if let Err(error) = made {
        // What an earlier process of this number left behind is in nobody's use.
        if error.kind() != io::ErrorKind::AlreadyExists {
            return Err(error);
        }
        let _ = fs::remove_file(&inside);
        fs::remove_dir(&directory)?;
        fs::DirBuilder::new().mode(0o700).create(&directory)?;
    }
    let listener = bind(&directory, &inside).and_then(|listener| {
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

/// Binds to a path inside this directory, also where that is too long for a socket's address.
fn bind(directory: &Path, inside: &Path) -> io::Result<UnixListener> {
    if inside.as_os_str().as_bytes().len() <= MAX_PATH {
        return UnixListener::bind(inside);
    }
    let opened = fs::File::open(directory)?;
    UnixListener::bind(format!("/proc/self/fd/{}/s", opened.as_raw_fd()))
}

/// Errors of one connection that was given up before it was accepted, not of the listener.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted
    )
}
