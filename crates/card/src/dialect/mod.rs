//! How a card's operating system wants its commands.
//!
//! A dialect turns an intention into commands and knows nothing of channels, so it can be tested
//! byte for byte. A new card OS is one file here, and one line in `ALL`.

mod eid;
mod generic;

use core::fmt;

use kortlab_apdu::{Channel, Command, instruction};
use zeroize::Zeroizing;

use crate::error::CardError;
use crate::files::Files;

pub use eid::Eid;
pub use generic::Generic;

/// The dialects there are, each asked in turn whether it knows the card; the last one takes any.
const ALL: [&dyn Dialect; 2] = [&Eid, &Generic];

/// What a card tells of itself before its files are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The answer to reset.
    pub atr: Vec<u8>,
    /// The answer to GET DATA `DF30`, if there was one: version and serial information of the
    /// EID applet.
    pub version: Option<Vec<u8>>,
}

/// Where a private key is on the card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyLocation {
    /// The path of the key file.
    pub path: Vec<u8>,
    /// The card's own number of the key (keyReference of the PrKDF).
    pub reference: Option<u8>,
    /// The length of the modulus in bytes.
    pub modulus_len: usize,
}

/// What the card itself does to the input of a private-key operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardPadding {
    /// Nothing: the input is as long as the modulus.
    Raw,
    /// PKCS#1 v1.5; for signatures the input is a DigestInfo.
    Pkcs1,
}

/// What a private key is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// PSO: COMPUTE DIGITAL SIGNATURE (ISO/IEC 7816-8 §11.7).
    Sign,
    /// PSO: DECIPHER (ISO/IEC 7816-8 §11.13).
    Decipher,
}

/// A new transparent EF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// Its file identifier.
    pub file_id: u16,
    /// Its size in bytes.
    pub size: u16,
    /// The reference of the PIN that protects changes; reading is free.
    pub pin_reference: Option<u8>,
}

/// A step of an operation: a file to select, or a command to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Select the file at this path.
    Select(Vec<u8>),
    /// Send this, and expect `9000`.
    Send(Command),
}

/// How one kind of card OS wants its commands.
pub trait Dialect: fmt::Debug + Send + Sync {
    /// The name of the card OS, for people.
    fn name(&self) -> &'static str;

    /// Whether this is a card of this kind.
    fn knows(&self, identity: &Identity) -> bool;

    /// Whether an empty VERIFY asks how many tries are left, without costing one
    /// (ISO/IEC 7816-4 §11.6.6).
    fn tells_pin_status(&self) -> bool;

    /// Which paddings the card does for `operation`.
    fn card_paddings(&self, operation: Operation) -> &'static [CardPadding];

    /// The commands that choose a key for an operation (MSE: SET).
    ///
    /// # Errors
    /// The key's location does not say what this card OS needs.
    fn choose_key(
        &self,
        key: &KeyLocation,
        operation: Operation,
        padding: CardPadding,
    ) -> Result<Vec<Step>, CardError>;

    /// The command that creates a file in the selected DF; `None` if files cannot be created.
    fn create_file(&self, file: NewFile) -> Option<Command>;

    /// The command that deletes the file with this identifier from the selected DF; `None` if
    /// files cannot be deleted.
    fn delete_file(&self, file_id: u16) -> Option<Command>;

    /// The file identifiers that new certificate files may have.
    fn certificate_files(&self) -> core::ops::RangeInclusive<u16> {
        0x4331..=0x43FE
    }

    /// VERIFY for the PIN with this reference; `pin` is padded already.
    fn verify(&self, reference: u8, pin: &[u8]) -> Command {
        Command::new(instruction::VERIFY, 0x00, reference).with_data(pin)
    }

    /// VERIFY without data: asks for the status of a PIN.
    fn pin_status(&self, reference: u8) -> Command {
        Command::new(instruction::VERIFY, 0x00, reference)
    }

    /// CHANGE REFERENCE DATA: the old PIN, then the new one, both padded already.
    fn change_pin(&self, reference: u8, old: &[u8], new: &[u8]) -> Command {
        let data = joined(old, new);
        Command::new(instruction::CHANGE_REFERENCE_DATA, 0x00, reference).with_data(&**data)
    }

    /// RESET RETRY COUNTER: the PUK, then the new PIN, both padded already.
    fn unblock_pin(&self, reference: u8, puk: &[u8], new: &[u8]) -> Command {
        let data = joined(puk, new);
        Command::new(instruction::RESET_RETRY_COUNTER, 0x00, reference).with_data(&**data)
    }

    /// The command that signs `input` with the key chosen.
    fn compute_signature(&self, input: &[u8]) -> Command {
        Command::new(instruction::PERFORM_SECURITY_OPERATION, 0x9E, 0x9A)
            .with_data(input)
            .expecting_any()
    }

    /// The command that deciphers `cryptogram` with the key chosen: a padding indicator `00`
    /// (no further indication, ISO/IEC 7816-4 table 45), then the cryptogram.
    fn decipher(&self, cryptogram: &[u8]) -> Command {
        let mut data = Vec::with_capacity(cryptogram.len() + 1);
        data.push(0x00);
        data.extend_from_slice(cryptogram);
        Command::new(instruction::PERFORM_SECURITY_OPERATION, 0x80, 0x86)
            .with_data(data)
            .expecting_any()
    }
}

/// Asks the card who it is.
///
/// # Errors
/// The channel failed. A card that refuses the questions is answered for by [`Generic`].
pub fn identify<C: Channel + ?Sized>(channel: &mut C) -> Result<Identity, CardError> {
    let atr = channel.atr().to_vec();
    let ask = Command::new(instruction::GET_DATA, 0xDF, 0x30).expecting(5);
    let answer = Files::new(channel).send("ask the card for its version", &ask);
    let version = match answer {
        Ok(response) if response.is_success() => Some(response.into_data()),
        Ok(_) => None,
        Err(error) if error.kind() == crate::ErrorKind::Nonsense => None,
        Err(error) => return Err(error),
    };
    Ok(Identity { atr, version })
}

/// The dialect for a card.
pub fn detect(identity: &Identity) -> &'static dyn Dialect {
    ALL.into_iter()
        .find(|dialect| dialect.knows(identity))
        .unwrap_or(&Generic)
}

fn joined(first: &[u8], second: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut data = Zeroizing::new(Vec::with_capacity(first.len() + second.len()));
    data.extend_from_slice(first);
    data.extend_from_slice(second);
    data
}
