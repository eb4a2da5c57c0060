//! The functions of PC/SC, one file each, as methods of [`Client`](crate::Client).

mod begin_transaction;
mod cancel;
mod connect;
mod control;
pub(crate) mod disconnect;
mod end_transaction;
mod establish_context;
mod get_attrib;
mod get_status_change;
mod reconnect;
mod release_context;
mod set_attrib;
mod status;
pub(crate) mod transmit;

pub use transmit::MAX_MESSAGE;
