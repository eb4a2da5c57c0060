//! `atr-tck:`: an ATR with a wrong check byte.

use kortlab_apdu::Atr;

use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Vector};

/// The last byte of the ATR, TCK (ISO/IEC 7816-3 §8.2.5), is wrong; where there is none, nothing is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtrTck;

impl Mutation for AtrTck {
    const NAME: &'static str = "atr-tck";
    const PARAMETERS: &'static str = "";
    const DOES: &'static str = "the ATR's check byte is wrong; an ATR that has none stays as it is";
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
        let has_none = |atr: &Atr| atr.tck().is_none() && atr.findings().is_empty();
        if Atr::parse(atr).as_ref().is_ok_and(has_none) {
            return None;
        }
        let mut atr = atr.to_vec();
        *atr.last_mut()? ^= 0xFF;
        Some(atr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_atr_without_a_check_byte_keeps_its_last_historical_byte() {
        assert_eq!(AtrTck.atr(&[0x3B, 0x02, 0xAA, 0xBB]), None);
        assert_eq!(AtrTck.atr(&[0x3B, 0x00]), None);
        assert_eq!(
            AtrTck.atr(&[0x3B, 0x80, 0x01, 0x81]),
            Some(vec![0x3B, 0x80, 0x01, 0x7E])
        );
    }
}
