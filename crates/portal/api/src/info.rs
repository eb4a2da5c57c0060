//! What a portal says of itself.

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// What this portal is, and where its parts listen: a client needs to be told [`Urls::main`] only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Info {
    /// The program, `kortlab`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The portal's clock.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub time: Time,
    /// Where it listens.
    pub urls: Urls,
}

/// The addresses of a portal's listeners, each as `https://host:port` without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Urls {
    /// Pages and this interface; HTTPS, asks for no client certificate.
    pub main: String,
    /// Log-in; HTTPS, asks for a client certificate.
    pub log_in: String,
    /// The test page's trial of *legitimering*; HTTPS, asks for a client certificate of any kind.
    pub trial: String,
    /// CRLs, OCSP and the authorities' certificates; HTTP.
    pub pki: String,
}

/// Whether the portal works, at [`crate::paths::STATUS`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Status {
    /// `ok`, or `unavailable` while its store cannot be written.
    pub status: String,
}
