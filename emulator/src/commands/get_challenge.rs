//! GET CHALLENGE (ISO/IEC 7816-4 §11.5.3).

use kortlab_apdu::{Command, Response, StatusWord};

use super::expect::{expect_no_data, expect_p1_p2};
use crate::os::{Answer, Context};

/// Gives Ne random bytes, at most [`MAX_LENGTH`]. `6700`: no Le.
pub(crate) fn execute(context: &mut Context<'_>, command: &Command) -> Answer {
    expect_p1_p2(command, 0)?;
    expect_no_data(command)?;
    let ne = command.ne().ok_or(StatusWord::WRONG_LENGTH)?;
    let length = usize::try_from(ne).unwrap_or(MAX_LENGTH).min(MAX_LENGTH);
    let mut bytes = vec![0; length];
    context.rng.fill(&mut bytes);
    Ok(Response::success(bytes))
}

/// The most random bytes in one answer.
const MAX_LENGTH: usize = 256;
