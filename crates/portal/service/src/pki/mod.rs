//! What relying parties fetch over plain HTTP: CRLs, OCSP answers, the authorities' certificates.
//! Each is signed by itself, and must be had without TLS, whose certificates they are about.

mod certificates;
mod crl;
mod ocsp;
mod source;

use axum::Router;
use axum::routing::{get, post};
use kortlab_issuer::authority::AuthorityKind;

pub(crate) use self::source::Source;

/// The routes, as `AuthorityUrls::at` names them.
pub(crate) fn router<S: Source>() -> Router<S> {
    Router::new()
        .route("/crl/{file}", get(crl::fetch::<S>))
        .route("/ca/{file}", get(certificates::fetch::<S>))
        .route("/ocsp/{name}", post(ocsp::post::<S>))
        .route("/ocsp/{name}/{*request}", get(ocsp::get::<S>))
}

/// The authority whose file this is, with this ending.
fn authority(file: &str, ending: &str) -> Option<AuthorityKind> {
    let name = file.strip_suffix(ending)?;
    [AuthorityKind::Carrier, AuthorityKind::Hcc]
        .into_iter()
        .find(|kind| kind.file_name() == name)
}
