//! `answers:`: what another card has answered.

use kortlab_apdu::ChannelError;

use crate::parameters::{FaultError, Parameters, bytes};
use crate::{Mutation, Strike, Vector};

/// The longest answer to reset (ISO/IEC 7816-3 §8.2.1).
const MAX_ATR: usize = 33;
/// What is answered behind the last of the list: the instruction is not there (ISO/IEC 7816-4).
const AT_AN_END: [u8; 2] = [0x6D, 0x00];

/// Whatever is asked, the answers are those of a list, one after the other. The card below is not
/// asked. A reset begins no list anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    answers: Vec<Vec<u8>>,
    /// The next one.
    at: usize,
    atr: Option<Vec<u8>>,
}

impl Mutation for Answers {
    const NAME: &'static str = "answers";
    const PARAMETERS: &'static str = "list=HEX.HEX…[,atr=HEX]";
    const DOES: &'static str = "these answers, one a command, whatever is asked; then 6D00";
    const BY_CHANCE: bool = false;
    const VECTOR: Vector = Vector {
        text: "answers:list=6A82.AABB9000,atr=3B01AA",
        exchanges: &[
            (&[0x00, 0xA4, 0x00, 0x00], &[0x90, 0x00], &[0x6A, 0x82]),
            (
                &[0x00, 0xCA, 0x01, 0x01, 0x00],
                &[0x90, 0x00],
                &[0xAA, 0xBB, 0x90, 0x00],
            ),
            (&[0x00, 0xA4, 0x00, 0x00], &[0x90, 0x00], &[0x6D, 0x00]),
        ],
        atr: Some((&[0x3B, 0x00], &[0x3B, 0x01, 0xAA])),
    };

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            answers: parameters.required(
                "list",
                "answers in hexadecimal digits, with full stops between",
                |text| text.split('.').map(bytes).collect(),
            )?,
            at: 0,
            atr: parameters.optional("atr", "an ATR of at most 33 bytes", |text| {
                bytes(text).filter(|atr| atr.len() <= MAX_ATR)
            })?,
        })
    }

    fn strike(&mut self, _: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        let answer = self.answers.get(self.at);
        self.at = self.at.saturating_add(1);
        Ok(answer.map_or(AT_AN_END.to_vec(), Clone::clone))
    }

    fn atr(&mut self, _: &[u8]) -> Option<Vec<u8>> {
        self.atr.clone()
    }
}
