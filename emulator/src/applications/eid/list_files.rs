//! LIST FILES: `80 AA 00 00`, a command of the EID applet that is in no standard.

use kortlab_apdu::{Command, Response, StatusWord};

use crate::commands::expect::{expect_no_data, expect_p1_p2};
use crate::os::{Answer, Context};

/// Gives the file identifiers in the current DF, two bytes each, in the order in which the files
/// were made. `6700`: no Le.
pub(super) fn execute(context: &mut Context<'_>, command: &Command) -> Answer {
    expect_p1_p2(command, 0)?;
    expect_no_data(command)?;
    if command.ne().is_none() {
        return Err(StatusWord::WRONG_LENGTH);
    }
    let files = context.files();
    let children = files.children(context.session.selection.df).iter();
    let fids: Vec<u8> = children
        .filter_map(|&id| files.get(id))
        .flat_map(|file| file.fid.bytes())
        .collect();
    Ok(Response::success(fids))
}
