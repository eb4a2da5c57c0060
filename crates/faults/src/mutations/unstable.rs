//! `unstable:`: good at first, then bad.

use kortlab_apdu::{ChannelError, FilePath};

use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Strike, Vector};

/// The most commands that are remembered; what comes later stays good.
const MAX_READ: usize = 4096;

/// What was good when it was read first has a wrong bit when it is read again: the time of the check is not the time of the use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unstable {
    /// What was read already: in which file, with which header.
    read: Vec<(FilePath, Vec<u8>)>,
}

impl Mutation for Unstable {
    const NAME: &'static str = "unstable";
    const PARAMETERS: &'static str = "";
    const DOES: &'static str = "good at the first reading, one bit another from the second on";
    const VECTOR: Vector = Vector::answers(
        "unstable:ins=CA",
        &[
            (
                &[0x00, 0xCA, 0x01, 0x01, 0x00],
                &[0xAA, 0xBB, 0x90, 0x00],
                &[0xAA, 0xBB, 0x90, 0x00],
            ),
            (
                &[0x00, 0xCA, 0x01, 0x01, 0x00],
                &[0xAA, 0xBB, 0x90, 0x00],
                &[0x2A, 0xBB, 0x90, 0x00],
            ),
            (
                &[0x00, 0xCA, 0x02, 0x02, 0x00],
                &[0xCC, 0x90, 0x00],
                &[0xCC, 0x90, 0x00],
            ),
            (
                &[0x00, 0xCA, 0x01, 0x01, 0x00],
                &[0xAA, 0xBB, 0x90, 0x00],
                &[0x2A, 0xBB, 0x90, 0x00],
            ),
        ],
    );

    fn from_parameters(_: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self { read: Vec::new() })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        let file = strike.file();
        let key = (file, strike.command().get(..4).unwrap_or_default().to_vec());
        let again = self.read.contains(&key);
        if !again && self.read.len() < MAX_READ {
            self.read.push(key);
        }
        strike.raw(|answer| {
            if let (true, Some(first), 3..) = (again, answer.first().copied(), answer.len()) {
                answer[0] = first ^ 0x80;
            }
        })
    }
}
