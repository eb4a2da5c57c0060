//! Certificates in a card's slots.

use kortlab_apdu::FilePath;
use kortlab_card::certificate::ReadTime;
use kortlab_card::{
    CertificateInfo, CheckedSlot, NotChecked, Problem, Revocation, Slot, SlotProblem,
};
use kortlab_issuer::inspect::{Appearance, CertificateSummary, Colour, Purpose};
use serde::Serialize;

use crate::hexadecimal::Hex;

/// One certificate on the card.
#[derive(Clone, Debug, Serialize)]
pub struct CertificateEntry {
    /// What `cert read` and `cert remove` take: the identifier of its file.
    pub id: String,
    /// The identifier of its key.
    pub key: String,
    /// What the card calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// `blue`: the carrier's; `pink`: an HCC; `other`.
    pub colour: &'static str,
    /// `authentication`, `signature` or `other`.
    pub purpose: &'static str,
    /// Whether it is an authority's own certificate.
    pub authority: bool,
    /// Whose it is.
    pub holder: Option<String>,
    /// The holder's HSA-id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hsa_id: Option<String>,
    /// The number of the card it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card_number: Option<String>,
    /// Who issued it.
    pub issuer: Option<String>,
    /// Its serial number, in hexadecimal.
    pub serial: Option<String>,
    /// From when it is valid.
    pub not_before: Option<String>,
    /// Until when it is valid.
    pub not_after: Option<String>,
    /// `valid`, `expired`, `not-yet-valid`, `revoked`, `invalid`, `unknown` or `unreadable`.
    pub state: &'static str,
    /// `good`, `revoked`, `not-checked` if no list of its issuer was given and no answer about it, or
    /// `unknown` if none that was given says anything, or a responder does not know it.
    pub revocation: &'static str,
    /// Its length in bytes.
    pub size: usize,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
    /// What could not be checked.
    pub not_checked: Vec<NotCheckedEntry>,
    /// The purpose in Swedish, as the portal has it.
    #[serde(skip)]
    pub purpose_sv: &'static str,
}

/// What of a certificate could not be checked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct NotCheckedEntry {
    /// A stable name: `signature`, `revocation`, …
    pub code: &'static str,
    /// The same in words.
    pub message: String,
}

impl CertificateEntry {
    /// What is known of a certificate.
    pub fn new(checked: &CheckedSlot) -> Self {
        let slot = &checked.slot;
        let info = slot.info.as_deref();
        let issuer = info.and_then(|info| info.issuer_text()).map(str::to_owned);
        let appearance = info.map(|info| {
            let number = info.subject_attribute(SERIAL_NUMBER).map(str::to_owned);
            Appearance::new(
                issuer.as_deref().unwrap_or_default(),
                number,
                |identifier| info.extension(identifier),
            )
        });
        let appearance = appearance.as_ref();
        let time = |time: Option<ReadTime>| time.map(ReadTime::to_text);
        Self {
            id: slot_id(slot),
            key: slot.key_id().to_string(),
            label: slot.label().map(str::to_owned),
            colour: appearance.map_or("other", |appearance| appearance.colour.name()),
            purpose: appearance.map_or("other", |appearance| appearance.purpose.name()),
            purpose_sv: appearance.map_or("annat", |appearance| appearance.purpose.swedish()),
            authority: slot.is_authority(),
            holder: info.and_then(|info| info.subject_text()).map(str::to_owned),
            hsa_id: appearance.and_then(|appearance| appearance.hsa_id.clone()),
            card_number: appearance.and_then(|appearance| appearance.card_number.clone()),
            issuer,
            serial: info.map(|info| Hex(&info.serial_number).to_string()),
            not_before: time(info.and_then(|info| info.not_before)),
            not_after: time(info.and_then(|info| info.not_after)),
            state: state(checked),
            revocation: match checked.revocation {
                Revocation::Good => "good",
                Revocation::Revoked(_) => "revoked",
                Revocation::NotChecked => "not-checked",
                _ => "unknown",
            },
            size: if info.is_some() { slot.der.len() } else { 0 },
            problems: checked.to_problems().collect(),
            not_checked: checked
                .not_checked
                .iter()
                .map(NotCheckedEntry::from)
                .collect(),
        }
    }
}

impl From<&NotChecked> for NotCheckedEntry {
    fn from(not_checked: &NotChecked) -> Self {
        Self {
            code: not_checked.code(),
            message: not_checked.to_string(),
        }
    }
}

/// serialNumber (X.520), 2.5.4.5.
const SERIAL_NUMBER: &[u8] = &[0x55, 0x04, 0x05];

/// What is known of its validity; the gravest first.
fn state(checked: &CheckedSlot) -> &'static str {
    let any = |is: fn(&SlotProblem) -> bool| checked.problems.iter().any(is);
    if any(SlotProblem::is_unreadable) {
        "unreadable"
    } else if any(|problem| {
        matches!(
            problem,
            SlotProblem::BadSignature { .. }
                | SlotProblem::OtherIssuerKey { .. }
                | SlotProblem::IssuerNotAuthorised { .. }
                | SlotProblem::NameNotPermitted { .. }
                | SlotProblem::IssuerNotValid { .. }
        )
    }) {
        "invalid"
    } else if any(|problem| matches!(problem, SlotProblem::Revoked { .. })) {
        "revoked"
    } else if any(|problem| matches!(problem, SlotProblem::Expired)) {
        "expired"
    } else if any(|problem| matches!(problem, SlotProblem::NotYetValid)) {
        "not-yet-valid"
    } else if any(|problem| matches!(problem, SlotProblem::UnknownValidity))
        || any(|problem| matches!(problem, SlotProblem::NotIssued { .. }))
        || !is_loaded(checked)
    {
        "unknown"
    } else {
        "valid"
    }
}

/// Whether every program can be expected to load the certificate.
fn is_loaded(checked: &CheckedSlot) -> bool {
    let info = checked.slot.info.as_deref();
    info.is_some_and(CertificateInfo::is_readable_by_all)
}

/// What a certificate is called on the command line: the identifier of its file, or its place in
/// the directory if it stands in that.
pub fn slot_id(slot: &Slot) -> String {
    match slot.path.as_ref().and_then(FilePath::fid) {
        Some(fid) => fid.to_string(),
        None => format!("#{}", slot.index),
    }
}

/// As the cards are labelled that the guide speaks of: `HCC Legitimering`.
pub fn usual_label(der: &[u8]) -> String {
    let Ok(summary) = CertificateSummary::from_der(der) else {
        return "Certificate".to_owned();
    };
    match (summary.colour, summary.purpose) {
        (_, Purpose::Other) => summary.holder,
        (Colour::Pink, purpose) => format!("HCC {}", purpose.swedish()),
        (Colour::Blue, purpose) => format!("Telia {}", purpose.swedish()),
        (Colour::Other, purpose) => format!("{} {}", summary.holder, purpose.swedish()),
    }
}
