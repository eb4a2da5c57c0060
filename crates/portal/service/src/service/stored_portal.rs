//! The portal and its store, behind one lock.

use core::fmt;
use std::sync::Arc;
use std::time::Instant;

use kortlab_issuer::authority::{Authority, AuthorityKind};
use kortlab_issuer::clock::{Clock as _, Timestamp};
use kortlab_issuer::profile::AuthorityUrls;
use kortlab_issuer::random::IssuerRng;
use kortlab_portal_core::change::Change;
use kortlab_portal_core::{LocalPortal, OpenSessions, PortalError};
use zeroize::Zeroizing;

use super::Call;
use super::strangers::Strangers;
use super::subject;
use crate::audit::{AuditEntry, AuditHash, Verdict};
use crate::clock::PortalClock;
use crate::error::ServiceError;
use crate::event::{AuditEvent, Outcome, Subject};
use crate::hold::Hold;
use crate::metrics::Metrics;
use crate::operation::Operation;
use crate::published::Published;
use crate::startup::StartError;
use crate::store::{PublishedCrl, Store, StoreError};

/// The portal in memory, and the store that has all of it. They are the same whenever the lock is
/// free: if something cannot be stored, the portal in memory is given up, and the next call begins
/// with what the store has.
pub(super) struct StoredPortal {
    /// `None` after something could not be stored, or a panic.
    portal: Option<LocalPortal>,
    store: Box<dyn Store>,
    clock: PortalClock,
    authorities: [KeptAuthority; 2],
    strangers: Strangers,
    /// The sessions of a portal that was given up: they are not in the store, and go on with the
    /// next one.
    sessions: Option<OpenSessions>,
    /// Whether the last attempt to store something succeeded.
    is_well: bool,
    /// Whether the store was there when it was looked at last.
    is_there: bool,
    /// When the store was known last to be as the portal is.
    hold: Arc<Hold>,
}

/// What an authority is made of again.
struct KeptAuthority {
    kind: AuthorityKind,
    key: Zeroizing<String>,
    certificate: Vec<u8>,
    urls: AuthorityUrls,
}

impl StoredPortal {
    pub(super) fn new(
        portal: LocalPortal,
        clock: PortalClock,
        store: Box<dyn Store>,
        hold: Arc<Hold>,
    ) -> Result<Self, StartError> {
        let copy = |authority: &Authority| {
            Ok::<_, StartError>(KeptAuthority {
                kind: authority.kind(),
                key: authority
                    .to_pkcs8_pem()
                    .map_err(|error| StartError::Authority(error.to_string()))?,
                certificate: authority.certificate_der().to_vec(),
                urls: authority.urls().clone(),
            })
        };
        let authorities = [
            copy(portal.carrier_authority())?,
            copy(portal.hcc_authority())?,
        ];
        Ok(Self {
            portal: Some(portal),
            store,
            clock,
            authorities,
            strangers: Strangers::default(),
            sessions: None,
            is_well: true,
            is_there: true,
            hold,
        })
    }

    /// Stores what the portal has changed before the service was made, and tells the audit log of
    /// the start. Relying parties have a CRL and a responder of each authority from then on, also
    /// if nothing can be stored any more.
    pub(super) fn start(
        &mut self,
        metrics: &Metrics,
        published: &Published,
    ) -> Result<(), StartError> {
        let now = self.clock.now();
        let mut made = Vec::new();
        let mut changes = Vec::new();
        if let Some(portal) = &mut self.portal {
            let failed = |error: PortalError| StartError::Authority(error.to_string());
            let mut rng =
                IssuerRng::from_os().map_err(|error| StartError::Authority(error.to_string()))?;
            for kind in AuthorityKind::ALL {
                let responder = portal.ocsp_responder_from(kind, &mut rng).map_err(failed)?;
                made.push((kind, responder, portal.crl(kind).map_err(failed)?));
            }
            changes = portal.take_changes();
        }
        let subject = Subject::default().detail(format!("version {}", env!("CARGO_PKG_VERSION")));
        let event = AuditEvent::of_the_portal(self.clock.now(), Operation::Start, subject);
        self.commit(&changes, &[event], metrics, published)?;
        for (kind, responder, crl) in made {
            published.set_responder(responder);
            self.publish_crl(kind, now, &crl);
            published.publish(kind, crl, now, published.version(kind));
        }
        Ok(())
    }

    /// Carries out one call and stores what it changed.
    pub(super) fn carry_out<T>(
        &mut self,
        call: Call,
        work: impl FnOnce(&mut LocalPortal) -> Result<T, PortalError>,
        metrics: &Metrics,
        published: &Published,
    ) -> Result<T, ServiceError> {
        // A panic leaves no portal behind: nobody knows what it had done by then.
        let mut portal = match self.portal.take() {
            Some(portal) => portal,
            None => self.restore(published)?,
        };
        let subject = subject::of(&call, &portal);
        let ahead = self.clock.seconds_ahead();
        let result = work(&mut portal);
        // The clock is no part of the portal in memory, and goes back by itself.
        let put_back = |clock: &PortalClock| {
            if call.operation == Operation::SetClock {
                clock.put_ahead(ahead);
            }
        };
        let changes = portal.take_changes();
        // Anyone can send a token that never was: that fills no log.
        let is_nobodys = matches!(result, Err(PortalError::SessionOver));
        let is_strangers = match (&call.shown, &result) {
            (Some(certificate), Err(_)) => !portal.has_issued(certificate),
            _ => false,
        };
        if is_strangers && let Err(error) = &result {
            self.strangers.count(error.code(), self.clock.now());
        }
        let is_told =
            call.operation.is_recorded() && !is_nobodys && !is_strangers || !changes.is_empty();
        let mut events = match is_told {
            true => vec![AuditEvent {
                at: self.clock.now().unix_seconds(),
                actor: call.actor,
                operation: call.operation,
                outcome: match &result {
                    Ok(_) => Outcome::Done,
                    Err(error) => Outcome::Refused(error.code().to_owned()),
                },
                subject: subject::with(subject, &changes),
            }],
            false => Vec::new(),
        };
        // By itself only if it can be stored.
        let mut told_of_strangers = None;
        if call.operation == Operation::Settle && (self.is_well() || !events.is_empty()) {
            told_of_strangers = self.strangers.due_event(self.clock.now());
            events.extend(told_of_strangers.clone());
        }
        if !events.is_empty() {
            if let Err(error) = self.commit(&changes, &events, metrics, published) {
                put_back(&self.clock);
                tracing::error!(%error, operation = %call.operation, "cannot store a change; it is taken back");
                match error {
                    // What is in memory is what is stored: only the audit log could not be told.
                    StoreError::Unavailable { .. } if changes.is_empty() => {
                        self.portal = Some(portal);
                    }
                    _ => self.sessions = Some(portal.into_sessions()),
                }
                return Err(ServiceError::Store);
            }
            if told_of_strangers.is_some() {
                self.strangers.told();
            }
        }
        if changes_sessions(call.operation) {
            metrics.sessions(portal.open_sessions());
        }
        self.portal = Some(portal);
        if let Err(error) = &result {
            put_back(&self.clock);
            tracing::debug!(operation = %call.operation, code = error.code(), "refused");
        }
        Ok(result?)
    }

    /// Hands a CRL that was made just now to those who follow the store. If that fails, they have
    /// the last one until the next is made.
    pub(super) fn publish_crl(&mut self, authority: AuthorityKind, made: Timestamp, der: &[u8]) {
        let Some(portal) = &self.portal else { return };
        let crl = PublishedCrl {
            authority,
            number: portal.authority(authority).newest_crl_number(),
            made,
            der,
        };
        if let Err(error) = self.store.publish_crl(&crl) {
            tracing::error!(%error, "cannot hand out a CRL to instances that only read");
        }
    }

    /// Whether the last attempt to store something succeeded, and the store is there.
    pub(super) const fn is_well(&self) -> bool {
        self.is_well && self.is_there
    }

    /// Looks whether the store is there and still this portal's, also if nobody asks for anything.
    pub(super) fn look(&mut self, metrics: &Metrics, published: &Published) {
        // What was given up is made again by `try_to_store`, less often: that reads everything.
        if self.portal.is_none() {
            return;
        }
        let now = self.clock.beneath();
        match self.store.look() {
            Ok(()) => {
                self.hold.is_good_as_of(now);
                if !self.is_there {
                    tracing::info!("the store is there again");
                    self.is_there = true;
                    if !self.is_well {
                        self.try_to_store(metrics, published);
                    }
                }
            }
            Err(error) => {
                if self.is_there {
                    tracing::error!(%error, "the store cannot be reached, or is no longer this portal's; answers are as of before");
                }
                self.is_there = false;
                self.lose(&error);
            }
        }
    }

    /// What follows from an error of the store: if it may no longer be as the portal is, the portal
    /// is given up.
    fn lose(&mut self, error: &StoreError) {
        if error.is_taken() {
            self.hold.is_taken();
        }
        if !matches!(error, StoreError::Unavailable { .. })
            && let Some(portal) = self.portal.take()
        {
            self.sessions = Some(portal.into_sessions());
        }
    }

    /// After something could not be stored: whether it can be now.
    pub(super) fn try_to_store(&mut self, metrics: &Metrics, published: &Published) {
        if self.portal.is_none() {
            self.portal = self.restore(published).ok();
        }
        if self.portal.is_some()
            && let Err(error) = self.commit(&[], &[], metrics, published)
        {
            tracing::debug!(%error, "nothing can be stored yet");
            self.lose(&error);
        }
    }

    /// Tells the audit log of attempts to log in that prove nothing, if that is due. While nothing
    /// can be stored they are counted on.
    pub(super) fn tell_of_strangers(&mut self, metrics: &Metrics, published: &Published) {
        if !self.is_well() || self.portal.is_none() {
            return;
        }
        let Some(event) = self.strangers.due_event(self.clock.now()) else {
            return;
        };
        match self.commit(&[], &[event], metrics, published) {
            Ok(()) => self.strangers.told(),
            Err(error) => {
                tracing::debug!(%error, "the audit log cannot be told yet of attempts to log in");
                // As after any change that may have been stored or not.
                self.lose(&error);
            }
        }
    }

    /// Tells the audit log what it has not been told.
    pub(super) fn finish(&mut self, metrics: &Metrics, published: &Published) {
        let Some(event) = self.strangers.event(self.clock.now()) else {
            return;
        };
        match self.commit(&[], &[event], metrics, published) {
            Ok(()) => self.strangers.told(),
            Err(error) => {
                tracing::error!(%error, "cannot tell the audit log of attempts to log in")
            }
        }
    }

    pub(super) fn audit(
        &mut self,
        after: u64,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, ServiceError> {
        self.store.audit(after, limit).map_err(|error| {
            tracing::error!(%error, "cannot read the audit log");
            ServiceError::Store
        })
    }

    pub(super) fn verify_audit(
        &mut self,
        noted: Option<AuditHash>,
        published: &Published,
    ) -> Result<Verdict, ServiceError> {
        // What was thought not to be stored may have been: the end of the log is known again only
        // once the store was read.
        if !self.is_well() {
            if let Some(portal) = self.portal.take() {
                self.sessions = Some(portal.into_sessions());
            }
            self.portal = Some(self.restore(published)?);
        }
        self.store.verify_audit(noted).map_err(|error| {
            tracing::error!(%error, "cannot read the audit log");
            ServiceError::Store
        })
    }

    /// Stores, and tells relying parties of it.
    fn commit(
        &mut self,
        changes: &[Change],
        events: &[AuditEvent],
        metrics: &Metrics,
        published: &Published,
    ) -> Result<(), StoreError> {
        let (began, now) = (Instant::now(), self.clock.beneath());
        let stored = self.store.commit(changes, events);
        metrics.commit(began.elapsed(), stored.is_ok());
        self.is_well = stored.is_ok();
        match &stored {
            Ok(()) => {
                // First, so that no answer is as of a time after what it does not know.
                published.note(changes);
                self.hold.is_good_as_of(now);
                self.is_there = true;
            }
            Err(error) if error.is_taken() => self.hold.is_taken(),
            Err(_) => {}
        }
        stored
    }

    /// The portal as the store has it; relying parties are told the same. What was thought not to
    /// be stored may have been: a connection can be lost on the way back.
    fn restore(&mut self, published: &Published) -> Result<LocalPortal, ServiceError> {
        let restored = self.try_restore(published);
        restored.map_err(|error| {
            self.is_well = false;
            tracing::error!(error, "cannot restore the portal from its store");
            ServiceError::Store
        })
    }

    fn try_restore(&mut self, published: &Published) -> Result<LocalPortal, String> {
        let now = self.clock.beneath();
        let records = self.store.load().map_err(|error| {
            if error.is_taken() {
                self.hold.is_taken();
            }
            error.to_string()
        })?;
        published.note(&records);
        self.hold.is_good_as_of(now);
        let [carrier, hcc] = &self.authorities;
        let [carrier, hcc] = [carrier.authority()?, hcc.authority()?];
        let rng = IssuerRng::from_os().map_err(|error| error.to_string())?;
        let mut portal = LocalPortal::restore(carrier, hcc, records, self.clock.clone(), rng)
            .map_err(|error| error.to_string())?;
        if let Some(sessions) = self.sessions.take() {
            portal.resume(sessions);
        }
        Ok(portal)
    }
}

/// Whether sessions may have begun or ended by it.
const fn changes_sessions(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::LogIn | Operation::LogOut | Operation::Settle | Operation::SetClock
    )
}

impl KeptAuthority {
    fn authority(&self) -> Result<Authority, String> {
        let urls = self.urls.clone();
        Authority::from_pkcs8_pem(self.kind, &self.key, &self.certificate, urls)
            .map_err(|error| error.to_string())
    }
}

impl fmt::Debug for StoredPortal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredPortal")
            .field("portal", &self.portal)
            .finish_non_exhaustive()
    }
}
