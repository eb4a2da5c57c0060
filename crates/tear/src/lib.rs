//! The harness of the slot writer: the guide's whole renewal, with the card torn out of the reader
//! at every byte it programs and at every APDU boundary, and the host crashing beside it.
//!
//! # How
//!
//! Up to the cut nothing is left to chance, so the renewal is carried out once for each memory
//! technology, and [`Recording`] keeps a copy of the card and the journal before each command. A
//! [`Point`] names one cut; [`trial::run`] starts from the copy right before it, lets it happen,
//! pushes the card in again, recovers as a program would, and looks at what is there
//! ([`check`]). [`campaign`] does that for all points, or for a sample drawn from a seed, on all
//! processors; [`double`] cuts the recovery as well.
//!
//! # Map
//!
//! | module | what it knows |
//! |---|---|
//! | [`recording`], `recorder` | one renewal, command by command, with copies of card and journal |
//! | [`point`] | where power can go and the host can crash |
//! | [`trial`], [`check`], [`violation`] | one cut, its recovery, and what must hold afterwards |
//! | [`double`] | a second cut, during the recovery |
//! | [`copies`] | cards of the same serial number, which nothing must happen to |
//! | [`campaign`], [`tally`] | many cuts at once, and the count |
//! | [`listing`] | what a reader sees on a card |
//! | [`damage`] | cards with damaged directories and certificates, for other tests |

pub mod campaign;
pub mod check;
pub mod copies;
pub mod damage;
pub mod double;
pub mod listing;
pub mod point;
mod recorder;
pub mod recording;
pub mod sample;
pub mod tally;
pub mod trial;
pub mod violation;

pub use campaign::Campaign;
pub use point::{Case, Host, Point};
pub use recording::{Recording, RecordingError};
pub use tally::Tally;
pub use violation::Violation;
