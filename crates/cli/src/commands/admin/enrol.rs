//! `kortlab admin enrol`.

use std::fmt;

use clap::{Args, ValueEnum};
use kortlab_card::{Card, Change, Id, Journal, NewCertificate, PinRole};
use kortlab_issuer::card_number::CardNumber;
use kortlab_portal::admin::CARDS;
use kortlab_portal::admin::wire::{EnrolledCard, EnrolledState, NewCard, Pair};
use kortlab_portal_api::Binary;
use serde::Serialize;

use super::client::Client;
use crate::channel::AnyChannel;
use crate::commands::{Context, recover, session};
use crate::failure::{Exit, Failure};
use crate::output::{BOLD, Table, busy, printable, warn};

/// Enrol a card that has keys and no certificates, and write its certificates on it
///
/// The card's two public keys and its number are sent to the portal, which issues the carrier's
/// certificates and, if the state has them, HCCs; all are written on the card in one change. An
/// invented person is the holder. If the card is pulled out meanwhile, `kortlab recover` completes
/// the change or undoes it.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab card new -o card.json --state blank-slots
  kortlab -c card.json admin enrol --state expired
  kortlab card new -o anna.json --state blank-slots
  kortlab -c anna.json admin enrol --data portal --state valid --auth-pin env:PIN")]
pub struct Arguments {
    /// What is to be on the card
    #[arg(long, value_enum, default_value_t = State::Delivered)]
    state: State,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum State {
    /// The carrier's certificates only
    Delivered,
    /// HCCs too, all valid
    Valid,
    /// HCCs too, which have expired: the guide's starting point
    Expired,
    /// HCCs too, which are revoked
    Revoked,
}

impl From<State> for EnrolledState {
    fn from(state: State) -> Self {
        match state {
            State::Delivered => Self::Delivered,
            State::Valid => Self::Valid,
            State::Expired => Self::Expired,
            State::Revoked => Self::Revoked,
        }
    }
}

/// Enrols the card.
pub fn run(context: &mut Context, portal: &Client, arguments: Arguments) -> Result<Exit, Failure> {
    let (mut card, mut journal) = session::open_with_journal(context)?;
    recover::first(context, &mut card, &mut journal)?;
    if !card.slots()?.is_empty() {
        return Err(Failure::failed("the card has certificates already")
            .hint("enrol one without: `kortlab card new --state blank-slots`"));
    }
    let keys = Keys::of(&mut card)?;
    let new = NewCard {
        holder: None,
        card_number: Some(number(&card)?.to_string()),
        authentication_key: keys.authentication.1.clone(),
        signature_key: keys.signature.1.clone(),
        state: arguments.state.into(),
    };
    // The PIN comes first: a card that is enrolled and cannot be written to would be of no use.
    let enrolled = busy("enrolling the card", || {
        session::with_pin(context, &mut card, PinRole::Authentication, |card| {
            Ok(enrol(portal, &new, card, &keys, &mut journal))
        })
    })??;
    context.output.report(&Enrolled {
        card_number: enrolled.card_number,
        holder: format!("{} {}", enrolled.holder.given_name, enrolled.holder.surname),
        hsa_id: enrolled.holder.hsa_id,
        state: enrolled.state.name(),
        certificates: if enrolled.hcc.is_some() { 4 } else { 2 },
    })?;
    Ok(Exit::Done)
}

fn enrol(
    portal: &Client,
    new: &NewCard,
    card: &mut Card<AnyChannel>,
    keys: &Keys,
    journal: &mut dyn Journal,
) -> Result<EnrolledCard, Failure> {
    let enrolled: EnrolledCard = portal.post(CARDS, new)?;
    // Without a time: certificates that have expired are what some states are about.
    let mut change = keys.write(Change::new(), &enrolled.carrier, "Telia");
    if let Some(hcc) = &enrolled.hcc {
        change = keys.write(change, hcc, "HCC");
    }
    let written = card.change(&change, journal).map_err(|error| {
        let failure = Failure::from(kortlab_renewal::card::refused(error));
        match failure.next_step() {
            Some(_) => failure,
            None => failure.hint("the card is enrolled at the portal, without its certificates"),
        }
    })?;
    for warning in &written.warnings {
        warn(warning);
    }
    Ok(enrolled)
}

/// The card's two keys: identifier, and SubjectPublicKeyInfo.
struct Keys {
    authentication: (Id, Binary),
    signature: (Id, Binary),
}

impl Keys {
    fn of(card: &mut Card<AnyChannel>) -> Result<Self, Failure> {
        let mut key = |role: PinRole| {
            let id = card.key_for(role)?.id;
            let key = card.public_key(&id)?.ok_or_else(|| {
                Failure::failed(format!("the card does not tell its public key for {role}"))
            })?;
            Ok::<_, Failure>((id, Binary::from(key.to_spki_der())))
        };
        Ok(Self {
            authentication: key(PinRole::Authentication)?,
            signature: key(PinRole::Signature)?,
        })
    }

    /// The change that also writes this pair.
    fn write(&self, change: Change, pair: &Pair, issuer: &str) -> Change {
        let new = |der: &Binary, id: &Id, purpose: &str| {
            NewCertificate::new(
                der.as_bytes().to_vec(),
                id.clone(),
                format!("{issuer} {purpose}"),
            )
        };
        change
            .write(new(
                &pair.authentication,
                &self.authentication.0,
                "Legitimering",
            ))
            .write(new(&pair.signature, &self.signature.0, "Underskrift"))
    }
}

/// The card's number is its serial number.
fn number(card: &Card<AnyChannel>) -> Result<CardNumber, Failure> {
    let serial = card
        .serial_number()
        .map(kortlab_explain::card::serial)
        .unwrap_or_default();
    serial.parse().map_err(|error| {
        Failure::failed(format!(
            "the card's serial number {serial:?} is no card number: {error}"
        ))
    })
}

/// The JSON document.
#[derive(Serialize)]
struct Enrolled {
    card_number: String,
    holder: String,
    hsa_id: String,
    /// `delivered`, `valid`, `expired` or `revoked`.
    state: &'static str,
    /// How many were written.
    certificates: usize,
}

impl fmt::Display for Enrolled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{BOLD}enrolled{BOLD:#}")?;
        let mut table = Table::plain().indented(2);
        table.row(["Card number".into(), self.card_number.clone().into()]);
        let holder = format!("{} (invented)", printable(&self.holder));
        table.row(["Holder".into(), holder.into()]);
        table.row(["HSA-id".into(), self.hsa_id.clone().into()]);
        table.row(["State".into(), self.state.into()]);
        let written = format!("{} written", self.certificates);
        table.row(["Certificates".into(), written.into()]);
        table.fmt(f)
    }
}
