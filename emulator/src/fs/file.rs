//! One file.

use super::records::Records;
use super::{ApplicationId, Fid, FileId, LifeCycle, ObjectOfDf, Recorded, Unreadable};
use crate::crypto::StoredKey;
use crate::security::Access;

/// A DF or an EF.
#[derive(Clone, Debug)]
pub struct File {
    /// The file identifier.
    pub fid: Fid,
    /// The DF that holds it; `None` for the MF.
    pub parent: Option<FileId>,
    /// The application that it belongs to.
    pub application: ApplicationId,
    /// A name for people.
    pub label: Option<String>,
    /// The life cycle status.
    pub life_cycle: LifeCycle,
    /// The value of tag 86 as it was given, which the FCI echoes.
    pub access_raw: Option<Vec<u8>>,
    /// The same, parsed.
    pub access: Access,
    /// The value of tag A5 as it was given.
    pub proprietary: Option<Vec<u8>>,
    /// Whether the file descriptor byte says "shareable".
    pub shareable: bool,
    /// The short file identifier: 0 none, `None` the low bits of the FID.
    pub sfi: Option<u8>,
    /// The data coding byte.
    pub data_coding: Option<u8>,
    /// What the card answered from which this file was copied.
    pub recorded: Option<Box<Recorded>>,
    /// What is in it.
    pub body: Body,
}

/// What is in a file.
#[derive(Clone, Debug)]
pub enum Body {
    /// A DF.
    Df {
        /// Its name (AID).
        name: Option<Vec<u8>>,
        /// The application that answers while this is the current DF; `None`: that of the DF around
        /// it.
        application: Option<Box<str>>,
        /// What GET DATA with a tag list gives while this is the current DF.
        objects: Vec<ObjectOfDf>,
        /// The files in it.
        children: Vec<FileId>,
    },
    /// A transparent EF: its bytes.
    Transparent(Vec<u8>),
    /// An EF of records.
    Records(Records),
    /// A key.
    Key {
        /// The size that the FCI tells, if any.
        size: Option<u32>,
        /// The key, once there is one.
        key: Option<Box<StoredKey>>,
    },
}

/// What WRITE does with the bytes that are there (ISO/IEC 7816-4 §7.4.5, data coding byte).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteFunction {
    /// Bytes in the erased state can be written once.
    OneTime,
    /// The new bytes are combined with the old by OR; the erased state is 00.
    Or,
    /// By AND; the erased state is FF.
    And,
}

impl File {
    /// Whether this is a DF.
    pub const fn is_df(&self) -> bool {
        matches!(self.body, Body::Df { .. })
    }

    /// The DF name, if it has one.
    pub fn name(&self) -> Option<&[u8]> {
        match &self.body {
            Body::Df { name, .. } => name.as_deref(),
            _ => None,
        }
    }

    /// From where on it cannot be read, as the card from which it was copied has answered.
    pub fn unreadable(&self) -> Option<Unreadable> {
        self.recorded.as_ref()?.unreadable
    }

    /// What WRITE does: bits 7 and 6 of the data coding byte; OR where there is none or where
    /// they say "proprietary".
    pub const fn write_function(&self) -> WriteFunction {
        match self.data_coding {
            Some(coding) => match coding & 0x60 {
                0x00 => WriteFunction::OneTime,
                0x60 => WriteFunction::And,
                _ => WriteFunction::Or,
            },
            None => WriteFunction::Or,
        }
    }

    /// The value of a byte in the erased state.
    pub const fn erased_byte(&self) -> u8 {
        match self.write_function() {
            WriteFunction::And => 0xFF,
            WriteFunction::OneTime | WriteFunction::Or => 0x00,
        }
    }

    /// Whether the EF answers to this short file identifier (1 to 30).
    pub fn has_sfi(&self, sfi: u8) -> bool {
        !self.is_df() && self.sfi.unwrap_or(self.fid.bytes()[1] & 0x1F) == sfi
    }
}

impl WriteFunction {
    /// The bytes that are there after `new` was written over `old`; `None` if that is not allowed.
    pub fn combine(self, old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
        let pairs = old.iter().zip(new);
        match self {
            Self::Or => Some(pairs.map(|(old, new)| old | new).collect()),
            Self::And => Some(pairs.map(|(old, new)| old & new).collect()),
            Self::OneTime => old.iter().all(|&byte| byte == 0).then(|| new.to_vec()),
        }
    }
}
