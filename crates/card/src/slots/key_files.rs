//! Whether each private key has a path, and that leads to a file that is there, can be that of a key,
//! is in use, is that of no other key, and is used by the PIN that the directories name for it.

use std::collections::{BTreeMap, BTreeSet};

use kortlab_apdu::fcp::FileKind;
use kortlab_apdu::{Channel, FilePath, LifeCycle, StatusWord};
use kortlab_pkcs15::{DataObject, Id, ObjectRef, Severity};

use super::CheckedSlot;
use crate::card::Card;
use crate::contents::is_final;
use crate::error::{CardError, ErrorKind};
use crate::files::FileInfo;
use crate::problem::{Problem, code};

const PRIVATE_KEY: &str = "private key";
/// The warning at SELECT that the file is deactivated (ISO/IEC 7816-4 table 6).
const DEACTIVATED: u16 = 0x6283;
/// The same of one that is terminated.
const TERMINATED: u16 = 0x6285;

/// A private key, and where the card says that it is.
struct Listed {
    /// The PrKDF that lists it.
    directory: FilePath,
    object: ObjectRef,
    id: Id,
    place: Place,
}

/// Where a key is: its file, the part of it, and the card's own number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    path: FilePath,
    index: Option<u32>,
    reference: Option<u32>,
}

impl<C: Channel> Card<C> {
    /// What is wrong with the files of the private keys. `certificates` are those of the card.
    ///
    /// # Errors
    /// The card is gone.
    pub(super) fn key_files(
        &mut self,
        certificates: &[CheckedSlot],
    ) -> Result<Vec<Problem>, CardError> {
        let keys = self.listed_keys();
        let mut problems = Vec::new();
        let mut files = BTreeMap::new();
        for key in &keys {
            let path = &key.place.path;
            if files.contains_key(path) {
                continue;
            }
            let described = self.described(path);
            let info = match described.and_then(|info| self.with_rules(path, info)) {
                Ok((info, why)) => {
                    problems.extend(why.map(|why| key.without_rules(&why)));
                    Some(info)
                }
                Err(error) if is_final(&error) => return Err(error),
                Err(error) if error.kind() == ErrorKind::Budget => {
                    problems.push(Problem::unreadable(PRIVATE_KEY, path, &error));
                    break;
                }
                Err(error) => {
                    problems.push(key.not_selected(&error));
                    None
                }
            };
            if let Some(info) = &info {
                let told = self.not_in_use(key, info);
                problems.extend(told.or_else(|| key.selected_with_warning(info)));
            }
            files.insert(path.clone(), info);
        }
        problems.extend(self.no_keys(&keys, &files, certificates));
        // In a directory there may be several keys.
        let is_directory = |path: &FilePath| {
            let info = files.get(path).and_then(Option::as_ref);
            info.and_then(FileInfo::kind) == Some(FileKind::Df)
        };
        problems.extend(named_twice(&keys, is_directory, certificates));
        let is_described = |path: &FilePath| files.get(path).is_some_and(Option::is_some);
        problems.extend(numbered_twice(&keys, is_described, is_directory));
        problems.extend(self.wrong_references(&files));
        problems.extend(self.unusable_keys()?);
        Ok(problems)
    }

    /// Private keys whose paths lead to files or directories of which what was read tells that they are
    /// something else, or to one place. No command is sent: whether the others are there, and in use,
    /// is not known then. `certificates` are those of the card.
    pub fn misplaced_keys(&self, certificates: &[CheckedSlot]) -> Vec<Problem> {
        let keys = self.listed_keys();
        let known = self.files_of_others(certificates);
        let wanted = self.dialect().keeps_keys_in_files_of_their_own();
        let directories = match wanted {
            true => self.directories_around(&known),
            false => BTreeSet::new(),
        };
        let mut problems = Vec::new();
        for key in &keys {
            let path = &key.place.path;
            let (severity, what) = match known.get(path) {
                Some(what) => (Severity::Error, *what),
                None if directories.contains(path) => {
                    (Severity::Warning, "which is a directory (DF)")
                }
                None => continue,
            };
            problems.push(key.in_no_key_file(severity, what));
        }
        problems.extend(named_twice(&keys, |_| !wanted, certificates));
        problems
    }

    /// The directories in which the application and these files are.
    fn directories_around(&self, files: &BTreeMap<FilePath, &'static str>) -> BTreeSet<FilePath> {
        let application = self.contents().application.clone();
        let mut directories = BTreeSet::from([FilePath::MASTER_FILE, application]);
        for path in files.keys() {
            let ids: Vec<_> = path.fids().collect();
            for end in 1..ids.len() {
                let around = ids.iter().take(end).copied();
                directories.insert(around.fold(FilePath::EMPTY, |path, id| path.child(id)));
            }
        }
        directories
    }

    /// The private keys of which the card says in which file they are.
    fn listed_keys(&self) -> Vec<Listed> {
        let mut keys = Vec::new();
        for file in &self.contents().private_keys {
            for (index, key) in file.directory.listed() {
                let path = key.path().filter(|path| !path.path.is_empty());
                let Some(path) = path else { continue };
                keys.push(Listed {
                    directory: file.path.clone(),
                    object: ObjectRef::of(index, &key.common, Some(key.id())),
                    id: key.id().clone(),
                    place: Place {
                        path: self.contents().absolute(path),
                        index: path.index,
                        reference: key.key.key_reference,
                    },
                });
            }
        }
        keys
    }

    /// What the card says of a file. A card that refuses to describe it is asked whether it is there.
    fn described(&mut self, path: &FilePath) -> Result<FileInfo, CardError> {
        match self.describe_file(path) {
            Err(error)
                if !is_final(&error)
                    && !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Budget) =>
            {
                match self.file_exists(path)? {
                    true => Ok(FileInfo::default()),
                    false => Err(error),
                }
            }
            other => other,
        }
    }

    /// That the card says of a key's file that it is deactivated or terminated. Where it says the
    /// same of files that it lets be read, that says nothing.
    fn not_in_use(&self, key: &Listed, info: &FileInfo) -> Option<Problem> {
        let said = info.fcp.as_ref().and_then(|fcp| fcp.life_cycle);
        let said = said.filter(|state| !self.has_read_in_state(*state));
        let state = match info.warning.map(StatusWord::value) {
            Some(DEACTIVATED) => LifeCycle::Deactivated,
            Some(TERMINATED) => LifeCycle::Terminated,
            _ => LifeCycle::from_byte(said?),
        };
        let next = match state {
            LifeCycle::Deactivated => "whoever issued the card can activate the file again",
            LifeCycle::Terminated => "that is for ever: the card must be replaced",
            _ => return None,
        };
        let message = format!("the card says that its file is {state}: the key cannot be used");
        let path = &key.place.path;
        let problem = Problem::new(
            Severity::Error,
            code::KEY_FILE_NOT_ACTIVE,
            PRIVATE_KEY,
            path,
            message,
        );
        Some(problem.about(key.object.clone()).hint(next))
    }

    /// The keys whose paths lead to files that are none of keys.
    fn no_keys(
        &self,
        keys: &[Listed],
        files: &BTreeMap<FilePath, Option<FileInfo>>,
        certificates: &[CheckedSlot],
    ) -> Vec<Problem> {
        let known = self.files_of_others(certificates);
        let kind = |path: &FilePath| files.get(path)?.as_ref().and_then(FileInfo::kind);
        let is_own =
            |kind: FileKind| matches!(kind, FileKind::InternalEf(_) | FileKind::ProprietaryEf(..));
        let any_own = keys
            .iter()
            .filter_map(|key| kind(&key.place.path))
            .any(is_own);
        let wanted = self.dialect().keeps_keys_in_files_of_their_own();
        let mut problems = Vec::new();
        for key in keys {
            let path = &key.place.path;
            let is_there = files.get(path).is_some_and(Option::is_some);
            let (severity, what) = match (known.get(path), kind(path)) {
                (Some(what), _) if is_there => (Severity::Error, (*what).to_owned()),
                (None, Some(said @ FileKind::WorkingEf(_))) if any_own || wanted => {
                    (Severity::Warning, format!("of which the card says: {said}"))
                }
                (None, Some(said @ FileKind::Df)) if wanted => {
                    (Severity::Warning, format!("of which the card says: {said}"))
                }
                _ => continue,
            };
            problems.push(key.in_no_key_file(severity, &what));
        }
        problems
    }

    /// The files that are something else than keys, as what was read of the card has it.
    fn files_of_others(&self, certificates: &[CheckedSlot]) -> BTreeMap<FilePath, &'static str> {
        let contents = self.contents();
        let sources = contents.sources.iter();
        let mut known: BTreeMap<_, _> = sources
            .map(|source| (source.path.clone(), "which says what is on the card"))
            .collect();
        let slots = certificates.iter().map(|checked| &checked.slot);
        let read = slots.filter(|slot| slot.info.is_some());
        let of_certificates = read.filter_map(|slot| slot.path.clone());
        known.extend(of_certificates.map(|path| (path, "which holds a certificate")));
        let data = contents.data.iter();
        for path in data.flat_map(|file| file.directory.objects().filter_map(DataObject::path)) {
            let path = contents.absolute(path);
            known.entry(path).or_insert("which is a data object's");
        }
        known
    }
}

/// Whether with this status word a card says that a file may not be selected, or not so: that says
/// nothing of what is in it.
fn is_refusal_of_access(status: StatusWord) -> bool {
    matches!(status.sw1(), 0x68 | 0x69 | 0x6D | 0x6E)
        || matches!(
            status,
            StatusWord::FUNCTION_NOT_SUPPORTED | StatusWord::INCORRECT_P1_P2
        )
}

impl Listed {
    fn not_selected(&self, error: &CardError) -> Problem {
        let path = &self.place.path;
        if error.kind() != ErrorKind::NotFound {
            // A card may refuse to select a key's file and still use it; that it fails to is another
            // matter.
            let severity = match error.status() {
                Some(status) if is_refusal_of_access(status) => Severity::Note,
                _ => Severity::Warning,
            };
            let message = format!("it cannot be told whether its file is there: {error}");
            let code = code::FILE_UNREADABLE;
            let problem = Problem::new(severity, code, PRIVATE_KEY, path, message);
            return problem.about(self.object.clone()).hint(
                "a signature tells whether the key can be used: `kortlab key sign`, with its PIN; if \
                 it fails, whoever issued the card must replace it",
            );
        }
        let message = "its file is not on the card (6A82): the key cannot be used";
        let code = code::FILE_ABSENT;
        let problem = Problem::new(Severity::Error, code, PRIVATE_KEY, path, message);
        problem.about(self.object.clone()).hint(
            "the card must be replaced, or its key be made anew by whoever issued it: a private \
             key cannot be restored",
        )
    }

    /// That the rules to which the description of its file refers are not known.
    fn without_rules(&self, error: &CardError) -> Problem {
        let message = format!(
            "by which PIN the key is used cannot be told: the access rules of its file are in a \
             record elsewhere (tag 8B), which cannot be read: {error}"
        );
        let (code, path) = (code::FILE_UNREADABLE, &self.place.path);
        let problem = Problem::new(Severity::Note, code, PRIVATE_KEY, path, message);
        problem.about(self.object.clone())
    }

    /// That the card warns of its file when it is selected.
    fn selected_with_warning(&self, info: &FileInfo) -> Option<Problem> {
        let warning = info.warning?;
        let path = &self.place.path;
        let message = format!(
            "the card warns when {path} is selected: {warning} ({})",
            warning.meaning()
        );
        let code = code::SELECTED_WITH_WARNING;
        let problem = Problem::new(Severity::Warning, code, PRIVATE_KEY, path, message);
        Some(problem.about(self.object.clone()))
    }

    /// That its path leads to something else: `what`.
    fn in_no_key_file(&self, severity: Severity, what: &str) -> Problem {
        let message = format!(
            "the path of the key leads to {}, {what}: that is no file of a key, and the key cannot \
             be used",
            self.place.path
        );
        self.wrongly_listed(severity, code::NOT_A_KEY_FILE, message)
    }

    /// A problem of its entry in the PrKDF.
    fn wrongly_listed(&self, severity: Severity, code: &'static str, message: String) -> Problem {
        let problem = Problem::new(severity, code, "EF(PrKDF)", &self.directory, message);
        problem
            .about(self.object.clone())
            .hint("whoever wrote EF(PrKDF) must correct the path of the key")
    }
}

/// The keys that are said to be where another one is, unless their certificates are for one key, or
/// it may be a directory and no number tells them apart.
fn named_twice(
    keys: &[Listed],
    is_directory: impl Fn(&FilePath) -> bool,
    certificates: &[CheckedSlot],
) -> Vec<Problem> {
    let mut certified = BTreeMap::<&Id, BTreeSet<&[u8]>>::new();
    for checked in certificates {
        let slot = &checked.slot;
        if let Some(info) = &slot.info
            && !slot.is_authority()
        {
            let public = info.public_key_der.as_slice();
            certified.entry(slot.key_id()).or_default().insert(public);
        }
    }
    let mut seen = BTreeMap::<&Place, &Listed>::new();
    let mut problems = Vec::new();
    for key in keys {
        let place = &key.place;
        let first = *seen.entry(place).or_insert(key);
        let may_hold_both = place.reference.is_none() && is_directory(&place.path);
        if first.id == key.id || may_hold_both {
            continue;
        }
        let (one, other) = (certified.get(&first.id), certified.get(&key.id));
        if one.is_some() && one == other {
            continue;
        }
        let severity = match one.is_some() && other.is_some() {
            true => Severity::Error,
            false => Severity::Warning,
        };
        let message = format!(
            "the keys {} and {} are both said to be in {}: one of them is not the key that it is \
             taken for, and what it signs does not verify",
            first.id, key.id, place.path
        );
        problems.push(key.wrongly_listed(severity, code::KEY_NAMED_TWICE, message));
    }
    problems
}

/// Private keys that have one number (keyReference, ISO/IEC 7816-15 §8.2.9) in one directory. Where each
/// has a file of its own, it may be chosen by that, and the number mean little.
fn numbered_twice(
    keys: &[Listed],
    is_described: impl Fn(&FilePath) -> bool,
    is_directory: impl Fn(&FilePath) -> bool,
) -> Vec<Problem> {
    let mut seen = BTreeMap::<(FilePath, u32), &Listed>::new();
    let mut problems = Vec::new();
    for key in keys {
        let path = &key.place.path;
        let Some(reference) = key.place.reference.filter(|_| is_described(path)) else {
            continue;
        };
        let directory = match is_directory(path) {
            true => path.clone(),
            false => path.split_last().map_or(FilePath::EMPTY, |(df, _)| df),
        };
        let first = *seen.entry((directory, reference)).or_insert(key);
        // One place of two keys is told as that.
        if first.id == key.id || first.place == key.place {
            continue;
        }
        let message = format!(
            "the keys {} and {} both have the number {reference} (keyReference, ISO/IEC 7816-15 §8.2.9): \
             a card that chooses a key by its number takes one for the other",
            first.id, key.id
        );
        let code = code::KEY_CONTRADICTION;
        let problem = key.wrongly_listed(Severity::Note, code, message);
        problems.push(problem.hint(
            "nothing needs to be done where signatures by both keys verify; else whoever wrote \
             EF(PrKDF) must correct it",
        ));
    }
    problems
}
