//! Which directories could not be read to their end, so that what they do not list may be on the card
//! all the same.

use kortlab_apdu::FilePath;
use kortlab_pkcs15::{Code, Directory, Entry, ObjectKind, PrivateKey};

use crate::contents::{Contents, DirectoryFile};
use crate::error::{CardError, ErrorKind};
use crate::problem::code;

/// A file that says what is on the card, and could not be read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Unread {
    /// Its absolute path.
    pub(crate) path: FilePath,
    /// Why.
    pub(crate) error: CardError,
}

/// What is found in a directory of which an object may have been lost.
pub(crate) const LOSING: [&str; 5] = [
    Code::Garbage.as_str(),
    Code::Truncated.as_str(),
    Code::LengthMismatch.as_str(),
    Code::MissingElement.as_str(),
    Code::BadValue.as_str(),
];

impl Contents {
    /// Why this file, which says what is on the card, could not be read to its end when it was read.
    pub fn why_not_all_of(&self, path: &FilePath) -> Option<&CardError> {
        self.unread_file(path).map(|unread| &unread.error)
    }

    /// Why the card may have more certificates than are listed here: the first file that says which
    /// there are and could not be read, or not to its end. `None`: there are no others.
    pub fn why_not_all_certificates(&self) -> Option<CardError> {
        let is_kind = |kind| {
            matches!(
                kind,
                ObjectKind::Certificates
                    | ObjectKind::TrustedCertificates
                    | ObjectKind::UsefulCertificates
            )
        };
        self.why_not_all("EF(CDF)", is_kind, &self.certificates)
    }

    /// The same of private keys.
    pub fn why_not_all_private_keys(&self) -> Option<CardError> {
        let is_kind = |kind| kind == ObjectKind::PrivateKeys;
        self.why_not_all("EF(PrKDF)", is_kind, &self.private_keys)
    }

    /// The same of public keys.
    pub(crate) fn why_not_all_public_keys(&self) -> Option<CardError> {
        let is_kind = |kind| matches!(kind, ObjectKind::PublicKeys | ObjectKind::TrustedPublicKeys);
        self.why_not_all("EF(PuKDF)", is_kind, &self.public_keys)
    }

    /// Why EF(ODF) may name more directories than are known of.
    pub(crate) fn why_not_all_directories(&self) -> Option<CardError> {
        self.why_not_all::<PrivateKey>("a directory", |_| false, &[])
    }

    /// The same of PINs.
    pub(crate) fn why_not_all_pins(&self) -> Option<CardError> {
        let is_kind = |kind| kind == ObjectKind::AuthObjects;
        self.why_not_all("EF(AODF)", is_kind, &self.authentication)
    }

    /// Whether there may be more PINs than are listed, and what is the matter with the files that list
    /// them is a finding already.
    pub(crate) fn damage_to_pins_is_told(&self) -> bool {
        if self.why_not_all_pins().is_none() {
            return false;
        }
        let entries = self.odf.objects();
        let entries = entries.filter(|entry| entry.kind == ObjectKind::AuthObjects);
        let mut files: Vec<_> = entries
            .filter_map(|entry| Some(self.absolute(entry.path()?)))
            .collect();
        files.push(self.odf_path.clone());
        let mut found = self.problems.iter().filter(|problem| problem.counts());
        found.any(|problem| files.contains(problem.path()))
    }

    fn why_not_all<T>(
        &self,
        name: &str,
        is_kind: impl Fn(ObjectKind) -> bool,
        files: &[DirectoryFile<T>],
    ) -> Option<CardError> {
        let mut unread = None;
        for entry in self.odf.objects().filter(|entry| is_kind(entry.kind)) {
            match entry.path().filter(|path| !path.path.is_empty()) {
                Some(path) => {
                    let path = self.absolute(path);
                    unread = unread.or_else(|| Some((name, self.unread_file(&path)?.clone())));
                }
                None => {
                    let message = format!("EF(ODF) lists {name} without its path");
                    return Some(CardError::new(ErrorKind::Nonsense, message));
                }
            }
        }
        let odf = || Some(("EF(ODF)", self.unread_file(&self.odf_path)?.clone()));
        if let Some((name, Unread { error, .. })) = unread.or_else(odf) {
            let error = match error.kind() {
                // It is the directory that is not there.
                ErrorKind::NotFound => error.with_kind(ErrorKind::Refused),
                _ => error,
            };
            return Some(error.context(&format!("{name} was not read to its end")));
        }
        let mut damaged = files
            .iter()
            .filter_map(|file| Some((name, &file.path, unreadable(&file.directory)?)));
        let in_odf = || Some(("EF(ODF)", &self.odf_path, unreadable(&self.odf)?));
        let found = |codes: &[&str]| {
            self.problems.iter().find(|problem| {
                let mut paths = files.iter().map(|file| &file.path).chain([&self.odf_path]);
                codes.contains(&problem.code()) && paths.any(|path| path == problem.path())
            })
        };
        // More objects in one file than are read of it.
        if let Some(cut) = found(&[code::TOO_MANY]) {
            let message = format!("{}: {}", cut.place(), cut.message());
            return Some(CardError::new(ErrorKind::Nonsense, message));
        }
        // What is no object may have been one, and what is damaged may have named something else.
        let message = match (damaged.next().or_else(in_odf), found(&LOSING)) {
            (Some((name, path, offset)), _) => {
                format!("what {name} {path} lists at byte {offset} cannot be read")
            }
            (None, Some(damage)) => format!("{}: {}", damage.place(), damage.message()),
            (None, None) => return None,
        };
        let error = CardError::new(ErrorKind::Nonsense, message);
        Some(error.hint("`kortlab cert check` says what is wrong with it"))
    }

    pub(crate) fn unread_file(&self, path: &FilePath) -> Option<&Unread> {
        self.unread.iter().find(|unread| unread.path == *path)
    }
}

/// Where the first object stands that could not be read.
fn unreadable<T>(directory: &Directory<T>) -> Option<usize> {
    directory.entries.iter().find_map(|entry| match entry {
        Entry::Unreadable(object) => Some(object.offset),
        Entry::Object(_) => None,
    })
}
