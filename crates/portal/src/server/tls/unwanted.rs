//! Certificates that are refused in the handshake for a moment, so that browsers forget them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::listener::Listener;

/// A page that has just been shown asks for its images at once.
const MOMENT: Duration = Duration::from_secs(4);
/// More are not kept: the next is not refused, and its browser goes on remembering it.
const MAX: usize = 1024;

/// Certificates that are refused for a moment. Clones share them.
///
/// A browser remembers, until it is restarted, which certificate it has shown to a host and port,
/// and no answer makes it ask again: Chromium 156 does not for `Clear-Site-Data`, not even for
/// `"*"`. It does when a handshake with the certificate fails. So a page that says that a
/// certificate was the wrong one has an image at the same place; the handshake for the image is
/// refused with an alert, which nobody sees, and the next time the browser asks. Tried with
/// Chromium 156 in TLS 1.2, where it attempts the handshake twice, and in TLS 1.3.
#[derive(Clone, Debug, Default)]
pub struct Unwanted(Arc<Mutex<HashMap<Key, Instant>>>);

/// The listener, and the digest of the certificate.
type Key = (Listener, [u8; 32]);

impl Unwanted {
    /// Refuses handshakes of this listener with this certificate (DER) from now on, for a moment.
    pub fn refuse(&self, listener: Listener, certificate: &[u8]) {
        let now = Instant::now();
        let mut until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        until.retain(|_, until| *until > now);
        if until.len() < MAX {
            until.insert(key(listener, certificate), now + MOMENT);
        }
    }

    /// Whether a handshake with this certificate is to be refused now.
    pub fn is_refused(&self, listener: Listener, certificate: &[u8]) -> bool {
        let until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        until
            .get(&key(listener, certificate))
            .is_some_and(|until| *until > Instant::now())
    }
}

fn key(listener: Listener, certificate: &[u8]) -> Key {
    (listener, Sha256::digest(certificate).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_that_certificate_is_refused_and_only_where_it_was_shown() {
        let unwanted = Unwanted::default();
        unwanted.refuse(Listener::LogIn, b"hcc");
        assert!(unwanted.clone().is_refused(Listener::LogIn, b"hcc"));
        assert!(!unwanted.is_refused(Listener::Trial, b"hcc"));
        assert!(!unwanted.is_refused(Listener::LogIn, b"carrier"));
    }

    #[test]
    fn there_is_a_limit_and_what_is_over_is_forgotten() {
        let unwanted = Unwanted::default();
        for number in 0..2 * MAX {
            unwanted.refuse(Listener::LogIn, &number.to_be_bytes());
        }
        let mut until = unwanted.0.lock().unwrap();
        assert_eq!(until.len(), MAX);
        until.values_mut().for_each(|until| *until = Instant::now());
        drop(until);
        assert!(!unwanted.is_refused(Listener::LogIn, &0_usize.to_be_bytes()));
        unwanted.refuse(Listener::LogIn, b"hcc");
        assert_eq!(unwanted.0.lock().unwrap().len(), 1);
    }
}
