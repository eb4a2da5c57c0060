//! What the card computes with: keys, and the paddings and digests around them.

mod algorithm;
pub mod digest;
pub mod key;
pub mod padding;
pub mod rsa_key;
mod written;

pub use algorithm::Algorithm;
pub use key::{Key, KeyOperation, StoredKey, UsableKey};
pub use rsa_key::{KeyError, RsaComponents, RsaKey};
pub use written::{KeyFault, KeyImage};
