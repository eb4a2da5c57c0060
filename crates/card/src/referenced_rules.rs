//! Access rules to which the description of a file refers (tag 8B, ISO/IEC 7816-4 §9.3.5): records of
//! an EF.ARR, in the expanded coding. They are read only where a description of a key's file has such
//! a reference, and nothing else by which its PIN is known.

use kortlab_apdu::fcp::FileKind;
use kortlab_apdu::tlv::Reader;
use kortlab_apdu::{Channel, Fid, FilePath};

use crate::card::Card;
use crate::contents::{ends_all, is_filler};
use crate::error::{CardError, ErrorKind};
use crate::files::FileInfo;

/// The reference to a record that holds rules, and rules that stand in the description itself.
const REFERENCE: u8 = 0x8B;
const EXPANDED: u8 = 0xAB;

/// The EF.ARR of a directory, where a reference does not name one.
const EF_ARR: Fid = Fid(0x2F06);

/// The most records that are read for one file, and the most directories in which the EF.ARR is looked
/// for.
const MAX_REFERENCES: usize = 4;
const MAX_DIRECTORIES: usize = 4;

impl<C: Channel> Card<C> {
    /// The description of the file at `path`, with the rules to which it refers; and why these cannot
    /// be had, if they cannot.
    ///
    /// # Errors
    /// The card is gone, or as much was read as may be.
    pub(crate) fn with_rules(
        &mut self,
        path: &FilePath,
        mut info: FileInfo,
    ) -> Result<(FileInfo, Option<CardError>), CardError> {
        let said = |tag: u8| info.fcp.as_ref().and_then(|fcp| fcp.other(tag));
        let Some(reference) = said(REFERENCE).filter(|_| said(EXPANDED).is_none()) else {
            return Ok((info, None));
        };
        // What a directory is said to allow is not what the keys in it are used by.
        let is_directory = info.kind() == Some(FileKind::Df);
        if is_directory || self.dialect().pins_of_key(&info).is_some() {
            return Ok((info, None));
        }
        let Some((file, numbers)) = named(reference) else {
            let message = "the reference to a record (tag 8B) is of a length that none has";
            let error = CardError::new(ErrorKind::Nonsense, message);
            return Ok((info, Some(error)));
        };
        let directory = directories(path).next().unwrap_or_default();
        for number in numbers {
            let record = (directory.clone(), file, number);
            let known = match self.access_rules.get(&record) {
                Some(known) => known.clone(),
                None => {
                    let read = self.read_rules(path, file, number);
                    if let Err(error) = &read
                        && ends_all(error)
                    {
                        return Err(error.clone());
                    }
                    self.access_rules.insert(record, read.clone());
                    read
                }
            };
            match known {
                Ok(rules) => info.rules.push(rules),
                // Half of them say nothing.
                Err(error) => {
                    info.rules.clear();
                    return Ok((info, Some(error)));
                }
            }
        }
        Ok((info, None))
    }

    /// The record with this number of the EF.ARR with this identifier, in the nearest directory around
    /// `path` that has one.
    fn read_rules(&mut self, path: &FilePath, file: Fid, number: u8) -> Result<Vec<u8>, CardError> {
        let mut absent = None;
        for directory in directories(path).take(MAX_DIRECTORIES) {
            match self.read_record(&directory.child(file), number) {
                Ok(record) => return Ok(without_filler(&record).to_vec()),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    absent.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(absent.unwrap_or_else(|| {
            CardError::new(
                ErrorKind::NotFound,
                format!("no directory has an EF {file}"),
            )
        }))
    }
}

/// The file and the records that a reference names: a record; a file and a record; a file, and a
/// record for each of some security environments.
fn named(reference: &[u8]) -> Option<(Fid, Vec<u8>)> {
    match *reference {
        [number] => Some((EF_ARR, vec![number])),
        [high, low, number] => Some((Fid::from([high, low]), vec![number])),
        [high, low, ref pairs @ ..] if !pairs.is_empty() && pairs.len().is_multiple_of(2) => {
            let numbers = pairs
                .chunks_exact(2)
                .filter_map(|pair| pair.get(1).copied());
            let mut numbers: Vec<_> = numbers.collect();
            numbers.sort_unstable();
            numbers.dedup();
            (numbers.len() <= MAX_REFERENCES).then_some((Fid::from([high, low]), numbers))
        }
        _ => None,
    }
}

/// The directories around a file, the nearest first, and the MF.
fn directories(path: &FilePath) -> impl Iterator<Item = FilePath> {
    let ids: Vec<_> = path.fids().collect();
    let mut around: Vec<FilePath> = (1..ids.len())
        .map(|end| {
            let above = ids.iter().take(end);
            above.fold(FilePath::EMPTY, |path, id| path.child(*id))
        })
        .collect();
    if around.first() != Some(&FilePath::MASTER_FILE) {
        around.insert(0, FilePath::MASTER_FILE);
    }
    around.into_iter().rev()
}

/// The data objects of a record, without what fills it up behind them.
fn without_filler(record: &[u8]) -> &[u8] {
    let mut end = 0;
    for object in Reader::new(record) {
        let rest = record.get(end..).unwrap_or_default();
        if is_filler(rest) {
            break;
        }
        match object {
            Ok(object) => end += object.raw.len(),
            // What is cut is told of where it is read.
            Err(_) => return record,
        }
    }
    record.get(..end).unwrap_or(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_a_record_or_a_file_and_records() {
        let arr = |fid: u16, numbers: &[u8]| Some((Fid(fid), numbers.to_vec()));
        assert_eq!(named(&[3]), arr(0x2F06, &[3]));
        assert_eq!(named(&[0x50, 0x06, 3]), arr(0x5006, &[3]));
        assert_eq!(named(&[0x50, 0x06, 1, 3]), arr(0x5006, &[3]));
        assert_eq!(named(&[0x50, 0x06, 1, 3, 2, 4, 3, 3]), arr(0x5006, &[3, 4]));
        for wrong in [&[][..], &[0x50, 0x06], &[0x50, 0x06, 1, 3, 2]] {
            assert_eq!(named(wrong), None, "{wrong:02X?}");
        }
        let many: Vec<u8> = (0..64).flat_map(|number| [1, number]).collect();
        assert_eq!(named(&[&[0x50, 0x06], &many[..]].concat()), None);
    }

    #[test]
    fn filler_behind_the_rules_of_a_record_is_none_of_them() {
        let rules = [0x84, 0x01, 0x2A, 0x90, 0x00];
        for filler in [&[][..], &[0xFF; 9], &[0x00; 9]] {
            assert_eq!(without_filler(&[&rules, filler].concat()), rules);
        }
        assert!(without_filler(&[0xFF; 9]).is_empty());
        let cut = [0x84, 0x01, 0x2A, 0xA4, 0x06];
        assert_eq!(without_filler(&cut), cut);
    }

    #[test]
    fn a_file_of_rules_is_looked_for_from_the_nearest_directory_up() {
        let of = |path: &[u8]| directories(&FilePath::from(path)).collect::<Vec<_>>();
        let mf = FilePath::MASTER_FILE;
        let application = FilePath::from([0x3F, 0x00, 0x50, 0x15]);
        assert_eq!(
            of(&[0x3F, 0x00, 0x50, 0x15, 0x4B, 0x01]),
            [application, mf.clone()]
        );
        let current = FilePath::from([0x3F, 0xFF]);
        assert_eq!(of(&[0x3F, 0xFF, 0x4B, 0x01]), [current, mf.clone()]);
        assert_eq!(of(&[]), [mf]);
    }
}
