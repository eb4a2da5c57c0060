//! Files that say what is on the card, in one piece or in records (ISO/IEC 7816-4 §7.4.1).

use bytes::Bytes;
use kortlab_apdu::{Channel, FilePath};
use kortlab_pkcs15::{Directory, DirectoryObject, Severity};

use super::{Reading, ends_all};
use crate::error::{CardError, ErrorKind};
use crate::problem::{Problem, code};

/// A file as it was read.
pub(super) struct Pieces {
    /// Its bytes; of a file of records, all of them in a row.
    pub(super) bytes: Bytes,
    /// How long each record is; `None`: it is a transparent file.
    lengths: Option<Vec<usize>>,
}

impl Pieces {
    /// Whether it is a file of records.
    pub(super) const fn is_of_records(&self) -> bool {
        self.lengths.is_some()
    }

    /// Its records, the first one first; a transparent file is one.
    pub(super) fn records(&self) -> Vec<&[u8]> {
        let Some(lengths) = &self.lengths else {
            return vec![&self.bytes];
        };
        let mut rest = &self.bytes[..];
        let next = |length: &usize| rest.split_off(..*length);
        lengths.iter().filter_map(next).collect()
    }

    /// The number of the record that this byte is in; `None`: it is a transparent file.
    fn record_at(&self, offset: usize) -> Option<usize> {
        let lengths = self.lengths.as_ref()?;
        let mut end = 0;
        let is_behind = |length: &&usize| {
            end += **length;
            end <= offset
        };
        Some(lengths.iter().take_while(is_behind).count() + 1)
    }
}

impl<C: Channel + ?Sized> Reading<'_, C> {
    /// The file at `path`, which is called `name`, in one piece or by its records; if it could not
    /// be read to its end, what came before.
    ///
    /// # Errors
    /// Not one byte of it can be read.
    pub(super) fn pieces(&mut self, name: &str, path: &FilePath) -> Result<Pieces, CardError> {
        match self.files.read_once(path) {
            Ok(known) => Ok(Pieces {
                bytes: self.as_far(name, path, known),
                lengths: None,
            }),
            Err(error) if error.kind().may_be_of_records() => {
                let records = self.records(name, path, &error)?;
                let message = "it is a file of records; it was read, but OpenSC and other programs read \
                               directories in one piece, and find nothing of what is in it";
                let code = code::DIRECTORY_OF_RECORDS;
                let problem = Problem::new(Severity::Warning, code, name, path, message);
                self.push(problem.hint(
                    "whoever issued the card must put what is in it into a transparent file",
                ));
                Ok(Pieces {
                    bytes: records.concat().into(),
                    lengths: Some(records.iter().map(Vec::len).collect()),
                })
            }
            Err(error) => Err(error),
        }
    }

    /// The objects in it, which are in the file called `name` at `path`, keeping what is wrong.
    pub(super) fn parsed<T: DirectoryObject>(
        &mut self,
        name: &str,
        path: &FilePath,
        pieces: &Pieces,
    ) -> Directory<T> {
        let parsed = Directory::parse_records(&pieces.records());
        for finding in parsed.findings {
            let record = pieces.record_at(finding.offset);
            let problem = Problem::of_content(name, path, finding);
            self.push(match record {
                Some(number) => problem.in_record(number),
                None => problem,
            });
        }
        parsed.value
    }

    /// The records of the file at `path`, which is called `name`; if not all of them could be read,
    /// those before. `whole`: why it is not read in one piece.
    ///
    /// # Errors
    /// Not one of them can be read.
    pub(super) fn records(
        &mut self,
        name: &str,
        path: &FilePath,
        whole: &CardError,
    ) -> Result<Vec<Vec<u8>>, CardError> {
        let read = match self.files.read_records(path) {
            Ok(read) => read,
            Err(error) if whole.kind() == ErrorKind::Directory && !ends_all(&error) => {
                return Err(whole.clone());
            }
            Err(error) => return Err(error),
        };
        for remark in read.remarks {
            self.warn(remark.code, name, path, remark.message);
        }
        if let Some(error) = read.ended {
            let error = error.context(&format!("only {} read", records(read.records.len())));
            self.ended(name, path, error);
        }
        self.source(path, Bytes::from(read.records.concat()));
        Ok(read.records)
    }
}

fn records(count: usize) -> String {
    match count {
        1 => "1 record".to_owned(),
        _ => format!("{count} records"),
    }
}
