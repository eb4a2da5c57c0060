//! INTERNAL AUTHENTICATE (ISO/IEC 7816-4 §11.5.2).

use kortlab_apdu::{Command, Response, StatusWord};

use super::expect::expect_p1_p2;
use super::key_file;
use crate::crypto::Algorithm;
use crate::crypto::KeyOperation;
use crate::crypto::padding::pad_type_1;
use crate::os::environment::KeyTemplate;
use crate::os::{Answer, Context};

/// Proves that the card has a private key: answers the challenge in the data field, padded as
/// for a signature, under the key of the authentication template, or of the selected key file
/// with PKCS#1 v1.5 padding.
///
/// P1-P2 are 0000: algorithm and key come from the template. `6985`: no key is chosen, or it is
/// not for this. `6982`: its PIN is not verified. `6700`: a challenge of a length that the
/// algorithm does not take.
pub(crate) fn execute(context: &mut Context<'_>, command: &Command) -> Answer {
    expect_p1_p2(command, 0)?;
    let chosen = chosen(context)?;
    let key = key_file::take(context, chosen.key, KeyOperation::Authenticate)?;
    let challenge = command.data();
    if challenge.is_empty() {
        return Err(StatusWord::WRONG_LENGTH);
    }
    let block = match chosen.algorithm {
        Algorithm::Raw => (challenge.len() == key.size()).then(|| challenge.to_vec()),
        Algorithm::Pkcs1 => pad_type_1(challenge, key.size()),
        Algorithm::Pkcs1Digest(hash) => hash
            .digest_info(challenge)
            .and_then(|info| pad_type_1(&info, key.size())),
    };
    let block = block.ok_or(StatusWord::WRONG_LENGTH)?;
    let answer = key.apply(context, &block)?;
    Ok(Response::success(answer))
}

fn chosen(context: &Context<'_>) -> Result<KeyTemplate, StatusWord> {
    if let Some(chosen) = context.session.environment.authentication {
        return Ok(chosen);
    }
    let id = context.session.selection.ef;
    let id = id.ok_or(StatusWord::CONDITIONS_OF_USE)?;
    Ok(KeyTemplate {
        key: key_file::reference(context, id).map_err(|_| StatusWord::CONDITIONS_OF_USE)?,
        algorithm: Algorithm::Pkcs1,
    })
}
