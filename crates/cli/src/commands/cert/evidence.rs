//! What the certificates on a card are looked at against, as `cert list` and `cert check` take it.

use std::time::SystemTime;

use clap::Args;
use kortlab_card::{Against, Checked, Problem};

use super::RevocationLists;
use super::trust::Issuers;
use crate::failure::Failure;

/// Revocation lists, issuers, and the time.
#[derive(Args)]
pub struct Evidence {
    #[command(flatten)]
    lists: RevocationLists,

    #[command(flatten)]
    issuers: Issuers,
}

impl Evidence {
    /// Reads the files that were named.
    ///
    /// # Errors
    /// A file cannot be read, or is not what it is given as.
    pub fn read(&self) -> Result<Against, Failure> {
        Ok(Against {
            issuers: self.issuers.read()?,
            all_issuers: self.issuers.are_all(),
            lists: self.lists.read()?,
        })
    }

    /// The time for which the certificates are looked at.
    pub fn time(&self) -> SystemTime {
        self.lists.time()
    }
}

/// What is wrong with the revocation lists.
pub fn problems_of_lists(checked: &Checked) -> impl Iterator<Item = Problem> {
    checked
        .lists
        .iter()
        .map(|(name, trouble)| trouble.to_problem(name))
}
