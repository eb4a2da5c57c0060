//! The self-service portal over HTTPS: log-in, orders, receipts, CRLs and OCSP.
//!
//! # Map
//!
//! | module | what it knows |
//! |---|---|
//! | [`server`] | the five listeners: addresses, start and end |
//! | `limits`, `tls`, `startup` | what clients may ask for, whose certificates are taken, why it does not start |
//! | [`service`] | the one seam: a call is carried out, stored, and only then answered |
//! | [`store`], [`audit`] | where everything is kept, and the log that is chained by hashes |
//! | [`api`], [`pages`] | the JSON interface, and the holder's web pages |
//! | [`pki`], `published`, `hold` | CRLs, OCSP and the authorities' certificates for relying parties, what of them is at hand, and as of when |
//! | [`admin`], [`failures`], [`clock`] | what an administrator can do to the portal in tests |
//! | [`data`], [`token`] | the data directory, and the administrator's token in it |
//! | [`operation`], [`event`] | what calls are named, and what the audit log tells of them |
//! | [`app`], [`listener`] | what handlers have at hand: the service, the clock, the connection |
//! | [`error`] | why a call does not succeed, and the status of the answer |
//! | `logs`, [`metrics`] | what is told while it runs |
//!
//! Features, all of them usual: `databases` (SQLite and PostgreSQL), `logs`, `metrics`, `openapi`, `pages`.
//! Without them it is the portal of `kortlab demo`: the JSON interface, kept in memory.

pub mod admin;
pub mod api;
pub mod app;
pub mod audit;
pub mod clock;
pub mod data;
pub mod error;
pub mod event;
pub mod failures;
mod file_lock;
mod hold;
mod limits;
pub mod listener;
#[cfg(feature = "logs")]
pub mod logs;
#[cfg_attr(not(feature = "metrics"), path = "no_metrics.rs")]
pub mod metrics;
pub mod operation;
#[cfg_attr(not(feature = "pages"), path = "no_pages.rs")]
pub mod pages;
pub mod pki;
mod published;
pub mod server;
pub mod service;
mod startup;
pub mod store;
mod tls;
pub mod token;
