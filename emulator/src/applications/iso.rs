//! The application that everybody starts from: the instructions of ISO/IEC 7816-4, -8 and -9, in
//! tables of which another application takes what it wants.

use kortlab_apdu::instruction as ins;

use super::{Application, Instruction, Traffic};
use crate::commands::{
    activate_file, append_record, change_reference_data, create_file, deactivate_file, delete_file,
    erase_binary, erase_record, get_challenge, get_data, get_data_of_df, internal_authenticate,
    manage_channel, mse, pso, put_data, read_binary, read_record, reset_retry_counter, select,
    terminate, update_binary, update_record, verify, write_binary, write_record,
};
use Traffic::{In, Out};

/// A card without an application of its own: files, PINs and keys. It has no coding of access
/// conditions and no numbers for algorithms, since the standard leaves both open.
#[derive(Clone, Copy, Debug)]
pub struct Iso;

/// The application.
pub const APPLICATION: Iso = Iso;

impl Application for Iso {
    fn name(&self) -> &'static str {
        "iso"
    }

    fn instructions(&self) -> &'static [&'static [Instruction]] {
        ALL
    }

    /// Any: cards have PINs with the references 00 and 80, as PIV (NIST SP 800-73-4, part 2, table
    /// 2).
    fn has_pin_reference(&self, _: u8) -> bool {
        true
    }
}

/// Every table.
pub const ALL: &[&[Instruction]] = &[SELECTION, READING, PINS, KEYS, WRITING, MANAGEMENT];

/// Finding one's way.
pub const SELECTION: &[Instruction] = &[
    Instruction::interindustry(ins::SELECT, In, select::execute),
    Instruction::interindustry(ins::MANAGE_CHANNEL, Out, manage_channel::execute),
    Instruction::interindustry(ins::GET_CHALLENGE, Out, get_challenge::execute),
];

/// Reading files and data objects.
pub const READING: &[Instruction] = &[
    Instruction::interindustry(ins::READ_BINARY, Out, read_binary::execute),
    Instruction::interindustry(ins::READ_RECORD, Out, read_record::execute),
    Instruction::interindustry(ins::GET_DATA, Out, get_data::execute),
    Instruction::interindustry(ins::GET_DATA_ODD, In, get_data_of_df::execute),
];

/// Changing files and data objects.
pub const WRITING: &[Instruction] = &[
    Instruction::interindustry(ins::ERASE_RECORD, In, erase_record::execute),
    Instruction::interindustry(ins::ERASE_BINARY, In, erase_binary::execute),
    Instruction::interindustry(ins::WRITE_BINARY, In, write_binary::execute).chained(),
    Instruction::interindustry(ins::WRITE_RECORD, In, write_record::execute),
    Instruction::interindustry(ins::UPDATE_BINARY, In, update_binary::execute).chained(),
    Instruction::interindustry(ins::PUT_DATA, In, put_data::execute).chained(),
    Instruction::interindustry(ins::UPDATE_RECORD, In, update_record::execute),
    Instruction::interindustry(ins::APPEND_RECORD, In, append_record::execute),
];

/// Verifying, changing and unblocking PINs.
pub const PINS: &[Instruction] = &[
    Instruction::interindustry(ins::VERIFY, In, verify::execute),
    Instruction::interindustry(
        ins::CHANGE_REFERENCE_DATA,
        In,
        change_reference_data::execute,
    ),
    Instruction::interindustry(ins::RESET_RETRY_COUNTER, In, reset_retry_counter::execute),
];

/// Using keys.
pub const KEYS: &[Instruction] = &[
    Instruction::interindustry(ins::MANAGE_SECURITY_ENVIRONMENT, In, mse::execute),
    Instruction::interindustry(ins::PERFORM_SECURITY_OPERATION, In, pso::execute).chained(),
    Instruction::interindustry(
        ins::INTERNAL_AUTHENTICATE,
        In,
        internal_authenticate::execute,
    )
    .chained(),
];

/// Making and removing files, and their life cycle.
pub const MANAGEMENT: &[Instruction] = &[
    Instruction::interindustry(ins::DEACTIVATE_FILE, In, deactivate_file::execute),
    Instruction::interindustry(ins::ACTIVATE_FILE, In, activate_file::execute),
    Instruction::interindustry(ins::CREATE_FILE, In, create_file::execute).chained(),
    Instruction::interindustry(ins::DELETE_FILE, In, delete_file::execute),
    Instruction::interindustry(ins::TERMINATE_DF, In, terminate::df),
    Instruction::interindustry(ins::TERMINATE_EF, In, terminate::ef),
    Instruction::interindustry(ins::TERMINATE_CARD_USAGE, In, terminate::card_usage),
];
