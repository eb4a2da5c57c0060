//! TERMINATE DF, TERMINATE EF and TERMINATE CARD USAGE (ISO/IEC 7816-9 §5.5 to §5.7).
//!
//! Termination is for ever, so it takes an access condition that names it: a file without tag 86
//! cannot be terminated.

use kortlab_apdu::{Command, StatusWord};

use super::expect::{expect_no_data, expect_p1_p2};
use super::{done, life_cycle};
use crate::fs::{FileId, FileSystem, LifeCycle};
use crate::memory::Write;
use crate::os::{Answer, Context};
use crate::security::Operation;

/// TERMINATE EF. `6981`: the file is a DF.
pub(crate) fn ef(context: &mut Context<'_>, command: &Command) -> Answer {
    let file = life_cycle::target(context, command)?;
    if context.file(file)?.is_df() {
        return Err(StatusWord::INCOMPATIBLE_FILE);
    }
    terminate(context, file)
}

/// TERMINATE DF: the DF that the command names, or the current DF even when an EF is selected.
/// `6981`: the file is an EF. `6985`: it is the MF; that is what TERMINATE CARD USAGE is for.
pub(crate) fn df(context: &mut Context<'_>, command: &Command) -> Answer {
    let file = if life_cycle::names_current(command) {
        context.session.selection.df
    } else {
        life_cycle::target(context, command)?
    };
    if !context.file(file)?.is_df() {
        return Err(StatusWord::INCOMPATIBLE_FILE);
    }
    if context.files().parent(file).is_none() {
        return Err(StatusWord::CONDITIONS_OF_USE);
    }
    terminate(context, file)
}

/// TERMINATE CARD USAGE: takes the condition "terminate" of the MF. Afterwards every command is
/// answered `6985`.
pub(crate) fn card_usage(context: &mut Context<'_>, command: &Command) -> Answer {
    expect_p1_p2(command, 0)?;
    expect_no_data(command)?;
    context.authorise_status(FileSystem::MASTER_FILE, Operation::Terminate)?;
    let status = LifeCycle::Terminated;
    context.memory.apply(Write::CardLifeCycle { status })?;
    done()
}

fn terminate(context: &mut Context<'_>, file: FileId) -> Answer {
    context.authorise_status(file, Operation::Terminate)?;
    if context.file(file)?.life_cycle != LifeCycle::Terminated {
        let status = LifeCycle::Terminated;
        context
            .memory
            .apply(Write::FileLifeCycle { file, status })?;
    }
    done()
}
