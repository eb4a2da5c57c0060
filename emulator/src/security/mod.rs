//! Who may do what: access conditions of files, and the state of PINs.

pub mod access;
pub mod pins;

pub use access::{Access, AccessError, Operation};
