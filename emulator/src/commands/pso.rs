//! PERFORM SECURITY OPERATION (ISO/IEC 7816-8 §11): COMPUTE DIGITAL SIGNATURE, DECIPHER, HASH.

use kortlab_apdu::tlv::Reader;
use kortlab_apdu::{Command, Response, StatusWord};

use super::{done, key_file};
use crate::crypto::Algorithm;
use crate::crypto::KeyOperation;
use crate::crypto::digest::Hash;
use crate::crypto::padding::{pad_type_1, unpad_type_2};
use crate::os::environment::{Digest, KeyTemplate};
use crate::os::{Answer, Context};

/// P1 says what comes out, P2 what goes in: 9E 9A signs, 80 86 deciphers, 90 80 and 90 A0 hash.
///
/// `6A86`: another operation. `6985`: nothing chosen by MANAGE SECURITY ENVIRONMENT, or the key
/// is not for this. `6982`: the key's PIN is not verified. `6700`: input of a length that the
/// algorithm does not take. `6A80`: input that it does not take.
pub(crate) fn execute(context: &mut Context<'_>, command: &Command) -> Answer {
    match command.p1_p2() {
        0x9E9A => sign(context, command),
        0x8086 => decipher(context, command),
        0x9080 => hash(context, command),
        0x90A0 => hash_template(context, command),
        _ => Err(StatusWord::INCORRECT_P1_P2),
    }
}

/// COMPUTE DIGITAL SIGNATURE: over the data field, or without one over what HASH left.
fn sign(context: &mut Context<'_>, command: &Command) -> Answer {
    let environment = &mut context.session.environment;
    let chosen = environment.signature.ok_or(StatusWord::CONDITIONS_OF_USE)?;
    let waiting = environment.digest.take();
    let key = key_file::take(context, chosen.key, KeyOperation::Sign)?;
    let input = if command.data().is_empty() {
        waiting.ok_or(StatusWord::CONDITIONS_OF_USE)?
    } else {
        Digest {
            hash: chosen.algorithm.hash(),
            value: command.data().to_vec(),
        }
    };
    let block = signature_block(chosen, input, key.size())?;
    let signature = key.apply(context, &block)?;
    Ok(Response::success(signature))
}

/// The input of the raw operation.
///
/// # Errors
/// `6700`: a length that the algorithm does not take.
fn signature_block(chosen: KeyTemplate, input: Digest, size: usize) -> Result<Vec<u8>, StatusWord> {
    match (chosen.algorithm, input.hash) {
        (Algorithm::Raw, None) if input.value.len() == size => Ok(input.value),
        (Algorithm::Raw, _) => Err(StatusWord::WRONG_LENGTH),
        (Algorithm::Pkcs1, None) => pad_type_1(&input.value, size).ok_or(StatusWord::WRONG_LENGTH),
        (Algorithm::Pkcs1Digest(hash), _) | (Algorithm::Pkcs1, Some(hash)) => hash
            .digest_info(&input.value)
            .and_then(|info| pad_type_1(&info, size))
            .ok_or(StatusWord::WRONG_LENGTH),
    }
}

/// DECIPHER: the data field is a padding indicator, 00, and the cryptogram, as long as the
/// modulus. The answer is the whole block (algorithm 00) or the data in it (02).
///
/// A block with wrong padding gets `6A80`, whatever is wrong with it.
fn decipher(context: &mut Context<'_>, command: &Command) -> Answer {
    let environment = &context.session.environment;
    let chosen = environment
        .confidentiality
        .ok_or(StatusWord::CONDITIONS_OF_USE)?;
    let key = key_file::take(context, chosen.key, KeyOperation::Decipher)?;
    let cryptogram = match command.data() {
        [0x00, cryptogram @ ..] if cryptogram.len() == key.size() => cryptogram,
        [0x00, ..] | [] => return Err(StatusWord::WRONG_LENGTH),
        _ => return Err(StatusWord::WRONG_DATA),
    };
    let block = zeroize::Zeroizing::new(key.apply(context, cryptogram)?);
    let plain = match chosen.algorithm {
        Algorithm::Raw => block,
        Algorithm::Pkcs1 | Algorithm::Pkcs1Digest(_) => {
            unpad_type_2(&block).map_err(|_| StatusWord::WRONG_DATA)?
        }
    };
    Ok(Response::success(plain.as_slice()))
}

/// HASH with the text itself in the data field. With Le the digest is answered as well.
fn hash(context: &mut Context<'_>, command: &Command) -> Answer {
    let hash = chosen_hash(context);
    let value = hash.digest(command.data());
    remember(context, command, Some(hash), value)
}

/// HASH with a template: `80` the text, or `90` a digest or a DigestInfo that was computed
/// elsewhere.
fn hash_template(context: &mut Context<'_>, command: &Command) -> Answer {
    let mut objects = Reader::new(command.data());
    let object = objects.next().ok_or(StatusWord::WRONG_LENGTH)?;
    let object = object.map_err(|_| StatusWord::WRONG_DATA)?;
    if objects.next().is_some() {
        // A text that goes on from an intermediate value, which this card does not do.
        return Err(StatusWord::WRONG_DATA);
    }
    match object.tag.value() {
        0x80 => {
            let hash = chosen_hash(context);
            let value = hash.digest(object.value);
            remember(context, command, Some(hash), value)
        }
        0x90 => {
            let hash = [Hash::Sha1, Hash::Sha256]
                .into_iter()
                .find(|hash| hash.size() == object.value.len());
            if object.value.is_empty() {
                return Err(StatusWord::WRONG_DATA);
            }
            remember(context, command, hash, object.value.to_vec())
        }
        _ => Err(StatusWord::WRONG_DATA),
    }
}

/// The digest that the hash template names, else the one of the signature's algorithm, else
/// SHA-1.
fn chosen_hash(context: &Context<'_>) -> Hash {
    let environment = &context.session.environment;
    let signature = environment.signature.as_ref();
    environment
        .hash
        .or_else(|| signature.and_then(|chosen| chosen.algorithm.hash()))
        .unwrap_or(Hash::Sha1)
}

fn remember(
    context: &mut Context<'_>,
    command: &Command,
    hash: Option<Hash>,
    value: Vec<u8>,
) -> Answer {
    let answer = match command.ne() {
        Some(_) => Ok(Response::success(value.as_slice())),
        None => done(),
    };
    context.session.environment.digest = Some(Digest { hash, value });
    answer
}
