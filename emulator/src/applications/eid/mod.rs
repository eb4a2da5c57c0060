//! The EID applet v2, which is like SetCOS 4.4: what it has beyond the standard.

mod access;
mod generate_key;
mod get_data;
mod list_files;

use kortlab_apdu::instruction as ins;

use super::{Application, Instruction, Traffic, iso};
use crate::crypto::Algorithm;
use crate::crypto::digest::Hash;
use crate::security::{Access, AccessError};

/// The EID applet.
#[derive(Clone, Copy, Debug)]
pub struct Eid;

/// The application.
pub const APPLICATION: Eid = Eid;

/// What it has in another way than the standard, or beyond it.
const OWN: &[Instruction] = &[
    Instruction::interindustry(ins::GET_DATA, Traffic::Out, get_data::execute),
    Instruction::interindustry(
        ins::GENERATE_ASYMMETRIC_KEY_PAIR,
        Traffic::In,
        generate_key::execute,
    )
    .chained(),
    Instruction::proprietary(0x80, 0xAA, Traffic::Out, list_files::execute),
];

impl Application for Eid {
    fn name(&self) -> &'static str {
        "eid"
    }

    fn instructions(&self) -> &'static [&'static [Instruction]] {
        const {
            &[
                OWN,
                iso::SELECTION,
                iso::READING,
                iso::PINS,
                iso::KEYS,
                iso::WRITING,
                iso::MANAGEMENT,
            ]
        }
    }

    fn access(&self, value: &[u8]) -> Result<Access, AccessError> {
        access::parse(value)
    }

    /// The security status belongs to the card: it survives the selection of other files.
    fn keeps_security_status(&self) -> bool {
        true
    }

    /// `00` raw, `02` PKCS#1 v1.5 padding, `12` and `42` the same over a digest of SHA-1 and SHA-256.
    fn algorithm(&self, reference: &[u8]) -> Option<Algorithm> {
        match reference {
            [0x00] => Some(Algorithm::Raw),
            [0x02] => Some(Algorithm::Pkcs1),
            [0x12] => Some(Algorithm::Pkcs1Digest(Hash::Sha1)),
            [0x42] => Some(Algorithm::Pkcs1Digest(Hash::Sha256)),
            _ => None,
        }
    }
}
