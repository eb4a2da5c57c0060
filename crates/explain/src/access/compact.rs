//! The compact coding (ISO/IEC 7816-4 §9.3.3): rules in a row, each an access mode byte and a security
//! condition byte for each bit of it that is set, the highest first.

use super::Access;
use super::modes::{condition, operations};

pub(super) fn read(bytes: &[u8], is_df: bool) -> Access {
    let mut access = Access::new("compact", bytes);
    let mut rest = bytes;
    while let Some((&mode, after)) = rest.split_first() {
        let offset = bytes.len() - rest.len();
        let operations = operations(mode, is_df);
        if operations.is_empty() {
            return access.stop(offset, "an access mode byte that names no operation");
        }
        let Some((conditions, next)) = after.split_at_checked(operations.len()) else {
            return access.stop(
                offset,
                &format!(
                    "{} operations, and {} conditions for them",
                    operations.len(),
                    after.len()
                ),
            );
        };
        for (operation, &byte) in operations.into_iter().zip(conditions) {
            access.add(vec![operation], condition(byte));
        }
        rest = next;
    }
    access
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(bytes: &[u8]) -> Vec<String> {
        let access = read(bytes, false);
        access.rules.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_bit_has_its_condition_and_equal_ones_are_one_rule() {
        let text = words(&[0x43, 0xFF, 0x10, 0x00]);
        let expected = [
            "delete: never",
            "update: user authentication",
            "read: always",
        ];
        assert_eq!(text, expected);
        assert_eq!(words(&[0x03, 0x00, 0x00]), ["update, read: always"]);
        assert_eq!(words(&[0x01, 0x00, 0x02, 0xFF]).len(), 2);
    }

    #[test]
    fn what_is_cut_short_is_told_with_its_place_and_what_came_before_is_kept() {
        let access = read(&[0x01, 0x00, 0x7F, 0x00], false);
        assert_eq!(access.rules.len(), 1);
        assert_eq!(
            access.unread.as_deref(),
            Some("at byte 2: 7 operations, and 1 conditions for them")
        );
        assert!(read(&[0x00, 0x00], false).unread.is_some());
        assert!(read(&[], false).rules.is_empty());
    }
}
