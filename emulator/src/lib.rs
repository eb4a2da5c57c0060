//! The virtual card: a card operating system, card models, and the ways to it.
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
//! `examples/` has programs: a card in a test, a layer of one's own, an applet of one's own.
//!
//! # Map
//!
//! | module | what it knows |
//! |---|---|
//! | [`card`] | the outside: power, image, what changed |
//! | `transport` | T=0 and T=1, and what waits for GET RESPONSE |
//! | `os` | admits and runs commands: classes, chains, what is selected and verified |
//! | [`applications`] | which commands there are, by the current DF; the trait for one's own |
//! | `commands` | the commands, one file each |
//! | [`fs`], [`security`] | files; who may do what |
//! | [`memory`] | what the card holds ([`state`]), and the only place that changes it |
//! | [`image`] | the same as readable JSON; `docs/image.md` describes it |
//! | [`store`], [`in_process`] | where the image is kept; a card that saves before it answers |
//! | [`crypto`], [`random`] | keys and paddings; injected randomness |
//! | [`models`] | the card models: what is on a card as it is made |
//! | [`link`] | the ways into a reader and to a socket |
//!
//! The card and its image do no I/O; [`store`] and [`link`] do all of it.

pub mod applications;
pub mod card;
mod commands;
pub mod crypto;
pub mod fs;
mod hex_bytes;
mod holder;
pub mod image;
pub mod in_process;
pub mod link;
pub mod memory;
pub mod models;
mod opening;
mod os;
pub mod random;
pub mod security;
pub mod store;
mod transport;

pub use applications::Application;
pub use card::VirtualCard;
pub use holder::Holder;
pub use image::{Image, ImageError, KeysDigest};
pub use in_process::{InProcess, Inserted};
pub use memory::state;
pub use random::CardRng;
pub use store::{Ephemeral, ImageFile, Store, StoreError};
