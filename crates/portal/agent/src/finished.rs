//! How a task ended: for its visitor, and for the portal.

use kortlab_portal_api::Binary;
use kortlab_portal_api::limits::CERTIFICATES;
use kortlab_portal_api::task::{Done, Outcome, SignPurpose, Task, TaskResult};

use crate::not_done::NotDone;
use crate::perform::Performed;
use crate::words::Words;

/// How a task ended.
#[derive(Debug)]
pub(crate) struct Finished {
    /// In a word.
    pub(crate) title: Words,
    /// What was done, in a sentence.
    pub(crate) what: Words,
    /// The text that was signed, exactly.
    pub(crate) signed_text: Option<String>,
    /// What the portal is told.
    pub(crate) result: TaskResult,
}

impl Finished {
    /// The visitor did not want it.
    pub(crate) fn cancelled(task: &Task) -> Self {
        let what = Words::new(
            "Du avbröt. Inget har ändrats på kortet.",
            "You cancelled. Nothing was changed on the card.",
        );
        Self {
            title: Words::new("Avbrutet", "Cancelled"),
            result: TaskResult::of(task, Outcome::Cancelled, what.of(task.language)),
            what,
            signed_text: None,
        }
    }

    /// It was done; `None` for what comes before the task itself.
    pub(crate) fn done(task: &Task, performed: Performed) -> Option<Self> {
        let (what, done, signed_text) = match performed {
            Performed::Recovered(_) => return None,
            Performed::Shown(certificates) => {
                let certificates: Vec<_> = certificates
                    .into_iter()
                    .take(CERTIFICATES)
                    .map(|seen| Binary::from(seen.der))
                    .collect();
                let count = certificates.len();
                let what = Words::new(
                    format!("Antal certifikat som lästes från kortet: {count}."),
                    format!("Certificates read from the card: {count}."),
                );
                (what, Done::Shown { certificates }, None)
            }
            Performed::Removed(serials) => {
                let what = Words::new(
                    "Certifikaten finns inte längre på kortet.",
                    "The certificates are not on the card any more.",
                );
                (what, Done::Removed { serials }, None)
            }
            Performed::Requested { approval, text } => {
                let what = Words::new(
                    "Beställningen är underskriven. Portalen kan nu utfärda dina två certifikat.",
                    "The order is signed. The portal can now issue your two certificates.",
                );
                (what, Done::requested(&approval), Some(text))
            }
            Performed::Written(serials) => {
                let what = Words::new(
                    "De två certifikaten finns nu på kortet. De har lästs tillbaka och jämförts.",
                    "The two certificates are on the card now. They were read back and compared.",
                );
                (what, Done::Written { serials }, None)
            }
            Performed::Signed {
                text,
                purpose,
                signed,
            } => {
                let what = match purpose {
                    SignPurpose::Receipt => Words::new(
                        "Kvittensen är underskriven. Den gäller när portalen har tagit emot den.",
                        "The receipt is signed. It takes effect when the portal has received it.",
                    ),
                    SignPurpose::Trial => Words::new(
                        "Kortet har skrivit under texten.",
                        "The card has signed the text.",
                    ),
                };
                let signed = Binary::from(signed);
                (what, Done::Signed { signed }, Some(text))
            }
        };
        Some(Self {
            title: Words::new("Klart", "Done"),
            result: TaskResult::of(task, Outcome::Done(done), what.of(task.language)),
            what,
            signed_text,
        })
    }
}

/// What the portal is told if the visitor goes back to it instead of trying again.
pub(crate) fn failed(task: &Task, not_done: &NotDone) -> TaskResult {
    TaskResult::of(task, Outcome::Failed, not_done.what.of(task.language))
}
