//! How the thread of a connection is woken while it waits on its socket.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::Mutex;

use rustix::event::{EventfdFlags, eventfd};

use crate::service::lock;
use crate::{Code, Wake};

/// What wakes one connection: a descriptor that becomes readable, and why it did.
pub(super) struct Bell {
    descriptor: OwnedFd,
    rung: Mutex<Rung>,
}

#[derive(Clone, Copy, Default)]
struct Rung {
    /// A wait for a change is over, with this code, and the client has not been told.
    change: Option<Code>,
    /// Somebody has let go of a card.
    released: bool,
}

impl Bell {
    pub(super) fn new() -> io::Result<Arc<Self>> {
        let descriptor = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        Ok(Arc::new(Self {
            descriptor,
            rung: Mutex::default(),
        }))
    }

    fn ring(&self, note: impl FnOnce(&mut Rung)) {
        note(&mut lock(&self.rung));
        // It cannot fill up: each wait rings once.
        let _ = rustix::io::write(&self.descriptor, &1_u64.to_ne_bytes());
    }

    /// Makes the descriptor silent again.
    pub(super) fn quiet(&self) {
        let _ = rustix::io::read(&self.descriptor, &mut [0; 8]);
    }

    /// Whether a wait for a change is over.
    pub(super) fn has_change(&self) -> bool {
        lock(&self.rung).change.is_some()
    }

    /// The end of a wait for a change, once.
    pub(super) fn take_change(&self) -> Option<Code> {
        lock(&self.rung).change.take()
    }

    /// Whether somebody has let go of a card, once.
    pub(super) fn take_released(&self) -> bool {
        std::mem::take(&mut lock(&self.rung).released)
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// Rings when a reader has changed.
pub(super) struct ChangeBell(pub(super) Arc<Bell>);

impl Wake for ChangeBell {
    fn wake(&self, code: Code) {
        self.0.ring(|rung| rung.change = Some(code));
    }
}

/// Rings when a card is free.
pub(super) struct ReleaseBell(pub(super) Arc<Bell>);

impl Wake for ReleaseBell {
    fn wake(&self, _: Code) {
        self.0.ring(|rung| rung.released = true);
    }
}
