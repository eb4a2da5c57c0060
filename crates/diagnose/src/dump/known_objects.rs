//! The data objects by which programs know cards that have not the EID applet, and those that say what
//! a card can: asked for with GET DATA, so that the copy answers as the card.

use kortlab_apdu::{Channel, Command, FilePath, StatusWord, instruction};
use kortlab_card::CardError;

use super::applications::{DataObject, DataObjects};
use super::notes::Kind;
use super::search::CardObject;
use super::tree::{Body, Place};
use super::walk::{Walk, is_final, select};

/// IsoApplet: the version of its interface and what it can; where it has no GET DATA, `6D00`.
const ISO_APPLET: u16 = 0x0101;
/// MyEID, OsEID: what the applet is, with the card's number.
const MYEID: u16 = 0x01A0;
/// MyEID, OsEID: what the card can, with keys of which lengths.
const MYEID_CAPABILITIES: u16 = 0x01AA;
/// MyEID, OsEID: the identifiers of the files in the current DF.
const LIST_OF_FILES: u16 = 0x01A1;
/// MyEID, OsEID: the state of the PINs 1 to 14, each with its tries.
const STATES_OF_PINS: core::ops::RangeInclusive<u16> = 0x01B1..=0x01BE;

/// What programs ask for to know a card.
const KNOWN_BY: [u16; 3] = [ISO_APPLET, MYEID, MYEID_CAPABILITIES];

/// In how many other DFs an object of the MF is asked for, to see whether it is the card's.
const ASKED_AGAIN: usize = 3;

/// What the card answers to GET DATA where that is not what a copy answers by itself (`6A88`).
type Told = Option<Result<Vec<u8>, StatusWord>>;

impl<C: Channel> Walk<'_, C> {
    /// Asks the MF and each application for the objects by which programs know cards, and a card
    /// that they know as MyEID for what it says of its PINs and files.
    ///
    /// # Errors
    /// Nothing more can be read from the card.
    pub(super) fn known_objects(
        &mut self,
        objects: &mut DataObjects,
        of_card: &mut Vec<CardObject>,
    ) -> Result<(), CardError> {
        let dfs = self.directories();
        let master_file = Place::of_path(&FilePath::MASTER_FILE);
        let roots = dfs.iter().filter(|df| df.below.is_empty());
        for root in roots {
            for tag in KNOWN_BY {
                let is_known = of_card.iter().any(|(known, _)| *known == tag);
                if !is_known && let Some(told) = self.told(root, tag)? {
                    self.keep(root, tag, told, objects, of_card)?;
                }
            }
        }
        if !of_card.iter().any(|(tag, _)| *tag == MYEID) {
            return Ok(());
        }
        for tag in STATES_OF_PINS {
            if let Some(told) = self.told(&master_file, tag)? {
                self.keep(&master_file, tag, told, objects, of_card)?;
            }
        }
        for df in &dfs {
            if let Some(told) = self.told(df, LIST_OF_FILES)? {
                self.keep_of_df(df, LIST_OF_FILES, told, objects);
            }
        }
        let why = "the card is one of MyEID's kind; of its own data objects 01A0, 01A1, 01AA and 01B1 to \
                   01BE were asked for, and not what it tells of a selected key";
        self.notes.add("data objects", Kind::NotLookedAt, None, why);
        let why = "the copy goes on to tell the state of PINs and the lists of files (01B1 to 01BE, 01A1) \
                   that the card told, whatever becomes of its own";
        self.notes.add("data objects", Kind::Differs, None, why);
        Ok(())
    }

    /// Keeps a data object: of the card, if other DFs give the same value; else of each DF what that
    /// one says.
    ///
    /// # Errors
    /// As for [`Walk::known_objects`].
    pub(super) fn keep(
        &mut self,
        df: &Place,
        tag: u16,
        told: Result<Vec<u8>, StatusWord>,
        objects: &mut DataObjects,
        of_card: &mut Vec<CardObject>,
    ) -> Result<(), CardError> {
        let master_file = Place::of_path(&FilePath::MASTER_FILE);
        let (Ok(value), true) = (&told, *df == master_file) else {
            self.keep_of_df(df, tag, told, objects);
            return Ok(());
        };
        let others: Vec<Place> = self
            .directories()
            .into_iter()
            .filter(|one| one != df)
            .collect();
        let mut differs = false;
        for other in others.iter().take(ASKED_AGAIN) {
            let again = self.told(other, tag)?;
            differs |= again.as_ref() != Some(&told);
        }
        if !differs {
            of_card.push((tag, value.clone()));
            return Ok(());
        }
        self.keep_of_df(df, tag, told, objects);
        for other in &others {
            if let Some(told) = self.told(other, tag)? {
                self.keep_of_df(other, tag, told, objects);
            }
        }
        Ok(())
    }

    /// Keeps what one DF says to a tag, once.
    fn keep_of_df(
        &mut self,
        df: &Place,
        tag: u16,
        told: Result<Vec<u8>, StatusWord>,
        objects: &mut DataObjects,
    ) {
        let tag = tag_bytes(tag);
        let known = objects.entry(df.clone()).or_default();
        if known.iter().any(|object| object.tag == tag) {
            return;
        }
        if let Err(status) = told
            && !super::applications::is_absent(status)
        {
            let what = format!("{df}, data object {}", hex::encode_upper(&tag));
            self.notes
                .add(what, Kind::Refused, Some(status), status.meaning());
        }
        known.push(DataObject { tag, answer: told });
    }

    /// What the card answers to GET DATA in a DF.
    fn told(&mut self, df: &Place, tag: u16) -> Result<Told, CardError> {
        let [p1, p2] = tag.to_be_bytes();
        let command = Command::new(instruction::GET_DATA, p1, p2).expecting_any();
        let doing = format!("get data object {tag:04X} in {df}");
        let answer = self.repeated(|files| {
            select(files, df)?;
            files.send(&doing, &command)
        });
        match answer {
            Ok(answer) if answer.is_success() => Ok(Some(Ok(answer.into_data()))),
            Ok(answer) if answer.status() == StatusWord::REFERENCE_NOT_FOUND => Ok(None),
            Ok(answer) => Ok(Some(Err(answer.status()))),
            Err(error) if is_final(&error) => Err(error),
            Err(error) => {
                let what = format!("{df}, data object {tag:04X}");
                self.notes
                    .add(what, Kind::Nonsense, None, error.to_string());
                Ok(None)
            }
        }
    }

    /// The DFs that the card selects, each once: an application that was found by its path, too, is
    /// there.
    fn directories(&self) -> Vec<Place> {
        let all = self.tree.iter();
        let dfs = all.filter(|(place, found)| {
            matches!(found.body, Body::Df)
                && found.refused.is_none()
                && !self.is_twice(place, found)
        });
        dfs.map(|(place, _)| place.clone()).collect()
    }
}

/// The tag as a data object of a DF has it: without zeros in front, as GET DATA looks for it.
fn tag_bytes(tag: u16) -> Vec<u8> {
    let bytes = tag.to_be_bytes();
    bytes.strip_prefix(&[0]).unwrap_or(&bytes).to_vec()
}
