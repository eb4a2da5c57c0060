//! The five listeners, and what a request knows of the connection it came by.

use core::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// One of the portal's listeners. Browsers remember, for each host and port, which certificate was
/// chosen; so there is a port for each kind of choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Listener {
    /// HTTPS without client certificates: pages and the JSON interface.
    Main,
    /// HTTPS that asks for the certificate to log in with.
    LogIn,
    /// HTTPS that asks for any certificate, for the test page's trial of *legitimering*.
    Trial,
    /// HTTP: CRLs, OCSP and the authorities' certificates (RFC 5280 §4.2.1.13, RFC 6960).
    Pki,
    /// HTTP on loopback, for the administrator.
    Admin,
}

impl Listener {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Main, Self::LogIn, Self::Trial, Self::Pki, Self::Admin];

    /// The name in logs, metrics and `addresses.json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::LogIn => "log-in",
            Self::Trial => "trial",
            Self::Pki => "pki",
            Self::Admin => "admin",
        }
    }

    /// Whether it speaks TLS.
    pub const fn has_tls(self) -> bool {
        matches!(self, Self::Main | Self::LogIn | Self::Trial)
    }

    /// Whether it asks for a client certificate.
    pub const fn asks_for_a_certificate(self) -> bool {
        matches!(self, Self::LogIn | Self::Trial)
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The address of the client, in the extensions of every request.
#[derive(Clone, Copy, Debug)]
pub struct PeerAddress(pub SocketAddr);

/// The certificate that the client has shown in the TLS handshake, DER, and proven to have the key
/// of; in the extensions of every request. Nothing else about it has been checked: that is for the
/// portal to do, so that a refusal is an answer that says why, and not an alert.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerCertificate(pub Option<Arc<[u8]>>);

/// The connection a request came by, in the extensions of every request.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    cut: Arc<AtomicBool>,
}

tokio::task_local! {
    /// The connection of the request that this task carries out.
    pub(crate) static CONNECTION: Connection;
}

impl Connection {
    /// Nothing more goes out on this connection, and it is closed.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
    }

    /// Whether it has been cut.
    pub fn is_cut(&self) -> bool {
        self.cut.load(Ordering::SeqCst)
    }

    /// Cuts the connection of the request that this task carries out, if it carries out one.
    pub(crate) fn cut_current() {
        // Outside a request there is no answer that could be lost.
        let _ = CONNECTION.try_with(Self::cut);
    }
}
