//! MANAGE SECURITY ENVIRONMENT (ISO/IEC 7816-4 §11.5.11).

use kortlab_apdu::tlv::Reader;
use kortlab_apdu::{Command, StatusWord};

use super::{done, key_file, select};
use crate::crypto::Algorithm;
use crate::crypto::digest::Hash;
use crate::os::environment::{KeyTemplate, SecurityEnvironment};
use crate::os::{Answer, Context};

/// SET (P1 = 41, 81, C1) puts a control reference template into the security environment; RESTORE
/// (P1 = F3) of the environments 00 and 01, which hold nothing, empties it.
///
/// A template names a key file by tag 81 (an FID in the current DF, or a path from it or from the
/// MF); without it the selected key file is meant. Tag 84 or 83 may name the key in the file,
/// which is number 00 or 01. Tag 80 is the algorithm, by the application's own number; absent means
/// PKCS#1 v1.5. Deciphering takes none that makes a DigestInfo. The hash template AA has tag 80
/// alone.
///
/// A SET that fails leaves the environment as it was. `6A80`: malformed, or an algorithm the card
/// does not have. `6A88`: no such key. `6A86`: P1-P2. `6A81`: STORE and ERASE.
pub(crate) fn execute(context: &mut Context<'_>, command: &Command) -> Answer {
    match command.p1() {
        0x41 | 0x81 | 0xC1 => set(context, command)?,
        0xF3 => restore(context, command)?,
        0xF2 | 0xF4 => return Err(StatusWord::FUNCTION_NOT_SUPPORTED),
        _ => return Err(StatusWord::INCORRECT_P1_P2),
    }
    done()
}

fn set(context: &mut Context<'_>, command: &Command) -> Result<(), StatusWord> {
    if command.data().is_empty() {
        return Err(StatusWord::WRONG_LENGTH);
    }
    let template = Template::parse(command.data())?;
    match command.p2() {
        0xB6 => {
            context.session.environment.signature = Some(template.into_key(context)?);
            context.session.environment.digest = None;
        }
        0xB8 => {
            let chosen = template.into_key(context)?;
            if chosen.algorithm.hash().is_some() {
                return Err(StatusWord::WRONG_DATA);
            }
            context.session.environment.confidentiality = Some(chosen);
        }
        0xA4 => {
            context.session.environment.authentication = Some(template.into_key(context)?);
        }
        0xAA => {
            context.session.environment.hash = Some(template.into_hash(context)?);
            context.session.environment.digest = None;
        }
        _ => return Err(StatusWord::INCORRECT_P1_P2),
    }
    Ok(())
}

fn restore(context: &mut Context<'_>, command: &Command) -> Result<(), StatusWord> {
    if !command.data().is_empty() {
        return Err(StatusWord::WRONG_LENGTH);
    }
    if command.p2() > 0x01 {
        return Err(StatusWord::REFERENCE_NOT_FOUND);
    }
    context.session.environment = SecurityEnvironment::default();
    Ok(())
}

/// A control reference template (ISO/IEC 7816-4 §10.3.1).
#[derive(Default)]
struct Template<'a> {
    algorithm: Option<&'a [u8]>,
    file: Option<&'a [u8]>,
    key: Option<&'a [u8]>,
}

impl<'a> Template<'a> {
    fn parse(data: &'a [u8]) -> Result<Self, StatusWord> {
        let mut template = Self::default();
        for object in Reader::new(data) {
            let object = object.map_err(|_| StatusWord::WRONG_DATA)?;
            let place = match object.tag.value() {
                0x80 => &mut template.algorithm,
                0x81 => &mut template.file,
                0x83 | 0x84 => &mut template.key,
                _ => return Err(StatusWord::WRONG_DATA),
            };
            if place.replace(object.value).is_some() {
                return Err(StatusWord::WRONG_DATA);
            }
        }
        Ok(template)
    }

    fn into_key(self, context: &Context<'_>) -> Result<KeyTemplate, StatusWord> {
        let algorithm = self.algorithm.map_or(Ok(Algorithm::Pkcs1), |reference| {
            algorithm(context, reference)
        })?;
        if !matches!(self.key, None | Some([0x00 | 0x01])) {
            return Err(StatusWord::REFERENCE_NOT_FOUND);
        }
        let id = match self.file {
            None => context.session.selection.ef,
            Some(path) if path.is_empty() || !path.len().is_multiple_of(2) || path.len() > 16 => {
                return Err(StatusWord::WRONG_DATA);
            }
            Some(path) => select::resolve(context, 0x09, path)
                .or_else(|_| select::resolve(context, 0x08, path))
                .ok(),
        };
        let id = id.ok_or(StatusWord::REFERENCE_NOT_FOUND)?;
        Ok(KeyTemplate {
            key: key_file::reference(context, id)?,
            algorithm,
        })
    }

    fn into_hash(self, context: &Context<'_>) -> Result<Hash, StatusWord> {
        if self.file.is_some() || self.key.is_some() {
            return Err(StatusWord::WRONG_DATA);
        }
        algorithm(context, self.algorithm.unwrap_or_default())?
            .hash()
            .ok_or(StatusWord::WRONG_DATA)
    }
}

/// The algorithm that the application has for this reference.
///
/// # Errors
/// `6A80`: none.
fn algorithm(context: &Context<'_>, reference: &[u8]) -> Result<Algorithm, StatusWord> {
    let found = context.application().algorithm(reference);
    found.ok_or(StatusWord::WRONG_DATA)
}
