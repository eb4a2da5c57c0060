//! The stores: the same suite on memory, SQLite and PostgreSQL, and what only one of them can meet.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod follow;
mod full_disk;
mod place;
mod postgres;
mod sample;
mod sqlite;
mod suite;
