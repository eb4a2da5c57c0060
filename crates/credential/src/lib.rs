//! One's own key and certificates on a virtual card: read from PKCS#12 (RFC 7292), PEM (RFC 7468)
//! or DER, put together, and given their places on the card. No I/O.
//!
//! What is read comes from strangers: work is bounded by [`Effort`], nesting and lengths are
//! limited, and every refusal says what to do next. Keys and passphrases are erased when they are
//! dropped, and stand in no error and no `Debug` output.
//!
//! ```
//! use kortlab_credential::{Effort, read_key};
//!
//! let error = read_key(b"-----BEGIN EC PRIVATE KEY-----\n", None, &mut Effort::default()).unwrap_err();
//! assert!(error.to_string().contains("RSA only"));
//! ```

mod ber;
mod certificate;
mod derivation;
mod effort;
mod encryption;
mod error;
mod passphrase;
mod personal;
mod pfx;
mod private_key;

pub use effort::Effort;
pub use error::CredentialError;
pub use passphrase::Passphrase;
pub use personal::{Holdings, Personal, Role, Warning, personal};
pub use pfx::read_pkcs12;
pub use private_key::read_key;

/// The longest file that is read: a PKCS#12 file with a long chain has some 20 kB.
pub const MAX_FILE: usize = 1 << 20;
