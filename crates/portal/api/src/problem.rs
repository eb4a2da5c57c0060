//! Refusals as problem documents (RFC 9457), and back.

use kortlab_issuer::IssueError;
use kortlab_issuer::authority::{AuthorityKind, CertificateState};
use kortlab_issuer::card_number::CardNumber;
use kortlab_issuer::inspect::Purpose;
use kortlab_portal_core::PortalError;
use serde::{Deserialize, Serialize};

use crate::certificates::StateBody;
use crate::limits::LINE;
use crate::parse::shortened;

/// The media type of a problem document (RFC 9457 §6.1).
pub const CONTENT_TYPE: &str = "application/problem+json";
/// What stands before a code in `type`: a tag URI (RFC 4151), which names and does not lead
/// anywhere.
const TYPE: &str = "tag:kortlab.example,2026:problem/";

/// A problem document: why the portal refuses, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// A URI that names the kind of problem; its last part is [`Problem::code`].
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The kind of problem in a few words.
    #[serde(default)]
    pub title: String,
    /// The HTTP status code.
    #[serde(default)]
    pub status: u16,
    /// What is wrong this time, and what to do, in English.
    pub detail: String,
    /// A stable name for programs.
    pub code: String,
    /// The same as `detail` in Swedish, where a holder can run into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swedish: Option<String>,
    /// The values that the kind of problem has.
    #[serde(default, flatten)]
    pub values: Values,
}

/// The values in a refusal; which of them there are depends on the code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Values {
    /// The issuer of a certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Whose a certificate is: `carrier`, the card issuer's, or `hcc`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// What a certificate is worth: `on-hold`, `not-yet-valid`, `valid`, `expired`, `revoked`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Why a certificate is revoked (RFC 5280 §5.3.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The number of the card that is logged in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// The number of the card that was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// Which key a request is for: `authentication` or `signature`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// What was signed: `approval`, `receipt` or `message`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// A serial number, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The number of a card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_number: Option<String>,
}

impl Problem {
    /// A problem that is none of the portal's refusals: a body that cannot be read, too many
    /// requests. `title` says the kind in a few words, `detail` what is wrong this time.
    pub fn new(
        status: u16,
        code: impl Into<String>,
        title: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        let code = code.into();
        Self {
            kind: format!("{TYPE}{code}"),
            title: title.into(),
            status,
            detail: detail.into(),
            code,
            swedish: None,
            values: Values::default(),
        }
    }

    /// As the portal's refusal it was written from, if it is one whose values are all there;
    /// otherwise as [`PortalError::Remote`]. Whatever a server writes, it is one line of at most
    /// some [`LINE`] bytes, since it is shown to people.
    pub fn into_error(self) -> PortalError {
        match exact(&self.code, &self.values) {
            Some(error) => error,
            None => PortalError::Remote {
                code: shortened(&self.code, LINE),
                message: shortened(&self.detail, LINE),
                swedish: self.swedish.map(|text| shortened(&text, LINE)),
            },
        }
    }
}

impl From<&PortalError> for Problem {
    fn from(error: &PortalError) -> Self {
        let (status, title) = status_and_title(error);
        let mut problem = Self::new(status, error.code(), title, error.to_string());
        problem.swedish = error.swedish();
        problem.values = values(error);
        problem
    }
}

impl Values {
    fn of_state(&mut self, state: CertificateState) {
        let body = StateBody::from(state);
        self.state = Some(body.state);
        self.reason = body.reason;
    }
}

const fn authority_name(authority: AuthorityKind) -> &'static str {
    match authority {
        AuthorityKind::Carrier => "carrier",
        AuthorityKind::Hcc => "hcc",
    }
}

fn values(error: &PortalError) -> Values {
    let mut values = Values::default();
    let text = |value: &dyn ToString| Some(value.to_string());
    match error {
        PortalError::HccLogIn { issuer } | PortalError::UnknownCertificate { issuer } => {
            values.issuer = text(issuer);
        }
        PortalError::CertificateNotUsable { authority, state } => {
            values.authority = text(&authority_name(*authority));
            values.of_state(*state);
        }
        PortalError::CardNotUsable { state } => values.of_state(*state),
        PortalError::WrongCard { expected, found } => {
            values.expected = text(expected);
            values.found = text(found);
        }
        PortalError::ForeignKey { purpose } => values.purpose = text(purpose),
        PortalError::SignedWithAuthenticationKey { what }
        | PortalError::SignedWithForeignKey { what }
        | PortalError::OtherContent { what } => values.what = text(what),
        PortalError::UnknownHcc { serial } => values.serial = text(serial),
        PortalError::AlreadyEnrolled(number) | PortalError::UnknownCard(number) => {
            values.card_number = text(number);
        }
        _ => {}
    }
    values
}

/// The refusal with this code and these values.
fn exact(code: &str, values: &Values) -> Option<PortalError> {
    let line = |text: &Option<String>| text.as_ref().map(|text| shortened(text, LINE));
    let issuer = || line(&values.issuer);
    let number = |text: &Option<String>| text.as_ref()?.parse::<CardNumber>().ok();
    Some(match code {
        "hcc-log-in" => PortalError::HccLogIn { issuer: issuer()? },
        "not-for-log-in" => PortalError::NotForLogIn,
        "unknown-certificate" => PortalError::UnknownCertificate { issuer: issuer()? },
        "certificate-not-usable" => PortalError::CertificateNotUsable {
            authority: AuthorityKind::ALL
                .into_iter()
                .find(|kind| Some(authority_name(*kind)) == values.authority.as_deref())?,
            state: state(values)?,
        },
        "card-not-usable" => PortalError::CardNotUsable {
            state: state(values)?,
        },
        "log-in-signature" => PortalError::LogInSignature,
        "session-over" => PortalError::SessionOver,
        "wrong-card" => PortalError::WrongCard {
            expected: number(&values.expected)?,
            found: number(&values.found)?,
        },
        "unknown-order" => PortalError::UnknownOrder,
        "order-replayed" => PortalError::OrderReplayed,
        "order-lapsed" => PortalError::OrderLapsed,
        "order-not-issued" => PortalError::OrderNotIssued,
        "foreign-key" => PortalError::ForeignKey {
            purpose: [Purpose::Authentication, Purpose::Signature]
                .into_iter()
                .find(|purpose| Some(purpose.name()) == values.purpose.as_deref())?,
        },
        "signed-with-authentication-key" => PortalError::SignedWithAuthenticationKey {
            what: what(values)?,
        },
        "signed-with-foreign-key" => PortalError::SignedWithForeignKey {
            what: what(values)?,
        },
        "other-content" => PortalError::OtherContent {
            what: what(values)?,
        },
        "receipt-replayed" => PortalError::ReceiptReplayed,
        "removed-from-card" => PortalError::RemovedFromCard,
        "unknown-hcc" => PortalError::UnknownHcc {
            serial: line(&values.serial)?,
        },
        "already-enrolled" => PortalError::AlreadyEnrolled(number(&values.card_number)?),
        "unknown-card" => PortalError::UnknownCard(number(&values.card_number)?),
        _ => return None,
    })
}

fn state(values: &Values) -> Option<CertificateState> {
    let body = StateBody {
        state: values.state.clone()?,
        reason: values.reason.clone(),
    };
    body.to_state()
}

fn what(values: &Values) -> Option<&'static str> {
    let found = values.what.as_deref()?;
    ["approval", "receipt", "message"]
        .into_iter()
        .find(|what| *what == found)
}

/// The HTTP status (RFC 9110 §15) of a refusal, and its kind in a few words.
fn status_and_title(error: &PortalError) -> (u16, &'static str) {
    match error {
        PortalError::HccLogIn { .. } => (403, "Log-in with an HCC"),
        PortalError::NotForLogIn => (403, "Not a certificate for log-in"),
        PortalError::UnknownCertificate { .. } => (403, "Unknown certificate"),
        PortalError::CertificateNotUsable { .. } => (403, "The certificate is not valid"),
        PortalError::UnreadableCertificate(_) => (403, "The certificate cannot be read"),
        PortalError::CardNotUsable { .. } => (403, "The card is no longer good"),
        PortalError::LogInSignature => (403, "The log-in is not signed by the certificate's key"),
        PortalError::KeyRefused(_) => (403, "The log-in is not signed"),
        PortalError::SessionOver => (401, "The session is over"),
        PortalError::WrongCard { .. } => (409, "Another card"),
        PortalError::UnknownOrder => (404, "Unknown order"),
        PortalError::OrderReplayed => (409, "The order was sent in before"),
        PortalError::OrderLapsed => (410, "The order has lapsed"),
        PortalError::OrderNotIssued => (409, "The order is not approved"),
        PortalError::ForeignKey { .. } => (422, "A request by another key"),
        PortalError::SignedWithAuthenticationKey { .. } => {
            (422, "Signed with the authentication key")
        }
        PortalError::SignedWithForeignKey { .. } => (422, "Signed with another key"),
        PortalError::OtherContent { .. } => (422, "Signed for something else"),
        PortalError::ReceiptReplayed => (409, "The receipt was signed before"),
        PortalError::RemovedFromCard => (409, "Removed from the card"),
        PortalError::UnknownHcc { .. } => (404, "Unknown HCC"),
        PortalError::AlreadyEnrolled(_) => (409, "The card is enrolled already"),
        PortalError::UnsuitableKey { .. } => (422, "A key that is not enrolled"),
        PortalError::UnknownCard(_) => (404, "Unknown card"),
        PortalError::Document(_) => (422, "A document that is not accepted"),
        PortalError::Issue(IssueError::AlreadyRevoked { .. }) => (409, "Already revoked"),
        PortalError::Issue(IssueError::UnknownSerial { .. }) => (404, "Unknown certificate"),
        PortalError::Remote { .. } | PortalError::Transport(_) | PortalError::NotUnderstood(_) => {
            (502, "Another portal failed")
        }
        _ => (500, "The portal failed"),
    }
}
