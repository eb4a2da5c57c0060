//! The certificate of the authority's OCSP responder.

use spki::SubjectPublicKeyInfoOwned;

use super::sign::validity;
use super::{Authority, name_of};
use crate::IssueError;
use crate::clock::Timestamp;
use crate::profile;
use crate::random::IssuerRng;

impl Authority {
    /// Delegates answering OCSP requests to whoever has this key. Returns the certificate, DER.
    pub(crate) fn issue_ocsp_responder(
        &mut self,
        key: SubjectPublicKeyInfoOwned,
        not_before: Timestamp,
        not_after: Timestamp,
        rng: &mut IssuerRng,
    ) -> Result<Vec<u8>, IssueError> {
        let serial = self.free_serial(rng)?;
        let subject = name_of(&format!("{} OCSP", self.kind.common_name()))?;
        let profile = profile::ocsp_responder(self.name.clone(), subject);
        let profile = profile.map_err(IssueError::Build)?;
        let number = serial.as_bytes().to_vec();
        let certificate = self.sign(profile, serial, validity(not_before, not_after)?, key)?;
        self.note_issued(number, &certificate, not_before, not_after);
        Ok(certificate)
    }
}
