//! The portal and its store, behind one lock.

use core::fmt;
use std::time::Instant;

use kortlab_issuer::authority::{Authority, AuthorityKind};
use kortlab_issuer::change::Change;
use kortlab_issuer::clock::Clock as _;
use kortlab_issuer::portal::{LocalPortal, PortalError};
use kortlab_issuer::profile::AuthorityUrls;
use kortlab_issuer::random::IssuerRng;
use zeroize::Zeroizing;

use super::Call;
use super::subject;
use crate::audit::{AuditEntry, AuditHash, Verdict};
use crate::clock::PortalClock;
use crate::error::ServiceError;
use crate::event::{AuditEvent, Outcome, Subject};
use crate::metrics::Metrics;
use crate::operation::Operation;
use crate::pki::Published;
use crate::server::StartError;
use crate::store::{Store, StoreError};

/// The portal in memory, and the store that has all of it. They are the same whenever the lock is
/// free: if something cannot be stored, the portal in memory is given up, and the next call begins
/// with what the store has.
pub(super) struct Desk {
    /// `None` after something could not be stored, or a panic.
    portal: Option<LocalPortal>,
    store: Box<dyn Store>,
    clock: PortalClock,
    authorities: [Copy; 2],
}

/// What an authority is made of again.
struct Copy {
    kind: AuthorityKind,
    key: Zeroizing<String>,
    certificate: Vec<u8>,
    urls: AuthorityUrls,
}

impl Desk {
    pub(super) fn new(
        portal: LocalPortal,
        clock: PortalClock,
        store: Box<dyn Store>,
    ) -> Result<Self, StartError> {
        let copy = |authority: &Authority| {
            Ok::<_, StartError>(Copy {
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
        })
    }

    /// Stores what the portal has changed before the service was made, and tells the audit log of
    /// the start.
    pub(super) fn start(
        &mut self,
        metrics: &Metrics,
        published: &Published,
    ) -> Result<(), StartError> {
        let changes = self
            .portal
            .as_mut()
            .map(LocalPortal::take_changes)
            .unwrap_or_default();
        let subject = Subject::default().detail(format!("version {}", env!("CARGO_PKG_VERSION")));
        let event = AuditEvent::of_the_portal(self.clock.now(), Operation::Start, subject);
        let unusable = |error: StoreError| StartError::Store(error.to_string());
        self.commit(&changes, &[event], metrics).map_err(unusable)?;
        published.note(&changes);
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
        let subject = subject::of(&call, &mut portal);
        let result = work(&mut portal);
        let changes = portal.take_changes();
        // Anyone can send a token that never was: that fills no log.
        let is_nobodys = matches!(result, Err(PortalError::SessionOver));
        let is_told = call.operation.is_recorded() && !is_nobodys || !changes.is_empty();
        let events = match is_told {
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
        if !events.is_empty()
            && let Err(error) = self.commit(&changes, &events, metrics)
        {
            tracing::error!(%error, operation = %call.operation, "cannot store a change; it is taken back");
            return Err(ServiceError::Store);
        }
        published.note(&changes);
        if changes_sessions(call.operation) {
            metrics.sessions(portal.open_sessions());
        }
        self.portal = Some(portal);
        if let Err(error) = &result {
            tracing::debug!(operation = %call.operation, code = error.code(), "refused");
        }
        Ok(result?)
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
    ) -> Result<Verdict, ServiceError> {
        self.store.verify_audit(noted).map_err(|error| {
            tracing::error!(%error, "cannot read the audit log");
            ServiceError::Store
        })
    }

    fn commit(
        &mut self,
        changes: &[Change],
        events: &[AuditEvent],
        metrics: &Metrics,
    ) -> Result<(), StoreError> {
        let began = Instant::now();
        let stored = self.store.commit(changes, events);
        metrics.commit(began.elapsed(), stored.is_ok());
        stored
    }

    /// The portal as the store has it; relying parties are told the same. What was thought not to
    /// be stored may have been: a connection can be lost on the way back.
    fn restore(&mut self, published: &Published) -> Result<LocalPortal, ServiceError> {
        let restored = self.try_restore(published);
        restored.map_err(|error| {
            tracing::error!(error, "cannot restore the portal from its store");
            ServiceError::Store
        })
    }

    fn try_restore(&mut self, published: &Published) -> Result<LocalPortal, String> {
        let records = self.store.load().map_err(|error| error.to_string())?;
        published.note(&records);
        let [carrier, hcc] = &self.authorities;
        let [carrier, hcc] = [carrier.authority()?, hcc.authority()?];
        let rng = IssuerRng::from_os().map_err(|error| error.to_string())?;
        LocalPortal::restore(carrier, hcc, records, self.clock.clone(), rng)
            .map_err(|error| error.to_string())
    }
}

/// Whether sessions may have begun or ended by it.
const fn changes_sessions(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::LogIn | Operation::LogOut | Operation::Settle | Operation::SetClock
    )
}

impl Copy {
    fn authority(&self) -> Result<Authority, String> {
        let urls = self.urls.clone();
        Authority::from_pkcs8_pem(self.kind, &self.key, &self.certificate, urls)
            .map_err(|error| error.to_string())
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk")
            .field("portal", &self.portal)
            .finish_non_exhaustive()
    }
}
