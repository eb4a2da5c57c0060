//! Which card a command works with, and the way to it.

mod socket;
mod spec;

pub use spec::CardSpec;
