//! A portal that runs.

use core::fmt;
use std::thread::JoinHandle;

use kortlab_portal_api::info::Urls;
use tokio::sync::watch;

use super::config::Addresses;
use crate::startup::RunError;
use crate::token::AdminToken;

/// A portal that runs. Dropping this stops it.
pub struct Running {
    addresses: Addresses,
    urls: Urls,
    ca_certificate_pem: String,
    admin_token: AdminToken,
    stopper: Stopper,
    thread: Option<JoinHandle<Result<(), RunError>>>,
}

/// Stops a portal, from any thread.
#[derive(Clone, Debug)]
pub struct Stopper(watch::Sender<bool>);

impl Stopper {
    pub(super) fn new(stop: watch::Sender<bool>) -> Self {
        Self(stop)
    }

    /// Tells the portal to end: it takes no more connections, and requests that have begun come to
    /// their end. Returns at once.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Running {
    pub(super) fn new(
        addresses: Addresses,
        urls: Urls,
        ca_certificate_pem: String,
        admin_token: AdminToken,
        stopper: Stopper,
        thread: JoinHandle<Result<(), RunError>>,
    ) -> Self {
        Self {
            addresses,
            urls,
            ca_certificate_pem,
            admin_token,
            stopper,
            thread: Some(thread),
        }
    }

    /// Where it listens.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Where it is reached from outside.
    pub fn urls(&self) -> &Urls {
        &self.urls
    }

    /// The certificate of its TLS authority, PEM: what its clients are to trust.
    pub fn ca_certificate_pem(&self) -> &str {
        &self.ca_certificate_pem
    }

    /// The administrator's token.
    pub fn admin_token(&self) -> &AdminToken {
        &self.admin_token
    }

    /// What stops it.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// It ended otherwise than it was told to.
    pub fn wait(mut self) -> Result<(), RunError> {
        self.join()
    }

    /// Stops it and waits until it has ended.
    ///
    /// # Errors
    /// A part of it broke.
    pub fn stop(mut self) -> Result<(), RunError> {
        self.stopper.stop();
        self.join()
    }

    fn join(&mut self) -> Result<(), RunError> {
        match self.thread.take() {
            Some(thread) => thread.join().unwrap_or(Err(RunError::Broke)),
            None => Ok(()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.stopper.stop();
            // There is nobody to tell.
            let _ = self.join();
        }
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}
