//! The journal in files: one a transaction, in a directory that only its owner reads.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::durable::{self, is_absent};
use super::{CardKey, Journal, JournalError, Note, NoteId, Transaction};

/// The largest journal that is read: far more than a transaction on any card takes.
const MAX_LENGTH: u64 = 16 << 20;

/// Where the journal is below the state directory.
const BELOW_STATE: &str = "kortlab/transactions";

/// The most transactions of cards with one serial number: so many are looked at, those set aside
/// included.
const MAX_NOTES: u32 = 1000;

/// What the name of a file ends in.
const EXTENSION: &str = ".json";
const SET_ASIDE: &str = ".kept.json";

/// A journal in the files of a directory: `<card>.json`, and `<card>-2.json` and so on while
/// transactions of other cards with that serial number wait. What was set aside is
/// `<card>.kept.json`.
///
/// A transaction is written to a temporary file, which is flushed to the disk and then renamed,
/// and the directory is flushed. It is removed, and the directory flushed again, when it is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileJournal {
    directory: PathBuf,
}

/// Where programs keep what outlives them and is no document: `$XDG_STATE_HOME`, or `~/.local/state`;
/// `None` if neither variable is an absolute path.
pub fn state_directory() -> Option<PathBuf> {
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
}

impl FileJournal {
    /// The journal of this user: `$XDG_STATE_HOME/kortlab/transactions`, or
    /// `~/.local/state/kortlab/transactions`.
    ///
    /// # Errors
    /// Neither variable is an absolute path.
    pub fn of_user() -> Result<Self, JournalError> {
        let state = state_directory().ok_or(JournalError::NoPlace)?;
        Ok(Self::at(state.join(BELOW_STATE)))
    }

    /// The journal in `directory`, which is made, with its parents, when it is first needed.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The file of the first transaction of cards with this key, whether it is there or not.
    pub fn path(&self, card: &CardKey) -> PathBuf {
        self.directory.join(name(card, 1, EXTENSION))
    }

    /// The files of cards with this key: number, name, whether it was set aside.
    fn files(&self, card: &CardKey) -> Result<Vec<(u32, String, bool)>, JournalError> {
        let failed = |error: io::Error| failed("read the directory", &self.directory, &error);
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut files = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            let Some(name) = name.to_str() else { continue };
            let Some(rest) = name.strip_prefix(card.as_str()) else {
                continue;
            };
            let (number, set_aside) = match rest.strip_suffix(SET_ASIDE) {
                Some(number) => (number, true),
                None => (rest.strip_suffix(EXTENSION).unwrap_or("?"), false),
            };
            let number = match number.strip_prefix('-') {
                None if number.is_empty() => Some(1),
                None => None,
                Some(number) => number.parse().ok(),
            };
            files.extend(number.map(|number| (number, name.to_owned(), set_aside)));
        }
        files.sort();
        Ok(files)
    }

    fn read(&self, name: &str, card: &CardKey) -> Result<Option<Transaction>, JournalError> {
        let path = self.directory.join(name);
        let metadata = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(failed("read", &path, &error)),
        };
        let unusable = |why: String| JournalError::Unusable {
            path: path.clone(),
            why,
        };
        if !metadata.is_file() {
            return Err(unusable("it is no regular file".to_owned()));
        }
        if metadata.len() > MAX_LENGTH {
            return Err(unusable(format!(
                "it has {} bytes; a transaction has at most {MAX_LENGTH}",
                metadata.len()
            )));
        }
        let mut json = Vec::new();
        File::open(&path)
            .and_then(|file| file.take(MAX_LENGTH).read_to_end(&mut json))
            .map_err(|error| failed("read", &path, &error))?;
        let transaction = Transaction::from_json(&json).map_err(unusable)?;
        if transaction.card != *card {
            return Err(unusable(format!(
                "it belongs to the card {}",
                transaction.card
            )));
        }
        Ok(Some(transaction))
    }

    /// Gives a file a name that no other has, and says which; `None` if all are taken. Names are
    /// taken from the lowest number on, so a free one is found by halving, and not one by one.
    fn put_under_a_number(
        &self,
        from: &Path,
        name: impl Fn(u32) -> String,
    ) -> io::Result<Option<String>> {
        let taken = |number| fs::symlink_metadata(self.directory.join(name(number))).is_ok();
        let (mut below, mut free) = (0, MAX_NOTES);
        while free - below > 1 {
            let middle = below + (free - below) / 2;
            match taken(middle) {
                true => below = middle,
                false => free = middle,
            }
        }
        // Another program may have taken that one by now; and others may be free below it.
        for number in (free..MAX_NOTES).chain(1..free) {
            let name = name(number);
            match put_in_place(from, &self.directory.join(&name)) {
                Ok(()) => return Ok(Some(name)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    fn make_directory(&self) -> Result<(), JournalError> {
        if self.directory.is_dir() {
            return Ok(());
        }
        durable::make_directory(&self.directory)
            .map_err(|error| failed("make the directory", &self.directory, &error))?;
        durable::parents(&self.directory, BELOW_STATE).try_for_each(flush_directory)
    }
}

impl Journal for FileJournal {
    fn notes(&mut self, card: &CardKey) -> Result<Vec<Note>, JournalError> {
        let files = self.files(card)?;
        if files.len() > MAX_NOTES as usize {
            return Err(JournalError::TooMany {
                directory: self.directory.clone(),
                card: card.clone(),
                count: files.len(),
                most: MAX_NOTES,
            });
        }
        let mut notes = Vec::new();
        for (_, name, set_aside) in files {
            let place = Some(self.directory.join(&name));
            let transaction = self.read(&name, card)?;
            notes.extend(transaction.map(|transaction| Note {
                id: NoteId::new(name),
                transaction,
                of_this_card: false,
                place,
                set_aside,
            }));
        }
        Ok(notes)
    }

    fn begin(&mut self, transaction: &Transaction) -> Result<NoteId, JournalError> {
        let json = transaction.to_json().map_err(JournalError::Unwritable)?;
        self.make_directory()?;
        let card = &transaction.card;
        let own = format!("{card}.{}.new", std::process::id());
        let temporary = self.directory.join(own);
        durable::write(&temporary, &json)
            .map_err(|error| failed("write the journal", &temporary, &error))?;
        match self.put_under_a_number(&temporary, |number| name(card, number, EXTENSION)) {
            Ok(Some(name)) => {
                flush_directory(&self.directory)?;
                return Ok(NoteId::new(name));
            }
            Ok(None) => {}
            Err(error) => return Err(failed("write the journal", &self.path(card), &error)),
        }
        let _ = fs::remove_file(&temporary);
        Err(JournalError::Unwritable(format!(
            "there are {MAX_NOTES} unfinished changes of cards with this serial number in {}",
            self.directory.display()
        )))
    }

    fn finish(&mut self, note: &NoteId) -> Result<(), JournalError> {
        let path = self.directory.join(note.as_str());
        match fs::remove_file(&path) {
            Ok(()) => flush_directory(&self.directory),
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(failed("remove the journal", &path, &error)),
        }
    }

    fn set_aside(&mut self, note: &NoteId) -> Result<Option<PathBuf>, JournalError> {
        let name = note.as_str();
        let Some(stem) = name
            .strip_suffix(EXTENSION)
            .filter(|_| !name.ends_with(SET_ASIDE))
        else {
            return Ok(None);
        };
        let from = self.directory.join(name);
        let stem = match stem.rsplit_once('-') {
            Some((card, number))
                if number.parse::<u32>().is_ok() && CardKey::try_from(card.to_owned()).is_ok() =>
            {
                card
            }
            _ => stem,
        };
        let put = self.put_under_a_number(&from, |number| match number {
            1 => format!("{stem}{SET_ASIDE}"),
            more => format!("{stem}-{more}{SET_ASIDE}"),
        });
        match put {
            Ok(Some(name)) => {
                flush_directory(&self.directory)?;
                Ok(Some(self.directory.join(name)))
            }
            Ok(None) => Ok(None),
            Err(error) => Err(failed("set the journal aside", &from, &error)),
        }
    }
}

fn name(card: &CardKey, number: u32, end: &str) -> String {
    match number {
        1 => format!("{card}{end}"),
        more => format!("{card}-{more}{end}"),
    }
}

/// Gives a file its name, unless another one has it: by a hard link, so that nothing is ever
/// replaced; on file systems that have none, by a rename after a look.
fn put_in_place(from: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(from, path) {
        Ok(()) => fs::remove_file(from),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        Err(_) if fs::symlink_metadata(path).is_ok() => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(from, path),
    }
}

fn flush_directory(directory: &Path) -> Result<(), JournalError> {
    durable::flush_directory(directory)
        .map_err(|error| failed("flush the directory", directory, &error))
}

fn failed(doing: &'static str, path: &Path, error: &io::Error) -> JournalError {
    JournalError::Io {
        doing,
        path: path.to_path_buf(),
        why: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::transaction;
    use super::*;

    fn journal() -> (tempfile::TempDir, FileJournal) {
        let directory = tempfile::tempdir().expect("a directory");
        let journal = FileJournal::at(directory.path().join("a/b"));
        (directory, journal)
    }

    fn transactions(journal: &mut FileJournal, card: &CardKey) -> Vec<Transaction> {
        let notes = journal.notes(card).expect("read");
        notes.into_iter().map(|note| note.transaction).collect()
    }

    #[test]
    fn a_transaction_is_kept_until_it_is_finished() {
        let (_directory, mut journal) = journal();
        let transaction = transaction();
        let card = &transaction.card;
        assert_eq!(journal.notes(card), Ok(Vec::new()));
        assert_eq!(journal.finish(&NoteId::new("none.json")), Ok(()));
        let note = journal.begin(&transaction).expect("kept");
        assert_eq!(
            transactions(&mut journal, card),
            std::slice::from_ref(&transaction)
        );
        journal.finish(&note).expect("forgotten");
        assert_eq!(journal.notes(card), Ok(Vec::new()));
        let left = fs::read_dir(journal.directory()).expect("a directory");
        assert_eq!(left.count(), 0, "no temporary file stays");
    }

    #[test]
    fn cards_of_one_serial_number_have_their_transactions_side_by_side() {
        let (_directory, mut journal) = journal();
        let one = transaction();
        let mut two = one.clone();
        two.purpose = "another".to_owned();
        let first = journal.begin(&one).expect("kept");
        let second = journal.begin(&two).expect("kept");
        assert_eq!(
            journal.path(&one.card).file_name().and_then(|n| n.to_str()),
            Some(first.as_str())
        );
        assert_ne!(first, second);
        let kept = transactions(&mut journal, &one.card);
        assert_eq!(kept, [one.clone(), two.clone()]);
        journal.finish(&first).expect("forgotten");
        assert_eq!(transactions(&mut journal, &one.card), [two]);
    }

    #[test]
    fn what_is_set_aside_is_still_there() {
        for key in [
            CardKey::new(Some(&[0x97]), &[]),
            CardKey::new(None, &[0x3B, 0x02]),
        ] {
            let (_directory, mut journal) = journal();
            let mut transaction = transaction();
            transaction.card = key;
            for _ in 0..3 {
                journal.begin(&transaction).expect("kept");
            }
            for note in journal.notes(&transaction.card).expect("read") {
                let place = journal.set_aside(&note.id).expect("set aside");
                assert!(place.expect("a new place").is_file());
                assert!(!note.place.expect("its place").exists());
            }
            let notes = journal.notes(&transaction.card).expect("read");
            assert_eq!(notes.len(), 3);
            for note in notes {
                assert!(note.set_aside, "{note:?}");
                journal.set_aside(&note.id).expect("no matter");
                journal.finish(&note.id).expect("forgotten");
            }
            assert_eq!(journal.notes(&transaction.card), Ok(Vec::new()));
        }
    }

    #[test]
    fn more_than_are_looked_at_is_said_and_each_has_a_name_of_its_own() {
        let (_directory, mut journal) = journal();
        let transaction = transaction();
        let card = &transaction.card;
        let place = |number| {
            let name = name(card, number, SET_ASIDE);
            journal.directory().join(name)
        };
        fs::create_dir_all(journal.directory()).expect("made");
        let json = transaction.to_json().expect("JSON");
        for number in (1..=1000).filter(|number| *number != 700) {
            fs::write(place(number), &json).expect("written");
        }
        let (free, more) = (place(700), place(1001));
        let note = journal.begin(&transaction).expect("kept");
        assert_eq!(journal.notes(card).expect("read").len(), 1000);
        let set_aside = journal.set_aside(&note).expect("set aside");
        assert_eq!(set_aside, Some(free), "the one name that is free");
        assert_eq!(journal.notes(card).expect("read").len(), 1000);
        fs::write(more, &json).expect("written");
        let error = journal.notes(card).expect_err("too many");
        assert!(matches!(error, JournalError::TooMany { count: 1001, .. }));
        let said = error.to_string();
        assert!(said.contains("no more than 1000"), "{said}");
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_reads_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_directory, mut journal) = journal();
        journal.begin(&transaction()).expect("kept");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(journal.directory()), 0o700);
        assert_eq!(mode(&journal.path(&transaction().card)), 0o600);
    }

    #[test]
    fn what_is_no_journal_of_this_card_is_refused_in_one_line_and_stays() {
        let (_directory, mut journal) = journal();
        let good = transaction();
        journal.begin(&good).expect("kept");
        let path = journal.path(&good.card);
        let json = fs::read(&path).expect("read");
        let mut other = good.clone();
        other.card = CardKey::new(Some(&[0x11]), &[]);
        for bad in [
            Vec::new(),
            json[..json.len() / 2].to_vec(),
            vec![0xA5; 4096],
            b"{}".to_vec(),
            other.to_json().expect("JSON"),
        ] {
            fs::write(&path, &bad).expect("written");
            let error = journal.notes(&good.card).expect_err("refused");
            assert!(matches!(error, JournalError::Unusable { .. }), "{error}");
            assert!(!error.to_string().contains('\n'), "{error}");
            let beside = journal.begin(&good).expect("kept beside it");
            assert_ne!(
                journal.path(&good.card),
                journal.directory().join(beside.as_str())
            );
            journal.finish(&beside).expect("forgotten");
            assert_eq!(fs::read(&path).expect("read"), bad, "left as it is");
        }
    }

    #[test]
    fn a_crash_while_it_is_written_leaves_nothing_in_force() {
        let (_directory, mut journal) = journal();
        let transaction = transaction();
        fs::create_dir_all(journal.directory()).expect("made");
        let half = journal
            .directory()
            .join(format!("{}.new", transaction.card));
        fs::write(half, b"{\"form").expect("written");
        assert_eq!(journal.notes(&transaction.card), Ok(Vec::new()));
        journal.begin(&transaction).expect("kept");
        let kept = transactions(&mut journal, &transaction.card);
        assert_eq!(kept, [transaction]);
    }
}
