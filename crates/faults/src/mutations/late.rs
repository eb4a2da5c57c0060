//! `late:`: an answer that comes too late.

use std::time::Duration;

use kortlab_apdu::ChannelError;
use kortlab_apdu::channel::Occasion;

use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Strike, Vector};

/// The reader gives up, and the next command gets the answer of this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Late {
    late: Option<Vec<u8>>,
}

impl Mutation for Late {
    const NAME: &'static str = "late";
    const PARAMETERS: &'static str = "";
    const DOES: &'static str = "the reader gives up waiting; the next command gets this answer";
    const VECTOR: Vector = Vector::answers(
        "late:ins=CA,times=1",
        &[
            (&[0x00, 0xCA, 0x01, 0x01, 0x00], &[0xAA, 0x90, 0x00], &[]),
            (
                &[0x00, 0xCA, 0x02, 0x02, 0x00],
                &[0xBB, 0x90, 0x00],
                &[0xAA, 0x90, 0x00],
            ),
            (
                &[0x00, 0xCA, 0x02, 0x02, 0x00],
                &[0xBB, 0x90, 0x00],
                &[0xBB, 0x90, 0x00],
            ),
        ],
    );

    fn from_parameters(_: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self { late: None })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        self.late = Some(strike.send()?);
        Err(ChannelError::Silent {
            after: Duration::from_secs(1),
        })
    }

    fn follow(&mut self, _: &[u8]) -> Option<Result<Vec<u8>, ChannelError>> {
        self.late.take().map(Ok)
    }

    fn notice(&mut self, _: Occasion) {
        self.late = None;
    }
}
