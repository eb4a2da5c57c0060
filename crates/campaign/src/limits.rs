//! What one execution may use.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What one execution may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// How long it may take, in milliseconds.
    pub milliseconds: u64,
    /// How many commands it may send to the card.
    pub commands: usize,
    /// How much memory the program may hold, in MiB: resident, of its first process.
    pub mebibytes: u64,
}

impl Limits {
    /// How long an execution may take.
    pub const fn time(&self) -> Duration {
        Duration::from_millis(self.milliseconds)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            milliseconds: 10_000,
            commands: 20_000,
            mebibytes: 1024,
        }
    }
}
