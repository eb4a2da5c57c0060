//! A card in the reader: a running emulator, and the ways it leaves.

use std::time::Duration;

use crate::error::InteropError;
use crate::process::{Output, Running};
use crate::sandbox::Sandbox;

/// A program that holds a card in the sandbox's reader. Dropping it kills the program.
pub struct Emulation {
    sandbox: Sandbox,
    running: Running,
}

impl Emulation {
    pub(crate) fn new(sandbox: Sandbox, running: Running) -> Self {
        Self { sandbox, running }
    }

    /// The program, to pause or signal it.
    pub fn program(&mut self) -> &mut Running {
        &mut self.running
    }

    /// Ejects the card as Ctrl-C does, waits for the program's end and for the empty reader, and
    /// gives what the program printed.
    ///
    /// # Errors
    /// The program does not end within ten seconds, or pcscd does not see the card leave.
    pub fn eject(mut self) -> Result<Output, InteropError> {
        self.running.interrupt()?;
        let output = self.running.wait(Duration::from_secs(10))?;
        self.sandbox.wait_for_no_card()?;
        Ok(output)
    }

    /// Pulls the card: kills the program (SIGKILL) and waits for the empty reader.
    ///
    /// # Errors
    /// The program had ended already, or pcscd does not see the card leave.
    pub fn kill(mut self) -> Result<(), InteropError> {
        self.running.kill()?;
        self.sandbox.wait_for_no_card()
    }
}
