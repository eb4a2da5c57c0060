//! Looking for what nothing on the card names: every file identifier, tag and beginning of an AID.

use core::str::FromStr;

use kortlab_apdu::{Channel, Command, Fid, FilePath, StatusWord, instruction};
use kortlab_card::{CardError, ErrorKind};

use super::applications::DataObjects;
use super::image::same_by_path;
use super::notes::Kind;
use super::tree::{Body, Found, Place};
use super::walk::{Walk, is_final, select};

/// What is looked for by trying all there can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Search {
    /// Files, by every identifier in every directory.
    Files,
    /// Data objects of the card, by every tag of GET DATA.
    Objects,
    /// Applications, by every first byte of an AID.
    Applications,
}

impl Search {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Applications, Self::Objects, Self::Files];

    /// Its word on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Objects => "objects",
            Self::Applications => "aids",
        }
    }
}

impl FromStr for Search {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let mut all = Self::ALL.into_iter();
        all.find(|search| search.name() == name)
            .ok_or_else(|| format!("{name:?} is neither files, objects nor aids"))
    }
}

/// A data object of the card, found by its tag.
pub(super) type CardObject = (u16, Vec<u8>);

/// Identifiers that no card is known to have: where one of them is selected, every one is.
const NOBODYS: [u16; 2] = [0x9E4B, 0xB7D3];

/// The high bytes of identifiers that cards are known to have; they come first.
const USUAL: [u8; 14] = [
    0x2F, 0x50, 0x43, 0x44, 0x4B, 0x00, 0x01, 0x3F, 0x45, 0x40, 0x49, 0x10, 0xDF, 0xAD,
];

/// The most applications that are looked for behind one first byte.
const MAX_NEXT: usize = 16;

impl<C: Channel> Walk<'_, C> {
    /// Tries every file identifier in every DF that was found, and in those that are found.
    ///
    /// # Errors
    /// Nothing more can be read from the card; the budget may be spent.
    pub(super) fn search_files(&mut self) -> Result<(), CardError> {
        let mut searched = Vec::new();
        while let Some(df) = self.next_df(&searched) {
            searched.push(df.clone());
            let nobodys = NOBODYS.map(|fid| df.child(Fid(fid)));
            let mut both = true;
            for place in &nobodys {
                both &= self.answers(place)?;
            }
            if both {
                let why = "it selects files of every identifier, also of two that no card has: its \
                           answers say nothing, and it was not searched";
                self.notes.add(&df, Kind::NotLookedAt, None, why);
                continue;
            }
            for fid in identifiers() {
                let place = df.child(fid);
                if self.tree.get(&place).is_none() {
                    self.visit(&place)?;
                }
            }
        }
        Ok(())
    }

    /// The next DF that was not searched yet.
    fn next_df(&self, searched: &[Place]) -> Option<Place> {
        let all = self.tree.iter();
        // An application that is found by its path, too, is searched there.
        let mut dfs = all.filter(|(place, found)| {
            matches!(found.body, Body::Df) && !self.is_twice(place, found)
        });
        let new = dfs.find(|(place, _)| !searched.contains(place));
        new.map(|(place, _)| place.clone())
    }

    /// Whether this is an application that was found by its path, too.
    pub(super) fn is_twice(&self, place: &Place, found: &Found) -> bool {
        let aid = place.application.as_ref();
        aid.is_some_and(|aid| same_by_path(&self.tree, aid, found).is_some())
    }

    fn answers(&mut self, place: &Place) -> Result<bool, CardError> {
        match self.repeated(|files| select(files, place)) {
            Ok(_) => Ok(true),
            Err(error) if is_final(&error) => Err(error),
            Err(_) => Ok(false),
        }
    }

    /// Tries every tag of one or two bytes that GET DATA takes in P1-P2 (ISO/IEC 7816-4 §11.6.2).
    ///
    /// # Errors
    /// As for [`Walk::search_files`].
    pub(super) fn search_objects(
        &mut self,
        objects: &mut DataObjects,
        found: &mut Vec<CardObject>,
    ) -> Result<(), CardError> {
        let master_file = Place::of_path(&FilePath::MASTER_FILE);
        for tag in tags() {
            if found.iter().any(|(known, _)| *known == tag) {
                continue;
            }
            if let Some(value) = self.card_object(tag)? {
                self.keep(&master_file, tag, Ok(value), objects, found)?;
            }
        }
        Ok(())
    }

    /// The data object of the card with this tag, if it gives one.
    ///
    /// # Errors
    /// Nothing more can be read from the card.
    pub(super) fn card_object(&mut self, tag: u16) -> Result<Option<Vec<u8>>, CardError> {
        let [p1, p2] = tag.to_be_bytes();
        let command = Command::new(instruction::GET_DATA, p1, p2).expecting_any();
        let what = format!("data object {tag:04X}");
        let answer = self.repeated(|files| {
            select(files, &Place::of_path(&FilePath::MASTER_FILE))?;
            files.send(&format!("get {what}"), &command)
        });
        match answer {
            Ok(answer) if answer.is_success() => Ok(Some(answer.into_data())),
            Ok(answer) => {
                let status = answer.status();
                if status == StatusWord::SECURITY_STATUS {
                    let why = status.meaning();
                    self.notes.add(what, Kind::Refused, Some(status), why);
                }
                Ok(None)
            }
            Err(error) if is_final(&error) => Err(error),
            Err(error) => {
                if error.kind() == ErrorKind::Nonsense {
                    let why = error.to_string();
                    self.notes.add(what, Kind::Nonsense, None, why);
                }
                Ok(None)
            }
        }
    }

    /// Selects applications by each first byte of an AID, and the next ones (P2 = 02) behind each:
    /// cards that take the beginning of a name tell all that they have.
    ///
    /// # Errors
    /// As for [`Walk::search_files`].
    pub(super) fn search_applications(
        &mut self,
        objects: &mut DataObjects,
    ) -> Result<(), CardError> {
        for first in 0..=0xFF_u8 {
            for aid in self.beginning_with(first)? {
                let place = self.application(&aid)?;
                if self.tree.get(&place).is_none() && self.visit(&place)? {
                    self.data_objects(&place, objects)?;
                }
            }
        }
        Ok(())
    }

    /// The AIDs that the card tells of applications whose AID begins with this byte.
    fn beginning_with(&mut self, first: u8) -> Result<Vec<Vec<u8>>, CardError> {
        let doing = format!("select an application whose AID begins with {first:02X}");
        let answers = self.repeated(|files| {
            let mut names: Vec<Vec<u8>> = Vec::new();
            for index in 0..MAX_NEXT {
                // The first occurrence, then the next ones; with the description.
                let occurrence = if index == 0 { 0x00 } else { 0x02 };
                let command = Command::new(instruction::SELECT, 0x04, occurrence);
                let answer = files.send(&doing, &command.with_data([first]).expecting_any())?;
                let is_selected = answer.is_success() || answer.status().is_warning();
                let name = super::applications::whole_aid(&[first], answer.data());
                // Without a name nothing is known, and the first again is the end.
                if !is_selected || name.len() < 5 || names.contains(&name) {
                    break;
                }
                names.push(name);
            }
            Ok(names)
        });
        match answers {
            Err(error) if is_final(&error) => Err(error),
            other => Ok(other.unwrap_or_default()),
        }
    }
}

/// Every identifier that a file may have, the usual ones first.
fn identifiers() -> impl Iterator<Item = Fid> {
    let others = (0..=0xFF_u8).filter(|high| !USUAL.contains(high));
    let all = USUAL.into_iter().chain(others);
    all.flat_map(|high| (0..=0xFF_u8).map(move |low| Fid::from([high, low])))
        .filter(|fid| fid.is_free_for_use())
}

/// The tags of GET DATA: one byte of BER (0040 to 00FF), proprietary and SIMPLE-TLV ones (0100 to
/// 02FF), and two bytes of BER, whose first ends in five ones.
fn tags() -> impl Iterator<Item = u16> {
    let two = (0..=0xFF_u8).filter(|first| first & 0x1F == 0x1F);
    let two =
        two.flat_map(|first| (0..=0xFF_u8).map(move |second| u16::from_be_bytes([first, second])));
    (0x0040..=0x02FF).chain(two)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_identifier_is_tried_once_and_the_usual_ones_first() {
        let all: Vec<_> = identifiers().collect();
        let set: BTreeSet<_> = all.iter().collect();
        assert_eq!((all.len(), set.len()), (65_532, 65_532));
        assert_eq!(all.first(), Some(&Fid(0x2F00)));
        assert!(all[..1024].contains(&Fid(0x5015)));
    }

    #[test]
    fn tags_are_those_of_one_byte_and_of_two_as_ber_writes_them() {
        let all: BTreeSet<_> = tags().collect();
        assert_eq!(all.len(), 704 + 8 * 256);
        for tag in [0x004F, 0x0101, 0x5F50, 0xDF30, 0x7F21] {
            assert!(all.contains(&tag), "{tag:04X}");
        }
        assert!(!all.contains(&0x6F00));
    }
}
