//! Which record a record command means (ISO/IEC 7816-4 §11.4.2): P1 is a record number or
//! identifier, P2 an SFI and a mode.

use kortlab_apdu::{Command, StatusWord};

use crate::fs::{Body, FileId, Records};
use crate::os::Context;
use crate::security::Operation;

/// The current EF, or the one whose SFI is in P2, as an EF of records.
///
/// # Errors
/// `6A82`, `6986`: no such EF. `6981`: no records in it. `6985`, `6982`: not usable, not allowed.
pub(super) fn ef(
    context: &mut Context<'_>,
    command: &Command,
    operation: Operation,
) -> Result<FileId, StatusWord> {
    let id = match command.p2() >> 3 {
        0 => context.current_ef()?,
        31 => return Err(StatusWord::INCORRECT_P1_P2),
        sfi => context.by_sfi(sfi)?,
    };
    records(context, id)?;
    context.authorise(id, operation)?;
    context.make_current(id);
    Ok(id)
}

/// The records of an EF.
///
/// # Errors
/// `6981`: it has none.
pub(super) fn records<'a>(context: &'a Context<'_>, id: FileId) -> Result<&'a Records, StatusWord> {
    match &context.file(id)?.body {
        Body::Records(records) => Ok(records),
        _ => Err(StatusWord::INCOMPATIBLE_FILE),
    }
}

/// The mode in the three low bits of P2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// 0: the first occurrence of the identifier in P1; of any record if P1 is 00.
    First,
    /// 1: the last one.
    Last,
    /// 2: the next one after the current record.
    Next,
    /// 3: the previous one.
    Previous,
    /// 4: the record with the number in P1; the current record if P1 is 00.
    Number,
    /// 5: from the record with the number in P1 to the last.
    ToLast,
    /// 6: from the last record to the one with the number in P1.
    FromLast,
}

impl Mode {
    /// The mode in P2.
    ///
    /// # Errors
    /// `6A86`: 7 is reserved.
    pub(super) fn of(command: &Command) -> Result<Self, StatusWord> {
        Ok(match command.p2() & 0x07 {
            0 => Self::First,
            1 => Self::Last,
            2 => Self::Next,
            3 => Self::Previous,
            4 => Self::Number,
            5 => Self::ToLast,
            6 => Self::FromLast,
            _ => return Err(StatusWord::INCORRECT_P1_P2),
        })
    }

    /// Whether P1 is a record number rather than an identifier.
    const fn is_by_number(self) -> bool {
        matches!(self, Self::Number | Self::ToLast | Self::FromLast)
    }
}

/// The index of the record that P1 and one of the first five modes mean. `identifiers` says
/// whether P1 may be a record identifier in the first four; the writing commands demand 00 there.
///
/// # Errors
/// `6A83`: there is no such record. `6A86`: an identifier where none may be, or P1 = FF.
pub(super) fn index(
    context: &Context<'_>,
    id: FileId,
    p1: u8,
    mode: Mode,
    identifiers: bool,
) -> Result<usize, StatusWord> {
    let records = records(context, id)?;
    let current = context.session.selection.record;
    if p1 == 0xFF || (p1 != 0 && !identifiers && !mode.is_by_number()) {
        return Err(StatusWord::INCORRECT_P1_P2);
    }
    let matches = |&index: &usize| p1 == 0 || records.identifier(index) == Some(p1);
    let all = 0..records.len();
    let found = match mode {
        Mode::Number | Mode::ToLast | Mode::FromLast if p1 == 0 => current,
        Mode::Number | Mode::ToLast | Mode::FromLast => Some(usize::from(p1) - 1),
        Mode::First => all.clone().find(matches),
        Mode::Last => all.clone().rev().find(matches),
        // Without a current record, next means first and previous means last.
        Mode::Next => (current.map_or(0, |current| current + 1)..records.len()).find(matches),
        Mode::Previous => (0..current.unwrap_or(records.len()).min(records.len()))
            .rev()
            .find(matches),
    };
    found
        .filter(|index| all.contains(index))
        .ok_or(StatusWord::RECORD_NOT_FOUND)
}

/// Notes the current record. Addressing by number does not move it (ISO/IEC 7816-4 §7.3.3).
pub(super) fn remember(context: &mut Context<'_>, mode: Mode, index: usize) {
    if matches!(mode, Mode::First | Mode::Last | Mode::Next | Mode::Previous) {
        context.session.selection.record = Some(index);
    }
}
