//! A card on a Unix socket: for programs on this machine, with no reader and no pcscd between. Any
//! [`Channel`](kortlab_apdu::Channel) can be served.
//!
//! Every message is a frame: four bytes of length, big-endian, then one byte that says what it
//! is, then the body. The program asks, the card answers; one question at a time.
//!
//! | question | body | answer | body |
//! |---|---|---|---|
//! | `01` hello | `01`, the version | `81` | protocol (`00` T=0, `01` T=1), the most command data bytes (4 bytes), ATR |
//! | `02` transmit | a command | `82` | the response |
//! | `03` reset | `00` cold, `01` warm | `83` | ATR |
//!
//! Where something fails the answer is `FF`, a byte for the kind of error, and text in UTF-8.
//! The card has one user at a time, as in a reader that is used exclusively; the next program
//! waits. Between users the card is reset, so that no verified PIN is left to the next one.

mod client;
pub mod frame;
mod server;
mod timed;

pub use client::SocketChannel;
pub use server::{CardSocket, SocketError};
