//! The ways from a program to a card: into a reader ([`vpcd`]), or a socket of its own ([`socket`]).
//!
//! A link serves anything that is a [`Channel`](kortlab_apdu::Channel): the virtual card, one with
//! layers around it, a card in another reader. What a program sees when there is no answer is the
//! link's affair: in vpcd's reader the card leaves, and comes back a moment later; over a socket the error
//! itself is told.

pub mod frame;
pub mod session;
pub mod socket;
pub mod vpcd;
