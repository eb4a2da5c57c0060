//! The self-administration portal, as its users meet it: no sockets, no files, no card.
//!
//! [`Portal`] is what a client needs, wherever the portal runs; [`LocalPortal`] is one in this
//! process, with both authorities inside. The flow of the user guide:
//!
//! 1. [`Portal::log_in`]: with the carrier's authentication certificate only, by whoever has its
//!    key ([`LogInKey`]);
//! 2. [`Portal::certificates`], [`Portal::removed`]: *Ta bort utgångna/spärrade HCC*;
//! 3. [`Portal::order`], [`Portal::approve`]: *Hämta nytt HCC*, with the data to check, one
//!    PKCS#10 request for each key of the card and an approval signed with the signature key;
//! 4. [`Portal::fetch`]: the same pair again, after an interruption or to put it back (*lägga
//!    tillbaka*);
//! 5. [`Portal::receipt`], [`Portal::sign_receipt`]: *Kvittera kort*; until then the certificates
//!    are on hold;
//! 6. [`Portal::log_out`], [`Portal::test_page`].
//!
//! A [`LocalPortal`] lives in memory; [`change`] says how it is stored.

mod calls;
pub mod change;
mod error;
mod key;
mod local;
mod log_in;
mod ocsp;
mod orders;
mod receipts;
mod restore;
mod sessions;
mod state;
mod test_page;
mod values;

pub use error::PortalError;
pub use key::{KeyRefused, LogInKey, LogInScheme};
pub use local::{CarrierPair, Enrolment, LocalPortal};
pub use sessions::OpenSessions;
pub use values::{
    Approval, DataLine, HccEntry, IssuedPair, Order, OrderId, OrderIdError, OrderState, Receipt,
    Session, SessionToken, TRIAL_TEXT, TestPageRow,
};

use kortlab_issuer::revocation::RevocationReason;

/// What a client asks of the portal. Every call with a token fails with
/// [`PortalError::SessionOver`] once the session has ended, also by itself after ten minutes
/// without a call; nothing of an order is lost by that. If a carrier certificate of the card is
/// revoked, put on hold or expires meanwhile, the next call with a token fails with
/// [`PortalError::CardNotUsable`], and the card's sessions have ended; only logging out succeeds.
pub trait Portal {
    /// Logs in with a key, which signs something random to prove that it is there.
    ///
    /// # Errors
    /// The certificate is an HCC, for signature, unknown or not valid; the key did not sign, or
    /// the signature does not verify.
    fn log_in(&mut self, key: &mut dyn LogInKey) -> Result<Session, PortalError>;

    /// Ends the session.
    ///
    /// # Errors
    /// It is over already.
    fn log_out(&mut self, token: &SessionToken) -> Result<(), PortalError>;

    /// The card's HCCs, oldest first, with their state.
    ///
    /// # Errors
    /// The session is over.
    fn certificates(&mut self, token: &SessionToken) -> Result<Vec<HccEntry>, PortalError>;

    /// Notes that an HCC was removed from the card. Removing does not revoke.
    ///
    /// # Errors
    /// The session is over, or the card never had this HCC.
    fn removed(&mut self, token: &SessionToken, serial: &[u8]) -> Result<(), PortalError>;

    /// Places an order, or returns the one that is under way: open, or issued and not received.
    ///
    /// # Errors
    /// The session is over.
    fn order(&mut self, token: &SessionToken) -> Result<Order, PortalError>;

    /// Approves an open order. The two certificates are issued once, on hold.
    ///
    /// # Errors
    /// The session is over; the order is not this card's, not open, or lapsed; a request is not
    /// by the card's key; the approval is not by the signature key or not for these requests.
    fn approve(
        &mut self,
        token: &SessionToken,
        order: OrderId,
        approval: &Approval,
    ) -> Result<IssuedPair, PortalError>;

    /// The certificates of an order that was approved: always the same.
    ///
    /// # Errors
    /// The session is over, the order is not this card's, not approved, or its certificates are
    /// no longer good.
    fn fetch(&mut self, token: &SessionToken, order: OrderId) -> Result<IssuedPair, PortalError>;

    /// The receipt that waits to be signed, if one does.
    ///
    /// # Errors
    /// The session is over.
    fn receipt(&mut self, token: &SessionToken) -> Result<Option<Receipt>, PortalError>;

    /// Takes the signed receipt (CMS SignedData, DER) and makes the certificates valid. HCCs of
    /// earlier orders that are still valid are revoked as superseded.
    ///
    /// # Errors
    /// The session is over; the order is not this card's or not issued; its certificates are no
    /// longer good; the receipt was signed already, is not by the signature key, or not the text
    /// that was shown.
    fn sign_receipt(
        &mut self,
        token: &SessionToken,
        order: OrderId,
        signed_receipt: &[u8],
    ) -> Result<(), PortalError>;

    /// Revokes an HCC of the card.
    ///
    /// # Errors
    /// The session is over, the card has no such HCC, or it is revoked already.
    fn revoke(
        &mut self,
        token: &SessionToken,
        serial: &[u8],
        reason: RevocationReason,
    ) -> Result<(), PortalError>;

    /// Says what each of these DER certificates is and what it is worth now; needs no log-in.
    ///
    /// # Errors
    /// One of them is not a certificate.
    fn test_page(&mut self, certificates: &[Vec<u8>]) -> Result<Vec<TestPageRow>, PortalError>;

    /// The test page's trial of *legitimering*: as a log-in, with any authentication certificate
    /// of a card.
    ///
    /// # Errors
    /// As for [`Portal::log_in`], except that HCCs are welcome.
    fn try_authentication(&mut self, key: &mut dyn LogInKey) -> Result<TestPageRow, PortalError>;

    /// The test page's trial of *underskrift*: any CMS SignedData by a signature certificate of a
    /// card.
    ///
    /// # Errors
    /// The message does not verify, or its certificate is unknown, not for signature or not
    /// valid.
    fn try_signature(&mut self, signed: &[u8]) -> Result<TestPageRow, PortalError>;
}
