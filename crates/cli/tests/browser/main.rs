//! The portal as holders and others meet it, with nothing of ours on their side but the agent:
//! Chromium, curl and OpenSSL, with the card through OpenSC's PKCS#11 module and a real pcscd.

#![cfg(feature = "portal")]
// A test fails by panicking, and so do its helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

mod holder;
mod judges;
mod lab;

mod log_in;
mod programs;
mod readme;
mod renewal;
