//! Which card a command works with, and the way to it.

mod fault;
mod open;
mod socket;
mod spec;

pub use fault::{Fault, FaultParser};
#[cfg(not(feature = "pcsc"))]
pub use open::without_pcsc;
pub use open::{AnyChannel, VirtualCardChannel, insert, open};
pub use socket::{CardSocket, SocketError};
pub use spec::CardSpec;

use socket::SocketChannel;
