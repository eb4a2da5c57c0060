//! How an agent is set up.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kortlab_issuer::clock::{Clock, SystemClock};

use crate::origin::Origin;

/// Where the portal's pages look for the agent, unless told otherwise.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:47800";

/// How an agent is set up.
#[derive(Clone)]
pub struct Config {
    /// Where it listens; a loopback address. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The portals that may ask.
    pub allowed: Vec<Origin>,
    /// What dates the signatures.
    pub clock: Arc<dyn Clock + Sync>,
    /// How much of what there may be.
    pub limits: Limits,
}

impl Config {
    /// An agent at `listen` for these portals, with this computer's clock and the usual limits.
    pub fn new(listen: SocketAddr, allowed: Vec<Origin>) -> Self {
        Self {
            listen,
            allowed,
            clock: Arc::new(SystemClock),
            limits: Limits::default(),
        }
    }
}

/// How much of what there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Wrong PINs for one task, and for one portal within [`Limits::pin_window`]. Whatever this
    /// says, the last try that a card has left is never used.
    pub wrong_pins: usize,
    /// How long a wrong PIN counts.
    pub pin_window: Duration,
    /// Tasks that wait at the same time; then the oldest gives way.
    pub tasks: usize,
    /// How long a task waits.
    pub task_lifetime: Duration,
    /// How long the card may be silent: then a task is given up, and the agent goes on.
    pub silence: Duration,
    /// How long the card may be silent in a change that is under way when the agent is told to
    /// stop. (What is no change is given up at once.)
    pub last_silence: Duration,
}

impl Default for Limits {
    /// 2 wrong PINs in 15 minutes; 16 tasks, 15 minutes each; 20 seconds of silence, and 2 at the
    /// end.
    fn default() -> Self {
        Self {
            wrong_pins: 2,
            pin_window: Duration::from_secs(15 * 60),
            tasks: 16,
            task_lifetime: Duration::from_secs(15 * 60),
            silence: Duration::from_secs(20),
            last_silence: Duration::from_secs(2),
        }
    }
}
