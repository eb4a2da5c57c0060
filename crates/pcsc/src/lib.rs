//! A PC/SC service of one's own, with no readers and no daemon: any [`Channel`] is a card, any
//! PC/SC program a client.
//!
//! ```
//! use std::sync::Arc;
//!
//! use kortlab_apdu::{Channel, ChannelError, Protocol, ResetKind};
//! use kortlab_pcsc::{Protocols, Service, ShareMode};
//!
//! struct Card;
//! impl Channel for Card {
//!     fn transmit(&mut self, _: &[u8]) -> Result<Vec<u8>, ChannelError> { Ok(vec![0x90, 0x00]) }
//!     fn reset(&mut self, _: ResetKind) -> Result<(), ChannelError> { Ok(()) }
//!     fn atr(&self) -> &[u8] { &[0x3B, 0x00] }
//!     fn protocol(&self) -> Protocol { Protocol::T0 }
//! }
//!
//! let mut numbers = 0..;
//! let service = Arc::new(Service::new(move || numbers.next().unwrap_or(0)));
//! service.add_reader("Desk", Some(Box::new(Card)))?;
//!
//! let mut client = service.client();
//! client.establish_context(2)?;
//! let (card, protocol) = client.connect("Desk", ShareMode::Shared, Protocols::T0)?;
//! assert_eq!(protocol, Protocols::T0);
//! let answer = client.transmit(card, Protocols::T0, &[0x00, 0xA4, 0x00, 0x00])?;
//! assert_eq!(answer, [0x90, 0x00]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What a function answers is what pcscd 1.9.9 answers; where it keeps a caller waiting, the
//! function says [`Refusal::Held`] and the door waits.
//!
//! # Map
//!
//! | module | what it knows |
//! |---|---|
//! | [`service`] | readers, clients, who waits; no I/O |
//! | `reader` | one reader: who shares it, who holds it, the card in it |
//! | [`client`], [`functions`] | one client; the PC/SC functions, one file each |
//! | [`contactless`] | a card as a contactless reader shows it |
//! | [`pad`] | a PIN pad, whose keys are pressed from elsewhere |
//! | [`control`] | what is asked at the control door of a running service: JSON lines |
//! | [`terms`], [`code`] | the words of PC/SC; what a function answers |
//! | [`door`] | the way in for programs: pcsc-lite's protocol on a Unix socket |
//! | [`in_process`] | how a program is told of cards in its own process |
//!
//! [`Channel`]: kortlab_apdu::Channel

pub mod client;
pub mod code;
pub mod contactless;
pub mod control;
pub mod door;
pub mod functions;
pub mod in_process;
mod letting_go;
pub mod pad;
mod reader;
pub mod service;
pub mod terms;
mod wake;

pub use client::Client;
pub use code::{Code, Refusal};
pub use contactless::{Contactless, Uid};
pub use pad::PinPad;
pub use reader::Card;
pub use service::{ReaderError, Service};
pub use terms::{Disposition, Protocols, ReaderState, ShareMode};
pub use wake::Wake;
