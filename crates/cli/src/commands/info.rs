//! `kortlab info`: the card at a glance.

mod other;

use std::fmt;

use clap::Args;
use kortlab_apdu::{Channel, Protocol};
use kortlab_card::{Against, ErrorKind, Problem, Token};
use kortlab_explain::card::{
    CertificateEntry, KeyEntry, PinEntry, PublicKeyWords, TokenWords, UriEntry, serial, uris,
};
use serde::Serialize;

use super::cert::{self, RevocationLists};
use super::pin::status;
use super::problem::{self, Shown};
use super::{Context, key, recover, session};
use crate::failure::{Exit, Failure};
use crate::output::{BOLD, Cell, Hex, SpacedHex, Table};

/// Show the card, its applications, PINs, keys and certificates at a glance
///
/// Exits 6 if something is wrong with the card's files, an error or a warning; each problem says
/// what to do about it. A certificate that has expired or is revoked is no such problem, and whether
/// the files of the keys are there and in use is not looked at: see `cert check`.
///
/// Of a card without PKCS#15 it shows what the card is, as far as it tells: its answer to reset,
/// its master file, and to which applications it answers. That exits 6, too, since what such a card
/// holds is not looked at.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab info
  kortlab -c card.json info
  kortlab -c card.json info --uris
  kortlab -c card.json info --json")]
pub struct Arguments {
    /// Show the PKCS#11 URIs (RFC 7512) of keys and certificates, too, as p11tool spells them with
    /// OpenSC's module
    #[arg(long)]
    uris: bool,
}

/// Reads and shows it.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let (session, mut journal) = session::begin_with_journal(context)?;
    let mut card = match session.open_token(context.budget) {
        Ok(Token::Pkcs15(card)) => *card,
        Err(none) if none.error().kind() == ErrorKind::NotPkcs15 => {
            let why = none.error().clone();
            return other::run(context, none.into_session(), &why);
        }
        Err(none) => return Err(none.into_error().into()),
    };
    let waiting = recover::waiting(&mut card, &mut journal)?;
    let lists = RevocationLists::none();
    let (pins, unknown) = status::read(&mut card)?;
    let checked = card.survey(lists.time(), &Against::default())?.certificates;
    let certificates: Vec<_> = checked.iter().map(CertificateEntry::new).collect();
    let unusable = card.unusable_keys()?;
    let misplaced = card.misplaced_keys(&checked);
    let contents = card.contents();
    let token = contents.token_info.as_ref();
    // What time or an issuer brings is a certificate's state, which its row shows; what is left
    // is damage to the card.
    let damaged = checked.iter().flat_map(|checked| {
        let damage = checked
            .problems
            .iter()
            .filter(|problem| !problem.is_state());
        damage.map(|problem| problem.to_problem(&checked.slot))
    });
    let problems: Vec<_> = contents
        .problems
        .iter()
        .chain(&unknown)
        .chain(&waiting)
        .chain(&unusable)
        .chain(&misplaced)
        .cloned()
        .chain(damaged)
        .collect();
    let exit = match problem::count(&problems) {
        0 => Exit::Done,
        _ => Exit::Findings,
    };
    let applications = contents.dir.iter().flat_map(|dir| dir.objects());
    let keys: Vec<_> = card.keys().iter().map(KeyEntry::from).collect();
    let public_keys = contents.public_keys.iter();
    let public_keys = public_keys.flat_map(|file| file.directory.objects());
    let public_keys: Vec<_> = public_keys.map(PublicKeyWords::from).collect();
    let words = TokenWords {
        label: contents.label(),
        manufacturer: token.and_then(|token| token.manufacturer_id.as_deref()),
        serial: card.serial_number(),
    };
    let info = Info {
        uris: uris(words, &pins, &keys, &public_keys, &certificates),
        shows_uris: arguments.uris,
        token: "pkcs15",
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
        keys,
        problems,
        pins,
        certificates,
        protocol: "",
        spaced_atr: SpacedHex(&card.identity().atr).to_string(),
    };
    let protocol = protocol(card.channel_mut());
    context.output.report(&Info { protocol, ..info })?;
    Ok(exit)
}

/// `t0` or `t1`.
fn protocol(channel: &impl Channel) -> &'static str {
    match channel.protocol() {
        Protocol::T0 => "t0",
        Protocol::T1 => "t1",
    }
}

/// The JSON document.
#[derive(Serialize)]
struct Info {
    /// What the card holds: `pkcs15`.
    token: &'static str,
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
    uris: Vec<UriEntry>,
    #[serde(skip)]
    shows_uris: bool,
    /// What is wrong with the card's files.
    problems: Vec<Problem>,
    #[serde(skip)]
    spaced_atr: String,
}

#[derive(Serialize)]
struct ApplicationEntry {
    aid: String,
    label: Option<String>,
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

        writeln!(f, "\n{BOLD}PINs{BOLD:#}")?;
        status::table(&self.pins).fmt(f)?;
        for note in status::notes(&self.pins) {
            writeln!(f, "{note}")?;
        }
        writeln!(f)?;
        writeln!(f, "{BOLD}Keys{BOLD:#}")?;
        key::table(&self.keys).fmt(f)?;
        for note in key::notes(&self.keys) {
            writeln!(f, "{note}")?;
        }
        writeln!(f)?;
        writeln!(f, "{BOLD}Certificates{BOLD:#}")?;
        cert::table(&self.certificates).fmt(f)?;
        if self.shows_uris {
            writeln!(f, "\n{BOLD}PKCS#11 URIs{BOLD:#}")?;
            for entry in &self.uris {
                // In one piece, to be copied.
                writeln!(f, "{}", entry.uri)?;
            }
        }
        if !self.problems.is_empty() {
            writeln!(f, "\n{BOLD}Problems{BOLD:#}")?;
            problem::folded(self.problems.iter().map(Shown::new)).fmt(f)?;
        }
        Ok(())
    }
}
