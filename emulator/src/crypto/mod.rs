//! What the card computes with: RSA keys, and the paddings and digests around them.

pub mod digest;
pub mod padding;
pub mod rsa_key;
mod stored;

pub use rsa_key::{KeyError, RsaComponents, RsaKey};
