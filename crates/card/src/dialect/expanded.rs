//! By which PINs a private key is used, as access rules in the expanded coding have it
//! (ISO/IEC 7816-4 §9.3.4, tag AB of what SELECT answers): access mode data objects, each followed
//! by security condition data objects. Whatever the card OS, these rules mean the same.
//!
//! What is not certain says nothing: a condition of another kind than a PIN, a rule that is cut.

use kortlab_apdu::instruction;
use kortlab_apdu::tlv::{Reader, Tag, Tlv};

/// The commands with which a private key is used.
pub(super) const USES: [u8; 2] = [
    instruction::PERFORM_SECURITY_OPERATION,
    instruction::INTERNAL_AUTHENTICATE,
];

/// In a control reference template for authentication: the usage qualifier, and what is verified.
const USAGE: Tag = Tag::context(0x15, false);
const REFERENCE: Tag = Tag::context(3, false);
/// The usage qualifier of user authentication by knowledge (table 57, bit 4): a PIN.
const BY_KNOWLEDGE: u8 = 0x08;

/// How deep templates of conditions are followed, the most ways that are told apart, and the most
/// PINs in one of them.
const MAX_DEPTH: usize = 4;
const MAX_WAYS: usize = 16;

/// One way or more, each the references of the PINs of which all must be verified.
type Ways = Vec<Vec<u8>>;

/// By which PINs the key is used whose file has these rules; `None` where they do not say it.
pub(super) fn pins_of_key(rules: &[u8]) -> Option<Ways> {
    let mut ways = Ways::new();
    let mut is_use = false;
    let mut has_condition = false;
    for object in Reader::new(rules) {
        let object = object.ok()?;
        if let Some(mode) = Mode::read(&object) {
            // Conditions count for all modes that stand before them in a row.
            is_use = (is_use && !has_condition) || mode?.is_use;
            has_condition = false;
        } else {
            has_condition = true;
            if is_use {
                ways.extend(condition(&object, MAX_DEPTH)?);
            }
        }
        if ways.len() > MAX_WAYS {
            return None;
        }
    }
    let is_open = is_use && !has_condition;
    (!ways.is_empty() && !is_open).then_some(ways)
}

/// For what a rule is.
struct Mode {
    /// Whether it is for the use of a private key.
    is_use: bool,
}

impl Mode {
    /// `None` if this is no access mode data object, `Some(None)` if not all of it is known.
    fn read(object: &Tlv<'_>) -> Option<Option<Self>> {
        match (object.tag.value(), object.value) {
            // An access mode byte names operations on the file, none of which uses a key in it.
            (0x80, [_]) => Some(Some(Self { is_use: false })),
            // The four low bits of the tag say which of CLA, INS, P1 and P2 the value gives.
            (tag @ 0x81..=0x8F, headers) => {
                let given = (tag & 0x0F) as u8;
                let each = given.count_ones() as usize;
                let instruction = usize::from(given & 0x08 != 0);
                let is_whole = !headers.is_empty() && headers.len().is_multiple_of(each);
                if given & 0x04 == 0 || !is_whole {
                    return Some(None);
                }
                let mut headers = headers.chunks_exact(each);
                let is_use = headers.any(|header| {
                    let named = header.get(instruction);
                    named.is_some_and(|named| USES.contains(named))
                });
                Some(Some(Self { is_use }))
            }
            (0x80 | 0x9C, _) => Some(None),
            _ => None,
        }
    }
}

/// The ways in which this condition is fulfilled: none if it never is.
fn condition(object: &Tlv<'_>, depth: usize) -> Option<Ways> {
    match (object.tag.value(), object.value) {
        (0x90, []) | (0x9E, [0x00]) => Some(vec![Vec::new()]),
        (0x97, []) | (0x9E, [0xFF]) => Some(Ways::new()),
        (0xA4, template) => Some(vec![vec![pin(template)?]]),
        (0xA0 | 0xAF, []) => None,
        (0xA0, inner) => {
            let mut ways = Ways::new();
            for part in Reader::new(inner) {
                ways.extend(condition(&part.ok()?, depth.checked_sub(1)?)?);
            }
            (ways.len() <= MAX_WAYS).then_some(ways)
        }
        (0xAF, inner) => {
            let mut all = vec![Vec::new()];
            for part in Reader::new(inner) {
                let ways = condition(&part.ok()?, depth.checked_sub(1)?)?;
                let both = |one: &Vec<u8>| {
                    let joined = ways.iter().map(|other| [&one[..], other].concat());
                    joined.collect::<Vec<_>>()
                };
                all = all.iter().flat_map(both).collect();
                if all.len() > MAX_WAYS || all.iter().any(|way| way.len() > MAX_WAYS) {
                    return None;
                }
            }
            Some(all)
        }
        _ => None,
    }
}

/// The PIN that a control reference template for authentication names: one, and no key.
fn pin(template: &[u8]) -> Option<u8> {
    let (mut usage, mut reference) = (None, None);
    for object in Reader::new(template) {
        let object = object.ok()?;
        let place = match object.tag {
            USAGE => &mut usage,
            REFERENCE => &mut reference,
            _ => return None,
        };
        let ([byte], None) = (object.value, *place) else {
            return None;
        };
        *place = Some(*byte);
    }
    (usage? == BY_KNOWLEDGE).then_some(reference?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pins(rules: &str) -> Option<Ways> {
        pins_of_key(&hex::decode(rules.replace(' ', "")).expect("hex"))
    }

    #[test]
    fn the_pins_are_those_of_the_rules_for_the_use_of_keys() {
        let one = Some(vec![vec![0x81]]);
        assert_eq!(pins("84012A A406 950108 830181"), one);
        assert_eq!(pins("840188 A406 830181 950108"), one);
        assert_eq!(pins("800102 9700 8402D62A A406 950108 830181"), one);
        assert_eq!(pins("8C04802A8088 A406 950108 830181"), one);
        assert_eq!(pins("84012A 8401D6 A406 950108 830181"), one);
        // Not the PIN of another command, nor of the same one after it.
        let other = "8401D6 A406 950108 830187";
        assert_eq!(pins(other), None);
        assert_eq!(pins(&format!("84012A A406 950108 830181 {other}")), one);
        assert_eq!(pins(&format!("{other} 84012A A406 950108 830181")), one);
    }

    #[test]
    fn alternatives_and_conditions_of_several_pins_are_told_apart() {
        let pin = |number: u8| format!("A406 950108 8301{number:02X}");
        let (a, b, c) = (pin(0x81), pin(0x82), pin(0x83));
        let either = Some(vec![vec![0x81], vec![0x82]]);
        assert_eq!(pins(&format!("84012A {a} {b}")), either);
        assert_eq!(pins(&format!("84012A A010 {a} {b}")), either);
        assert_eq!(pins(&format!("84012A {a} 84012A {b}")), either);
        let both = Some(vec![vec![0x81, 0x82]]);
        assert_eq!(pins(&format!("84012A AF10 {a} {b}")), both);
        let mixed = Some(vec![vec![0x81, 0x83], vec![0x82, 0x83]]);
        assert_eq!(pins(&format!("84012A AF1A A010 {a} {b} {c}")), mixed);
        assert_eq!(pins("84012A 9000"), Some(vec![vec![]]));
        assert_eq!(pins(&format!("84012A 9700 {a}")), Some(vec![vec![0x81]]));
    }

    #[test]
    fn what_is_not_certain_says_nothing() {
        for rules in [
            "",
            "84012A",
            "84012A 9700",
            "84012A A000",
            "84012A AF00",
            "84012A 9E0110",
            "84012A A406 950180 830181",
            "84012A A406 950188 830181",
            "84012A B406 950108 830181",
            "84012A A708 A406 950108 830181",
            "84012A A403 830181",
            "84012A A403 950108",
            "84012A A409 950108 830181 830182",
            "84012A A407 950108 83020081",
            "84012A A406 950108 840181",
            "84012A A409 950108 830181",
            "8400 A406 950108 830181",
            "8603 2A9E2A A406 950108 830181",
            "880180 A406 950108 830181",
            "9C0101 A406 950108 830181",
            // What is known before what is not.
            "84012A A406 950108 830181 84012A",
            "84012A A406 950108 830181 84012A B400",
            "84012A A406 950108 830181 AA",
        ] {
            assert_eq!(pins(rules), None, "{rules}");
        }
    }

    #[test]
    fn hostile_rules_end() {
        let mut nested = hex::decode("A406950108830181").expect("hex");
        for _ in 0..40 {
            let length = u8::try_from(nested.len()).expect("short");
            nested = [vec![0xA0, length], nested].concat();
        }
        assert_eq!(pins_of_key(&[&[0x84, 1, 0x2A], &nested[..]].concat()), None);
        // Each template doubles the ways.
        let pair = "A010 A406950108830181 A406950108830182".replace(' ', "");
        let many = format!("84012A AF5A {}", pair.repeat(5));
        assert_eq!(pins(&many), None);
        let row = format!("84012A {}", "A406950108830181".repeat(4000));
        assert_eq!(pins(&row), None);
        let together = "A406950108830181".repeat(4000);
        assert_eq!(pins(&format!("84012A AF827D00 {together}")), None);
        assert_eq!(pins_of_key(&[0x30; 4096]), None);
        let always = format!("84012A AF81{:02X} {}", 2 * 100, "9000".repeat(100));
        assert_eq!(pins(&always), Some(vec![vec![]]));
    }
}
