//! The commands, one file each.
//!
//! A command gets a [`Context`](crate::os::Context) and a whole command APDU (chains are joined
//! before) and gives a response, or the status word that says why not. It changes persistent state
//! through the context's memory alone. Which application has which of them is said in
//! [`crate::applications`].

pub(crate) mod activate_file;
pub(crate) mod append_record;
mod binary;
pub(crate) mod change_reference_data;
pub(crate) mod create_file;
pub(crate) mod deactivate_file;
pub(crate) mod delete_file;
pub(crate) mod erase_binary;
pub(crate) mod erase_record;
pub(crate) mod expect;
pub(crate) mod get_challenge;
pub(crate) mod get_data;
pub(crate) mod get_data_of_df;
pub(crate) mod internal_authenticate;
mod key_file;
mod life_cycle;
pub(crate) mod manage_channel;
pub(crate) mod mse;
mod pins;
pub(crate) mod pso;
pub(crate) mod put_data;
pub(crate) mod read_binary;
pub(crate) mod read_record;
mod record_target;
pub(crate) mod reset_retry_counter;
pub(crate) mod select;
pub(crate) mod terminate;
pub(crate) mod update_binary;
pub(crate) mod update_record;
pub(crate) mod verify;
pub(crate) mod write_binary;
pub(crate) mod write_record;

use kortlab_apdu::{Response, StatusWord};

use crate::os::Answer;

/// The answer of a command that gives no data.
pub(crate) const fn done() -> Answer {
    Ok(Response::status_only(StatusWord::SUCCESS))
}
