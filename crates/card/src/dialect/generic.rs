//! A card OS that nobody here knows: only what ISO/IEC 7816-4 and -8 say themselves.

use kortlab_apdu::tlv::Builder;
use kortlab_apdu::{Command, Fid, instruction};

use super::{CardPadding, Dialect, Identity, KeyLocation, Operation, Recognition, Step};
use crate::error::{CardError, ErrorKind};

/// MSE: SET, for computation, decipherment, internal authentication (ISO/IEC 7816-4 table 79).
const SET: u8 = 0x41;
/// MSE: RESTORE.
const RESTORE: u8 = 0xF3;
/// The most ways to choose a key that are tried.
const MAX_WAYS: usize = 16;

/// Plain ISO/IEC 7816. Reading and PINs work as the standard says; signatures work on cards that
/// take one of the ways to choose a key that the standard has. Files are neither created nor
/// deleted: how access conditions are coded differs from card to card, and a file with wrong ones
/// cannot be repaired.
#[derive(Clone, Copy, Debug)]
pub struct Generic;

impl Dialect for Generic {
    fn name(&self) -> &'static str {
        "unknown card OS (plain ISO/IEC 7816)"
    }

    fn recognise(&self, _: &Identity) -> Recognition {
        Recognition::Own
    }

    /// An empty VERIFY costs no try by the standard; but not all cards keep to it, and the try
    /// belongs to the card's holder.
    fn tells_pin_status(&self) -> bool {
        false
    }
}

/// What ISO/IEC 7816-4 §11.5.11 and -8 allow: MSE SET with the key's number (84 of a private
/// key, 83 where a card counts it among the public ones), its file (81), or both, with an
/// algorithm's number (80) that the TokenInfo lists and without; then MSE RESTORE of a security
/// environment that it lists, and the key's number. Without padding by the card only with an
/// algorithm that says so.
pub(super) fn ways_to_choose(
    key: &KeyLocation,
    operation: Operation,
    padding: CardPadding,
) -> Result<Vec<Vec<Step>>, CardError> {
    let file = key.path.fid();
    if key.reference.is_none() && file.is_none() {
        return Err(CardError::new(
            ErrorKind::Unsupported,
            "the card says neither the key's number nor its file",
        ));
    }
    let listed = key.algorithms.iter().filter(|algorithm| {
        algorithm.padding == padding && algorithm.operations.contains(&operation)
    });
    let mut algorithms: Vec<_> = listed.map(|one| Some(one.reference)).collect();
    if padding == CardPadding::Pkcs1 {
        algorithms.push(None);
    }
    let template = match operation {
        Operation::Sign => 0xB6,
        Operation::Decipher => 0xB8,
    };
    let set = |algorithm: Option<u8>, file: Option<Fid>, key: Option<(u8, u8)>| {
        let data = Builder::new()
            .maybe(algorithm, |data, number| data.primitive(0x80, &[number]))
            .maybe(file, |data, file| data.primitive(0x81, &file.bytes()))
            .maybe(key, |data, (tag, number)| data.primitive(tag, &[number]))
            .finish();
        Step::Send(mse(SET, template).with_data(data))
    };
    let private = key.reference.map(|number| (0x84, number));
    let public = key.reference.map(|number| (0x83, number));
    let mut ways = Vec::new();
    for &algorithm in &algorithms {
        if private.is_some() {
            ways.push(vec![set(algorithm, None, private)]);
        }
        if file.is_some() {
            ways.push(vec![set(algorithm, file, private)]);
        }
        if file.is_some() && private.is_some() {
            ways.push(vec![set(algorithm, file, None)]);
        }
        if public.is_some() {
            ways.push(vec![set(algorithm, None, public)]);
        }
    }
    if padding == CardPadding::Pkcs1 {
        for &environment in &key.environments {
            let restore = Step::Send(mse(RESTORE, environment));
            ways.push(vec![restore, set(None, None, private.or(public))]);
        }
    }
    ways.truncate(MAX_WAYS);
    if !key.path.is_empty() {
        for way in &mut ways {
            way.insert(0, Step::SelectNear(key.path.clone()));
        }
    }
    Ok(ways)
}

fn mse(p1: u8, p2: u8) -> Command {
    Command::new(instruction::MANAGE_SECURITY_ENVIRONMENT, p1, p2)
}

#[cfg(test)]
mod tests {
    use super::super::CardAlgorithm;
    use super::*;

    fn key(reference: Option<u8>) -> KeyLocation {
        KeyLocation {
            path: [0x50, 0x15, 0x4B, 0x01].into(),
            reference,
            modulus_len: 128,
            algorithms: Vec::new(),
            environments: Vec::new(),
        }
    }

    /// What each way sends, the selection left out.
    fn sent(key: &KeyLocation, operation: Operation, padding: CardPadding) -> Vec<String> {
        let ways = Generic
            .ways_to_choose(key, operation, padding)
            .expect("ways");
        let text = |step: &Step| match step {
            Step::Send(command) => Some(hex::encode_upper(&*command.encode().expect("a command"))),
            Step::Select(_) | Step::SelectNear(_) => None,
        };
        let way = |way: &Vec<Step>| way.iter().filter_map(text).collect::<Vec<_>>().join(" ");
        ways.iter().map(way).collect()
    }

    #[test]
    fn a_key_is_named_by_its_number_its_file_or_both() {
        use CardPadding::Pkcs1;
        assert_eq!(
            sent(&key(Some(7)), Operation::Sign, Pkcs1),
            [
                "002241B603840107",
                "002241B60781024B01840107",
                "002241B60481024B01",
                "002241B603830107",
            ]
        );
        let by_file = sent(&key(None), Operation::Decipher, Pkcs1);
        assert_eq!(by_file, ["002241B80481024B01"]);
        let mut nowhere = key(None);
        nowhere.path = kortlab_apdu::FilePath::EMPTY;
        let none = Generic.ways_to_choose(&nowhere, Operation::Sign, Pkcs1);
        assert!(none.is_err());
    }

    #[test]
    fn algorithms_that_the_card_lists_come_first_and_environments_last() {
        let mut key = key(Some(1));
        key.path = kortlab_apdu::FilePath::EMPTY;
        key.environments = vec![3];
        key.algorithms = vec![
            CardAlgorithm {
                reference: 0x11,
                padding: CardPadding::Pkcs1,
                operations: vec![Operation::Sign],
            },
            CardAlgorithm {
                reference: 0x22,
                padding: CardPadding::Raw,
                operations: vec![Operation::Sign],
            },
        ];
        assert_eq!(
            sent(&key, Operation::Sign, CardPadding::Pkcs1),
            [
                "002241B606800111840101",
                "002241B606800111830101",
                "002241B603840101",
                "002241B603830101",
                "0022F303 002241B603840101",
            ]
        );
        assert_eq!(
            sent(&key, Operation::Sign, CardPadding::Raw),
            ["002241B606800122840101", "002241B606800122830101"]
        );
        let none = sent(&key, Operation::Decipher, CardPadding::Raw);
        assert_eq!(none, Vec::<String>::new());
    }
}
