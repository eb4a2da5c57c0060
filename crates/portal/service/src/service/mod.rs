//! The one seam between HTTP and the portal: a call is carried out, stored, and only then answered.

mod call;
mod flow;
mod stored_portal;
mod strangers;
mod subject;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kortlab_issuer::authority::AuthorityKind;
use kortlab_issuer::clock::{Clock as _, Timestamp};
use kortlab_issuer::ocsp::Responder;
use kortlab_portal_core::change::Change;
use kortlab_portal_core::{LocalPortal, PortalError};

pub use self::call::Call;
use self::stored_portal::StoredPortal;
use crate::audit::{AuditEntry, AuditHash, Verdict};
use crate::clock::PortalClock;
use crate::error::ServiceError;
use crate::event::Outcome;
use crate::failures::{FailureKind, Failures};
use crate::hold::Hold;
use crate::listener::Connection;
use crate::metrics::Metrics;
use crate::operation::Operation;
use crate::published::{Crl, Published};
use crate::startup::StartError;
use crate::store::Store;

/// How long a connection hangs when an administrator has planned that no answer comes.
const SILENCE: Duration = Duration::from_secs(30);

/// The portal behind all listeners. Clones are the same portal.
#[derive(Clone, Debug)]
pub struct Service(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    portal: Mutex<StoredPortal>,
    clock: PortalClock,
    failures: Failures,
    metrics: Metrics,
    published: Published,
    /// When the store was known last to be as the portal is.
    hold: Arc<Hold>,
    /// Whether the last attempt to store something succeeded, and the store is there.
    well: AtomicBool,
}

impl Service {
    /// A service for this portal, whose changes go into this store. `stored` is what the portal was
    /// restored from; what it has changed since is stored now, and the audit log told that it has
    /// started.
    ///
    /// # Errors
    /// The store does not take it, or an authority's key cannot be copied.
    pub fn new(
        portal: LocalPortal,
        stored: &[Change],
        clock: PortalClock,
        store: Box<dyn Store>,
    ) -> Result<Self, StartError> {
        let published = Published::of(&portal);
        published.note(stored);
        let hold = Arc::new(Hold::default());
        let mut portal = StoredPortal::new(portal, clock.clone(), store, Arc::clone(&hold))?;
        let metrics = Metrics::new();
        portal.start(&metrics, &published)?;
        Ok(Self(Arc::new(Parts {
            portal: Mutex::new(portal),
            clock,
            failures: Failures::default(),
            metrics,
            published,
            hold,
            well: AtomicBool::new(true),
        })))
    }

    /// What relying parties wait for is made before they ask, and if nothing could be stored, that is
    /// tried again.
    pub(crate) async fn prepare(&self) {
        if !self.is_well() {
            let tried = self.with_portal(|portal, parts| {
                portal.try_to_store(&parts.metrics, &parts.published);
                parts.well.store(portal.is_well(), Ordering::SeqCst);
                Ok(())
            });
            if tried.await.is_err() || !self.is_well() {
                return;
            }
        }
        for kind in AuthorityKind::ALL {
            let now = self.clock().now();
            if self.published().wants_a_crl(kind, now)
                && let Err(error) = self.crl(kind).await
            {
                tracing::error!(%error, "cannot make a CRL");
            }
            if self.published().responder(kind, now).is_none()
                && let Err(error) = self.responder(kind).await
            {
                tracing::error!(%error, "cannot make an OCSP responder");
            }
        }
    }

    /// Looks whether the store is there and still this portal's.
    pub(crate) async fn look(&self) {
        let looked = self.with_portal(|portal, parts| {
            portal.look(&parts.metrics, &parts.published);
            parts.well.store(portal.is_well(), Ordering::SeqCst);
            Ok(())
        });
        if let Err(error) = looked.await {
            tracing::error!(%error, "cannot look at the store");
        }
    }

    /// Tells the audit log of attempts to log in that prove nothing, if that is due.
    pub(crate) async fn tell_of_strangers(&self) {
        let told = self.with_portal(|portal, parts| {
            portal.tell_of_strangers(&parts.metrics, &parts.published);
            parts.well.store(portal.is_well(), Ordering::SeqCst);
            Ok(())
        });
        if let Err(error) = told.await {
            tracing::error!(%error, "cannot tell the audit log of attempts to log in");
        }
    }

    /// Tells the audit log, before the end, what it has not been told.
    pub(crate) fn finish(&self) {
        let mut portal = self.0.portal.lock().unwrap_or_else(PoisonError::into_inner);
        portal.finish(&self.0.metrics, &self.0.published);
    }

    /// Carries out one call, stores what it changed, and returns what came of it.
    ///
    /// The work runs on a thread that may block, one call at a time. It goes on to its end also if
    /// the client goes away meanwhile. What the administrator has planned to fail fails here.
    ///
    /// # Errors
    /// The portal refuses; what was done could not be stored, and was taken back; a failure was
    /// planned.
    pub async fn call<T, W>(&self, call: impl Into<Call>, work: W) -> Result<T, ServiceError>
    where
        T: Send + 'static,
        W: FnOnce(&mut LocalPortal) -> Result<T, PortalError> + Send + 'static,
    {
        self.call_with_effect(call, work, || {}).await
    }

    /// The same, for what takes effect outside the portal and its store: that happens once the call is
    /// stored, before any other call, and not at all if it is not.
    ///
    /// # Errors
    /// As for [`Service::call`].
    pub(crate) async fn call_with_effect<T, W>(
        &self,
        call: impl Into<Call>,
        work: W,
        effect: impl FnOnce() + Send + 'static,
    ) -> Result<T, ServiceError>
    where
        T: Send + 'static,
        W: FnOnce(&mut LocalPortal) -> Result<T, PortalError> + Send + 'static,
    {
        let call = call.into();
        let planned = self.fail_before(call.operation).await?;
        let result = self.carry_out(call, work, effect).await;
        fail_after(planned)?;
        result
    }

    /// The audit log's entries after the one with this number, oldest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn audit(&self, after: u64, limit: u32) -> Result<Vec<AuditEntry>, ServiceError> {
        self.with_portal(move |portal, _| portal.audit(after, limit))
            .await
    }

    /// Verifies the audit log; an entry must have the hash `noted`, if one is given.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn verify_audit(&self, noted: Option<AuditHash>) -> Result<Verdict, ServiceError> {
        self.with_portal(move |portal, parts| portal.verify_audit(noted, &parts.published))
            .await
    }

    /// The portal's clock.
    pub fn clock(&self) -> &PortalClock {
        &self.0.clock
    }

    /// The failures that an administrator has planned.
    pub fn failures(&self) -> &Failures {
        &self.0.failures
    }

    /// What is counted.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// What relying parties are handed without waiting for the portal.
    pub(crate) fn published(&self) -> &Published {
        &self.0.published
    }

    /// The CRL of an authority, and whether it was there already. One is made if something has
    /// changed since, or it is due. While its number cannot be stored, the last one that is valid
    /// is given again.
    ///
    /// # Errors
    /// There is none, and none could be made.
    pub(crate) async fn crl(&self, kind: AuthorityKind) -> Result<(Arc<Crl>, bool), ServiceError> {
        let now = self.clock().now();
        if let Some(crl) = self.published().crl(kind, now) {
            return Ok((crl, true));
        }
        let last = || self.published().last_crl(kind, now).map(|crl| (crl, true));
        if !self.is_well()
            && let Some(last) = last()
        {
            return Ok(last);
        }
        match self.make_crl(kind).await {
            Err(ServiceError::Store) => last().ok_or(ServiceError::Store),
            result => result,
        }
    }

    async fn make_crl(&self, kind: AuthorityKind) -> Result<(Arc<Crl>, bool), ServiceError> {
        let service = self.clone();
        let work = move |portal: &mut LocalPortal| {
            // Whoever had the lock before may have made it.
            let now = service.clock().now();
            if let Some(crl) = service.published().crl(kind, now) {
                return Ok(Made::Before(crl));
            }
            portal.settle()?;
            let version = service.published().version(kind);
            Ok(Made::Now(portal.crl(kind)?, now, version))
        };
        let made = self
            .carry_out(Call::by_portal(Operation::Crl), work, || {})
            .await?;
        Ok(match made {
            Made::Before(crl) => (crl, true),
            Made::Now(der, now, version) => {
                let crl = self.published().publish(kind, der, now, version);
                let der = crl.der.clone();
                self.with_portal(move |portal, _| {
                    portal.publish_crl(kind, now, &der);
                    Ok(())
                })
                .await?;
                (crl, false)
            }
        })
    }

    /// When what relying parties are told was so: when the store was known last to be this portal's.
    pub(crate) fn as_of(&self) -> Timestamp {
        let now = self.clock().now();
        self.clock().showing(self.0.hold.as_of()).min(now)
    }

    /// What answers OCSP requests about the certificates of an authority. While no other can be
    /// stored, it is the last one that is valid.
    ///
    /// # Errors
    /// There is none, and none could be made; the store is another portal's, or was not reached for
    /// too long to know what it says.
    pub(crate) async fn responder(
        &self,
        kind: AuthorityKind,
    ) -> Result<Arc<Responder>, ServiceError> {
        let now = self.clock().now();
        if self.0.hold.is_behind(self.clock().beneath()) {
            return Err(ServiceError::Store);
        }
        if let Some(responder) = self.published().responder(kind, now) {
            return Ok(responder);
        }
        let last = || self.published().last_responder(kind, now);
        if !self.is_well()
            && let Some(last) = last()
        {
            return Ok(last);
        }
        match self.make_responder(kind).await {
            Err(ServiceError::Store) => last().ok_or(ServiceError::Store),
            result => result,
        }
    }

    async fn make_responder(&self, kind: AuthorityKind) -> Result<Arc<Responder>, ServiceError> {
        let service = self.clone();
        let work = move |portal: &mut LocalPortal| {
            // Whoever had the lock before may have made it.
            match service.published().responder(kind, service.clock().now()) {
                Some(responder) => Ok(responder),
                None => portal
                    .ocsp_responder(kind)
                    .map(|responder| service.published().set_responder(responder)),
            }
        };
        self.carry_out(Call::by_portal(Operation::Ocsp), work, || {})
            .await
    }

    /// Whether the last attempt to store something succeeded, and the store answers.
    pub fn is_well(&self) -> bool {
        self.0.well.load(Ordering::SeqCst) && !self.0.hold.is_silent(self.clock().beneath())
    }

    /// What befalls this operation now: a failure that leaves nothing to be done is the result.
    pub(crate) async fn fail_before(
        &self,
        operation: Operation,
    ) -> Result<Option<FailureKind>, ServiceError> {
        let planned = self.0.failures.strike(operation);
        if let Some(kind) = planned {
            tracing::warn!(%operation, failure = %kind, "failing on purpose");
        }
        match planned {
            Some(FailureKind::Timeout) => {
                tokio::time::sleep(SILENCE).await;
                Connection::cut_current();
                Err(ServiceError::NoAnswer)
            }
            Some(FailureKind::Status500) => Err(ServiceError::OnPurpose),
            planned => Ok(planned),
        }
    }

    async fn carry_out<T, W>(
        &self,
        call: Call,
        work: W,
        effect: impl FnOnce() + Send + 'static,
    ) -> Result<T, ServiceError>
    where
        T: Send + 'static,
        W: FnOnce(&mut LocalPortal) -> Result<T, PortalError> + Send + 'static,
    {
        let operation = call.operation;
        let result = self
            .with_portal(move |portal, parts| {
                let result = portal.carry_out(call, work, &parts.metrics, &parts.published);
                parts.well.store(portal.is_well(), Ordering::SeqCst);
                if result.is_ok() {
                    effect();
                }
                result
            })
            .await;
        let outcome = match &result {
            Ok(_) => Outcome::Done,
            Err(error) => Outcome::Refused(error.code().to_owned()),
        };
        self.0.metrics.call(operation, &outcome);
        result
    }

    /// Does this with the portal and its store, on a thread that may block.
    async fn with_portal<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut StoredPortal, &Parts) -> Result<T, ServiceError> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let parts = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || {
            // One whose work has panicked has no portal in memory, and restores it.
            let mut portal = parts.portal.lock().unwrap_or_else(PoisonError::into_inner);
            work(&mut portal, &parts)
        });
        done.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a call did not come to its end");
            Err(ServiceError::Internal)
        })
    }
}

/// A CRL, and by whom it was made.
enum Made {
    Before(Arc<Crl>),
    Now(Vec<u8>, Timestamp, u64),
}

fn fail_after(planned: Option<FailureKind>) -> Result<(), ServiceError> {
    if planned == Some(FailureKind::LostAnswer) {
        Connection::cut_current();
        return Err(ServiceError::NoAnswer);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
