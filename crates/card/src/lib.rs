//! A session with one card: files, PINs, keys, certificate slots, over PC/SC or in process.
pub mod dialect;
pub mod error;
pub mod files;
#[cfg(feature = "pcsc")]
pub mod pcsc;
pub mod pin;
pub mod role;
pub use error::{CardError, ErrorKind};
pub use pin::{Pin, PinError};
pub use role::PinRole;
