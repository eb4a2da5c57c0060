//! What people and programs see of a command: its text, its tables, its JSON document, what it ends
//! with, and the files that it makes.
//!
//! [`output`] is the only way to standard output, [`failure`] is the table of exit codes, and
//! [`new_file`] writes what was asked for without overwriting what is there.

pub mod failure;
mod keys;
pub mod new_file;
pub mod output;
