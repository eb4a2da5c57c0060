//! A client of the portal whose TLS key is on a card.
//!
//! [`HttpPortal`] is a [`Portal`](kortlab_portal_core::Portal) over HTTPS. Log-in is a TLS
//! handshake with client authentication (RFC 8446 §4.4.3, RFC 5246 §7.4.8): the certificate and
//! the signature are a [`LogInKey`](kortlab_portal_core::LogInKey)'s, wherever that has its
//! key. The key need not leave the thread it is on: the request runs on another one and sends what
//! is to be signed.
//!
//! # What a server may do
//!
//! Only servers are talked to whose certificate leads to an authority of [`Trust`], which the user
//! has named; the system's list of authorities is not asked. Answers are bounded in time and size,
//! redirects are refused, and what is not the JSON that was expected is an error that names the
//! field. A session's token goes to the portal's main address and nowhere else.
//!
//! # What is sent twice
//!
//! What changes nothing the second time is sent again, twice at most, when the connection breaks off
//! or the portal is busy, and not when the time for an answer is over: reading, placing an order (the
//! one under way comes back), noting a removal. A log-in is not, since a card counts wrong PINs; nor
//! are an approval and a receipt, which the portal takes once.
//! After a lost answer to one of these, the same questions as after a crash tell what came of it.

pub mod bounded;
mod card_key;
mod error;
mod exchange;
mod portal;
mod trust;

pub use bounded::Timeouts;
pub use error::ConnectError;

pub use portal::HttpPortal;
pub use trust::{Trust, TrustError};
