//! What is selected by its AID, and the data objects of applications that are known to have some.

use std::collections::BTreeMap;

use kortlab_apdu::tlv::{Reader, object};
use kortlab_apdu::{Channel, Command, FilePath, Protocol, StatusWord, instruction};
use kortlab_card::applications::Reply;
use kortlab_card::{CardError, Identification};

use super::notes::Kind;
use super::tree::Place;
use super::walk::{Walk, is_final, select};

/// Data objects that applications of one kind have.
struct Kin {
    /// The beginning of the AID.
    aid: &'static [u8],
    /// The tags; those of three bytes, and all of PIV, are asked for by a tag list.
    tags: &'static [&'static [u8]],
    /// Whether GET DATA takes a tag list.
    by_list: bool,
}

/// The data objects of PIV (NIST SP 800-73-4, part 1, table 3) and of OpenPGP (OpenPGP card 3.4,
/// §4.4.1).
const KNOWN: [Kin; 2] = [
    Kin {
        aid: &[0xA0, 0x00, 0x00, 0x03, 0x08],
        tags: PIV,
        by_list: true,
    },
    Kin {
        aid: &[0xD2, 0x76, 0x00, 0x01, 0x24, 0x01],
        tags: OPENPGP,
        by_list: false,
    },
];

const OPENPGP: &[&[u8]] = &[
    &[0x4F],
    &[0x5E],
    &[0x65],
    &[0x6E],
    &[0x7A],
    &[0xC4],
    &[0xF9],
    &[0xFA],
    &[0x5F, 0x50],
    &[0x5F, 0x52],
    &[0x7F, 0x21],
    &[0x7F, 0x66],
    &[0x7F, 0x74],
    &[0x01, 0x01],
    &[0x01, 0x02],
    &[0x01, 0x03],
    &[0x01, 0x04],
];

/// The tags 5FC1xx from 01 to 23, the two interindustry templates, and the attestation certificate
/// of YubiKeys.
const PIV: &[&[u8]] = &{
    const fn tag(low: u8) -> [u8; 3] {
        [0x5F, 0xC1, low]
    }
    const TAGS: [[u8; 3]; 0x23] = {
        let mut tags = [[0; 3]; 0x23];
        let mut index = 0;
        while index < tags.len() {
            tags[index] = tag(index as u8 + 1);
            index += 1;
        }
        tags
    };
    const OTHERS: [&[u8]; 3] = [&[0x7E], &[0x7F, 0x61], &[0x5F, 0xFF, 0x01]];
    let mut all: [&[u8]; 0x23 + 3] = [&[]; 0x23 + 3];
    let mut index = 0;
    while index < TAGS.len() {
        all[index] = &TAGS[index];
        index += 1;
    }
    all[0x23] = OTHERS[0];
    all[0x24] = OTHERS[1];
    all[0x25] = OTHERS[2];
    all
};

/// A data object of an application, as the card answered.
#[derive(Clone, Debug)]
pub(super) struct DataObject {
    /// Its tag.
    pub tag: Vec<u8>,
    /// What the card gave, or with which status word it refused.
    pub answer: Result<Vec<u8>, StatusWord>,
}

/// What GET DATA gives in an application.
pub(super) type DataObjects = BTreeMap<Place, Vec<DataObject>>;

impl<C: Channel> Walk<'_, C> {
    /// Looks at the applications that answer.
    ///
    /// # Errors
    /// Nothing more can be read from the card.
    pub(super) fn applications(
        &mut self,
        identified: &Identification,
        objects: &mut DataObjects,
    ) -> Result<(), CardError> {
        if identified.anything {
            let why = "the card answers to every AID, also to one that nobody has, so that its answers \
                       say nothing; its applications are not looked at";
            self.notes.add("applications", Kind::NotLookedAt, None, why);
            return Ok(());
        }
        // Of those with a nonsense answer nobody knows yet whether they are there.
        let perhaps = identified.applications.iter();
        let perhaps = perhaps.filter(|asked| matches!(asked.reply, Reply::Nonsense(_)));
        let aids: Vec<&[u8]> = identified
            .answering()
            .chain(perhaps)
            .map(|asked| asked.aid.as_slice())
            .collect();
        for &aid in &aids {
            // The beginning of a longer one selects the same application.
            let longer = |other: &&[u8]| other.len() > aid.len() && other.starts_with(aid);
            if aids.iter().any(longer) {
                continue;
            }
            let place = self.application(aid)?;
            if self.visit(&place)? {
                self.data_objects(&place, objects)?;
                if place.rooted {
                    for path in super::usual() {
                        self.visit(&Place::in_file_system_of(aid, &path))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Where an application is: one that has an MF, on a card that has none without it, has a file
    /// system of its own.
    ///
    /// # Errors
    /// Nothing more can be read from the card.
    pub(super) fn application(&mut self, aid: &[u8]) -> Result<Place, CardError> {
        let place = Place::in_application(aid, Default::default());
        let rooted = Place::in_file_system_of(aid, &FilePath::MASTER_FILE);
        let known = |place| self.tree.get(place).is_some();
        if known(&place) || known(&rooted) {
            return Ok(if known(&rooted) { rooted } else { place });
        }
        let outside = self.tree.get(&Place::of_path(&FilePath::MASTER_FILE));
        if outside.is_some_and(|found| found.refused.is_none()) {
            return Ok(place);
        }
        let inside = self.repeated(|files| {
            files.select_application(aid)?;
            files.select(&FilePath::MASTER_FILE)
        });
        match inside {
            Ok(_) => Ok(rooted),
            Err(error) if is_final(&error) => Err(error),
            Err(_) => Ok(place),
        }
    }

    /// Asks an application for the data objects that its kind has.
    pub(super) fn data_objects(
        &mut self,
        place: &Place,
        objects: &mut DataObjects,
    ) -> Result<(), CardError> {
        let aid = place.application.clone().unwrap_or_default();
        let Some(kin) = KNOWN.iter().find(|kin| aid.starts_with(kin.aid)) else {
            return Ok(());
        };
        for &tag in kin.tags {
            let command = get_data(tag, kin.by_list).expecting_any();
            let doing = format!("get data object {}", hex::encode_upper(tag));
            let answer = self.repeated(|files| {
                select(files, place)?;
                files.send(&doing, &command)
            });
            let what = format!("{place}, data object {}", hex::encode_upper(tag));
            let answer = match answer {
                Ok(answer) if answer.is_success() => Ok(answer.into_data()),
                Ok(answer) if is_absent(answer.status()) => continue,
                Ok(answer) => {
                    let status = answer.status();
                    let why = status.meaning();
                    self.notes.add(what, Kind::Refused, Some(status), why);
                    Err(status)
                }
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => {
                    self.notes
                        .add(what, Kind::Nonsense, None, error.to_string());
                    continue;
                }
            };
            let known = objects.entry(place.clone()).or_default();
            known.push(DataObject {
                tag: tag.to_vec(),
                answer,
            });
        }
        let given = objects.get(place).into_iter().flatten();
        let mut given = given.filter_map(|object| {
            let value = object
                .answer
                .as_ref()
                .ok()
                .filter(|value| !value.is_empty());
            Some((object.tag.clone(), value?.clone()))
        });
        match given.next() {
            Some((tag, value)) => self.objects_unasked(place, &get_data(&tag, kin.by_list), &value),
            None => Ok(()),
        }
    }

    /// Finds out whether an application gives a data object also where no data is asked for, as
    /// programs for it do: without Le, under T=1.
    fn objects_unasked(
        &mut self,
        place: &Place,
        command: &Command,
        value: &[u8],
    ) -> Result<(), CardError> {
        if self.session.channel_mut().protocol() == Protocol::T0 {
            return Ok(());
        }
        let answer = self.repeated(|files| {
            select(files, place)?;
            files.send("get a data object without asking for data", command)
        });
        match answer {
            Ok(answer) => {
                // All of it, or as much as a short answer holds.
                let given = answer.data();
                if answer.is_success() && !given.is_empty() && value.starts_with(given) {
                    self.tree.tell_objects_unasked(place);
                }
                Ok(())
            }
            Err(error) if is_final(&error) => Err(error),
            Err(error) => {
                let why = format!("{error}; the copy gives them only where they are asked for");
                let what = format!("{place}, data objects");
                self.notes.add(what, Kind::Nonsense, None, why);
                Ok(())
            }
        }
    }
}

/// GET DATA for one tag: in P1-P2, or in a tag list of the current DF (ISO/IEC 7816-4 §11.6.2). It asks
/// for no data yet.
fn get_data(tag: &[u8], by_list: bool) -> Command {
    match *tag {
        _ if by_list => {
            Command::new(instruction::GET_DATA_ODD, 0x3F, 0xFF).with_data(object(0x5C_u8, tag))
        }
        [high, low] => Command::new(instruction::GET_DATA, high, low),
        [low] => Command::new(instruction::GET_DATA, 0x00, low),
        _ => Command::new(instruction::GET_DATA, 0x00, 0x00),
    }
}

/// Whether a status word says that there is no such data object.
pub fn is_absent(status: StatusWord) -> bool {
    matches!(
        status,
        StatusWord::FILE_NOT_FOUND
            | StatusWord::REFERENCE_NOT_FOUND
            | StatusWord::INCORRECT_P1_P2
            | StatusWord::WRONG_P1_P2
            | StatusWord::FUNCTION_NOT_SUPPORTED
            | StatusWord::INS_NOT_SUPPORTED
    )
}

/// The whole AID of an application that was selected by its beginning: as its answer says in tag 84
/// or in tag 4F, of which PIV gives the part behind the RID alone; else what it was selected by.
pub(super) fn whole_aid(asked: &[u8], answer: &[u8]) -> Vec<u8> {
    const RID: usize = 5;
    let inside = Reader::new(answer).next().and_then(Result::ok);
    let objects = inside.iter().flat_map(|outer| Reader::new(outer.value));
    let names = objects
        .map_while(Result::ok)
        .filter(|object| matches!(object.tag.value(), 0x84 | 0x4F));
    for name in names {
        let behind_rid = [asked.get(..RID).unwrap_or_default(), name.value].concat();
        for whole in [name.value.to_vec(), behind_rid] {
            if whole.starts_with(asked) && whole.len() <= 16 {
                return whole;
            }
        }
    }
    asked.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_aid_is_that_of_the_answer_if_it_begins_as_asked() {
        let piv = [0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00];
        let whole = [&piv[..], &[0x01, 0x00]].concat();
        let aid = |answer: &str| whole_aid(&piv, &hex::decode(answer).expect("hex"));
        assert_eq!(aid("61084F06000010000100"), whole);
        assert_eq!(aid("6F0D840BA000000308000010000100"), whole);
        assert_eq!(aid("6F0784050102030405"), piv);
        assert_eq!(aid(""), piv);
        assert_eq!(aid("61FF"), piv);
    }

    #[test]
    fn every_tag_that_is_asked_for_is_asked_for_once() {
        for kin in &KNOWN {
            let mut tags = kin.tags.to_vec();
            tags.sort_unstable();
            tags.dedup();
            assert_eq!(tags.len(), kin.tags.len());
            assert!(tags.iter().all(|tag| (1..=3).contains(&tag.len())));
        }
        assert!(PIV.contains(&&[0x5F, 0xC1, 0x05][..]));
        assert!(PIV.contains(&&[0x5F, 0xC1, 0x23][..]));
    }
}
