//! What tells that a directory of certificates has lost entries.
//!
//! A directory that was cut, or cleared, where an object ends is a good directory of fewer objects.
//! But what it listed is on the card still: files of certificates that nothing names any more, and
//! keys that are left without any.

use std::collections::BTreeSet;

use kortlab_apdu::{Channel, Fid, FilePath};
use kortlab_pkcs15::{ObjectRef, Path, Severity};

use super::names::Names;
use crate::card::Card;
use crate::certificate::{self, CertificateInfo};
use crate::contents::is_final;
use crate::error::{CardError, ErrorKind};
use crate::problem::{Problem, code};
use crate::profile::Profile;

/// After so many identifiers in a row that no file has, no further one is tried.
const MAX_GAP: usize = 4;

impl<C: Channel> Card<C> {
    /// The private keys for which there is no certificate.
    pub(super) fn keys_without_certificate(&self) -> Vec<Problem> {
        let contents = self.contents();
        let mut seen = BTreeSet::new();
        let mut problems = Vec::new();
        for file in &contents.private_keys {
            for (index, key) in file.directory.objects().enumerate() {
                let has_one = contents.certificates_with(key.id()).next().is_some();
                if has_one || !seen.insert(key.id()) {
                    continue;
                }
                let problem = Problem::new(
                    Severity::Warning,
                    code::KEY_WITHOUT_CERTIFICATE,
                    "EF(PrKDF)",
                    &file.path,
                    "no certificate on the card is for this key",
                );
                let object = ObjectRef {
                    index,
                    label: key.common.label.clone(),
                    id: Some(key.id().clone()),
                };
                problems.push(problem.about(object).hint(
                    "write its certificate with `kortlab cert write`, or renew the card; where the \
                     key is to have none, check with --allow-empty",
                ));
            }
        }
        problems
    }

    /// The files that hold a certificate and that nothing names, among those which the card's
    /// profile gives to certificates. On a card that no profile knows, or whose directories could
    /// not be read whole, none is looked for.
    pub(super) fn certificates_not_listed(&mut self) -> Result<Vec<Problem>, CardError> {
        let Some(profile) = Profile::known(self.contents()) else {
            return Ok(Vec::new());
        };
        let names = Names::of(self.contents());
        // Where a directory is broken, that is told, and not what is missing by it.
        if names.unknown().is_some() {
            return Ok(Vec::new());
        }
        let application = self.contents().application.clone();
        let mut problems = Vec::new();
        let mut gap = 0;
        for file_id in Fid::all(&profile.certificate_files) {
            let path = application.child(file_id);
            if names.namer(&path).is_some() {
                gap = 0;
                continue;
            }
            match self.holds_certificate(&path) {
                Ok(None) => {
                    gap += 1;
                    if gap == MAX_GAP {
                        break;
                    }
                    continue;
                }
                Ok(Some(true)) => problems.push(not_listed(&path)),
                Ok(Some(false)) => {}
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => {
                    problems.push(Problem::unreadable("certificate", &path, &error));
                    break;
                }
            }
            gap = 0;
        }
        Ok(problems)
    }

    /// Whether a file holds a certificate; `None` if there is none. A file that cannot be selected
    /// or read is not known to.
    fn holds_certificate(&mut self, path: &FilePath) -> Result<Option<bool>, CardError> {
        let ends = |error: &CardError| is_final(error) || error.kind() == ErrorKind::Budget;
        match self.file_exists(path) {
            Ok(false) => return Ok(None),
            Ok(true) => {}
            Err(error) if ends(&error) => return Err(error),
            Err(_) => return Ok(Some(false)),
        }
        match self.file_of(&Path::file(path.clone())) {
            Ok(known) => {
                let der = certificate::at_start(&known.data);
                Ok(Some(der.and_then(CertificateInfo::parse).is_some()))
            }
            Err(error) if ends(&error) => Err(error),
            Err(_) => Ok(Some(false)),
        }
    }
}

fn not_listed(path: &FilePath) -> Problem {
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
}
