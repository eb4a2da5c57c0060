//! Cards in named states.

mod image;

pub use image::{NewCard, new_card, new_card_of};

pub use crate::state::{CardState, UnknownState};
