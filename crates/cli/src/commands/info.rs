//! `kortlab info`: the card at a glance.

use std::fmt;

use clap::Args;
use kortlab_apdu::{Channel as _, Protocol};
use kortlab_pkcs15::Severity;
use serde::Serialize;

use super::cert::{self, CertificateEntry, RevocationLists};
use super::key::{self, KeyEntry};
use super::pin::status::{self, PinEntry};
use super::{Context, session};
use crate::failure::{Exit, Failure};
use crate::output::{BOLD, Cell, ERROR, Hex, SpacedHex, Table, WARNING};

/// Show the card, its applications, PINs, keys and certificates at a glance
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab info
  kortlab -c card.json info
  kortlab -c card.json info --json")]
pub struct Arguments {}

/// Reads and shows it.
pub fn run(context: &mut Context, Arguments {}: Arguments) -> Result<Exit, Failure> {
    let mut card = session::open(context)?;
    let lists = RevocationLists::none();
    let pins = status::read(&mut card)?;
    let checked = card.check(lists.time(), &[])?;
    let certificates = checked
        .iter()
        .map(|checked| CertificateEntry::new(checked, &[]))
        .collect();
    let contents = card.contents();
    let token = contents.token_info.as_ref();
    let applications = contents.dir.iter().flat_map(|dir| dir.objects());
    let info = Info {
        label: contents.label().map(str::to_owned),
        serial: card.serial_number().map(serial),
        manufacturer: token.and_then(|token| token.manufacturer_id.clone()),
        card_os: card.dialect().name(),
        atr: Hex(&card.identity().atr).to_string(),
        applications: applications
            .map(|application| ApplicationEntry {
                aid: Hex(&application.aid).to_string(),
                label: application.label.clone(),
            })
            .collect(),
        keys: card.keys().iter().map(KeyEntry::from).collect(),
        problems: contents
            .problems
            .iter()
            .map(|problem| ProblemEntry {
                severity: match problem.severity() {
                    Severity::Error => "error",
                    Severity::Warning => "warning",
                    _ => "note",
                },
                message: problem.to_string(),
            })
            .collect(),
        pins,
        certificates,
        protocol: "",
        spaced_atr: SpacedHex(&card.identity().atr).to_string(),
    };
    let protocol = match card.channel_mut().protocol() {
        Protocol::T0 => "t0",
        Protocol::T1 => "t1",
    };
    context.output.report(&Info { protocol, ..info })?;
    Ok(Exit::Done)
}

/// A serial number as people write it: text where it is text, digits where it is digits two a
/// byte (with an F behind an odd number of them), else hexadecimal.
pub(super) fn serial(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes)
        && bytes.iter().all(u8::is_ascii_graphic)
    {
        return text.to_owned();
    }
    let text = Hex(bytes).to_string();
    match text.strip_suffix('F') {
        Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => digits.to_owned(),
        _ => text,
    }
}

/// The JSON document.
#[derive(Serialize)]
struct Info {
    label: Option<String>,
    serial: Option<String>,
    manufacturer: Option<String>,
    card_os: &'static str,
    atr: String,
    /// `t0` or `t1`.
    protocol: &'static str,
    applications: Vec<ApplicationEntry>,
    pins: Vec<PinEntry>,
    keys: Vec<KeyEntry>,
    certificates: Vec<CertificateEntry>,
    /// What is wrong with the card's PKCS#15 files.
    problems: Vec<ProblemEntry>,
    #[serde(skip)]
    spaced_atr: String,
}

#[derive(Serialize)]
struct ApplicationEntry {
    aid: String,
    label: Option<String>,
}

#[derive(Serialize)]
struct ProblemEntry {
    /// `error`, `warning` or `note`.
    severity: &'static str,
    message: String,
}

impl fmt::Display for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |text: &Option<String>| Cell::from(text.as_deref().unwrap_or("(not given)"));
        let mut card = Table::plain();
        card.row(["Card".into(), text(&self.label)]);
        card.row(["Serial number".into(), text(&self.serial)]);
        card.row(["Manufacturer".into(), text(&self.manufacturer)]);
        card.row(["Card OS".into(), self.card_os.into()]);
        let protocol = self.protocol.replace('t', "T=");
        card.row(["Protocol".into(), protocol.into()]);
        card.row(["ATR".into(), self.spaced_atr.clone().into()]);
        for application in &self.applications {
            let label = application
                .label
                .as_deref()
                .map(|label| format!(" ({label})"));
            let text = format!("{}{}", application.aid, label.unwrap_or_default());
            card.row(["Application".into(), text.into()]);
        }
        card.fmt(f)?;

        writeln!(f, "\n{BOLD}PINs{BOLD:#}\n{}", status::table(&self.pins))?;
        writeln!(f, "{BOLD}Keys{BOLD:#}\n{}", key::table(&self.keys))?;
        write!(
            f,
            "{BOLD}Certificates{BOLD:#}\n{}",
            cert::table(&self.certificates)
        )?;
        if !self.problems.is_empty() {
            let mut problems = Table::plain();
            for problem in &self.problems {
                let style = if problem.severity == "error" {
                    ERROR
                } else {
                    WARNING
                };
                let severity = Cell::from(problem.severity).styled(style);
                problems.row([severity, problem.message.clone().into()]);
            }
            write!(f, "\n{BOLD}Problems{BOLD:#}\n{problems}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_are_shown_as_people_write_them() {
        assert_eq!(serial(&[0x97, 0x52, 0x00, 0x4F]), "9752004");
        assert_eq!(serial(b"ABC-1"), "ABC-1");
        assert_eq!(serial(&[0x00, 0xAF]), "00AF");
        assert_eq!(serial(&[]), "");
    }
}
