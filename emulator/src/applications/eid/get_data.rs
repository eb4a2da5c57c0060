//! GET DATA as the EID applet has it: `0101` gives the public key of the selected key file.

use kortlab_apdu::{Command, Response, StatusWord};

use crate::commands::{expect::expect_no_data, get_data};
use crate::fs::Body;
use crate::os::{Answer, Context};
use crate::security::Operation;

/// The tag of the public key.
const PUBLIC_KEY: u16 = 0x0101;

/// As in ISO/IEC 7816-4; `0101` with a key file selected gives the modulus: its length in bits (two
/// bytes), then its bytes; of the copy of a key file, whose key stayed in the card, what that card
/// gave. `6A88`: no key in the file. `6982`: its access conditions are not satisfied.
pub(super) fn execute(context: &mut Context<'_>, command: &Command) -> Answer {
    if command.p1_p2() == PUBLIC_KEY {
        expect_no_data(command)?;
        if command.ne().is_none() {
            return Err(StatusWord::WRONG_LENGTH);
        }
        if let Some(answer) = public_key(context) {
            return answer;
        }
    }
    get_data::execute(context, command)
}

/// The answer if the current EF is a key file.
fn public_key(context: &Context<'_>) -> Option<Answer> {
    let id = context.session.selection.ef?;
    let file = context.file(id).ok()?;
    let Body::Key { key, .. } = &file.body else {
        return None;
    };
    let recorded = file.recorded.as_deref();
    let recorded = recorded.and_then(|recorded| recorded.public_key.as_ref());
    Some(context.authorise(id, Operation::Read).and_then(|()| {
        let key = match (key.as_deref(), recorded) {
            (Some(stored), _) => &stored.key,
            (None, Some(told)) => return Ok(Response::copy_of(told.as_slice())),
            (None, None) => return Err(StatusWord::REFERENCE_NOT_FOUND),
        };
        let bits = u16::try_from(key.bits()).map_err(|_| StatusWord::REFERENCE_NOT_FOUND)?;
        let mut data = bits.to_be_bytes().to_vec();
        data.extend_from_slice(key.modulus());
        Ok(Response::success(data))
    }))
}
