//! Which card a command works with, and the way to it.

mod antenna;
mod fault;
mod journal;
mod layers;
mod open;
mod planted;
mod proven;
mod remembered;
mod spec;
mod start;
mod trace;

pub use antenna::AntennaArguments;
pub use fault::{Fault, FaultParser, Faults, NoFault};
pub use journal::CardJournal;
pub use layers::Layers;
#[cfg(feature = "pcsc")]
pub use open::connect;
#[cfg(not(feature = "pcsc"))]
pub use open::without_pcsc;
pub use open::{
    AnyChannel, OnFailure, Primes, VirtualCardChannel, about as about_image, check_image, insert,
    open, open_with_journal,
};
pub use planted::{FaultEntry, Planted};
pub use proven::Proof;
pub use remembered::Remembered;
pub use spec::{CardSpec, check_image_name};
pub use start::StartFile;
pub use trace::{TraceFile, told};
