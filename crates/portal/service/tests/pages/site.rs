//! A portal without sockets: its pages' routers, called directly.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use kortlab_issuer::clock::Timestamp;
use kortlab_issuer::random::IssuerRng;
use kortlab_portal::app::{App, Places};
use kortlab_portal::clock::PortalClock;
use kortlab_portal::listener::{Listener, PeerCertificate};
use kortlab_portal::pages;
use kortlab_portal::server::{Limits, Unwanted};
use kortlab_portal::service::Service;
use kortlab_portal::store::{self, Create};
use kortlab_portal::token::AdminToken;
use kortlab_portal_core::LocalPortal;
use tower::ServiceExt as _;
use url::Url;

use crate::card::SoftCard;

pub const ORIGIN: &str = "https://portal.example:8443";
pub const AGENT: &str = "http://127.0.0.1:47800";

pub struct Site {
    pub app: App,
    pub clock: PortalClock,
    /// What the listeners that ask for certificates refuse in the handshake.
    pub unwanted: Unwanted,
    main: Router,
    log_in: Router,
    trial: Router,
    runtime: tokio::runtime::Runtime,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Site {
    pub fn new() -> Self {
        let start = Timestamp::from_date(2026, 3, 1).unwrap();
        let clock = PortalClock::over(kortlab_issuer::clock::FixedClock::at(start));
        let rng = IssuerRng::from_seed(42, "portal");
        let portal = LocalPortal::create(clock.clone(), rng).unwrap();
        let store = store::open(&"memory".parse().unwrap(), Create::Yes).unwrap();
        let service = Service::new(portal, &[], clock.clone(), store).unwrap();
        let at = |text: &str| Url::parse(text).unwrap();
        let places = Places {
            main: at("https://portal.example:8443/"),
            log_in: at("https://portal.example:8444/"),
            trial: at("https://portal.example:8445/"),
            pki: at("http://portal.example:8080/"),
        };
        let token = AdminToken::from_text(&"a".repeat(64)).unwrap();
        let unwanted = Unwanted::default();
        let memory = pages::Memory::new(None, unwanted.clone());
        let app = App::new(service, places, token, &Limits::default(), memory);
        let router = |listener| pages::router(&app, listener).with_state(app.clone());
        Self {
            main: router(Listener::Main),
            log_in: router(Listener::LogIn),
            trial: router(Listener::Trial),
            clock,
            unwanted,
            app,
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
        }
    }

    /// A portal that has enrolled the card, and issued a pair that has expired.
    pub fn with_an_expired_card() -> (Self, SoftCard) {
        let site = Self::new();
        let card = SoftCard::enrol(&site, "expired", &[760]);
        (site, card)
    }

    /// Runs a call of the portal.
    pub fn call<T: Send + 'static>(
        &self,
        operation: kortlab_portal::operation::Operation,
        work: impl FnOnce(&mut LocalPortal) -> Result<T, kortlab_portal_core::PortalError>
        + Send
        + 'static,
    ) -> T {
        let service = self.app.service();
        self.runtime
            .block_on(service.call(operation, work))
            .unwrap()
    }

    pub fn send(&self, listener: Listener, request: Request<Body>) -> Answer {
        let router = match listener {
            Listener::LogIn => &self.log_in,
            Listener::Trial => &self.trial,
            _ => &self.main,
        };
        self.runtime.block_on(async {
            let response = router.clone().oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let body = to_bytes(body, 1 << 20).await.unwrap();
            Answer {
                status: parts.status,
                headers: parts.headers,
                body: String::from_utf8(body.to_vec()).unwrap(),
            }
        })
    }

    /// What a TLS handshake with this certificate leaves behind.
    pub fn peer(certificate: Option<&[u8]>) -> PeerCertificate {
        PeerCertificate(certificate.map(Arc::from))
    }
}
