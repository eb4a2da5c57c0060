//! Issuing authorities with carrier and HCC certificates, CRLs and OCSP, and signed messages.
//!
//! Everything here is computation: no sockets, no files, no card. The clock ([`clock::Clock`]) and
//! the randomness ([`random::IssuerRng`]) are injected, so a whole world of test authorities, cards
//! and certificates can be made again from a seed and a date.
//!
//! The certificates are modelled on those of a Swedish staff card (*e-tjänstekort*): a pair from
//! the card's carrier authority and a pair of HCCs from a SITHS-like authority, each pair one
//! certificate for authentication (*Legitimering*) and one for signature (*Underskrift*). All
//! names begin with "TEST"; the people are invented.
//!
//! # Map
//!
//! | module | what it knows |
//! |---|---|
//! | [`authority`], [`profile`], [`revocation`] | two test authorities, what their certificates contain, and their CRLs |
//! | [`ocsp`] | OCSP requests, and a responder an authority has delegated to |
//! | [`csr`] | PKCS#10 requests whose key lives on a card |
//! | [`receipt`] | CMS SignedData by a card, as used for the approval and the receipt |
//! | [`encoded`] | the forms in which certificates come in files |
//! | [`inspect`], `beyond` | what a certificate found on a card says: colour, purpose, holder; what is not read |
//! | [`statements`] | all that a certificate says of its subject and its uses, to compare two |
//! | [`possession`] | the key of a certificate, whatever else is in it: for a TLS handshake |
//! | [`record`] | what an authority has done, as records to be stored |
//! | [`holder`], [`card_number`] | invented people and card numbers |

pub mod authority;
mod authority_kind;
mod beyond;
pub mod card_number;
pub mod clock;
pub mod csr;
pub mod encoded;
mod error;
pub mod holder;
pub mod inspect;
mod modulus;
mod name;
pub mod ocsp;
mod oid;
pub mod possession;
pub mod profile;
pub mod public_key;
pub mod random;
pub mod receipt;
pub mod record;
pub mod revocation;
pub mod statements;

pub use error::{DocumentError, IssueError};
