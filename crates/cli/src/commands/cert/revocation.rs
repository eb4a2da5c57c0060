//! Certificate revocation lists from files, and the time at which certificates are looked at.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use der::{Decode as _, DecodePem as _};
use kortlab_issuer::clock::Timestamp;
use x509_cert::crl::CertificateList;

use crate::failure::Failure;
use crate::{files, world};

/// The longest revocation list that is read.
const MAX_CRL: usize = 64 << 20;

/// Against what certificates are checked.
#[derive(Args)]
pub struct RevocationLists {
    /// A revocation list (CRL), DER or PEM; give it once for each issuer. Its signature is not
    /// checked: take it from where you trust it
    #[arg(long, value_name = "FILE")]
    crl: Vec<PathBuf>,

    /// The day for which the certificates are looked at; now if not given
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = world::parse_date)]
    date: Option<Timestamp>,
}

impl RevocationLists {
    /// No lists, and now.
    pub const fn none() -> Self {
        Self {
            crl: Vec::new(),
            date: None,
        }
    }

    /// Reads the lists.
    ///
    /// # Errors
    /// A file cannot be read, or is no revocation list.
    pub fn read(&self) -> Result<Vec<CertificateList>, Failure> {
        self.crl.iter().map(|path| read(path)).collect()
    }

    /// The time that was given, or now.
    pub fn time(&self) -> SystemTime {
        match self.date {
            Some(date) => UNIX_EPOCH + Duration::from_secs(date.unix_seconds()),
            None => SystemTime::now(),
        }
    }
}

fn read(path: &Path) -> Result<CertificateList, Failure> {
    let bytes = files::read(path, MAX_CRL)?;
    let list = if bytes.starts_with(b"-----BEGIN") {
        CertificateList::from_pem(&bytes)
    } else {
        CertificateList::from_der(&bytes)
    };
    list.map_err(|error| {
        Failure::failed(format!("{} is no revocation list: {error}", path.display()))
            .hint("give a CRL in DER or PEM")
    })
}
