//! Why the portal does not start, or does not end well, and what to do.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;

use crate::listener::Listener;
use crate::store::StoreError;

/// Why the portal does not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// A listener cannot have its address.
    #[error("cannot listen on {address} for {listener}: {source}; {hint}", hint = hint(*.listener, source))]
    Bind {
        /// Which listener.
        listener: Listener,
        /// The address that was asked for.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The administrator's listener would be reached from other machines.
    #[error(
        "the administrator's listener must be on loopback, and {0} is not; give 127.0.0.1 or [::1] to --admin-listen, and reach it through SSH from elsewhere"
    )]
    AdminNotLoopback(SocketAddr),
    /// A name or address from outside makes no sense.
    #[error("{url} cannot be the portal's address from outside: {why}")]
    Place {
        /// What was given.
        url: String,
        /// Why not.
        why: String,
    },
    /// The data directory cannot be used.
    #[error("{path}: {why}", path = path.display())]
    Directory {
        /// The directory, or a file in it.
        path: PathBuf,
        /// What is wrong, and what to do.
        why: String,
    },
    /// Another portal has the data directory, or the store.
    #[error("{0}")]
    InUse(String),
    /// TLS cannot be set up.
    #[error("cannot set up TLS: {0}")]
    Tls(String),
    /// An authority cannot be made or used.
    #[error("cannot make the authorities: {0}")]
    Authority(String),
    /// The store cannot be opened or read.
    #[error("{0}")]
    Store(String),
    /// The operating system gives no threads.
    #[error("cannot start the portal's threads: {0}")]
    Threads(io::Error),
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::InUse { .. } => Self::InUse(error.to_string()),
            error => Self::Store(error.to_string()),
        }
    }
}

impl StartError {
    /// Whether another program has what this one needs: the data directory, the store, an address.
    pub fn is_in_use(&self) -> bool {
        match self {
            Self::InUse(_) => true,
            Self::Bind { source, .. } => source.kind() == io::ErrorKind::AddrInUse,
            _ => false,
        }
    }

    pub(crate) fn tls(error: impl core::fmt::Display) -> Self {
        Self::Tls(error.to_string())
    }

    pub(crate) fn directory(path: impl Into<PathBuf>, why: impl core::fmt::Display) -> Self {
        Self::Directory {
            path: path.into(),
            why: why.to_string(),
        }
    }
}

fn hint(listener: Listener, error: &io::Error) -> String {
    let option = match listener {
        Listener::Main => "--listen",
        Listener::LogIn => "--log-in-listen",
        Listener::Trial => "--trial-listen",
        Listener::Pki => "--pki-listen",
        Listener::Admin => "--admin-listen",
    };
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("another program listens there: end it, or give another address to {option}")
        }
        io::ErrorKind::PermissionDenied => {
            format!("ports below 1024 are for root: give another to {option}")
        }
        _ => format!("give another address to {option}"),
    }
}

/// Why the portal ended otherwise than it was told to.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// A listener cannot go on.
    #[error("the {listener} listener ended: {source}")]
    Listener {
        /// Which listener.
        listener: Listener,
        /// Why.
        source: io::Error,
    },
    /// A part of the portal broke.
    #[error("the portal broke; its log says where")]
    Broke,
}
