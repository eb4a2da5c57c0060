//! Who may do what: access conditions of files, and PINs.

pub mod access;
mod pin_encoding;
pub(crate) mod verified;

pub use access::{Access, AccessError, Operation};
pub use pin_encoding::PinEncoding;
