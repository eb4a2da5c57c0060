//! The universal types of ASN.1 in DER (ITU-T X.690), which certificates and PKCS#15 are made of.

use kortlab_apdu::tlv::Tag;

use crate::node::Node;
use crate::oid;

/// Names nodes for their universal types, and says what their values mean.
pub(crate) fn dress(nodes: &mut [Node], all: &[u8]) {
    for node in nodes {
        if let Some(name) = node.tag.and_then(name) {
            node.rename(name);
            if node.parts.is_empty() && node.value.is_some() {
                let value = node.content().of(all);
                let meaning = node.tag.and_then(|tag| meaning(tag, value));
                if let Some(meaning) = meaning {
                    node.mean(meaning);
                }
            }
        }
        dress(&mut node.parts, all);
    }
}

fn name(tag: Tag) -> Option<&'static str> {
    Some(match tag.value() {
        0x01 => "BOOLEAN",
        0x02 => "INTEGER",
        0x03 => "BIT STRING",
        0x04 => "OCTET STRING",
        0x05 => "NULL",
        0x06 => "OBJECT IDENTIFIER",
        0x0A => "ENUMERATED",
        0x0C => "UTF8String",
        0x12 => "NumericString",
        0x13 => "PrintableString",
        0x14 => "TeletexString",
        0x16 => "IA5String",
        0x17 => "UTCTime",
        0x18 => "GeneralizedTime",
        0x1A => "VisibleString",
        0x1C => "UniversalString",
        0x1E => "BMPString",
        0x30 => "SEQUENCE",
        0x31 => "SET",
        _ => return None,
    })
}

/// What a value of a universal type says, if it is one.
fn meaning(tag: Tag, value: &[u8]) -> Option<String> {
    match tag.value() {
        0x01 => match value {
            [0x00] => Some("false".to_owned()),
            [0xFF] => Some("true".to_owned()),
            [_] => Some("true, though not as DER has it".to_owned()),
            _ => None,
        },
        0x02 | 0x0A => integer(value),
        0x03 => {
            let (unused, bits) = value.split_first()?;
            let count = bits.len().checked_mul(8)?.checked_sub((*unused).into())?;
            (*unused < 8).then(|| format!("{count} bits"))
        }
        0x06 => oid::text(value),
        0x0C | 0x12 | 0x13 | 0x16 | 0x17 | 0x18 | 0x1A => {
            Some(String::from_utf8_lossy(value).into_owned())
        }
        0x14 => Some(value.iter().map(|byte| char::from(*byte)).collect()),
        0x1E => {
            let (pairs, _) = value.as_chunks::<2>();
            let units = pairs.iter().map(|pair| u16::from_be_bytes(*pair));
            let text = char::decode_utf16(units);
            Some(
                text.map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
                    .collect(),
            )
        }
        _ => None,
    }
}

/// An integer of at most eight bytes in decimal; longer ones are keys and serial numbers, which
/// people know in hexadecimal.
fn integer(value: &[u8]) -> Option<String> {
    let first = *value.first()?;
    if value.len() > 8 {
        return None;
    }
    let start = if first & 0x80 == 0 { 0 } else { -1 };
    let number = value
        .iter()
        .fold(start, |number: i64, byte| number << 8 | i64::from(*byte));
    Some(number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_the_universal_types_are_read_as_x_690_has_them() {
        let meaning = |tag: u32, value: &[u8]| meaning(Tag::new(tag), value);
        assert_eq!(meaning(0x02, &[0x00, 0xFF]).as_deref(), Some("255"));
        assert_eq!(meaning(0x02, &[0xFF]).as_deref(), Some("-1"));
        assert_eq!(meaning(0x02, &[0x80, 0x00]).as_deref(), Some("-32768"));
        assert_eq!(meaning(0x02, &[1; 9]), None);
        assert_eq!(meaning(0x02, &[]), None);
        assert_eq!(meaning(0x03, &[0x07, 0x80]).as_deref(), Some("1 bits"));
        assert_eq!(meaning(0x03, &[0x09, 0x80]), None);
        assert_eq!(
            meaning(0x06, &[0x55, 0x04, 0x03]).as_deref(),
            Some("2.5.4.3 commonName")
        );
        assert_eq!(meaning(0x01, &[0xFF]).as_deref(), Some("true"));
        assert_eq!(meaning(0x1E, &[0x00, 0xE5]).as_deref(), Some("å"));
    }
}
