//! A session with one card: files, PINs, keys, certificate slots, over PC/SC or in process.
//!
//! A [`Card`] is opened over any [`kortlab_apdu::Channel`]: a reader (the `pcsc` module, with the
//! feature of the same name), a virtual card, a trace that is played. It reads the PKCS#15
//! directories leniently, and does with the card what people do with it:
//!
//! ```no_run
//! use kortlab_card::{Card, Hash, Pin, PinRole, Scheme};
//!
//! fn sign(channel: impl kortlab_apdu::Channel, pin: &Pin) -> Result<Vec<u8>, kortlab_card::CardError> {
//!     let mut card = Card::open(channel)?;
//!     let key = card.key_for(PinRole::Signature)?;
//!     card.exclusively(|card| {
//!         card.verify(PinRole::Signature, pin)?;
//!         card.sign(&key.id, Scheme::Pkcs1(Hash::Sha256), b"a message")
//!     })
//! }
//! ```
//!
//! # What a card may say
//!
//! A card is not believed. No answer makes this crate panic, read without end, or take more
//! memory than a file can have; what makes no sense is a [`Problem`](contents::Problem) of one
//! file, or a [`CardError`] that names the command. Signatures are checked before they are given
//! out, and what is written is read back.
//!
//! # Map
//!
//! | module | what it knows |
//! |---|---|
//! | [`card`] | the session |
//! | [`contents`] | what the PKCS#15 directories list, and what is wrong with them |
//! | [`files`] | SELECT, READ and UPDATE BINARY, records |
//! | [`pin`], [`pins`], [`role`] | PINs: their form, their state, what they are for |
//! | [`keys`], [`padding`] | signing and deciphering, with padding where the card has none |
//! | [`slots`], [`certificate`] | certificates: list, write, remove, check |
//! | [`dialect`] | how a card OS wants its commands |
//! | [`error`] | what can go wrong, and what to do next |
//! | `pcsc` | readers, with the feature `pcsc` |

pub mod card;
pub mod certificate;
pub mod contents;
pub mod dialect;
pub mod error;
pub mod files;
pub mod keys;
pub mod padding;
#[cfg(feature = "pcsc")]
pub mod pcsc;
pub mod pin;
pub mod pins;
pub mod role;
pub mod slots;

pub use card::Card;
pub use certificate::CertificateInfo;
pub use contents::Contents;
pub use error::{CardError, ErrorKind};
pub use keys::{Encryption, Key, KeyKind, RsaPublicKey, Scheme};
pub use padding::Hash;
pub use pin::{Pin, PinError};
pub use pins::{PinObject, PinPurpose, PinState};
pub use role::PinRole;
pub use slots::{
    CardKey, Change, CheckedSlot, Executed, FileJournal, FreeSpace, Guarantee, Journal,
    JournalError, MemoryJournal, NewCertificate, Plan, Recovery, Slot, SlotProblem, Transaction,
    Way,
};
