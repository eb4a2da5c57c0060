//! A session with one card: files, PINs, keys, certificate slots, over PC/SC or in process.
//!
//! A [`Session`] is a card of any kind, over any [`kortlab_apdu::Channel`]: a reader (the `pcsc`
//! module, with the feature of the same name), a virtual card, a socket. A [`Card`] is one that has a
//! PKCS#15 application: it reads the directories leniently, and does with the card what people do
//! with it. Here with a virtual card in this process (`crates/card/examples/open_and_sign.rs` is the
//! same as a program):
//!
//! ```
//! use kortlab_card::{Card, Hash, Pin, PinRole, Scheme};
//! # use kortlab_emulator::{CardRng, InProcess, VirtualCard, crypto::RsaKey, models::eid::EidCard};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let mut rng = CardRng::from_seed(1);
//! # let keys = (RsaKey::generate(1024, &mut rng)?, RsaKey::generate(1024, &mut rng)?);
//! # let image = EidCard::new("9752269700000000008", keys.0, keys.1).build()?;
//! # let channel = InProcess::ephemeral(VirtualCard::new(image, rng)?);
//!
//! let mut card = Card::open(channel)?;
//! assert_eq!(card.keys().len(), 2);
//!
//! let pin = Pin::try_from("123456")?;
//! let signature = card.unlocked(PinRole::Authentication, &pin, |key| {
//!     key.sign(Scheme::Pkcs1(Hash::Sha256), b"a message")
//! })?;
//! # assert_eq!(signature.len(), 128);
//! # Ok(())
//! # }
//! ```
//!
//! # What a card may say
//!
//! A card is not believed. No answer makes this crate panic, read without end, or take more
//! memory than a file can have; what makes no sense is a [`Problem`] of one
//! file, or a [`CardError`] that names the command. Signatures are checked before they are given
//! out, and what is written is read back.
//!
//! # Map
//!
//! | module | what it knows |
//! |---|---|
//! | [`session`] | a card of any kind: its files, exclusive use, and what it is |
//! | [`card`] | a card with a PKCS#15 application |
//! | [`applications`] | what is selected by its AID, and what a card without PKCS#15 is |
//! | [`contents`] | what the PKCS#15 directories list |
//! | [`problem`] | what is wrong with the card's files, in words for people and for programs |
//! | [`files`] | SELECT, READ and UPDATE BINARY, records |
//! | [`pin`], [`pins`], [`role`] | PINs: their form, their state, what they are for |
//! | [`keys`], [`padding`] | signing and deciphering, with padding where the card has none |
//! | [`slots`], [`certificate`], [`revocation`], [`ocsp`] | certificates: list, write, remove, check |
//! | [`dialect`] | how a card OS wants its commands |
//! | [`profile`] | what is particular to the staff card, as data |
//! | [`error`] | what can go wrong, and what to do next |
//! | `pcsc` | readers, with the feature `pcsc` |

mod agreement;
pub mod applications;
pub mod card;
pub mod certificate;
pub mod contents;
pub mod dialect;
mod directory_ranges;
mod elsewhere;
pub mod error;
pub mod files;
mod index;
mod key_claims;
pub mod keys;
pub mod ocsp;
pub mod padding;
#[cfg(feature = "pcsc")]
pub mod pcsc;
pub mod pin;
pub(crate) mod pin_doubt;
mod pin_forms;
pub(crate) mod pin_reference;
pub mod pin_states;
pub mod pins;
pub mod problem;
pub mod profile;
mod referenced_rules;
pub mod revocation;
pub mod role;
pub mod session;
pub mod slots;
pub mod token;
mod unread;
mod unusable_keys;
mod verdict;

pub use card::Card;
pub use certificate::{CertificateInfo, ContentKind};
pub use contents::Contents;
pub use error::{CardError, ErrorKind};
pub use keys::{Encryption, Key, KeyKind, RawInput, RsaPublicKey, Scheme, Task, UnlockedKey};
pub use kortlab_pkcs15::{Id, ObjectRef, Severity};
pub use ocsp::{AnswerTrouble, OcspAnswer};
pub use padding::Hash;
pub use pin::{Pin, PinError};
pub use pin_states::{FoundPin, UnlistedPin};
pub use pins::{PinObject, PinPurpose, PinState, WhyUnknown};
pub use problem::Problem;
pub use revocation::{ListTrouble, Revocation, RevocationList};
pub use role::PinRole;
pub use session::{Identification, NoToken, Session};
pub use slots::{
    Against, CardKey, Change, Checked, CheckedSlot, Exception, Executed, FileJournal, Fit,
    FreeSpace, Guarantee, IfChanged, Journal, JournalError, MemoryJournal, NewCertificate,
    NotChecked, Note, NoteId, Plan, Recovery, Slot, SlotProblem, Transaction, Way,
};
pub use token::{Token, TokenKind};
