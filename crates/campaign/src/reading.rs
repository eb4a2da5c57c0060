//! A journal, read in our process while the program's process writes it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::journal::first;
use crate::watch::Seen;

/// A file of records that is read while it grows.
#[derive(Debug)]
pub struct Reading {
    file: File,
    /// What has come of a record whose end has not.
    rest: Vec<u8>,
    /// Whether there was something that is no record: a program that writes anywhere has written
    /// there, too.
    is_over: bool,
}

impl Reading {
    /// A new file, in which there is nothing.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn of_new(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let options = options.read(true).append(true).create_new(true);
        Ok(Self {
            file: options.mode(0o600).open(path)?,
            rest: Vec::new(),
            is_over: false,
        })
    }

    /// Reads what has come.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn advance(&mut self, seen: &mut Seen) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        while !self.is_over {
            let count = match self.file.read(&mut buffer)? {
                0 => break,
                count => count,
            };
            self.rest
                .extend_from_slice(buffer.get(..count).unwrap_or_default());
            let mut at = 0;
            while let Some((record, length)) = first(self.rest.get(at..).unwrap_or_default()) {
                let Some(record) = record else {
                    self.is_over = true;
                    seen.given = None;
                    break;
                };
                seen.see(record);
                at += length;
            }
            self.rest.drain(..at);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use crate::journal::Journal;
    use crate::outcome::Exchange;

    use super::*;

    fn exchange() -> Exchange {
        Exchange {
            number: 0,
            header: [0, 0x20, 0, 0x81],
            has_data: true,
            seen: Some(0x9000),
            card: None,
            spoilt: true,
        }
    }

    #[test]
    fn a_file_is_read_while_it_grows_and_no_further_than_it_makes_sense() {
        let path = std::env::temp_dir().join(format!("kortlab-journal-{}", std::process::id()));
        let mut reading = Reading::of_new(&path).unwrap();
        let mut journal = Journal::open(&path).unwrap();
        let mut seen = Seen::default();
        for commands in 1..4 {
            journal
                .note(Some(&exchange()), &[(1, 3)], &[7; 20_000])
                .unwrap();
            reading.advance(&mut seen).unwrap();
            assert_eq!(seen.commands, commands);
        }
        assert_eq!(seen.given.as_ref().map(Vec::len), Some(60_000));
        let mut anybody = OpenOptions::new().append(true).open(&path).unwrap();
        anybody.write_all(&[0xFF; 50_000]).unwrap();
        reading.advance(&mut seen).unwrap();
        journal.note(Some(&exchange()), &[], &[]).unwrap();
        reading.advance(&mut seen).unwrap();
        assert_eq!((seen.commands, &seen.given), (3, &None));
        std::fs::remove_file(&path).unwrap();
    }
}
