//! What the card is asked to sign, understood before it signs: the order, the receipt, the trial.
//!
//! A portal says what is to be signed, and a portal can be wrong, or somebody else's. So nothing is
//! signed because a portal calls it an order or a receipt. The client knows its card, the two
//! certificates and the order by itself; from these it builds the text that there should be, and
//! signs only if the portal's is the same to the last byte. All that a portal is free to choose is
//! the order's name and the random values, which are hexadecimal digits, and the personal data of
//! an order. Those are checked for their characters, and compared with what the card's certificates
//! say already: [`order`] tells the differences, for a person to judge.
//!
//! The log-in and the trial of *legitimering* sign no text: the authentication key signs the
//! transcript of a TLS handshake, which this side makes itself (RFC 8446 §4.4.3, RFC 5246 §7.4.8).

use kortlab_issuer::card_number::CardNumber;
use kortlab_issuer::inspect::{CertificateSummary, Colour, Employer, Purpose};
use kortlab_portal_core::{
    DataLine, IssuedPair, Order, OrderId, OrderState, Receipt, Session, TRIAL_TEXT,
};

use crate::plain::{not_of_a_name, visible};
use crate::said::{GIVEN_NAME, SURNAME, Said};

pub use crate::difference::Difference;

/// X.520's upper bound on names: a certificate takes no longer one.
const LONGEST_NAME: usize = 64;
/// More of a line than this is not repeated.
const LONGEST_SHOWN: usize = 200;
/// The lines of an order and of a receipt that name it, and that have the random value.
const ORDER_LINE: usize = 1;
const NONCE_LINE: usize = 2;

/// Why something is not signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotUnderstood {
    /// A line of a text is another one than the client would have written.
    #[error(
        "line {line} of the {what} is not understood: it should be {expected}, and {found}; it is not signed"
    )]
    Line {
        /// Which text.
        what: &'static str,
        /// Which line, from 1.
        line: usize,
        /// What it should be, in words; what is repeated is in quotation marks.
        expected: String,
        /// What there is instead, in words; what the portal sent is in quotation marks, made visible.
        found: String,
    },
    /// A value of an order is not of the kind.
    #[error("{field} in the order is “{value}”, {why}; it is not signed")]
    Value {
        /// Which one, in English.
        field: &'static str,
        /// What it is, made visible.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// An order that is not to be approved any more, or was.
    #[error("the portal calls the order {}, and only an open one is approved; it is not signed", .0.name())]
    NotOpen(OrderState),
    /// Another card's.
    #[error("the {what} is for card {asked}, and this card is {own}; it is not signed")]
    OtherCard {
        /// What it is for.
        what: &'static str,
        /// The number that the portal says, made visible.
        asked: String,
        /// The number that the card's certificates say.
        own: String,
    },
    /// Another order's.
    #[error("the {what} is for order {found}, not for order {expected}; it is not signed")]
    OtherOrder {
        /// What it is for.
        what: &'static str,
        /// The order that is under way.
        expected: OrderId,
        /// The order that the portal says.
        found: OrderId,
    },
    /// A certificate of the pair is not what it should be.
    #[error("the certificate for {role} from the portal {why}")]
    Certificate {
        /// Legitimering or Underskrift.
        role: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

/// What a card's own certificates say of it, and of its holder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CardFacts {
    number: Option<String>,
    has_hcc: bool,
    names: Vec<String>,
    hsa_ids: Vec<String>,
    organisations: Vec<String>,
    counties: Vec<String>,
    /// All that its HCCs say.
    hccs: Vec<Said>,
}

impl CardFacts {
    /// What these certificates (DER) say. Those that cannot be read, and those of authorities, say
    /// nothing.
    pub fn of<'a>(certificates: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut read: Vec<_> = certificates
            .into_iter()
            .filter_map(|der| Some((CertificateSummary::from_der(der).ok()?, der)))
            .filter(|(summary, _)| summary.colour != Colour::Other && !summary.is_authority)
            .collect();
        // The carrier has made the card, so it knows best which one it is.
        read.sort_by_key(|(summary, _)| summary.colour);
        let mut facts = Self::default();
        for (summary, der) in read {
            if facts.number.is_none() {
                facts.number.clone_from(&summary.card_number);
            }
            // A carrier's certificate may name the card instead of its holder.
            if summary.holder.parse::<CardNumber>().is_err() {
                note(&mut facts.names, Some(summary.holder.clone()));
            }
            note(&mut facts.hsa_ids, summary.hsa_id.clone());
            if summary.colour == Colour::Pink {
                facts.has_hcc = true;
                facts.hccs.extend(Said::of(der, &summary));
                if let Ok(employer) = Employer::from_der(der) {
                    note(&mut facts.organisations, employer.organisation);
                    note(&mut facts.counties, employer.county);
                }
            }
        }
        facts
    }

    /// Adds what HCCs (DER) say that the card had before. They count only if they are this card's,
    /// and if it has none now.
    #[must_use]
    pub fn with_earlier<'a>(mut self, hccs: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let earlier = Self::of(hccs);
        if self.has_hcc || self.number.is_none() || self.number != earlier.number {
            return self;
        }
        for (known, values) in [
            (&mut self.names, earlier.names),
            (&mut self.hsa_ids, earlier.hsa_ids),
            (&mut self.organisations, earlier.organisations),
            (&mut self.counties, earlier.counties),
        ] {
            for value in values {
                note(known, Some(value));
            }
        }
        self.hccs.extend(earlier.hccs);
        self
    }

    /// Whether an HCC is among the certificates.
    pub fn has_hcc(&self) -> bool {
        self.has_hcc
    }

    /// Whether there is an employer to compare an order's with.
    pub fn names_employer(&self) -> bool {
        !self.organisations.is_empty()
    }

    /// The card's number, if its certificates tell.
    pub fn number(&self) -> Option<&str> {
        self.number.as_deref()
    }

    /// The same, if it is one.
    pub fn card_number(&self) -> Option<CardNumber> {
        self.number()?.parse().ok()
    }

    fn must_be(&self, what: &'static str, asked: &str) -> Result<(), NotUnderstood> {
        if self.number.as_deref() == Some(asked) {
            return Ok(());
        }
        let own = self.number.as_deref().unwrap_or("of no known number");
        Err(NotUnderstood::OtherCard {
            what,
            asked: short(asked),
            own: short(own),
        })
    }

    /// What the card says of a line of an order's data, by its Swedish name.
    fn on_card(&self, swedish: &str) -> &[String] {
        match swedish {
            "Namn" => &self.names,
            "HSA-id" => &self.hsa_ids,
            "Organisation" => &self.organisations,
            "Län" => &self.counties,
            _ => &[],
        }
    }
}

fn note(known: &mut Vec<String>, value: Option<String>) {
    if let Some(value) = value.filter(|value| !known.contains(value)) {
        known.push(value);
    }
}

/// Checks an order for the card, and tells which of its data are other than the card's certificates
/// say. A card that has no HCC any more, as after the removal, says nothing of an employer; see
/// [`CardFacts::with_earlier`].
///
/// # Errors
/// It is for another card, or a value is not of its kind: the approval would be no text that is
/// understood.
pub fn order(order: &Order, facts: &CardFacts) -> Result<Vec<Difference>, NotUnderstood> {
    facts.must_be("order", order.card_number.as_str())?;
    if order.state != OrderState::Open {
        return Err(NotUnderstood::NotOpen(order.state));
    }
    let holder = &order.holder;
    for (field, value, digits) in [
        ("the given name", &holder.given_name, false),
        ("the surname", &holder.surname, false),
        ("the name", &holder.full_name(), false),
        ("the organisation", &holder.organisation, true),
        ("the county", &holder.county, true),
    ] {
        of_a_name(value, digits).map_err(|why| NotUnderstood::Value {
            field,
            value: short(value),
            why,
        })?;
    }
    Ok(differences(order.data_to_check(), facts))
}

/// Tells who the portal says has logged in, where that is not whom the card's certificates name: by the
/// name and the HSA-id. An employer may be another one since; the order says so.
pub fn logged_in(session: &Session, facts: &CardFacts) -> Vec<Difference> {
    let holder = &session.holder;
    let lines = [
        ("Namn", "Name", holder.full_name()),
        ("HSA-id", "HSA-id", holder.hsa_id.as_str().to_owned()),
    ];
    let lines = lines.map(|(swedish, english, value)| DataLine {
        swedish,
        english,
        value,
    });
    let mut differences = differences(lines.into(), facts);
    for difference in &mut differences {
        difference.line.value = short(&difference.line.value);
    }
    differences
}

fn differences(lines: Vec<DataLine>, facts: &CardFacts) -> Vec<Difference> {
    let differing = lines.into_iter().filter_map(|line| {
        let on_card = facts.on_card(line.swedish);
        let differs = !on_card.is_empty() && !on_card.contains(&line.value);
        differs.then(|| Difference {
            on_card: on_card.to_vec(),
            line,
        })
    });
    differing.collect()
}

/// Checks the pair that an order led to: an HCC for each purpose, for this card, both of the same
/// holder and employer, and what the order said. (That they are for the card's keys is checked where
/// they are written.) Tells what they say otherwise than the card's certificates, in whatever part of
/// them, but for what the order said already: where that was approved earlier, nothing else shows
/// that it was for this holder.
///
/// # Errors
/// What is other than it should be.
pub fn pair(
    pair: &IssuedPair,
    facts: &CardFacts,
    approved: Option<&Order>,
) -> Result<Vec<Difference>, NotUnderstood> {
    if let Some(order) = approved
        && order.id != pair.order
    {
        return Err(NotUnderstood::OtherOrder {
            what: "pair of certificates",
            expected: order.id,
            found: pair.order,
        });
    }
    let hcc = hccs(&pair.authentication, &pair.signature, facts)?;
    if let Some(order) = approved {
        // Both certificates say the same.
        let role = "Legitimering";
        let holder = &order.holder;
        let (name, hsa_id) = (holder.full_name(), holder.hsa_id.as_str());
        if hcc.summary.holder != name || hcc.summary.hsa_id.as_deref() != Some(hsa_id) {
            let why = format!(
                "is for “{}”, not for the holder of the order",
                short(&hcc.summary.holder)
            );
            return Err(NotUnderstood::Certificate { role, why });
        }
        let ordered = Employer {
            organisation: Some(holder.organisation.clone()),
            county: Some(holder.county.clone()),
        };
        if hcc.employer != ordered {
            let why = format!(
                "names “{}” as employer, not that of the order",
                short(&hcc.employer_name())
            );
            return Err(NotUnderstood::Certificate { role, why });
        }
        for (role, said) in ["Legitimering", "Underskrift"].into_iter().zip(&hcc.said) {
            for (what, ordered) in [(SURNAME, &holder.surname), (GIVEN_NAME, &holder.given_name)] {
                if let Some(value) = said.of_subject(what).filter(|value| value != ordered) {
                    let why = format!(
                        "says “{}”, where the order says “{}”",
                        short(value),
                        short(ordered)
                    );
                    return Err(NotUnderstood::Certificate { role, why });
                }
            }
        }
        let mut differences = hcc.further_differences(&hcc.lines(), facts);
        // A new name was confirmed with the order, as a whole.
        if !facts.names.contains(&name) {
            differences.retain(|one| ![SURNAME, GIVEN_NAME].contains(&one.line.swedish));
        }
        return Ok(differences);
    }
    Ok(hcc.differences(facts))
}

/// Checks two certificates (DER), for authentication and for signature, as [`pair`] does, of which
/// no order is known; tells the same.
///
/// # Errors
/// What is other than it should be.
pub fn certificates(
    [authentication, signature]: [&[u8]; 2],
    facts: &CardFacts,
) -> Result<Vec<Difference>, NotUnderstood> {
    Ok(hccs(authentication, signature, facts)?.differences(facts))
}

/// Checks a receipt for two certificates (DER) that are on the card, for authentication and for
/// signature: whether it is the text that the client would have written. `order` is the order that
/// is under way, where it is known.
///
/// # Errors
/// The line that is another one, or the certificate that makes no pair with the other.
pub fn receipt(
    text: &str,
    order: Option<OrderId>,
    certificates: [&[u8]; 2],
    facts: &CardFacts,
) -> Result<(), NotUnderstood> {
    const WHAT: &str = "receipt";
    let [authentication, signature] = certificates;
    let summary = hccs(authentication, signature, facts)?.summary;
    let value = |line: usize| text.lines().nth(line)?.rsplit_once(": ")?.1.parse().ok();
    // Any 16 bytes are an order's name, and so is the random value: both are opaque.
    let (id, nonce): (Option<OrderId>, Option<OrderId>) = (value(ORDER_LINE), value(NONCE_LINE));
    let (Some(id), Some(nonce)) = (order.or(id), nonce) else {
        let line = if nonce.is_none() {
            NONCE_LINE
        } else {
            ORDER_LINE
        };
        return Err(NotUnderstood::Line {
            what: WHAT,
            line: line + 1,
            expected: "a name and 32 hexadecimal digits".to_owned(),
            found: found(text.lines().nth(line)),
        });
    };
    let number = facts.number().unwrap_or_default();
    let expected = Receipt::text_of(
        id,
        &nonce.to_bytes(),
        &summary.holder,
        number,
        [authentication, signature],
    );
    same(WHAT, &expected, text)
}

/// Checks the text of the test page's trial of *underskrift*: it is always the same.
///
/// # Errors
/// It is another one.
pub fn trial(text: &str) -> Result<(), NotUnderstood> {
    same("trial text", TRIAL_TEXT, text)
}

/// What both HCCs of a pair say.
struct Hccs {
    /// Of the one for authentication; holder and HSA-id are those of the other, too.
    summary: CertificateSummary,
    employer: Employer,
    /// All that each of them says, authentication before signature.
    said: Vec<Said>,
}

impl Hccs {
    /// The data as an order has them.
    fn lines(&self) -> Vec<DataLine> {
        let employer = &self.employer;
        [
            ("Namn", "Name", Some(self.summary.holder.clone())),
            ("HSA-id", "HSA-id", self.summary.hsa_id.clone()),
            (
                "Organisation",
                "Organisation",
                employer.organisation.clone(),
            ),
            ("Län", "County", employer.county.clone()),
        ]
        .into_iter()
        .map(|(swedish, english, value)| DataLine {
            swedish,
            english,
            // What a certificate leaves out is other than what the card says.
            value: value.unwrap_or_default(),
        })
        .collect()
    }

    /// All that they say otherwise than the card's certificates: first what an order has, too.
    fn differences(&self, facts: &CardFacts) -> Vec<Difference> {
        let lines = self.lines();
        let further = self.further_differences(&lines, facts);
        let mut all = differences(lines, facts);
        all.extend(further);
        all
    }

    /// What they say otherwise than the card's HCCs, besides these lines.
    fn further_differences(&self, lines: &[DataLine], facts: &CardFacts) -> Vec<Difference> {
        let mut found: Vec<Difference> = Vec::new();
        for said in &self.said {
            for mut difference in said.differences(&facts.hccs) {
                let line = &difference.line;
                let is_line = lines
                    .iter()
                    .any(|other| (other.swedish, &other.value) == (line.swedish, &line.value));
                difference.line.value = short(&difference.line.value);
                for value in &mut difference.on_card {
                    *value = short(value);
                }
                if !is_line && !found.contains(&difference) {
                    found.push(difference);
                }
            }
        }
        found
    }

    fn employer_name(&self) -> String {
        let parts = [&self.employer.organisation, &self.employer.county];
        let parts: Vec<_> = parts.into_iter().flatten().map(String::as_str).collect();
        parts.join(", ")
    }
}

/// What two HCCs of a pair say, if they are one.
fn hccs(authentication: &[u8], signature: &[u8], facts: &CardFacts) -> Result<Hccs, NotUnderstood> {
    let read = |role: &'static str, der: &[u8], purpose: Purpose| {
        let wrong = |why: String| NotUnderstood::Certificate { role, why };
        let summary = CertificateSummary::from_der(der)
            .map_err(|error| wrong(format!("cannot be read: {error}")))?;
        if summary.colour != Colour::Pink || summary.is_authority {
            return Err(wrong("is no HCC".to_owned()));
        }
        if summary.purpose != purpose {
            return Err(wrong(format!(
                "is for another purpose ({})",
                summary.purpose
            )));
        }
        of_a_name(&summary.holder, false)
            .map_err(|why| wrong(format!("names “{}”, {why}", short(&summary.holder))))?;
        let number = summary.card_number.as_deref().unwrap_or_default();
        facts.must_be("certificate", number)?;
        let employer =
            Employer::from_der(der).map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let said = Said::of(der, &summary).ok_or_else(|| wrong("cannot be read".to_owned()))?;
        Ok((summary, employer, said))
    };
    let (summary, employer, said) = read("Legitimering", authentication, Purpose::Authentication)?;
    let (second, its_employer, other_said) = read("Underskrift", signature, Purpose::Signature)?;
    let other = |what: &str| NotUnderstood::Certificate {
        role: "Underskrift",
        why: format!("is for another {what} than the one for Legitimering"),
    };
    if (&summary.holder, &summary.hsa_id) != (&second.holder, &second.hsa_id) {
        return Err(other("holder"));
    }
    if employer != its_employer {
        return Err(other("employer"));
    }
    Ok(Hccs {
        summary,
        employer,
        said: vec![said, other_said],
    })
}

/// Whether a value can be a name; what is wrong with it otherwise.
fn of_a_name(value: &str, digits: bool) -> Result<(), String> {
    if let Some(character) = not_of_a_name(value, digits) {
        return Err(format!(
            "with the character {character:?} (U+{:04X}), which no such name has",
            u32::from(character)
        ));
    }
    if value.chars().count() > LONGEST_NAME {
        return Err(format!("of more than {LONGEST_NAME} characters"));
    }
    if value.is_empty() || value.split(' ').any(str::is_empty) {
        return Err("with a space too many, or nothing".to_owned());
    }
    Ok(())
}

/// The same text to the last byte, or the first line that differs.
fn same(what: &'static str, expected: &str, text: &str) -> Result<(), NotUnderstood> {
    if expected == text {
        return Ok(());
    }
    let mut expected = expected.split('\n');
    let mut found_lines = text.split('\n');
    let mut line = 0;
    loop {
        line += 1;
        // The texts differ, so there is a line where they do, or where one of them has ended.
        let (one, other) = (expected.next(), found_lines.next());
        if one != other || one.is_none() {
            return Err(NotUnderstood::Line {
                what,
                line,
                expected: match one {
                    None | Some("") => "the end of the text".to_owned(),
                    Some(one) => format!("“{}”", short(one)),
                },
                found: match (one, other) {
                    (Some(""), None) => {
                        "the line before it does not end with a line feed".to_owned()
                    }
                    (_, other) => found(other),
                },
            });
        }
    }
}

/// What stands in a line of a text, or that the text has ended before it.
fn found(line: Option<&str>) -> String {
    match line {
        None => "the text has ended before it".to_owned(),
        Some("") => "is empty".to_owned(),
        Some(line) => format!("is “{}”", short(line)),
    }
}

/// A value as a message repeats it.
fn short(value: &str) -> String {
    let shown = visible(value);
    match shown.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{}…", shown.get(..end).unwrap_or_default()),
        None => shown,
    }
}
