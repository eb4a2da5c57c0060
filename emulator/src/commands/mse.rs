//! MANAGE SECURITY ENVIRONMENT (ISO/IEC 7816-4 §11.5.11).

use kortlab_apdu::tlv::Reader;
use kortlab_apdu::{Command, StatusWord};

use super::key_file::KeyReference;
use super::{Answer, Context, done, select};
use crate::crypto::digest::Hash;

/// What the next security operation works with. Power-off and reset empty it.
#[derive(Clone, Debug, Default)]
pub(crate) struct SecurityEnvironment {
    /// Digital signature template, B6.
    pub signature: Option<KeyTemplate>,
    /// Confidentiality template, B8.
    pub confidentiality: Option<KeyTemplate>,
    /// Authentication template, A4.
    pub authentication: Option<KeyTemplate>,
    /// Hash template, AA.
    pub hash: Option<Hash>,
    /// What PSO: HASH left for the next signature.
    pub digest: Option<Digest>,
}

/// A key and how it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyTemplate {
    /// The key file.
    pub key: KeyReference,
    /// How input is padded.
    pub algorithm: Algorithm,
}

/// The algorithm references of tag 80.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// `00`: raw RSA.
    Raw,
    /// `02`: RSA with PKCS#1 v1.5 padding; the host brings the DigestInfo.
    Pkcs1,
    /// `12` (SHA-1), `42` (SHA-256): the same, and the card makes the DigestInfo from a digest.
    Pkcs1Digest(Hash),
}

/// A digest that waits to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Digest {
    /// Which digest it is; unknown if the host brought a complete DigestInfo.
    pub hash: Option<Hash>,
    /// The digest, or the DigestInfo.
    pub value: Vec<u8>,
}

impl SecurityEnvironment {
    /// Forgets every key: a file was deleted, and its place may be taken by another.
    pub fn forget_files(&mut self) {
        self.signature = None;
        self.confidentiality = None;
        self.authentication = None;
    }
}

impl Algorithm {
    /// # Errors
    /// `6A80`: not an algorithm of this card.
    fn from_reference(reference: &[u8]) -> Result<Self, StatusWord> {
        match reference {
            [0x00] => Ok(Self::Raw),
            [0x02] => Ok(Self::Pkcs1),
            [0x12] => Ok(Self::Pkcs1Digest(Hash::Sha1)),
            [0x42] => Ok(Self::Pkcs1Digest(Hash::Sha256)),
            _ => Err(StatusWord::WRONG_DATA),
        }
    }

    /// The digest that the algorithm works with, if it says.
    pub const fn hash(self) -> Option<Hash> {
        match self {
            Self::Pkcs1Digest(hash) => Some(hash),
            Self::Raw | Self::Pkcs1 => None,
        }
    }
}

/// SET (P1 = 41, 81, C1) puts a control reference template into the security environment; RESTORE
/// (P1 = F3) of the environments 00 and 01, which hold nothing, empties it.
///
/// A template names a key file by tag 81 (an FID in the current DF, or a path from it or from the
/// MF); without it the selected key file is meant. Tag 84 or 83 may name the key in the file,
/// which is number 00 or 01. Tag 80 is the algorithm: 00 raw, 02 PKCS#1 v1.5 (also if absent), 12
/// and 42 the same with SHA-1 and SHA-256; deciphering has 00 and 02. The hash template AA has
/// tag 80 alone.
///
/// A SET that fails leaves the environment as it was. `6A80`: malformed, or an algorithm the card
/// does not have. `6A88`: no such key. `6A86`: P1-P2. `6A81`: STORE and ERASE.
pub(super) fn execute(context: &mut Context<'_>, command: &Command) -> Answer {
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
            context.session.environment.hash = Some(template.into_hash()?);
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
        let algorithm = self
            .algorithm
            .map_or(Ok(Algorithm::Pkcs1), Algorithm::from_reference)?;
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
            key: KeyReference::new(context, id)?,
            algorithm,
        })
    }

    fn into_hash(self) -> Result<Hash, StatusWord> {
        if self.file.is_some() || self.key.is_some() {
            return Err(StatusWord::WRONG_DATA);
        }
        let algorithm = Algorithm::from_reference(self.algorithm.unwrap_or_default())?;
        algorithm.hash().ok_or(StatusWord::WRONG_DATA)
    }
}
