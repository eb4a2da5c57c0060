//! `excess:`: more data than was asked for.

use kortlab_apdu::ChannelError;

use crate::parameters::{FaultError, Parameters, size};
use crate::{Mutation, Strike, Vector};

/// Bytes that nobody asked for stand in front of the status word, whatever Le says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excess {
    count: usize,
}

impl Mutation for Excess {
    const NAME: &'static str = "excess";
    const PARAMETERS: &'static str = "count=N";
    const DOES: &'static str = "N bytes more than asked for in front of the status word";
    const VECTOR: Vector = Vector::answers(
        "excess:count=2",
        &[
            (
                &[0x00, 0xB0, 0x00, 0x00, 0x02],
                &[0xAA, 0xBB, 0x90, 0x00],
                &[0xAA, 0xBB, 0x00, 0x00, 0x90, 0x00],
            ),
            (
                &[0x00, 0xB0, 0x00, 0x00, 0x00],
                &[0x6A, 0x82],
                &[0x00, 0x00, 0x6A, 0x82],
            ),
        ],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            // None more would spoil nothing.
            count: parameters.required("count", "a number of bytes from 1 to 65536", |text| {
                size(text).filter(|count| *count > 0)
            })?,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.raw(|answer| {
            let end = answer.len().saturating_sub(2);
            answer.splice(end..end, std::iter::repeat_n(0, self.count));
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::Fault;

    #[test]
    fn no_byte_more_is_refused() {
        assert!(Fault::parse("excess:count=0").is_err());
        assert!(Fault::parse("excess:count=1").is_ok());
    }
}
