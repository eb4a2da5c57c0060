//! What is on a card, as its PKCS#15 directory files say (PKCS#15 §5), read leniently.
//!
//! A file that cannot be read, or an object in it that makes no sense, becomes a [`Problem`], and
//! reading goes on. Only a card that is gone, or that has no PKCS#15 application, ends it.

mod pieces;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use bytes::Bytes;
use kortlab_apdu::ByteCount;
use kortlab_apdu::{Channel, FilePath, StatusWord};
use kortlab_pkcs15::{
    Application, AuthenticationAttributes, AuthenticationObject, Certificate, Code, DataObject,
    Directory, DirectoryObject, EfDir, ISO_7816_15_AID, ObjectKind, ObjectRef, Odf, Parsed, Path,
    PrivateKey, PublicKey, SecretKey, Severity, TokenInfo, UnusedSpaceRecord,
};

use self::pieces::Pieces;
use crate::agreement;
use crate::applications;
use crate::directory_ranges;
use crate::error::{CardError, ErrorKind};
use crate::files::{APPLICATION, Files, Known, Shelf};
use crate::index::Index;
use crate::pin_doubt;
use crate::pins::{PinIndex, pin_object};
use crate::problem::{Problem, code};
use crate::unread::{LOSING, Unread};

/// EF.DIR (ISO/IEC 7816-4 §8.2.1.1).
pub(crate) const EF_DIR: FilePath = FilePath::EF_DIR;
/// DF(PKCS15) where EF.DIR does not say (PKCS#15 §5.4).
const DF_PKCS15: FilePath = FilePath::of_static(&[0x3F, 0x00, 0x50, 0x15]);
/// EF(ODF), EF(TokenInfo), EF(UnusedSpace) in DF(PKCS15) (PKCS#15 §5.5).
const ODF: FilePath = FilePath::of_static(&[0x50, 0x31]);
const TOKEN_INFO: FilePath = FilePath::of_static(&[0x50, 0x32]);
const UNUSED_SPACE: FilePath = FilePath::of_static(&[0x50, 0x33]);

/// The last alternative of AuthenticationObjectChoice, `internal [3]` (ISO/IEC 7816-15 §8.9.1).
const LAST_AUTHENTICATION: u8 = 3;

/// The most directory files that are read.
const MAX_DIRECTORY_FILES: usize = 32;

/// The most problems that are kept.
const MAX_PROBLEMS: usize = 1024;

/// One directory file.
#[derive(Clone, Debug)]
pub struct DirectoryFile<T> {
    /// What the ODF says it holds.
    pub kind: ObjectKind,
    /// Its absolute path, from 3F00 on.
    pub path: FilePath,
    /// Its size in bytes: how much of it could be read.
    pub size: usize,
    /// Its bytes; of a file of records, all of them in a row.
    pub bytes: Vec<u8>,
    /// Whether it is a file of records.
    pub of_records: bool,
    /// The objects in it.
    pub directory: Directory<T>,
}

/// A file that says what is on the card, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its absolute path, from 3F00 on.
    pub path: FilePath,
    /// Its bytes; of a file of records, all of them in a row.
    pub bytes: Bytes,
}

/// Which directories are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// All of them.
    #[default]
    Everything,
    /// Those that tell which PINs there are and what they are for: of authentication objects and
    /// of private keys. What is wrong with others is not looked at.
    Pins,
}

/// What is on a card.
#[derive(Clone, Debug)]
pub struct Contents {
    /// The absolute path of DF(PKCS15); 3FFF if it was selected by its AID, and its path is not
    /// known.
    pub application: FilePath,
    /// The AID by which the application had to be selected, because its files are not reached
    /// without.
    pub selected: Option<Vec<u8>>,
    /// EF.DIR, if there is one that could be read.
    pub dir: Option<EfDir>,
    /// EF(TokenInfo), if it could be read.
    pub token_info: Option<TokenInfo>,
    /// The absolute path of EF(TokenInfo), whether or not it could be read.
    pub token_info_path: FilePath,
    /// EF(ODF).
    pub odf: Odf,
    /// Private keys.
    pub private_keys: Vec<DirectoryFile<PrivateKey>>,
    /// Public keys, trusted ones included.
    pub public_keys: Vec<DirectoryFile<PublicKey>>,
    /// Secret keys.
    pub secret_keys: Vec<DirectoryFile<SecretKey>>,
    /// Certificates: the holder's, trusted and useful ones; [`DirectoryFile::kind`] tells.
    pub certificates: Vec<DirectoryFile<Certificate>>,
    /// PINs and other authentication objects.
    pub authentication: Vec<DirectoryFile<AuthenticationObject>>,
    /// Data objects.
    pub data: Vec<DirectoryFile<DataObject>>,
    /// EF(UnusedSpace), if there is one.
    pub unused_space: Option<DirectoryFile<UnusedSpaceRecord>>,
    /// Every file that says what is on the card, as it was read: EF.DIR, the ODF, the TokenInfo,
    /// EF(UnusedSpace), and each directory that the ODF names, of whatever kind.
    pub sources: Vec<Source>,
    /// What is wrong, in the order of reading.
    pub problems: Vec<Problem>,
    pub(crate) index: Index,
    pub(crate) pins: OnceLock<PinIndex>,
    /// Where the ODF is.
    pub(crate) odf_path: FilePath,
    /// Files of these that could not be read to their end.
    pub(crate) unread: Vec<Unread>,
    /// The first answer that made no sense while the application was looked for.
    pub(crate) nonsense: Option<CardError>,
}

impl Contents {
    /// Reads everything that the PKCS#15 application lists. Certificates and other values stay
    /// on the card; only what describes them is read.
    ///
    /// # Errors
    /// The card has no PKCS#15 application, or it is gone.
    pub fn read<C: Channel + ?Sized>(channel: &mut C) -> Result<Self, CardError> {
        Self::read_known(channel, &mut Shelf::default(), Scope::Everything)
    }

    /// The same; files that are on `shelf` are not read again, and others are put there.
    pub(crate) fn read_known<C: Channel + ?Sized>(
        channel: &mut C,
        shelf: &mut Shelf,
        scope: Scope,
    ) -> Result<Self, CardError> {
        Self::read_as_far(channel, shelf, scope, &mut None)
    }

    /// The same; `partly` gets what was read before an error ended it.
    ///
    /// # Errors
    /// As for [`Contents::read`].
    pub(crate) fn read_as_far<C: Channel + ?Sized>(
        channel: &mut C,
        shelf: &mut Shelf,
        scope: Scope,
        partly: &mut Option<Self>,
    ) -> Result<Self, CardError> {
        let mut reader = Reading {
            files: Files::metered(channel, shelf),
            scope,
            sources: Vec::new(),
            problems: Vec::new(),
            unread: Vec::new(),
            nonsense: None,
        };
        let mut contents = Self::nothing();
        let read = contents.read_all(&mut reader);
        contents.unread = core::mem::take(&mut reader.unread);
        contents.nonsense = reader.nonsense.take();
        contents.sources = core::mem::take(&mut reader.sources);
        contents.index = Index::new(&contents);
        contents.problems = core::mem::take(&mut reader.problems);
        if let Err(error) = read {
            *partly = Some(contents);
            return Err(error);
        }
        let of_ranges = directory_ranges::problems(&contents);
        for problem in of_ranges.into_iter().chain(pin_doubt::problems(&contents)) {
            add(&mut contents.problems, problem);
        }
        Ok(contents)
    }

    /// What is known of a card of which nothing was read.
    fn nothing() -> Self {
        Self {
            application: DF_PKCS15,
            selected: None,
            dir: None,
            token_info: None,
            token_info_path: FilePath::EMPTY,
            odf: Odf::default(),
            private_keys: Vec::new(),
            public_keys: Vec::new(),
            secret_keys: Vec::new(),
            certificates: Vec::new(),
            authentication: Vec::new(),
            data: Vec::new(),
            unused_space: None,
            sources: Vec::new(),
            problems: Vec::new(),
            index: Index::default(),
            pins: OnceLock::new(),
            odf_path: FilePath::EMPTY,
            unread: Vec::new(),
            nonsense: None,
        }
    }

    /// Reads all of it, keeping in `self` and in `reader` what comes.
    ///
    /// # Errors
    /// As for [`Contents::read`].
    fn read_all<C: Channel + ?Sized>(
        &mut self,
        reader: &mut Reading<'_, C>,
    ) -> Result<(), CardError> {
        let scope = reader.scope;
        let Found {
            dir,
            application,
            odf_path,
            odf,
        } = reader.find_application()?;
        let named = dir.as_ref().and_then(EfDir::pkcs15);
        if named.is_none()
            && application != APPLICATION
            && let Some(dir) = &dir
            && !reader.may_have_lost(&EF_DIR)
        {
            reader.tell_unlisted(dir, &application);
        }
        if application != APPLICATION && reader.files.application().is_none() {
            reader.application_directory(dir.as_ref(), &application)?;
        }
        if let Some(named) = named
            && application != APPLICATION
            && named.path.is_none()
        {
            let message = format!(
                "it lists the PKCS#15 application without its path (51), which was found in \
                 {application}, where it usually is; other programs may not find it"
            );
            reader.warn(code::APPLICATION_NOT_LISTED, "EF.DIR", &EF_DIR, message);
        }
        let is_read = |source: &Source| source.path == EF_DIR;
        let is_told = |problem: &Problem| *problem.path() == EF_DIR;
        if dir.is_none()
            && application != APPLICATION
            && !reader.sources.iter().any(is_read)
            && !reader.problems.iter().any(is_told)
        {
            let message = format!(
                "it is not on the card (6A82); the PKCS#15 application was found in {}, where it \
                 usually is, but other programs may not find it",
                application
            );
            reader.warn(code::APPLICATION_NOT_LISTED, "EF.DIR", &EF_DIR, message);
        }
        let ddo = named.and_then(|application| application.ddo.as_ref());
        let place = |given: Option<&Path>, usual: FilePath| match given {
            Some(path) if !path.path.is_empty() => absolute(&application, &path.path),
            _ => absolute(&application, &usual),
        };
        let given = ddo.and_then(|ddo| ddo.token_info_path.as_ref());
        let token_info_path = place(given, TOKEN_INFO);
        let unused = place(ddo.and_then(|ddo| ddo.unused_path.as_ref()), UNUSED_SPACE);
        self.selected = reader.files.application().map(<[u8]>::to_vec);
        (self.application, self.odf_path, self.odf) = (application, odf_path, odf);
        self.dir = dir;
        self.token_info = reader.token_info(&token_info_path)?;
        self.token_info_path = token_info_path;
        self.unused_space = match scope {
            Scope::Everything => reader.optional("EF(UnusedSpace)", &unused)?,
            Scope::Pins => None,
        };
        self.read_directories(reader)
    }

    /// The first answer of the card that made no sense while the application was looked for, so that it
    /// may be elsewhere than where it was found. What made no sense later is in the problems.
    pub const fn nonsense(&self) -> Option<&CardError> {
        self.nonsense.as_ref()
    }

    /// Whether reading was stopped before everything was read, because it was more than a card can
    /// hold. Then what is not listed here may be on the card all the same.
    pub fn is_cut_short(&self) -> bool {
        let stopped = |problem: &Problem| problem.code() == code::BUDGET;
        self.problems.iter().any(stopped)
    }

    /// The path of a file in absolute form; PKCS#15 §6.1.4 lets paths start at DF(PKCS15).
    pub fn absolute(&self, path: &Path) -> FilePath {
        absolute(&self.application, &path.path)
    }

    /// The name of the card, as the TokenInfo or else EF.DIR gives it.
    pub fn label(&self) -> Option<&str> {
        let token = self
            .token_info
            .as_ref()
            .and_then(|info| info.label.as_deref());
        token.or_else(|| self.dir.as_ref()?.pkcs15()?.label.as_deref())
    }

    /// Takes over what a directory of certificates holds now, after it was written and read back.
    /// Of one that could not be read before, what is wrong stays until it is read anew.
    pub(crate) fn replace_certificates(&mut self, path: &FilePath, bytes: &[u8]) {
        if !self.certificates.iter().any(|file| file.path == *path) {
            return;
        }
        self.problems.retain(|problem| problem.path() != path);
        self.unread.retain(|unread| unread.path != *path);
        for source in &mut self.sources {
            if source.path == *path {
                source.bytes = bytes.to_vec().into();
            }
        }
        for file in self
            .certificates
            .iter_mut()
            .filter(|file| file.path == *path)
        {
            let parsed = Directory::parse(bytes);
            file.size = bytes.len();
            file.bytes = bytes.to_vec();
            file.directory = parsed.value;
            let found = parsed.findings.into_iter();
            self.problems
                .extend(found.map(|finding| Problem::of_content("EF(CDF)", path, finding)));
        }
        self.index = Index::new(self);
        let disagreements = agreement::problems(self).into_iter();
        self.problems
            .extend(disagreements.filter(|problem| problem.path() == path));
    }

    fn read_directories<C: Channel + ?Sized>(
        &mut self,
        reader: &mut Reading<'_, C>,
    ) -> Result<(), CardError> {
        let odf_path = self.odf_path.clone();
        let mut seen = vec![odf_path.clone(), EF_DIR];
        let mut kinds = vec!["EF(ODF)", "EF.DIR"];
        let entries: Vec<_> = self
            .odf
            .listed()
            .map(|(index, entry)| (index, entry.clone()))
            .collect();
        for (index, entry) in entries {
            let Some(path) = entry.path().filter(|path| !path.path.is_empty()) else {
                reader.error(
                    code::ENTRY_WITHOUT_FILE,
                    "EF(ODF)",
                    &odf_path,
                    format!(
                        "the entry for {} names no file; its objects are not read",
                        entry.kind
                    ),
                );
                continue;
            };
            let path = self.absolute(path);
            let is_circle = |problem: &Problem| {
                let object = problem.object().map(|object| object.index);
                problem.code() == Code::CircularPath.as_str()
                    && *problem.path() == odf_path
                    && object == Some(index)
            };
            if odf_path.starts_with(&path) && reader.problems.iter().any(is_circle) {
                // That it leads back is told already.
                let message = format!("the path {path} leads back to where EF(ODF) is");
                reader.unread.push(Unread {
                    path,
                    error: CardError::new(ErrorKind::Nonsense, message),
                });
                continue;
            }
            if let Some(read) = seen.iter().position(|seen| *seen == path) {
                if kinds
                    .get(read)
                    .is_none_or(|read| *read != directory_name(entry.kind))
                {
                    let read_as = kinds.get(read).copied().unwrap_or("something else");
                    let message = format!("{path} was read as {read_as}");
                    reader.unread.push(Unread {
                        path: path.clone(),
                        error: CardError::new(ErrorKind::Nonsense, message),
                    });
                }
                reader.warn(
                    code::FILE_NAMED_TWICE,
                    "EF(ODF)",
                    &odf_path,
                    format!("{} is named more than once; it is read once", path),
                );
                continue;
            }
            if seen.len() > MAX_DIRECTORY_FILES {
                let text = format!("more than {MAX_DIRECTORY_FILES} files; the rest is not read");
                reader.unread.push(Unread {
                    path: self.odf_path.clone(),
                    error: CardError::new(ErrorKind::Nonsense, text.clone()),
                });
                reader.error(code::TOO_MANY, "EF(ODF)", &odf_path, text);
                break;
            }
            seen.push(path.clone());
            let name = directory_name(entry.kind);
            kinds.push(name);
            let tells_of_pins = matches!(
                entry.kind,
                ObjectKind::PrivateKeys | ObjectKind::AuthObjects
            );
            if reader.scope == Scope::Pins && !tells_of_pins {
                continue;
            }
            match entry.kind {
                ObjectKind::PrivateKeys => {
                    let file = reader.directory(name, entry.kind, &path)?;
                    self.private_keys.extend(file);
                }
                ObjectKind::PublicKeys | ObjectKind::TrustedPublicKeys => {
                    let file = reader.directory(name, entry.kind, &path)?;
                    self.public_keys.extend(file);
                }
                ObjectKind::SecretKeys => {
                    let file = reader.directory(name, entry.kind, &path)?;
                    self.secret_keys.extend(file);
                }
                ObjectKind::Certificates
                | ObjectKind::TrustedCertificates
                | ObjectKind::UsefulCertificates => {
                    let file = reader.directory(name, entry.kind, &path)?;
                    self.certificates.extend(file);
                }
                ObjectKind::AuthObjects => {
                    let file = reader.directory(name, entry.kind, &path)?;
                    self.authentication.extend(file);
                }
                ObjectKind::DataObjects => {
                    let file = reader.directory(name, entry.kind, &path)?;
                    self.data.extend(file);
                }
                // Its objects are of no use here, but they may name files that others are to
                // leave alone.
                kind => {
                    let content = reader.content(name, &path)?;
                    if !content.is_some_and(|bytes| is_filler(&bytes)) {
                        let message = format!("{kind} are in it; they are not looked at");
                        reader.warn(code::KIND_NOT_READ, name, &path, message);
                    }
                }
            }
        }
        // What is missing is not said of what was not read.
        self.unread.clone_from(&reader.unread);
        self.problems.clone_from(&reader.problems);
        self.tell_missing(&odf_path, reader);
        self.look_at_authentication(reader)
    }

    /// Authentication objects whose DF is not on the card, and those that are no PINs.
    fn look_at_authentication<C: Channel + ?Sized>(
        &self,
        reader: &mut Reading<'_, C>,
    ) -> Result<(), CardError> {
        // What was read is in these.
        let mut known = BTreeMap::from([
            (FilePath::EMPTY, None),
            (FilePath::MASTER_FILE, None),
            (self.application.clone(), None),
        ]);
        for file in &self.authentication {
            for (index, object) in file.directory.listed() {
                let about = ObjectRef::of(index, &object.common, Some(object.auth_id()));
                let Some(pin) = pin_object(self, object) else {
                    let message = "an authentication object that is no PIN; it is not looked at";
                    let code = code::KIND_NOT_READ;
                    let severity = match object.attributes {
                        AuthenticationAttributes::Other { choice, .. }
                            if choice > LAST_AUTHENTICATION =>
                        {
                            Severity::Warning
                        }
                        _ => Severity::Note,
                    };
                    let problem = Problem::new(severity, code, "EF(AODF)", &file.path, message);
                    reader.push(problem.about(about));
                    continue;
                };
                let directory = pin.directory;
                let wrong = match known.get(&directory) {
                    Some(known) => *known,
                    None => match reader.files.select(&directory) {
                        Ok(info) if info.is_ef() => Some("which is a file and no directory"),
                        Ok(_) => None,
                        Err(error) if ends_all(&error) => return self.stopped(error, reader),
                        Err(error) if error.kind() == ErrorKind::NotFound => {
                            Some("which is not on the card (6A82)")
                        }
                        // That it cannot be selected is told where the PIN is asked for.
                        Err(_) => None,
                    },
                };
                known.insert(directory.clone(), wrong);
                if let Some(wrong) = wrong {
                    let message = format!(
                        "the PIN belongs to {}, {wrong}: it can neither be asked for nor verified, \
                         and what it protects cannot be used",
                        directory
                    );
                    let code = code::DANGLING_PATH;
                    let problem =
                        Problem::new(Severity::Error, code, "EF(AODF)", &file.path, message);
                    reader.push(problem.about(about).hint(
                        "whoever issued the card must correct the path in EF(AODF), or restore \
                         that directory",
                    ));
                }
            }
        }
        Ok(())
    }

    /// Looking at PINs ended; if only because of the budget, the rest goes on without.
    fn stopped<C: Channel + ?Sized>(
        &self,
        error: CardError,
        reader: &mut Reading<'_, C>,
    ) -> Result<(), CardError> {
        let path = self.authentication.first().map(|file| file.path.clone());
        reader.unreadable("EF(AODF)", &path.unwrap_or_default(), error)
    }

    /// What a card cannot do without, and what its objects name that is not there.
    fn tell_missing<C: Channel + ?Sized>(&self, odf_path: &FilePath, reader: &mut Reading<'_, C>) {
        let lists = |kind| self.odf.objects().any(|entry| entry.kind == kind);
        if !lists(ObjectKind::Certificates) {
            let has_keys = lists(ObjectKind::PrivateKeys) || lists(ObjectKind::PublicKeys);
            let (severity, message) = match self.why_not_all_directories() {
                Some(why) => (
                    Severity::Error,
                    format!("no directory of certificates (CDF) is in what was read of it: {why}"),
                ),
                None if self.odf.entries.is_empty() => (
                    Severity::Error,
                    "it is empty: it names no directory at all, so nothing on the card can be found"
                        .to_owned(),
                ),
                // As a card is that was just initialised.
                None if !has_keys => (
                    Severity::Note,
                    "it names no directory of certificates (CDF), and none of keys: nothing was \
                     stored on the card yet, or the entries were lost"
                        .to_owned(),
                ),
                None => (
                    Severity::Error,
                    "it names no directory of certificates (CDF), so that none can be found"
                        .to_owned(),
                ),
            };
            let code = code::NO_CERTIFICATE_DIRECTORY;
            reader.push(Problem::new(severity, code, "EF(ODF)", odf_path, message));
        }
        for problem in agreement::problems(self) {
            reader.push(problem);
        }
    }
}

/// Whether a card says with this status word that it knows no such command, or not in this form.
const fn is_not_supported(status: StatusWord) -> bool {
    matches!(status.sw1(), 0x68 | 0x6B | 0x6D | 0x6E)
        || matches!(
            status,
            StatusWord::FUNCTION_NOT_SUPPORTED | StatusWord::INCORRECT_P1_P2
        )
}

struct Reading<'a, C: Channel + ?Sized> {
    files: Files<'a, C>,
    scope: Scope,
    sources: Vec<Source>,
    problems: Vec<Problem>,
    unread: Vec<Unread>,
    nonsense: Option<CardError>,
}

impl<C: Channel + ?Sized> Reading<'_, C> {
    fn ef_dir(&mut self) -> Result<Option<EfDir>, CardError> {
        match self.files.read_once(&EF_DIR) {
            Ok(known) => {
                let bytes = self.as_far("EF.DIR", &EF_DIR, known);
                let parsed = EfDir::parse(&bytes);
                Ok(Some(self.keep("EF.DIR", &EF_DIR, parsed)))
            }
            Err(error) if error.kind().may_be_of_records() => self.ef_dir_records(&error),
            // PKCS#15 §5.4: without EF.DIR the application is where it usually is.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => {
                self.unreadable("EF.DIR", &EF_DIR, error)?;
                Ok(None)
            }
        }
    }

    /// EF.DIR as records (ISO/IEC 7816-4 §8.2.1.1). Each is read by itself: what fills it up
    /// behind its template is no filler between objects. `whole`: why it is not read in one piece.
    fn ef_dir_records(&mut self, whole: &CardError) -> Result<Option<EfDir>, CardError> {
        let records = match self.records("EF.DIR", &EF_DIR, whole) {
            Ok(records) => records,
            Err(error) => {
                self.unreadable("EF.DIR", &EF_DIR, error)?;
                return Ok(None);
            }
        };
        let mut dir = EfDir::default();
        for (index, record) in records.iter().enumerate() {
            let name = format!("EF.DIR, record {},", index + 1);
            let parsed = EfDir::parse(record);
            for finding in parsed.findings {
                let problem = Problem::of_content(&name, &EF_DIR, finding);
                self.push(problem.in_record(index + 1));
            }
            dir.entries.extend(parsed.value.entries);
        }
        Ok(Some(dir))
    }

    /// EF.DIR, DF(PKCS15) and the ODF: on the card as it is after a reset, or else in an application
    /// that is selected by its AID (PKCS#15 §5.4, ISO/IEC 7816-4 §8.2.2.3).
    fn find_application(&mut self) -> Result<Found, CardError> {
        if self.files.application().is_some()
            && let Some(found) = self.find_inside(&None)?
        {
            return Ok(found);
        }
        let dir = self.ef_dir()?;
        let missing = match self.find_odf(dir.as_ref().and_then(EfDir::pkcs15)) {
            Ok(found) => return Ok(Found { dir, ..found }),
            Err(error) if ends_all(&error) => return Err(error),
            Err(error) => error,
        };
        let outside = (
            core::mem::take(&mut self.problems),
            core::mem::take(&mut self.sources),
            core::mem::take(&mut self.unread),
        );
        for aid in applications::with_pkcs15(dir.as_ref()) {
            let info = match self.files.select_application(&aid) {
                Ok(info) => info,
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => {
                    self.note_nonsense(&error);
                    continue;
                }
            };
            self.files.enter(Some(aid.clone()));
            if let Some(found) = self.find_inside(&dir)? {
                if let Some(warning) = info.warning {
                    let text = format!(
                        "the card warns when the application {} is selected: {warning} ({})",
                        hex::encode_upper(&aid),
                        warning.meaning()
                    );
                    let (code, path) = (code::SELECTED_WITH_WARNING, found.application.clone());
                    self.warn(code, "DF(PKCS15)", &path, text);
                }
                return Ok(found);
            }
            self.files.enter(None);
            self.problems.clear();
            self.sources.clear();
            self.unread.clear();
        }
        (self.problems, self.sources, self.unread) = outside;
        Err(missing)
    }

    /// The same inside the application that is selected: where its own EF.DIR or the standard says,
    /// or in its own DF. `outside` is EF.DIR as it was read before.
    fn find_inside(&mut self, outside: &Option<EfDir>) -> Result<Option<Found>, CardError> {
        let inside = self.ef_dir()?;
        match self.find_odf(inside.as_ref().and_then(EfDir::pkcs15)) {
            Ok(found) => {
                let dir = inside;
                return Ok(Some(Found { dir, ..found }));
            }
            Err(error) if ends_all(&error) => return Err(error),
            Err(_) => {}
        }
        // What is told of the places where it is not is of no use.
        self.problems.clear();
        self.sources.clear();
        self.unread.clear();
        match self.odf_at(&APPLICATION, None) {
            Ok(found) => {
                let dir = outside.clone();
                Ok(Some(Found { dir, ..found }))
            }
            Err(error) if ends_all(&error) => Err(error),
            Err(error) => {
                self.note_nonsense(&error);
                Ok(None)
            }
        }
    }

    /// Keeps the first answer that made no sense: what was looked for there may be there.
    fn note_nonsense(&mut self, error: &CardError) {
        if error.kind() == ErrorKind::Nonsense {
            self.nonsense.get_or_insert_with(|| error.clone());
        }
    }

    /// The ODF in the DF(PKCS15) at this path.
    fn odf_at(&mut self, application: &FilePath, given: Option<&Path>) -> Result<Found, CardError> {
        let path = match given {
            Some(path) => absolute(application, &path.path),
            None => absolute(application, &ODF),
        };
        let pieces = self.pieces("EF(ODF)", &path)?;
        let odf = self.parsed("EF(ODF)", &path, &pieces);
        Ok(Found {
            dir: None,
            application: application.clone(),
            odf_path: path,
            odf,
        })
    }

    /// The ODF, where EF.DIR says, or where it usually is.
    fn find_odf(&mut self, named: Option<&Application>) -> Result<Found, CardError> {
        let mut places = Vec::new();
        if let Some(path) = named
            .and_then(|application| application.path.as_ref())
            .filter(|path| !path.is_empty())
        {
            places.push(absolute(&FilePath::MASTER_FILE, path));
        }
        let is_named = !places.is_empty();
        for usual in [DF_PKCS15, FilePath::MASTER_FILE] {
            if !places.contains(&usual) {
                places.push(usual);
            }
        }
        let given = named
            .and_then(|application| application.ddo.as_ref()?.odf_path.as_ref())
            .filter(|path| !path.path.is_empty());
        let mut first = None;
        for (index, application) in places.iter().enumerate() {
            match self.odf_at(application, given) {
                Ok(found) => {
                    if index > 0 && is_named {
                        self.dangling(&places, application);
                    }
                    return Ok(found);
                }
                Err(error) if ends_all(&error) => return Err(error),
                Err(error) => {
                    self.note_nonsense(&error);
                    if error.kind() != ErrorKind::NotFound {
                        first.get_or_insert(error);
                    }
                }
            }
        }
        if let Some(given) = given
            && let Some(application) = places.first()
        {
            match self.odf_at(application, None) {
                Ok(found) => {
                    let given = absolute(application, &given.path);
                    self.other_odf(&given, &found.odf_path, first.as_ref());
                    return Ok(found);
                }
                Err(error) if ends_all(&error) => return Err(error),
                Err(_) => {}
            }
        }
        let why = match (&first, named) {
            (Some(error), _) => format!("its EF(ODF) is not readable: {error}"),
            (None, Some(_)) => "EF.DIR names one, but its EF(ODF) is not there".to_owned(),
            (None, None) => "there is neither an entry in EF.DIR nor a file 3F00/5015/5031".into(),
        };
        Err(CardError::new(
            ErrorKind::NotPkcs15,
            format!("the card has no PKCS#15 application that can be read: {why}"),
        )
        .hint(
            "check that it is the right card; `kortlab atr` and `kortlab apdu` work with any card",
        ))
    }

    /// Whether the file at `path` was not read to its end, or may have lost an object.
    fn may_have_lost(&self, path: &FilePath) -> bool {
        self.unread.iter().any(|unread| unread.path == *path)
            || self
                .problems
                .iter()
                .any(|problem| problem.path() == path && LOSING.contains(&problem.code()))
    }

    /// EF.DIR does not list the application that was found under the AID of PKCS#15 (§5.4.1), nor
    /// under that of ISO/IEC 7816-15.
    fn tell_unlisted(&mut self, dir: &EfDir, application: &FilePath) {
        let mut entries = dir.objects();
        if entries.any(|entry| entry.aid.starts_with(&ISO_7816_15_AID)) {
            return;
        }
        let mut entries = dir.objects();
        let there = entries.find(|entry| {
            let path = entry.path.as_ref();
            path.is_some_and(|path| absolute(&FilePath::MASTER_FILE, path) == *application)
        });
        let place = application;
        let message = match there {
            Some(entry) => format!(
                "it lists the application in {place} under the AID {}, which is not that of \
                 PKCS#15; other programs may not find it",
                hex::encode_upper(&entry.aid)
            ),
            None => format!(
                "it does not list the PKCS#15 application in {place}, which was found where it \
                 usually is; other programs may not find it"
            ),
        };
        self.warn(code::APPLICATION_NOT_LISTED, "EF.DIR", &EF_DIR, message);
    }

    /// What the card says of DF(PKCS15) when it is selected. Its files are read by their paths, but other
    /// programs select it first.
    fn application_directory(
        &mut self,
        dir: Option<&EfDir>,
        application: &FilePath,
    ) -> Result<(), CardError> {
        let name = "DF(PKCS15)";
        let selected = match self.scope {
            Scope::Everything => self.files.select(application),
            Scope::Pins => self.files.select_undescribed(application),
        };
        let info = match selected {
            Ok(info) => info,
            Err(error) if ends_all(&error) => return self.unreadable(name, application, error),
            // It selects no directories by their paths.
            Err(error) if error.status().is_some_and(is_not_supported) => return Ok(()),
            Err(error) => {
                let message = format!(
                    "it cannot be selected, and its files were read by their paths: {error}; OpenSC \
                     and other programs select it first, and find nothing"
                );
                let code = code::FILE_UNREADABLE;
                let problem = Problem::new(Severity::Error, code, name, application, message);
                self.push(problem.hint(
                    "whoever issued the card must tell whether the directory was taken out of use; \
                     else the card is broken and must be replaced",
                ));
                return Ok(());
            }
        };
        if let Some(warning) = info.warning {
            let text = format!(
                "the card warns when it is selected: {warning} ({}); other programs may not go on",
                warning.meaning()
            );
            self.warn(code::SELECTED_WITH_WARNING, name, application, text);
        }
        let names = info.fcp.map(|fcp| fcp.df_names).unwrap_or_default();
        if let Some(dir) = dir {
            self.tell_misnamed(dir, application, &names);
        }
        Ok(())
    }

    /// EF.DIR gives the application an AID with which none of the names begins by which the card knows
    /// its DF: who selects it by what EF.DIR says is told that there is none (ISO/IEC 7816-4 §8.2.2.3).
    /// Where the card tells no name (tag 84), nothing is said.
    fn tell_misnamed(&mut self, dir: &EfDir, application: &FilePath, names: &[Vec<u8>]) {
        let here = |entry: &&Application| {
            let path = entry.path.as_ref();
            path.is_some_and(|path| absolute(&FilePath::MASTER_FILE, path) == *application)
        };
        let Some(entry) = dir
            .objects()
            .find(here)
            .filter(|entry| !entry.aid.is_empty())
        else {
            return;
        };
        if names.is_empty() || names.iter().any(|name| name.starts_with(&entry.aid)) {
            return;
        }
        let names: Vec<_> = names.iter().map(hex::encode_upper).collect();
        let message = format!(
            "it lists the application in {application} under the AID {}, but the card knows it as {} \
             (tag 84): programs that select it by what EF.DIR says do not find it",
            hex::encode_upper(&entry.aid),
            names.join(", ")
        );
        self.warn(code::APPLICATION_NOT_LISTED, "EF.DIR", &EF_DIR, message);
    }

    /// The ODF was not where EF.DIR says, but where it usually is. `why`: what was wrong with the file
    /// that it says; `None`: there is none.
    fn other_odf(&mut self, given: &FilePath, found: &FilePath, why: Option<&CardError>) {
        let (code, what) = match why.map(CardError::kind) {
            Some(ErrorKind::Directory) => (
                code::PATH_TO_DIRECTORY,
                "which is a directory (DF)".to_owned(),
            ),
            None => (
                code::DANGLING_PATH,
                "which is not on the card (6A82)".to_owned(),
            ),
            Some(_) => {
                let why = why.map(ToString::to_string).unwrap_or_default();
                (
                    code::FILE_UNREADABLE,
                    format!("which is not readable: {why}"),
                )
            }
        };
        let message = format!(
            "it says that EF(ODF) is {given}, {what}; it was found in {found}, but other programs \
             do not look there"
        );
        let problem = Problem::new(Severity::Error, code, "EF.DIR", &EF_DIR, message);
        self.push(problem.hint("whoever issued the card must correct the path in EF.DIR"));
    }

    /// The application was not where EF.DIR says, but where it usually is.
    fn dangling(&mut self, places: &[FilePath], found: &FilePath) {
        let named = places.first().cloned().unwrap_or_default();
        self.push(
            Problem::new(
                Severity::Error,
                code::DANGLING_PATH,
                "EF.DIR",
                &EF_DIR,
                format!(
                    "it says that the PKCS#15 application is in {}, where there is none; it was \
                     found in {}, but OpenSC and other programs do not look there",
                    named, found
                ),
            )
            .hint(
                "EF.DIR is at fault, not the application: whoever issued the card must correct the \
                 path in it",
            ),
        );
    }

    fn token_info(&mut self, path: &FilePath) -> Result<Option<TokenInfo>, CardError> {
        let name = "EF(TokenInfo)";
        let Some(bytes) = self.content(name, path)? else {
            return Ok(None);
        };
        match TokenInfo::parse(&bytes) {
            Ok(parsed) => Ok(Some(self.keep(name, path, parsed))),
            // The card has answered properly, and what it holds is none.
            Err(error) => {
                let (code, message) = (error.kind().code(), error.kind().to_string());
                self.push(
                    Problem::new(Severity::Error, code, name, path, message).at(error.offset()),
                );
                self.unread.push(Unread {
                    path: path.clone(),
                    error: CardError::new(ErrorKind::Nonsense, error.to_string()),
                });
                Ok(None)
            }
        }
    }

    /// A file that need not be there.
    fn optional<T: DirectoryObject>(
        &mut self,
        name: &str,
        path: &FilePath,
    ) -> Result<Option<DirectoryFile<T>>, CardError> {
        match self.files.read_once(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            _ => self.directory(name, ObjectKind::Other(0xFF), path),
        }
    }

    fn directory<T: DirectoryObject>(
        &mut self,
        name: &str,
        kind: ObjectKind,
        path: &FilePath,
    ) -> Result<Option<DirectoryFile<T>>, CardError> {
        let Some(pieces) = self.pieces_if_readable(name, path)? else {
            return Ok(None);
        };
        let mut directory = self.parsed(name, path, &pieces);
        let (count, stopped) = self.files.take_objects(directory.entries.len());
        directory.entries.truncate(count);
        if let Some(error) = stopped {
            self.ended(name, path, error);
        }
        Ok(Some(DirectoryFile {
            kind,
            path: path.clone(),
            size: pieces.bytes.len(),
            of_records: pieces.is_of_records(),
            bytes: pieces.bytes.into(),
            directory,
        }))
    }

    /// The bytes of a file; if it could not be read to its end, those before.
    fn content(&mut self, name: &str, path: &FilePath) -> Result<Option<Bytes>, CardError> {
        let pieces = self.pieces_if_readable(name, path)?;
        Ok(pieces.map(|pieces| pieces.bytes))
    }

    /// A file, in one piece or by its records; that it cannot be read is told.
    fn pieces_if_readable(
        &mut self,
        name: &str,
        path: &FilePath,
    ) -> Result<Option<Pieces>, CardError> {
        match self.pieces(name, path) {
            Ok(pieces) => Ok(Some(pieces)),
            Err(error) => {
                self.unreadable(name, path, error)?;
                Ok(None)
            }
        }
    }

    fn source(&mut self, path: &FilePath, bytes: Bytes) {
        self.sources.push(Source {
            path: path.clone(),
            bytes,
        });
    }

    /// The bytes of a file as far as it was read, with what was odd about it.
    fn as_far(&mut self, name: &str, path: &FilePath, known: Known) -> Bytes {
        for remark in known.remarks.iter() {
            self.warn(remark.code, name, path, remark.message.clone());
        }
        if let Some(error) = known.ended {
            let error = error.context(&format!("only {} read", ByteCount(known.data.len())));
            self.ended(name, path, error);
        }
        self.source(path, known.data.clone());
        known.data
    }

    fn keep<T>(&mut self, name: &str, path: &FilePath, parsed: Parsed<T>) -> T {
        for finding in parsed.findings {
            self.push(Problem::of_content(name, path, finding));
        }
        parsed.value
    }

    fn error(&mut self, code: &'static str, name: &str, path: &FilePath, message: String) {
        self.push(Problem::new(Severity::Error, code, name, path, message));
    }

    fn warn(&mut self, code: &'static str, name: &str, path: &FilePath, message: String) {
        self.push(Problem::new(Severity::Warning, code, name, path, message));
    }

    /// Notes that a file cannot be read; an error that ends everything is given back.
    fn unreadable(
        &mut self,
        name: &str,
        path: &FilePath,
        error: CardError,
    ) -> Result<(), CardError> {
        if is_final(&error) {
            return Err(error);
        }
        self.ended(name, path, error);
        Ok(())
    }

    /// Notes that a file could not be read to its end.
    fn ended(&mut self, name: &str, path: &FilePath, error: CardError) {
        self.push(Problem::unreadable(name, path, &error));
        self.unread.push(Unread {
            path: path.clone(),
            error,
        });
    }

    fn push(&mut self, problem: Problem) {
        add(&mut self.problems, problem);
    }
}

/// Keeps a problem; the last one that is kept says that there are more. That reading was stopped is
/// kept, however many others there are.
fn add(problems: &mut Vec<Problem>, problem: Problem) {
    if problem.code() == code::BUDGET {
        problems.push(problem);
        return;
    }
    let is_other = |problem: &&Problem| problem.code() != code::BUDGET;
    match problems.iter().filter(is_other).count() + 1 {
        ..MAX_PROBLEMS => problems.push(problem),
        MAX_PROBLEMS => problems.push(Problem::new(
            Severity::Error,
            code::TOO_MANY,
            problem.file(),
            problem.path(),
            "there are more problems from here on; they are left out",
        )),
        _ => {}
    }
}

/// What a directory of these objects is called.
const fn directory_name(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::PrivateKeys => "EF(PrKDF)",
        ObjectKind::PublicKeys | ObjectKind::TrustedPublicKeys => "EF(PuKDF)",
        ObjectKind::Certificates
        | ObjectKind::TrustedCertificates
        | ObjectKind::UsefulCertificates => "EF(CDF)",
        ObjectKind::AuthObjects => "EF(AODF)",
        ObjectKind::DataObjects => "EF(DODF)",
        ObjectKind::SecretKeys => "EF(SKDF)",
        _ => "a directory",
    }
}

/// Whether these bytes are filler: `00`, or `FF` of erased memory.
pub(crate) fn is_filler(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, 0x00 | 0xFF))
}

/// Whether an error means that nothing more can be read from the card.
pub(crate) const fn is_final(error: &CardError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NoReader | ErrorKind::NoCard | ErrorKind::Link | ErrorKind::Interrupted
    )
}

/// What is found of the application: EF.DIR, the path of DF(PKCS15), and the ODF.
struct Found {
    dir: Option<EfDir>,
    application: FilePath,
    odf_path: FilePath,
    odf: Odf,
}

/// Whether an error means that nothing more is read: the card is gone, or as much was read as may be.
pub(crate) fn ends_all(error: &CardError) -> bool {
    is_final(error) || error.kind() == ErrorKind::Budget
}

/// `path` from the MF on: as it is if it starts there, else below `application`. A path that
/// repeats the application's own, as some cards have it, is not taken twice.
fn absolute(application: &FilePath, path: &FilePath) -> FilePath {
    if let Some(below) = path.strip_prefix(&APPLICATION) {
        // As a session wrote it that did not know where the application is.
        return application.join(&below);
    }
    if *application == APPLICATION {
        // Where the application is in the file system is not known; what its files say of its usual
        // place is meant to be the application itself.
        let below = FilePath::from(path.below_master_file());
        return match below.strip_prefix(&DF_PKCS15.below_master_file().into()) {
            Some(below) => APPLICATION.join(&below),
            None if path.is_absolute() => path.clone(),
            None => application.join(path),
        };
    }
    if path.is_absolute() {
        return path.clone();
    }
    let below_mf = FilePath::from(application.below_master_file());
    if !below_mf.is_empty() && path.starts_with(&below_mf) && *path != below_mf {
        return FilePath::MASTER_FILE.join(path);
    }
    match application.is_empty() {
        true => FilePath::MASTER_FILE.join(path),
        false => application.join(path),
    }
}
