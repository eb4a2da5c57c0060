//! The certificates of issuers from files, against which signatures are checked.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::certificate_file;
use crate::failure::Failure;

/// The most files of a directory that are read.
const MAX_FILES: usize = 1024;

/// The issuers' certificates that were given.
#[derive(Args, Default)]
pub struct Issuers {
    /// The certificate of an authority that may have issued one of these, PEM or DER; give it
    /// once for each. Those of authorities on the card are known
    #[arg(long, value_name = "FILE")]
    issuer: Vec<PathBuf>,

    /// A directory of such certificates: its files *.pem, *.crt, *.cer and *.der. A certificate by
    /// none of them is a finding
    #[arg(long, value_name = "DIR")]
    ca_dir: Vec<PathBuf>,
}

impl Issuers {
    /// Whether these are all there are: a certificate by none of them is then a finding.
    pub const fn are_all(&self) -> bool {
        !self.ca_dir.is_empty()
    }

    /// Reads them, DER.
    ///
    /// # Errors
    /// A file cannot be read, or holds no certificate.
    pub fn read(&self) -> Result<Vec<Vec<u8>>, Failure> {
        let mut certificates = Vec::new();
        for path in &self.issuer {
            certificates.extend(certificate_file::all(path)?);
        }
        for directory in &self.ca_dir {
            let found = listed(directory)?;
            if found.is_empty() {
                let text = format!("there is no certificate in {}", directory.display());
                return Err(Failure::failed(text)
                    .hint("its files must be called *.pem, *.crt, *.cer or *.der"));
            }
            for path in found {
                certificates.extend(certificate_file::all(&path)?);
            }
        }
        Ok(certificates)
    }
}

/// The files in a directory that are certificates by their names, in order.
fn listed(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error| Failure::file("read", directory, &error);
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)?.take(MAX_FILES) {
        let path = entry.map_err(failed)?.path();
        let ending = path.extension().map(|ending| ending.to_ascii_lowercase());
        let is_certificate = ending.is_some_and(|ending| {
            ["pem", "crt", "cer", "der"]
                .iter()
                .any(|known| ending == *known)
        });
        if is_certificate && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
