//! Bytes to words: what a command, an answer, an ATR, a file of a card or a certificate says, and
//! at which bytes. No I/O.
//!
//! Everything becomes an [`Explanation`]: a tree of [`Node`]s, each with the place of its bytes, and
//! the [`Problem`](kortlab_card::Problem)s, in the one vocabulary of findings that the card session
//! has too. Text and JSON are made of the same tree.
//!
//! ```
//! use kortlab_explain::{certificate, fcp};
//!
//! let answer = [0x62, 0x08, 0x82, 0x01, 0x01, 0x83, 0x02, 0x43, 0x31, 0x8A];
//! let file = fcp::explain(&answer);
//! let text = file.to_string();
//! assert!(text.contains("83 file identifier: 43 31"), "{text}");
//! // The last object has no length: that is told, with its place, and nothing is left out.
//! assert_eq!(file.problems[0].code(), "truncated");
//! assert_eq!(file.problems[0].offset(), Some(10));
//!
//! // What is something else is said to be that.
//! let no_certificate = certificate::explain(&answer);
//! assert_eq!(no_certificate.problems[0].code(), "not-a-certificate");
//! ```
//!
//! # What may be given
//!
//! Anything. No bytes make these functions panic; a tree has at most [`MAX_NODES`] nodes and
//! [`MAX_DEPTH`] levels, and takes memory in proportion to its bytes. The nodes of one level stand
//! in the order of their bytes and touch each other: what was not decoded is a node that says so
//! ([`NOT_DECODED`]), and never left out; and [`Explanation::is_clean`] is not said of it. Data that may be a PIN or a key is not shown.
//!
//! # Map
//!
//! | module | what it explains |
//! |---|---|
//! | [`status`], [`command`], [`answer`] | status words, commands, answers |
//! | [`atr`] | answers to reset |
//! | [`fcp`], [`access`], [`tlv`] | what SELECT says of a file, and who may do what with it; BER-TLV of any kind |
//! | [`pkcs15`] | the files of a PKCS#15 application, and their objects |
//! | [`certificate`], [`revocation_list`], [`ocsp`] | X.509, and what responders answer |
//! | [`cms`] | signed and enveloped messages |
//! | [`kind`] | what bytes are, said or guessed |
//! | [`story`] | commands and answers one after the other: what is selected, verified and read |
//! | [`written`] | bytes as programs and people write them down |
//! | [`card`] | what a card session found: keys, PINs, certificates, numbers |
//! | [`dump`], [`printable()`] | bytes as rows; text that is safe for a terminal |

pub mod access;
pub mod answer;
mod asn1;
pub mod atr;
pub mod card;
pub mod certificate;
pub mod cms;
pub mod command;
pub mod dump;
pub mod fcp;
mod hexadecimal;
pub mod kind;
mod node;
pub mod ocsp;
mod oid;
pub mod pkcs15;
mod printable;
pub mod revocation_list;
mod span;
pub mod status;
pub mod story;
pub mod tlv;
pub mod written;
mod x509;

pub use hexadecimal::{Hex, SpacedHex};
pub use node::{Explanation, Lines, MAX_DEPTH, MAX_NODES, NOT_DECODED, Node};
pub use printable::{is_unprintable, printable};
pub use span::Span;
