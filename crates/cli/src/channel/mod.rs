//! Which card a command works with, and the way to it.

mod spec;

pub use spec::CardSpec;
