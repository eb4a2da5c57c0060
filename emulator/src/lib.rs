//! The virtual card: a card operating system, card models, and the vpcd link.
//!
//! ```
//! use kortlab_emulator::{CardRng, Image, InProcess, VirtualCard};
//!
//! let text = include_bytes!("../../vectors/emulator/small-card-t1.json");
//! let image = Image::from_json(text)?;
//! let mut card = InProcess::ephemeral(VirtualCard::new(image, CardRng::from_seed(1))?);
//! let select = [0x00, 0xA4, 0x00, 0x0C, 0x02, 0x2F, 0x01];
//! assert_eq!(card.transmit(&select), [0x90, 0x00]);
//! let read = [0x00, 0xB0, 0x00, 0x00, 0x02];
//! assert_eq!(card.transmit(&read), [0x00, 0x01, 0x90, 0x00]);
//! # Ok::<(), kortlab_emulator::ImageError>(())
//! ```
//!
//! # Map
//!
//! | module | what it knows |
//! |---|---|
//! | [`card`], `transport`, `session` | bytes in, bytes out: classes, chains, T=0 and T=1, what power-off forgets |
//! | `commands` | the commands, one file each |
//! | [`state`], [`fs`], [`security`] | what the card holds, its files, who may do what |
//! | [`memory`] | the only place that changes what outlives power |
//! | [`image`] | the same as readable JSON; `docs/image.md` describes it |
//! | [`store`], [`in_process`] | where the image is kept; a card that saves before it answers |
//! | [`crypto`], [`random`] | RSA and paddings; injected randomness |
//! | [`models`] | the card models: what is on a card as it is made |
//! | [`link`] | the way into a reader |
//!
//! The card and its image do no I/O; [`store`] and [`link`] do all of it.

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
