//! What is on a card, as its PKCS#15 directory files say (PKCS#15 §5), read leniently.
//!
//! A file that cannot be read, or an object in it that makes no sense, becomes a [`Problem`], and
//! reading goes on. Only a card that is gone, or that has no PKCS#15 application, ends it.

use core::fmt;

use kortlab_apdu::Channel;
use kortlab_pkcs15::{
    Application, AuthenticationObject, Certificate, DataObject, Directory, DirectoryObject, EfDir,
    Finding, ObjectKind, Odf, Parsed, Path, PrivateKey, PublicKey, Severity, TokenInfo,
    UnusedSpaceRecord,
};

use crate::error::{CardError, ErrorKind};
use crate::files::{Files, path_text};

/// EF.DIR (ISO/IEC 7816-4 §8.2.1.1).
const EF_DIR: [u8; 4] = [0x3F, 0x00, 0x2F, 0x00];
/// DF(PKCS15) where EF.DIR does not say (PKCS#15 §5.4).
const DF_PKCS15: [u8; 4] = [0x3F, 0x00, 0x50, 0x15];
/// EF(ODF), EF(TokenInfo), EF(UnusedSpace) in DF(PKCS15) (PKCS#15 §5.5).
const ODF: [u8; 2] = [0x50, 0x31];
const TOKEN_INFO: [u8; 2] = [0x50, 0x32];
const UNUSED_SPACE: [u8; 2] = [0x50, 0x33];

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
    pub path: Vec<u8>,
    /// Its size in bytes: how much of it could be read.
    pub size: usize,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The objects in it.
    pub directory: Directory<T>,
}

/// What is on a card.
#[derive(Clone, Debug)]
pub struct Contents {
    /// The absolute path of DF(PKCS15).
    pub application: Vec<u8>,
    /// EF.DIR, if there is one that could be read.
    pub dir: Option<EfDir>,
    /// EF(TokenInfo), if it could be read.
    pub token_info: Option<TokenInfo>,
    /// EF(ODF).
    pub odf: Odf,
    /// Private keys.
    pub private_keys: Vec<DirectoryFile<PrivateKey>>,
    /// Public keys, trusted ones included.
    pub public_keys: Vec<DirectoryFile<PublicKey>>,
    /// Certificates: the holder's, trusted and useful ones; [`DirectoryFile::kind`] tells.
    pub certificates: Vec<DirectoryFile<Certificate>>,
    /// PINs and other authentication objects.
    pub authentication: Vec<DirectoryFile<AuthenticationObject>>,
    /// Data objects.
    pub data: Vec<DirectoryFile<DataObject>>,
    /// EF(UnusedSpace), if there is one.
    pub unused_space: Option<DirectoryFile<UnusedSpaceRecord>>,
    /// What is wrong, in the order of reading.
    pub problems: Vec<Problem>,
}

/// Something wrong with a file on the card.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// What the file is called: `EF(CDF)`.
    pub file: String,
    /// Its absolute path.
    pub path: Vec<u8>,
    /// What is wrong.
    pub trouble: Trouble,
}

/// What can be wrong with a file.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Trouble {
    /// Its content is not as the standard has it.
    Content(Finding),
    /// It could be read, but not without something odd.
    Odd(String),
    /// It could not be read, or not be made sense of at all.
    Unreadable(CardError),
}

impl Problem {
    /// How much it matters.
    pub const fn severity(&self) -> Severity {
        match &self.trouble {
            Trouble::Content(finding) => finding.severity,
            Trouble::Odd(_) => Severity::Warning,
            Trouble::Unreadable(_) => Severity::Error,
        }
    }
}

impl fmt::Display for Problem {
    /// `EF(CDF) 3F00/5015/4403: warning: at byte 17: …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: ", self.file, path_text(&self.path))?;
        match &self.trouble {
            Trouble::Content(finding) => write!(f, "{finding}"),
            Trouble::Odd(text) => write!(f, "{}: {text}", self.severity()),
            Trouble::Unreadable(error) => write!(f, "{}: {error}", self.severity()),
        }
    }
}

impl Contents {
    /// Reads everything that the PKCS#15 application lists. Certificates and other values stay
    /// on the card; only what describes them is read.
    ///
    /// # Errors
    /// The card has no PKCS#15 application, or it is gone.
    pub fn read<C: Channel + ?Sized>(channel: &mut C) -> Result<Self, CardError> {
        let mut reader = Reading {
            files: Files::new(channel),
            problems: Vec::new(),
        };
        let dir = reader.ef_dir()?;
        let named = dir.as_ref().and_then(EfDir::pkcs15);
        let (application, odf) = reader.find_odf(named)?;
        let ddo = named.and_then(|application| application.ddo.as_ref());
        let place = |given: Option<&Path>, usual: [u8; 2]| match given {
            Some(path) if !path.path.is_empty() => absolute(&application, &path.path),
            _ => absolute(&application, &usual),
        };
        let token_info = reader.token_info(&place(
            ddo.and_then(|ddo| ddo.token_info_path.as_ref()),
            TOKEN_INFO,
        ))?;
        let unused = place(ddo.and_then(|ddo| ddo.unused_path.as_ref()), UNUSED_SPACE);
        let unused_space = reader.optional("EF(UnusedSpace)", &unused)?;
        let mut contents = Self {
            application,
            dir,
            token_info,
            odf,
            private_keys: Vec::new(),
            public_keys: Vec::new(),
            certificates: Vec::new(),
            authentication: Vec::new(),
            data: Vec::new(),
            unused_space,
            problems: Vec::new(),
        };
        contents.read_directories(&mut reader)?;
        contents.problems = reader.problems;
        Ok(contents)
    }

    /// The path of a file in absolute form; PKCS#15 §6.1.4 lets paths start at DF(PKCS15).
    pub fn absolute(&self, path: &Path) -> Vec<u8> {
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

    fn read_directories<C: Channel + ?Sized>(
        &mut self,
        reader: &mut Reading<'_, C>,
    ) -> Result<(), CardError> {
        let odf_path = absolute(&self.application, &ODF);
        let mut seen = vec![odf_path.clone(), EF_DIR.to_vec()];
        let entries: Vec<_> = self.odf.objects().cloned().collect();
        for entry in entries {
            let Some(path) = entry.path().filter(|path| !path.path.is_empty()) else {
                reader.odd(
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
            if seen.contains(&path) {
                reader.odd(
                    "EF(ODF)",
                    &odf_path,
                    format!(
                        "{} is named more than once; it is read once",
                        path_text(&path)
                    ),
                );
                continue;
            }
            if seen.len() > MAX_DIRECTORY_FILES {
                let text = format!("more than {MAX_DIRECTORY_FILES} files; the rest is not read");
                reader.odd("EF(ODF)", &odf_path, text);
                break;
            }
            seen.push(path.clone());
            match entry.kind {
                ObjectKind::PrivateKeys => {
                    let file = reader.directory("EF(PrKDF)", entry.kind, &path)?;
                    self.private_keys.extend(file);
                }
                ObjectKind::PublicKeys | ObjectKind::TrustedPublicKeys => {
                    let file = reader.directory("EF(PuKDF)", entry.kind, &path)?;
                    self.public_keys.extend(file);
                }
                ObjectKind::Certificates
                | ObjectKind::TrustedCertificates
                | ObjectKind::UsefulCertificates => {
                    let file = reader.directory("EF(CDF)", entry.kind, &path)?;
                    self.certificates.extend(file);
                }
                ObjectKind::AuthObjects => {
                    let file = reader.directory("EF(AODF)", entry.kind, &path)?;
                    self.authentication.extend(file);
                }
                ObjectKind::DataObjects => {
                    let file = reader.directory("EF(DODF)", entry.kind, &path)?;
                    self.data.extend(file);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

struct Reading<'a, C: Channel + ?Sized> {
    files: Files<'a, C>,
    problems: Vec<Problem>,
}

impl<C: Channel + ?Sized> Reading<'_, C> {
    fn ef_dir(&mut self) -> Result<Option<EfDir>, CardError> {
        let bytes = match self.files.read(&EF_DIR) {
            Ok(content) => {
                self.remarks("EF.DIR", &EF_DIR, content.remarks);
                content.data
            }
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                match self.files.read_records(&EF_DIR) {
                    Ok((_, records)) => records.concat(),
                    Err(error) => {
                        self.unreadable("EF.DIR", &EF_DIR, error)?;
                        return Ok(None);
                    }
                }
            }
            // PKCS#15 §5.4: without EF.DIR the application is where it usually is.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                self.unreadable("EF.DIR", &EF_DIR, error)?;
                return Ok(None);
            }
        };
        Ok(Some(self.keep("EF.DIR", &EF_DIR, EfDir::parse(&bytes))))
    }

    /// The ODF, where EF.DIR says, or where it usually is.
    fn find_odf(&mut self, named: Option<&Application>) -> Result<(Vec<u8>, Odf), CardError> {
        let mut places = Vec::new();
        if let Some(path) = named
            .and_then(|application| application.path.as_deref())
            .filter(|path| !path.is_empty())
        {
            places.push(absolute(&EF_DIR[..2], path));
        }
        for usual in [&DF_PKCS15[..], &EF_DIR[..2]] {
            if !places.iter().any(|place| place == usual) {
                places.push(usual.to_vec());
            }
        }
        let given = named
            .and_then(|application| application.ddo.as_ref()?.odf_path.as_ref())
            .filter(|path| !path.path.is_empty());
        let mut first = None;
        for application in places {
            let path = match given {
                Some(path) => absolute(&application, &path.path),
                None => absolute(&application, &ODF),
            };
            match self.files.read(&path) {
                Ok(content) => {
                    self.remarks("EF(ODF)", &path, content.remarks);
                    let odf = self.keep("EF(ODF)", &path, Odf::parse(&content.data));
                    return Ok((application, odf));
                }
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => {
                    if error.kind() != ErrorKind::NotFound {
                        first.get_or_insert(error);
                    }
                }
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

    fn token_info(&mut self, path: &[u8]) -> Result<Option<TokenInfo>, CardError> {
        let name = "EF(TokenInfo)";
        let Some(content) = self.content(name, path)? else {
            return Ok(None);
        };
        match TokenInfo::parse(&content.data) {
            Ok(parsed) => Ok(Some(self.keep(name, path, parsed))),
            Err(error) => {
                let error = CardError::new(ErrorKind::Nonsense, error.to_string());
                self.unreadable(name, path, error)?;
                Ok(None)
            }
        }
    }

    /// A file that need not be there.
    fn optional<T: DirectoryObject>(
        &mut self,
        name: &str,
        path: &[u8],
    ) -> Result<Option<DirectoryFile<T>>, CardError> {
        match self.files.exists(path) {
            Ok(true) => self.directory(name, ObjectKind::Other(0xFF), path),
            Ok(false) => Ok(None),
            Err(error) => {
                self.unreadable(name, path, error)?;
                Ok(None)
            }
        }
    }

    fn directory<T: DirectoryObject>(
        &mut self,
        name: &str,
        kind: ObjectKind,
        path: &[u8],
    ) -> Result<Option<DirectoryFile<T>>, CardError> {
        let Some(content) = self.content(name, path)? else {
            return Ok(None);
        };
        let parsed = Directory::parse(&content.data);
        let directory = self.keep(name, path, parsed);
        Ok(Some(DirectoryFile {
            kind,
            path: path.to_vec(),
            size: content.data.len(),
            bytes: content.data,
            directory,
        }))
    }

    fn content(
        &mut self,
        name: &str,
        path: &[u8],
    ) -> Result<Option<crate::files::Content>, CardError> {
        match self.files.read(path) {
            Ok(mut content) => {
                self.remarks(name, path, core::mem::take(&mut content.remarks));
                Ok(Some(content))
            }
            Err(error) => {
                self.unreadable(name, path, error)?;
                Ok(None)
            }
        }
    }

    fn keep<T>(&mut self, name: &str, path: &[u8], parsed: Parsed<T>) -> T {
        for finding in parsed.findings {
            self.push(name, path, Trouble::Content(finding));
        }
        parsed.value
    }

    fn remarks(&mut self, name: &str, path: &[u8], remarks: Vec<String>) {
        for remark in remarks {
            self.push(name, path, Trouble::Odd(remark));
        }
    }

    fn odd(&mut self, name: &str, path: &[u8], text: String) {
        self.push(name, path, Trouble::Odd(text));
    }

    /// Notes that a file cannot be read; an error that ends everything is given back.
    fn unreadable(&mut self, name: &str, path: &[u8], error: CardError) -> Result<(), CardError> {
        if is_final(&error) {
            return Err(error);
        }
        self.push(name, path, Trouble::Unreadable(error));
        Ok(())
    }

    fn push(&mut self, name: &str, path: &[u8], trouble: Trouble) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem {
                file: name.to_owned(),
                path: path.to_vec(),
                trouble,
            });
        }
    }
}

/// Whether an error means that nothing more can be read from the card.
pub(crate) const fn is_final(error: &CardError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NoReader | ErrorKind::NoCard | ErrorKind::Link | ErrorKind::Interrupted
    )
}

/// `path` from the MF on: as it is if it starts there, else below `application`. A path that
/// repeats the application's own, as some cards have it, is not taken twice.
fn absolute(application: &[u8], path: &[u8]) -> Vec<u8> {
    const MF: &[u8] = &[0x3F, 0x00];
    if path.starts_with(MF) {
        return path.to_vec();
    }
    let below_mf = application.strip_prefix(MF).unwrap_or(application);
    if !below_mf.is_empty() && path.len() > below_mf.len() && path.starts_with(below_mf) {
        return [MF, path].concat();
    }
    let start = if application.is_empty() {
        MF
    } else {
        application
    };
    [start, path].concat()
}
