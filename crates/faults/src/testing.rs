//! A card for the tests of this crate.

use kortlab_apdu::{Channel, ChannelError, Protocol, ResetKind};

/// Answers what it is told to.
pub struct Told {
    /// The answer to every command.
    pub answer: Vec<u8>,
    atr: Vec<u8>,
}

impl Told {
    /// A card that answers so, with an ATR of no meaning.
    pub fn new(answer: &[u8]) -> Self {
        Self::with_atr(answer, &[0x3B, 0x00])
    }

    /// The same with this ATR.
    pub fn with_atr(answer: &[u8], atr: &[u8]) -> Self {
        Self {
            answer: answer.to_vec(),
            atr: atr.to_vec(),
        }
    }
}

impl Channel for Told {
    fn transmit(&mut self, _: &[u8]) -> Result<Vec<u8>, ChannelError> {
        Ok(self.answer.clone())
    }
    fn reset(&mut self, _: ResetKind) -> Result<(), ChannelError> {
        Ok(())
    }
    fn atr(&self) -> &[u8] {
        &self.atr
    }
    fn protocol(&self) -> Protocol {
        Protocol::T1
    }
}
