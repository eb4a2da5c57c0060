//! What relying parties fetch over plain HTTP: CRLs, OCSP answers, the authorities' certificates.
//! Each is signed by itself, and must be had without TLS, whose certificates they are about.

mod certificates;
mod crl;
mod ocsp;
mod published;

use axum::Router;
use axum::routing::{get, post};
use kortlab_issuer::authority::AuthorityKind;

pub(crate) use self::published::{Crl, Published};
use crate::app::App;

/// The routes, as `AuthorityUrls::at` names them.
pub fn router() -> Router<App> {
    Router::new()
        .route("/crl/{file}", get(crl::fetch))
        .route("/ca/{file}", get(certificates::fetch))
        .route("/ocsp/{name}", post(ocsp::post))
        .route("/ocsp/{name}/{*request}", get(ocsp::get))
}

/// The authority whose file this is, with this ending.
fn authority(file: &str, ending: &str) -> Option<AuthorityKind> {
    let name = file.strip_suffix(ending)?;
    [AuthorityKind::Carrier, AuthorityKind::Hcc]
        .into_iter()
        .find(|kind| kind.file_name() == name)
}
