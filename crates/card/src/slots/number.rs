//! Whether the card and its certificates say the same number of the card.

use kortlab_apdu::Channel;
use kortlab_apdu::tlv::{Tag, read_one};
use kortlab_pkcs15::{ObjectRef, Severity};

use super::CheckedSlot;
use crate::card::Card;
use crate::certificate::{CARD_NUMBER_PREFIX, is_card_number};
use crate::elsewhere;
use crate::problem::{Problem, code};

/// The fewest digits of a number that another may be held against in part.
const MIN_DIGITS: usize = 10;

impl<C: Channel> Card<C> {
    /// Where the number in EF(TokenInfo) is not the one that certificates say: if they all say
    /// another one, the TokenInfo's is wrong; if only some do, they are those of another card; if it is
    /// what is left of a card's number, it is damaged. Nothing is said of a serial number of another
    /// kind, as that of a chip.
    pub(super) fn other_numbers(&self, certificates: &[CheckedSlot]) -> Vec<Problem> {
        let Some(serial) = self.serial_number() else {
            return Vec::new();
        };
        let numbers = certificates
            .iter()
            .filter(|one| !one.slot.is_authority())
            .filter_map(|checked| {
                let number = checked.slot.info.as_ref()?.card_number()?;
                Some((&checked.slot, number))
            });
        let mut told: Vec<_> = numbers.collect();
        let own = digits(serial);
        let comparable = own.filter(|own| told.iter().any(|(_, number)| number.len() == own.len()));
        let Some(own) = comparable else {
            let is_of_a_card = |number: &str| is_card_number(number) && is_damaged(serial);
            let damaged = told
                .iter()
                .find(|(_, number)| is_of_a_card(number) || resembles(serial, number));
            return damaged
                .map(|(_, number)| self.no_number(serial, number))
                .into_iter()
                .collect();
        };
        told.retain(|(_, number)| number.len() == own.len());
        let others: Vec<_> = told.iter().filter(|(_, number)| *number != own).collect();
        let code = code::CARD_NUMBER_MISMATCH;
        match others.as_slice() {
            [] => Vec::new(),
            [(_, first), rest @ ..]
                if others.len() == told.len() && rest.iter().all(|(_, other)| other == first) =>
            {
                let message = format!(
                    "its serial number is {own}, and all certificates say that they are for the \
                     card {first}"
                );
                vec![self.wrong_number(message)]
            }
            some => some
                .iter()
                .map(|(slot, number)| {
                    let message = format!(
                        "the certificate says that it is for the card {number}, and this one's \
                         serial number is {own}"
                    );
                    let path = slot.path.as_ref().unwrap_or(&slot.directory);
                    let problem =
                        Problem::new(Severity::Warning, code, "certificate", path, message);
                    let object =
                        ObjectRef::of(slot.index, &slot.object.common, Some(slot.key_id()));
                    problem.about(object).hint(
                        "if it was written to the wrong card, remove it with `kortlab cert remove`",
                    )
                    .hint_elsewhere(format!(
                        "if it was written to the wrong card, {}",
                        elsewhere::remove(slot.key_id())
                    ))
                })
                .collect(),
        }
    }

    /// The serial number is none of a card, and must have been one.
    fn no_number(&self, serial: &[u8], number: &str) -> Problem {
        let shown = match serial {
            [] => "empty".to_owned(),
            _ => hex::encode_upper(serial),
        };
        self.wrong_number(format!(
            "its serial number is {shown}, which is no number of a card, and a certificate says that \
             it is for the card {number}"
        ))
    }

    /// What is wrong with the serial number in EF(TokenInfo).
    fn wrong_number(&self, message: String) -> Problem {
        let contents = self.contents();
        let path = &contents.token_info_path;
        let source = contents.sources.iter().find(|source| source.path == *path);
        let code = code::CARD_NUMBER_MISMATCH;
        let problem = Problem::new(Severity::Warning, code, "EF(TokenInfo)", path, message);
        let problem = problem.hint(
            "look at the number that is printed on the card: either EF(TokenInfo) is wrong, or \
             the certificates are another card's",
        );
        let place = source.and_then(|source| place_of_number(&source.bytes));
        match place {
            Some(offset) => problem.at(offset),
            None => problem,
        }
    }
}

/// Whether a serial number that is not the number of a card has been one, or cannot be any: nothing, zeros
/// or erased memory alone, or the beginning of a card's number, with digits too few or too many, or other
/// characters in it. The number of a chip is none of that.
fn is_damaged(serial: &[u8]) -> bool {
    let is_blank = [0x00, 0xFF]
        .iter()
        .any(|blank| serial.iter().all(|byte| byte == blank));
    let begins = |text: &str| {
        let mut digits = text.chars().filter(char::is_ascii_digit);
        CARD_NUMBER_PREFIX
            .chars()
            .all(|digit| digits.next() == Some(digit))
    };
    let text = serial.iter().map(|byte| char::from(*byte));
    is_blank || begins(&text.collect::<String>()) || begins(&hex::encode_upper(serial))
}

/// Whether a serial number that is none of a card is this number with some of its digits, or of their
/// halves of bytes, another thing: as long, and for the most part the same. By chance no serial number of
/// a chip is that.
fn resembles(serial: &[u8], number: &str) -> bool {
    let packed = hex::encode_upper(serial).into_bytes();
    let unfilled = packed.split_last().map_or(&[][..], |(_, rest)| rest);
    let is_alike = |form: &[u8]| {
        let same = form.iter().zip(number.bytes());
        let same = same.filter(|(one, other)| **one == *other).count();
        form.len() == number.len() && same * 2 > form.len()
    };
    number.len() >= MIN_DIGITS
        && number.bytes().all(|digit| digit.is_ascii_digit())
        && [serial, &packed, unfilled].into_iter().any(is_alike)
}

/// A serial number as digits, if it is one: as text, or packed two a byte, filled up with F.
fn digits(serial: &[u8]) -> Option<String> {
    let is_number =
        |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    let text = core::str::from_utf8(serial).ok().map(str::to_owned);
    text.filter(|text| is_number(text)).or_else(|| {
        let packed = hex::encode_upper(serial);
        let packed = packed.strip_suffix('F').unwrap_or(&packed);
        is_number(packed).then(|| packed.to_owned())
    })
}

/// Where the serial number stands in a TokenInfo (PKCS#15 §6.9).
fn place_of_number(bytes: &[u8]) -> Option<usize> {
    let outer = read_one(bytes).ok()?;
    Some(outer.child(Tag::OCTET_STRING).ok()??.offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_is_read_as_text_and_packed() {
        assert_eq!(digits(b"9752004").as_deref(), Some("9752004"));
        assert_eq!(
            digits(&[0x97, 0x52, 0x00, 0x4F]).as_deref(),
            Some("9752004")
        );
        assert_eq!(digits(&[0x97, 0x52]).as_deref(), Some("9752"));
        for other in [&b"ABC-1"[..], &[0x00, 0xAF], &[]] {
            assert_eq!(digits(other), None, "{other:02X?}");
        }
    }

    #[test]
    fn a_number_of_which_some_of_the_digits_are_damaged_is_known_by_the_others() {
        let number = "9752000005313306710";
        let good = hex::decode(format!("{number}F")).expect("hex");
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut packed = good.clone();
                packed[at] ^= 1 << bit;
                let is_found = digits(&packed).is_some_and(|own| own.len() == number.len());
                assert!(
                    is_found || resembles(&packed, number) || is_damaged(&packed),
                    "{at} {bit}"
                );
                let mut text = number.as_bytes().to_vec();
                text[at] ^= 1 << bit;
                assert!(resembles(&text, number), "{at} {bit}");
            }
        }
        for chip in [
            "D0A1B2C3D4E5F6071829",
            "46544953",
            "00A200B0C531D306E10F5A",
            "",
        ] {
            let serial = hex::decode(chip).expect("hex");
            assert!(!resembles(&serial, number), "{chip}");
        }
    }
}
