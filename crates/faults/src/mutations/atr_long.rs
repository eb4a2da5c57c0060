//! `atr-long:`: an ATR that is too long.

use crate::parameters::{FaultError, Parameters, size};
use crate::{Mutation, Vector};

/// The ATR is longer than the 33 bytes that ISO/IEC 7816-3 §8.2 allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtrLong {
    length: usize,
}

impl Mutation for AtrLong {
    const NAME: &'static str = "atr-long";
    const PARAMETERS: &'static str = "[length=N]";
    const DOES: &'static str = "the ATR has N (or 34) bytes; through PC/SC programs see 33 of them";
    const VECTOR: Vector = Vector::atr(
        "atr-long:length=6",
        &[0x3B, 0x02, 0xAA, 0xBB],
        &[0x3B, 0x02, 0xAA, 0xBB, 0x00, 0x00],
    );
    const OF_COMMANDS: bool = false;

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            length: parameters
                .optional("length", "a number of bytes, at most 65536", size)?
                .unwrap_or(34),
        })
    }

    fn atr(&mut self, atr: &[u8]) -> Option<Vec<u8>> {
        let mut atr = atr.to_vec();
        atr.resize(self.length, 0);
        Some(atr)
    }
}
