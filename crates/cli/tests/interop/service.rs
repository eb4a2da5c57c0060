//! Our PC/SC service beside pcscd: in front of it, and compared with it.

mod calls;
mod differential;
mod front;
mod operations;
mod wire;
