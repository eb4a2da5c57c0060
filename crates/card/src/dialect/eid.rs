//! The EID applet v2.x, which OpenSC drives with its `setcos` driver: Swedish staff cards.

use kortlab_apdu::tlv::{Builder, object};
use kortlab_apdu::{Command, instruction};

use super::{CardPadding, Dialect, Identity, KeyLocation, NewFile, Operation, Step};
use crate::error::{CardError, ErrorKind};

/// MSE: SET, for computation, decipherment, internal authentication (ISO/IEC 7816-4 table 79).
const MSE_SET: u8 = 0x41;
/// Control reference template: digital signature.
const TEMPLATE_SIGNATURE: u8 = 0xB6;
/// Control reference template: confidentiality.
const TEMPLATE_CONFIDENTIALITY: u8 = 0xB8;
/// No padding by the card.
const ALGORITHM_RAW: u8 = 0x00;
/// PKCS#1 v1.5 by the card; the host gives the DigestInfo.
const ALGORITHM_PKCS1: u8 = 0x02;

/// The EID applet v2.x.
#[derive(Clone, Copy, Debug)]
pub struct Eid;

impl Dialect for Eid {
    fn name(&self) -> &'static str {
        "EID applet"
    }

    /// GET DATA `DF30` answers five bytes that begin with `v2.`.
    fn knows(&self, identity: &Identity) -> bool {
        matches!(identity.version.as_deref(), Some([b'v', b'2', b'.', _, _]))
    }

    fn tells_pin_status(&self) -> bool {
        true
    }

    fn card_paddings(&self, operation: Operation) -> &'static [CardPadding] {
        match operation {
            Operation::Sign => &[CardPadding::Raw, CardPadding::Pkcs1],
            // The card can unpad too, but then an answer says whether the padding was right.
            Operation::Decipher => &[CardPadding::Raw],
        }
    }

    /// SELECT of the key file by its path, then MSE with the algorithm, the key file's
    /// identifier, and the key's number if it has one.
    fn choose_key(
        &self,
        key: &KeyLocation,
        operation: Operation,
        padding: CardPadding,
    ) -> Result<Vec<Step>, CardError> {
        let &[.., high, low] = key.path.as_slice() else {
            return Err(CardError::new(
                ErrorKind::Unsupported,
                "the card does not say in which file the key is, and this card OS needs that",
            ));
        };
        let algorithm = match padding {
            CardPadding::Raw => ALGORITHM_RAW,
            CardPadding::Pkcs1 => ALGORITHM_PKCS1,
        };
        let template = match operation {
            Operation::Sign => TEMPLATE_SIGNATURE,
            Operation::Decipher => TEMPLATE_CONFIDENTIALITY,
        };
        let data = Builder::new()
            .primitive(0x80, &[algorithm])
            .primitive(0x81, &[high, low])
            .maybe(key.reference, |data, number| {
                data.primitive(0x84, &[number])
            })
            .finish();
        let set = Command::new(instruction::MANAGE_SECURITY_ENVIRONMENT, MSE_SET, template)
            .with_data(data);
        Ok(vec![Step::Select(key.path.clone()), Step::Send(set)])
    }

    /// An FCI with the access conditions in the one order that OpenSC's parser survives: reading
    /// always, then update, write, invalidate, rehabilitate and delete with the PIN.
    fn create_file(&self, file: NewFile) -> Option<Command> {
        let mut access = vec![0x01, 0x01];
        match file.pin_reference {
            Some(reference) => access.extend_from_slice(&[0x02, 0x5E, reference]),
            None => access.extend_from_slice(&[0x01, 0x5E]),
        }
        let fci = Builder::new()
            .primitive(0x81, &file.size.to_be_bytes())
            .primitive(0x82, &[0x01])
            .primitive(0x83, &file.file_id.to_be_bytes())
            .primitive(0x86, &access)
            .primitive(0x8A, &[0x07])
            .finish();
        let command = Command::new(instruction::CREATE_FILE, 0x00, 0x00);
        Some(command.with_data(object(0x6F, &fci)))
    }

    fn delete_file(&self, file_id: u16) -> Option<Command> {
        let command = Command::new(instruction::DELETE_FILE, 0x00, 0x00);
        Some(command.with_data(file_id.to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(command: &Command) -> String {
        hex::encode_upper(&*command.encode().expect("a command"))
    }

    fn key(reference: Option<u8>) -> KeyLocation {
        KeyLocation {
            path: vec![0x3F, 0x00, 0x50, 0x15, 0x4B, 0x01],
            reference,
            modulus_len: 256,
        }
    }

    fn mse(reference: Option<u8>, operation: Operation, padding: CardPadding) -> String {
        let steps = Eid
            .choose_key(&key(reference), operation, padding)
            .expect("steps");
        match steps.as_slice() {
            [Step::Select(path), Step::Send(command)] if path.ends_with(&[0x4B, 0x01]) => {
                sent(command)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn keys_are_chosen_with_the_bytes_that_opensc_sends() {
        use {
            CardPadding::{Pkcs1, Raw},
            Operation::{Decipher, Sign},
        };
        assert_eq!(mse(None, Sign, Pkcs1), "002241B60780010281024B01");
        assert_eq!(mse(Some(1), Sign, Raw), "002241B60A80010081024B01840101");
        assert_eq!(mse(None, Decipher, Raw), "002241B80780010081024B01");
    }

    #[test]
    fn files_are_created_with_the_bytes_that_opensc_sends() {
        let file = NewFile {
            file_id: 0x5500,
            size: 0x0301,
            pin_reference: Some(0x81),
        };
        assert_eq!(
            sent(&Eid.create_file(file).expect("a command")),
            "00E00000176F1581020301820101830255008605010102\
             5E818A0107"
                .replace(' ', "")
        );
        assert_eq!(
            sent(&Eid.delete_file(0x5500).expect("a command")),
            "00E40000025500"
        );
    }

    #[test]
    fn the_applet_is_known_by_five_bytes_that_begin_with_v2() {
        let with = |version: &[u8]| Identity {
            atr: Vec::new(),
            version: Some(version.to_vec()),
        };
        assert!(Eid.knows(&with(b"v2.1\0")));
        assert!(!Eid.knows(&with(b"v2.1")));
        assert!(!Eid.knows(&with(b"v3.1\0")));
        assert!(!Eid.knows(&Identity::default()));
    }
}
