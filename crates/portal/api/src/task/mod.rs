//! What a page of the portal asks the agent to do with the card, and what came of it.
//!
//! Both travel as one field of a form that the browser sends from one to the other: the portal's
//! page posts `task` to the agent, the agent's page posts `result` to the task's `return_to`. So
//! both sides read what a browser, and whoever rules it, has had in hand: everything is bounded,
//! unknown fields are refused, and an error names the field.
//!
//! ```json
//! {"id": "6fd1…", "kind": "remove", "return_to": "https://localhost:8443/task/6fd1…",
//!  "card_number": "9752000001234567892", "language": "sv", "serials": ["0A1B"]}
//! ```
//!
//! | kind | field of the task | field of the result |
//! |---|---|---|
//! | `show` | | `certificates`: what is on the card, DER in base64 |
//! | `remove` | `serials` of the certificates to remove | `serials` of those that are gone |
//! | `request` | `order`, all of it | `approval`: both requests and the signed approval |
//! | `write` | `certificates`: `authentication` and `signature` | `serials` of those that are written |
//! | `sign` | `text`, and its `purpose`: `receipt` or `trial` | `signed`: CMS SignedData |
//!
//! The agent writes the approval's text itself, from the order, so that what it shows is what the
//! card signs.

mod id;
mod outcome;
mod return_to;
mod work;

pub use id::{TaskId, TaskIdError};
pub use outcome::{Done, Outcome, TaskResult};
pub use return_to::{ReturnTo, ReturnToError};
pub use work::{Kind, Language, SignPurpose, Task, Work};
