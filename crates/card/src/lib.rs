//! A session with one card: files, PINs, keys, certificate slots, over PC/SC or in process.
pub mod card;
pub mod contents;
pub mod dialect;
pub mod error;
pub mod files;
#[cfg(feature = "pcsc")]
pub mod pcsc;
pub mod padding;
pub mod pin;
pub mod pins;
pub mod role;
pub use card::Card;
pub use contents::Contents;
pub use error::{CardError, ErrorKind};
pub use pin::{Pin, PinError};
pub use pins::{PinObject, PinPurpose, PinState};
pub use role::PinRole;
