//! Where changes of the card that was named are noted down while they are under way.
//!
//! For a card image that is the image itself: each copy of it, wherever it is taken, then has what
//! completes or undoes the change that its own card is in the middle of, and no other. For every
//! other card it is the journal of this user, whose notes are told apart by what they say of the
//! card. That one is looked at for images too: the card may have been in a reader meanwhile.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kortlab_card::{
    CardKey, FileJournal, Journal, JournalError, MemoryJournal, Note, NoteId, Transaction,
};
use kortlab_emulator::{Image, ImageFile, Store, StoreError};

/// What the note in an image is called.
const IN_IMAGE: &str = "image";

/// A card image in its file, shared by the card and the journal.
#[derive(Clone, Debug)]
pub struct SharedImage(Arc<Mutex<Kept>>);

#[derive(Debug)]
struct Kept {
    file: ImageFile,
    /// The image as it is in the file.
    image: Image,
}

impl SharedImage {
    /// An image that was read from this file.
    pub fn new(file: ImageFile, image: Image) -> Self {
        Self(Arc::new(Mutex::new(Kept { file, image })))
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Whatever panicked has not touched the image: it is replaced whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, change: Option<serde_json::Value>) -> Result<(), JournalError> {
        let mut kept = self.lock();
        let mut image = kept.image.clone();
        image.pending_change = change;
        kept.file
            .save(&image)
            .map_err(|error| JournalError::Unwritable(error.to_string()))?;
        kept.image = image;
        Ok(())
    }
}

impl Store for SharedImage {
    /// Saves the card; what is noted down in the image stays.
    fn save(&mut self, image: &Image) -> Result<(), StoreError> {
        let mut kept = self.lock();
        let mut image = image.clone();
        image.pending_change.clone_from(&kept.image.pending_change);
        kept.file.save(&image)?;
        kept.image = image;
        Ok(())
    }
}

/// Where changes of one card are noted down. A clone notes them down in the same place.
#[derive(Clone, Debug)]
pub struct CardJournal {
    own: Own,
    /// The journal of this user; why there is none, if so.
    files: Result<FileJournal, JournalError>,
}

/// Where changes of this card, and of no other, are noted down.
#[derive(Clone, Debug)]
enum Own {
    /// Nowhere: the card is in a reader, or behind a socket.
    Nowhere,
    /// In its image.
    Image(SharedImage),
    /// In memory, as long as this copy of the card lives. What is noted down elsewhere stays.
    Copy {
        journal: Arc<Mutex<MemoryJournal>>,
        /// Why what the image has cannot be read, if so.
        unusable: Option<String>,
    },
}

impl CardJournal {
    /// That of a card in a reader, or behind a socket.
    pub fn of_user() -> Self {
        Self {
            own: Own::Nowhere,
            files: FileJournal::of_user(),
        }
    }

    /// That of a card image.
    pub fn of_image(image: SharedImage) -> Self {
        Self {
            own: Own::Image(image),
            files: FileJournal::of_user(),
        }
    }

    /// That of a copy of a card image which nothing is kept of.
    pub fn of_copy(image: &Image) -> Self {
        let mut journal = MemoryJournal::new();
        let change = image.pending_change.as_ref();
        let read = change.map(|change| {
            let transaction = Transaction::from_json(change.to_string().as_bytes())?;
            journal
                .begin(&transaction)
                .map_err(|error| error.to_string())
        });
        let unusable = read.and_then(Result::err);
        Self {
            own: Own::Copy {
                journal: Arc::new(Mutex::new(journal)),
                unusable,
            },
            files: FileJournal::of_user(),
        }
    }

    /// That of a recorded session, of which nothing is kept.
    pub fn of_replay() -> Self {
        Self {
            own: Own::Copy {
                journal: Arc::default(),
                unusable: None,
            },
            files: FileJournal::of_user(),
        }
    }

    fn own_notes(&mut self, card: &CardKey) -> Result<Vec<Note>, JournalError> {
        let unusable = |path: &Path, why: String| JournalError::Unusable {
            path: path.to_path_buf(),
            why: format!("its pending_change: {why}"),
        };
        match &mut self.own {
            Own::Nowhere => Ok(Vec::new()),
            Own::Copy {
                journal,
                unusable: None,
            } => Ok(in_memory(journal)
                .notes(card)?
                .into_iter()
                .map(|note| Note {
                    id: NoteId::new(format!("{IN_IMAGE}{}", note.id.as_str())),
                    ..note
                })
                .collect()),
            Own::Copy {
                unusable: Some(why),
                ..
            } => Err(unusable(Path::new("the card image"), why.clone())),
            Own::Image(image) => {
                let kept = image.lock();
                let Some(change) = &kept.image.pending_change else {
                    return Ok(Vec::new());
                };
                let transaction = Transaction::from_json(change.to_string().as_bytes())
                    .map_err(|why| unusable(kept.file.path(), why))?;
                Ok(vec![Note {
                    id: NoteId::new(IN_IMAGE),
                    transaction,
                    of_this_card: true,
                    place: None,
                    set_aside: false,
                }])
            }
        }
    }
}

fn in_memory(journal: &Mutex<MemoryJournal>) -> MutexGuard<'_, MemoryJournal> {
    journal.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Journal for CardJournal {
    fn notes(&mut self, card: &CardKey) -> Result<Vec<Note>, JournalError> {
        let mut notes = match (&mut self.files, &self.own) {
            (Ok(files), _) => files.notes(card)?,
            (Err(error), Own::Nowhere) => return Err(error.clone()),
            (Err(_), _) => Vec::new(),
        };
        notes.extend(self.own_notes(card)?);
        Ok(notes)
    }

    fn begin(&mut self, transaction: &Transaction) -> Result<NoteId, JournalError> {
        match (&mut self.own, &mut self.files) {
            (Own::Image(image), _) => {
                if image.lock().image.pending_change.is_some() {
                    return Err(JournalError::Pending);
                }
                let json = transaction.to_json().map_err(JournalError::Unwritable)?;
                let change = serde_json::from_slice(&json)
                    .map_err(|error| JournalError::Unwritable(error.to_string()))?;
                image.note(Some(change))?;
                Ok(NoteId::new(IN_IMAGE))
            }
            (Own::Copy { journal, .. }, _) => {
                let note = in_memory(journal).begin(transaction)?;
                Ok(NoteId::new(format!("{IN_IMAGE}{}", note.as_str())))
            }
            (Own::Nowhere, Ok(files)) => files.begin(transaction),
            (Own::Nowhere, Err(error)) => Err(error.clone()),
        }
    }

    fn finish(&mut self, note: &NoteId) -> Result<(), JournalError> {
        match (&mut self.own, &mut self.files) {
            (Own::Image(image), _) if note.as_str() == IN_IMAGE => image.note(None),
            (Own::Copy { journal, .. }, _) => match note.as_str().strip_prefix(IN_IMAGE) {
                Some(own) => in_memory(journal).finish(&NoteId::new(own)),
                // The card itself may need it.
                None => Ok(()),
            },
            (_, Ok(files)) => files.finish(note),
            (_, Err(error)) => Err(error.clone()),
        }
    }

    fn set_aside(&mut self, note: &NoteId) -> Result<Option<PathBuf>, JournalError> {
        match (&self.own, &mut self.files) {
            (Own::Copy { .. }, _) => Ok(None),
            (_, Ok(files)) if note.as_str() != IN_IMAGE => files.set_aside(note),
            _ => Ok(None),
        }
    }
}
