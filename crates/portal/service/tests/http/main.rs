//! The portal over real HTTP and TLS, with openssl and curl at the other end.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod admin;
mod api;
mod limits;
mod lives;
mod pki;
mod read_only;
mod strangers;
mod support;
mod tls;
