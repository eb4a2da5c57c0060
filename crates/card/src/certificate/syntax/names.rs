//! Names, and the forms of names that extensions have (RFC 5280 §4.1.2.4, §4.2.1.6).

use std::collections::BTreeSet;

use kortlab_apdu::ByteCount;
use kortlab_apdu::tlv::{Tag, TagClass, Tlv};

use super::parts::Parts;
use crate::certificate::der_rules;
use crate::certificate::fault::Faults;

/// RFC 5280 §4.1.2.4: a SEQUENCE of SETs of types and values.
pub(super) fn name(name: &Tlv<'_>, faults: &mut Faults) {
    for set in name.children().map_while(Result::ok) {
        if set.tag != Tag::SET || set.value.is_empty() {
            faults.error(set.offset, "a part of a name that is no SET of attributes");
            continue;
        }
        let mut types = BTreeSet::new();
        for attribute in set.children().map_while(Result::ok) {
            if attribute.tag != Tag::SEQUENCE {
                faults.error(attribute.offset, "an attribute that is no SEQUENCE");
                continue;
            }
            let mut parts = Parts::of("the attribute", &attribute, faults);
            let kind = parts.need(Tag::OBJECT_IDENTIFIER, "its type", faults);
            if let Some(kind) = kind
                && !types.insert(kind.value)
            {
                faults.profile(
                    attribute.offset,
                    "the attribute's type is there twice in one part of the name (X.501 §9.3)",
                );
            }
            match (parts.any(), kind) {
                (Some(value), Some(kind)) => attribute_value(kind.value, &value, faults),
                (Some(_), None) => {}
                (None, _) => faults.error(attribute.offset, "an attribute without a value"),
            }
            parts.end(faults);
        }
    }
}

/// What the value of an attribute must be. Of a type that is not known here it may be anything; but
/// OpenSSL loads no certificate in which it is other than a string, or a type that it has no name for.
fn attribute_value(kind: &[u8], value: &Tlv<'_>, faults: &mut Faults) {
    let Some((syntax, allowed)) = syntax_of(kind) else {
        if !is_loaded(value.tag) {
            faults.refused(
                value.offset,
                "the value of an attribute is no string; OpenSSL does not load the certificate",
            );
        }
        return;
    };
    if let Some((name, least, most)) = bounds_of(kind)
        && let Some(length) = characters(value)
        && !(least..=most).contains(&length)
    {
        let message = match least == most {
            true => format!("a {name} of {length} characters, not {most} (RFC 5280 §A.1)"),
            false => {
                format!("a {name} of {length} characters, not {least} to {most} (RFC 5280 §A.1)")
            }
        };
        faults.profile(value.offset, message);
    }
    if allowed.contains(&value.tag) {
        return;
    }
    if STRINGS.contains(&value.tag) && is_loaded(value.tag) {
        faults.profile(
            value.offset,
            format_args!("the value of an attribute is another string than a {syntax} (X.520)"),
        );
    } else {
        faults.error(
            value.offset,
            format_args!("the value of an attribute is no {syntax} (X.520)"),
        );
    }
}

const NUMERIC_STRING: Tag = Tag::new(0x12);
const TELETEX_STRING: Tag = Tag::new(0x14);
pub(super) const IA5_STRING: Tag = Tag::new(0x16);
pub(super) const VISIBLE_STRING: Tag = Tag::new(0x1A);
const UNIVERSAL_STRING: Tag = Tag::new(0x1C);
pub(super) const BMP_STRING: Tag = Tag::new(0x1E);

/// DirectoryString (RFC 5280 §4.1.2.4).
const DIRECTORY_STRINGS: &[Tag] = &[
    TELETEX_STRING,
    Tag::PRINTABLE_STRING,
    UNIVERSAL_STRING,
    Tag::UTF8_STRING,
    BMP_STRING,
];

/// What is a string, of one kind or another.
const STRINGS: &[Tag] = &[
    TELETEX_STRING,
    Tag::PRINTABLE_STRING,
    UNIVERSAL_STRING,
    Tag::UTF8_STRING,
    BMP_STRING,
    NUMERIC_STRING,
    IA5_STRING,
];

/// The name of what the value of an attribute of this type must be, and its tags (RFC 5280 §A.1); `None`
/// if the type is not known.
fn syntax_of(kind: &[u8]) -> Option<(&'static str, &'static [Tag])> {
    match kind {
        // countryName, serialNumber, dnQualifier.
        [0x55, 0x04, 0x05 | 0x06 | 0x2E] => Some(("PrintableString", &[Tag::PRINTABLE_STRING])),
        // commonName, surname; localityName to title; name to generationQualifier; pseudonym.
        [0x55, 0x04, 0x03 | 0x04 | 0x07..=0x0C | 0x29..=0x2C | 0x41] => {
            Some(("DirectoryString", DIRECTORY_STRINGS))
        }
        // emailAddress (PKCS #9), domainComponent (RFC 4519).
        [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x01]
        | [0x09, 0x92, 0x26, 0x89, 0x93, 0xF2, 0x2C, 0x64, 0x01, 0x19] => {
            Some(("IA5String", &[IA5_STRING]))
        }
        _ => None,
    }
}

/// The name of an attribute, and how many characters its value has at least and at most (RFC 5280 §A.1,
/// "Upper Bounds"); `None` where there is no bound.
fn bounds_of(kind: &[u8]) -> Option<(&'static str, usize, usize)> {
    Some(match kind {
        [0x55, 0x04, 0x03] => ("commonName", 1, 64),
        [0x55, 0x04, 0x04] => ("surname", 1, 32_768),
        [0x55, 0x04, 0x05] => ("serialNumber", 1, 64),
        [0x55, 0x04, 0x06] => ("countryName", 2, 2),
        [0x55, 0x04, 0x07] => ("localityName", 1, 128),
        [0x55, 0x04, 0x08] => ("stateOrProvinceName", 1, 128),
        [0x55, 0x04, 0x0A] => ("organizationName", 1, 64),
        [0x55, 0x04, 0x0B] => ("organizationalUnitName", 1, 64),
        [0x55, 0x04, 0x0C] => ("title", 1, 64),
        [0x55, 0x04, 0x2A] => ("givenName", 1, 32_768),
        [0x55, 0x04, 0x41] => ("pseudonym", 1, 128),
        [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x01] => ("emailAddress", 1, 255),
        _ => return None,
    })
}

/// How many characters a string has; `None` if it is none.
pub(super) fn characters(value: &Tlv<'_>) -> Option<usize> {
    let bytes = value.value;
    match value.tag {
        Tag::UTF8_STRING => core::str::from_utf8(bytes)
            .ok()
            .map(|text| text.chars().count()),
        BMP_STRING => Some(bytes.len() / 2),
        UNIVERSAL_STRING => Some(bytes.len() / 4),
        tag if STRINGS.contains(&tag) || tag == VISIBLE_STRING => Some(bytes.len()),
        _ => None,
    }
}

/// Whether OpenSSL loads a name with a value of this type (its ASN1_PRINTABLE, measured): of the universal
/// types a BIT STRING, a SEQUENCE, most strings, and what it has no name for.
fn is_loaded(tag: Tag) -> bool {
    tag.class() == TagClass::Universal
        && tag.len() == 1
        && matches!(
            tag.value() & 0x1F,
            0x03 | 0x07..=0x09 | 0x0B..=0x10 | 0x12..=0x14 | 0x16 | 0x1C..=0x1E
        )
}

/// GeneralNames (RFC 5280 §4.2.1.6).
pub(super) fn general_names(names: &Tlv<'_>, faults: &mut Faults) {
    for name in names.children().map_while(Result::ok) {
        general_name(&name, faults);
    }
}

/// GeneralName (RFC 5280 §4.2.1.6).
pub(super) fn general_name(name: &Tlv<'_>, faults: &mut Faults) {
    let wrong = match name.tag.value() {
        0x81 if !is_mailbox(name.value) => Some("an rfc822Name that is no mailbox"),
        0x82 if !is_domain(name.value) => Some("a dNSName that is no name of a host"),
        0x86 if !is_absolute(name.value) => {
            Some("a uniformResourceIdentifier without a scheme, or with nothing behind it")
        }
        0xA4 if name.value == [0x30, 0x00] => Some("an empty directoryName"),
        _ => None,
    };
    if let Some(wrong) = wrong {
        faults.profile(name.offset, format_args!("{wrong} (RFC 5280 §4.2.1.6)"));
    }
    if name.tag == IP_ADDRESS && !matches!(name.value.len(), 4 | 16) {
        faults.profile(
            name.offset,
            format_args!(
                "an iPAddress of {}, neither 4 nor 16 (RFC 5280 §4.2.1.6)",
                ByteCount(name.value.len())
            ),
        );
    }
    form(name, faults);
}

/// A Mailbox (RFC 2821 §4.1.2) as far as it has the two parts of one, and neither a name nor a comment
/// around them.
fn is_mailbox(text: &[u8]) -> bool {
    let Some(at) = text.iter().rposition(|byte| *byte == b'@') else {
        return false;
    };
    let (local, host) = text.split_at(at);
    let host = host.get(1..).unwrap_or_default();
    let is_outside = |byte: &u8| byte.is_ascii_whitespace() || b"<>()".contains(byte);
    let is_quoted = local.first() == Some(&b'"') && local.last() == Some(&b'"');
    let is_local = !local.is_empty() && (is_quoted || !local.iter().any(is_outside));
    is_local && !host.is_empty() && !host.iter().any(is_outside)
}

/// The preferred name syntax (RFC 1034 §3.5, RFC 1123 §2.1), and what is seen in certificates beside it:
/// `_`, and `*` for a label (RFC 6125 §6.4.3). The string " " is none.
fn is_domain(text: &[u8]) -> bool {
    let mut labels = text.split(|byte| *byte == b'.');
    text.len() <= 253
        && labels.all(|label| {
            let is_of_it = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_*".contains(byte);
            (1..=63).contains(&label.len()) && label.iter().all(is_of_it)
        })
}

/// A URI that is not relative: a scheme, and a part for it (RFC 3986 §3).
fn is_absolute(text: &[u8]) -> bool {
    let mut parts = text.splitn(2, |byte| *byte == b':');
    let scheme = parts.next().unwrap_or_default();
    let is_of_it = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(is_of_it)
        && parts.next().is_some_and(|rest| !rest.is_empty())
}

/// The base of a subtree (RFC 5280 §4.2.1.10): a GeneralName in which an address has its mask.
pub(super) fn constrained_name(name: &Tlv<'_>, faults: &mut Faults) {
    if name.tag == IP_ADDRESS && !matches!(name.value.len(), 8 | 32) {
        faults.profile(
            name.offset,
            format_args!(
                "a constrained iPAddress of {}, neither 8 nor 32 (RFC 5280 §4.2.1.10)",
                ByteCount(name.value.len())
            ),
        );
    }
    form(name, faults);
}

const IP_ADDRESS: Tag = Tag::context(7, false);

/// The alternatives 1, 2 and 6 are IA5Strings.
fn form(form: &Tlv<'_>, faults: &mut Faults) {
    match form.tag.value() {
        0x81 | 0x82 | 0x86 => der_rules::ia5(form.value, form.value_offset(), faults),
        0x88 if !der_rules::is_oid(form.value) => {
            faults.error(form.offset, "a registeredID that is no OBJECT IDENTIFIER");
        }
        0xA0 => {
            let mut parts = Parts::of("the otherName", form, faults);
            parts.need(Tag::OBJECT_IDENTIFIER, "its type", faults);
            if let Some(value) = parts.need(Tag::context(0, true), "its value", faults) {
                let mut parts = Parts::of("the value of the otherName", &value, faults);
                if parts.any().is_none() {
                    faults.error(value.offset, "an otherName without a value");
                }
                parts.end(faults);
            }
            parts.end(faults);
        }
        0xA4 => {
            let mut parts = Parts::of("the directoryName", form, faults);
            if let Some(inner) = parts.need(Tag::SEQUENCE, "the name", faults) {
                name(&inner, faults);
            }
            parts.end(faults);
        }
        0x87 | 0x88 | 0xA3 | 0xA5 => {}
        _ => faults.error(form.offset, "a name of no kind that GeneralName has"),
    }
}
