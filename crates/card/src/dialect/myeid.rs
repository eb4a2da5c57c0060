//! MyEID of Aventra, and OsEID, which takes the same commands: OpenSC drives both with its `myeid`
//! driver.

use kortlab_apdu::atr::Atr;
use kortlab_apdu::{Command, instruction};

use super::{Dialect, Identity, Recognition};

/// With which the historical bytes of these cards' answers to reset end (ISO/IEC 7816-4 §12.1.1):
/// some have a prefix.
const NAMES: [&[u8]; 2] = [b"MyEID", b"OsEID"];

/// The data object of a DF that has the identifiers of the files in it, in a row.
const LIST_OF_FILES: u16 = 0x01A1;

/// MyEID and OsEID. Keys are used as on a card of no known kind; what is known of these is how they
/// list their files, and that they tell how many tries are left.
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
    fn files_are_listed_with_the_bytes_that_opensc_sends() {
        let command = MyEid.list_files().expect("a command");
        let sent = command.encode().expect("it encodes");
        assert_eq!(hex::encode_upper(&*sent), "00CA01A100");
    }
}
