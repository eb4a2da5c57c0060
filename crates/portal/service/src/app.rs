//! What every handler has at hand.

use std::sync::Arc;

use kortlab_issuer::clock::{Clock as _, Timestamp};
use url::Url;

use crate::clock::PortalClock;
use crate::failures::Failures;
use crate::limits::Limits;
use crate::limits::Rates;
use crate::listener::Listener;
use crate::metrics::Metrics;
use crate::pages;
use crate::service::Service;
use crate::token::AdminToken;

/// The state of all routers. Clones share everything.
#[derive(Clone, Debug)]
pub struct App(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    service: Service,
    places: Places,
    admin_token: AdminToken,
    rates: Rates,
    pages: pages::Memory,
}

/// Where each listener is reached from outside: what goes into links and certificates. Each has
/// the path `/`.
#[derive(Clone, Debug)]
pub struct Places {
    /// Pages and the JSON interface.
    pub main: Url,
    /// Logging in.
    pub log_in: Url,
    /// Trying *legitimering*.
    pub trial: Url,
    /// CRLs, OCSP, the authorities' certificates.
    pub pki: Url,
}

impl Places {
    /// The place of one listener; the administrator's is not reached from outside.
    pub const fn of(&self, listener: Listener) -> Option<&Url> {
        match listener {
            Listener::Main => Some(&self.main),
            Listener::LogIn => Some(&self.log_in),
            Listener::Trial => Some(&self.trial),
            Listener::Pki => Some(&self.pki),
            Listener::Admin => None,
        }
    }
}

impl App {
    /// Puts it together.
    pub fn new(
        service: Service,
        places: Places,
        admin_token: AdminToken,
        limits: &Limits,
        pages: pages::Memory,
    ) -> Self {
        Self(Arc::new(Parts {
            service,
            places,
            admin_token,
            rates: Rates::new(limits),
            pages,
        }))
    }

    /// The portal itself: everything that reads or changes something goes through it.
    pub fn service(&self) -> &Service {
        &self.0.service
    }

    /// The portal's clock.
    pub fn clock(&self) -> &PortalClock {
        self.0.service.clock()
    }

    /// The present, by the portal's clock.
    pub fn now(&self) -> Timestamp {
        self.clock().now()
    }

    /// The failures that an administrator has planned.
    pub fn failures(&self) -> &Failures {
        self.0.service.failures()
    }

    /// Where the portal is reached from outside.
    pub fn places(&self) -> &Places {
        &self.0.places
    }

    /// What is counted.
    pub fn metrics(&self) -> &Metrics {
        self.0.service.metrics()
    }

    /// What the pages remember.
    pub fn pages(&self) -> &pages::Memory {
        &self.0.pages
    }

    pub(crate) fn admin_token(&self) -> &AdminToken {
        &self.0.admin_token
    }

    pub(crate) fn rates(&self) -> &Rates {
        &self.0.rates
    }
}
