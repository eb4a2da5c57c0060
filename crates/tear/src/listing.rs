//! What a reader sees on a card: the certificates, and which files there are.

use std::collections::BTreeSet;

use kortlab_apdu::{Channel, FilePath};
use kortlab_card::{Card, CardError};
use kortlab_emulator::VirtualCard;
use kortlab_emulator::fs::FileSystem;

/// The certificates on a card, in the order of its directories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The certificates.
    pub certificates: Vec<Listed>,
}

/// One certificate on a card.
#[derive(Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its label.
    pub label: String,
    /// The identifier of its key.
    pub key_id: Vec<u8>,
    /// The absolute path of its file.
    pub path: FilePath,
    /// The certificate as it was read.
    pub der: Vec<u8>,
}

/// Without the certificate itself.
impl core::fmt::Debug for Listed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self {
            label,
            key_id,
            path,
            der,
        } = self;
        write!(
            f,
            "{label:?} for {key_id:02X?} at {path} ({} bytes)",
            der.len()
        )
    }
}

impl Listing {
    /// Reads it from a card.
    ///
    /// # Errors
    /// The card is gone.
    pub fn read<C: Channel>(card: &mut Card<C>) -> Result<Self, CardError> {
        let certificates = card
            .slots()?
            .into_iter()
            .map(|slot| Listed {
                label: slot.label().unwrap_or_default().to_owned(),
                key_id: slot.key_id().0.clone(),
                path: slot.path.clone().unwrap_or_default(),
                der: slot.der.into(),
            })
            .collect();
        Ok(Self { certificates })
    }
}

/// The absolute paths of all files on a card.
pub fn files(card: &VirtualCard) -> BTreeSet<FilePath> {
    let files = &card.state().files;
    let path = |id| {
        let upwards: Vec<_> = files.with_ancestors(id).collect();
        let downwards = upwards.into_iter().rev().filter_map(|id| files.get(id));
        downwards.fold(FilePath::EMPTY, |path, file| path.child(file.fid))
    };
    files
        .subtree(FileSystem::MASTER_FILE)
        .into_iter()
        .map(path)
        .collect()
}
