//! The data directory: the authorities' keys, the TLS authority, the administrator's token, the
//! default store, and where the portal listens.

mod files;

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use kortlab_issuer::authority::{Authority, AuthorityKind};
use kortlab_issuer::clock::{Clock as _, DAY, SystemClock};
use kortlab_issuer::ocsp::Responder;
use kortlab_issuer::profile::AuthorityUrls;
use kortlab_issuer::random::IssuerRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::file_lock;
use crate::startup::StartError;
use crate::tls::TlsAuthority;
use crate::token::AdminToken;

/// What this program writes. A directory of a later format is not touched.
const FORMAT: u32 = 1;
/// Says that this is a portal's directory, and whether it was made to the end.
const MARKER: &str = "kortlab-portal.json";
/// Locked as long as a portal runs.
const LOCK: &str = "lock";
const ADMIN_TOKEN: &str = "admin-token";
const ADDRESSES: &str = "addresses.json";
const TLS_CERTIFICATE: &str = "tls-ca.pem";
const TLS_KEY: &str = "tls-ca.key";
/// Authorities begin this long ago, so that cards for tests can have a past.
const BACKDATED: core::time::Duration = core::time::Duration::from_secs(10 * 365 * DAY.as_secs());

/// The marker's document.
#[derive(Debug, Serialize, Deserialize)]
struct Marker {
    format: u32,
    /// Which version of Kortlab made it, for people.
    made_by: String,
    /// Whether everything is there: a first start may be killed.
    complete: bool,
}

/// A data directory that this process has locked.
#[derive(Debug)]
pub struct DataDirectory {
    path: PathBuf,
    /// Filled by this process, and not marked as complete yet.
    fresh: bool,
    /// Held until the portal ends; the operating system lets go of it if the portal is killed.
    _lock: File,
}

impl DataDirectory {
    /// Opens the portal's directory, or makes it (mode 0700) and everything in it. What was made
    /// counts once [`DataDirectory::complete`] is called; before, it is made again.
    ///
    /// # Errors
    /// It is in use, belongs to something else, was made by a newer version, or is damaged.
    pub fn open(path: &Path) -> Result<Self, StartError> {
        files::make_directory(path)?;
        let lock = lock(path)?;
        let directory = Self {
            path: path.to_path_buf(),
            fresh: false,
            _lock: lock,
        };
        match directory.marker()? {
            Some(marker) if marker.format > FORMAT => Err(StartError::directory(
                path,
                format_args!(
                    "this data directory was made by a newer Kortlab ({}, format {}; this one knows {FORMAT}); use that version, or another directory",
                    printable(&marker.made_by),
                    marker.format
                ),
            )),
            Some(marker) if marker.complete => Ok(directory),
            // Nobody has seen anything of a portal whose first start did not come to its end.
            Some(_) => directory.fill(),
            None => {
                directory.refuse_foreign()?;
                directory.fill()
            }
        }
    }

    /// Where an address is written down for [`Addresses`](crate::server::Addresses).
    pub fn addresses_file(&self) -> PathBuf {
        self.path.join(ADDRESSES)
    }

    /// Whether this is the first start: only then a store is made.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// Says that the first start has come to its end, the store included.
    ///
    /// # Errors
    /// The marker cannot be written.
    pub fn complete(&mut self) -> Result<(), StartError> {
        if self.fresh {
            self.mark(true)?;
            self.fresh = false;
        }
        Ok(())
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// An authority, with these addresses for the certificates that it issues from now on.
    ///
    /// # Errors
    /// Its files are missing, damaged, or readable by others.
    pub(crate) fn authority(
        &self,
        kind: AuthorityKind,
        urls: AuthorityUrls,
    ) -> Result<Authority, StartError> {
        let [certificate_path, key_path] = self.authority_files(kind);
        let key = files::read_secret(&key_path)?;
        let certificate = files::read_certificate(&certificate_path)?;
        Authority::from_pkcs8_pem(kind, &key, &certificate, urls)
            .map_err(|error| damaged(&key_path, &error))
    }

    /// The TLS authority.
    ///
    /// # Errors
    /// Its files are missing, damaged, or readable by others.
    pub(crate) fn tls_authority(&self) -> Result<TlsAuthority, StartError> {
        let key_path = self.path.join(TLS_KEY);
        let key = files::read_secret(&key_path)?;
        let certificate_path = self.path.join(TLS_CERTIFICATE);
        files::read_certificate(&certificate_path)?;
        let certificate = files::read_text(&certificate_path)?;
        TlsAuthority::from_pem(&key, certificate).map_err(|error| damaged(&key_path, &error))
    }

    /// The administrator's token.
    ///
    /// # Errors
    /// Its file is missing, damaged, or readable by others.
    pub(crate) fn admin_token(&self) -> Result<AdminToken, StartError> {
        let path = self.path.join(ADMIN_TOKEN);
        let text = files::read_secret(&path)?;
        AdminToken::from_text(text.trim())
            .ok_or_else(|| damaged(&path, &"it is not 64 hexadecimal digits"))
    }

    /// Writes a file that everybody who reaches the directory may read, in one step.
    pub(crate) fn write(&self, path: &Path, text: &str) -> Result<(), StartError> {
        files::write(path, text.as_bytes(), files::PUBLIC)
    }

    fn marker(&self) -> Result<Option<Marker>, StartError> {
        let path = self.path.join(MARKER);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StartError::directory(path, error)),
        };
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| damaged(&path, &error))
    }

    /// A directory that has other things in it is not filled.
    fn refuse_foreign(&self) -> Result<(), StartError> {
        let entries =
            fs::read_dir(&self.path).map_err(|error| StartError::directory(&self.path, error))?;
        for entry in entries {
            let entry = entry.map_err(|error| StartError::directory(&self.path, error))?;
            if entry.file_name() != LOCK {
                return Err(StartError::directory(
                    &self.path,
                    format_args!(
                        "there is something in this directory ({}) and it is not a portal's; give an empty one, or one that is not there yet",
                        printable(&entry.file_name().to_string_lossy())
                    ),
                ));
            }
        }
        Ok(())
    }

    /// Makes everything that the portal has from its first start on.
    fn fill(mut self) -> Result<Self, StartError> {
        self.fresh = true;
        self.mark(false)?;
        let mut rng = IssuerRng::from_os().map_err(authority)?;
        let since = SystemClock.now().before(BACKDATED);
        for kind in [AuthorityKind::Carrier, AuthorityKind::Hcc] {
            // The addresses are those of certificates issued later: each start gives its own.
            let urls = AuthorityUrls::example(kind.file_name());
            let made = Authority::create(kind, urls, since, &mut rng).map_err(authority)?;
            let [certificate_path, key_path] = self.authority_files(kind);
            let key = made.to_pkcs8_pem().map_err(authority)?;
            files::write(&key_path, key.as_bytes(), files::SECRET)?;
            let certificate = made.certificate_pem().map_err(authority)?;
            self.write(&certificate_path, &certificate)?;
        }
        let tls = TlsAuthority::create()?;
        files::write(
            &self.path.join(TLS_KEY),
            tls.key_pem().as_bytes(),
            files::SECRET,
        )?;
        self.write(&self.path.join(TLS_CERTIFICATE), tls.certificate_pem())?;
        let token = Zeroizing::new(format!("{}\n", AdminToken::create(&mut rng).expose()));
        files::write(
            &self.path.join(ADMIN_TOKEN),
            token.as_bytes(),
            files::SECRET,
        )?;
        Ok(self)
    }

    fn mark(&self, complete: bool) -> Result<(), StartError> {
        let marker = Marker {
            format: FORMAT,
            made_by: env!("CARGO_PKG_VERSION").to_owned(),
            complete,
        };
        let path = self.path.join(MARKER);
        let text = serde_json::to_string_pretty(&marker).map_err(|error| damaged(&path, &error))?;
        self.write(&path, &format!("{text}\n"))
    }

    /// The certificate's file and the key's.
    fn authority_files(&self, kind: AuthorityKind) -> [PathBuf; 2] {
        let name = match kind {
            AuthorityKind::Carrier => "carrier-ca",
            AuthorityKind::Hcc => "hcc-ca",
        };
        ["pem", "key"].map(|ending| self.path.join(format!("{name}.{ending}")))
    }
}

/// Where the responder of an authority is in a data directory: its key and its certificate.
fn responder_file(directory: &Path, kind: AuthorityKind) -> PathBuf {
    directory.join(match kind {
        AuthorityKind::Carrier => "carrier-ocsp.pem",
        AuthorityKind::Hcc => "hcc-ocsp.pem",
    })
}

/// Writes down what answers OCSP requests, for the instances that only read: for the owner only,
/// and in one step.
pub(crate) fn write_responder(directory: &Path, responder: &Responder) -> Result<(), StartError> {
    let pem = responder.to_pem().map_err(authority)?;
    let path = responder_file(directory, responder.kind());
    files::write(&path, pem.as_bytes(), files::SECRET)
}

/// What an instance that only reads has of a portal's data directory, or of a copy of it: the
/// certificates of both authorities and what answers for them. None of the authorities' keys is
/// looked at, and nothing is locked or written.
#[derive(Debug)]
pub(crate) struct ReadOnlyDirectory {
    path: PathBuf,
    authorities: [Vec<u8>; 2],
}

impl ReadOnlyDirectory {
    /// Reads the certificates of both authorities.
    ///
    /// # Errors
    /// They are missing or damaged.
    pub(crate) fn open(path: &Path) -> Result<Self, StartError> {
        let certificate = |name: &str| files::read_certificate(&path.join(name));
        Ok(Self {
            authorities: [certificate("carrier-ca.pem")?, certificate("hcc-ca.pem")?],
            path: path.to_path_buf(),
        })
    }

    /// The certificates of the carrier's authority and of the HCCs', DER.
    pub(crate) fn authorities(&self) -> [&[u8]; 2] {
        self.authorities.each_ref().map(Vec::as_slice)
    }

    /// What answers for an authority, as it is in the directory now.
    ///
    /// # Errors
    /// It is missing, damaged, readable by others, or another authority's.
    pub(crate) fn responder(&self, kind: AuthorityKind) -> Result<Responder, StartError> {
        let path = responder_file(&self.path, kind);
        if !path.exists() {
            return Err(StartError::directory(
                path,
                "this file is missing; the portal that writes makes it in its data directory and anew before it is a week old: copy it from there, each time, readable for its owner only",
            ));
        }
        let [carrier, hcc] = self.authorities();
        let authority = match kind {
            AuthorityKind::Carrier => carrier,
            AuthorityKind::Hcc => hcc,
        };
        let pem = files::read_secret(&path)?;
        Responder::from_pem(kind, authority, &pem).map_err(|error| {
            StartError::directory(
                path,
                format_args!("{error}; copy this file and carrier-ca.pem and hcc-ca.pem from the same data directory"),
            )
        })
    }
}

/// Where the administrator's token is in a data directory.
pub fn admin_token_file(directory: &Path) -> PathBuf {
    directory.join(ADMIN_TOKEN)
}

/// Where a portal that runs says where it listens.
pub fn addresses_file(directory: &Path) -> PathBuf {
    directory.join(ADDRESSES)
}

/// Where the default store is in a data directory.
pub(crate) fn store_file(directory: &Path) -> PathBuf {
    directory.join("portal.sqlite")
}

fn lock(directory: &Path) -> Result<File, StartError> {
    let path = directory.join(LOCK);
    let file = files::open_lock(&path)?;
    match file_lock::take(&file) {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::InUse(format!(
            "{}: another portal runs on this data directory; end it first, or give another --data",
            directory.display()
        ))),
        Err(TryLockError::Error(error)) => Err(StartError::directory(path, error)),
    }
}

fn authority(error: kortlab_issuer::IssueError) -> StartError {
    StartError::Authority(error.to_string())
}

fn damaged(path: &Path, why: &dyn core::fmt::Display) -> StartError {
    StartError::directory(
        path,
        format_args!(
            "this file is damaged ({why}); restore the data directory from a backup, or begin a new one"
        ),
    )
}

/// What somebody else wrote, fit for one line of a message.
fn printable(text: &str) -> String {
    let line = text.chars().filter(|one| !one.is_control());
    line.take(100).collect()
}

#[cfg(test)]
mod tests;
