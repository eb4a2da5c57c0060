//! A session with one card: files, PINs, keys, certificate slots, over PC/SC or in process.
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
pub use slots::{CheckedSlot, Executed, FreeSpace, NewCertificate, Plan, Slot, SlotProblem};
