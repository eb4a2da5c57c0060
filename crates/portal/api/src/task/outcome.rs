//! What came of a task.

use kortlab_portal_core::Approval;
use serde::{Deserialize, Serialize};

use super::work::check_serials;
use super::{Kind, Task, TaskId};
use crate::binary::Binary;
use crate::limits::{CERTIFICATES, TASK_RESULT};
use crate::orders::ApprovalRequest;
use crate::parse::{self, ParseError};
use crate::serial::Serial;

const WHAT: &str = "the task's result";

/// What came of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskResult {
    /// Which task it was.
    pub id: TaskId,
    /// Its kind.
    pub kind: Kind,
    /// For people, in the task's language.
    pub message: String,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything is done.
    Done(Done),
    /// The holder did not want it; nothing was changed.
    Cancelled,
    /// It did not work; the message says why and what to do.
    Failed,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// The holder's certificates on the card.
    Shown {
        /// DER, at most [`CERTIFICATES`].
        certificates: Vec<Binary>,
    },
    /// These certificates are not on the card any more.
    Removed {
        /// Their serial numbers.
        serials: Vec<Serial>,
    },
    /// The requests are made and the order approved.
    Requested {
        /// Both requests and the signed approval.
        approval: Box<ApprovalRequest>,
    },
    /// These certificates are on the card.
    Written {
        /// Their serial numbers.
        serials: Vec<Serial>,
    },
    /// The text is signed.
    Signed {
        /// CMS SignedData (RFC 5652 §5), DER.
        signed: Binary,
    },
}

impl Done {
    /// The kind of task this comes of.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Shown { .. } => Kind::Show,
            Self::Removed { .. } => Kind::Remove,
            Self::Requested { .. } => Kind::Request,
            Self::Written { .. } => Kind::Write,
            Self::Signed { .. } => Kind::Sign,
        }
    }

    /// The requests and the signed approval, in the portal's type.
    pub fn requested(approval: &Approval) -> Self {
        Self::Requested {
            approval: Box::new(ApprovalRequest::from(approval)),
        }
    }
}

impl TaskResult {
    /// The result of a task.
    pub fn of(task: &Task, outcome: Outcome, message: impl Into<String>) -> Self {
        Self {
            id: task.id,
            kind: task.work.kind(),
            message: message.into(),
            outcome,
        }
    }

    /// Reads a result: the JSON in the form's field `result`. Whether it is the result of a task
    /// that was given is [`TaskResult::answers`].
    ///
    /// # Errors
    /// It is too long, or a field is missing, unknown, of another kind, or has a value that is not
    /// accepted; the error names it.
    pub fn parse(json: &str) -> Result<Self, ParseError> {
        let mut written: Written = parse::parse(WHAT, json.as_bytes(), TASK_RESULT)?;
        let field = |name: &str, why: &dyn core::fmt::Display| ParseError::field(WHAT, name, why);
        if !written.message.is_empty() {
            parse::check_text(WHAT, "message", &written.message)?;
        }
        let outcome = match written.outcome {
            Ended::Done => Outcome::Done(written.take_done()?),
            Ended::Cancelled => Outcome::Cancelled,
            Ended::Failed => Outcome::Failed,
        };
        if let Some(name) = written.left_over() {
            let why = "it does not belong to a result of this kind and outcome";
            return Err(field(name, &why));
        }
        Ok(Self {
            id: written.id.parse().map_err(|error| field("id", &error))?,
            kind: written.kind,
            message: written.message,
            outcome,
        })
    }

    /// Whether this is the result of the task: its id and its kind.
    pub fn answers(&self, task: &Task) -> bool {
        self.id == task.id && self.kind == task.work.kind()
    }

    /// Writes a result, in one line of JSON.
    pub fn to_json(&self) -> String {
        let mut written = Written {
            id: self.id.expose(),
            kind: self.kind,
            outcome: Ended::Done,
            message: self.message.clone(),
            certificates: None,
            serials: None,
            approval: None,
            signed: None,
        };
        match &self.outcome {
            Outcome::Cancelled => written.outcome = Ended::Cancelled,
            Outcome::Failed => written.outcome = Ended::Failed,
            Outcome::Done(Done::Shown { certificates }) => {
                written.certificates = Some(certificates.clone());
            }
            Outcome::Done(Done::Removed { serials } | Done::Written { serials }) => {
                written.serials = Some(serials.clone());
            }
            Outcome::Done(Done::Requested { approval }) => {
                written.approval = Some(approval.as_ref().clone());
            }
            Outcome::Done(Done::Signed { signed }) => written.signed = Some(signed.clone()),
        }
        // Texts, numbers and lists of them: nothing that JSON could not hold.
        serde_json::to_string(&written).unwrap_or_default()
    }
}

/// A result as it is written: the fields of all kinds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    kind: Kind,
    outcome: Ended,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificates: Option<Vec<Binary>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    serials: Option<Vec<Serial>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    approval: Option<ApprovalRequest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signed: Option<Binary>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Ended {
    Done,
    Cancelled,
    Failed,
}

impl Written {
    fn take_done(&mut self) -> Result<Done, ParseError> {
        Ok(match self.kind {
            Kind::Show => {
                let certificates = needed("certificates", self.certificates.take())?;
                if certificates.len() > CERTIFICATES {
                    let why = format!("{}; at most {CERTIFICATES} are read", certificates.len());
                    return Err(ParseError::field(WHAT, "certificates", why));
                }
                Done::Shown { certificates }
            }
            Kind::Remove => Done::Removed {
                serials: self.take_serials()?,
            },
            Kind::Request => Done::Requested {
                approval: Box::new(needed("approval", self.approval.take())?),
            },
            Kind::Write => Done::Written {
                serials: self.take_serials()?,
            },
            Kind::Sign => Done::Signed {
                signed: needed("signed", self.signed.take())?,
            },
        })
    }

    fn take_serials(&mut self) -> Result<Vec<Serial>, ParseError> {
        let serials = needed("serials", self.serials.take())?;
        check_serials(WHAT, &serials)?;
        Ok(serials)
    }

    /// A field that a result of this kind and outcome does not have.
    fn left_over(&self) -> Option<&'static str> {
        [
            ("certificates", self.certificates.is_some()),
            ("serials", self.serials.is_some()),
            ("approval", self.approval.is_some()),
            ("signed", self.signed.is_some()),
        ]
        .into_iter()
        .find_map(|(name, there)| there.then_some(name))
    }
}

fn needed<T>(name: &'static str, value: Option<T>) -> Result<T, ParseError> {
    value.ok_or_else(|| ParseError::field(WHAT, name, "it is missing"))
}
