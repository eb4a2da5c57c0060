//! The journal in files: one a card, in a directory that only its owner reads.

use std::env;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::{CardKey, Journal, JournalError, Transaction};

/// The largest journal that is read: far more than a transaction on any card takes.
const MAX_LENGTH: u64 = 16 << 20;

/// Where the journal is below the state directory.
const BELOW_STATE: &str = "kortlab/transactions";

/// A journal in the files of a directory.
///
/// A transaction is written to a temporary file, which is flushed to the disk and then renamed,
/// and the directory is flushed. It is removed, and the directory flushed again, when it is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileJournal {
    directory: PathBuf,
}

impl FileJournal {
    /// The journal of this user: `$XDG_STATE_HOME/kortlab/transactions`, or
    /// `~/.local/state/kortlab/transactions`.
    ///
    /// # Errors
    /// Neither variable is an absolute path.
    pub fn of_user() -> Result<Self, JournalError> {
        let absolute = |name| {
            env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let state = absolute("XDG_STATE_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
            .ok_or(JournalError::NoPlace)?;
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

    /// The file of a card's transaction, whether it is there or not.
    pub fn path(&self, card: &CardKey) -> PathBuf {
        self.directory.join(format!("{card}.json"))
    }

    fn make_directory(&self) -> Result<(), JournalError> {
        if self.directory.is_dir() {
            return Ok(());
        }
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder
            .create(&self.directory)
            .map_err(|error| failed("make the directory", &self.directory, &error))?;
        // So that the new directory, too, is there after a crash.
        self.directory
            .ancestors()
            .skip(1)
            .take(BELOW_STATE.split('/').count() + 1)
            .filter(|parent| !parent.as_os_str().is_empty())
            .try_for_each(flush_directory)
    }
}

impl Journal for FileJournal {
    fn pending(&mut self, card: &CardKey) -> Result<Option<Transaction>, JournalError> {
        let path = self.path(card);
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

    fn begin(&mut self, transaction: &Transaction) -> Result<(), JournalError> {
        let json = transaction.to_json().map_err(JournalError::Unwritable)?;
        self.make_directory()?;
        let path = self.path(&transaction.card);
        match fs::symlink_metadata(&path) {
            Ok(_) => return Err(JournalError::Pending),
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(failed("read", &path, &error)),
        }
        let temporary = self.directory.join(format!("{}.new", transaction.card));
        write_through(&temporary, &json)
            .map_err(|error| failed("write the journal", &temporary, &error))?;
        fs::rename(&temporary, &path)
            .map_err(|error| failed("write the journal", &path, &error))?;
        flush_directory(&self.directory)
    }

    fn finish(&mut self, card: &CardKey) -> Result<(), JournalError> {
        let path = self.path(card);
        match fs::remove_file(&path) {
            Ok(()) => flush_directory(&self.directory),
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(failed("remove the journal", &path, &error)),
        }
    }
}

fn write_through(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // What a crash left here was never in force.
    match fs::remove_file(path) {
        Err(error) if !is_absent(&error) => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn flush_directory(directory: &Path) -> Result<(), JournalError> {
    // Only Unix lets a directory be opened to be flushed.
    if cfg!(not(unix)) {
        return Ok(());
    }
    File::open(directory)
        .and_then(|file| file.sync_all())
        .map_err(|error| failed("flush the directory", directory, &error))
}

fn is_absent(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
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

    #[test]
    fn a_transaction_is_kept_until_it_is_finished() {
        let (_directory, mut journal) = journal();
        let transaction = transaction();
        let card = &transaction.card;
        assert_eq!(journal.pending(card), Ok(None));
        assert_eq!(journal.finish(card), Ok(()));
        journal.begin(&transaction).expect("kept");
        assert_eq!(journal.begin(&transaction), Err(JournalError::Pending));
        assert_eq!(journal.pending(card), Ok(Some(transaction.clone())));
        journal.finish(card).expect("forgotten");
        assert_eq!(journal.pending(card), Ok(None));
        let left = fs::read_dir(journal.directory()).expect("a directory");
        assert_eq!(left.count(), 0, "no temporary file stays");
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
            let error = journal.pending(&good.card).expect_err("refused");
            assert!(matches!(error, JournalError::Unusable { .. }), "{error}");
            assert!(!error.to_string().contains('\n'), "{error}");
            assert_eq!(journal.begin(&good), Err(JournalError::Pending));
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
        assert_eq!(journal.pending(&transaction.card), Ok(None));
        journal.begin(&transaction).expect("kept");
        let kept = journal.pending(&transaction.card).expect("read");
        assert_eq!(kept, Some(transaction));
    }
}
