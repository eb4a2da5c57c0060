//! Access conditions in the coding of SetCOS 4.4: the value of tag 86.
//!
//! The value is a list of *sub-conditions*. Each begins with a byte whose low nibble counts the
//! bytes that follow, and whose high bits are flags:
//!
//! | bytes | meaning |
//! |---|---|
//! | `01 mm` | the operations in `mm`: always |
//! | `02 mm pp`, `03 mm pp pp` … | the operations in `mm`: after each PIN `pp` was verified |
//! | `22 mm kk` | the operations in `mm`: after authentication with key `kk`, which this card does not offer, so: never |
//! | `82 xx ii` | the command with instruction `ii`: always |
//! | `83 xx ii pp` | the command with instruction `ii`: after PIN `pp` was verified |
//! | `00` | nothing |
//!
//! `mm` has the bits of an access mode byte of ISO/IEC 7816-4 (tables 16 and 17): for an EF 01
//! READ, 02 UPDATE and ERASE, 04 WRITE and APPEND, 08 DEACTIVATE, 10 ACTIVATE, 20 TERMINATE, 40
//! DELETE; for a DF 01 delete a child, 02 create an EF, 04 create a DF, 08 to 40 as for an EF.
//! In the `8x` form `xx` says which header bytes follow: 01 the instruction alone; 02, 04, 08,
//! 10, 20, 40 one more byte each, of which this card reads none.
//!
//! What no sub-condition names is never allowed. If several name an operation, one that is
//! satisfied is enough. An empty value, or one of zeros alone, says nothing: the file is treated
//! as one without tag 86 (see [`Access::says_nothing`]).

use crate::security::access::{Access, AccessError, Condition, Rule, Subject};

/// Parses the value of tag 86.
///
/// # Errors
/// A sub-condition that is cut short, or flags that are not known.
pub(super) fn parse(bytes: &[u8]) -> Result<Access, AccessError> {
    let mut rules = Vec::new();
    let mut rest = bytes;
    while let Some((&head, tail)) = rest.split_first() {
        let offset = bytes.len() - rest.len();
        let length = usize::from(head & 0x0F);
        let (body, after) = tail.split_at_checked(length).ok_or(AccessError {
            offset,
            what: "a sub-condition is longer than what remains",
        })?;
        rest = after;
        if head & 0x50 != 0 {
            return Err(AccessError {
                offset,
                what: "unknown flags (40 or 10) in the head of a sub-condition",
            });
        }
        if length == 0 {
            if head != 0 {
                return Err(AccessError {
                    offset,
                    what: "flags without a sub-condition",
                });
            }
            continue;
        }
        rules.push(rule(head, body).map_err(|what| AccessError { offset, what })?);
    }
    Ok(Access::new(rules))
}

fn rule(head: u8, body: &[u8]) -> Result<Rule, &'static str> {
    let key = head & 0x20 != 0;
    let (subject, names) = if head & 0x80 != 0 {
        let [mask, ins, rest @ ..] = body else {
            return Err("an instruction is missing after 8x");
        };
        // One more header byte for each bit of the mask above the lowest.
        let skipped = (mask >> 1).count_ones() as usize;
        let names = rest
            .get(skipped..)
            .ok_or("header bytes that the mask announces are missing")?;
        (Subject::Instruction(*ins), names)
    } else {
        let [mask, names @ ..] = body else {
            return Err("the operations are missing");
        };
        (Subject::Operations(*mask), names)
    };
    let condition = if key {
        Condition::Never
    } else {
        Condition::Pins(names.to_vec())
    };
    Ok(Rule { subject, condition })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security::Operation;
    use hex::decode;

    fn access(hex: &str) -> Access {
        parse(&decode(hex).expect("hex")).expect("access conditions")
    }

    const ALL: [Operation; 10] = [
        Operation::Read,
        Operation::Update,
        Operation::Write,
        Operation::Deactivate,
        Operation::Activate,
        Operation::Terminate,
        Operation::Delete,
        Operation::DeleteChild,
        Operation::CreateEf,
        Operation::CreateDf,
    ];

    #[test]
    fn reading_is_free_and_changing_takes_the_pin() {
        let access = access("0101025E81");
        let nobody = |_| false;
        assert!(access.allows(Operation::Read, nobody));
        assert!(!access.allows(Operation::Update, nobody));
        assert!(access.allows(Operation::Update, |pin| pin == 0x81));
        assert!(!access.allows(Operation::Update, |pin| pin == 0x82));
        assert!(!access.allows(Operation::Terminate, |_| true), "not named");
    }

    #[test]
    fn a_key_file_names_the_pin_of_the_command() {
        let access = access("010102468183012A82");
        assert!(!access.allows(Operation::Command(0x2A), |pin| pin == 0x81));
        assert!(access.allows(Operation::Command(0x2A), |pin| pin == 0x82));
        assert!(!access.allows(Operation::Command(0x88), |_| true));
        assert_eq!(access.pins().collect::<Vec<_>>(), [0x81, 0x82]);
    }

    #[test]
    fn several_pins_are_all_needed_and_several_sub_conditions_are_alternatives() {
        let both = access("03028182");
        assert!(!both.allows(Operation::Update, |pin| pin == 0x81));
        assert!(both.allows(Operation::Update, |_| true));
        let either = access("020281020282");
        assert!(either.allows(Operation::Update, |pin| pin == 0x82));
    }

    #[test]
    fn a_key_condition_is_never_satisfied() {
        assert!(!access("220201").allows(Operation::Update, |_| true));
    }

    #[test]
    fn zeros_alone_say_nothing() {
        assert!(access("000000000000").says_nothing());
        assert!(access("").says_nothing());
        assert!(ALL.iter().all(|&op| !access("").names(op)));
    }

    #[test]
    fn what_is_cut_short_or_unknown_is_refused_with_its_offset() {
        let offset = |hex: &str| {
            parse(&decode(hex).expect("hex"))
                .expect_err("an error")
                .offset
        };
        assert_eq!(offset("0101034681"), 2);
        assert_eq!(offset("41"), 0);
        assert_eq!(offset("80"), 0);
        assert_eq!(offset("8101"), 0);
        assert_eq!(offset("0101827E2A"), 2);
    }
}
