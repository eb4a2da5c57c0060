//! Fuzzing a PC/SC program with what a card answers.
//!
//! An input is a card, a list of faults, and nothing else: what chance decides in them, their seeds
//! decide. Each execution begins with the same fresh card, in a PC/SC service of its own, and runs
//! the unmodified program to its end. [`oracles`] say whether what happened is a finding; findings
//! of one kind are told apart by a signature, and kept once, as a [`Case`] that can be replayed and
//! shrunk.
//!
//! | module | what it knows |
//! |---|---|
//! | [`Program`], [`Limits`] | what is run, and what it may use |
//! | [`Laboratory`] | one execution: a fresh card, a service, the program, what it did |
//! | [`Recipe`] | the faults of an execution, and how others are made of them |
//! | [`oracles`] | what is a finding, one file each |
//! | [`Case`] | a finding that can be replayed, as a file |
//! | [`Campaign`] | many executions, side by side, that can be interrupted |
//! | [`Unfit`] | what a program does with a good card that leaves nothing to fuzz |
//! | [`corpora`] | test cases of others, as files |
//! | [`engines`] | other engines: how they are started, and what they have found |
//! | [`Mutator`] | what makes test cases of test cases, for other engines |
//! | [`minimize`] | the fewest faults that still do it |
//! | [`own_directory`] | a directory that goes with its process |

mod answers;
mod campaign;
mod case;
mod child;
pub mod corpora;
pub mod engines;
mod guard;
mod journal;
mod laboratory;
mod limits;
pub mod minimize;
mod mutator;
pub mod oracles;
mod outcome;
pub mod own_directory;
mod program;
mod reading;
mod recipe;
mod shown;
mod unfit;
mod watch;

pub use campaign::{Campaign, CampaignError, Found, Goal, Progress, Tally};
pub use case::{Case, CaseError, MAX_CASE};
pub use journal::Journal;
pub use laboratory::{Laboratory, LaboratoryError, Recorded};
pub use limits::Limits;
pub use mutator::{Mutator, TURNS};
pub use oracles::Finding;
pub use outcome::{Ended, Exchange, Outcome};
pub use own_directory::OwnDirectory;
pub use program::Program;
pub use recipe::{MAX_LINES, Recipe};
pub use unfit::Unfit;
pub use watch::{Seen, Shared, around};
