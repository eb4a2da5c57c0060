//! The way in for programs: pcsc-lite's protocol, versions 4.4 to 4.6, on a Unix socket.
//!
//! An unmodified program comes in when `PCSCLITE_CSOCK_NAME` names the socket ([`CLIENT_VARIABLE`]).
//! Each of its contexts is a connection, and has a thread here: one that is slow, dead or hostile
//! keeps nobody else waiting.
//!
//! | module | what it knows |
//! |---|---|
//! | [`wire`] | bytes to requests, answers to bytes. No I/O |
//! | [`session`] | one connection: requests to answers. No I/O |
//! | `bell` | how a connection's thread is woken |
//! | `connection` | one connection's thread: reads, waits, writes |
//! | `together` | a fast program and its thread, on one processor |
//! | `listen` | the socket, and who may come in |

mod bell;
mod connection;
mod listen;
pub mod session;
mod together;
pub mod wire;

use std::time::Duration;

pub use listen::{Door, DoorError, MAX_PATH};

/// The environment variable from which pcsc-lite's client library takes the path of the socket.
pub const CLIENT_VARIABLE: &str = "PCSCLITE_CSOCK_NAME";

/// How a door treats those who come in.
#[derive(Clone, Copy, Debug)]
pub struct Manners {
    /// How long a call waits for the end of another's transaction before it is told
    /// `SCARD_E_SHARING_VIOLATION`. pcsc-lite's client then asks again by itself, unless it was
    /// told not to (`PCSCLITE_NO_BLOCKING`).
    pub patience: Duration,
    /// How many connections there may be. When one more comes, the oldest that has established no
    /// context is closed; if there is none, the new one is.
    pub most: usize,
    /// Whether a program of one thread is kept on the processor on which it runs, and served there,
    /// while it sends one command after the other. It is for a service that lives no longer than
    /// its programs: one that is killed leaves them there.
    pub together: bool,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(1),
            most: 256,
            together: false,
        }
    }
}
