//! A private pcscd with vpcd and OpenSC, and a private PostgreSQL, for the interoperability tests
//! and benches.
//!
//! A [`Sandbox`] is a set of Linux namespaces (mount, network, process) with its own loopback, its
//! own `/run/pcscd`, its own home and OpenSC configuration, and a pcscd in it whose only reader is
//! vpcd's "Virtual PCD". Any number of sandboxes run side by side, next to a pcscd of the machine,
//! on the same default port. Dropping the sandbox, or the death of the process that holds it, ends
//! everything that runs inside.
//!
//! ```no_run
//! use kortlab_interop::Sandbox;
//!
//! # fn main() -> Result<(), kortlab_interop::InteropError> {
//! let sandbox = Sandbox::new()?;
//! let card = sandbox.emulate("target/debug/kortlab".as_ref(), "card.json".as_ref(), &[])?;
//! let listing = sandbox.command("pkcs15-tool").arg("-D").run()?.success()?;
//! println!("{}", listing.stdout_text());
//! card.kill()?; // the card is pulled
//! # Ok(())
//! # }
//! ```
//!
//! A [`PostgresCluster`] is a PostgreSQL server with a cluster of its own, which ends likewise.
//!
//! [`axe::violations`] has axe-core judge pages in a headless Chromium.
//!
//! The sandbox needs root, or a kernel that lets users make user namespaces; what else it needs, `cargo
//! xtask test` installs. A missing tool is an error that says so, never a skipped test.

pub mod axe;
pub mod browser;
mod daemon;
mod emulation;
mod error;
mod headless;
pub mod layout;
mod namespace;
pub mod null_card;
mod postgres;
mod process;
mod sandbox;
mod tools;

pub use emulation::Emulation;
pub use error::InteropError;
pub use postgres::PostgresCluster;
pub use process::{Command, Output, Running};
pub use sandbox::{Builder, Reader, Sandbox};
pub use tools::opensc_module;

/// The port of the first reader's slot, `0x8C7B`; the second slot listens on the next one.
pub const VPCD_PORT: u16 = 35_963;
