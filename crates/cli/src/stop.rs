//! When somebody wants a command to end that goes on by itself.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::failure::Failure;

/// The exit code of a second signal, as shells have it of Ctrl-C.
const INTERRUPTED: i32 = 130;

/// What a second signal does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondTime {
    /// Nothing more than the first.
    Waits,
    /// It ends the process at once.
    Ends,
}

/// What becomes true at SIGINT or SIGTERM.
///
/// # Errors
/// Signals cannot be listened for.
pub fn on_signals(second: SecondTime) -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let failed = |error| Failure::failed(format!("cannot listen for signals: {error}"));
    for signal in [SIGINT, SIGTERM] {
        // Before the flag is set for the first time: what is registered first is done first.
        if second == SecondTime::Ends {
            flag::register_conditional_shutdown(signal, INTERRUPTED, Arc::clone(&stop))
                .map_err(failed)?;
        }
        flag::register(signal, Arc::clone(&stop)).map_err(failed)?;
    }
    Ok(stop)
}
