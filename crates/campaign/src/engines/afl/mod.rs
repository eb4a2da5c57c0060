//! AFL++: it keeps the test cases that have a program reach something new, and makes others of them.
//!
//! The program is instrumented, and has its card in its own process. A test case is a list of faults
//! in a file; AFL++'s fork server forks when the program first asks about a card. What it keeps,
//! what crashed and what hung are files in its directory, which are tried once more without it.

mod inputs;
mod instance;
mod log;
mod stats;
mod tail;

pub use inputs::{Inputs, Kind, New};
pub use instance::{Instance, find, refused};
pub use log::{Trouble, trouble};
pub use stats::Stats;
pub use tail::end_of;
