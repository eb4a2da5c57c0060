//! pcsc-lite's library with no service behind it: the readers and cards are in here, in the process
//! of the program that loads it.
//!
//! The functions are those of `winscard.h`, with the return codes, lengths and states that
//! pcsc-lite 1.9.9 gives in front of our own service. No socket, no thread; files are read, the card
//! images when the library is loaded and a test case later, and never written. So **a fork copies the
//! cards**: what the children of a process do to them, neither it nor their siblings see.
//!
//! Which cards, with which faults around them, the environment says; see [`cards`].
//!
//! # Map
//!
//! | module | what it knows |
//! |---|---|
//! | [`cards`] | the environment, and the readers that it asks for |
//! | [`door`] | contexts and handles; whose turn it is; who waits |
//! | [`change`] | what SCardGetStatusChange tells of a reader |
//! | [`words`] | what pcsc_stringify_error says |
//! | `abi` | pointers: C's side of each function, of AFL++'s fork server and its mutator. The only `unsafe` of the workspace |

mod abi;
pub mod cards;
pub mod change;
pub mod door;
pub mod words;
