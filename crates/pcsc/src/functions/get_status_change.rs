//! SCardGetStatusChange: the service's part of it. The comparison with what the caller knows is
//! made in the caller's library.

use std::sync::Arc;

use crate::{Client, ReaderState, Wake};

impl Client {
    /// Waits for the next change of any reader: `wake` hears of it, once. Gives what there is now;
    /// no change gets lost between the two.
    pub fn wait_for_change(&self, wake: Arc<dyn Wake>) -> Vec<ReaderState> {
        self.service.wait(self.id, wake)
    }

    /// Waits no more. Says whether it still waited; if not, it has been or will be woken.
    pub fn stop_waiting(&self) -> bool {
        self.service.stop_waiting(self.id).is_some()
    }
}
