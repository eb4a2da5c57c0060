//! The card, the command and the real stack together: pcscd, vpcd, OpenSC and OpenSSL from the
//! distribution, in a sandbox of their own for each test.

// A test fails by panicking, and so do its helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
mod control;
mod examples;
mod lab;
mod openssl;

mod diagnose;
mod dump;
mod interruptions;
mod keys;
mod layers;
mod own_key;
mod pins;
mod reading;
mod renewal;
mod same_results;
mod service;
mod sharing;
mod unknown_card;
mod vpcd_facts;
mod writing;
