//! Certificates: what they say, what they are worth, and the list of a card's HCCs.

use kortlab_issuer::authority::CertificateState;
use kortlab_issuer::inspect::CertificateSummary;
use kortlab_issuer::revocation::RevocationReason;
use kortlab_portal_core::HccEntry;
use serde::{Deserialize, Serialize};

use crate::binary::Binary;
use crate::parse::ParseError;
use crate::time::Time;

/// What a certificate says. Everything in it follows from the certificate beside it, which is what
/// a program should read; this is for people and for `jq`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Summary))]
pub struct SummaryBody {
    /// `blue` (carrier), `pink` (HCC) or `other`.
    pub colour: String,
    /// `authentication`, `signature` or `other`.
    pub purpose: String,
    /// The subject's common name.
    pub holder: String,
    /// The holder's HSA-id, in HCCs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hsa_id: Option<String>,
    /// The card's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_number: Option<String>,
    /// The issuer's common name.
    pub issuer: String,
    /// The serial number, in hexadecimal.
    pub serial: String,
    /// From when it is valid.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub not_before: Time,
    /// Until when it is valid, this second included.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub not_after: Time,
}

impl From<&CertificateSummary> for SummaryBody {
    fn from(summary: &CertificateSummary) -> Self {
        Self {
            colour: summary.colour.name().to_owned(),
            purpose: summary.purpose.name().to_owned(),
            holder: summary.holder.clone(),
            hsa_id: summary.hsa_id.clone(),
            card_number: summary.card_number.clone(),
            issuer: summary.issuer.clone(),
            serial: summary.serial_hex(),
            not_before: summary.not_before.into(),
            not_after: summary.not_after.into(),
        }
    }
}

/// What a certificate is worth now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = State))]
pub struct StateBody {
    /// `on-hold`, `not-yet-valid`, `valid`, `expired` or `revoked`.
    pub state: String,
    /// Why it is revoked, by its name in RFC 5280 §5.3.1; only with `revoked`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl From<CertificateState> for StateBody {
    fn from(state: CertificateState) -> Self {
        let reason = match state {
            CertificateState::Revoked(reason) => Some(reason.name().to_owned()),
            _ => None,
        };
        Self {
            state: state.name().to_owned(),
            reason,
        }
    }
}

impl StateBody {
    /// The state, if it is one.
    pub fn to_state(&self) -> Option<CertificateState> {
        let reason = match &self.reason {
            Some(name) => Some(RevocationReason::from_name(name)?),
            None => None,
        };
        CertificateState::from_name(&self.state, reason)
    }
}

/// The card's HCCs, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HccList {
    /// One entry for each certificate that was ever issued for the card.
    pub certificates: Vec<HccBody>,
}

/// One HCC in the portal's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Hcc))]
pub struct HccBody {
    /// The certificate, DER.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Byte))]
    pub certificate: Binary,
    /// What it says.
    pub summary: SummaryBody,
    /// What it is worth now.
    #[serde(flatten)]
    pub state: StateBody,
    /// The order it came with.
    pub order: String,
    /// Whether it was removed from the card.
    pub removed: bool,
}

impl From<&[HccEntry]> for HccList {
    fn from(entries: &[HccEntry]) -> Self {
        let certificates = entries.iter().map(HccBody::from).collect();
        Self { certificates }
    }
}

impl From<&HccEntry> for HccBody {
    fn from(entry: &HccEntry) -> Self {
        Self {
            certificate: Binary::from(entry.certificate.as_slice()),
            summary: SummaryBody::from(&entry.summary),
            state: entry.state.into(),
            order: entry.order.to_string(),
            removed: entry.removed,
        }
    }
}

impl TryFrom<HccList> for Vec<HccEntry> {
    type Error = ParseError;

    fn try_from(list: HccList) -> Result<Self, ParseError> {
        list.certificates
            .into_iter()
            .enumerate()
            .map(|(index, body)| entry(index, body))
            .collect()
    }
}

fn entry(index: usize, body: HccBody) -> Result<HccEntry, ParseError> {
    let field = |name: &str| Field(format!("certificates[{index}].{name}"));
    let (summary, certificate) = field("certificate").certificate(body.certificate)?;
    Ok(HccEntry {
        certificate,
        summary,
        state: field("state").state(&body.state)?,
        order: field("order").parse(&body.order)?,
        removed: body.removed,
    })
}

/// To revoke an HCC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RevocationRequest {
    /// Why, by its name in RFC 5280 §5.3.1: `unspecified`, `keyCompromise`,
    /// `affiliationChanged`, `superseded`, `cessationOfOperation`, `privilegeWithdrawn` or
    /// `certificateHold`.
    pub reason: String,
}

impl RevocationRequest {
    /// The reason.
    ///
    /// # Errors
    /// There is no such reason.
    pub fn reason(&self) -> Result<RevocationReason, ParseError> {
        RevocationReason::from_name(&self.reason).ok_or_else(|| {
            let names = RevocationReason::ALL.map(RevocationReason::name).join(", ");
            ParseError::field("the revocation", "reason", format_args!("one of {names}"))
        })
    }
}

impl From<RevocationReason> for RevocationRequest {
    fn from(reason: RevocationReason) -> Self {
        let reason = reason.name().to_owned();
        Self { reason }
    }
}

/// A field of an answer, by its path.
pub(crate) struct Field(pub(crate) String);

impl Field {
    pub(crate) fn certificate(
        &self,
        certificate: Binary,
    ) -> Result<(CertificateSummary, Vec<u8>), ParseError> {
        let der = certificate.into_bytes();
        match CertificateSummary::from_der(&der) {
            Ok(summary) => Ok((summary, der)),
            Err(error) => Err(self.error(error)),
        }
    }

    pub(crate) fn state(&self, state: &StateBody) -> Result<CertificateState, ParseError> {
        state
            .to_state()
            .ok_or_else(|| self.error("no state of a certificate"))
    }

    pub(crate) fn parse<T>(&self, text: &str) -> Result<T, ParseError>
    where
        T: core::str::FromStr<Err: core::fmt::Display>,
    {
        text.parse().map_err(|error| self.error(error))
    }

    pub(crate) fn error(&self, why: impl core::fmt::Display) -> ParseError {
        ParseError::field("the answer", self.0.clone(), why)
    }
}
