//! The renewal of the guide as people see it: told step by step ([`story`]), and shown on a card
//! and a portal of its own ([`demo`]).

pub mod demo;
pub mod story;
