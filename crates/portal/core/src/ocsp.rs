//! The responders of a portal's authorities (RFC 6960).

use kortlab_issuer::authority::AuthorityKind;
use kortlab_issuer::ocsp::Responder;
use kortlab_issuer::random::IssuerRng;

use super::{LocalPortal, PortalError};

impl LocalPortal {
    /// A new responder for one of the authorities, with a certificate of its own that the
    /// authority issues now. It is made once and used until [`Responder::is_due`].
    ///
    /// # Errors
    /// The certificate could not be made.
    pub fn ocsp_responder(&mut self, kind: AuthorityKind) -> Result<Responder, PortalError> {
        let now = self.now();
        let (authority, rng) = self.authority_and_rng(kind);
        Ok(Responder::create(authority, now, rng)?)
    }

    /// As [`LocalPortal::ocsp_responder`], with other randomness than the portal's: what a portal
    /// from a seed issues is then the same whether it has a responder or not.
    ///
    /// # Errors
    /// As for [`LocalPortal::ocsp_responder`].
    pub fn ocsp_responder_from(
        &mut self,
        kind: AuthorityKind,
        rng: &mut IssuerRng,
    ) -> Result<Responder, PortalError> {
        let now = self.now();
        Ok(Responder::create(self.authority_mut(kind), now, rng)?)
    }
}
