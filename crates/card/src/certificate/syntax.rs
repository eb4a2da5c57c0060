//! The syntax of a certificate (RFC 5280 §4.1, §4.2): whether each element is the one that must
//! stand there, also inside the extensions.

use kortlab_apdu::ByteCount;
use std::collections::BTreeSet;

use kortlab_apdu::tlv::{Reader, Tag, Tlv, read_one};

use super::der_rules;
use super::fault::Faults;
use super::time::{ReadTime, UTC_TIME};

/// The content of object identifiers: RSA keys, and the extensions whose syntax is checked.
pub(crate) const RSA_ENCRYPTION: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];
pub(super) const SUBJECT_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1D, 0x0E];
const KEY_USAGE: &[u8] = &[0x55, 0x1D, 0x0F];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1D, 0x11];
const ISSUER_ALT_NAME: &[u8] = &[0x55, 0x1D, 0x12];
pub(super) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1D, 0x13];
pub(crate) const CRL_DISTRIBUTION_POINTS: &[u8] = &[0x55, 0x1D, 0x1F];
const CERTIFICATE_POLICIES: &[u8] = &[0x55, 0x1D, 0x20];
pub(super) const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1D, 0x23];
pub(crate) const EXT_KEY_USAGE: &[u8] = &[0x55, 0x1D, 0x25];
pub(crate) const AUTHORITY_INFO_ACCESS: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01];

/// The number of bits that KeyUsage names (RFC 5280 §4.2.1.3).
const KEY_USAGE_BITS: usize = 9;

/// The most bytes of a serial number (RFC 5280 §4.1.2.2).
const MAX_SERIAL: usize = 20;

/// From this year on dates are GeneralizedTimes (RFC 5280 §4.1.2.5): 2050-01-01, in seconds since
/// the epoch.
const YEAR_2050: i64 = 2_524_608_000;

/// Checks the certificate in `der`.
pub(super) fn check(der: &[u8], faults: &mut Faults) {
    let Ok(outer) = read_one(der) else {
        return;
    };
    if let Some(more) = der
        .len()
        .checked_sub(outer.raw.len())
        .filter(|more| *more > 0)
    {
        faults.error(
            outer.raw.len(),
            format_args!("{} behind the certificate", ByteCount(more)),
        );
    }
    let mut parts = Parts::of("the certificate", &outer, faults);
    let body = parts.need(Tag::SEQUENCE, "the tbsCertificate", faults);
    let algorithm = parts.need(Tag::SEQUENCE, "the signatureAlgorithm", faults);
    let signature = parts.need(Tag::BIT_STRING, "the signatureValue", faults);
    parts.end(faults);
    if let Some(algorithm) = &algorithm {
        self::algorithm(algorithm, faults);
    }
    if let Some(signature) = signature {
        whole_bytes("the signatureValue", &signature, faults);
    }
    let Some(body) = body else { return };
    let inner = self::body(&body, faults);
    if let (Some(outer), Some(inner)) = (algorithm, inner)
        && outer.raw != inner.raw
    {
        faults.error(
            outer.offset,
            "the signatureAlgorithm is not the one inside the certificate (RFC 5280 §4.1.1.2)",
        );
    }
}

/// The TBSCertificate; gives back its signature algorithm.
fn body<'a>(body: &Tlv<'a>, faults: &mut Faults) -> Option<Tlv<'a>> {
    let mut parts = Parts::of("the tbsCertificate", body, faults);
    let version = parts.take(Tag::context(0, true));
    let number = version.map(|version| self::version(&version, faults));
    if let Some(serial) = parts.need(Tag::INTEGER, "the serialNumber", faults) {
        self::serial(&serial, faults);
    }
    let signature = parts.need(Tag::SEQUENCE, "the signature algorithm", faults);
    if let Some(signature) = &signature {
        algorithm(signature, faults);
    }
    if let Some(issuer) = parts.need(Tag::SEQUENCE, "the issuer", faults) {
        name(&issuer, faults);
        if issuer.value.is_empty() {
            faults.profile(
                issuer.offset,
                "an issuer without a name (RFC 5280 §4.1.2.4)",
            );
        }
    }
    if let Some(validity) = parts.need(Tag::SEQUENCE, "the validity", faults) {
        self::validity(&validity, faults);
    }
    if let Some(subject) = parts.need(Tag::SEQUENCE, "the subject", faults) {
        name(&subject, faults);
    }
    if let Some(key) = parts.need(Tag::SEQUENCE, "the subjectPublicKeyInfo", faults) {
        public_key(&key, faults);
    }
    for (number, what) in [(1, "issuerUniqueID"), (2, "subjectUniqueID")] {
        if let Some(unique) = parts.take(Tag::context(number, false)) {
            faults.profile(unique.offset, format_args!("an {what} (RFC 5280 §4.1.2.8)"));
        }
    }
    if let Some(wrapper) = parts.take(Tag::context(3, true)) {
        if number != Some(2) {
            faults.error(
                wrapper.offset,
                "extensions in a certificate that is not of version 3 (RFC 5280 §4.1.2.9)",
            );
        }
        extensions(&wrapper, faults);
    }
    parts.end(faults);
    signature
}

fn version(wrapper: &Tlv<'_>, faults: &mut Faults) -> u8 {
    let mut parts = Parts::of("the version", wrapper, faults);
    let version = parts.need(Tag::INTEGER, "the version", faults);
    parts.end(faults);
    match version.map(|version| version.value) {
        Some([0]) => {
            faults.error(
                wrapper.offset,
                "version 1 is written out, which DER leaves out (X.690 §11.5)",
            );
            0
        }
        Some([number @ (1 | 2)]) => *number,
        _ => {
            faults.error(wrapper.offset, "a version that X.509 does not have");
            0
        }
    }
}

fn serial(serial: &Tlv<'_>, faults: &mut Faults) {
    match serial.value {
        [0x80..=0xFF, ..] => faults.profile(
            serial.offset,
            "a negative serial number (RFC 5280 §4.1.2.2)",
        ),
        [0] => faults.profile(serial.offset, "the serial number 0 (RFC 5280 §4.1.2.2)"),
        value if value.len() > MAX_SERIAL => faults.profile(
            serial.offset,
            format_args!(
                "a serial number of {} bytes, more than {MAX_SERIAL} (RFC 5280 §4.1.2.2)",
                value.len()
            ),
        ),
        _ => {}
    }
}

fn algorithm(algorithm: &Tlv<'_>, faults: &mut Faults) {
    let mut parts = Parts::of("the algorithm", algorithm, faults);
    parts.need(Tag::OBJECT_IDENTIFIER, "its identifier", faults);
    parts.any();
    parts.end(faults);
}

/// RFC 5280 §4.1.2.4: a SEQUENCE of SETs of types and values.
fn name(name: &Tlv<'_>, faults: &mut Faults) {
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
            if let Some(kind) = parts.need(Tag::OBJECT_IDENTIFIER, "its type", faults)
                && !types.insert(kind.value)
            {
                faults.profile(
                    attribute.offset,
                    "the attribute's type is there twice in one part of the name (X.501 §9.3)",
                );
            }
            if parts.any().is_none() {
                faults.error(attribute.offset, "an attribute without a value");
            }
            parts.end(faults);
        }
    }
}

fn validity(validity: &Tlv<'_>, faults: &mut Faults) {
    let mut parts = Parts::of("the validity", validity, faults);
    let mut times = [None, None];
    for (slot, what) in times.iter_mut().zip(["notBefore", "notAfter"]) {
        match parts.any() {
            Some(time) if matches!(time.tag, UTC_TIME | Tag::GENERALIZED_TIME) => {
                *slot = ReadTime::read(&time).map(ReadTime::unix_seconds);
                if time.tag == Tag::GENERALIZED_TIME && slot.is_some_and(|at| at < YEAR_2050) {
                    let message = format_args!(
                        "{what} is a GeneralizedTime; before 2050 it must be a UTCTime (RFC 5280 \
                         §4.1.2.5)"
                    );
                    faults.profile(time.offset, message);
                }
            }
            Some(other) => faults.error(other.offset, format_args!("{what} is no time")),
            None => faults.error(validity.offset, format_args!("{what} is missing")),
        }
    }
    parts.end(faults);
    if let [Some(from), Some(until)] = times
        && until < from
    {
        faults.profile(validity.offset, "it ends before it begins");
    }
}

fn public_key(key: &Tlv<'_>, faults: &mut Faults) {
    let mut parts = Parts::of("the subjectPublicKeyInfo", key, faults);
    let algorithm = parts.need(Tag::SEQUENCE, "its algorithm", faults);
    let bits = parts.need(Tag::BIT_STRING, "the key", faults);
    parts.end(faults);
    let (Some(algorithm), Some(bits)) = (algorithm, bits) else {
        return;
    };
    self::algorithm(&algorithm, faults);
    whole_bytes("the key", &bits, faults);
    let mut named = algorithm.children().map_while(Result::ok);
    let identifier = named.next();
    if identifier.is_some_and(|identifier| identifier.value == RSA_ENCRYPTION) {
        let parameters = named.next();
        if parameters.is_none_or(|parameters| parameters.raw != [0x05, 0x00]) {
            faults.profile(
                algorithm.offset,
                "the parameters of rsaEncryption are not NULL (RFC 3279 §2.3.1)",
            );
        }
        let base = bits.value_offset() + 1;
        let value = bits.value.get(1..).unwrap_or_default();
        // What stands in a BIT STRING is not looked into with the elements around it.
        der_rules::check(value, base, faults);
        if let Some(key) = inner("the RSA key", Tag::SEQUENCE, value, base, faults) {
            let mut parts = Parts::of("the RSA key", &key, faults);
            for what in ["the modulus", "the exponent"] {
                if let Some(number) = parts.need(Tag::INTEGER, what, faults)
                    && matches!(number.value, [] | [0x80..=0xFF, ..] | [0])
                {
                    faults.error(number.offset, format_args!("{what} is not positive"));
                }
            }
            parts.end(faults);
        }
    }
}

fn whole_bytes(what: &str, bits: &Tlv<'_>, faults: &mut Faults) {
    if bits.value.first().is_some_and(|unused| *unused != 0) {
        faults.error(
            bits.offset,
            format_args!("{what} does not end with a whole byte"),
        );
    }
}

fn extensions(wrapper: &Tlv<'_>, faults: &mut Faults) {
    let mut parts = Parts::of("the extensions", wrapper, faults);
    let list = parts.need(Tag::SEQUENCE, "their SEQUENCE", faults);
    parts.end(faults);
    let Some(list) = list else { return };
    if list.value.is_empty() {
        faults.error(list.offset, "a list of no extensions (RFC 5280 §4.1)");
    }
    let mut seen = BTreeSet::new();
    for extension in list.children().map_while(Result::ok) {
        if extension.tag != Tag::SEQUENCE {
            faults.error(extension.offset, "an extension that is no SEQUENCE");
            continue;
        }
        let mut parts = Parts::of("the extension", &extension, faults);
        let identifier = parts.need(Tag::OBJECT_IDENTIFIER, "its identifier", faults);
        if let Some(critical) = parts.take(Tag::BOOLEAN)
            && critical.value == [0]
        {
            faults.error(
                critical.offset,
                "critical is written out as FALSE, which DER leaves out (X.690 §11.5)",
            );
        }
        let value = parts.need(Tag::OCTET_STRING, "its value", faults);
        parts.end(faults);
        let (Some(identifier), Some(value)) = (identifier, value) else {
            continue;
        };
        if !seen.insert(identifier.value) {
            faults.error(
                extension.offset,
                "an extension that is there twice (RFC 5280 §4.2)",
            );
        }
        extension_value(identifier.value, &value, faults);
    }
}

/// The value of an extension is DER itself (RFC 5280 §4.1).
fn extension_value(identifier: &[u8], value: &Tlv<'_>, faults: &mut Faults) {
    let base = value.value_offset();
    der_rules::check(value.value, base, faults);
    let mut open = |what, tag| inner(what, tag, value.value, base, faults);
    match identifier {
        KEY_USAGE => {
            if let Some(bits) = open("keyUsage", Tag::BIT_STRING) {
                key_usage(&bits, faults);
            }
        }
        BASIC_CONSTRAINTS => {
            if let Some(constraints) = open("basicConstraints", Tag::SEQUENCE) {
                basic_constraints(&constraints, faults);
            }
        }
        SUBJECT_KEY_IDENTIFIER => {
            open("subjectKeyIdentifier", Tag::OCTET_STRING);
        }
        AUTHORITY_KEY_IDENTIFIER => {
            if let Some(identifier) = open("authorityKeyIdentifier", Tag::SEQUENCE) {
                let mut parts = Parts::of("authorityKeyIdentifier", &identifier, faults);
                parts.take(Tag::context(0, false));
                if let Some(names) = parts.take(Tag::context(1, true)) {
                    general_names(&names, faults);
                }
                parts.take(Tag::context(2, false));
                parts.end(faults);
            }
        }
        SUBJECT_ALT_NAME | ISSUER_ALT_NAME => {
            if let Some(names) = open("the alternative name", Tag::SEQUENCE) {
                not_empty("the alternative name", &names, faults);
                general_names(&names, faults);
            }
        }
        EXT_KEY_USAGE => {
            if let Some(list) = open("extKeyUsage", Tag::SEQUENCE) {
                not_empty("extKeyUsage", &list, faults);
                all_are("extKeyUsage", Tag::OBJECT_IDENTIFIER, &list, faults);
            }
        }
        CRL_DISTRIBUTION_POINTS | CERTIFICATE_POLICIES => {
            if let Some(list) = open("the list", Tag::SEQUENCE) {
                not_empty("the list", &list, faults);
                all_are("the list", Tag::SEQUENCE, &list, faults);
            }
        }
        AUTHORITY_INFO_ACCESS => {
            if let Some(list) = open("authorityInfoAccess", Tag::SEQUENCE) {
                not_empty("authorityInfoAccess", &list, faults);
                for access in list.children().map_while(Result::ok) {
                    let mut parts = Parts::of("accessDescription", &access, faults);
                    parts.need(Tag::OBJECT_IDENTIFIER, "its method", faults);
                    match parts.any() {
                        Some(name) => general_name(&name, faults),
                        None => faults.error(access.offset, "an access without a location"),
                    }
                    parts.end(faults);
                }
            }
        }
        _ => {
            let mut elements = Reader::new(value.value).at(base);
            let first = elements.next().is_some_and(|first| first.is_ok());
            if !first || !elements.rest().is_empty() {
                faults.error(
                    value.offset,
                    "the value of the extension is not one element in DER",
                );
            }
        }
    }
}

/// X.690 §11.2.2: a BIT STRING with named bits has no trailing 0 bits.
fn key_usage(bits: &Tlv<'_>, faults: &mut Faults) {
    let [unused, bytes @ ..] = bits.value else {
        return;
    };
    let count = (8 * bytes.len()).saturating_sub(usize::from(*unused));
    let trailing = match bytes.last() {
        Some(0) => true,
        Some(last) => last.trailing_zeros() > u32::from(*unused),
        None => false,
    };
    if bytes.iter().all(|byte| *byte == 0) {
        faults.profile(bits.offset, "keyUsage without a bit (RFC 5280 §4.2.1.3)");
    }
    if trailing && *unused < 8 {
        faults.warn(
            bits.offset,
            format_args!(
                "keyUsage {} has 0 bits at its end, which DER leaves out (X.690 §11.2.2)",
                hex::encode_upper(bits.raw)
            ),
        );
    }
    if count > KEY_USAGE_BITS {
        faults.profile(bits.offset, "keyUsage has bits that RFC 5280 does not name");
    }
}

fn basic_constraints(constraints: &Tlv<'_>, faults: &mut Faults) {
    let mut parts = Parts::of("basicConstraints", constraints, faults);
    let authority = parts.take(Tag::BOOLEAN);
    if let Some(authority) = &authority
        && authority.value == [0]
    {
        faults.warn(
            authority.offset,
            "cA is written out as FALSE, which DER leaves out (X.690 §11.5)",
        );
    }
    let length = parts.take(Tag::INTEGER);
    if let Some(length) = length {
        if length.value.first().is_some_and(|first| *first >= 0x80) {
            faults.error(length.offset, "a negative pathLenConstraint");
        }
        if authority.is_none_or(|authority| authority.value == [0]) {
            faults.profile(
                length.offset,
                "a pathLenConstraint without cA (RFC 5280 §4.2.1.9)",
            );
        }
    }
    parts.end(faults);
}

fn general_names(names: &Tlv<'_>, faults: &mut Faults) {
    for name in names.children().map_while(Result::ok) {
        general_name(&name, faults);
    }
}

/// GeneralName (RFC 5280 §4.2.1.6): the alternatives 1, 2 and 6 are IA5Strings.
fn general_name(name: &Tlv<'_>, faults: &mut Faults) {
    match name.tag.value() {
        0x81 | 0x82 | 0x86 => der_rules::ia5(name.value, name.value_offset(), faults),
        0x87 | 0x88 | 0xA0 | 0xA3..=0xA5 => {}
        _ => faults.error(name.offset, "a name of no kind that GeneralName has"),
    }
}

fn not_empty(what: &str, list: &Tlv<'_>, faults: &mut Faults) {
    if list.value.is_empty() {
        faults.error(list.offset, format_args!("{what} is empty"));
    }
}

fn all_are(what: &str, tag: Tag, list: &Tlv<'_>, faults: &mut Faults) {
    for element in list.children().map_while(Result::ok) {
        if element.tag != tag {
            let message = format_args!("{what} has an element that does not belong there");
            faults.error(element.offset, message);
        }
    }
}

/// The one element with this tag that `bytes` must be.
fn inner<'a>(
    what: &str,
    tag: Tag,
    bytes: &'a [u8],
    base: usize,
    faults: &mut Faults,
) -> Option<Tlv<'a>> {
    let mut elements = Reader::new(bytes).at(base);
    let first = elements.next().and_then(Result::ok);
    let Some(element) = first.filter(|element| element.tag == tag) else {
        faults.error(base, format_args!("this is not {what}"));
        return None;
    };
    let more = elements.rest().len();
    if more > 0 {
        faults.error(
            elements.offset(),
            format_args!("{} behind {what}", ByteCount(more)),
        );
    }
    Some(element)
}

/// The elements of a SEQUENCE, taken one after the other.
struct Parts<'a> {
    what: &'static str,
    elements: Vec<Tlv<'a>>,
    next: usize,
    end: usize,
}

impl<'a> Parts<'a> {
    /// What cannot be read of it is told by [`der_rules::check`] already.
    fn of(what: &'static str, outer: &Tlv<'a>, faults: &mut Faults) -> Self {
        if !outer.tag.is_constructed() {
            faults.error(
                outer.offset,
                format_args!("{what} is not what must be here"),
            );
        }
        Self {
            what,
            elements: outer.children().map_while(Result::ok).collect(),
            next: 0,
            end: outer.value_offset() + outer.value.len(),
        }
    }

    /// The next element, if it has this tag.
    fn take(&mut self, tag: Tag) -> Option<Tlv<'a>> {
        let element = *self.elements.get(self.next)?;
        if element.tag != tag {
            return None;
        }
        self.next += 1;
        Some(element)
    }

    /// The next element, whatever it is.
    fn any(&mut self) -> Option<Tlv<'a>> {
        let element = *self.elements.get(self.next)?;
        self.next += 1;
        Some(element)
    }

    /// The next element, which must have this tag.
    fn need(&mut self, tag: Tag, name: &str, faults: &mut Faults) -> Option<Tlv<'a>> {
        let element = self.take(tag);
        if element.is_none() {
            let at = self.elements.get(self.next);
            faults.error(
                at.map_or(self.end, |element| element.offset),
                format_args!("{}: {name} is not where it must be", self.what),
            );
        }
        element
    }

    /// There must be no more.
    fn end(self, faults: &mut Faults) {
        if let Some(element) = self.elements.get(self.next) {
            let message = format_args!("{} has an element too many", self.what);
            faults.error(element.offset, message);
        }
    }
}
