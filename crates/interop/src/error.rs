//! What can go wrong in a sandbox, told so that a failed test explains itself.

use std::fmt;
use std::io;
use std::time::Duration;

/// Why a sandbox could not be made, or something in it did not end as it should.
///
/// `Debug` prints the same text as `Display`, so that `unwrap` in a test is readable.
#[derive(thiserror::Error)]
pub enum InteropError {
    /// A program or library that the tests need is not installed.
    #[error("{tool} is not installed; run: cargo xtask test (it installs what the tests need)")]
    MissingTool {
        /// The program or library.
        tool: String,
    },
    /// The kernel or the container refuses namespaces.
    #[error(
        "no private namespaces for pcscd: {reason}; run as root, in a container that allows it \
         (docker run --privileged), or let users make user namespaces"
    )]
    Namespaces {
        /// What unshare said.
        reason: String,
    },
    /// Something could not be started, read or written.
    #[error("{what}: {source}")]
    Io {
        /// What was attempted.
        what: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A bounded wait ended without what it waited for.
    #[error("{what} did not happen within {} ms\n{details}", .after.as_millis())]
    TimedOut {
        /// What was waited for.
        what: String,
        /// The bound.
        after: Duration,
        /// Output or logs that may explain it.
        details: String,
    },
    /// The browser ended in the middle of its work, without being told to.
    #[error("Chromium has ended by itself before: {what}\n{details}")]
    BrowserEnded {
        /// What was wanted of it.
        what: String,
        /// What it printed.
        details: String,
    },
    /// A program ended otherwise than demanded.
    #[error("{command}: {status}\n{details}")]
    Failed {
        /// The command line.
        command: String,
        /// How it ended.
        status: String,
        /// What it printed.
        details: String,
    },
}

impl InteropError {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

impl fmt::Debug for InteropError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
