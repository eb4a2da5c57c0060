//! One certificate as it is shown.

use std::time::{SystemTime, UNIX_EPOCH};

use der::Encode as _;
use kortlab_card::{CheckedSlot, Slot, SlotProblem};
use kortlab_issuer::clock::Timestamp;
use kortlab_issuer::inspect::CertificateSummary;
use serde::Serialize;
use x509_cert::crl::CertificateList;

use super::find::slot_id;
use crate::output::{BLUE, Cell, DIM, ERROR, GOOD, Hex, PINK, Table, WARNING};

/// One certificate on the card.
#[derive(Serialize)]
pub struct CertificateEntry {
    /// What `cert read` and `cert remove` take: the identifier of its file.
    pub id: String,
    /// The identifier of its key.
    pub key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    /// `blue`: the carrier's; `pink`: an HCC; `other`.
    pub colour: &'static str,
    /// `authentication`, `signature` or `other`.
    purpose: &'static str,
    authority: bool,
    holder: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hsa_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    card_number: Option<String>,
    issuer: Option<String>,
    serial: Option<String>,
    not_before: Option<String>,
    not_after: Option<String>,
    /// `valid`, `expired`, `not-yet-valid`, `revoked` or `unreadable`.
    state: &'static str,
    /// `good`, `revoked`, or `not-checked` if no list of its issuer was given.
    revocation: &'static str,
    size: usize,
    pub problems: Vec<ProblemEntry>,
    #[serde(skip)]
    purpose_sv: &'static str,
}

/// Something wrong with a certificate.
#[derive(Serialize)]
pub struct ProblemEntry {
    /// A stable name, such as `expired`, `revoked`, `key-mismatch`.
    pub code: &'static str,
    pub message: String,
}

impl CertificateEntry {
    /// What is known of a certificate that was checked against these lists.
    pub fn new(checked: &CheckedSlot, lists: &[CertificateList]) -> Self {
        let slot = &checked.slot;
        let summary = CertificateSummary::from_der(&slot.der).ok();
        let summary = summary.as_ref();
        let info = slot.info.as_ref();
        let time = |time: Option<SystemTime>| {
            let since = time?.duration_since(UNIX_EPOCH).ok()?;
            Some(Timestamp::from_unix_seconds(since.as_secs()).to_string())
        };
        let problem = |code| {
            checked
                .problems
                .iter()
                .any(|problem| problem.code() == code)
        };
        Self {
            id: slot_id(slot),
            key: slot.key_id().to_string(),
            label: slot.label().map(str::to_owned),
            colour: summary.map_or("other", |summary| summary.colour.name()),
            purpose: summary.map_or("other", |summary| summary.purpose.name()),
            purpose_sv: summary.map_or("annat", |summary| summary.purpose.swedish()),
            authority: slot.is_authority(),
            holder: summary
                .map(|summary| summary.holder.clone())
                .or_else(|| info?.subject.clone()),
            hsa_id: summary.and_then(|summary| summary.hsa_id.clone()),
            card_number: summary.and_then(|summary| summary.card_number.clone()),
            issuer: summary
                .map(|summary| summary.issuer.clone())
                .or_else(|| info?.issuer.clone()),
            serial: info.map(|info| Hex(&info.serial_number).to_string()),
            not_before: time(info.and_then(|info| info.not_before)),
            not_after: time(info.and_then(|info| info.not_after)),
            state: if problem("unreadable") {
                "unreadable"
            } else if problem("revoked") {
                "revoked"
            } else if problem("expired") {
                "expired"
            } else if problem("not-yet-valid") {
                "not-yet-valid"
            } else {
                "valid"
            },
            revocation: if problem("revoked") {
                "revoked"
            } else if has_list(slot, lists) {
                "good"
            } else {
                "not-checked"
            },
            size: slot.der.len(),
            problems: checked.problems.iter().map(ProblemEntry::from).collect(),
        }
    }
}

impl From<&SlotProblem> for ProblemEntry {
    fn from(problem: &SlotProblem) -> Self {
        Self {
            code: problem.code(),
            message: problem.to_string(),
        }
    }
}

fn has_list(slot: &Slot, lists: &[CertificateList]) -> bool {
    slot.info.as_ref().is_some_and(|info| {
        lists.iter().any(|list| {
            let issuer = list.tbs_cert_list.issuer.to_der();
            issuer.is_ok_and(|issuer| issuer == info.issuer_der)
        })
    })
}

/// The certificates as a table.
pub fn table(certificates: &[CertificateEntry]) -> Table {
    let mut table = Table::new([
        "",
        "ID",
        "Key",
        "Purpose",
        "Holder",
        "Issuer",
        "Valid until",
        "State",
        "Revocation",
    ]);
    for certificate in certificates {
        let text = |text: &Option<String>| Cell::from(text.as_deref().unwrap_or("?"));
        let mark = match certificate.colour {
            "blue" => Cell::from("● blue").styled(BLUE),
            "pink" => Cell::from("● pink").styled(PINK),
            _ if certificate.authority => "○ authority".into(),
            _ => "○ other".into(),
        };
        let purpose = match certificate.authority {
            true => "issues certificates".to_owned(),
            false => format!("{} ({})", certificate.purpose_sv, certificate.purpose),
        };
        let until = certificate.not_after.as_deref().unwrap_or("?");
        let until = until.split('T').next().unwrap_or(until);
        table.row([
            mark,
            certificate.id.clone().into(),
            certificate.key.clone().into(),
            purpose.into(),
            text(&certificate.holder),
            text(&certificate.issuer),
            until.into(),
            Cell::from(certificate.state).styled(match certificate.state {
                "valid" => GOOD,
                "not-yet-valid" => WARNING,
                _ => ERROR,
            }),
            Cell::from(certificate.revocation).styled(match certificate.revocation {
                "good" => GOOD,
                "revoked" => ERROR,
                _ => DIM,
            }),
        ]);
    }
    table
}
