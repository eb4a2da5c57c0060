//! The commands, one file each, and the table that finds them.
//!
//! A command gets a [`Context`] and a whole command APDU (chains are joined before) and gives a
//! response, or the status word that says why not. It changes persistent state through
//! [`Context::memory`] alone.

mod context;
pub(crate) mod mse;

mod activate_file;
mod append_record;
mod binary;
mod change_reference_data;
mod create_file;
mod deactivate_file;
mod delete_file;
mod erase_binary;
mod erase_record;
mod generate_key;
mod get_challenge;
mod get_data;
mod internal_authenticate;
pub(crate) mod key_file;
mod life_cycle;
mod list_files;
mod pso;
mod put_data;
mod read_binary;
mod read_record;
mod record_target;
mod reset_retry_counter;
mod select;
mod terminate;
mod update_binary;
mod update_record;
mod verify;
mod write_binary;
mod write_record;

use kortlab_apdu::class::ClassKind;
use kortlab_apdu::{Command, Response, StatusWord, instruction};

pub(crate) use context::Context;

/// What a command answers: data and a status word, or only the status word that refuses.
pub(crate) type Answer = Result<Response, StatusWord>;

/// A command's function.
type Execute = fn(&mut Context<'_>, &Command) -> Answer;

/// What the card knows of an instruction before it runs it.
#[derive(Clone, Copy)]
pub(crate) struct Instruction {
    /// Which way its data goes; T=0 has to know (ISO/IEC 7816-3 §12.2).
    pub traffic: Traffic,
    /// Whether it may be split over a chain of commands.
    pub chaining: bool,
    /// The function.
    pub execute: Execute,
}

/// Which way the data of an instruction goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Traffic {
    /// To the card, and possibly back as well: P3 is Lc.
    In,
    /// From the card only: P3 is Le.
    Out,
}

/// Finds an instruction of this class.
///
/// # Errors
/// `6D00`: there is none. `6E00`: the class is not supported.
pub(crate) fn find(command: &Command) -> Result<Instruction, StatusWord> {
    use Traffic::{In, Out};
    use instruction as ins;

    if command.class().kind() == ClassKind::Proprietary {
        return match (command.class().byte(), command.ins()) {
            (0x80, 0xAA) => Ok(entry(Out, false, list_files::execute)),
            (0x80, _) => Err(StatusWord::INS_NOT_SUPPORTED),
            _ => Err(StatusWord::CLASS_NOT_SUPPORTED),
        };
    }
    Ok(match command.ins() {
        ins::DEACTIVATE_FILE => entry(In, false, deactivate_file::execute),
        ins::ERASE_RECORD => entry(In, false, erase_record::execute),
        ins::ERASE_BINARY => entry(In, false, erase_binary::execute),
        ins::VERIFY => entry(In, false, verify::execute),
        ins::MANAGE_SECURITY_ENVIRONMENT => entry(In, false, mse::execute),
        ins::CHANGE_REFERENCE_DATA => entry(In, false, change_reference_data::execute),
        ins::PERFORM_SECURITY_OPERATION => entry(In, true, pso::execute),
        ins::RESET_RETRY_COUNTER => entry(In, false, reset_retry_counter::execute),
        ins::ACTIVATE_FILE => entry(In, false, activate_file::execute),
        ins::GENERATE_ASYMMETRIC_KEY_PAIR => entry(In, true, generate_key::execute),
        ins::MANAGE_CHANNEL => entry(Out, false, manage_channel),
        ins::GET_CHALLENGE => entry(Out, false, get_challenge::execute),
        ins::INTERNAL_AUTHENTICATE => entry(In, true, internal_authenticate::execute),
        ins::SELECT => entry(In, false, select::execute),
        ins::READ_BINARY => entry(Out, false, read_binary::execute),
        ins::READ_RECORD => entry(Out, false, read_record::execute),
        ins::GET_DATA => entry(Out, false, get_data::execute),
        ins::WRITE_BINARY => entry(In, true, write_binary::execute),
        ins::WRITE_RECORD => entry(In, false, write_record::execute),
        ins::UPDATE_BINARY => entry(In, true, update_binary::execute),
        ins::PUT_DATA => entry(In, true, put_data::execute),
        ins::UPDATE_RECORD => entry(In, false, update_record::execute),
        ins::CREATE_FILE => entry(In, true, create_file::execute),
        ins::APPEND_RECORD => entry(In, false, append_record::execute),
        ins::DELETE_FILE => entry(In, false, delete_file::execute),
        ins::TERMINATE_DF => entry(In, false, terminate::df),
        ins::TERMINATE_EF => entry(In, false, terminate::ef),
        ins::TERMINATE_CARD_USAGE => entry(In, false, terminate::card_usage),
        _ => return Err(StatusWord::INS_NOT_SUPPORTED),
    })
}

const fn entry(traffic: Traffic, chaining: bool, execute: Execute) -> Instruction {
    Instruction {
        traffic,
        chaining,
        execute,
    }
}

/// MANAGE CHANNEL (ISO/IEC 7816-4 §11.1.2): this card has the basic channel alone.
fn manage_channel(_: &mut Context<'_>, _: &Command) -> Answer {
    Err(StatusWord::CHANNEL_NOT_SUPPORTED)
}

/// The answer of a command that gives no data.
pub(crate) const fn done() -> Answer {
    Ok(Response::status_only(StatusWord::SUCCESS))
}
