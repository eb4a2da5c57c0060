//! Certificate revocation lists from files, and the time at which certificates are looked at.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use kortlab_card::RevocationList;
use kortlab_issuer::clock::Timestamp;
use kortlab_renewal::beginning;

use crate::certificate_file;
use crate::failure::Failure;

/// Against what certificates are checked.
#[derive(Args)]
pub struct RevocationLists {
    /// A revocation list (CRL), DER or PEM; give it once for each issuer. It makes nothing good
    /// without the issuer's certificate, given or on the card
    #[arg(long, value_name = "FILE")]
    crl: Vec<PathBuf>,

    /// The day for which the certificates are looked at; now if not given
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = beginning::day)]
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
    pub fn read(&self) -> Result<Vec<RevocationList>, Failure> {
        let mut lists = Vec::new();
        for path in &self.crl {
            lists.extend(certificate_file::revocation_lists(path)?);
        }
        Ok(lists)
    }

    /// The time that was given, or now.
    pub fn time(&self) -> SystemTime {
        match self.date {
            Some(date) => UNIX_EPOCH + Duration::from_secs(date.unix_seconds()),
            None => SystemTime::now(),
        }
    }
}
