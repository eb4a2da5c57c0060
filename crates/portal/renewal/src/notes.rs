//! What a card's HCCs said, kept while the card has none.
//!
//! A renewal removes the old HCCs before it orders new ones. One that stops in between and is begun
//! again would find a card that names no employer any more, and so nothing to compare an order's
//! personal data with. Therefore the certificates are kept before they are removed, until the card
//! has new ones: in [`FileNotes`] where the renewal may go on in another process, in
//! [`MemoryNotes`] where it cannot.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kortlab_card::slots::journal::durable::{self, is_absent};
use kortlab_card::slots::journal::state_directory;
use kortlab_issuer::card_number::CardNumber;
use kortlab_issuer::encoded::{self, Wanted};

use crate::understood::CardFacts;

/// The largest file that is read: far more than the HCCs of any card take.
const MAX_LENGTH: u64 = 1 << 20;
/// Where the notes are below the state directory.
const BELOW_STATE: &str = "kortlab/renewals";

/// Where the HCCs of cards are kept while they are renewed, by the cards' numbers.
pub trait HolderNotes {
    /// Keeps the HCCs (DER) of a card, instead of what was kept of it before. They are durable when
    /// this returns.
    ///
    /// # Errors
    /// They could not be kept.
    fn keep(&mut self, card: &CardNumber, hccs: &[&[u8]]) -> Result<(), NotesError>;

    /// The HCCs (DER) that are kept of a card; none if none are.
    ///
    /// # Errors
    /// There is something, and it cannot be read.
    fn kept(&mut self, card: &CardNumber) -> Result<Vec<Vec<u8>>, NotesError>;

    /// Forgets the HCCs of a card; that there are none is no error.
    ///
    /// # Errors
    /// They could not be forgotten.
    fn forget(&mut self, card: &CardNumber) -> Result<(), NotesError>;
}

/// Why notes could not do their part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotesError {
    /// The state directory is not known.
    #[error(
        "there is no place to keep what a card says of its holder: neither XDG_STATE_HOME nor HOME is an absolute path"
    )]
    NoPlace,
    /// The disk.
    #[error("cannot {doing} {}, which is kept of a card: {why}", .path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        why: String,
    },
    /// What is kept are no certificates.
    #[error("{} is kept of a card, and cannot be used: {why}", .path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
}

/// What the certificates (DER) on a card say, and if no HCC is among them, what is kept of those that
/// were.
///
/// # Errors
/// What is kept cannot be read.
pub fn facts<'a>(
    notes: &mut dyn HolderNotes,
    on_card: impl IntoIterator<Item = &'a [u8]>,
) -> Result<CardFacts, NotesError> {
    let facts = CardFacts::of(on_card);
    let Some(card) = facts.card_number().filter(|_| !facts.has_hcc()) else {
        return Ok(facts);
    };
    let hccs = notes.kept(&card)?;
    Ok(facts.with_earlier(hccs.iter().map(Vec::as_slice)))
}

/// Notes that end with this process. A clone has the same ones.
#[derive(Clone, Debug, Default)]
pub struct MemoryNotes(Arc<Mutex<Notes>>);

/// HCCs (DER) by card number.
type Notes = BTreeMap<String, Vec<Vec<u8>>>;

impl MemoryNotes {
    /// Without a note.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Notes> {
        // Whatever panicked has not touched them: they are replaced whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HolderNotes for MemoryNotes {
    fn keep(&mut self, card: &CardNumber, hccs: &[&[u8]]) -> Result<(), NotesError> {
        let hccs = hccs.iter().map(|der| der.to_vec()).collect();
        self.lock().insert(card.as_str().to_owned(), hccs);
        Ok(())
    }

    fn kept(&mut self, card: &CardNumber) -> Result<Vec<Vec<u8>>, NotesError> {
        Ok(self.lock().get(card.as_str()).cloned().unwrap_or_default())
    }

    fn forget(&mut self, card: &CardNumber) -> Result<(), NotesError> {
        self.lock().remove(card.as_str());
        Ok(())
    }
}

/// Notes in the files of a directory that only its owner reads: `<card number>.pem`.
///
/// A file is written beside its place, flushed to the disk and then renamed, and the directory is
/// flushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileNotes {
    /// `None` if there is no place for them.
    directory: Option<PathBuf>,
}

impl FileNotes {
    /// The notes of this user: `$XDG_STATE_HOME/kortlab/renewals`, or
    /// `~/.local/state/kortlab/renewals`. If neither variable is an absolute path, nothing can be
    /// kept.
    pub fn of_user() -> Self {
        Self {
            directory: state_directory().map(|state| state.join(BELOW_STATE)),
        }
    }

    /// The notes in `directory`, which is made, with its parents, when it is first needed.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: Some(directory.into()),
        }
    }

    fn place(&self, card: &CardNumber) -> Result<(&Path, PathBuf), NotesError> {
        let directory = self.directory.as_deref().ok_or(NotesError::NoPlace)?;
        // A card number has digits only.
        Ok((directory, directory.join(format!("{card}.pem"))))
    }
}

impl HolderNotes for FileNotes {
    fn keep(&mut self, card: &CardNumber, hccs: &[&[u8]]) -> Result<(), NotesError> {
        let (directory, path) = self.place(card)?;
        let mut pem = String::new();
        for der in hccs {
            pem += &encoded::certificate_pem(der).map_err(|error| NotesError::Unusable {
                path: path.clone(),
                why: error.to_string(),
            })?;
        }
        write_durably(directory, &path, pem.as_bytes())
            .map_err(|error| failed("write", &path, &error))
    }

    fn kept(&mut self, card: &CardNumber) -> Result<Vec<Vec<u8>>, NotesError> {
        // Where nothing can be kept, nothing is.
        let Ok((_, path)) = self.place(card) else {
            return Ok(Vec::new());
        };
        let unusable = |why: String| NotesError::Unusable {
            path: path.clone(),
            why,
        };
        let metadata = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(failed("read", &path, &error)),
        };
        if !metadata.is_file() {
            return Err(unusable("it is no regular file".to_owned()));
        }
        if metadata.len() > MAX_LENGTH {
            let length = metadata.len();
            return Err(unusable(format!(
                "it has {length} bytes, and at most {MAX_LENGTH} are read"
            )));
        }
        let mut pem = Vec::new();
        File::open(&path)
            .and_then(|file| file.take(MAX_LENGTH).read_to_end(&mut pem))
            .map_err(|error| failed("read", &path, &error))?;
        encoded::read_all(&pem, Wanted::Certificate).map_err(|error| unusable(error.to_string()))
    }

    fn forget(&mut self, card: &CardNumber) -> Result<(), NotesError> {
        let Ok((directory, path)) = self.place(card) else {
            return Ok(());
        };
        match fs::remove_file(&path).and_then(|()| durable::flush_directory(directory)) {
            Err(error) if !is_absent(&error) => Err(failed("remove", &path, &error)),
            _ => Ok(()),
        }
    }
}

fn write_durably(directory: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    if !directory.is_dir() {
        durable::make_directory(directory)?;
        durable::parents(directory, BELOW_STATE).try_for_each(durable::flush_directory)?;
    }
    let temporary = path.with_extension(format!("{}.new", std::process::id()));
    let written = durable::write(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written?;
    durable::flush_directory(directory)
}

fn failed(doing: &'static str, path: &Path, error: &io::Error) -> NotesError {
    NotesError::Io {
        doing,
        path: path.to_path_buf(),
        why: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use kortlab_issuer::clock::Timestamp;

    use super::*;
    use crate::state::CardState;
    use crate::world::TestWorld;

    fn world() -> TestWorld {
        let date = Timestamp::from_date(2026, 11, 24).unwrap();
        TestWorld::new(CardState::Valid, 5, date).unwrap()
    }

    #[test]
    fn what_is_kept_is_read_again_until_it_is_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let world = world();
        let pair = world.hcc.unwrap();
        let (first, second): (&[u8], &[u8]) = (&pair.authentication, &pair.signature);
        let in_files: Box<dyn HolderNotes> = Box::new(FileNotes::at(directory.path().join("a/b")));
        for mut notes in [in_files, Box::new(MemoryNotes::new())] {
            let card = &world.card_number;
            assert_eq!(notes.kept(card), Ok(Vec::new()));
            assert_eq!(notes.forget(card), Ok(()));
            notes.keep(card, &[second]).unwrap();
            notes.keep(card, &[first, second]).unwrap();
            assert_eq!(notes.kept(card), Ok(vec![first.to_vec(), second.to_vec()]));
            notes.forget(card).unwrap();
            assert_eq!(notes.kept(card), Ok(Vec::new()));
        }
        let left = fs::read_dir(directory.path().join("a/b")).unwrap().count();
        assert_eq!(left, 0, "no temporary file stays");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_kept_is_read_by_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let (world, own) = (world(), directory.path().join("own"));
        let hcc = world.hcc.unwrap().signature;
        let mut notes = FileNotes::at(&own);
        notes.keep(&world.card_number, &[&hcc]).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&own), 0o700);
        assert_eq!(mode(&notes.place(&world.card_number).unwrap().1), 0o600);
    }

    #[test]
    fn a_file_that_is_no_note_is_named_and_stays() {
        let directory = tempfile::tempdir().unwrap();
        let card = world().card_number;
        let path = directory.path().join(format!("{card}.pem"));
        let mut notes = FileNotes::at(directory.path());
        for content in [
            b"".as_slice(),
            b"no certificate",
            &[0; MAX_LENGTH as usize + 1],
        ] {
            fs::write(&path, content).unwrap();
            let error = notes.kept(&card).unwrap_err().to_string();
            assert!(error.contains(path.to_str().unwrap()), "{error}");
            assert_eq!(fs::read(&path).unwrap(), content);
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(matches!(
            notes.kept(&card),
            Err(NotesError::Unusable { .. })
        ));
    }

    #[test]
    fn without_a_place_nothing_is_kept_and_that_is_said() {
        let (card, mut notes) = (world().card_number, FileNotes { directory: None });
        assert_eq!(notes.keep(&card, &[]), Err(NotesError::NoPlace));
        assert_eq!(notes.kept(&card), Ok(Vec::new()));
        assert_eq!(notes.forget(&card), Ok(()));
    }
}
