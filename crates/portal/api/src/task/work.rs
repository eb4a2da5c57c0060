//! A task: what is to be done with the card.

use kortlab_issuer::card_number::CardNumber;
use kortlab_portal_core::Order;
use serde::{Deserialize, Serialize};

use super::{ReturnTo, TaskId};
use crate::binary::Binary;
use crate::limits::{CERTIFICATES, TASK};
use crate::orders::OrderBody;
use crate::parse::{self, ParseError};
use crate::serial::Serial;

const WHAT: &str = "the task";

/// What a page asks the agent to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its name.
    pub id: TaskId,
    /// Where the result goes.
    pub return_to: ReturnTo,
    /// The card that is logged in at the portal; another one must not be used.
    pub card_number: Option<CardNumber>,
    /// In which language the agent speaks.
    pub language: Language,
    /// What is to be done.
    pub work: Work,
}

/// What is to be done with the card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Say which certificates are on it.
    Show,
    /// Remove certificates from it.
    Remove {
        /// Which: 1 to [`CERTIFICATES`], none twice.
        serials: Vec<Serial>,
    },
    /// Make one PKCS#10 request for each of its keys, and approve the order.
    Request {
        /// The order, with the data to check.
        order: Box<Order>,
    },
    /// Write a pair of certificates to it.
    Write {
        /// The HCC for authentication, DER.
        authentication: Binary,
        /// The HCC for signature, DER.
        signature: Binary,
    },
    /// Sign a text with the signature key.
    Sign {
        /// The text: lines, without other control characters.
        text: String,
        /// What it is.
        purpose: SignPurpose,
    },
}

/// The kinds of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// See [`Work::Show`].
    Show,
    /// See [`Work::Remove`].
    Remove,
    /// See [`Work::Request`].
    Request,
    /// See [`Work::Write`].
    Write,
    /// See [`Work::Sign`].
    Sign,
}

impl Kind {
    /// A stable name: `show`, `remove`, `request`, `write`, `sign`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Show => "show",
            Self::Remove => "remove",
            Self::Request => "request",
            Self::Write => "write",
            Self::Sign => "sign",
        }
    }
}

/// A language of the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Language {
    /// Swedish.
    #[default]
    #[serde(rename = "sv")]
    Swedish,
    /// English.
    #[serde(rename = "en")]
    English,
}

impl Language {
    /// The tag of BCP 47: `sv` or `en`.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Swedish => "sv",
            Self::English => "en",
        }
    }
}

/// What a text is that is to be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignPurpose {
    /// The receipt: *Kvittera kort*.
    Receipt,
    /// The test page's trial of *underskrift*.
    Trial,
}

impl Work {
    /// Which kind it is.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Show => Kind::Show,
            Self::Remove { .. } => Kind::Remove,
            Self::Request { .. } => Kind::Request,
            Self::Write { .. } => Kind::Write,
            Self::Sign { .. } => Kind::Sign,
        }
    }
}

impl Task {
    /// Reads a task: the JSON in the form's field `task`.
    ///
    /// # Errors
    /// It is too long, or a field is missing, unknown, of another kind, or has a value that is not
    /// accepted; the error names it.
    pub fn parse(json: &str) -> Result<Self, ParseError> {
        let mut written: Written = parse::parse(WHAT, json.as_bytes(), TASK)?;
        let field = |name: &str, why: &dyn core::fmt::Display| ParseError::field(WHAT, name, why);
        let task = Self {
            id: written.id.parse().map_err(|error| field("id", &error))?,
            return_to: ReturnTo::parse(&written.return_to)
                .map_err(|error| field("return_to", &error))?,
            card_number: match &written.card_number {
                Some(number) => {
                    let number = number.parse();
                    Some(number.map_err(|error| field("card_number", &error))?)
                }
                None => None,
            },
            language: written.language,
            work: written.take_work()?,
        };
        match written.left_over() {
            Some(name) => Err(field(
                name,
                &format_args!(
                    "it does not belong to a task of kind {}",
                    task.work.kind().name()
                ),
            )),
            None => Ok(task),
        }
    }

    /// Writes a task, in one line of JSON.
    pub fn to_json(&self) -> String {
        let mut written = Written {
            id: self.id.expose(),
            kind: self.work.kind(),
            return_to: self.return_to.expose().to_owned(),
            card_number: self.card_number.map(|number| number.to_string()),
            language: self.language,
            serials: None,
            order: None,
            certificates: None,
            text: None,
            purpose: None,
        };
        match &self.work {
            Work::Show => {}
            Work::Remove { serials } => written.serials = Some(serials.clone()),
            Work::Request { order } => written.order = Some(OrderBody::from(order.as_ref())),
            Work::Write {
                authentication,
                signature,
            } => {
                written.certificates = Some(Pair {
                    authentication: authentication.clone(),
                    signature: signature.clone(),
                });
            }
            Work::Sign { text, purpose } => {
                written.text = Some(text.clone());
                written.purpose = Some(*purpose);
            }
        }
        // Texts, numbers and lists of them: nothing that JSON could not hold.
        serde_json::to_string(&written).unwrap_or_default()
    }
}

/// A task as it is written: the fields of all kinds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    kind: Kind,
    return_to: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    card_number: Option<String>,
    language: Language,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    serials: Option<Vec<Serial>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<OrderBody>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificates: Option<Pair>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    purpose: Option<SignPurpose>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    authentication: Binary,
    signature: Binary,
}

impl Written {
    fn take_work(&mut self) -> Result<Work, ParseError> {
        Ok(match self.kind {
            Kind::Show => Work::Show,
            Kind::Remove => {
                let serials = needed("serials", self.serials.take())?;
                check_serials(WHAT, &serials)?;
                Work::Remove { serials }
            }
            Kind::Request => {
                let order = needed("order", self.order.take())?.into_order(WHAT)?;
                Work::Request {
                    order: Box::new(order),
                }
            }
            Kind::Write => {
                let pair = needed("certificates", self.certificates.take())?;
                Work::Write {
                    authentication: pair.authentication,
                    signature: pair.signature,
                }
            }
            Kind::Sign => {
                let text = needed("text", self.text.take())?;
                parse::check_text(WHAT, "text", &text)?;
                let purpose = needed("purpose", self.purpose.take())?;
                Work::Sign { text, purpose }
            }
        })
    }

    /// A field that the kind of the task does not have.
    fn left_over(&self) -> Option<&'static str> {
        [
            ("serials", self.serials.is_some()),
            ("order", self.order.is_some()),
            ("certificates", self.certificates.is_some()),
            ("text", self.text.is_some()),
            ("purpose", self.purpose.is_some()),
        ]
        .into_iter()
        .find_map(|(name, there)| there.then_some(name))
    }
}

fn needed<T>(name: &'static str, value: Option<T>) -> Result<T, ParseError> {
    value.ok_or_else(|| ParseError::field(WHAT, name, "it is missing"))
}

/// Checks a list of serial numbers: as many as there may be, and none twice.
pub(super) fn check_serials(what: &'static str, serials: &[Serial]) -> Result<(), ParseError> {
    if !(1..=CERTIFICATES).contains(&serials.len()) {
        let why = format!("{} of them; 1 to {CERTIFICATES} are read", serials.len());
        return Err(ParseError::field(what, "serials", why));
    }
    let twice = serials.iter().enumerate().find(|(index, serial)| {
        serials
            .iter()
            .take(*index)
            .any(|earlier| earlier == *serial)
    });
    match twice {
        Some((index, _)) => {
            let field = format!("serials[{index}]");
            Err(ParseError::field(what, field, "it is there already"))
        }
        None => Ok(()),
    }
}
