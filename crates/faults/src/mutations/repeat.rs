//! `repeat:`: an object more often than once.

use kortlab_apdu::ChannelError;

use crate::objects::{Objects, any};
use crate::parameters::{FaultError, Parameters, size};
use crate::{Mutation, Strike, Vector};

/// The most bytes that come of it: as much as a file can hold.
const MAX_BYTES: usize = 0x1_0000;

/// A data object is there this many times: the same identifier twice, more entries than a table holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeat {
    copies: usize,
    objects: Objects,
}

impl Mutation for Repeat {
    const NAME: &'static str = "repeat";
    const PARAMETERS: &'static str = "[copies=N][,tag=TAG][,at=N]";
    const DOES: &'static str = "a data object is there N times (or twice)";
    const VECTOR: Vector = Vector::answers(
        "repeat:copies=3,tag=02",
        &[(
            &[0x00, 0xCA, 0x01, 0x01, 0x00],
            &[0x30, 0x03, 0x02, 0x01, 0x05, 0x90, 0x00],
            &[
                0x30, 0x09, 0x02, 0x01, 0x05, 0x02, 0x01, 0x05, 0x02, 0x01, 0x05, 0x90, 0x00,
            ],
        )],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            copies: parameters
                .optional("copies", "a number of copies from 2 to 65536", |text| {
                    // Once it is there anyway.
                    size(text).filter(|copies| *copies > 1)
                })?
                .unwrap_or(2),
            objects: Objects::from_parameters(parameters)?,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.content(|content| {
            self.objects.replace(content, any, |node, bytes| {
                let raw = node.raw(bytes);
                raw.repeat(self.copies.min(MAX_BYTES / raw.len().max(1)).max(1))
            });
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::Fault;

    #[test]
    fn to_be_there_once_or_less_is_refused() {
        assert!(Fault::parse("repeat:copies=0").is_err());
        assert!(Fault::parse("repeat:copies=1").is_err());
        assert!(Fault::parse("repeat:copies=2").is_ok());
    }
}
