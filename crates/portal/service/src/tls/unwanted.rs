//! Certificates that are refused in the handshake for a moment, so that browsers forget them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::listener::Listener;

/// A page that has just been shown asks for its images at once; on a busy machine, with a card that
/// signs, the handshake for one comes later than that.
const WAIT: Duration = Duration::from_secs(12);
/// A browser that has been refused tries once more in TLS 1.2, and then has forgotten.
const MOMENT: Duration = Duration::from_secs(4);
/// More are not kept of either kind: one gives way, and its browser goes on remembering it.
const MAX: usize = 1024;

/// Certificates that are refused for a moment. Clones share them.
///
/// A browser remembers, until it is restarted, which certificate it has shown to a host and port,
/// and no answer makes it ask again: Chromium 156 does not for `Clear-Site-Data`, not even for
/// `"*"`. It does when a handshake with the certificate fails. So a page that says that a
/// certificate was the wrong one has an image at the same place; the handshake for the image is
/// refused with an alert, which nobody sees, and the next time the browser asks. Tried with
/// Chromium 156 in TLS 1.2, where it attempts the handshake twice, and in TLS 1.3.
///
/// Anybody can make certificates without end and show them. They take no room from those that are
/// on the portal's cards, and each client gives way to the others before they give way to it.
#[derive(Clone, Debug, Default)]
pub struct Unwanted(Arc<Mutex<Shelves>>);

/// Whose certificate it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Whose {
    /// On a card of this portal: it has few of them.
    Card,
    /// Nobody here has issued it; it came from this client.
    Stranger(IpAddr),
}

#[derive(Debug, Default)]
struct Shelves {
    cards: Shelf,
    strangers: Shelf,
}

type Shelf = HashMap<Key, Refusal>;

#[derive(Debug)]
struct Refusal {
    until: Instant,
    whose: Whose,
    /// Whether a handshake was refused.
    is_met: bool,
}

/// The listener, and the digest of the certificate.
type Key = (Listener, [u8; 32]);

impl Unwanted {
    /// Refuses handshakes of this listener with this certificate (DER) from now on: until a moment after
    /// the first that is refused, and if none comes for some time.
    pub fn refuse(&self, listener: Listener, certificate: &[u8], whose: Whose) {
        self.refuse_from(Instant::now(), listener, certificate, whose);
    }

    fn refuse_from(&self, now: Instant, listener: Listener, certificate: &[u8], whose: Whose) {
        let mut shelves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let shelf = match whose {
            Whose::Card => &mut shelves.cards,
            Whose::Stranger(_) => &mut shelves.strangers,
        };
        shelf.retain(|_, refusal| refusal.until > now);
        let refusal = Refusal {
            until: now + WAIT,
            whose,
            is_met: false,
        };
        shelf.insert(key(listener, certificate), refusal);
        if shelf.len() > MAX
            && let Some(giving_way) = giving_way(shelf)
        {
            shelf.remove(&giving_way);
        }
    }

    /// Whether a handshake with this certificate, which is there, is to be refused now.
    pub fn is_refused(&self, listener: Listener, certificate: &[u8]) -> bool {
        self.is_refused_at(Instant::now(), listener, certificate)
    }

    fn is_refused_at(&self, now: Instant, listener: Listener, certificate: &[u8]) -> bool {
        let key = key(listener, certificate);
        let mut shelves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Shelves { cards, strangers } = &mut *shelves;
        let mut is_refused = false;
        for refusal in [cards, strangers]
            .into_iter()
            .filter_map(|shelf| shelf.get_mut(&key))
        {
            if refusal.until <= now {
                continue;
            }
            is_refused = true;
            if !refusal.is_met {
                refusal.is_met = true;
                refusal.until = now + MOMENT;
            }
        }
        is_refused
    }
}

/// Of the client with the most certificates, the one that is over first.
fn giving_way(shelf: &Shelf) -> Option<Key> {
    let mut counts: HashMap<Whose, usize> = HashMap::new();
    for refusal in shelf.values() {
        *counts.entry(refusal.whose).or_default() += 1;
    }
    shelf
        .iter()
        .max_by_key(|(_, refusal)| {
            let count = counts.get(&refusal.whose).copied().unwrap_or_default();
            (count, core::cmp::Reverse(refusal.until))
        })
        .map(|(key, _)| *key)
}

fn key(listener: Listener, certificate: &[u8]) -> Key {
    (listener, Sha256::digest(certificate).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(number: u8) -> Whose {
        Whose::Stranger(IpAddr::from([127, 0, 0, number]))
    }

    #[test]
    fn only_that_certificate_is_refused_and_only_where_it_was_shown() {
        for whose in [Whose::Card, client(1)] {
            let unwanted = Unwanted::default();
            unwanted.refuse(Listener::LogIn, b"hcc", whose);
            assert!(unwanted.clone().is_refused(Listener::LogIn, b"hcc"));
            assert!(!unwanted.is_refused(Listener::Trial, b"hcc"));
            assert!(!unwanted.is_refused(Listener::LogIn, b"carrier"));
        }
    }

    #[test]
    fn it_is_refused_until_a_moment_after_the_handshake_for_the_image_however_late_that_comes() {
        let unwanted = Unwanted::default();
        let begin = Instant::now();
        let is_refused = |after| unwanted.is_refused_at(begin + after, Listener::LogIn, b"hcc");
        unwanted.refuse_from(begin, Listener::LogIn, b"hcc", Whose::Card);
        let late = WAIT - Duration::from_secs(1);
        assert!(is_refused(late) && is_refused(late + MOMENT / 2));
        assert!(!is_refused(late + MOMENT));
        // One that comes at once is not waited for any longer.
        unwanted.refuse_from(begin, Listener::LogIn, b"hcc", Whose::Card);
        assert!(is_refused(Duration::ZERO) && !is_refused(MOMENT));
        // None came.
        unwanted.refuse_from(begin, Listener::LogIn, b"hcc", Whose::Card);
        assert!(!is_refused(WAIT));
    }

    /// A client shows more certificates than there is room for, one a microsecond; the last moment.
    fn flood(unwanted: &Unwanted, begin: Instant, whose: Whose) -> Instant {
        let mut now = begin;
        for number in 0..MAX + 16 {
            now += Duration::from_micros(1);
            unwanted.refuse_from(now, Listener::LogIn, &number.to_be_bytes(), whose);
        }
        now
    }

    #[test]
    fn there_is_a_limit_and_what_is_over_is_forgotten() {
        let unwanted = Unwanted::default();
        let now = flood(&unwanted, Instant::now(), client(1));
        let is_refused = |now, number: usize| {
            unwanted.is_refused_at(now, Listener::LogIn, &number.to_be_bytes())
        };
        assert_eq!(unwanted.0.lock().unwrap().strangers.len(), MAX);
        assert!(is_refused(now, MAX + 15) && !is_refused(now, 0));
        let later = now + WAIT;
        assert!(!is_refused(later, MAX + 15));
        unwanted.refuse_from(later, Listener::LogIn, b"hcc", client(1));
        assert_eq!(unwanted.0.lock().unwrap().strangers.len(), 1);
    }

    #[test]
    fn who_shows_certificates_without_end_takes_no_room_from_cards_and_other_clients() {
        let unwanted = Unwanted::default();
        let begin = Instant::now();
        let refuse = |now, certificate: &[u8], whose| {
            unwanted.refuse_from(now, Listener::LogIn, certificate, whose);
        };
        refuse(begin, b"hcc", Whose::Card);
        refuse(begin, b"of another portal", client(1));
        let now = flood(&unwanted, begin, client(2));
        // Whoever comes then has room, as a holder and as anybody.
        refuse(now, b"another hcc", Whose::Card);
        refuse(now, b"late", client(3));
        for certificate in [&b"hcc"[..], b"of another portal", b"another hcc", b"late"] {
            let is_refused = unwanted.is_refused_at(now, Listener::LogIn, certificate);
            assert!(is_refused, "{}", String::from_utf8_lossy(certificate));
        }
    }
}
