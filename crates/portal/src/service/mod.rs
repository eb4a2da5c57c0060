//! The one seam between HTTP and the portal: a call is carried out, stored, and only then answered.

mod call;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kortlab_issuer::portal::{LocalPortal, PortalError};

pub use self::call::Call;
use crate::error::ServiceError;
use crate::failures::{FailureKind, Failures};
use crate::listener::Connection;

/// How long a connection hangs when an administrator has planned that no answer comes.
const SILENCE: Duration = Duration::from_secs(30);

/// The portal behind all listeners. Clones are the same portal.
#[derive(Clone, Debug)]
pub struct Service {
    desk: Arc<Mutex<LocalPortal>>,
    failures: Failures,
}

impl Service {
    /// A service for this portal.
    pub fn new(portal: LocalPortal, failures: Failures) -> Self {
        Self {
            desk: Arc::new(Mutex::new(portal)),
            failures,
        }
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
        let call = call.into();
        let planned = self.failures.strike(call.operation);
        match planned {
            Some(FailureKind::Timeout) => {
                tokio::time::sleep(SILENCE).await;
                Connection::cut_current();
                return Err(ServiceError::NoAnswer);
            }
            Some(FailureKind::Status500) => return Err(ServiceError::OnPurpose),
            _ => {}
        }
        let desk = Arc::clone(&self.desk);
        let done = tokio::task::spawn_blocking(move || {
            let mut portal = desk.lock().unwrap_or_else(PoisonError::into_inner);
            work(&mut portal)
        })
        .await
        .map_err(|_| ServiceError::Internal)?;
        if planned == Some(FailureKind::LostAnswer) {
            Connection::cut_current();
            return Err(ServiceError::NoAnswer);
        }
        Ok(done?)
    }
}
