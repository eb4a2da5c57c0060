//! What runs on the card: each application is a table of instructions and the rules that go with it.
//!
//! The current DF says which one answers ([`Application`]). [`iso`] answers where no DF names one;
//! the others come with the card models that have them ([`crate::models`]), or from a user, by
//! [`VirtualCard::with_applications`](crate::VirtualCard::with_applications).

pub mod eid;
pub mod iso;

pub use crate::os::{Answer, Application, Applications, Context, Execute, Instruction, Traffic};
