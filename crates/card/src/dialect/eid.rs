//! The EID applet v2.x, which OpenSC drives with its `setcos` driver: Swedish staff cards.

use kortlab_apdu::atr::Atr;
use kortlab_apdu::fcp::Template;
use kortlab_apdu::tlv::{Builder, Reader, object};
use kortlab_apdu::{Class, Command, Fid, Response, instruction};

use super::expanded::USES;
use super::setcos::{Subject, sub_conditions};
use super::{
    CardPadding, Dialect, Identity, KeyLocation, NewFile, Operation, Recognition, Step, key_file,
    pins_by_expanded_rules,
};
use crate::error::CardError;
use crate::files::FileInfo;

/// The historical bytes of these cards' answers to reset (ISO/IEC 7816-4 §8.1.1).
const HISTORICAL: &[u8] = &[
    0x80, 0x31, 0x80, 0x65, 0xB0, 0xA3, 0x11, 0x01, 0xF3, 0x83, 0x00, 0x90, 0x00,
];

/// LIST FILES, and the class of the applet's own commands.
const LIST_FILES: u8 = 0xAA;
const OWN_CLASS: u8 = 0x80;

/// The PIN references of a DF, in its proprietary information (A5).
const PIN_REFERENCES: u32 = 0xC1;

/// The EID applet v2.x.
#[derive(Clone, Copy, Debug)]
pub struct Eid;

impl Dialect for Eid {
    fn name(&self) -> &'static str {
        "EID applet"
    }

    /// A card with the historical bytes of these cards, or one that describes its files as SetCOS
    /// does, is asked for the applet's version with GET DATA `DF30`. Others would not know the tag.
    fn recognise(&self, identity: &Identity) -> Recognition {
        let file = identity.file.as_deref();
        if !has_its_historical_bytes(&identity.atr) && !file.is_some_and(is_described_by_it) {
            return Recognition::Other;
        }
        Recognition::Ask(Command::new(instruction::GET_DATA, 0xDF, 0x30).expecting(5))
    }

    /// The answer has five bytes that begin with `v2.`.
    fn is_own_answer(&self, answer: &Response) -> bool {
        matches!(answer.data(), [b'v', b'2', b'.', _, _])
    }

    fn tells_pin_status(&self) -> bool {
        true
    }

    fn pin_references(&self, directory: &FileInfo) -> Vec<u8> {
        let fcp = directory.fcp.as_ref();
        let objects = fcp.and_then(|fcp| fcp.proprietary_objects.as_deref());
        Reader::new(objects.unwrap_or_default())
            .map_while(Result::ok)
            .filter(|object| object.tag.value() == PIN_REFERENCES)
            .flat_map(|list| list.value.to_vec())
            .collect()
    }

    fn keeps_keys_in_files_of_their_own(&self) -> bool {
        true
    }

    /// The sub-conditions for the commands with which a private key is used; where a card describes
    /// its files without them, or they do not tell, rules in the expanded coding.
    fn pins_of_key(&self, file: &FileInfo) -> Option<Vec<Vec<u8>>> {
        let own = file.fcp.as_ref()?.security.as_deref();
        own.and_then(pins_by_sub_conditions)
            .or_else(|| pins_by_expanded_rules(file))
    }

    fn card_paddings(&self, operation: Operation) -> &'static [CardPadding] {
        match operation {
            Operation::Sign => &[CardPadding::Raw, CardPadding::Pkcs1],
            // The card can unpad too, but then an answer says whether the padding was right.
            Operation::Decipher => &[CardPadding::Raw],
        }
    }

    fn guesses(&self) -> bool {
        false
    }

    fn ways_to_choose(
        &self,
        key: &KeyLocation,
        operation: Operation,
        padding: CardPadding,
    ) -> Result<Vec<Vec<Step>>, CardError> {
        Ok(vec![vec![
            Step::Select(key.path.clone()),
            key_file::chosen(key, operation, padding, key.reference)?,
        ]])
    }

    /// A command of its own, which answers the identifiers in a row.
    fn list_files(&self) -> Option<Command> {
        let command = Command::new(LIST_FILES, 0x00, 0x00);
        Some(
            command
                .with_class(Class::from_byte(OWN_CLASS))
                .expecting_any(),
        )
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
            .primitive(0x83, &file.file_id.bytes())
            .primitive(0x86, &access)
            .primitive(0x8A, &[0x07])
            .finish();
        let command = Command::new(instruction::CREATE_FILE, 0x00, 0x00);
        Some(command.with_data(object(0x6F, &fci)))
    }

    fn delete_file(&self, file_id: Fid) -> Option<Command> {
        let command = Command::new(instruction::DELETE_FILE, 0x00, 0x00);
        Some(command.with_data(file_id.bytes()))
    }
}

fn pins_by_sub_conditions(conditions: &[u8]) -> Option<Vec<Vec<u8>>> {
    let read: Result<Vec<_>, _> = sub_conditions(conditions).collect();
    let is_use = |subject| matches!(subject, Subject::Instruction(ins) if USES.contains(&ins));
    let mut ways = Vec::new();
    for way in read.ok()?.iter().filter(|one| is_use(one.subject)) {
        if way.wants_key {
            return None;
        }
        ways.push(way.names.to_vec());
    }
    (!ways.is_empty()).then_some(ways)
}

/// Whether the historical bytes are those of these cards.
fn has_its_historical_bytes(atr: &[u8]) -> bool {
    Atr::parse(atr).is_ok_and(|atr| atr.historical_bytes() == HISTORICAL)
}

/// Whether a file is described as SetCOS does: an FCI (6F) whose access conditions (86) begin with
/// one for everybody (01) or one with a PIN (02).
fn is_described_by_it(file: &FileInfo) -> bool {
    let fcp = file.fcp.as_ref();
    fcp.is_some_and(|fcp| {
        let conditions = fcp.security.as_deref();
        fcp.template == Template::Fci && matches!(conditions, Some([0x01 | 0x02, _, ..]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kortlab_apdu::StatusWord;

    fn sent(command: &Command) -> String {
        hex::encode_upper(&*command.encode().expect("a command"))
    }

    fn key(reference: Option<u8>) -> KeyLocation {
        KeyLocation {
            path: [0x3F, 0x00, 0x50, 0x15, 0x4B, 0x01].into(),
            reference,
            modulus_len: 256,
            algorithms: Vec::new(),
            environments: Vec::new(),
        }
    }

    fn mse(reference: Option<u8>, operation: Operation, padding: CardPadding) -> String {
        let ways = Eid
            .ways_to_choose(&key(reference), operation, padding)
            .expect("a way");
        match ways.concat().as_slice() {
            [Step::Select(path), Step::Send(command)] if path.fid() == Some(Fid(0x4B01)) => {
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
            file_id: Fid(0x5500),
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
            sent(&Eid.delete_file(Fid(0x5500)).expect("a command")),
            "00E40000025500"
        );
    }

    #[test]
    fn the_pins_of_a_key_are_those_that_the_access_conditions_of_its_file_name() {
        let pins = |conditions: &str| {
            let conditions = hex::decode(conditions).expect("hex");
            let description = Builder::new()
                .constructed(0x6F, |inner| inner.primitive(0x86, &conditions))
                .finish();
            Eid.pins_of_key(&FileInfo::parse(&description))
        };
        assert_eq!(pins("010183012A82"), Some(vec![vec![0x82]]));
        assert_eq!(pins("010182012A"), Some(vec![vec![]]));
        // Alternatives, and two PINs at once; whatever the parameters of the command.
        let two = Some(vec![vec![0x81], vec![0x82, 0x83]]);
        assert_eq!(pins("8301888184012A8283"), two);
        assert_eq!(pins("85072A9E9A82"), Some(vec![vec![0x82]]));
        // Nothing of its use, a key in place of a PIN, and what cannot be read whole.
        for unknown in ["", "0101024681", "A3012A01", "83012A8201", "83012A82C1AA"] {
            assert_eq!(pins(unknown), None, "{unknown}");
        }
        assert_eq!(Eid.pins_of_key(&FileInfo::default()), None);
    }

    #[test]
    fn rules_in_the_expanded_coding_count_where_its_own_do_not_tell() {
        let pins = |own: &str, descriptor: u8| {
            let own = hex::decode(own).expect("hex");
            let rule = hex::decode("84012AA406950108830187").expect("hex");
            let description = Builder::new().constructed(0x6F, |inner| {
                inner
                    .primitive(0x82, &[descriptor])
                    .maybe(Some(own).filter(|own| !own.is_empty()), |inner, own| {
                        inner.primitive(0x86, &own)
                    })
                    .primitive(0xAB, &rule)
            });
            Eid.pins_of_key(&FileInfo::parse(&description.finish()))
        };
        assert_eq!(pins("83012A82", 0x11), Some(vec![vec![0x82]]));
        for own in ["", "0101024681", "41AAAA"] {
            assert_eq!(pins(own, 0x11), Some(vec![vec![0x87]]), "{own}");
            // What is said of a directory is not said of the keys in it.
            assert_eq!(pins(own, 0x38), None, "{own}");
        }
    }

    fn looks_like(atr: &str, description: &str) -> Recognition {
        let bytes = |text: &str| hex::decode(text).expect("hex");
        Eid.recognise(&Identity {
            atr: bytes(atr),
            application: None,
            file: Some(FileInfo::parse(&bytes(description)).into()),
        })
    }

    #[test]
    fn only_a_card_that_looks_like_one_is_asked_for_the_applets_version() {
        const T0: &str = "3B7D96000080318065B0A31101F383009000";
        const OTHER: &str = "3B800181";
        const SETCOS: &str = "6F158102030182010183024403860501010206818A0107";
        let ask = Command::new(instruction::GET_DATA, 0xDF, 0x30).expecting(5);
        for (atr, description) in [(T0, ""), (OTHER, SETCOS), (T0, SETCOS)] {
            let ask = Recognition::Ask(ask.clone());
            assert_eq!(looks_like(atr, description), ask, "{atr} {description}");
        }
        for description in [
            "",
            // An FCP, an FCI without access conditions, and one with others.
            "62158102030182010183024403860501010206818A0107",
            "6F0E81020301820101830244038A0107",
            "6F138002030182010183024403860311FFFF8A0107",
        ] {
            assert_eq!(looks_like(OTHER, description), Recognition::Other);
        }
        assert_eq!(Eid.recognise(&Identity::default()), Recognition::Other);
    }

    #[test]
    fn the_applet_is_known_by_five_bytes_that_begin_with_v2() {
        let own = |version: &[u8]| Eid.is_own_answer(&Response::new(version, StatusWord::SUCCESS));
        assert!(own(b"v2.1\0"));
        assert!(!own(b"v2.1"));
        assert!(!own(b"v3.1\0"));
        assert!(!own(b""));
    }
}
