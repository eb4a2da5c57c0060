//! `atr-historical:`: historical bytes that lie about their number.

use crate::parameters::{FaultError, Parameters, change};
use crate::{Mutation, Vector};

/// T0 (ISO/IEC 7816-3 §8.2.2) says another number of historical bytes than there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtrHistorical {
    by: i64,
}

impl Mutation for AtrHistorical {
    const NAME: &'static str = "atr-historical";
    const PARAMETERS: &'static str = "[by=±N]";
    const DOES: &'static str = "the ATR says N more (or one) historical bytes than it has";
    const VECTOR: Vector = Vector::atr(
        "atr-historical:by=1",
        &[0x3B, 0x02, 0xAA, 0xBB],
        &[0x3B, 0x03, 0xAA, 0xBB],
    );
    const OF_COMMANDS: bool = false;

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        // Four bits hold the number: more would come around to where it was.
        let within = |text: &str| change(text).filter(|by| (1..=15).contains(&by.abs()));
        Ok(Self {
            by: parameters
                .optional("by", "a number with its sign, at most 15", within)?
                .unwrap_or(1),
        })
    }

    fn atr(&mut self, atr: &[u8]) -> Option<Vec<u8>> {
        let mut atr = atr.to_vec();
        let t0 = atr.get_mut(1)?;
        let count = (i64::from(*t0 & 0x0F) + self.by).rem_euclid(16) as u8;
        *t0 = (*t0 & 0xF0) | count;
        Some(atr)
    }
}
