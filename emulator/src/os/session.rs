//! What the card forgets when power goes: the selection, the security status, a chain that is
//! being received, a response that waits to be fetched.

use core::fmt;

use kortlab_apdu::StatusWord;
use zeroize::Zeroizing;

use super::environment::SecurityEnvironment;
use crate::fs::{FileId, FileSystem};
use crate::security::verified::Verified;

/// The volatile state of a card.
#[derive(Clone, Debug, Default)]
pub(crate) struct Session {
    /// What is selected.
    pub selection: Selection,
    /// Which PINs are verified.
    pub verified: Verified,
    /// What MANAGE SECURITY ENVIRONMENT chose.
    pub environment: SecurityEnvironment,
    /// A command chain that is being received.
    pub chain: Option<Chain>,
    /// A response that waits for GET RESPONSE.
    pub pending: Option<Pending>,
    /// Whether the answer of this command goes out also where it asks for none.
    pub unasked: bool,
}

/// The current DF, EF and record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    /// The current DF.
    pub df: FileId,
    /// The current EF, in the current DF.
    pub ef: Option<FileId>,
    /// The index of the current record in the current EF.
    pub record: Option<usize>,
}

/// The commands of a chain so far (ISO/IEC 7816-4 §5.3.3).
#[derive(Clone)]
pub(crate) struct Chain {
    /// CLA without the chaining bit, INS, P1, P2: the same in each command of the chain.
    pub header: [u8; 4],
    /// The data fields so far.
    pub data: Zeroizing<Vec<u8>>,
}

/// A response that waits for GET RESPONSE.
#[derive(Clone)]
pub(crate) struct Pending {
    /// The data that was not given out yet.
    pub data: Zeroizing<Vec<u8>>,
    /// How much of it was given out.
    pub position: usize,
    /// The status word that follows the last byte.
    pub status: StatusWord,
}

/// Without the data, which may be key material.
impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chain({:02X?}, {} bytes)", self.header, self.data.len())
    }
}

/// Without the data, which may be deciphered.
impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pending({} bytes, {})", self.rest().len(), self.status)
    }
}

impl Default for Selection {
    fn default() -> Self {
        Self {
            df: FileSystem::MASTER_FILE,
            ef: None,
            record: None,
        }
    }
}

impl Selection {
    /// A DF, and no EF in it.
    pub const fn df(df: FileId) -> Self {
        Self {
            df,
            ef: None,
            record: None,
        }
    }

    /// An EF and the DF that holds it.
    pub const fn ef(df: FileId, ef: FileId) -> Self {
        Self {
            df,
            ef: Some(ef),
            record: None,
        }
    }

    /// The current EF, or the current DF where no EF is selected.
    pub fn file(&self) -> FileId {
        self.ef.unwrap_or(self.df)
    }
}

impl Pending {
    /// The bytes that were not given out yet.
    pub fn rest(&self) -> &[u8] {
        self.data.get(self.position..).unwrap_or_default()
    }
}
