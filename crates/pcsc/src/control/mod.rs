//! What is asked at the control door of a running `run`, `pcscd` or `emulate`: one JSON object a line.
//! No I/O.
//!
//! ```
//! use kortlab_pcsc::control::{Line, Request};
//!
//! let line = Line::parse(br#"{"do": "remove", "reader": "Desk"}"#)?;
//! let Line::Request(Request::Remove { reader }) = line else {
//!     unreachable!();
//! };
//! assert_eq!(reader.as_deref(), Some("Desk"));
//! assert!(Line::parse(b"{}").is_err());
//! # Ok::<(), kortlab_pcsc::control::NoRequest>(())
//! ```
//!
//! | module | what it knows |
//! |---|---|
//! | [`request`] | what can be asked of readers and cards |
//! | [`press`] | keys of a PIN pad: a PIN that is shown nowhere, and wiped |
//! | [`line`](mod@line) | which of the two a line is |
//! | [`refusal`] | why it is neither |
//!
//! `docs/control.md` says it for those who use it.

pub mod line;
pub mod press;
pub mod refusal;
pub mod request;

pub use line::Line;
pub use press::{Digits, KeyName, Press};
pub use refusal::NoRequest;
pub use request::Request;
