//! What one client may ask for, and how long things may take.

use core::num::NonZeroU32;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

/// Limits that keep one client, or a slow one, from taking the portal away from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections to one listener.
    pub connections: usize,
    /// Connections of one client to one listener.
    pub connections_of_one_client: usize,
    /// Requests of one client in a second; 0 for any number. Four seconds' worth may come at once.
    pub requests_per_second: u32,
    /// Requests of one client in a second that change something or prove a key; 0 for any number.
    /// Twenty seconds' worth may come at once.
    pub changes_per_second: u32,
    /// How long a TLS handshake may take.
    pub handshake: Duration,
    /// How long the head of a request may take.
    pub head: Duration,
    /// How long a request may take from its head to its answer.
    pub request: Duration,
    /// How long a connection may be without a byte.
    pub idle: Duration,
    /// How long requests may go on once the portal is ending.
    pub ending: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            connections_of_one_client: 128,
            requests_per_second: 200,
            changes_per_second: 5,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(10),
            request: Duration::from_secs(40),
            idle: Duration::from_secs(60),
            ending: Duration::from_secs(15),
        }
    }
}

/// No more clients than this are remembered between two times of forgetting.
const MAX_CLIENTS: usize = 100_000;

/// The kinds of requests that are counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Reading.
    Reading,
    /// Changing something, or proving a key.
    Changing,
}

/// Counts the requests of each client.
#[derive(Debug)]
pub(crate) struct Rates {
    reading: Option<Limiter>,
    changing: Option<Limiter>,
}

type Limiter = RateLimiter<IpAddr, DefaultKeyedStateStore<IpAddr>, DefaultClock>;

impl Rates {
    pub(crate) fn new(limits: &Limits) -> Self {
        let limiter = |per_second: u32, seconds: u32| {
            let per_second = NonZeroU32::new(per_second)?;
            let burst = per_second.saturating_mul(NonZeroU32::new(seconds)?);
            Some(RateLimiter::keyed(
                Quota::per_second(per_second).allow_burst(burst),
            ))
        };
        Self {
            reading: limiter(limits.requests_per_second, 4),
            changing: limiter(limits.changes_per_second, 20),
        }
    }

    /// Counts a request; if it is one too many, says in how long another will be taken.
    pub(crate) fn count(&self, class: Class, address: IpAddr) -> Result<(), Duration> {
        let limiter = match class {
            Class::Reading => &self.reading,
            Class::Changing => &self.changing,
        };
        let Some(limiter) = limiter else {
            return Ok(());
        };
        if limiter.len() >= MAX_CLIENTS {
            limiter.retain_recent();
        }
        limiter
            .check_key(&client(address))
            .map_err(|until| until.wait_time_from(DefaultClock::default().now()))
    }

    /// Forgets the clients that have not been here for a while.
    pub(crate) fn forget(&self) {
        for limiter in [&self.reading, &self.changing].into_iter().flatten() {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

/// What counts as one client: an IPv4 address, or the /64 network of an IPv6 one (RFC 6177: that
/// is the least that a site is given).
pub(crate) fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_asks_too_often_is_told_when_to_come_back_and_others_are_not() {
        let rates = Rates::new(&Limits {
            changes_per_second: 1,
            ..Limits::default()
        });
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        for _ in 0..20 {
            assert_eq!(rates.count(Class::Changing, address), Ok(()));
        }
        let wait = rates.count(Class::Changing, address).unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1));
        assert_eq!(rates.count(Class::Reading, address), Ok(()));
        let other = "192.0.2.2".parse().unwrap();
        assert_eq!(rates.count(Class::Changing, other), Ok(()));
    }

    #[test]
    fn no_limit_is_no_limit() {
        let rates = Rates::new(&Limits {
            requests_per_second: 0,
            ..Limits::default()
        });
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        assert!((0..10_000).all(|_| rates.count(Class::Reading, address).is_ok()));
    }

    #[test]
    fn the_addresses_of_one_site_are_one_client() {
        let [one, same, other] = ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1"]
            .map(|text| client(text.parse().unwrap()));
        assert_eq!(one, same);
        assert_ne!(one, other);
        assert_eq!(
            client("::ffff:192.0.2.7".parse().unwrap()),
            "192.0.2.7".parse::<IpAddr>().unwrap()
        );
    }
}
