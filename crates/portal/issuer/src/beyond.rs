//! What is DER in a certificate, and still not read: a serial number longer than RFC 5280 lets it be, a
//! time before 1970. To call that "not DER" would send people looking for damage that is not there.

use der::asn1::AnyRef;
use der::{Decode as _, Reader as _, SliceReader, Tag, Tagged as _};

/// RFC 5280 §4.1.2.2.
const SERIAL: usize = 20;

/// Why a certificate is not read that is DER as far as this looks; `None` if there is another reason.
pub(crate) fn reason(certificate: &[u8]) -> Option<String> {
    let certificate = contents(AnyRef::from_der(certificate).ok()?)?;
    let mut certificate = SliceReader::new(certificate).ok()?;
    let mut fields = SliceReader::new(contents(AnyRef::decode(&mut certificate).ok()?)?).ok()?;
    // version is DEFAULT v1; then serialNumber, signature, issuer, validity (RFC 5280 §4.1).
    if Tag::peek(&fields).ok()?.is_context_specific() {
        fields.tlv_bytes().ok()?;
    }
    let serial = AnyRef::decode(&mut fields).ok()?;
    let length = serial.value().len();
    if serial.tag() == Tag::Integer && length > SERIAL {
        return Some(format!(
            "its serial number has {length} bytes, and at most {SERIAL} are allowed (RFC 5280 §4.1.2.2)"
        ));
    }
    for _ in 0..2 {
        fields.tlv_bytes().ok()?;
    }
    let mut validity = SliceReader::new(contents(AnyRef::decode(&mut fields).ok()?)?).ok()?;
    for name in ["notBefore", "notAfter"] {
        let time = AnyRef::decode(&mut validity).ok()?;
        if let Some(date) = date_before_1970(time) {
            return Some(format!(
                "its {name} is {date}, and times before 1970 are not read here"
            ));
        }
    }
    None
}

fn contents(sequence: AnyRef<'_>) -> Option<&[u8]> {
    (sequence.tag() == Tag::Sequence).then(|| sequence.value())
}

/// The date of a Time that is well-formed and before 1970: in a UTCTime a year from 50 on is of the 20th
/// century (RFC 5280 §4.1.2.5.1).
fn date_before_1970(time: AnyRef<'_>) -> Option<String> {
    let (year, rest) = match time.tag() {
        Tag::UtcTime => (
            1900 + number(time.value().get(..2)?)?,
            time.value().get(2..)?,
        ),
        Tag::GeneralizedTime => (number(time.value().get(..4)?)?, time.value().get(4..)?),
        _ => return None,
    };
    let is_of_1900 = time.tag() == Tag::GeneralizedTime || year >= 1950;
    let (digits, zulu) = rest.split_at_checked(10)?;
    let part = |at: usize| number(digits.get(at..at + 2)?);
    let (month, day) = (part(0)?, part(2)?);
    let is_well_formed = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && part(4)? < 24
        && part(6)? < 60
        && part(8)? < 60
        && zulu == b"Z";
    (is_of_1900 && year < 1970 && is_well_formed).then(|| format!("{year:04}-{month:02}-{day:02}"))
}

fn number(digits: &[u8]) -> Option<u16> {
    digits.iter().try_fold(0_u16, |value, digit| {
        digit
            .is_ascii_digit()
            .then(|| value * 10 + u16::from(digit - b'0'))
    })
}
