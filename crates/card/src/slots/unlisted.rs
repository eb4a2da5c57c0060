//! Files of the application that nothing names: certificates whose entries were lost, and directories
//! that the ODF has lost.
//!
//! A directory that was cut, or cleared, where an object ends is a good directory of fewer objects.
//! But what it listed is on the card still. A card OS that lists the files of a directory is asked for
//! them; of others those identifiers are tried that the card's profile gives to certificates.

use std::collections::BTreeSet;

use kortlab_apdu::{Channel, Fid, FilePath};
use kortlab_pkcs15::{
    AuthenticationObject, Certificate, Directory, DirectoryObject, ObjectKind, Path, PrivateKey,
    PublicKey, Severity,
};

use super::names::Names;
use crate::card::Card;
use crate::certificate::{self, CertificateInfo};
use crate::contents::{ends_all, is_final};
use crate::elsewhere;
use crate::error::CardError;
use crate::problem::{Problem, code};
use crate::profile::Profile;

/// After so many identifiers in a row that no file has, no further one is tried.
const MAX_GAP: usize = 4;

/// What was found of files that nothing names.
#[derive(Debug, Default)]
pub(super) struct Unlisted {
    pub(super) problems: Vec<Problem>,
    /// Whether any file was found, or not all could be looked at: a card without certificates may
    /// have lost them.
    pub(super) may_hold_certificates: bool,
    /// Which files were not looked for, in words; nothing where all of the application were.
    pub(super) not_looked_for: Option<String>,
}

impl Unlisted {
    /// The search is over before its end, because as much was read as may be.
    ///
    /// # Errors
    /// It is over because the card is gone.
    fn stop(&mut self, file: &str, path: &FilePath, error: CardError) -> Result<(), CardError> {
        if is_final(&error) {
            return Err(error);
        }
        self.not_looked_for = Some(format!("files that no directory names: {error}"));
        let problem = Problem::unreadable(file, path, &error);
        self.problems.push(problem);
        Ok(())
    }

    /// Takes over what the file at `path` holds; whether there is a budget to go on. `lost` are the
    /// kinds of objects of which the ODF names no directory.
    fn take(
        &mut self,
        path: &FilePath,
        held: Result<Held, CardError>,
        lost: &[ObjectKind],
    ) -> Result<bool, CardError> {
        match held {
            Ok(Held::Certificate) => self.problems.push(certificate_not_listed(path)),
            Ok(Held::Directory) if !lost.is_empty() => {
                self.problems.push(directory_not_listed(path, lost));
            }
            Ok(Held::Directory | Held::SomethingElse) => {}
            Err(error) => {
                self.stop("certificate", path, error)?;
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What a file holds that nothing names.
enum Held {
    Certificate,
    Directory,
    SomethingElse,
}

impl<C: Channel> Card<C> {
    /// The files of the application that hold a certificate, or the objects of a directory of which
    /// the ODF names none, and that nothing names. On a card whose directories could not be read
    /// whole none is looked for.
    pub(super) fn files_not_listed(&mut self) -> Result<Unlisted, CardError> {
        let names = Names::of(self.contents());
        // Where a directory is broken, that is told, and not what is missing by it.
        if !names.is_known_of_directories() {
            return Ok(Unlisted {
                may_hold_certificates: true,
                ..Unlisted::default()
            });
        }
        let mut unlisted = match self.files_of_application() {
            Ok(Some(files)) => self.look_at_listed(&names, files)?,
            Ok(None) => self.look_at_usual(&names)?,
            Err(error) => {
                let mut unlisted = Unlisted::default();
                unlisted.stop("DF(PKCS15)", &self.contents().application, error)?;
                unlisted
            }
        };
        unlisted.may_hold_certificates = !unlisted.problems.is_empty();
        // That the ODF names no directory of certificates is told, and not what is missing by it.
        if names.has_no_certificates() {
            unlisted.problems.retain(|problem| {
                let code = problem.code();
                code != code::CERTIFICATE_NOT_LISTED && code != code::DIRECTORY_NOT_LISTED
            });
        }
        Ok(unlisted)
    }

    /// Looks at the files that the card lists.
    fn look_at_listed(
        &mut self,
        names: &Names,
        files: BTreeSet<Fid>,
    ) -> Result<Unlisted, CardError> {
        let application = self.contents().application.clone();
        let lost = self.kinds_not_named();
        let mut unlisted = Unlisted::default();
        let paths = files.into_iter().map(|file_id| application.child(file_id));
        for path in paths.filter(|path| names.namer(path).is_none()) {
            let held = self.held(&path);
            if !unlisted.take(&path, held, &lost)? {
                break;
            }
        }
        Ok(unlisted)
    }

    /// Looks at the files with the identifiers that the card's profile gives to certificates, and
    /// with those around the directories that the ODF names, if it lacks any.
    fn look_at_usual(&mut self, names: &Names) -> Result<Unlisted, CardError> {
        let application = self.contents().application.clone();
        let lost = self.kinds_not_named();
        let profile = Profile::known(self.contents());
        let range = profile.map(|profile| &profile.certificate_files);
        let tried = match range {
            Some(range) => format!(
                "of others those from {} on were tried, to the first {MAX_GAP} in a row that are not \
                 there",
                application.child(*range.start())
            ),
            None => "and where this card keeps certificates is not known".to_owned(),
        };
        let mut unlisted = Unlisted {
            problems: Vec::new(),
            may_hold_certificates: false,
            not_looked_for: Some(format!(
                "files that no directory names: this card OS does not list its files; {tried}"
            )),
        };
        let around = match lost.is_empty() {
            true => Vec::new(),
            false => around(&self.directories()),
        };
        let paths = around.into_iter().map(|file_id| application.child(file_id));
        for path in paths.filter(|path| names.namer(path).is_none()) {
            let held = match self.is_there(&path) {
                Ok(false) => continue,
                Ok(true) => self.held(&path),
                Err(error) => Err(error),
            };
            if !unlisted.take(&path, held, &lost)? {
                return Ok(unlisted);
            }
        }
        let mut gap = 0;
        for file_id in range.into_iter().flat_map(Fid::all) {
            let path = application.child(file_id);
            if names.namer(&path).is_some() {
                gap = 0;
                continue;
            }
            let held = match self.is_there(&path) {
                Ok(false) if gap + 1 == MAX_GAP => break,
                Ok(false) => {
                    gap += 1;
                    continue;
                }
                Ok(true) => self.held(&path),
                Err(error) => Err(error),
            };
            gap = 0;
            if !unlisted.take(&path, held, &lost)? {
                break;
            }
        }
        Ok(unlisted)
    }

    /// Whether there is a file at `path`. One that cannot be selected is taken for one.
    fn is_there(&mut self, path: &FilePath) -> Result<bool, CardError> {
        match self.file_exists(path) {
            Err(error) if !ends_all(&error) => Ok(true),
            other => other,
        }
    }

    /// What a file holds. Of one that cannot be selected or read that is not known.
    fn held(&mut self, path: &FilePath) -> Result<Held, CardError> {
        let data = match self.file_of(&Path::file(path.clone())) {
            Ok(known) => known.data,
            Err(error) if ends_all(&error) => return Err(error),
            Err(_) => return Ok(Held::SomethingElse),
        };
        let der = certificate::at_start(&data);
        Ok(if der.and_then(CertificateInfo::parse).is_some() {
            Held::Certificate
        } else if holds::<PrivateKey>(&data)
            || holds::<PublicKey>(&data)
            || holds::<Certificate>(&data)
            || holds::<AuthenticationObject>(&data)
        {
            Held::Directory
        } else {
            Held::SomethingElse
        })
    }

    /// The kinds of objects that a card for its holder has, and of which the ODF names no directory.
    fn kinds_not_named(&self) -> Vec<ObjectKind> {
        let kinds = [
            ObjectKind::PrivateKeys,
            ObjectKind::PublicKeys,
            ObjectKind::Certificates,
            ObjectKind::AuthObjects,
        ];
        let odf = &self.contents().odf;
        let named = |kind: &ObjectKind| odf.objects().any(|entry| entry.kind == *kind);
        kinds.into_iter().filter(|kind| !named(kind)).collect()
    }

    /// The identifiers of the directories in the application that the ODF names.
    fn directories(&self) -> BTreeSet<Fid> {
        let contents = self.contents();
        let paths = contents.odf.objects().filter_map(|entry| entry.path());
        let paths = paths.map(|path| contents.absolute(path));
        let own = paths.filter_map(|path| {
            let file_id = path.fid()?;
            (path == contents.application.child(file_id)).then_some(file_id)
        });
        own.collect()
    }
}

/// The identifiers around these, the nearest ones above and below.
fn around(named: &BTreeSet<Fid>) -> Vec<Fid> {
    let (Some(first), Some(last)) = (named.first(), named.last()) else {
        return Vec::new();
    };
    let reach = MAX_GAP as u16;
    let from = first.0.saturating_sub(reach);
    // Those that lie far apart are no row of identifiers.
    let to = last
        .0
        .min(first.0.saturating_add(0x20))
        .saturating_add(reach);
    Fid::all(&(Fid(from)..=Fid(to))).collect()
}

/// Whether these bytes are objects of this kind, and nothing is wrong with them.
fn holds<T: DirectoryObject>(bytes: &[u8]) -> bool {
    let parsed = Directory::<T>::parse(bytes);
    let is_wrong = parsed.worst().is_some_and(|worst| worst > Severity::Note);
    !is_wrong && parsed.value.objects().next().is_some()
}

fn certificate_not_listed(path: &FilePath) -> Problem {
    Problem::new(
        Severity::Warning,
        code::CERTIFICATE_NOT_LISTED,
        "certificate",
        path,
        "the file holds a certificate, and no directory names it: its entry was lost, or the file \
         was left when its entry went",
    )
    .hint(
        "if a change of the card was interrupted, run `kortlab recover`; if a certificate is \
         missing, write it anew with `kortlab cert write`",
    )
    .hint_elsewhere(format!(
        "if a certificate is missing: {}",
        elsewhere::write(None)
    ))
}

fn directory_not_listed(path: &FilePath, lost: &[ObjectKind]) -> Problem {
    let kinds: Vec<_> = lost.iter().map(ToString::to_string).collect();
    Problem::new(
        Severity::Warning,
        code::DIRECTORY_NOT_LISTED,
        "a directory",
        path,
        format!(
            "the file holds objects as directories have them, and EF(ODF), which has no entry for \
             {}, does not name it: what it lists is found by no program",
            kinds.join(", nor for ")
        ),
    )
    .hint("whoever wrote EF(ODF) must name the file in it")
}
