//! How a card's operating system wants its commands.
//!
//! A dialect turns an intention into commands and knows nothing of channels, so it can be tested
//! byte for byte. A new card OS is one file here, and one line in `ALL`.

mod eid;
mod expanded;
mod generic;
mod iso_applet;
mod key_file;
mod myeid;
pub mod setcos;

use core::fmt;

use std::sync::Arc;

use kortlab_apdu::fcp::FileKind;
use kortlab_apdu::{Channel, Command, Fid, FilePath, Response, instruction};
use zeroize::Zeroizing;

use crate::error::{CardError, ErrorKind};
use crate::files::{FileInfo, Files};

pub use eid::Eid;
pub use generic::Generic;
pub use iso_applet::IsoApplet;
pub use myeid::MyEid;

/// The dialects there are, in the order in which they are asked whether a card is theirs. Cards that
/// are nobody's are [`Generic`]'s.
const ALL: &[&dyn Dialect] = &[&Eid, &MyEid, &IsoApplet];

/// What a card has told of itself when a dialect is looked for: nothing was asked that another
/// card would not understand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The answer to reset.
    pub atr: Vec<u8>,
    /// The AID of the PKCS#15 application, if it had to be selected by that.
    pub application: Option<Vec<u8>>,
    /// What the card says of one of its files, which shows in what form it answers SELECT.
    pub file: Option<Arc<FileInfo>>,
}

/// What a dialect makes of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recognition {
    /// It is another card, by what it has told.
    Other,
    /// It is a card of this kind.
    Own,
    /// It may be one: the answer to this question decides, which only cards of this kind and those
    /// that look like them are asked.
    Ask(Command),
}

/// Where a private key is on the card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyLocation {
    /// The path of the key file.
    pub path: FilePath,
    /// The card's own number of the key (keyReference of the PrKDF).
    pub reference: Option<u8>,
    /// The length of the modulus in bytes.
    pub modulus_len: usize,
    /// The card's own numbers of the algorithms that it works with, as the TokenInfo lists them.
    pub algorithms: Vec<CardAlgorithm>,
    /// The numbers of the security environments that the TokenInfo lists.
    pub environments: Vec<u8>,
}

/// An algorithm of the card (AlgorithmInfo, PKCS#15 §6.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardAlgorithm {
    /// The card's number of it (algRef).
    pub reference: u8,
    /// What the card does to the input.
    pub padding: CardPadding,
    /// What it can be used for.
    pub operations: Vec<Operation>,
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
    pub file_id: Fid,
    /// Its size in bytes.
    pub size: u16,
    /// The reference of the PIN that protects changes; reading is free.
    pub pin_reference: Option<u8>,
}

/// A step of an operation: a file to select, or a command to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Select the file at this path.
    Select(FilePath),
    /// Select the file at this path, or where that is refused, the DF in which it is.
    SelectNear(FilePath),
    /// Send this, and expect `9000`.
    Send(Command),
}

/// How one kind of card OS wants its commands. What a dialect does not say itself is as on a card of no
/// known kind ([`Generic`]).
pub trait Dialect: fmt::Debug + Send + Sync {
    /// The name of the card OS, for people.
    fn name(&self) -> &'static str;

    /// Whether this is a card of this kind, by what it has told of itself.
    fn recognise(&self, identity: &Identity) -> Recognition;

    /// Whether this is a card of this kind, by its answer to the question that
    /// [`Dialect::recognise`] has.
    fn is_own_answer(&self, answer: &Response) -> bool {
        let _ = answer;
        false
    }

    /// Whether an empty VERIFY asks how many tries are left, without costing one
    /// (ISO/IEC 7816-4 §11.6.6).
    fn tells_pin_status(&self) -> bool;

    /// Whether the answer to that question also says whether the PIN is verified: some cards tell the
    /// tries that are left either way.
    fn tells_whether_verified(&self) -> bool {
        self.tells_pin_status()
    }

    /// The references of the PINs and PUKs that a DF has, by what the card says of it; none where cards
    /// of this kind do not say that.
    fn pin_references(&self, directory: &FileInfo) -> Vec<u8> {
        let _ = directory;
        Vec::new()
    }

    /// Whether each private key is in an EF of its own, of a kind that is no working EF's.
    fn keeps_keys_in_files_of_their_own(&self) -> bool {
        false
    }

    /// By which PINs the private key in the file that is described like this is used: one way or
    /// more, each the references of the PINs of which all must be verified. `None` where the
    /// description does not say it, or not in a form that is known. What all card OSs understand
    /// alike is the expanded coding (ISO/IEC 7816-4 §9.3.4), in tag AB or in the records to which
    /// tag 8B refers ([`FileInfo::rules`]).
    fn pins_of_key(&self, file: &FileInfo) -> Option<Vec<Vec<u8>>> {
        pins_by_expanded_rules(file)
    }

    /// Which paddings the card does for `operation`.
    fn card_paddings(&self, operation: Operation) -> &'static [CardPadding] {
        let _ = operation;
        &[CardPadding::Pkcs1, CardPadding::Raw]
    }

    /// Whether it is not known how this card OS uses a key, so that [`Dialect::ways_to_choose`] guesses:
    /// whatever one way gives is checked, and the next one is tried.
    fn guesses(&self) -> bool {
        true
    }

    /// The ways to choose a key for an operation (MSE), in the order in which they are to be tried.
    ///
    /// # Errors
    /// The key's location does not say what this card OS needs.
    fn ways_to_choose(
        &self,
        key: &KeyLocation,
        operation: Operation,
        padding: CardPadding,
    ) -> Result<Vec<Vec<Step>>, CardError> {
        generic::ways_to_choose(key, operation, padding)
    }

    /// The command that lists the files in the selected DF; `None` if this card OS has none.
    fn list_files(&self) -> Option<Command> {
        None
    }

    /// The command that creates a file in the selected DF; `None` if files cannot be created.
    fn create_file(&self, file: NewFile) -> Option<Command> {
        let _ = file;
        None
    }

    /// The command that deletes the file with this identifier from the selected DF; `None` if
    /// files cannot be deleted.
    fn delete_file(&self, file_id: Fid) -> Option<Command> {
        let _ = file_id;
        None
    }

    /// VERIFY for the PIN with this reference; `pin` is padded already.
    fn verify(&self, reference: u8, pin: &[u8]) -> Command {
        Command::new(instruction::VERIFY, 0x00, reference).with_data(pin)
    }

    /// VERIFY without data: asks for the status of a PIN.
    fn pin_status(&self, reference: u8) -> Command {
        Command::new(instruction::VERIFY, 0x00, reference)
    }

    /// VERIFY with P1 = FF and without data: the PIN is no longer verified (ISO/IEC 7816-4 §11.6.6).
    fn unverify(&self, reference: u8) -> Command {
        Command::new(instruction::VERIFY, 0xFF, reference)
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

    /// The command that signs `input` with `key`, which is chosen.
    fn compute_signature(&self, key: &KeyLocation, input: &[u8]) -> Command {
        Command::new(instruction::PERFORM_SECURITY_OPERATION, 0x9E, 0x9A)
            .with_data(input)
            .expecting(expected(key))
    }

    /// The signature in what the card answered to [`Dialect::compute_signature`]; `None` if there
    /// is none.
    fn signature(&self, key: &KeyLocation, answer: Zeroizing<Vec<u8>>) -> Option<Unwrapped> {
        let _ = key;
        Some(answer)
    }

    /// The command that deciphers `cryptogram` with `key`, which is chosen: a padding indicator
    /// `00` (no further indication, ISO/IEC 7816-4 table 45), then the cryptogram.
    fn decipher(&self, key: &KeyLocation, cryptogram: &[u8]) -> Command {
        let mut data = Vec::with_capacity(cryptogram.len() + 1);
        data.push(0x00);
        data.extend_from_slice(cryptogram);
        Command::new(instruction::PERFORM_SECURITY_OPERATION, 0x80, 0x86)
            .with_data(data)
            .expecting(expected(key))
    }

    /// What was deciphered in what the card answered to [`Dialect::decipher`]; `None` if there is
    /// nothing.
    fn plaintext(&self, key: &KeyLocation, answer: Zeroizing<Vec<u8>>) -> Option<Unwrapped> {
        let _ = key;
        Some(answer)
    }
}

/// What a private-key operation gave, without what a card has around it.
pub type Unwrapped = Zeroizing<Vec<u8>>;

/// How many bytes a private-key operation may give: more than 256 come back only from a longer
/// key, and the exchange asks for them.
fn expected(key: &KeyLocation) -> u32 {
    u32::try_from(key.modulus_len.max(256)).unwrap_or(256)
}

/// How often a card that answers nonsense is asked which one it is.
const ASKED: usize = 3;

/// The dialect of a card: the first that recognises it. A dialect may have a question of its own;
/// only cards that look like its own are asked.
///
/// # Errors
/// The channel failed. A card that refuses a question, or answers it with nonsense again and again, is
/// not of that kind.
pub fn recognise<C: Channel + ?Sized>(
    channel: &mut C,
    identity: &Identity,
) -> Result<&'static dyn Dialect, CardError> {
    recognise_by(identity, |question| {
        let mut asked = 1;
        loop {
            match Files::new(channel).send(ASKING, question) {
                Err(error) if error.kind() == ErrorKind::Nonsense && asked < ASKED => asked += 1,
                answered => return answered,
            }
        }
    })
}

/// What a card is asked for by which it is known.
pub const ASKING: &str = "ask the card for its version";

/// The same, where `ask` sends the questions.
///
/// # Errors
/// Those of `ask`, but nonsense.
pub fn recognise_by(
    identity: &Identity,
    mut ask: impl FnMut(&Command) -> Result<Response, CardError>,
) -> Result<&'static dyn Dialect, CardError> {
    for &dialect in ALL {
        let own = match dialect.recognise(identity) {
            Recognition::Other => false,
            Recognition::Own => true,
            Recognition::Ask(question) => match ask(&question) {
                Ok(answer) => answer.is_success() && dialect.is_own_answer(&answer),
                Err(error) if error.kind() == ErrorKind::Nonsense => false,
                Err(error) => return Err(error),
            },
        };
        if own {
            return Ok(dialect);
        }
    }
    Ok(&Generic)
}

/// By which PINs a key is used, as the access rules in the expanded coding have it.
fn pins_by_expanded_rules(file: &FileInfo) -> Option<Vec<Vec<u8>>> {
    // What a directory is said to allow is not what the keys in it are used by.
    if file.kind() == Some(FileKind::Df) {
        return None;
    }
    if let Some(own) = file.fcp.as_ref().and_then(|fcp| fcp.other(0xAB_u8)) {
        return expanded::pins_of_key(own);
    }
    let mut ways = Vec::new();
    for rules in &file.rules {
        ways.extend(expanded::pins_of_key(rules)?);
    }
    (!ways.is_empty()).then_some(ways)
}

fn joined(first: &[u8], second: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut data = Zeroizing::new(Vec::with_capacity(first.len() + second.len()));
    data.extend_from_slice(first);
    data.extend_from_slice(second);
    data
}
