//! The bench for broken cards: what is wrong with a card, and a card into an image that plays again.
//!
//! [`diagnose()`] looks at a card by a set of rules, one a file ([`rules`]), and gives what is wrong, at
//! which bytes, and what was not looked at.
//!
//! [`dump()`] reads everything readable of any card, PKCS#15 or not, into a card image, with what could
//! not be read and why. It tries no PIN and writes nothing: commands that could are not let through.
//!
//! [`bundle`] puts all of it into one document to share, without the person whose card it is.
//!
//! [`survey()`] gives the same file by file, with who may do what with each, and makes no image.
//!
//! [`history`] enters a recorded session with a virtual card at any command, and finds the one that broke
//! the card.
//!
//! ```
//! use kortlab_diagnose::{Options, dump};
//! # use kortlab_emulator::{CardRng, Image, InProcess, VirtualCard};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let text = include_bytes!("../../../vectors/emulator/small-card-t1.json");
//! # let image = Image::from_json(text)?;
//! # let channel = InProcess::ephemeral(VirtualCard::new(image, CardRng::from_seed(1))?);
//!
//! let dump = dump(channel, &Options::default(), Box::new(|_| {}))?;
//! assert!(dump.ended.is_none());
//! let provenance = dump.image.provenance.as_ref().ok_or("no provenance")?;
//! // A private key never leaves its card, and the image says so.
//! assert!(provenance.not_read.iter().any(|entry| entry.kind == "secret"));
//! # Ok(())
//! # }
//! ```

pub mod bundle;
mod diagnosis;
pub mod dump;
mod evidence;
mod finding;
mod guard;
pub mod history;
pub mod html;
mod pace;
pub mod rules;

pub use diagnosis::{Diagnosing, Diagnosis, diagnose};
pub use dump::{Dump, Ended, Options, Survey, dump, survey};
pub use finding::{Finding, Marked};
pub use guard::{Guard, Guarded, Listener, Progress};
pub use rules::Rule;
