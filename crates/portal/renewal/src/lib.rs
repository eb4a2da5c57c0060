//! Cards in named states, and the renewal of the guide step by step.
//!
//! | module | what it does |
//! |---|---|
//! | [`card`] | what a renewal does with the card, piece by piece |
//! | [`guide`] | the renewal as the user guide tells it, over any card and any portal |
//! | [`notes`] | what a card's HCCs said, kept while the card has none |
//! | [`plain`] | texts that are wholly what they look like |
//! | [`report`] | the table of a card's certificates: two blue and two pink, if all is well |
//! | [`states`] | makes a card image in a named state, with the portal that it belongs to |
//! | [`understood`] | what the card is asked to sign, understood before it signs |
//! | [`world`] | the authorities, the portal, the holder and the keys, from a seed and a date |

pub mod beginning;
pub mod card;
mod difference;
pub mod guide;
pub mod notes;
pub mod plain;
pub mod report;
mod said;
mod state;
pub mod states;
pub mod understood;
pub mod world;

/// The Rust code of the README, which runs with this crate's documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../../../README.md")]
struct Readme;
