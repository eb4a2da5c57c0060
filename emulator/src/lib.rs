//! The virtual card: a card operating system, card models, and the vpcd link.

pub mod card;
mod commands;
pub mod crypto;
pub mod fs;
pub mod image;
pub mod in_process;
pub mod link;
pub mod memory;
pub mod models;
pub mod random;
pub mod security;
mod session;
pub mod state;
pub mod store;
mod transport;

pub use card::VirtualCard;
pub use image::{Image, ImageError};
pub use in_process::{InProcess, Inserted};
pub use random::CardRng;
pub use store::{Ephemeral, ImageFile, Store, StoreError};
