//! The self-service portal over HTTPS: log-in, orders, receipts, CRLs and OCSP.
//!
//! # Map
//!
//! | module | what it knows |
//! |---|---|
//! | [`service`] | the one seam: a call is carried out, stored, and only then answered |
//! | [`operation`], [`event`] | what calls are named, and what the audit log tells of them |
//! | [`app`], [`listener`] | what handlers have at hand: the service, the clock, the connection |
//! | [`pages`] | the holder's web pages |
//! | [`failures`], [`clock`] | what an administrator can do to the portal in tests |
//! | [`error`] | why a call does not succeed, and the status of the answer |

pub mod app;
pub mod clock;
pub mod error;
pub mod event;
pub mod failures;
pub mod listener;
pub mod operation;
pub mod pages;
pub mod service;
