//! Who knows what relying parties are told: the portal itself, or an instance that only reads.

use core::future::Future;
use std::sync::Arc;

use kortlab_issuer::authority::AuthorityKind;
use kortlab_issuer::clock::Timestamp;
use kortlab_issuer::ocsp::Responder;

use crate::app::App;
use crate::error::ServiceError;
use crate::metrics::Metrics;
use crate::operation::Operation;
use crate::published::{Crl, Published};

/// What the handlers of CRLs and OCSP need.
pub(crate) trait Source: Clone + Send + Sync + 'static {
    /// When what it knows was so: the present, or a little before.
    fn as_of(&self) -> Timestamp;

    /// What is counted.
    fn metrics(&self) -> &Metrics;

    /// What is handed out.
    fn published(&self) -> &Published;

    /// Whether the connection is to be cut instead of an answer to this operation.
    fn is_cut(
        &self,
        operation: Operation,
    ) -> impl Future<Output = Result<bool, ServiceError>> + Send;

    /// The CRL, and whether it was there already.
    fn crl(
        &self,
        kind: AuthorityKind,
    ) -> impl Future<Output = Result<(Arc<Crl>, bool), ServiceError>> + Send;

    /// What answers OCSP requests.
    fn responder(
        &self,
        kind: AuthorityKind,
    ) -> impl Future<Output = Result<Arc<Responder>, ServiceError>> + Send;
}

impl Source for App {
    fn as_of(&self) -> Timestamp {
        self.service().as_of()
    }

    fn metrics(&self) -> &Metrics {
        App::metrics(self)
    }

    fn published(&self) -> &Published {
        self.service().published()
    }

    async fn is_cut(&self, operation: Operation) -> Result<bool, ServiceError> {
        Ok(self.service().fail_before(operation).await?.is_some())
    }

    async fn crl(&self, kind: AuthorityKind) -> Result<(Arc<Crl>, bool), ServiceError> {
        self.service().crl(kind).await
    }

    async fn responder(&self, kind: AuthorityKind) -> Result<Arc<Responder>, ServiceError> {
        self.service().responder(kind).await
    }
}
