//! Invented card holders.
//!
//! Given names are ordinary; surnames are made up so that no real person answers to the
//! combination. Personal numbers follow the tax authority's published test series (birth numbers
//! 238 and 239); HSA-ids begin with `TST` and an organisation number of a group that is not
//! assigned.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::card_number::luhn_check_digit;
use crate::random::IssuerRng;

/// A person with a staff card, as the certificates name them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// First name.
    pub given_name: String,
    /// Last name.
    pub surname: String,
    /// 12-digit personal number, for an e-legitimation.
    pub personal_number: PersonalNumber,
    /// The person's identity in the health and social care catalogue, for the HCCs.
    pub hsa_id: HsaId,
    /// The employer.
    pub organisation: String,
    /// The employer's county.
    pub county: String,
}

impl Holder {
    /// An invented person.
    pub fn generate(rng: &mut IssuerRng) -> Self {
        let woman = rng.below(2) == 0;
        let given_names = if woman { WOMEN } else { MEN };
        Self {
            given_name: pick(rng, given_names),
            surname: pick(rng, SURNAMES),
            personal_number: PersonalNumber::generate(rng, woman),
            hsa_id: HsaId::generate(rng),
            organisation: pick(rng, ORGANISATIONS),
            county: pick(rng, COUNTIES),
        }
    }

    /// Given name and surname, as in a certificate's common name.
    pub fn full_name(&self) -> String {
        format!("{} {}", self.given_name, self.surname)
    }

    /// The user principal name for a log-in with the HCC: the HSA-id in a domain that does not
    /// exist (RFC 2606).
    pub fn user_principal_name(&self) -> String {
        format!("{}@kort.example", self.hsa_id.as_str().to_ascii_lowercase())
    }
}

/// A Swedish personal number in 12 digits, with a valid date and check digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PersonalNumber(String);

/// Why a text is not a personal number.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a personal number is YYYYMMDDNNNC, with a real date and the right check digit C")]
pub struct PersonalNumberError;

impl PersonalNumber {
    /// A number of the test series.
    fn generate(rng: &mut IssuerRng, woman: bool) -> Self {
        let year = 1955 + rng.below(46);
        let month = 1 + rng.below(12);
        // The 29th and later do not exist in every month.
        let day = 1 + rng.below(28);
        let series = if woman { 238 } else { 239 };
        let mut digits = format!("{year:04}{month:02}{day:02}{series:03}");
        let check = luhn_check_digit(digits.as_bytes().get(2..).unwrap_or_default());
        digits.push(char::from(check));
        Self(digits)
    }

    /// The 12 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PersonalNumber {
    type Err = PersonalNumberError;

    fn from_str(text: &str) -> Result<Self, PersonalNumberError> {
        let digits = text.as_bytes();
        if digits.len() != 12 || !digits.iter().all(u8::is_ascii_digit) {
            return Err(PersonalNumberError);
        }
        let number = |from: usize, to: usize| {
            text.get(from..to)
                .and_then(|part| part.parse::<u16>().ok())
                .ok_or(PersonalNumberError)
        };
        let (month, day) = (number(4, 6)?, number(6, 8)?);
        // der's DateTime knows the calendar from 1970 on; a leap year has the same days whenever.
        let year = number(0, 4)?;
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let like = if leap { 2000 } else { 2001 };
        if der::DateTime::new(like, month as u8, day as u8, 0, 0, 0).is_err() {
            return Err(PersonalNumberError);
        }
        let body = digits.get(2..11).unwrap_or_default();
        if digits.last() != Some(&luhn_check_digit(body)) {
            return Err(PersonalNumberError);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for PersonalNumber {
    type Error = PersonalNumberError;

    fn try_from(text: String) -> Result<Self, PersonalNumberError> {
        text.parse()
    }
}

impl From<PersonalNumber> for String {
    fn from(number: PersonalNumber) -> Self {
        number.0
    }
}

impl fmt::Display for PersonalNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An HSA-id: prefix, organisation number, `-`, suffix; at most 31 characters of
/// PrintableString.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HsaId(String);

/// Why a text is not an HSA-id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("an HSA-id is capitals and digits, a hyphen, capitals and digits, at most 31 in all")]
pub struct HsaIdError;

/// Group 0 of the organisation numbers is not assigned.
const TEST_ORGANISATION: &str = "TST0012345674";
/// No vowels, so that no word appears; no letters that look like digits.
const SUFFIX: &[u8] = b"BCDFGHJKLMNPQRSTVWXZ23456789";

impl HsaId {
    fn generate(rng: &mut IssuerRng) -> Self {
        let mut text = format!("{TEST_ORGANISATION}-");
        for _ in 0..4 {
            let index = rng.below(SUFFIX.len() as u64) as usize;
            text.push(char::from(SUFFIX.get(index).copied().unwrap_or(b'B')));
        }
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HsaId {
    type Err = HsaIdError;

    fn from_str(text: &str) -> Result<Self, HsaIdError> {
        let plain = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        };
        match text.split_once('-') {
            Some((organisation, suffix))
                if text.len() <= 31 && plain(organisation) && plain(suffix) =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err(HsaIdError),
        }
    }
}

impl TryFrom<String> for HsaId {
    type Error = HsaIdError;

    fn try_from(text: String) -> Result<Self, HsaIdError> {
        text.parse()
    }
}

impl From<HsaId> for String {
    fn from(id: HsaId) -> Self {
        id.0
    }
}

impl fmt::Display for HsaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn pick(rng: &mut IssuerRng, from: &[&str]) -> String {
    let index = rng.below(from.len() as u64) as usize;
    from.get(index).copied().unwrap_or_default().to_owned()
}

const WOMEN: &[&str] = &[
    "Agda", "Barbro", "Cajsa", "Doris", "Elsa", "Görel", "Hjördis", "Märta", "Saga", "Åsa",
];
const MEN: &[&str] = &[
    "Algot", "Birger", "Gösta", "Håkan", "Ivar", "Knut", "Love", "Sören", "Vidar", "Åke",
];
const SURNAMES: &[&str] = &[
    "Exempelsson",
    "Labbgrenius",
    "Mallqvistare",
    "Provkortsson",
    "Skissbäckman",
    "Testlundius",
    "Utkastström",
    "Övningsfält",
];
const ORGANISATIONS: &[&str] = &["TEST Provköpings kommun", "TEST Region Övning"];
const COUNTIES: &[&str] = &["TEST Exempel län", "TEST Norra Provlandet"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_people_have_valid_numbers_of_the_test_series() {
        let mut rng = IssuerRng::from_seed(3, "holder");
        for _ in 0..200 {
            let holder = Holder::generate(&mut rng);
            let number = holder.personal_number.as_str();
            assert_eq!(number.parse(), Ok(holder.personal_number.clone()));
            assert!(matches!(&number[8..11], "238" | "239"), "{number}");
            assert_eq!(holder.hsa_id.as_str().parse(), Ok(holder.hsa_id.clone()));
            assert!(holder.organisation.starts_with("TEST"));
        }
    }

    #[test]
    fn the_test_organisation_number_passes_its_own_check() {
        let digits = &TEST_ORGANISATION.as_bytes()[3..];
        assert_eq!(luhn_check_digit(&digits[..9]), digits[9]);
    }

    #[test]
    fn impossible_personal_numbers_are_refused() {
        // The worked example of the check digit: 640823-3234.
        assert!("196408233234".parse::<PersonalNumber>().is_ok());
        for wrong in [
            "196408233235",
            "196413233234",
            "6408233234",
            "19640823323x",
            "",
            "1964082332341",
            "åååååå",
        ] {
            assert_eq!(
                wrong.parse::<PersonalNumber>(),
                Err(PersonalNumberError),
                "{wrong}"
            );
        }
    }

    #[test]
    fn impossible_hsa_ids_are_refused() {
        for wrong in ["", "-", "TST-", "tst-1", "TST1", "TST-A-B", "TST-Å"] {
            assert_eq!(wrong.parse::<HsaId>(), Err(HsaIdError), "{wrong}");
        }
        assert!("A".repeat(40).parse::<HsaId>().is_err());
    }
}
