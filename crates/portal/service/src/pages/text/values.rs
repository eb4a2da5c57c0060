//! What certificates are: states, purposes, colours, reasons.

use kortlab_issuer::authority::CertificateState;
use kortlab_issuer::inspect::{Colour, Purpose};
use kortlab_issuer::revocation::RevocationReason;

use super::{Texts, texts};

texts! {
    purpose_authentication: "Legitimering", "Authentication (legitimering)";
    purpose_signature: "Underskrift", "Signature (underskrift)";
    purpose_other: "Annat ändamål", "Other purpose";
    colour_blue: "Blått", "Blue";
    colour_pink: "Rosa", "Pink";
    colour_other: "Annat", "Other";
    blue_is: "kortutgivaren (Telia)", "the card issuer (Telia)";
    pink_is: "HCC (SITHS)", "HCC (SITHS)";
    other_is: "annan utfärdare", "another issuer";
    state_valid: "Giltigt", "Valid";
    state_on_hold: "Ännu inte giltigt: vilande, kvittera kortet", "Not yet valid: on hold, sign the receipt";
    state_not_yet: "Ännu inte giltigt", "Not yet valid";
    state_expired: "Utgånget", "Expired";
    state_revoked: "Spärrat", "Revoked";
    state_not_known: "Okänt", "Unknown";
    state_unknown: "inte utfärdat av portalen, bara datum är kontrollerade",
        "not issued by the portal, only the dates were checked";
    valid_to: "Gäller till och med", "Valid until";
    issuer: "Utfärdare", "Issuer";
    serial: "Serienummer", "Serial number";
    holder: "Innehavare", "Holder";
    state: "Status", "State";
    without_name: "(utan namn)", "(without a name)";
    certificate: "Certifikat", "Certificate";
}

impl Texts {
    /// What a certificate is for.
    pub(crate) const fn purpose(self, purpose: Purpose) -> &'static str {
        match purpose {
            Purpose::Authentication => self.purpose_authentication(),
            Purpose::Signature => self.purpose_signature(),
            Purpose::Other => self.purpose_other(),
        }
    }

    /// The guide's colour, as a word.
    pub(crate) const fn colour(self, colour: Colour) -> &'static str {
        match colour {
            Colour::Blue => self.colour_blue(),
            Colour::Pink => self.colour_pink(),
            Colour::Other => self.colour_other(),
        }
    }

    /// What the colour means.
    pub(crate) const fn colour_is(self, colour: Colour) -> &'static str {
        match colour {
            Colour::Blue => self.blue_is(),
            Colour::Pink => self.pink_is(),
            Colour::Other => self.other_is(),
        }
    }

    /// What a certificate is worth.
    pub(crate) fn certificate_state(self, state: CertificateState) -> String {
        match state {
            CertificateState::Valid => self.state_valid().to_owned(),
            CertificateState::OnHold => self.state_on_hold().to_owned(),
            CertificateState::NotYetValid => self.state_not_yet().to_owned(),
            CertificateState::Expired => self.state_expired().to_owned(),
            CertificateState::Revoked(reason) => {
                format!("{} ({})", self.state_revoked(), self.revocation(reason))
            }
        }
    }

    /// Why a certificate is revoked.
    pub(crate) const fn revocation(self, reason: RevocationReason) -> &'static str {
        match self.0 {
            super::Language::Swedish => reason.swedish(),
            super::Language::English => match reason {
                RevocationReason::Unspecified => "no reason given",
                RevocationReason::KeyCompromise => "key disclosed",
                RevocationReason::AffiliationChanged => "affiliation changed",
                RevocationReason::Superseded => "superseded",
                RevocationReason::CessationOfOperation => "no longer in use",
                RevocationReason::PrivilegeWithdrawn => "privilege withdrawn",
                RevocationReason::CertificateHold => "on hold",
            },
        }
    }
}
