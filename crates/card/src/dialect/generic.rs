//! A card OS that nobody here knows: only what ISO/IEC 7816-4 and -8 say themselves.

use kortlab_apdu::tlv::Builder;
use kortlab_apdu::{Command, instruction};

use super::{CardPadding, Dialect, Identity, KeyLocation, NewFile, Operation, Step};
use crate::error::{CardError, ErrorKind};

/// Plain ISO/IEC 7816. Reading and PINs work as the standard says; signatures work on cards that
/// take a DigestInfo for the algorithm that their key implies. Files are neither created nor
/// deleted: how access conditions are coded differs from card to card, and a file with wrong ones
/// cannot be repaired.
#[derive(Clone, Copy, Debug)]
pub struct Generic;

impl Dialect for Generic {
    fn name(&self) -> &'static str {
        "unknown card OS (plain ISO/IEC 7816)"
    }

    fn knows(&self, _: &Identity) -> bool {
        true
    }

    /// An empty VERIFY costs no try by the standard; but not all cards keep to it, and the try
    /// belongs to the card's holder.
    fn tells_pin_status(&self) -> bool {
        false
    }

    fn card_paddings(&self, _: Operation) -> &'static [CardPadding] {
        &[CardPadding::Pkcs1]
    }

    /// MSE with the key's number, or with its file's identifier where it has none.
    fn choose_key(
        &self,
        key: &KeyLocation,
        operation: Operation,
        _: CardPadding,
    ) -> Result<Vec<Step>, CardError> {
        let data = match (key.reference, key.path.as_slice()) {
            (Some(number), _) => Builder::new().primitive(0x84, &[number]).finish(),
            (None, &[.., high, low]) => Builder::new().primitive(0x81, &[high, low]).finish(),
            (None, _) => {
                return Err(CardError::new(
                    ErrorKind::Unsupported,
                    "the card says neither the key's number nor its file",
                ));
            }
        };
        let template = match operation {
            Operation::Sign => 0xB6,
            Operation::Decipher => 0xB8,
        };
        let set = Command::new(instruction::MANAGE_SECURITY_ENVIRONMENT, 0x41, template);
        let mut steps = Vec::new();
        if let Some(directory) = key.path.len().checked_sub(2).filter(|&length| length > 0) {
            let directory = key.path.get(..directory).unwrap_or_default();
            steps.push(Step::Select(directory.to_vec()));
        }
        steps.push(Step::Send(set.with_data(data)));
        Ok(steps)
    }

    fn create_file(&self, _: NewFile) -> Option<Command> {
        None
    }

    fn delete_file(&self, _: u16) -> Option<Command> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_named_by_its_number_or_else_by_its_file() {
        let mut key = KeyLocation {
            path: vec![0x50, 0x15, 0x4B, 0x01],
            reference: Some(7),
            modulus_len: 128,
        };
        let steps = Generic.choose_key(&key, Operation::Sign, CardPadding::Pkcs1);
        let set = |data: &[u8]| {
            Step::Send(
                Command::new(instruction::MANAGE_SECURITY_ENVIRONMENT, 0x41, 0xB6).with_data(data),
            )
        };
        let select = Step::Select(vec![0x50, 0x15]);
        assert_eq!(steps, Ok(vec![select.clone(), set(&[0x84, 1, 7])]));
        key.reference = None;
        let steps = Generic.choose_key(&key, Operation::Sign, CardPadding::Pkcs1);
        assert_eq!(steps, Ok(vec![select, set(&[0x81, 2, 0x4B, 0x01])]));
        key.path.clear();
        assert!(
            Generic
                .choose_key(&key, Operation::Sign, CardPadding::Pkcs1)
                .is_err()
        );
    }
}
