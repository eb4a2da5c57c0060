//! MyEID of Aventra, and OsEID, which takes the same commands: OpenSC drives both with its `myeid`
//! driver.

use kortlab_apdu::atr::Atr;
use kortlab_apdu::{Command, instruction};

use super::{CardPadding, Dialect, Identity, KeyLocation, Operation, Recognition, Step, key_file};
use crate::error::CardError;

/// With which the historical bytes of these cards' answers to reset end (ISO/IEC 7816-4 §12.1.1):
/// some have a prefix.
const NAMES: [&[u8]; 2] = [b"MyEID", b"OsEID"];

/// The data object of a DF that has the identifiers of the files in it, in a row.
const LIST_OF_FILES: u16 = 0x01A1;
/// The number of the one key that a key file has, whatever keyReference its directory gives.
const KEY: u8 = 0x00;

/// MyEID and OsEID. What is known of these is how they list their files, that they tell how many tries
/// are left, and how their RSA keys are chosen.
#[derive(Clone, Copy, Debug)]
pub struct MyEid;

impl Dialect for MyEid {
    fn name(&self) -> &'static str {
        "MyEID or OsEID"
    }

    /// By the answer to reset alone, as OpenSC knows them.
    fn recognise(&self, identity: &Identity) -> Recognition {
        let atr = Atr::parse(&identity.atr);
        let is_own = atr.is_ok_and(|atr| {
            let historical = atr.historical_bytes();
            NAMES.iter().any(|name| historical.ends_with(name))
        });
        match is_own {
            true => Recognition::Own,
            false => Recognition::Other,
        }
    }

    fn tells_pin_status(&self) -> bool {
        true
    }

    /// The card pads no PSS and takes off no OAEP, but works with whole blocks. It takes off PKCS#1 v1.5
    /// padding, too; but then an answer says whether the padding was right.
    fn card_paddings(&self, operation: Operation) -> &'static [CardPadding] {
        match operation {
            Operation::Sign => &[CardPadding::Pkcs1, CardPadding::Raw],
            Operation::Decipher => &[CardPadding::Raw],
        }
    }

    fn guesses(&self) -> bool {
        false
    }

    /// By the key's file; some have keys that are chosen without being selected, in the current DF.
    fn ways_to_choose(
        &self,
        key: &KeyLocation,
        operation: Operation,
        padding: CardPadding,
    ) -> Result<Vec<Vec<Step>>, CardError> {
        Ok(vec![vec![
            Step::SelectNear(key.path.clone()),
            key_file::chosen(key, operation, padding, Some(KEY))?,
        ]])
    }

    /// GET DATA `01A1`, while the DF is selected.
    fn list_files(&self) -> Option<Command> {
        let [high, low] = LIST_OF_FILES.to_be_bytes();
        Some(Command::new(instruction::GET_DATA, high, low).expecting_any())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recognised(atr: &str) -> Recognition {
        MyEid.recognise(&Identity {
            atr: hex::decode(atr).expect("hex"),
            ..Identity::default()
        })
    }

    #[test]
    fn these_cards_are_known_by_the_end_of_their_historical_bytes() {
        for own in [
            "3BF51800008131FE454D794549449A",
            "3B8580014D7945494478",
            "3BD596028131FE654F734549441E",
        ] {
            assert_eq!(recognised(own), Recognition::Own, "{own}");
        }
        for other in [
            "",
            "3B800181",
            "3B7D96000080318065B0A31101F383009000",
            // The name is not at the end, and the bytes are no answer to reset.
            "3B864D7945494400",
            "4D79454944",
        ] {
            assert_eq!(recognised(other), Recognition::Other, "{other}");
        }
    }

    #[test]
    fn keys_are_chosen_with_the_bytes_that_opensc_sends() {
        use {
            CardPadding::{Pkcs1, Raw},
            Operation::{Decipher, Sign},
        };
        let key = KeyLocation {
            path: [0x3F, 0x00, 0x50, 0x15, 0x4B, 0x01].into(),
            // What OpenSC writes into EF(PrKDF), and does not send.
            reference: Some(1),
            modulus_len: 256,
            algorithms: Vec::new(),
            environments: Vec::new(),
        };
        for (operation, padding, expected) in [
            (Sign, Pkcs1, "002241B60A80010281024B01840100"),
            (Sign, Raw, "002241B60A80010081024B01840100"),
            (Decipher, Raw, "002241B80A80010081024B01840100"),
        ] {
            let ways = MyEid.ways_to_choose(&key, operation, padding);
            match ways.expect("a way").concat().as_slice() {
                [Step::SelectNear(path), Step::Send(command)] if *path == key.path => {
                    let sent = command.encode().expect("it encodes");
                    assert_eq!(hex::encode_upper(&*sent), expected);
                }
                other => panic!("{other:?}"),
            }
        }
        let nowhere = KeyLocation {
            path: kortlab_apdu::FilePath::EMPTY,
            ..key
        };
        assert!(MyEid.ways_to_choose(&nowhere, Sign, Raw).is_err());
    }

    #[test]
    fn files_are_listed_with_the_bytes_that_opensc_sends() {
        let command = MyEid.list_files().expect("a command");
        let sent = command.encode().expect("it encodes");
        assert_eq!(hex::encode_upper(&*sent), "00CA01A100");
    }
}
