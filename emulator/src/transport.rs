//! How commands and responses look under T=0 and T=1 (ISO/IEC 7816-3 §12, 7816-4 §5.3).
//!
//! # T=0
//!
//! * An instruction whose data goes *to* the card answers data by `61xx`; GET RESPONSE fetches it.
//! * An instruction that only gives data gives exactly P3 bytes, or `6Cxx` with the right number.
//! * A header alone (P3 = 00, or no P3 at all) is "no data" to the first kind and "256 bytes" to
//!   the second. A header that announces data which does not follow gets `6700`.
//! * There is no extended length.
//!
//! # T=1
//!
//! * Short and extended length fields. A command without Le gets no data, unless the image says
//!   that the card from which it was copied gave some.
//! * More data than Ne, or than fits into 65 535 bytes, is given in parts: `61xx` and GET RESPONSE.
//!
//! Under both, any command but GET RESPONSE drops a response that waits.

use kortlab_apdu::{Command, Protocol, Response, StatusWord, instruction};
use zeroize::Zeroizing;

use crate::os::session::Pending;
use crate::os::{Os, Traffic};
use crate::state::Settings;

/// The most bytes of one answer, status word included.
const MAX_ANSWER: usize = 65_535;

/// Answers the bytes of a command by the rules of the protocol in force.
pub(crate) fn answer(os: &mut Os<'_>, bytes: &[u8]) -> Vec<u8> {
    let state = os.memory.state();
    match state.protocol {
        Protocol::T0 => {
            let settings = state.settings;
            t0(os, bytes, settings)
        }
        Protocol::T1 => t1(os, bytes),
    }
}

/// Answers a T=0 TPDU.
fn t0(os: &mut Os<'_>, bytes: &[u8], settings: Settings) -> Vec<u8> {
    let command = Command::parse_tpdu(bytes).ok().or_else(|| {
        let accepted = settings.accept_chained_block_without_p3;
        accepted.then(|| chained_block_without_p3(bytes)).flatten()
    });
    let Some(command) = command else {
        return malformed(os);
    };
    if is_get_response(&command) {
        return get_response(os, &command);
    }
    os.session.pending = None;
    let instruction = match os.admit(&command) {
        Ok(instruction) => instruction,
        Err(status) => return refused(os, status),
    };
    match instruction.traffic() {
        Traffic::In => {
            if command.data().is_empty() && command.ne().is_some_and(|p3| p3 != 256) {
                // P3 announces data that did not come.
                return refused(os, StatusWord::WRONG_LENGTH);
            }
            match os.run(instruction, &command) {
                Ok(response) if response.data().is_empty() => status(response.status()),
                Ok(response) => {
                    let available = response.data().len();
                    hold(os, response, 0);
                    status(StatusWord::bytes_available(available))
                }
                Err(word) => status(word),
            }
        }
        Traffic::Out => {
            let ne = command.ne().unwrap_or(256);
            let command = command.expecting(ne);
            match os.run(instruction, &command) {
                Ok(response) => exactly(os, response, ne),
                Err(word) => status(word),
            }
        }
    }
}

/// Answers a T=1 command APDU.
fn t1(os: &mut Os<'_>, bytes: &[u8]) -> Vec<u8> {
    let Ok(command) = Command::parse(bytes) else {
        return malformed(os);
    };
    if is_get_response(&command) {
        return get_response(os, &command);
    }
    os.session.pending = None;
    os.session.unasked = false;
    let instruction = match os.admit(&command) {
        Ok(instruction) => instruction,
        Err(status) => return refused(os, status),
    };
    match os.run(instruction, &command) {
        Ok(response) if os.session.unasked => up_to(os, response, command.ne().or(Some(256))),
        Ok(response) => up_to(os, response, command.ne()),
        Err(word) => status(word),
    }
}

/// The first block of a chain as OpenSC sends it under T=0 through a reader that announces long
/// APDUs: CLA INS P1 P2, no P3, 255 data bytes, and one byte that means nothing. Only asked for
/// bytes that are no TPDU otherwise.
fn chained_block_without_p3(bytes: &[u8]) -> Option<Command> {
    let (&[cla, ins, p1, p2], rest) = bytes.split_first_chunk::<4>()?;
    let (data, stray) = rest.split_at_checked(255)?;
    let class = kortlab_apdu::Class::from_byte(cla);
    let fits =
        stray.len() == 1 && class.is_chained() && ins == instruction::PERFORM_SECURITY_OPERATION;
    fits.then(|| Command::new(ins, p1, p2).with_class(class).with_data(data))
}

/// GET RESPONSE (ISO/IEC 7816-4 §11.8.1). `6985`: nothing waits.
fn get_response(os: &mut Os<'_>, command: &Command) -> Vec<u8> {
    if let Err(word) = os.admit_get_response(command) {
        return refused(os, word);
    }
    if os.session.chain.is_some() {
        return refused(os, StatusWord::LAST_OF_CHAIN_EXPECTED);
    }
    let t0 = os.memory.state().protocol == Protocol::T0;
    let Some(pending) = os.session.pending.take() else {
        return status(StatusWord::CONDITIONS_OF_USE);
    };
    let available = pending.rest().len();
    let ne = command.ne().unwrap_or(256);
    let wanted = usize::try_from(ne).unwrap_or(usize::MAX);
    if t0 && wanted > available {
        os.session.pending = Some(pending);
        return status(StatusWord::wrong_le(available));
    }
    let count = wanted.min(available).min(MAX_ANSWER - 2);
    give(os, pending, count)
}

/// Data for an instruction that only gives data, under T=0: exactly Ne bytes.
fn exactly(os: &mut Os<'_>, response: Response, ne: u32) -> Vec<u8> {
    let available = response.data().len();
    let wanted = usize::try_from(ne).unwrap_or(usize::MAX);
    if available == wanted || available == 0 {
        return response.into_bytes();
    }
    if available > 256 && wanted == 256 {
        return up_to(os, response, Some(256));
    }
    status(StatusWord::wrong_le(available))
}

/// Up to Ne bytes of the response; the rest waits.
fn up_to(os: &mut Os<'_>, response: Response, ne: Option<u32>) -> Vec<u8> {
    let Some(ne) = ne else {
        return status(response.status());
    };
    let wanted = usize::try_from(ne)
        .unwrap_or(usize::MAX)
        .min(MAX_ANSWER - 2);
    if response.data().len() <= wanted {
        return response.into_bytes();
    }
    let pending = Pending {
        status: response.status(),
        data: Zeroizing::new(response.into_data()),
        position: 0,
    };
    give(os, pending, wanted)
}

/// Keeps a response for GET RESPONSE.
fn hold(os: &mut Os<'_>, response: Response, position: usize) {
    os.session.pending = Some(Pending {
        status: response.status(),
        data: Zeroizing::new(response.into_data()),
        position,
    });
}

/// Gives `count` bytes of what waits, and keeps the rest.
fn give(os: &mut Os<'_>, mut pending: Pending, count: usize) -> Vec<u8> {
    let rest = pending.rest();
    let part = rest.get(..count).unwrap_or(rest);
    let left = rest.len() - part.len();
    let word = if left == 0 {
        pending.status
    } else {
        StatusWord::bytes_available(left)
    };
    let mut answer = Vec::with_capacity(part.len() + 2);
    answer.extend_from_slice(part);
    answer.extend_from_slice(&word.bytes());
    if left > 0 {
        pending.position += count;
        os.session.pending = Some(pending);
    }
    answer
}

/// The answer to bytes that are no command: a waiting response and a chain are dropped.
fn malformed(os: &mut Os<'_>) -> Vec<u8> {
    os.session.pending = None;
    refused(os, StatusWord::WRONG_LENGTH)
}

/// The answer to a command that did not run: it ends a chain.
fn refused(os: &mut Os<'_>, word: StatusWord) -> Vec<u8> {
    os.session.chain = None;
    status(word)
}

/// Whether a command is GET RESPONSE, which is answered here.
fn is_get_response(command: &Command) -> bool {
    command.ins() == instruction::GET_RESPONSE
}

fn status(word: StatusWord) -> Vec<u8> {
    word.bytes().to_vec()
}
