//! The extensions of a certificate (RFC 5280 §4.2), and what each of them holds.

use std::collections::BTreeSet;

use kortlab_apdu::tlv::{Reader, Tag, Tlv};

use super::names::{
    BMP_STRING, IA5_STRING, VISIBLE_STRING, characters, constrained_name, general_name,
    general_names,
};
use super::parts::{Parts, all_are, inner, not_empty};
use crate::certificate::der_rules::{self, NULL};
use crate::certificate::fault::Faults;

/// The content of the object identifiers of the extensions whose syntax is checked.
pub(in crate::certificate) const SUBJECT_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1D, 0x0E];
const SUBJECT_DIRECTORY_ATTRIBUTES: &[u8] = &[0x55, 0x1D, 0x09];
pub(crate) const KEY_USAGE: &[u8] = &[0x55, 0x1D, 0x0F];
pub(in crate::certificate) const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1D, 0x11];
const ISSUER_ALT_NAME: &[u8] = &[0x55, 0x1D, 0x12];
const PRIVATE_KEY_USAGE_PERIOD: &[u8] = &[0x55, 0x1D, 0x10];
const CRL_NUMBER: &[u8] = &[0x55, 0x1D, 0x14];
const REASON_CODE: &[u8] = &[0x55, 0x1D, 0x15];
const INVALIDITY_DATE: &[u8] = &[0x55, 0x1D, 0x18];
const DELTA_CRL_INDICATOR: &[u8] = &[0x55, 0x1D, 0x1B];
const ISSUING_DISTRIBUTION_POINT: &[u8] = &[0x55, 0x1D, 0x1C];
const CERTIFICATE_ISSUER: &[u8] = &[0x55, 0x1D, 0x1D];
pub(in crate::certificate) const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1D, 0x1E];
const POLICY_MAPPINGS: &[u8] = &[0x55, 0x1D, 0x21];
const POLICY_CONSTRAINTS: &[u8] = &[0x55, 0x1D, 0x24];
const FRESHEST_CRL: &[u8] = &[0x55, 0x1D, 0x2E];
const INHIBIT_ANY_POLICY: &[u8] = &[0x55, 0x1D, 0x36];
const SUBJECT_INFO_ACCESS: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x0B];
const NETSCAPE_CERT_TYPE: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x86, 0xF8, 0x42, 0x01, 0x01];
/// The nonce of a question to a responder, and of its answer (RFC 6960 §4.4.1).
const OCSP_NONCE: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02];
/// Addresses and numbers of networks (RFC 3779 §2, §3), and of a responder that need not be asked about
/// (RFC 6960 §4.2.2.2.1).
const IP_ADDRESS_BLOCKS: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x07];
const AUTONOMOUS_SYSTEMS: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x08];
const OCSP_NO_CHECK: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x05];

/// Statements of qualified certificates (RFC 3739 §3.2.6), and features of TLS (RFC 7633 §4).
const QC_STATEMENTS: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x03];
const TLS_FEATURE: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x18];

/// The extensions with which OpenSSL takes a certificate if they are critical.
const KNOWN_CRITICAL: [&[u8]; 14] = [
    KEY_USAGE,
    SUBJECT_ALT_NAME,
    BASIC_CONSTRAINTS,
    CERTIFICATE_POLICIES,
    CRL_DISTRIBUTION_POINTS,
    EXT_KEY_USAGE,
    NAME_CONSTRAINTS,
    POLICY_CONSTRAINTS,
    POLICY_MAPPINGS,
    INHIBIT_ANY_POLICY,
    NETSCAPE_CERT_TYPE,
    IP_ADDRESS_BLOCKS,
    AUTONOMOUS_SYSTEMS,
    OCSP_NO_CHECK,
];

/// keyCertSign, in the first byte of keyUsage (RFC 5280 §4.2.1.3).
pub(in crate::certificate) const KEY_CERT_SIGN: u8 = 0x04;
pub(in crate::certificate) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1D, 0x13];
pub(crate) const CRL_DISTRIBUTION_POINTS: &[u8] = &[0x55, 0x1D, 0x1F];
const CERTIFICATE_POLICIES: &[u8] = &[0x55, 0x1D, 0x20];
pub(in crate::certificate) const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1D, 0x23];
pub(crate) const EXT_KEY_USAGE: &[u8] = &[0x55, 0x1D, 0x25];
pub(crate) const AUTHORITY_INFO_ACCESS: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01];

/// anyPolicy, 2.5.29.32.0 (RFC 5280 §4.2.1.4).
const ANY_POLICY: &[u8] = &[0x55, 0x1D, 0x20, 0x00];
/// id-qt-cps and id-qt-unotice (RFC 5280 §4.2.1.4).
const CPS: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x02, 0x01];
const USER_NOTICE: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x02, 0x02];
/// The most characters of a DisplayText (RFC 5280 §4.2.1.4).
const MAX_DISPLAY_TEXT: usize = 200;

/// The number of bits that KeyUsage names (RFC 5280 §4.2.1.3).
const KEY_USAGE_BITS: usize = 9;

/// Whether programs take a certificate with this extension if it is critical.
pub(in crate::certificate) fn is_known_critical(identifier: &[u8]) -> bool {
    KNOWN_CRITICAL.contains(&identifier)
}

/// What the extensions say together with the rest of the certificate.
#[derive(Default)]
pub(super) struct Summary<'a> {
    /// Whether there are names besides the subject's, and whether they are critical.
    pub(super) alternative_name: Option<bool>,
    /// Whether authorityKeyIdentifier has a keyIdentifier.
    pub(super) names_issuer_key: bool,
    /// Where basicConstraints says that it is an authority's.
    authority: Option<usize>,
    /// Where basicConstraints says how many authorities may be below.
    path_length: Option<usize>,
    has_key_identifier: bool,
    has_key_usage: bool,
    /// Where keyUsage allows to sign certificates.
    signs_certificates: Option<usize>,
    /// Where names of others are limited.
    name_constraints: Option<usize>,
    /// Those that are critical, and where they say so.
    critical: Vec<(&'a [u8], usize)>,
}

/// The extensions of a certificate, in their wrapper [3].
pub(super) fn extensions<'a>(wrapper: &Tlv<'a>, faults: &mut Faults) -> Summary<'a> {
    let summary = wrapped_extensions(wrapper, faults);
    for (identifier, at) in &summary.critical {
        tell_critical(identifier, *at, faults);
    }
    match summary.authority {
        Some(at) => of_authority(&summary, at, faults),
        None => of_others(&summary, faults),
    }
    summary
}

/// What the certificate of an authority must have beside cA: only programs that are told to be strict
/// insist on it.
fn of_authority(summary: &Summary<'_>, at: usize, faults: &mut Faults) {
    let is_critical = summary
        .critical
        .iter()
        .any(|(critical, _)| *critical == BASIC_CONSTRAINTS);
    if !is_critical {
        faults.note(
            at,
            "basicConstraints of an authority is not critical (RFC 5280 §4.2.1.9)",
        );
    }
    if !summary.has_key_usage {
        faults.note(at, "an authority without keyUsage (RFC 5280 §4.2.1.3)");
    }
    if !summary.has_key_identifier {
        faults.note(
            at,
            "an authority without subjectKeyIdentifier (RFC 5280 §4.2.1.2)",
        );
    }
    if let Some(at) = summary.path_length
        && summary.signs_certificates.is_none()
    {
        faults.note(
            at,
            "a pathLenConstraint, and keyUsage has no keyCertSign (RFC 5280 §4.2.1.9)",
        );
    }
}

/// What the certificate of an authority alone may have.
fn of_others(summary: &Summary<'_>, faults: &mut Faults) {
    if let Some(at) = summary.signs_certificates {
        faults.profile(
            at,
            "keyUsage has keyCertSign, and basicConstraints does not say cA (RFC 5280 §4.2.1.9)",
        );
    }
    if let Some(at) = summary.name_constraints {
        faults.profile(
            at,
            "nameConstraints, and basicConstraints does not say cA (RFC 5280 §4.2.1.10)",
        );
    }
}

/// Extensions in their wrapper, whatever they are of.
pub(super) fn wrapped_extensions<'a>(wrapper: &Tlv<'a>, faults: &mut Faults) -> Summary<'a> {
    let mut parts = Parts::of("the extensions", wrapper, faults);
    let list = parts.need(Tag::SEQUENCE, "their SEQUENCE", faults);
    parts.end(faults);
    list.map(|list| extension_list(&list, faults))
        .unwrap_or_default()
}

/// The extensions themselves.
pub(super) fn extension_list<'a>(list: &Tlv<'a>, faults: &mut Faults) -> Summary<'a> {
    let mut summary = Summary::default();
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
        let critical = parts.take(Tag::BOOLEAN);
        if let Some(critical) = critical
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
        let critical = critical.filter(|critical| critical.value != [0]);
        if identifier.value == SUBJECT_ALT_NAME {
            summary.alternative_name = Some(critical.is_some());
        }
        if let Some(critical) = critical {
            summary.critical.push((identifier.value, critical.offset));
        }
        extension_value(identifier.value, &value, &mut summary, faults);
    }
    summary
}

/// RFC 5280 §4.2: who does not know a critical extension must refuse the certificate. What OpenSSL,
/// the judge of that, knows is [`KNOWN_CRITICAL`].
fn tell_critical(identifier: &[u8], at: usize, faults: &mut Faults) {
    if is_known_critical(identifier) {
        return;
    }
    let section = match identifier {
        AUTHORITY_KEY_IDENTIFIER => "4.2.1.1",
        SUBJECT_KEY_IDENTIFIER => "4.2.1.2",
        SUBJECT_DIRECTORY_ATTRIBUTES => "4.2.1.8",
        FRESHEST_CRL => "4.2.1.15",
        AUTHORITY_INFO_ACCESS => "4.2.2.1",
        SUBJECT_INFO_ACCESS => "4.2.2.2",
        _ => {
            return faults.refused(
                at,
                "a critical extension that programs do not know: they refuse the certificate \
                 (RFC 5280 §4.2)",
            );
        }
    };
    let message = format_args!(
        "an extension is critical that must not be (RFC 5280 §{section}): programs refuse the \
         certificate"
    );
    faults.refused(at, message);
}

/// The value of an extension is DER itself (RFC 5280 §4.1).
fn extension_value(
    identifier: &[u8],
    value: &Tlv<'_>,
    summary: &mut Summary<'_>,
    faults: &mut Faults,
) {
    // Responders took it for any bytes before RFC 8954 §2.1 said that it is DER.
    if identifier == OCSP_NONCE {
        return;
    }
    let base = value.value_offset();
    der_rules::check(value.value, base, faults);
    let mut open = |what, tag| inner(what, tag, value.value, base, faults);
    match identifier {
        KEY_USAGE => {
            summary.has_key_usage = true;
            if let Some(bits) = open("keyUsage", Tag::BIT_STRING) {
                key_usage(&bits, faults);
                if bits
                    .value
                    .get(1)
                    .is_some_and(|first| first & KEY_CERT_SIGN != 0)
                {
                    summary.signs_certificates = Some(bits.offset);
                }
            }
        }
        BASIC_CONSTRAINTS => {
            if let Some(constraints) = open("basicConstraints", Tag::SEQUENCE) {
                let (is_authority, path_length) = basic_constraints(&constraints, faults);
                summary.authority = is_authority.then_some(constraints.offset);
                summary.path_length = path_length;
            }
        }
        SUBJECT_KEY_IDENTIFIER => {
            summary.has_key_identifier = true;
            open("subjectKeyIdentifier", Tag::OCTET_STRING);
        }
        AUTHORITY_KEY_IDENTIFIER => {
            if let Some(identifier) = open("authorityKeyIdentifier", Tag::SEQUENCE) {
                let mut parts = Parts::of("authorityKeyIdentifier", &identifier, faults);
                summary.names_issuer_key = parts.take(Tag::context(0, false)).is_some();
                let names = parts.take(Tag::context(1, true));
                if let Some(names) = &names {
                    general_names(names, faults);
                }
                let number = parts.take(Tag::context(2, false));
                parts.end(faults);
                if names.is_some() != number.is_some() {
                    faults.profile(
                        identifier.offset,
                        "authorityKeyIdentifier has one of issuer and serial number without the \
                         other (RFC 5280 §4.2.1.1)",
                    );
                }
            }
        }
        SUBJECT_ALT_NAME | ISSUER_ALT_NAME | CERTIFICATE_ISSUER => {
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
        CRL_DISTRIBUTION_POINTS | FRESHEST_CRL => {
            if let Some(list) = open("the list", Tag::SEQUENCE) {
                not_empty("the list", &list, faults);
                all_are("the list", Tag::SEQUENCE, &list, faults);
                distribution_points(&list, identifier == CRL_DISTRIBUTION_POINTS, faults);
            }
        }
        CERTIFICATE_POLICIES => {
            if let Some(list) = open("the list", Tag::SEQUENCE) {
                not_empty("the list", &list, faults);
                policies(&list, faults);
            }
        }
        QC_STATEMENTS => {
            if let Some(list) = open("qcStatements", Tag::SEQUENCE) {
                for statement in list.children().map_while(Result::ok) {
                    let mut parts = Parts::of("the statement", &statement, faults);
                    parts.need(Tag::OBJECT_IDENTIFIER, "its identifier", faults);
                    parts.any();
                    parts.end(faults);
                }
            }
        }
        TLS_FEATURE => {
            if let Some(list) = open("the list of TLS features", Tag::SEQUENCE) {
                all_are("the list of TLS features", Tag::INTEGER, &list, faults);
            }
        }
        OCSP_NO_CHECK => {
            if let Some(null) = open("ocsp-nocheck", NULL)
                && !null.value.is_empty()
            {
                faults.error(null.offset, "a NULL with something in it (X.690 §8.8)");
            }
        }
        AUTHORITY_INFO_ACCESS | SUBJECT_INFO_ACCESS => {
            if let Some(list) = open("the list of accesses", Tag::SEQUENCE) {
                not_empty("the list of accesses", &list, faults);
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
        NAME_CONSTRAINTS => {
            if let Some(constraints) = open("nameConstraints", Tag::SEQUENCE) {
                let first = constraints.children().next().and_then(Result::ok);
                summary.name_constraints = first
                    .is_some_and(|first| matches!(first.tag.value(), 0xA0 | 0xA1))
                    .then_some(constraints.offset);
                name_constraints(&constraints, faults);
            }
        }
        POLICY_MAPPINGS => {
            if let Some(list) = open("policyMappings", Tag::SEQUENCE) {
                not_empty("policyMappings", &list, faults);
                for mapping in list.children().map_while(Result::ok) {
                    let mut parts = Parts::of("the mapping", &mapping, faults);
                    for what in ["issuerDomainPolicy", "subjectDomainPolicy"] {
                        let policy = parts.need(Tag::OBJECT_IDENTIFIER, what, faults);
                        if let Some(policy) = policy
                            && policy.value == ANY_POLICY
                        {
                            faults.refused(
                                policy.offset,
                                "a policy is mapped from or to anyPolicy (RFC 5280 §4.2.1.5): programs \
                                 that look at policies refuse the certificate",
                            );
                        }
                    }
                    parts.end(faults);
                }
            }
        }
        POLICY_CONSTRAINTS => {
            if let Some(constraints) = open("policyConstraints", Tag::SEQUENCE) {
                policy_constraints(&constraints, faults);
            }
        }
        PRIVATE_KEY_USAGE_PERIOD => {
            if let Some(period) = open("privateKeyUsagePeriod", Tag::SEQUENCE) {
                if period.value.is_empty() {
                    faults.profile(
                        period.offset,
                        "privateKeyUsagePeriod is empty (§4.2.1.4 of RFC 3280)",
                    );
                }
                optional_pair("privateKeyUsagePeriod", &period, faults);
            }
        }
        SUBJECT_DIRECTORY_ATTRIBUTES => {
            if let Some(list) = open("subjectDirectoryAttributes", Tag::SEQUENCE) {
                not_empty("subjectDirectoryAttributes", &list, faults);
                all_are("subjectDirectoryAttributes", Tag::SEQUENCE, &list, faults);
            }
        }
        INHIBIT_ANY_POLICY | CRL_NUMBER | DELTA_CRL_INDICATOR => {
            if let Some(number) = open("the number of the extension", Tag::INTEGER)
                && number.value.first().is_some_and(|first| *first >= 0x80)
            {
                faults.error(number.offset, "the number of the extension is negative");
            }
        }
        REASON_CODE => {
            open("the reason", Tag::ENUMERATED);
        }
        INVALIDITY_DATE => {
            open("the date of the extension", Tag::GENERALIZED_TIME);
        }
        ISSUING_DISTRIBUTION_POINT => {
            if let Some(point) = open("issuingDistributionPoint", Tag::SEQUENCE) {
                issuing_distribution_point(&point, faults);
            }
        }
        NETSCAPE_CERT_TYPE => {
            open("the type of the certificate", Tag::BIT_STRING);
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

/// CertificatePolicies (RFC 5280 §4.2.1.4).
fn policies(list: &Tlv<'_>, faults: &mut Faults) {
    let mut seen = BTreeSet::new();
    for policy in list.children().map_while(Result::ok) {
        if policy.tag != Tag::SEQUENCE {
            faults.error(policy.offset, "a policy that is no SEQUENCE");
            continue;
        }
        let mut parts = Parts::of("the policy", &policy, faults);
        let identifier = parts.need(Tag::OBJECT_IDENTIFIER, "its identifier", faults);
        if let Some(qualifiers) = parts.take(Tag::SEQUENCE) {
            not_empty("the list of qualifiers", &qualifiers, faults);
            for qualifier in qualifiers.children().map_while(Result::ok) {
                policy_qualifier(&qualifier, faults);
            }
        }
        parts.end(faults);
        if identifier.is_some_and(|identifier| !seen.insert(identifier.value)) {
            faults.refused(
                policy.offset,
                "a policy that is there twice (RFC 5280 §4.2.1.4): programs that look at policies \
                 refuse the certificate",
            );
        }
    }
}

/// PolicyQualifierInfo (RFC 5280 §4.2.1.4): of a CPSuri, of a UserNotice, or of another kind with anything
/// in it.
fn policy_qualifier(qualifier: &Tlv<'_>, faults: &mut Faults) {
    let mut parts = Parts::of("the qualifier", qualifier, faults);
    let kind = parts.need(Tag::OBJECT_IDENTIFIER, "its identifier", faults);
    match kind.map(|kind| kind.value) {
        Some(CPS) => {
            parts.need(IA5_STRING, "the URI of a practice statement", faults);
        }
        Some(USER_NOTICE) => {
            if let Some(notice) = parts.need(Tag::SEQUENCE, "the notice", faults) {
                user_notice(&notice, faults);
            }
        }
        _ => {
            parts.any();
        }
    }
    parts.end(faults);
}

/// UserNotice (RFC 5280 §4.2.1.4).
fn user_notice(notice: &Tlv<'_>, faults: &mut Faults) {
    let mut parts = Parts::of("the notice", notice, faults);
    if let Some(reference) = parts.take(Tag::SEQUENCE) {
        let mut parts = Parts::of("the noticeRef", &reference, faults);
        match parts.any() {
            Some(organization) => display_text("the organization", &organization, faults),
            None => faults.error(reference.offset, "a noticeRef without an organization"),
        }
        if let Some(numbers) = parts.need(Tag::SEQUENCE, "the noticeNumbers", faults) {
            all_are("the noticeNumbers", Tag::INTEGER, &numbers, faults);
        }
        parts.end(faults);
    }
    if let Some(text) = parts.any() {
        display_text("the explicitText", &text, faults);
    }
    parts.end(faults);
}

/// DisplayText (RFC 5280 §4.2.1.4). Longer ones are in use, and are to be coped with.
fn display_text(what: &str, text: &Tlv<'_>, faults: &mut Faults) {
    if ![IA5_STRING, VISIBLE_STRING, BMP_STRING, Tag::UTF8_STRING].contains(&text.tag) {
        let message = format_args!("{what} of a notice is no DisplayText (RFC 5280 §4.2.1.4)");
        return faults.error(text.offset, message);
    }
    if let Some(length) = characters(text)
        && !(1..=MAX_DISPLAY_TEXT).contains(&length)
    {
        faults.note(
            text.offset,
            format_args!(
                "{what} of a notice has {length} characters, not 1 to {MAX_DISPLAY_TEXT} (RFC 5280 \
                 §4.2.1.4)"
            ),
        );
    }
}

/// IssuingDistributionPoint of a list (RFC 5280 §5.2.5).
fn issuing_distribution_point(point: &Tlv<'_>, faults: &mut Faults) {
    if point.value.is_empty() {
        faults.error(
            point.offset,
            "issuingDistributionPoint is empty (RFC 5280 §5.2.5)",
        );
    }
    let mut parts = Parts::of("issuingDistributionPoint", point, faults);
    if let Some(wrapper) = parts.take(Tag::context(0, true))
        && let Some(names) = distribution_point_name(&wrapper, faults)
        && names.value.is_empty()
    {
        faults.error(names.offset, NO_NAMES);
    }
    // For users, for authorities, for some reasons, indirect, for attribute certificates.
    for number in 1..=5 {
        let Some(field) = parts.take(Tag::context(number, false)) else {
            continue;
        };
        if number != 3 && field.value != [0xFF] {
            faults.error(
                field.offset,
                "a field of issuingDistributionPoint that is no TRUE in DER (X.690 §11.1, §11.5)",
            );
        }
    }
    parts.end(faults);
}

/// GeneralNames have at least one name (RFC 5280 §4.2.1.6).
const NO_NAMES: &str = "a distribution point with a list of no names (RFC 5280 §4.2.1.13)";

/// The names of a distribution point; `None` if they are of another form.
fn distribution_point_name<'a>(wrapper: &Tlv<'a>, faults: &mut Faults) -> Option<Tlv<'a>> {
    let mut forms = Parts::of("the name of the distribution point", wrapper, faults);
    let name = forms.any();
    let names = name.filter(|names| names.tag == Tag::context(0, true));
    match (names, name) {
        (Some(names), _) => general_names(&names, faults),
        (None, Some(relative)) if relative.tag == Tag::context(1, true) => {}
        _ => faults.error(wrapper.offset, "a distribution point without a name"),
    }
    forms.end(faults);
    names
}

/// DistributionPoint (RFC 5280 §4.2.1.13); whether programs look for lists there.
fn distribution_points(list: &Tlv<'_>, are_looked_at: bool, faults: &mut Faults) {
    let points = list.children().map_while(Result::ok);
    for point in points.filter(|point| point.tag == Tag::SEQUENCE) {
        let mut parts = Parts::of("the distribution point", &point, faults);
        let name = parts.take(Tag::context(0, true));
        let full = name.and_then(|wrapper| distribution_point_name(&wrapper, faults));
        parts.take(Tag::context(1, false));
        let issuer = parts.take(Tag::context(2, true));
        if let Some(names) = &issuer {
            general_names(names, faults);
        }
        parts.end(faults);
        // What has other elements is told as that.
        let is_known = |field: &Tlv<'_>| matches!(field.tag.value(), 0xA0 | 0x81 | 0xA2);
        if !point
            .children()
            .map_while(Result::ok)
            .all(|field| is_known(&field))
        {
            continue;
        }
        let is_named = name.is_some() || issuer.is_some_and(|names| !names.value.is_empty());
        match is_named {
            false if are_looked_at => faults.refused(
                point.offset,
                "a distribution point with neither a name nor an issuer (RFC 5280 §4.2.1.13): \
                 programs refuse the certificate",
            ),
            false => faults.profile(
                point.offset,
                "a distribution point with neither a name nor an issuer (RFC 5280 §4.2.1.13)",
            ),
            true => {
                let lists = [full, issuer].into_iter().flatten();
                for names in lists.filter(|names| names.value.is_empty()) {
                    faults.profile(names.offset, NO_NAMES);
                }
            }
        }
    }
}

/// NameConstraints (RFC 5280 §4.2.1.10).
fn name_constraints(constraints: &Tlv<'_>, faults: &mut Faults) {
    if constraints.value.is_empty() {
        faults.profile(
            constraints.offset,
            "nameConstraints without a name (RFC 5280 §4.2.1.10)",
        );
    }
    let mut parts = Parts::of("nameConstraints", constraints, faults);
    for number in [0, 1] {
        let Some(subtrees) = parts.take(Tag::context(number, true)) else {
            continue;
        };
        not_empty("a list of subtrees", &subtrees, faults);
        all_are("a list of subtrees", Tag::SEQUENCE, &subtrees, faults);
        let subtrees = subtrees.children().map_while(Result::ok);
        for subtree in subtrees.filter(|subtree| subtree.tag == Tag::SEQUENCE) {
            let mut parts = Parts::of("the subtree", &subtree, faults);
            match parts.any() {
                Some(base) => constrained_name(&base, faults),
                None => faults.error(subtree.offset, "a subtree without its base"),
            }
            let minimum = parts.take(Tag::context(0, false));
            let maximum = parts.take(Tag::context(1, false));
            parts.end(faults);
            if let Some(minimum) = minimum.filter(|minimum| minimum.value == [0]) {
                faults.error(
                    minimum.offset,
                    "the minimum 0 is written out, which DER leaves out (X.690 §11.5)",
                );
            } else if minimum.or(maximum).is_some() {
                faults.profile(
                    subtree.offset,
                    "a subtree with a minimum or a maximum (RFC 5280 §4.2.1.10)",
                );
            }
        }
    }
    parts.end(faults);
}

/// PolicyConstraints (RFC 5280 §4.2.1.11).
fn policy_constraints(constraints: &Tlv<'_>, faults: &mut Faults) {
    if constraints.value.is_empty() {
        faults.refused(
            constraints.offset,
            "policyConstraints is empty (RFC 5280 §4.2.1.11): programs that look at policies refuse \
             the certificate",
        );
    }
    optional_pair("policyConstraints", constraints, faults);
    let numbers = constraints.children().map_while(Result::ok);
    for number in numbers.filter(|number| matches!(number.value, [0x80..=0xFF, ..])) {
        faults.error(number.offset, "a number of policyConstraints is negative");
    }
}

/// A SEQUENCE of [0] and [1], each optional, one of which there must be.
fn optional_pair(what: &'static str, pair: &Tlv<'_>, faults: &mut Faults) {
    let mut parts = Parts::of(what, pair, faults);
    for number in [0, 1] {
        if let Some(part) = parts.take(Tag::context(number, false))
            && part.value.is_empty()
        {
            faults.error(part.offset, format_args!("a part of {what} is empty"));
        }
    }
    parts.end(faults);
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

/// Whether it is an authority's, and where it limits how many are below (RFC 5280 §4.2.1.9).
fn basic_constraints(constraints: &Tlv<'_>, faults: &mut Faults) -> (bool, Option<usize>) {
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
    let is_authority = authority.is_some_and(|authority| authority.value != [0]);
    (is_authority, length.map(|length| length.offset))
}
