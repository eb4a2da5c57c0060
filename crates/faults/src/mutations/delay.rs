//! `delay:`: a card that takes its time.

use std::thread;
use std::time::Duration;

use kortlab_apdu::ChannelError;

use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Strike, Vector};

/// The longest delay.
const MAX_MILLISECONDS: u64 = 600_000;

/// The answer comes later than it was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delay {
    delay: Duration,
}

impl Mutation for Delay {
    const NAME: &'static str = "delay";
    const PARAMETERS: &'static str = "ms=MILLISECONDS";
    const DOES: &'static str = "the answer comes this much later";
    const BY_CHANCE: bool = false;
    const VECTOR: Vector = Vector::answers(
        "delay:ins=84,ms=1",
        &[
            (
                &[0x00, 0x84, 0x00, 0x00, 0x01],
                &[0xAA, 0x90, 0x00],
                &[0xAA, 0x90, 0x00],
            ),
            (&[0x00, 0xA4, 0x00, 0x00], &[0x90, 0x00], &[0x90, 0x00]),
        ],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            delay: Duration::from_millis(parameters.required(
                "ms",
                "milliseconds, at most 600000",
                |text| {
                    let milliseconds = text.parse().ok()?;
                    (milliseconds <= MAX_MILLISECONDS).then_some(milliseconds)
                },
            )?),
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        let answer = strike.send()?;
        thread::sleep(self.delay);
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use kortlab_apdu::Layer;

    use super::*;
    use crate::Fault;
    use crate::testing::Told;

    #[test]
    fn the_answer_comes_no_sooner_and_other_commands_are_not_held_up() {
        let mut fault = Fault::parse("delay:ms=200,nth=2").expect("a fault");
        let mut took = || {
            let before = Instant::now();
            fault
                .transmit(&mut Told::new(&[0x90, 0x00]), &[0, 0xB0, 0, 0])
                .expect("an answer");
            before.elapsed()
        };
        let first = took();
        assert!(took() >= Duration::from_millis(200));
        assert!(first < Duration::from_millis(200), "{first:?}");
    }
}
