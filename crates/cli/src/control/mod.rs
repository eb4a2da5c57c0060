//! The control door: what a test does to the readers of a running `run`, `pcscd` or `emulate`.
//!
//! | module | what it knows |
//! |---|---|
//! | `answer` | what is answered, as JSON; what is asked is `kortlab_pcsc::control`'s |
//! | `lab` | all readers: who is meant, what is done |
//! | `place` | one reader's place: the card in it, the card beside it |
//! | `gate` | the channel that stands in a reader for whatever card is there |
//! | `card` | a virtual card that programs and this door reach: snapshots, tears |
//! | `script` | what happens by itself, at a chosen command |
//! | `door` | the socket |
//! | `find`, `arguments` | where the socket is |
//!
//! `docs/control.md` says it for those who use it.

mod answer;
mod arguments;
mod card;
mod door;
mod find;
mod gate;
mod lab;
mod place;
mod script;

pub use answer::Answer;
pub use arguments::ControlArguments;
pub use card::SharedCard;
pub use door::{ControlDoor, MAX_LINE, VARIABLE};
pub use find::find;
pub use gate::Gate;
pub use kortlab_pcsc::control::{Digits, KeyName, Press, Request};
pub use lab::{Lab, Readers};
pub use place::{Notice, Place, Plugged};
pub use script::Step;
