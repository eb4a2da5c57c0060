//! What the guide tells while it works, and what it asks.

use kortlab_card::{Pin, PinRole, Recovery};
use kortlab_issuer::card_number::CardNumber;
use kortlab_portal_core::{DataLine, OrderId, TestPageRow};

use super::Step;
use crate::report::Report;
use crate::understood::Difference;

/// Something that has happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A step begins.
    Began(Step),
    /// The card was noticed and its certificates read.
    CardNoticed {
        /// The label of the card.
        label: String,
        /// Its certificates, as they are now.
        report: Report,
    },
    /// An earlier change of the card, which was interrupted, was completed or undone.
    Recovered(Recovery),
    /// The card needs no renewal: two blue and two pink certificates are valid.
    AlreadyValid,
    /// The portal has let the holder in.
    LoggedIn {
        /// Which card is logged in.
        card_number: CardNumber,
        /// Its holder.
        holder: String,
    },
    /// An HCC is off the card: it was expired or revoked, or named the portal's authority and was not
    /// issued by it.
    Removed(TestPageRow),
    /// The list was shown again, and nothing in it is expired or revoked.
    NothingOldLeft {
        /// How many certificates were removed.
        removed: usize,
    },
    /// The personal data that an order will put into the certificates.
    DataToCheck(Vec<DataLine>),
    /// An earlier order is not finished, or its certificates are missing on the card: it goes on,
    /// nothing new is issued.
    Resumed(OrderId),
    /// The order is approved, and two certificates are issued, on hold.
    Approved(OrderId),
    /// A certificate is on the card; it was read back and its key compared.
    Written(TestPageRow),
    /// A certificate of the order was on the card already.
    AlreadyWritten(TestPageRow),
    /// The receipt, before it is signed.
    ReceiptShown(String),
    /// The receipt is signed: the certificates are valid.
    ReceiptSigned,
    /// The portal shows no receipt to sign.
    NoReceipt,
    /// The session is over.
    LoggedOut,
    /// The card did what was asked, but not all of what goes with it; in words.
    Remark(String),
    /// The table at the end.
    Checked(Report),
    /// A trial of one of the new certificates succeeded: the portal verified what the card signed.
    Tried {
        /// Authentication or signature.
        role: PinRole,
        /// The certificate that was tried.
        certificate: TestPageRow,
    },
}

/// The person (or program) in front of the card.
pub trait Interaction {
    /// Something has happened.
    fn event(&mut self, event: &Event) {
        let _ = event;
    }

    /// Asks for a PIN.
    ///
    /// # Errors
    /// None is given, and why. The guide stops, and can be begun again.
    fn pin(&mut self, role: PinRole, step: Step) -> Result<Pin, String>;

    /// Asks whether the personal data are right.
    fn data_are_right(&mut self, data: &[DataLine]) -> bool {
        let _ = data;
        true
    }

    /// Asks a person whether personal data of the order are right that are other than the card's
    /// certificates say: after a change of name, say. What nobody looks at is not.
    fn differences_are_right(&mut self, differences: &[Difference]) -> bool {
        let _ = differences;
        false
    }

    /// Asks whether the receipt is right.
    fn receipt_is_right(&mut self, text: &str) -> bool {
        let _ = text;
        true
    }
}
