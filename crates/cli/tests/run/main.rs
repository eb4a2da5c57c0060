//! `kortlab run` and `kortlab pcscd`: unmodified programs with virtual cards, and with no PC/SC
//! service of the machine's.

// A test fails by panicking, and so do its helpers.
#![allow(clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
mod control;
mod door;
mod ends;
mod in_process;
mod kills;
mod lab;
mod layers;
mod operations;
mod pad;
mod programs;
mod readers;
mod script;
mod standing;
mod together;
