//! Faults as people write them, around a card that answers anything.

use kortlab_apdu::{Channel, Layered, ResetKind};
use kortlab_faults::Fault;

use crate::answers::Answers;

/// What a fault that only adds may add, to a short answer of a card or to an extended one.
const MOST_ADDED: usize = 1 << 17;

/// The first line is a fault, what follows are the answers. What is no fault is refused with words;
/// what is one spoils without an end to memory, whatever the card has answered.
pub fn fault(data: &[u8]) {
    let line = data.iter().position(|byte| *byte == b'\n');
    let (text, rest) = data.split_at(line.unwrap_or(data.len()));
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    // To wait is not what is looked for.
    if text.contains("delay") {
        return;
    }
    let fault = match Fault::parse(text) {
        Ok(fault) => fault,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let mut card = Layered::new(Answers::new(rest.get(1..).unwrap_or_default()), fault);
    for command in [
        &[0x00, 0xA4, 0x04, 0x00, 0x02, 0x50, 0x15, 0x00][..],
        &[0x00, 0xB0, 0x00, 0x00, 0x00],
        &[0x00, 0xC0, 0x00, 0x00, 0x00],
        &[0x00, 0x20, 0x00, 0x81],
        &[0x00],
        &[],
    ] {
        if let Ok(answer) = card.transmit(command) {
            assert!(answer.len() <= data.len() + MOST_ADDED, "{}", answer.len());
        }
        let _ = card.reset(ResetKind::Warm);
    }
}
