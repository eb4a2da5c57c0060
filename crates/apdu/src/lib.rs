#![doc = include_str!("../README.md")]
//!
//! # Map
//!
//! | module | from the standard |
//! |---|---|
//! | [`command`], [`class`], [`instruction`] | command APDUs, ISO/IEC 7816-4 §5 and 7816-3 §12 |
//! | [`response`], [`status`] | response APDUs and status words, ISO/IEC 7816-4 §5.6 |
//! | [`channel`] | the one function everything is built on: `transmit`, plus reset and ATR; layers around it |
//! | [`mod@exchange`] | a whole response to a whole command: T=0, chaining, GET RESPONSE, 6Cxx |
//! | [`atr`], [`historical`], [`life_cycle`] | answer to reset, ISO/IEC 7816-3 §8.2 and 7816-4 §12.1.1 |
//! | [`fid`], [`file_path`] | file identifiers and paths, ISO/IEC 7816-4 §7.2.2 and §7.3.2 |
//! | [`fcp`] | file control information: FCI, FCP, FMD, ISO/IEC 7816-4 §7.4 |
//! | [`tlv`] | BER-TLV data objects, ISO/IEC 7816-4 §5.2 and X.690 |
//! | [`private_key`] | what must not be shown, by how it begins: RFC 5958, 8017 and 5915 |
//! | [`script`] | commands and expected answers as text |
//! | [`error`] | what is wrong, and at which byte |

pub mod atr;
mod byte_count;
pub mod channel;
pub mod class;
pub mod command;
pub mod error;
pub mod exchange;
pub mod fcp;
pub mod fid;
pub mod file_path;
pub mod historical;
pub mod instruction;
pub mod life_cycle;
pub mod private_key;
pub mod response;
pub mod script;
pub mod status;
pub mod tlv;

pub use atr::Atr;
pub use byte_count::ByteCount;
pub use channel::{Channel, ChannelError, Layer, Layered, Protocol, ResetKind};
pub use class::Class;
pub use command::Command;
pub use error::{Error, ErrorKind};
pub use exchange::{ExchangeError, exchange};
pub use fid::Fid;
pub use file_path::FilePath;
pub use life_cycle::LifeCycle;
pub use response::Response;
pub use status::StatusWord;
