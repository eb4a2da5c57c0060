//! Why a renewal stopped, at which step, and how to go on.

use core::fmt;

use kortlab_card::{CardError, PinRole};
use kortlab_issuer::DocumentError;
use kortlab_issuer::IssueError;
use kortlab_issuer::clock::Timestamp;
use kortlab_portal_core::PortalError;

use super::Step;
use crate::card::WorkError;
use crate::notes::NotesError;
use crate::understood::{Difference, NotUnderstood};

/// A renewal that stopped.
#[derive(Debug)]
pub struct RenewalError {
    step: Step,
    cause: Cause,
    /// Whether the portal has taken the receipt before.
    receipt_signed: bool,
}

/// Why it stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The card.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The portal.
    #[error(transparent)]
    Portal(#[from] PortalError),
    /// What the card signed, or a certificate on it, is not what it should be.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A request could not be built.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// No certificate to log in with.
    #[error("the card has no carrier certificate for authentication to log in with")]
    NoCarrierCertificate,
    /// Nothing to approve an order with.
    #[error("the card has no certificate for signature (underskrift) that the portal calls valid")]
    NoSignatureCertificate,
    /// A key is missing.
    #[error("the card has no key for {0}")]
    NoKey(PinRole),
    /// A certificate is for another key than the card's; see [`WorkError::OtherKey`].
    #[error("{}", WorkError::OtherKey(*.0))]
    OtherKey(PinRole),
    /// The card is full, and nothing that may go would make enough room.
    #[error("{0}")]
    Full(FullCard),
    /// Removing has not helped.
    #[error("{left} expired or revoked certificates are still on the card after removing")]
    NotRemoved {
        /// How many are left.
        left: usize,
    },
    /// The portal says two things of one certificate.
    #[error(
        "the portal contradicts itself: of the HCC of {certificate} its test page says {test_page}, and its list for the card {list}; it was not removed"
    )]
    Contradiction {
        /// Which one, in words.
        certificate: String,
        /// What the test page says that it is.
        test_page: &'static str,
        /// What the list says.
        list: &'static str,
    },
    /// A certificate that was fetched is not one that the portal knows.
    #[error(
        "the certificate for {0} that came from the portal is not known to the portal's own test page: it was damaged on its way, or the portal gives out what it has not issued; it was not written"
    )]
    NotIssued(PinRole),
    /// The portal wants no receipt, and its certificates wait for one.
    #[error(
        "the portal shows no receipt to sign, and the certificates that it has issued stay on hold without one"
    )]
    NoReceipt,
    /// The portal has let in, or tried, a key that it has not had sign anything.
    #[error(
        "the portal answered without having asked for the card's certificate: the card has signed nothing, so the answer says nothing of this card"
    )]
    NotAsked,
    /// The portal's answer to a trial is not that this certificate works.
    #[error("the trial of {role} has shown nothing: the portal's answer {why}")]
    NotTried {
        /// Which key was tried.
        role: PinRole,
        /// What is wrong with the answer.
        why: String,
    },
    /// What was written is not what is read.
    #[error("the certificate read back from the card differs from the one written")]
    ReadBack,
    /// The end of the guide is not reached: the table shows something else.
    #[error(
        "the card shows {blue} valid blue and {pink} valid pink certificates, and {others} pink ones that are not valid; it should be two of each, one for each purpose, and no other pink ones"
    )]
    Incomplete {
        /// Valid carrier certificates.
        blue: usize,
        /// Valid HCCs.
        pink: usize,
        /// HCCs that are expired, revoked, on hold, not valid yet, or unknown to the portal.
        others: usize,
        /// Certificates that the portal has not issued, in words.
        unknown: Vec<String>,
    },
    /// The portal calls the certificates valid, and the card is not in order.
    #[error(
        "the portal calls all four certificates valid, but the card is not in order: {first}{}",
        more(*.others)
    )]
    Faulty {
        /// What is wrong with it, in words.
        first: String,
        /// What to do about that.
        next_step: String,
        /// How many other things.
        others: usize,
    },
    /// The portal calls a certificate valid whose time is over.
    #[error(
        "the portal calls the certificate of {certificate} valid, and by the clock of this computer its time was over on {until}"
    )]
    Lapsed {
        /// Which one, in words.
        certificate: String,
        /// Until when it was valid.
        until: Timestamp,
    },
    /// An HCC of another card than the carrier's certificates.
    #[error(
        "an HCC on this card, that of {certificate}, is for the card {number}, and the carrier's certificates are for the card {own}"
    )]
    OtherCards {
        /// Which one, in words.
        certificate: String,
        /// The number in it.
        number: String,
        /// The number in the carrier's.
        own: String,
        /// Whether certificates can be removed from this card.
        can_go: bool,
    },
    /// The holder said that something is wrong.
    #[error("{0} were not confirmed")]
    NotConfirmed(&'static str),
    /// The portal asks to sign, or to write, what is not understood. Nothing of it was.
    #[error(transparent)]
    NotUnderstood(#[from] NotUnderstood),
    /// The portal has let in somebody else than the card's certificates name, and nobody has confirmed it.
    #[error(
        "{} of whom the portal has logged in is “{}”, and the card says “{}”",
        .0.line.english, .0.line.value, .0.on_card.join(" / ")
    )]
    OtherHolder(Difference),
    /// Personal data of the order are other than the card's certificates say, and nobody has
    /// confirmed them.
    #[error(
        "{} in the order is “{}”, and the card says “{}”; it is not signed",
        .0.line.english, .0.line.value, .0.on_card.join(" / ")
    )]
    OtherData(Difference),
    /// A pair of certificates, approved in an earlier run, says other than the card's certificates,
    /// and nobody has confirmed it.
    #[error(
        "{} in the certificates from the portal is “{}”, and the card says “{}”; they are not written",
        .0.line.english, .0.line.value, .0.on_card.join(" / ")
    )]
    OtherPair(Difference),
    /// What an earlier run has kept of the card cannot be read, so there would be nothing to compare
    /// an order with.
    #[error(transparent)]
    Notes(#[from] NotesError),
    /// No PIN was given.
    #[error("no PIN for {role} was given: {why}")]
    NoPin {
        /// Which PIN.
        role: PinRole,
        /// Why not.
        why: String,
    },
}

impl From<WorkError> for Cause {
    fn from(error: WorkError) -> Self {
        match error {
            WorkError::Card(error) => Self::Card(error),
            WorkError::Document(error) => Self::Document(error),
            WorkError::Issue(error) => Self::Issue(error),
            WorkError::NoKey(role) => Self::NoKey(role),
            WorkError::OtherKey(role) => Self::OtherKey(role),
        }
    }
}

/// `, and 3 faults more`.
fn more(others: usize) -> String {
    match others {
        0 => String::new(),
        1 => ", and one fault more".to_owned(),
        others => format!(", and {others} faults more"),
    }
}

/// A card without room for two more certificates, before anything on it was touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullCard {
    /// Bytes that the certificates to be written take, about.
    pub needed: usize,
    /// Bytes that removing the expired and revoked HCCs gives back.
    pub freed: usize,
    /// What else is on the card besides the carrier's two certificates.
    pub removable: Vec<String>,
}

impl fmt::Display for FullCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the card is full (fullt kort): the new certificates need some {} bytes, and removing the expired and revoked ones gives back only {}; nothing was changed",
            self.needed, self.freed
        )
    }
}

impl RenewalError {
    /// An error of a step.
    pub(crate) fn new(step: Step, cause: impl Into<Cause>, receipt_signed: bool) -> Self {
        Self {
            step,
            cause: cause.into(),
            receipt_signed,
        }
    }

    /// Where it stopped.
    pub fn step(&self) -> Step {
        self.step
    }

    /// Why.
    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// What to do now.
    pub fn how_to_continue(&self) -> String {
        let own = match &self.cause {
            Cause::Card(error) => error.next_step().map(str::to_owned),
            Cause::Full(full) if full.removable.is_empty() => {
                Some("order a new card: nothing on this one may go".to_owned())
            }
            Cause::Full(full) => Some(format!("remove one of: {}", full.removable.join(", "))),
            Cause::NoCarrierCertificate => {
                Some("insert the right card; an HCC does not log in to the portal".to_owned())
            }
            Cause::NoSignatureCertificate => {
                Some("look in the table at the carrier's certificate for signature".to_owned())
            }
            Cause::Incomplete { unknown, .. } if !unknown.is_empty() => Some(format!(
                "this portal has not issued {}: remove what is not wanted on the card",
                unknown.join(", ")
            )),
            Cause::Faulty { next_step, .. } => Some(format!(
                "{next_step}; `kortlab cert check` and `kortlab diagnose` say more of the card"
            )),
            Cause::Lapsed { .. } => Some(
                "set the clock of this computer if it is wrong; else show this to those who run the portal"
                    .to_owned(),
            ),
            Cause::OtherCards { can_go: false, .. } => {
                Some("find out how it came there, and have the card's issuer remove it".to_owned())
            }
            Cause::OtherCards { .. } => Some(
                "find out how it came there, and remove it with `kortlab cert remove`".to_owned(),
            ),
            Cause::NoKey(_) => Some("insert a card with both keys".to_owned()),
            Cause::OtherKey(_) => {
                Some("have the portal revoke the pair, so that it issues another one".to_owned())
            }
            Cause::NotUnderstood(_) => Some(
                "show this to those who run the portal; sign nothing there until it is explained"
                    .to_owned(),
            ),
            Cause::OtherHolder(_) | Cause::OtherData(_) | Cause::OtherPair(_) => Some(
                "if the new data are right, confirm them at a terminal, without --yes".to_owned(),
            ),
            Cause::Notes(_) => Some(
                "look at the file, or remove it: then nothing says whom the card was for, so have \
                 the personal data shown, without --yes"
                    .to_owned(),
            ),
            Cause::NotConfirmed(_) => Some("have the data corrected before you order".to_owned()),
            Cause::Contradiction { .. } => Some(
                "show this to those who run the portal: it is at fault, not the card".to_owned(),
            ),
            Cause::NotIssued(_) => {
                Some("if it comes again, show this to those who run the portal".to_owned())
            }
            Cause::NoReceipt | Cause::NotAsked | Cause::NotTried { .. } => {
                Some("tell those who run the portal: it is at fault, not the card".to_owned())
            }
            // The portal's refusals say it themselves.
            _ => None,
        };
        if self.is_about_this_card() {
            let unchanged = match self.step {
                Step::InsertCard | Step::LogIn => "nothing was changed; ",
                _ => "",
            };
            return format!(
                "{unchanged}do what the portal says of this card; as it is now, beginning again does not help"
            );
        }
        if self.is_unknown_there() {
            return "nothing was changed; is it the right card, and the right portal? If so, have whoever \
                    administers the portal enrol the card (`kortlab admin enrol`): until then beginning \
                    again does not help"
                .to_owned();
        }
        let (state, again) = self.again();
        match (own, state) {
            (Some(own), Some(state)) => format!("{own}; then {again} ({state})"),
            (Some(own), None) => format!("{own}; then {again}"),
            (None, Some(state)) => format!("{state}; {again}"),
            (None, None) => again.to_owned(),
        }
    }

    /// Whether the portal knows nothing of the card that logs in.
    fn is_unknown_there(&self) -> bool {
        matches!(&self.cause, Cause::Portal(error)
            if matches!(error.code(), "unknown-certificate" | "unknown-card"))
            && matches!(self.step, Step::InsertCard | Step::LogIn)
    }

    /// Whether the portal serves this card no longer, or not yet, as its carrier's certificates are.
    fn is_about_this_card(&self) -> bool {
        let Cause::Portal(error) = &self.cause else {
            return false;
        };
        match error.code() {
            "card-not-usable" => true,
            "certificate-not-usable" => self.step == Step::LogIn,
            _ => false,
        }
    }

    /// How to go on where the order's two certificates, or its receipt, are over.
    fn pair_is_over(&self) -> Option<&'static str> {
        let Cause::Portal(error) = &self.cause else {
            return None;
        };
        match (error.code(), self.step) {
            (_, Step::InsertCard | Step::LogIn) => None,
            ("certificate-not-usable", _) | ("order-lapsed" | "unknown-order", Step::Receipt) => {
                Some(
                    "begin again: a new order is placed, and the certificates of this one are removed \
                     from the card if they are on it",
                )
            }
            ("order-lapsed" | "unknown-order", Step::Write) => {
                Some("begin again: a new order is placed")
            }
            ("receipt-replayed", _) => Some("begin again to check the card"),
            _ => None,
        }
    }

    /// What stands already, if that is to be said, and how to go on.
    fn again(&self) -> (Option<&'static str>, &'static str) {
        if self.receipt_signed {
            return (
                Some("the receipt is signed"),
                "begin again to check once more",
            );
        }
        if let Some(again) = self.pair_is_over() {
            return (None, again);
        }
        let again = match self.step {
            Step::InsertCard | Step::LogIn => return (Some("nothing was changed"), "begin again"),
            Step::RemoveOld | Step::Order | Step::Approve => {
                "begin again: what is removed stays removed, nothing is ordered twice"
            }
            Step::Write | Step::Receipt => {
                "begin again: the same two certificates are fetched and the receipt is shown again"
            }
            Step::LogOut | Step::Check | Step::TryAuthentication | Step::TrySignature => {
                "begin again to check once more; no receipt was signed this time"
            }
        };
        (None, again)
    }
}

impl fmt::Display for RenewalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "step {}, {}: {}",
            self.step.number(),
            self.step,
            self.cause
        )
    }
}

impl std::error::Error for RenewalError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}
