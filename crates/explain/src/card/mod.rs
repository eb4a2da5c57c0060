//! What a card session found, in words: keys, PINs, certificates.

mod certificate;
mod key;
mod pin;
mod serial;
mod uri;

pub use certificate::{CertificateEntry, NotCheckedEntry, slot_id, usual_label};
pub use key::KeyEntry;
pub use pin::PinEntry;
pub use serial::serial;
pub use uri::{PublicKeyWords, TokenWords, UriEntry, uris};
