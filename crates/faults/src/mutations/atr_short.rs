//! `atr-short:`: an ATR that is cut.

use crate::parameters::{FaultError, Parameters, size};
use crate::{Mutation, Vector};

/// The ATR ends at a byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtrShort {
    at: usize,
}

impl Mutation for AtrShort {
    const NAME: &'static str = "atr-short";
    const PARAMETERS: &'static str = "at=K";
    const DOES: &'static str = "the ATR ends after K bytes";
    const VECTOR: Vector = Vector::atr("atr-short:at=1", &[0x3B, 0x02, 0xAA, 0xBB], &[0x3B]);
    const OF_COMMANDS: bool = false;

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            at: parameters.required("at", "a number of bytes, at most 65536", size)?,
        })
    }

    fn atr(&mut self, atr: &[u8]) -> Option<Vec<u8>> {
        Some(atr.get(..self.at).unwrap_or(atr).to_vec())
    }
}
