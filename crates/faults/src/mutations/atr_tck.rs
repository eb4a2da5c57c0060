//! `atr-tck:`: an ATR with a wrong check byte.

use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Vector};

/// The last byte of the ATR, TCK (ISO/IEC 7816-3 §8.2.5) where there is one, is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtrTck;

impl Mutation for AtrTck {
    const NAME: &'static str = "atr-tck";
    const PARAMETERS: &'static str = "";
    const DOES: &'static str = "the last byte of the ATR, its check byte, is wrong";
    const VECTOR: Vector = Vector::atr(
        "atr-tck",
        &[0x3B, 0x82, 0x80, 0xAA, 0xBB, 0x13],
        &[0x3B, 0x82, 0x80, 0xAA, 0xBB, 0xEC],
    );
    const OF_COMMANDS: bool = false;

    fn from_parameters(_: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self)
    }

    fn atr(&mut self, atr: &[u8]) -> Option<Vec<u8>> {
        let mut atr = atr.to_vec();
        *atr.last_mut()? ^= 0xFF;
        Some(atr)
    }
}
