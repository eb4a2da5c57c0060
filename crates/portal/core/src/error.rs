//! Why the portal refuses, and what to do: in English, and in Swedish where a holder reads it.

use thiserror::Error;

use super::KeyRefused;
use kortlab_issuer::authority::{AuthorityKind, CertificateState};
use kortlab_issuer::card_number::CardNumber;
use kortlab_issuer::inspect::Purpose;
use kortlab_issuer::{DocumentError, IssueError};

/// A refusal, or a failure, of the portal.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PortalError {
    /// Log-in with an HCC.
    #[error(
        "this certificate is an HCC (issued by {}); to log in, use the certificate issued by Telia Card Identifier",
        named(.issuer)
    )]
    HccLogIn {
        /// The issuer of the certificate that was used.
        issuer: String,
    },
    /// Log-in with the carrier's signature certificate.
    #[error(
        "this certificate is for signature; to log in, use the carrier's certificate for authentication (Legitimering)"
    )]
    NotForLogIn,
    /// A certificate this portal's authorities have not issued.
    #[error(
        "the certificate issued by {} is not known here; it takes a certificate that this portal's authorities have issued",
        named(.issuer)
    )]
    UnknownCertificate {
        /// Its issuer.
        issuer: String,
    },
    /// The certificate is known but not good now.
    #[error("the certificate is {}; {}", .state.english(), advice(*.authority, *.state))]
    CertificateNotUsable {
        /// Whose it is: the card issuer's come with the card, an HCC gives way to the next order's.
        authority: AuthorityKind,
        /// What it is instead of valid.
        state: CertificateState,
    },
    /// A certificate to log in with that cannot even be read.
    #[error(
        "the certificate cannot be read: {0}; to log in, use the certificate issued by Telia Card Identifier"
    )]
    UnreadableCertificate(DocumentError),
    /// A carrier certificate of the card that is logged in is no longer good: the card was reported,
    /// or its time is over. The session has ended with it.
    #[error(
        "a carrier certificate of this card is {} now, and the session has ended with it; {}",
        .state.english(),
        card_advice(*.state)
    )]
    CardNotUsable {
        /// What one of them is instead of valid.
        state: CertificateState,
    },
    /// The log-in was not signed by the certificate's key.
    #[error(
        "the log-in was not signed with the key of the certificate shown; use the same card for both"
    )]
    LogInSignature,
    /// The session is over or never was.
    #[error("the session is over; log in again, an order that was begun goes on where it stopped")]
    SessionOver,
    /// A request, approval or receipt made with another card than the one logged in with.
    #[error(
        "this was made with card {found}, but card {expected} is logged in; insert card {expected}, or log out first"
    )]
    WrongCard {
        /// The card of the session.
        expected: CardNumber,
        /// The card whose key was used.
        found: CardNumber,
    },
    /// No such order for this card.
    #[error("there is no such order for this card; place a new order")]
    UnknownOrder,
    /// The order was sent in before.
    #[error(
        "this order has been sent in already; fetch its certificates instead of sending it again"
    )]
    OrderReplayed,
    /// The order was not approved, or not received, in time.
    #[error("this order has lapsed; place a new order")]
    OrderLapsed,
    /// Fetching before approving.
    #[error("this order is not approved yet; send in its requests and the approval first")]
    OrderNotIssued,
    /// A PKCS#10 for a key that is not the card's key of that purpose.
    #[error(
        "the request for the {purpose} certificate is not by the card's {purpose} key; make it with the key of the current {purpose} certificate"
    )]
    ForeignKey {
        /// Which of the two requests.
        purpose: Purpose,
    },
    /// The approval or receipt is signed with the authentication key.
    #[error(
        "the {what} is signed with the authentication key; sign it with the signature key (PIN for Underskrift)"
    )]
    SignedWithAuthenticationKey {
        /// `approval` or `receipt`.
        what: &'static str,
    },
    /// The approval or receipt is signed with a key that is not the card's.
    #[error("the {what} is not signed with this card's signature key; sign it with the card")]
    SignedWithForeignKey {
        /// `approval` or `receipt`.
        what: &'static str,
    },
    /// The approval or receipt is about something else: another order, other requests, an old
    /// nonce.
    #[error("the {what} is not for this order; sign the text that the portal shows now")]
    OtherContent {
        /// `approval` or `receipt`.
        what: &'static str,
    },
    /// The receipt was signed before.
    #[error("this receipt has been signed already; nothing is left to do, log out")]
    ReceiptReplayed,
    /// A receipt of certificates that the holder's client has reported as removed.
    #[error(
        "a certificate of this order is reported as removed from the card; fetch the pair again, have it written to the card, and sign the receipt then"
    )]
    RemovedFromCard,
    /// No HCC with that serial number for this card.
    #[error("this card has no HCC with serial number {serial}; list them again")]
    UnknownHcc {
        /// The serial number, in hexadecimal.
        serial: String,
    },
    /// A card that was enrolled before.
    #[error("card {0} is enrolled already")]
    AlreadyEnrolled(CardNumber),
    /// A key that cannot be enrolled: another card has it, or it is too weak.
    #[error("the {purpose} key cannot be enrolled: {why}; make a new key on the card")]
    UnsuitableKey {
        /// Which of the two keys.
        purpose: Purpose,
        /// Why not.
        why: String,
    },
    /// A card number nobody has enrolled.
    #[error("card {0} is not enrolled; enrol it first")]
    UnknownCard(CardNumber),
    /// What was sent in is malformed or its signature does not verify.
    #[error("what was sent in cannot be accepted: {0}; make it again")]
    Document(#[from] DocumentError),
    /// The authority could not do its part.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The key to log in with did not sign.
    #[error("the log-in was not signed: {0}")]
    KeyRefused(#[from] KeyRefused),
    /// A portal elsewhere refused, in its own words.
    #[error("{message}")]
    Remote {
        /// What [`PortalError::code`] says over there.
        code: String,
        /// The refusal in English.
        message: String,
        /// The refusal in Swedish, where a holder can run into it.
        swedish: Option<String>,
    },
    /// A portal elsewhere could not be reached, or the connection to it broke off.
    #[error("the portal could not be reached: {0}; try again, an order goes on where it stopped")]
    Transport(String),
    /// Something answered where a portal should be, and not as a portal does.
    #[error(
        "the portal answered, but its answer is not understood: {0}; check that a portal of the same version is at that address"
    )]
    NotUnderstood(String),
}

impl PortalError {
    /// A stable name for data and tests.
    pub fn code(&self) -> &str {
        match self {
            Self::Remote { code, .. } => code,
            Self::HccLogIn { .. } => "hcc-log-in",
            Self::NotForLogIn => "not-for-log-in",
            Self::UnknownCertificate { .. } => "unknown-certificate",
            Self::CertificateNotUsable { .. } => "certificate-not-usable",
            Self::UnreadableCertificate(_) => "unreadable-certificate",
            Self::CardNotUsable { .. } => "card-not-usable",
            Self::LogInSignature => "log-in-signature",
            Self::SessionOver => "session-over",
            Self::WrongCard { .. } => "wrong-card",
            Self::UnknownOrder => "unknown-order",
            Self::OrderReplayed => "order-replayed",
            Self::OrderLapsed => "order-lapsed",
            Self::OrderNotIssued => "order-not-issued",
            Self::ForeignKey { .. } => "foreign-key",
            Self::SignedWithAuthenticationKey { .. } => "signed-with-authentication-key",
            Self::SignedWithForeignKey { .. } => "signed-with-foreign-key",
            Self::OtherContent { .. } => "other-content",
            Self::ReceiptReplayed => "receipt-replayed",
            Self::RemovedFromCard => "removed-from-card",
            Self::UnknownHcc { .. } => "unknown-hcc",
            Self::AlreadyEnrolled(_) => "already-enrolled",
            Self::UnsuitableKey { .. } => "unsuitable-key",
            Self::UnknownCard(_) => "unknown-card",
            Self::Document(_) => "document",
            Self::Issue(_) => "issue",
            Self::KeyRefused(_) => "key-refused",
            Self::Transport(_) => "transport",
            Self::NotUnderstood(_) => "not-understood",
        }
    }

    /// What the portal says in Swedish, where a holder can run into it.
    pub fn swedish(&self) -> Option<String> {
        Some(match self {
            Self::HccLogIn { .. } => {
                "Du valde ett HCC. Välj certifikatet som är utfärdat av Telia Card Identifier."
                    .to_owned()
            }
            Self::NotForLogIn => {
                "Du valde certifikatet för underskrift. Välj det för legitimering.".to_owned()
            }
            Self::UnknownCertificate { .. } => {
                "Certifikatet är okänt här. Kontrollera att rätt kort sitter i läsaren.".to_owned()
            }
            Self::CertificateNotUsable { authority, state } => {
                let is = match authority {
                    AuthorityKind::Carrier => state.swedish_alone(),
                    AuthorityKind::Hcc => state.swedish(),
                };
                format!("Certifikatet är {is}.")
            }
            Self::UnreadableCertificate(_) => {
                "Certifikatet kan inte läsas. Välj certifikatet som är utfärdat av Telia Card Identifier."
                    .to_owned()
            }
            Self::CardNotUsable { state } => format!(
                "Ett av kortutgivarens certifikat på kortet är {}. Du är därför utloggad.",
                state.swedish_alone()
            ),
            Self::SessionOver => "Du har loggats ut automatiskt. Logga in igen.".to_owned(),
            Self::LogInSignature | Self::WrongCard { .. } => {
                "Fel kort. Sätt i det kort som du loggade in med.".to_owned()
            }
            Self::OrderReplayed => "Beställningen är redan skickad. Hämta dina HCC.".to_owned(),
            Self::UnknownOrder | Self::OrderLapsed => {
                "Beställningen gäller inte längre. Välj Hämta nytt HCC.".to_owned()
            }
            Self::SignedWithAuthenticationKey { .. } => {
                "Signera med PIN-koden för underskrift.".to_owned()
            }
            Self::Remote { swedish, .. } => return swedish.clone(),
            Self::ReceiptReplayed => "Kortet är redan kvitterat. Logga ut.".to_owned(),
            Self::RemovedFromCard => {
                "Certifikaten är borttagna från kortet. Välj Hämta nytt HCC igen.".to_owned()
            }
            _ => return None,
        })
    }
}

/// An issuer by name, if it has one.
fn named(issuer: &str) -> &str {
    match issuer.trim() {
        "" => "an issuer without a name",
        _ => issuer,
    }
}

fn card_advice(state: CertificateState) -> &'static str {
    match state {
        CertificateState::OnHold => "ask the card issuer why, and log in once it is released",
        CertificateState::NotYetValid => "check the date of this computer, and log in again",
        CertificateState::Valid => "log in again",
        CertificateState::Expired | CertificateState::Revoked(_) => {
            "order a new card, or use another one"
        }
    }
}

/// One clause: pages show what stands behind the last semicolon of a refusal as what to do.
fn advice(authority: AuthorityKind, state: CertificateState) -> &'static str {
    match (authority, state) {
        (AuthorityKind::Carrier, CertificateState::OnHold) => "ask the card issuer why",
        (AuthorityKind::Hcc, CertificateState::OnHold) => {
            "sign its receipt if one is shown, else order new ones in its place, or ask who put the \
             certificate on hold"
        }
        (_, CertificateState::NotYetValid) => "check the date of this computer",
        (_, CertificateState::Valid) => "try again",
        (AuthorityKind::Carrier, CertificateState::Expired | CertificateState::Revoked(_)) => {
            "order a new card, or use another one"
        }
        (AuthorityKind::Hcc, CertificateState::Expired | CertificateState::Revoked(_)) => {
            "order new ones in its place (Hämta nytt HCC), as the card itself need not be replaced"
        }
    }
}
