//! Everything on the card that outlives power: what a card is, ready to run.
//!
//! A [`State`] is read by all; [`Memory`](super::Memory) alone holds one that can be changed.

use std::borrow::Cow;

use kortlab_apdu::Protocol;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::MemoryTechnology;
use super::provenance::Provenance;
use crate::fs::footprint::{DATA_OBJECT_HEADER, PIN_HEADER};
use crate::fs::{FileSystem, LifeCycle};
use crate::security::{Access, PinEncoding};

/// The persistent state of a card.
#[derive(Clone, Debug)]
pub struct State {
    /// The card model.
    pub model: Model,
    /// The transmission protocol.
    pub protocol: Protocol,
    /// The answer to reset.
    pub atr: Vec<u8>,
    /// The serial number.
    pub serial: String,
    /// The non-volatile memory in bytes.
    pub capacity: u32,
    /// How much of it is taken, in bytes.
    pub used: u64,
    /// Ways in which this card differs from others of its model.
    pub settings: Settings,
    /// The life cycle status of the card.
    pub life_cycle: LifeCycle,
    /// PINs and PUKs.
    pub pins: Vec<Pin>,
    /// What GET DATA gives.
    pub data_objects: Vec<DataObject>,
    /// The files.
    pub files: FileSystem,
    /// What the image says of a change that is not finished; nothing of the card.
    pub pending_change: Option<serde_json::Value>,
    /// What the image says of the card it was read from; nothing of the card.
    pub provenance: Option<Box<Provenance>>,
}

/// The name of a card model: `eid`. What a card does is its applications' affair; the model says to
/// people and programs where its files come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Model(pub Cow<'static, str>);

impl Model {
    /// The card of the EID applet.
    pub const EID: Self = Self(Cow::Borrowed("eid"));
    /// A card of no model: its files and applications are all there is to it.
    pub const NONE: Self = Self(Cow::Borrowed("none"));
}

/// Ways in which one card differs from others of its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Whether command chaining works; without it every chained command gets 6884.
    pub command_chaining: bool,
    /// T=0 only: take a block of exactly 260 bytes, class bit 5 set, instruction 2A, as header,
    /// 255 data bytes and one stray byte. Readers that announce long APDUs make OpenSC send the
    /// first block of a chain without its P3 byte; a real card would refuse it.
    pub accept_chained_block_without_p3: bool,
    /// What power loss does to a write that is under way.
    pub memory: MemoryTechnology,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            command_chaining: true,
            accept_chained_block_without_p3: true,
            memory: MemoryTechnology::default(),
        }
    }
}

/// A PIN or PUK.
#[derive(Clone, Debug)]
pub struct Pin {
    /// The reference that commands take in P2.
    pub reference: u8,
    /// A name for people.
    pub label: String,
    /// The value without padding; empty where it is not known, and then nothing is right.
    pub value: SecretValue,
    /// Which characters a value may have.
    pub encoding: PinEncoding,
    /// The fewest characters.
    pub min_length: u8,
    /// The most characters.
    pub max_length: u8,
    /// The length of the padded value in commands.
    pub stored_length: u8,
    /// The padding byte.
    pub pad: u8,
    /// Tries left; 0 means blocked.
    pub tries_left: u8,
    /// Tries after a success.
    pub tries_max: u8,
    /// The PUK that unblocks it.
    pub unblocked_by: Option<u8>,
}

/// A PIN's value: zeroised when dropped and silent in `Debug`.
#[derive(Clone)]
pub struct SecretValue(pub Zeroizing<Vec<u8>>);

impl core::fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("[secret]")
    }
}

/// A data object of GET DATA and PUT DATA.
#[derive(Clone, Debug)]
pub struct DataObject {
    /// Its tag.
    pub tag: u16,
    /// Its value.
    pub value: Vec<u8>,
    /// Its access conditions as they were given.
    pub access_raw: Option<Vec<u8>>,
    /// The same, parsed.
    pub access: Access,
}

impl State {
    /// Where in `pins` the one with this reference is.
    pub fn pin_index(&self, reference: u8) -> Option<usize> {
        self.pins.iter().position(|pin| pin.reference == reference)
    }

    pub(crate) fn footprint(&self) -> u64 {
        let files = self.files.subtree(FileSystem::MASTER_FILE).into_iter();
        let files: u64 = files
            .filter_map(|id| self.files.get(id))
            .map(crate::fs::File::footprint)
            .sum();
        let pins: u64 = self.pins.iter().map(Pin::footprint).sum();
        let objects: u64 = self.data_objects.iter().map(DataObject::footprint).sum();
        files + pins + objects
    }
}

impl Pin {
    /// The bytes of non-volatile memory that it takes.
    pub fn footprint(&self) -> u64 {
        PIN_HEADER + u64::from(self.stored_length)
    }
}

impl DataObject {
    /// The bytes of non-volatile memory that it takes.
    pub fn footprint(&self) -> u64 {
        let access = self.access_raw.as_ref().map_or(0, Vec::len);
        DATA_OBJECT_HEADER + (self.value.len() + access) as u64
    }
}
