//! The bodies of the administrator's interface.

use kortlab_issuer::clock::Clock as _;
use kortlab_portal_api::session::HolderBody;
use kortlab_portal_api::{Binary, Time};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::audit::AuditEntry;
use crate::failures::Plan;

/// In which state a card is enrolled. The portal's clock counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EnrolledState {
    /// The carrier certificates only.
    #[default]
    Delivered,
    /// With HCCs, all valid.
    Valid,
    /// With HCCs that have expired.
    Expired,
    /// With HCCs that are revoked.
    Revoked,
}

impl EnrolledState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Delivered, Self::Valid, Self::Expired, Self::Revoked];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Valid => "valid",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// A card to enrol.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCard {
    /// Its holder; an invented person if this is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<HolderBody>,
    /// Its number, 19 digits; an invented one if this is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_number: Option<String>,
    /// The authentication key (id 45): SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), DER.
    pub authentication_key: Binary,
    /// The signature key (id 46): SubjectPublicKeyInfo, DER.
    pub signature_key: Binary,
    /// In which state.
    #[serde(default)]
    pub state: EnrolledState,
}

/// A card that was enrolled, and what belongs onto it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EnrolledCard {
    /// Its number.
    pub card_number: String,
    /// Its holder.
    pub holder: HolderBody,
    /// In which state.
    pub state: EnrolledState,
    /// The carrier certificates.
    pub carrier: Pair,
    /// The HCCs, in states that have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hcc: Option<Pair>,
}

/// Two certificates, DER.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pair {
    /// For the authentication key.
    pub authentication: Binary,
    /// For the signature key.
    pub signature: Binary,
}

/// A certificate to revoke.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// The certificate, of either authority, DER.
    pub certificate: Binary,
    /// Why, by its name in RFC 5280 §5.3.1.
    pub reason: String,
}

/// What the portal's clock shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockFace {
    /// Its time.
    pub time: Time,
    /// By how many seconds it is ahead of the machine's; negative if it is behind.
    pub seconds_ahead: i64,
}

/// How to set the clock: one of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ClockSetting {
    /// To this time; it runs on from there.
    Set(Time),
    /// Forward by so many seconds.
    Advance(u64),
    /// Back to the machine's time.
    Real,
}

/// The failures that are planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plans {
    /// In the order of planning.
    pub failures: Vec<Plan>,
}

/// Entries of the audit log, oldest first.
#[derive(Clone, Debug, Serialize)]
pub struct AuditPage {
    /// The entries.
    pub entries: Vec<AuditEntry>,
}

/// What the portal is and how it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The program's version.
    pub version: String,
    /// `ok`, or `unavailable` while nothing can be stored.
    pub status: String,
    /// What the clock shows.
    pub clock: ClockFace,
    /// How many failures are planned.
    pub failures: usize,
    /// Where the pages and the JSON interface are reached.
    pub url: String,
}

impl Status {
    pub(super) fn of(app: &App) -> Self {
        let status = if app.service().is_well() {
            "ok"
        } else {
            "unavailable"
        };
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            status: status.to_owned(),
            clock: ClockFace::of(app),
            failures: app.failures().plans().len(),
            url: app.places().main.as_str().trim_end_matches('/').to_owned(),
        }
    }
}

impl ClockFace {
    pub(super) fn of(app: &App) -> Self {
        Self {
            time: app.clock().now().into(),
            seconds_ahead: app.clock().seconds_ahead(),
        }
    }
}
