//! Who asks: a visitor, or the holder of a session.

use std::net::{IpAddr, Ipv4Addr};

use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::response::Response;
use kortlab_issuer::random::IssuerRng;
use kortlab_portal_core::{LocalPortal, PortalError, Session, SessionToken};

use super::cookies::{self, Owner, Seal, VisitorSecret};
use super::failure::Failure;
use super::frame::{Frame, Page, SessionLine};
use super::language::{self, Language};
use super::swedish_time::time_of_day;
use super::text::Texts;
use crate::app::App;
use crate::error::ServiceError;
use crate::listener::{Listener, PeerAddress, PeerCertificate};
use crate::operation::Operation;
use crate::service::Call;

/// A request, whoever makes it.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub(crate) app: App,
    pub(crate) listener: Listener,
    pub(crate) t: Texts,
    pub(crate) path: String,
    pub(crate) session: Option<SessionToken>,
    pub(crate) peer: PeerCertificate,
    /// From where it comes.
    pub(crate) address: IpAddr,
    /// Whether a browser opens this as a page (Fetch Metadata: `Sec-Fetch-Dest: document`).
    pub(crate) is_opened: bool,
    visitor: Option<VisitorSecret>,
}

impl FromRequestParts<App> for Visit {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let extension = parts.extensions.get::<Listener>().copied();
        Ok(Self {
            app: app.clone(),
            listener: extension.unwrap_or(Listener::Main),
            t: Texts(language::of(&parts.uri, &parts.headers)),
            path: parts.uri.path().to_owned(),
            session: cookies::session(&parts.headers),
            peer: parts.extensions.get().cloned().unwrap_or_default(),
            address: match parts.extensions.get::<PeerAddress>() {
                Some(PeerAddress(address)) => address.ip(),
                // Only tests call a router without a connection.
                None => Ipv4Addr::UNSPECIFIED.into(),
            },
            is_opened: parts
                .headers
                .get("sec-fetch-dest")
                .is_some_and(|destination| destination == "document"),
            visitor: VisitorSecret::of(&parts.headers),
        })
    }
}

impl Visit {
    /// The same in another language: that of a task, whose result comes without cookies.
    pub(crate) fn in_language(self, language: Language) -> Self {
        Self {
            t: Texts(language),
            ..self
        }
    }

    /// What is around a page for this visit.
    pub(crate) fn frame(&self) -> Frame {
        frame(&self.app, self.listener, self.t, &self.path)
    }

    /// The visitor's secret; a new one if the browser has none.
    pub(crate) fn visitor(&self) -> Result<Visitor, Failure> {
        if let Some(secret) = &self.visitor {
            return Ok(Visitor {
                secret: secret.clone(),
                is_new: false,
            });
        }
        Ok(Visitor {
            secret: VisitorSecret::new(random()?),
            is_new: true,
        })
    }

    /// The visitor's seal, if the browser has one.
    pub(crate) fn seal(&self) -> Option<Seal> {
        self.visitor.as_ref().map(VisitorSecret::seal)
    }

    /// The names in memory that this browser goes by.
    pub(crate) fn owners(&self) -> Vec<Owner> {
        let session = self.session.as_ref().map(Seal::of_session);
        [self.seal(), session]
            .into_iter()
            .flatten()
            .map(|seal| seal.owner)
            .collect()
    }
}

/// A visitor's secret.
#[derive(Debug)]
pub(crate) struct Visitor {
    secret: VisitorSecret,
    is_new: bool,
}

impl Visitor {
    /// What is derived from it.
    pub(crate) fn seal(&self) -> Seal {
        self.secret.seal()
    }

    /// Puts the cookie on an answer, if the browser does not have it yet.
    pub(crate) fn remember(&self, mut response: Response) -> Response {
        if let Some(cookie) = self.is_new.then(|| self.secret.cookie()).flatten() {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        response
    }
}

/// A request in a session that goes on.
#[derive(Clone, Debug)]
pub(crate) struct LoggedIn {
    pub(crate) visit: Visit,
    pub(crate) session: Session,
    pub(crate) seal: Seal,
}

impl FromRequestParts<App> for LoggedIn {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let visit = <Visit as FromRequestParts<App>>::from_request_parts(parts, app).await?;
        Self::of(visit).await
    }
}

impl LoggedIn {
    /// The session of a visit.
    pub(crate) async fn of(visit: Visit) -> Result<Self, Failure> {
        let token = visit.session.clone().ok_or(Failure::SessionOver)?;
        let seal = Seal::of_session(&token);
        let call = Call::in_session(Operation::Session, &token);
        let session = visit
            .app
            .service()
            .call(call, move |portal| portal.current_session(&token))
            .await;
        if let Err(ServiceError::Refused(
            PortalError::SessionOver | PortalError::CardNotUsable { .. },
        )) = &session
        {
            visit.app.pages().forget(seal.owner);
        }
        let session = session?;
        let now = visit.app.now();
        visit
            .app
            .pages()
            .session_ends(seal.owner, session.card_number, session.ends, now);
        Ok(Self {
            visit,
            session,
            seal,
        })
    }

    /// Calls the service in this session.
    pub(crate) async fn call<T, W>(&self, operation: Operation, work: W) -> Result<T, Failure>
    where
        T: Send + 'static,
        W: FnOnce(&mut LocalPortal, &SessionToken) -> Result<T, PortalError> + Send + 'static,
    {
        let token = self.session.token.clone();
        let call = Call::in_session(operation, &token);
        let service = self.visit.app.service();
        Ok(service
            .call(call, move |portal| work(portal, &token))
            .await?)
    }

    /// What is around a page of this session, with what there is to tell.
    pub(crate) fn frame(&self) -> Frame {
        let app = &self.visit.app;
        let left = seconds_left(app, &self.session);
        Frame {
            session: Some(SessionLine {
                holder: self.session.holder.full_name(),
                card_number: self.session.card_number.to_string(),
                csrf: self.seal.csrf(),
                minutes: left.div_ceil(60),
                clock: time_of_day(self.session.ends),
            }),
            notice: app.pages().told(self.seal.owner),
            ..self.visit.frame()
        }
    }

    /// A page of this session, which the browser leaves when the session ends by itself.
    pub(crate) fn page<T: Template>(&self, template: T) -> Page<T> {
        let left = seconds_left(&self.visit.app, &self.session);
        Page::new(template).leaves_after(left.saturating_add(1))
    }
}

/// What is around a page.
pub(crate) fn frame(app: &App, listener: Listener, t: Texts, path: &str) -> Frame {
    let main = match listener {
        Listener::Main => String::new(),
        _ => app.places().main.origin().ascii_serialization(),
    };
    Frame {
        t,
        main,
        other_language: format!("{path}?lang={}", t.other().tag()),
        session: None,
        notice: None,
    }
}

/// Random bytes of the operating system.
pub(crate) fn random() -> Result<[u8; 32], Failure> {
    match IssuerRng::from_os() {
        Ok(mut rng) => Ok(rng.bytes()),
        Err(error) => {
            tracing::error!(%error, "no random bytes");
            Err(ServiceError::Internal.into())
        }
    }
}

fn seconds_left(app: &App, session: &Session) -> u64 {
    let now = app.now().unix_seconds();
    session.ends.unix_seconds().saturating_sub(now)
}
