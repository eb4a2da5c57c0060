//! The coding of SetCOS 4.4 in tag 86 in words: the EID applet, which has it, knows no keys that are
//! wanted for it.

use kortlab_apdu::instruction;
use kortlab_card::dialect::setcos::{SubCondition, Subject, sub_conditions};

use super::Access;
use super::modes::operations;

pub(super) fn read(bytes: &[u8], is_df: bool) -> Access {
    let mut access = Access::new("SetCOS", bytes);
    for read in sub_conditions(bytes) {
        match read {
            Ok(read) => access.add(subject(read.subject, is_df), condition(&read)),
            Err(unread) => return access.stop(unread.offset, unread.what),
        }
    }
    access
}

/// What a sub-condition is about.
fn subject(subject: Subject, is_df: bool) -> Vec<String> {
    match subject {
        Subject::Operations(mode) => operations(mode, is_df),
        Subject::Instruction(ins) => {
            let name = instruction::name(ins);
            vec![name.map_or_else(|| format!("instruction {ins:02X}"), str::to_owned)]
        }
    }
}

fn condition(read: &SubCondition<'_>) -> String {
    let each: Vec<_> = read
        .names
        .iter()
        .map(|name| format!("{name:02X}"))
        .collect();
    match (read.wants_key, each.is_empty()) {
        (true, true) => "a key".to_owned(),
        (true, false) => format!("key {}", each.join(" and ")),
        (false, true) => "always".to_owned(),
        (false, false) => format!("PIN {}", each.join(" and PIN ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(hex: &str, is_df: bool) -> Vec<String> {
        let access = read(&hex::decode(hex).expect("hex"), is_df);
        access.rules.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_file_of_the_applet_says_who_reads_and_who_changes() {
        assert_eq!(
            words("0101025E81", false),
            [
                "read: always",
                "delete, activate, deactivate, write, update: PIN 81"
            ]
        );
        assert_eq!(words("03028182", false), ["update: PIN 81 and PIN 82"]);
        assert_eq!(words("220201", false), ["update: key 01"]);
        assert_eq!(
            words("010102468183012A82", false)
                .last()
                .map(String::as_str),
            Some("PERFORM SECURITY OPERATION: PIN 82")
        );
        assert_eq!(words("0102", true), ["create an EF: always"]);
        assert!(words("000000", false).is_empty());
    }

    #[test]
    fn what_is_cut_short_or_unknown_is_told_with_its_place() {
        for (hex, place) in [
            ("0101034681", 2),
            ("41AA", 0),
            ("8101", 0),
            ("0101827E2A", 2),
        ] {
            let access = read(&hex::decode(hex).expect("hex"), false);
            let unread = access.unread.expect(hex);
            assert!(
                unread.starts_with(&format!("at byte {place}:")),
                "{hex}: {unread}"
            );
        }
    }
}
