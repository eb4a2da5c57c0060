//! The coding of SetCOS 4.4 in tag 86: sub-conditions in a row. The low nibble of the first byte of each
//! counts the bytes that follow; 80 says that they name an instruction, 20 that a key is wanted, which
//! the EID applet has none of.

use kortlab_apdu::instruction;

use super::Access;
use super::modes::operations;

pub(super) fn read(bytes: &[u8], is_df: bool) -> Access {
    let mut access = Access::new("SetCOS", bytes);
    let mut rest = bytes;
    while let Some((&head, tail)) = rest.split_first() {
        let offset = bytes.len() - rest.len();
        let Some((body, after)) = tail.split_at_checked(usize::from(head & 0x0F)) else {
            return access.stop(offset, "a sub-condition is longer than what remains");
        };
        rest = after;
        if body.is_empty() && head == 0 {
            continue;
        }
        let Some((operations, names)) = subject(head, body, is_df) else {
            return access.stop(offset, "a sub-condition that is not known");
        };
        access.add(operations, condition(head, names));
    }
    access
}

/// What a sub-condition is about, and the PINs or keys that it names.
fn subject(head: u8, body: &[u8], is_df: bool) -> Option<(Vec<String>, &[u8])> {
    if head & 0x50 != 0 {
        return None;
    }
    if head & 0x80 == 0 {
        let (&mode, names) = body.split_first()?;
        return Some((operations(mode & 0x7F, is_df), names));
    }
    let [mask, ins, rest @ ..] = body else {
        return None;
    };
    // One more byte of the header for each bit of the mask above the lowest.
    let skipped = (mask >> 1).count_ones() as usize;
    let names = rest.get(skipped..)?;
    let name = instruction::name(*ins);
    let name = name.map_or_else(|| format!("instruction {ins:02X}"), str::to_owned);
    Some((vec![name], names))
}

fn condition(head: u8, names: &[u8]) -> String {
    let each: Vec<_> = names.iter().map(|name| format!("{name:02X}")).collect();
    match (head & 0x20 != 0, each.is_empty()) {
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
