//! The portal's JSON interface: what goes over the wire, and the tasks for the agent.
//!
//! The values themselves are those of [`kortlab_portal_core`]; here they get a written form,
//! and nothing else happens to them. Bodies are read with [`parse`], which limits their size and
//! names the field that is wrong; requests with fields nobody knows are refused, answers with such
//! fields are not, so that a portal can say more than an older client understands.
//!
//! | module | what it knows |
//! |---|---|
//! | [`paths`] | where each operation is |
//! | [`certificates`], [`info`], [`orders`], [`session`], [`test_page`] | the bodies |
//! | [`problem`] | how a refusal is written (RFC 9457), and read again as a `PortalError` |
//! | [`task`] | what a page asks the agent to do with the card, and what comes of it |
//! | `openapi` | the whole as an OpenAPI 3.1 document |
//!
//! Binary documents (certificates, requests, signed messages) are DER in standard base64 (RFC 4648
//! §4); points in time are UTC in ISO 8601; serial numbers are the hexadecimal of the INTEGER's
//! contents octets.

pub mod certificates;
pub mod info;
pub mod limits;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod orders;
pub mod paths;
pub mod problem;
pub mod session;
pub mod task;
pub mod test_page;

mod binary;
mod parse;
mod serial;
mod time;

pub use binary::Binary;
pub use parse::{ParseError, parse};
pub use problem::Problem;
pub use serial::Serial;
pub use time::Time;
