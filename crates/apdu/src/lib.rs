//! ISO 7816 commands, responses, status words, ATR and BER-TLV: bytes in, values out, no I/O.
//!
//! # Panic contract
//!
//! No function of this crate panics on any input, and none allocates more than its input
//! warrants. What nests is read iteratively or with a depth limit, in time linear in the input.
//! Every parse error is an [`Error`]: *what* is wrong and *at which byte offset*; outer layers add
//! their own offset with [`Error::nested`].
//!
//! # Map
//!
//! | module | from the standard |
//! |---|---|
//! | [`command`], [`class`], [`instruction`] | command APDUs, ISO/IEC 7816-4 §5 and 7816-3 §12 |
//! | [`response`], [`status`] | response APDUs and status words, ISO/IEC 7816-4 §5.6 |
//! | [`channel`] | the one function everything is built on: `transmit`, plus reset and ATR |
//! | [`mod@exchange`] | a whole response to a whole command: T=0, chaining, GET RESPONSE, 6Cxx |
//! | [`tlv`] | BER-TLV data objects, ISO/IEC 7816-4 §5.2 and X.690 |

pub mod atr;
pub mod channel;
pub mod class;
pub mod command;
pub mod error;
pub mod exchange;
pub mod fcp;
pub mod historical;
pub mod instruction;
pub mod life_cycle;
pub mod response;
pub mod script;
pub mod status;
pub mod tlv;

pub use atr::Atr;
pub use channel::{Channel, ChannelError, Protocol, ResetKind};
pub use class::Class;
pub use command::Command;
pub use error::{Error, ErrorKind};
pub use exchange::{ExchangeError, exchange};
pub use life_cycle::LifeCycle;
pub use response::Response;
pub use status::StatusWord;
