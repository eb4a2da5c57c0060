//! What the certificates on a card are looked at against, as `cert list`, `cert check` and `diagnose`
//! take it.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use kortlab_apdu::Channel;
use kortlab_card::{Against, Card, CardError};

use super::RevocationLists;
#[cfg(feature = "portal")]
use super::online::Online;
use super::trust::Issuers;
use crate::certificate_file;
use crate::failure::Failure;

/// Revocation lists, answers of responders, issuers, and the time.
#[derive(Args)]
pub struct Evidence {
    #[command(flatten)]
    lists: RevocationLists,

    /// The answer of an OCSP responder about a certificate, DER, as `openssl ocsp -respout` writes it;
    /// give it once for each. It counts only with the issuer's certificate, which is given or on the card
    #[arg(long, value_name = "FILE")]
    ocsp: Vec<PathBuf>,

    #[cfg(feature = "portal")]
    #[command(flatten)]
    online: Online,

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
            answers: self
                .ocsp
                .iter()
                .map(|path| certificate_file::ocsp_answer(path))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Whether anything is to be asked over the network.
    pub const fn asks(&self) -> bool {
        #[cfg(feature = "portal")]
        let wanted = self.online.is_wanted();
        #[cfg(not(feature = "portal"))]
        let wanted = false;
        wanted
    }

    /// Asks what is to be asked over the network about the certificates on this card.
    ///
    /// # Errors
    /// The card is gone. Who does not answer is told as a problem.
    pub fn ask<C: Channel>(
        &self,
        card: &mut Card<C>,
        against: &mut Against,
    ) -> Result<(), CardError> {
        #[cfg(feature = "portal")]
        if self.online.is_wanted() {
            let slots = card.slots()?;
            self.online.ask(&slots, against);
        }
        #[cfg(not(feature = "portal"))]
        let _ = (card, against);
        Ok(())
    }

    /// The time for which the certificates are looked at.
    pub fn time(&self) -> SystemTime {
        self.lists.time()
    }
}
