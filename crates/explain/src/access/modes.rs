//! Access mode bytes (ISO/IEC 7816-4 §9.3.2, tables 16 and 17) and security condition bytes (table 20).

/// The operations of a DF, bit 1 first.
const OF_DF: [&str; 7] = [
    "delete a child",
    "create an EF",
    "create a DF",
    "deactivate",
    "activate",
    "terminate",
    "delete",
];

/// The operations of an EF, bit 1 first; SEARCH goes with READ, ERASE with UPDATE, APPEND with WRITE.
const OF_EF: [&str; 7] = [
    "read",
    "update",
    "write",
    "deactivate",
    "activate",
    "terminate",
    "delete",
];

/// The bits of an access mode byte that are set, the highest first, each with what it stands for. Of a
/// byte with bit 8 only the three lowest are the standard's.
pub(super) fn operations(mode: u8, is_df: bool) -> Vec<String> {
    let names = if is_df { OF_DF } else { OF_EF };
    let is_own = mode & 0x80 != 0;
    let set = (0..7_usize).rev().filter(|bit| mode & (1 << bit) != 0);
    set.map(|bit| match names.get(bit) {
        Some(name) if bit < 3 || !is_own => (*name).to_owned(),
        _ => format!("the card's own operation {}", bit + 1),
    })
    .collect()
}

/// What a security condition byte says.
pub(super) fn condition(byte: u8) -> String {
    match byte {
        0x00 => return "always".to_owned(),
        0xFF => return "never".to_owned(),
        _ => {}
    }
    let parts = [
        (0x40, "secure messaging"),
        (0x20, "external authentication"),
        (0x10, "user authentication"),
    ];
    let parts: Vec<_> = parts
        .into_iter()
        .filter(|(bit, _)| byte & bit != 0)
        .map(|(_, name)| name)
        .collect();
    let join = match byte & 0x80 {
        0 => " or ",
        _ => " and ",
    };
    let mut text = match parts.is_empty() {
        true => format!("condition {byte:02X}, which names no method"),
        false => parts.join(join),
    };
    match byte & 0x0F {
        0 => {}
        0x0F => text.push_str(", with a reserved security environment (F)"),
        number => text.push_str(&format!(", by security environment {number}")),
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_named_from_the_highest_and_those_of_the_card_are_said_to_be_its_own() {
        assert_eq!(operations(0x03, false), ["update", "read"]);
        assert_eq!(operations(0x03, true), ["create an EF", "delete a child"]);
        assert_eq!(
            operations(0x89, false),
            ["the card's own operation 4", "read"]
        );
        assert!(operations(0x00, true).is_empty());
    }

    #[test]
    fn conditions_are_alternatives_unless_all_are_wanted() {
        assert_eq!(condition(0x00), "always");
        assert_eq!(condition(0xFF), "never");
        assert_eq!(
            condition(0x30),
            "external authentication or user authentication"
        );
        assert_eq!(
            condition(0xD1),
            "secure messaging and user authentication, by security environment 1"
        );
        assert!(condition(0x05).contains("05"));
    }
}
