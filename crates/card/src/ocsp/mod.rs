//! Answers of OCSP responders (RFC 6960): read leniently, used strictly.
//!
//! An answer says something of a certificate only if it is about this certificate of this issuer, is
//! signed by the issuer or by a responder to which the issuer has given that (§4.2.2.2), is in force,
//! and answers the question that was asked. What it says where it is not is told, not used. A
//! responder that does not know a certificate has not called it good.

mod answer;
mod judge;
mod question;
mod trouble;

pub use answer::OcspAnswer;
pub use question::{NONCE_LENGTH, Question, nonce, questions};
pub use trouble::AnswerTrouble;

pub(crate) use judge::Answers;

use kortlab_apdu::tlv::Tlv;

/// id-pkix-ocsp-nonce, 1.3.6.1.5.5.7.48.1.2.
const NONCE: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02];

/// The bits of the key in a SubjectPublicKeyInfo, which CertIDs and responders' names are hashes of.
fn key_bits(spki: &[u8]) -> Option<&[u8]> {
    let bits = kortlab_apdu::tlv::read_one(spki).ok()?.children().nth(1)?;
    bits.ok()?.value.get(1..)
}

/// The next element of these, if it can be read.
fn next<'a>(
    parts: &mut impl Iterator<Item = Result<Tlv<'a>, kortlab_apdu::Error>>,
) -> Option<Tlv<'a>> {
    parts.next()?.ok()
}
