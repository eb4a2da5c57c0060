//! One cut, the card pushed in again, and the recovery.

use kortlab_card::{
    Card, CardError, ErrorKind, Fit, IfChanged, Journal as _, MemoryJournal, PinRole, Transaction,
    Way,
};
use kortlab_emulator::{InProcess, VirtualCard};

use crate::check::{self, Tries};
use crate::listing::Listing;
use crate::point::{Case, Host, Point};
use crate::recording::{Recording, right_pin};
use crate::violation::Violation;

/// P2 of VERIFY for the PIN that recovery verifies.
pub const AUTHENTICATION_PIN: u8 = 0x81;

/// What came of one cut.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Which way recovery went; `None` if there was nothing to recover.
    pub way: Option<Way>,
    /// Whether a directory could not be read cleanly before recovery; known where the host crashed.
    pub torn: bool,
    /// What must not be.
    pub violations: Vec<Violation>,
}

/// A card right after a cut, not pushed in again yet.
#[derive(Clone)]
pub struct Torn<'a> {
    /// The card.
    pub card: VirtualCard,
    /// Whether it is out of the reader.
    pub out: bool,
    /// What the journal holds on disk.
    pub journal: MemoryJournal,
    /// The card as the session knows it.
    pub known: &'a VirtualCard,
    /// The certificates that may be there after recovery.
    pub allowed: Vec<&'a Listing>,
    /// The most tries that there may be.
    pub tries: Tries,
}

/// Tears the card at one point, recovers, and checks.
pub fn run(recording: &Recording, case: Case) -> Verdict {
    let (point, host) = case;
    let torn = match tear(recording, point) {
        Ok(torn) => torn,
        Err(violation) => return Verdict::of(violation),
    };
    let mut card = insert(torn.card.clone(), torn.out);
    let mut journal = torn.journal.clone();
    let mut verdict = Verdict {
        violations: torn.tries.gained(card.card()),
        ..Verdict::default()
    };
    let recovered = recover(&mut card, &mut journal, host, torn.known);
    finish(
        recording,
        &torn,
        &mut card,
        &journal,
        recovered,
        &mut verdict,
    );
    verdict
}

/// Lets one point happen.
///
/// # Errors
/// The command goes another way than it was recorded.
pub fn tear(recording: &Recording, point: Point) -> Result<Torn<'_>, Violation> {
    let nothing = Violation::NotReproduced("there is no such point");
    let (Point::BeforeCommand { step: index }
    | Point::AfterBytes { step: index, .. }
    | Point::BeforeAnswer { step: index }
    | Point::Crash { step: index }) = point
    else {
        return in_journal(recording, point).ok_or(nothing);
    };
    let step = recording.steps.get(index).ok_or_else(|| nothing.clone())?;
    let boundary = recording.boundaries.get(step.boundary).ok_or(nothing)?;
    let mut card = step.card.clone();
    if let Some(cut) = point.cut() {
        card.schedule_power_cut(cut);
        if card.try_transmit(&step.command).is_ok() {
            return Err(Violation::NotReproduced("the power was not cut"));
        }
    }
    let after = Tries::of(recording.card_after(index));
    Ok(Torn {
        card,
        out: point.pulls_the_card(),
        journal: step.journal.clone(),
        known: &boundary.card,
        allowed: recording.allowed(step),
        tries: Tries::of(&step.card).or(&after),
    })
}

fn in_journal(recording: &Recording, point: Point) -> Option<Torn<'_>> {
    let Point::Journal { operation, durable } = point else {
        return None;
    };
    let operation = recording.operations.get(operation)?;
    let step = recording.steps.get(operation.at);
    let card = step.map_or(&recording.end, |step| &step.card);
    let boundary = recording.boundaries.get(operation.boundary)?;
    let journal = if durable {
        &operation.after
    } else {
        &operation.before
    };
    Some(Torn {
        card: card.clone(),
        out: false,
        journal: journal.clone(),
        known: &boundary.card,
        allowed: vec![&boundary.listing],
        tries: Tries::of(card),
    })
}

/// The card in a reader; one that is out is pushed in, as often as its own recovery is cut.
pub fn insert(card: VirtualCard, out: bool) -> InProcess {
    let mut inserted = InProcess::ephemeral(VirtualCard::clone(&card));
    *inserted.card_mut() = card;
    if out {
        inserted.reinsert();
    }
    while inserted.is_out() {
        inserted.reinsert();
    }
    inserted
}

/// What a recovery made.
pub struct Recovered {
    /// Which way it went.
    pub way: Option<Way>,
    /// Whether a directory could not be read cleanly before.
    pub torn: bool,
    /// What it left undone.
    pub warnings: Vec<String>,
}

/// Recovers as a program does that goes on, or as one that begins anew.
///
/// # Errors
/// The card was pulled out again, or refuses.
pub fn recover(
    card: &mut InProcess,
    journal: &mut MemoryJournal,
    host: Host,
    known: &VirtualCard,
) -> Result<Recovered, CardError> {
    let pin = right_pin(PinRole::Authentication)?;
    let mut before = InProcess::ephemeral(known.clone());
    let mut session = match host {
        Host::GoesOn => {
            let mut session = Card::open(&mut before)?;
            *session.channel_mut() = card;
            session
        }
        Host::Crashes => Card::open(card)?,
    };
    let torn = host == Host::Crashes && !session.contents().problems.is_empty();
    if host == Host::Crashes && !journal.is_empty() {
        *journal = through_the_disk(journal)?;
    }
    let recovery = session.recover(journal, &pin, IfChanged::LeaveIt)?;
    Ok(Recovered {
        way: recovery.as_ref().map(|recovery| recovery.way),
        torn,
        warnings: recovery
            .map(|recovery| recovery.warnings)
            .unwrap_or_default(),
    })
}

/// A journal that was read from its files again.
fn through_the_disk(journal: &MemoryJournal) -> Result<MemoryJournal, CardError> {
    let failed = |error: String| CardError::new(ErrorKind::Journal, error);
    let mut again = match journal.is_shared() {
        true => MemoryJournal::shared(),
        false => MemoryJournal::new(),
    };
    for transaction in journal.transactions() {
        let json = transaction.to_json().map_err(failed)?;
        let read = Transaction::from_json(&json).map_err(failed)?;
        again
            .begin(&read)
            .map_err(|error| failed(error.to_string()))?;
    }
    Ok(again)
}

/// Takes down what a recovery did, and checks the card.
pub fn finish(
    recording: &Recording,
    torn: &Torn<'_>,
    card: &mut InProcess,
    journal: &MemoryJournal,
    recovered: Result<Recovered, CardError>,
    verdict: &mut Verdict,
) {
    let violations = &mut verdict.violations;
    match recovered {
        Ok(recovered) => {
            verdict.way = recovered.way;
            verdict.torn = recovered.torn;
            violations.extend(recovered.warnings.into_iter().map(Violation::LeftUndone));
        }
        Err(error) => violations.push(Violation::NotRecovered(error.to_string())),
    }
    match waits(card, journal) {
        Ok(false) => {}
        Ok(true) => violations.push(Violation::StillPending),
        Err(error) => violations.push(Violation::NotOpened(error.to_string())),
    }
    let tries = torn.tries.clone();
    let tries = match verdict.way {
        Some(_) => tries.verified(AUTHENTICATION_PIN, card.card()),
        None => tries,
    };
    violations.extend(check::recovered(recording, card, &torn.allowed, &tries));
}

/// Whether something in the journal still is to be recovered on this card. What a journal that
/// cards share has about a card on which nothing has begun, or all is done, may be about another.
fn waits(card: &mut InProcess, journal: &MemoryJournal) -> Result<bool, CardError> {
    if !journal.is_shared() {
        return Ok(!journal.is_empty());
    }
    let mut session = Card::open(card)?;
    let notes = session.notes(&mut journal.clone())?;
    Ok(notes
        .iter()
        .any(|(_, fit)| matches!(fit, Fit::Begun | Fit::Changed)))
}

impl Verdict {
    fn of(violation: Violation) -> Self {
        Self {
            violations: vec![violation],
            ..Self::default()
        }
    }
}
