//! What a task would do with the card that is in the reader: found out before anything is asked
//! for, shown, and found out again before it is done.

use kortlab_apdu::Channel;
use kortlab_card::{Card, CardKey, PinRole};
use kortlab_issuer::clock::Timestamp;
use kortlab_issuer::inspect::Purpose;
use kortlab_portal_api::Serial;
use kortlab_portal_api::task::{self, SignPurpose, Task};
use kortlab_portal_core::Order;
use kortlab_renewal::card;
use kortlab_renewal::understood::{self, CardFacts, Difference};

use crate::kept::Kept;
use crate::not_done::NotDone;
use crate::seen::Seen;
use crate::words::{is_plain, visible};

/// A portal's clock and this computer's need not agree to the second: what is valid in ten minutes
/// is taken as valid.
const CLOCK_SKEW: core::time::Duration = core::time::Duration::from_secs(10 * 60);

/// What would be done, and with which card. Two that are equal show the same and do the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The card.
    pub(crate) card: SeenCard,
    /// What would be done with it.
    pub(crate) work: Work,
}

/// A card, as far as its visitor needs to tell it from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SeenCard {
    key: CardKey,
    /// What it calls itself.
    pub(crate) label: String,
    /// The number printed on it, if its certificates tell.
    pub(crate) number: Option<String>,
    /// Whom its certificates name.
    pub(crate) holder: Option<String>,
}

/// What would be done with a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// An earlier change that was interrupted is completed or undone, before anything else.
    Recover {
        /// What the change was, in words.
        purpose: String,
    },
    /// These certificates are shown to the portal.
    Show(Vec<Seen>),
    /// HCCs are removed.
    Remove {
        /// Those that are on the card.
        certificates: Vec<Seen>,
        /// Those that are not: they need no removing.
        absent: Vec<Serial>,
        /// The serial numbers of those whose time is not over.
        in_time: Vec<String>,
    },
    /// Both keys request certificates, and the order is approved.
    Request {
        /// The order.
        order: Box<Order>,
        /// The certificate that goes with the approval.
        signer: Box<Seen>,
        /// Data that are other than the card's certificates say.
        differences: Vec<Difference>,
    },
    /// A pair of HCCs is written.
    Write {
        /// Those that are not on the card yet.
        certificates: Vec<(PinRole, Seen)>,
        /// Those that are.
        present: Vec<Seen>,
        /// What they say otherwise than the card's certificates.
        differences: Vec<Difference>,
    },
    /// A text is signed.
    Sign {
        /// The text.
        text: String,
        /// What it is.
        purpose: SignPurpose,
        /// The certificate that goes with it.
        signer: Box<Seen>,
    },
}

impl Work {
    /// Whether it changes what is stored on the card.
    pub(crate) fn changes_card(&self) -> bool {
        match self {
            Self::Recover { .. } => true,
            Self::Remove { certificates, .. } => !certificates.is_empty(),
            Self::Write { certificates, .. } => !certificates.is_empty(),
            Self::Show(_) | Self::Request { .. } | Self::Sign { .. } => false,
        }
    }

    /// The PINs that it takes.
    pub(crate) fn pins(&self) -> &'static [PinRole] {
        match self {
            Self::Show(_) => &[],
            Self::Recover { .. } => &[PinRole::Authentication],
            Self::Remove { certificates, .. } if certificates.is_empty() => &[],
            Self::Write { certificates, .. } if certificates.is_empty() => &[],
            Self::Remove { .. } | Self::Write { .. } => &[PinRole::Authentication],
            Self::Request { .. } => &[PinRole::Authentication, PinRole::Signature],
            Self::Sign { .. } => &[PinRole::Signature],
        }
    }
}

/// Finds out what `task` would do with `card`. Nothing on the card is changed, and no PIN is
/// needed.
pub(crate) fn plan<C: Channel>(
    card: &mut Card<C>,
    task: &Task,
    kept: &mut Kept,
    now: Timestamp,
) -> Result<Plan, NotDone> {
    let pending = card.pending(&mut *kept.journal)?;
    let certificates: Vec<_> = card::certificates(card)?
        .iter()
        .filter(|slot| !slot.is_authority())
        .filter_map(Seen::in_slot)
        .collect();
    let seen = SeenCard::new(card, &certificates);
    if let Some(transaction) = pending {
        // Its directories may be unreadable: what the task would do is seen afterwards.
        let purpose = transaction.purpose;
        return Ok(Plan {
            card: seen,
            work: Work::Recover { purpose },
        });
    }
    if let Some(expected) = task.card_number {
        seen.must_be(expected.as_str())?;
    }
    let facts = kept.facts(&certificates);
    let work = match &task.work {
        task::Work::Show => Work::Show(certificates),
        task::Work::Remove { serials } => removal(&certificates, serials, now)?,
        task::Work::Request { order } => {
            seen.must_be(order.card_number.as_str())?;
            let text = approval_text(order);
            must_be_plain(&text)?;
            let differences = understood::order(order, &facts)
                .map_err(|error| NotDone::from(error).unsigned(&text))?;
            Work::Request {
                order: order.clone(),
                signer: Box::new(approver(certificates, now)?),
                differences,
            }
        }
        task::Work::Write {
            authentication,
            signature,
        } => {
            let pair = [
                (PinRole::Authentication, authentication.as_bytes()),
                (PinRole::Signature, signature.as_bytes()),
            ];
            writing(card, &certificates, pair, &facts, now)?
        }
        task::Work::Sign { text, purpose } => {
            must_be_plain(text)?;
            let signer = match purpose {
                SignPurpose::Receipt => receipt_signer(certificates, text, &facts),
                SignPurpose::Trial => understood::trial(text)
                    .map_err(NotDone::from)
                    .and_then(|()| newest_signer(certificates)),
            };
            Work::Sign {
                text: text.clone(),
                purpose: *purpose,
                signer: Box::new(signer.map_err(|not_done| not_done.unsigned(text))?),
            }
        }
    };
    Ok(Plan { card: seen, work })
}

impl SeenCard {
    fn new<C: Channel>(card: &Card<C>, certificates: &[Seen]) -> Self {
        // The carrier has made the card, so it knows best which one it is.
        let carrier = certificates.iter().find(|seen| seen.is_carrier());
        let number = carrier
            .and_then(|seen| seen.summary.card_number.as_deref())
            .or_else(|| {
                let hcc = certificates.iter().filter(|seen| seen.is_hcc());
                hcc.filter_map(|seen| seen.summary.card_number.as_deref())
                    .next()
            });
        // A carrier's certificate may name the card instead of its holder.
        let mut named = carrier.into_iter().chain(certificates);
        let named = named.find(|seen| Some(seen.summary.holder.as_str()) != number);
        Self {
            key: card.card_key(),
            label: visible(card.contents().label().unwrap_or_default()),
            number: number.map(visible),
            holder: named.map(Seen::holder),
        }
    }

    fn must_be(&self, expected: &str) -> Result<(), NotDone> {
        if self.number.as_deref() == Some(expected) {
            return Ok(());
        }
        Err(NotDone::wrong_card(expected, self.number.as_deref()))
    }
}

fn removal(certificates: &[Seen], serials: &[Serial], now: Timestamp) -> Result<Work, NotDone> {
    let mut found: Vec<Seen> = Vec::new();
    let mut absent = Vec::new();
    for serial in serials {
        let mut matching = certificates
            .iter()
            .filter(|seen| seen.summary.serial == serial.as_bytes())
            .peekable();
        if matching.peek().is_none() {
            absent.push(serial.clone());
        }
        for seen in matching {
            if !seen.is_hcc() {
                return Err(NotDone::new(
                    format!(
                        "Portalen vill ta bort ett certifikat som inte är ett HCC (serienummer {serial}). Agenten tar bara bort HCC."
                    ),
                    format!(
                        "The portal wants to remove a certificate that is no HCC (serial number {serial}). The agent removes HCCs only."
                    ),
                ));
            }
            if !found.contains(seen) {
                found.push(seen.clone());
            }
        }
    }
    let in_time = found.iter().filter(|seen| now <= seen.summary.not_after);
    Ok(Work::Remove {
        in_time: in_time.map(Seen::serial).collect(),
        certificates: found,
        absent,
    })
}

/// The certificate to approve an order with: the carrier's, which is good when no HCC is.
fn approver(certificates: Vec<Seen>, now: Timestamp) -> Result<Seen, NotDone> {
    certificates
        .into_iter()
        .filter(|seen| seen.is_for_signature() && (seen.is_carrier() || seen.is_hcc()))
        .filter(|seen| seen.summary.not_before <= now.after(CLOCK_SKEW))
        .filter(|seen| now <= seen.summary.not_after)
        .min_by_key(|seen| (seen.summary.colour, seen.summary.not_before))
        .ok_or_else(no_signature_certificate)
}

/// The text of an approval as far as it is known before the card has made its requests.
pub(crate) fn approval_text(order: &Order) -> String {
    // The two last lines are the digests of the requests.
    let whole = order.approval_text(&[], &[]);
    let count = whole.lines().count().saturating_sub(2);
    let lines: Vec<_> = whole.lines().take(count).collect();
    lines.join("\n")
}

/// The certificate to sign a receipt with: the one that the receipt is for. Which pair on the card
/// that is, only the whole text tells.
fn receipt_signer(certificates: Vec<Seen>, text: &str, facts: &CardFacts) -> Result<Seen, NotDone> {
    let mut hccs: Vec<_> = certificates.iter().filter(|seen| seen.is_hcc()).collect();
    hccs.sort_by_key(|seen| std::cmp::Reverse(seen.summary.not_before));
    let mut why = None;
    for signature in hccs.iter().filter(|seen| seen.is_for_signature()) {
        for authentication in hccs.iter().filter(|seen| !seen.is_for_signature()) {
            let pair = [authentication.der.as_slice(), &signature.der];
            match understood::receipt(text, None, pair, facts) {
                Ok(()) => return Ok((*signature).clone()),
                // What the newest pair lacks says most.
                Err(error) => why = why.or(Some(error)),
            }
        }
    }
    Err(why.map_or_else(
        || {
            NotDone::new(
                "Kortet har inget par av HCC att kvittera.",
                "The card has no pair of HCCs to sign a receipt for.",
            )
            .next(
                "Gå tillbaka till portalen och skriv certifikaten till kortet först.",
                "Go back to the portal and write the certificates to the card first.",
            )
        },
        NotDone::from,
    ))
}

/// The newest HCC: the one that is to be tried; the carrier's if there is none.
fn newest_signer(certificates: Vec<Seen>) -> Result<Seen, NotDone> {
    certificates
        .into_iter()
        .filter(|seen| seen.is_for_signature() && (seen.is_carrier() || seen.is_hcc()))
        .max_by_key(|seen| (seen.summary.colour, seen.summary.not_before))
        .ok_or_else(no_signature_certificate)
}

fn must_be_plain(text: &str) -> Result<(), NotDone> {
    if is_plain(text) {
        return Ok(());
    }
    Err(NotDone::new(
        "Texten innehåller tecken som inte syns eller som ändrar hur den visas. En sådan text skrivs inte under här.",
        "The text holds characters that cannot be seen or that change how it is shown. Such a text is not signed here.",
    )
    .unsigned(text))
}

fn no_signature_certificate() -> NotDone {
    NotDone::new(
        "Kortet har inget giltigt certifikat för underskrift.",
        "The card has no valid certificate for signature.",
    )
}

fn writing<C: Channel>(
    card: &mut Card<C>,
    on_card: &[Seen],
    pair: [(PinRole, &[u8]); 2],
    facts: &CardFacts,
    now: Timestamp,
) -> Result<Work, NotDone> {
    let mut certificates = Vec::new();
    let mut present = Vec::new();
    for (role, der) in pair {
        let seen = Seen::new(der).map_err(|error| {
            NotDone::new(
                "Portalen har skickat något som inte är ett certifikat.",
                "The portal has sent something that is no certificate.",
            )
            .detail(&error.to_string())
        })?;
        admit(role, &seen, now)?;
        // For the card's own key, or not at all.
        card::new_hcc(card, role, der)?;
        if on_card.iter().any(|other| other.der == seen.der) {
            present.push(seen);
        } else {
            certificates.push((role, seen));
        }
    }
    let [(_, authentication), (_, signature)] = pair;
    let differences = understood::certificates([authentication, signature], facts)?;
    Ok(Work::Write {
        certificates,
        present,
        differences,
    })
}

/// Only HCCs are written, each for its purpose, and none that has expired.
fn admit(role: PinRole, seen: &Seen, now: Timestamp) -> Result<(), NotDone> {
    if !seen.is_hcc() {
        return Err(NotDone::new(
            "Portalen vill skriva ett certifikat som inte är ett HCC till kortet. Agenten skriver bara HCC.",
            "The portal wants to write a certificate that is no HCC to the card. The agent writes HCCs only.",
        ));
    }
    let purpose = match role {
        PinRole::Authentication => Purpose::Authentication,
        PinRole::Signature => Purpose::Signature,
    };
    if seen.summary.purpose != purpose {
        return Err(NotDone::new(
            format!("Ett av certifikaten är inte för {}.", role.swedish()),
            format!("One of the certificates is not for {role}."),
        ));
    }
    if now > seen.summary.not_after || now.after(CLOCK_SKEW) < seen.summary.not_before {
        return Err(NotDone::new(
            "Ett av certifikaten gäller inte nu. Kontrollera datorns klocka.",
            "One of the certificates is not valid now. Check the clock of this computer.",
        ));
    }
    Ok(())
}
