//! The expanded coding (ISO/IEC 7816-4 §9.3.4): access mode data objects, each followed by security
//! condition data objects; and references to a record that holds such rules (tag 8B, §9.3.5).

use kortlab_apdu::Fid;
use kortlab_apdu::instruction;
use kortlab_apdu::tlv::{Reader, Tlv};

use super::modes::{condition, operations};
use super::{Access, Records};
use crate::hexadecimal::Hex;

/// How deep templates of conditions are followed.
const MAX_DEPTH: usize = 4;
/// The most references in one attribute that are followed.
const MAX_REFERENCES: usize = 16;

pub(super) fn read(coding: &'static str, bytes: &[u8], is_df: bool) -> Access {
    let mut access = Access::new(coding, bytes);
    let mut modes: Vec<String> = Vec::new();
    let mut conditions: Vec<String> = Vec::new();
    for object in Reader::new(bytes) {
        let object = match object {
            Ok(object) => object,
            Err(error) => {
                close(&mut access, &mut modes, &mut conditions);
                return access.stop(error.offset(), "no whole data object");
            }
        };
        if matches!(object.tag.value(), 0x80..=0x8F | 0x9C) {
            if !conditions.is_empty() {
                close(&mut access, &mut modes, &mut conditions);
            }
            modes.extend(mode(&object, is_df));
        } else {
            conditions.push(security(&object, MAX_DEPTH));
        }
    }
    close(&mut access, &mut modes, &mut conditions);
    access
}

/// The rules that a reference names, as far as its records are known.
pub(super) fn reference(bytes: &[u8], is_df: bool, records: Records<'_>) -> Access {
    let mut access = Access::new("reference", bytes);
    let (file, named) = match *bytes {
        [] => return access.stop(0, "a reference to nothing"),
        [record] => (None, vec![(None, record)]),
        [high, low, record] => (Some(Fid::from([high, low])), vec![(None, record)]),
        [high, low, ref pairs @ ..] if !pairs.is_empty() && pairs.len().is_multiple_of(2) => {
            let pairs = pairs.chunks_exact(2).take(MAX_REFERENCES);
            let pairs = pairs.filter_map(|pair| match *pair {
                [environment, record] => Some((Some(environment), record)),
                _ => None,
            });
            (Some(Fid::from([high, low])), pairs.collect())
        }
        _ => return access.stop(0, "a reference of a length that none has"),
    };
    let name = file.map_or("EF.ARR".to_owned(), |fid| fid.to_string());
    for (environment, record) in named {
        let within = environment.map(|number| format!("in security environment {number}, "));
        let within = within.unwrap_or_default();
        match records(file, record) {
            Some(content) => {
                let found = read("expanded", &content, is_df);
                for rule in found.rules {
                    let condition = format!("{within}{}", rule.condition);
                    access.add(rule.operations, condition);
                }
                if let Some(unread) = found.unread {
                    access.unread = Some(format!("record {record} of {name} {unread}"));
                }
            }
            None => {
                let what = format!("{within}as record {record} of {name} says");
                access.add(vec!["everything".to_owned()], what);
            }
        }
    }
    access
}

fn close(access: &mut Access, modes: &mut Vec<String>, conditions: &mut Vec<String>) {
    let condition = match conditions.is_empty() {
        true => "no condition is given".to_owned(),
        false => conditions.join(" or "),
    };
    conditions.clear();
    access.add(core::mem::take(modes), condition);
}

/// The operations that an access mode data object names.
fn mode(object: &Tlv<'_>, is_df: bool) -> Vec<String> {
    let tag = object.tag.value();
    match (tag, object.value) {
        (0x80, [byte]) => operations(*byte, is_df),
        // The four low bits say which of CLA, INS, P1 and P2 the value gives, for each command.
        (0x81..=0x8F, value) => {
            let given = (tag & 0x0F) as u8;
            let each = given.count_ones() as usize;
            let commands = value.chunks_exact(each.max(1));
            commands.map(|header| command(given, header)).collect()
        }
        (0x9C, _) => vec!["the card's own state machine".to_owned()],
        (_, value) => vec![format!("access mode {}", Hex(value))],
    }
}

fn command(given: u8, header: &[u8]) -> String {
    let names = [(8, "CLA"), (4, "INS"), (2, "P1"), (1, "P2")];
    let present = names.into_iter().filter(|(bit, _)| given & bit != 0);
    let parts: Vec<_> = present
        .zip(header)
        .map(|((_, name), &byte)| match (name, instruction::name(byte)) {
            ("INS", Some(known)) => known.to_owned(),
            _ => format!("{name} {byte:02X}"),
        })
        .collect();
    match parts.is_empty() {
        true => "every command".to_owned(),
        false => parts.join(" "),
    }
}

/// What a security condition data object says.
fn security(object: &Tlv<'_>, depth: usize) -> String {
    let inner = |join: &str| {
        if depth == 0 {
            return "conditions that nest too deep".to_owned();
        }
        let parts = Reader::new(object.value).map(|part| match part {
            Ok(part) => security(&part, depth - 1),
            Err(_) => "what cannot be read".to_owned(),
        });
        parts.collect::<Vec<_>>().join(join)
    };
    match (object.tag.value(), object.value) {
        (0x90, _) => "always".to_owned(),
        (0x97, _) => "never".to_owned(),
        (0x9E, [byte]) => condition(*byte),
        (0xA4, value) => authentication(value),
        (0xB4 | 0xB6 | 0xB8, _) => "secure messaging".to_owned(),
        (0xA0, _) => format!("({})", inner(" or ")),
        (0xAF, _) => format!("({})", inner(" and ")),
        (0xA7, _) => format!("not ({})", inner(" or ")),
        (tag, value) => format!("condition {tag:X} {}", Hex(value)),
    }
}

/// A control reference template for authentication: whose, by the usage qualifier (tag 95), and with
/// what (tag 83).
fn authentication(value: &[u8]) -> String {
    let objects = || Reader::new(value).map_while(Result::ok);
    let of = |tag: u32| objects().find(|object| object.tag.value() == tag);
    let name = match of(0x95).and_then(|object| object.value.first().copied()) {
        Some(usage) if usage & 0x08 != 0 => "PIN",
        Some(usage) if usage & 0x80 != 0 => "external authentication with key",
        _ => "authentication with",
    };
    match of(0x83).or_else(|| of(0x84)) {
        Some(object) => format!("{name} {}", Hex(object.value)),
        None => format!("{name}, which is not named"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(hex: &str) -> Vec<String> {
        let bytes = hex::decode(hex.replace(' ', "")).expect("hex");
        let access = read("expanded", &bytes, false);
        access.rules.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn modes_and_conditions_become_rules() {
        let text = words("800101 9000  800102 A406 830101 950108  8401D6 9700");
        let expected = ["read: always", "update: PIN 01", "UPDATE BINARY: never"];
        assert_eq!(text, expected);
        let both = words("800102 AF0B 9E0140 A406 830181 950108");
        assert_eq!(both, ["update: (secure messaging and PIN 81)"]);
        // Two conditions behind each other are alternatives; two modes have the same one.
        assert_eq!(
            words("800101 84012A 9E0110 9E0120"),
            ["read, PERFORM SECURITY OPERATION: user authentication or external authentication"]
        );
    }

    #[test]
    fn a_reference_is_followed_where_the_record_is_known_and_named_where_it_is_not() {
        let rule = [0x80, 0x01, 0x01, 0x90, 0x00];
        let known = |file: Option<Fid>, record: u8| {
            (file == Some(Fid(0x2F06)) && record == 3).then(|| rule.to_vec())
        };
        let followed = reference(&[0x2F, 0x06, 0x03], false, &known);
        assert_eq!(followed.rules[0].to_string(), "read: always");
        let named = reference(&[0x2F, 0x06, 0x01, 0x04], false, &known);
        assert_eq!(
            named.rules[0].condition,
            "in security environment 1, as record 4 of 2F06 says"
        );
        assert!(reference(&[], false, &known).unread.is_some());
        assert!(reference(&[1, 2], false, &known).unread.is_some());
    }

    #[test]
    fn hostile_templates_are_told_and_end() {
        let mut nested = vec![0x90, 0x00];
        for _ in 0..40 {
            nested = [
                vec![0xA0, u8::try_from(nested.len()).expect("short")],
                nested,
            ]
            .concat();
        }
        let access = read(
            "expanded",
            &[vec![0x80, 0x01, 0x01], nested].concat(),
            false,
        );
        assert!(access.rules[0].condition.contains("too deep"));
        let cut = read("expanded", &[0x80, 0x01, 0x01, 0x90], false);
        assert!(cut.unread.is_some());
        assert_eq!(cut.rules[0].condition, "no condition is given");
        let all_sequences = read("expanded", &[0x30; 4096], false);
        assert!(all_sequences.rules.is_empty());
    }
}
