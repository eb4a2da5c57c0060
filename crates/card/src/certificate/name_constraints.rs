//! Whether the names of a certificate are among those that its issuer may give: nameConstraints
//! (RFC 5280 §4.2.1.10, §6.1.3 (b) and (c)), as OpenSSL compares them.

use kortlab_apdu::tlv::{Reader, Tag, Tlv, read_one};

use super::CertificateInfo;
use super::name::{COMMON_NAME, EMAIL_ADDRESS, begins_with, text, values_of};
use super::syntax::{NAME_CONSTRAINTS, SUBJECT_ALT_NAME};

/// The most pairs of a name and a limit that are compared; OpenSSL has such a bound, too.
const MAX_COMPARISONS: usize = 1 << 16;

/// permittedSubtrees and excludedSubtrees.
const PERMITTED: Tag = Tag::context(0, true);
const EXCLUDED: Tag = Tag::context(1, true);

/// The alternatives of GeneralName (RFC 5280 §4.2.1.6).
const OTHER_NAME: Tag = Tag::context(0, true);
const RFC822_NAME: Tag = Tag::context(1, false);
const DNS_NAME: Tag = Tag::context(2, false);
const X400_ADDRESS: Tag = Tag::context(3, true);
const DIRECTORY_NAME: Tag = Tag::context(4, true);
const EDI_PARTY_NAME: Tag = Tag::context(5, true);
const URI: Tag = Tag::context(6, false);
const IP_ADDRESS: Tag = Tag::context(7, false);

/// IA5String, which an emailAddress is.
const IA5_STRING: Tag = Tag::new(0x16);

/// id-on-SmtpUTF8Mailbox (RFC 9598 §3), 1.3.6.1.5.5.7.8.9: limits of addresses are for it, too.
const SMTP_UTF8_MAILBOX: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x08, 0x09];

/// What an issuer's nameConstraints are to the names of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Limits {
    /// There are none, or all names are among those that it may give.
    Kept,
    /// Not all could be compared, and those that could are.
    Unknown,
    /// Programs refuse the certificate: `exclude its subject`.
    Broken(String),
}

/// What the nameConstraints of the certificate `issuer` are to the names of one by it. Those of who has
/// issued the issuer are not known here.
pub(crate) fn limits(info: &CertificateInfo, issuer: &CertificateInfo) -> Limits {
    let Some(value) = issuer.extension(NAME_CONSTRAINTS) else {
        return Limits::Kept;
    };
    let Some(subtrees) = Subtree::all(value) else {
        return Limits::Broken("cannot be read".to_owned());
    };
    let names = Name::all(info);
    if names.len().saturating_mul(subtrees.len()) > MAX_COMPARISONS {
        return Limits::Broken("are too many to be compared with its names".to_owned());
    }
    let mut verdict = Limits::Kept;
    for name in &names {
        match name.under(&subtrees) {
            Limits::Kept => {}
            Limits::Unknown => verdict = Limits::Unknown,
            broken @ Limits::Broken(_) => return broken,
        }
    }
    verdict
}

/// A limit: names that are permitted, or excluded.
struct Subtree<'a> {
    is_permitted: bool,
    /// The GeneralName under which they are.
    base: Tlv<'a>,
    /// Whether the minimum is 0 and there is no maximum, as RFC 5280 has it.
    is_plain: bool,
}

impl<'a> Subtree<'a> {
    fn all(value: &'a [u8]) -> Option<Vec<Self>> {
        let constraints = read_one(value)
            .ok()
            .filter(|outer| outer.tag == Tag::SEQUENCE)?;
        let mut all = Vec::new();
        for list in constraints.children() {
            let list = list.ok()?;
            if ![PERMITTED, EXCLUDED].contains(&list.tag) {
                return None;
            }
            for subtree in list.children() {
                let subtree = subtree.ok().filter(|outer| outer.tag == Tag::SEQUENCE)?;
                let mut parts = subtree.children();
                let base = parts.next()?.ok()?;
                let is_plain = parts.all(|part| {
                    part.is_ok_and(|part| part.tag == Tag::context(0, false) && part.value == [0])
                });
                all.push(Self {
                    is_permitted: list.tag == PERMITTED,
                    base,
                    is_plain,
                });
            }
        }
        Some(all)
    }
}

/// How a name is to the base of a limit.
enum Compared {
    Under,
    Not,
    /// Programs cannot compare the two, and refuse the certificate.
    Refused,
    /// Programs can, and this one cannot.
    Unknown,
}

impl From<Option<bool>> for Compared {
    fn from(is_under: Option<bool>) -> Self {
        match is_under {
            Some(true) => Self::Under,
            Some(false) => Self::Not,
            None => Self::Refused,
        }
    }
}

/// A name of a certificate.
struct Name<'a> {
    what: &'static str,
    /// For which limits it is, by the alternative of GeneralName.
    kind: Tag,
    value: Value<'a>,
}

enum Value<'a> {
    /// The content of that alternative.
    Plain(&'a [u8]),
    /// A text that was read of a string of another kind.
    Text(String),
    /// An address whose host may be written in all letters (RFC 9598).
    Mailbox(Option<&'a [u8]>),
    /// None of its kind; refused where there are any limits.
    Wrong,
}

impl<'a> Name<'a> {
    /// The subject, the addresses in it, the other names, and hosts that are called commonName because there
    /// is no dNSName.
    fn all(info: &'a CertificateInfo) -> Vec<Self> {
        let mut all = Vec::new();
        let subject = &*info.subject_der;
        if read_one(subject).is_ok_and(|name| !name.value.is_empty()) {
            all.push(Self::plain("its subject", DIRECTORY_NAME, subject));
        }
        for address in values_of(subject, EMAIL_ADDRESS) {
            let value = match address.tag {
                IA5_STRING => Value::Plain(address.value),
                _ => Value::Wrong,
            };
            all.push(Self {
                what: "the emailAddress of its subject",
                kind: RFC822_NAME,
                value,
            });
        }
        let list = info
            .extension(SUBJECT_ALT_NAME)
            .and_then(|value| read_one(value).ok());
        let names = list.into_iter().flat_map(|list| list.children());
        all.extend(names.map_while(Result::ok).map(|name| Self::of(&name)));
        if !all.iter().any(|name| name.kind == DNS_NAME) {
            for common in values_of(subject, COMMON_NAME) {
                let Some(host) = text(&common) else { continue };
                let host = host.trim_end_matches('\0');
                let value = match host.contains('\0') {
                    true => Value::Wrong,
                    false if is_host(host) => Value::Text(host.to_owned()),
                    false => continue,
                };
                all.push(Self {
                    what: "the commonName of its subject, a host's name",
                    kind: DNS_NAME,
                    value,
                });
            }
        }
        all
    }

    fn plain(what: &'static str, kind: Tag, value: &'a [u8]) -> Self {
        let value = Value::Plain(value);
        Self { what, kind, value }
    }

    /// One of the subjectAltName.
    fn of(name: &Tlv<'a>) -> Self {
        let what = match name.tag {
            OTHER_NAME => {
                let mut parts = name.children().map_while(Result::ok);
                let kind = parts.next();
                if kind.is_some_and(|kind| kind.value == SMTP_UTF8_MAILBOX) {
                    let value = parts.next().and_then(|wrapper| wrapper.children().next());
                    let value = value.and_then(Result::ok);
                    let text = value.filter(|value| value.tag == Tag::UTF8_STRING);
                    return Self {
                        what: "a SmtpUTF8Mailbox of its subjectAltName",
                        kind: RFC822_NAME,
                        value: Value::Mailbox(text.map(|text| text.value)),
                    };
                }
                "an otherName of its subjectAltName"
            }
            RFC822_NAME => "an rfc822Name of its subjectAltName",
            DNS_NAME => "a dNSName of its subjectAltName",
            X400_ADDRESS => "an x400Address of its subjectAltName",
            DIRECTORY_NAME => "a directoryName of its subjectAltName",
            EDI_PARTY_NAME => "an ediPartyName of its subjectAltName",
            URI => "a URI of its subjectAltName",
            IP_ADDRESS => "an iPAddress of its subjectAltName",
            _ => "a name of its subjectAltName",
        };
        Self::plain(what, name.tag, name.value)
    }

    fn under(&self, subtrees: &[Subtree<'_>]) -> Limits {
        let broken = |why: &str| Limits::Broken(format!("{why} {}", self.what));
        if matches!(self.value, Value::Wrong) {
            return broken("cannot be compared with");
        }
        let of_kind = |permitted| {
            let subtrees = subtrees.iter();
            subtrees.filter(move |tree| tree.is_permitted == permitted && self.is_of(&tree.base))
        };
        let mut is_unknown = false;
        let mut is_limited = false;
        let mut is_permitted = false;
        for subtree in of_kind(true) {
            is_limited = true;
            if !subtree.is_plain {
                return broken("have a minimum or a maximum for");
            }
            if is_permitted {
                continue;
            }
            match self.compared(&subtree.base) {
                Compared::Under => is_permitted = true,
                Compared::Not => {}
                Compared::Unknown => is_unknown = true,
                Compared::Refused => return broken("cannot be compared with"),
            }
        }
        if is_limited && !is_permitted && !is_unknown {
            return broken("do not permit");
        }
        is_unknown &= !is_permitted;
        for subtree in of_kind(false) {
            if !subtree.is_plain {
                return broken("have a minimum or a maximum for");
            }
            match self.compared(&subtree.base) {
                Compared::Under => return broken("exclude"),
                Compared::Not => {}
                Compared::Unknown => is_unknown = true,
                Compared::Refused => return broken("cannot be compared with"),
            }
        }
        match is_unknown {
            true => Limits::Unknown,
            false => Limits::Kept,
        }
    }

    /// Whether a limit is for names of this kind; of an otherName, of this type.
    fn is_of(&self, base: &Tlv<'_>) -> bool {
        let kind = |content| Reader::new(content).next().and_then(Result::ok);
        self.kind == base.tag
            && match self.value {
                Value::Plain(own) if self.kind == OTHER_NAME => {
                    let kinds = (kind(own), kind(base.value));
                    kinds.0.map(|kind| kind.value) == kinds.1.map(|kind| kind.value)
                }
                _ => true,
            }
    }

    fn compared(&self, base: &Tlv<'_>) -> Compared {
        let limit = base.value;
        let value = match &self.value {
            Value::Mailbox(address) => return mailbox(*address, limit),
            Value::Wrong => return Compared::Refused,
            Value::Plain(value) => value,
            Value::Text(text) => text.as_bytes(),
        };
        match self.kind {
            DIRECTORY_NAME => begins_with(value, limit).into(),
            RFC822_NAME => address(value, limit).into(),
            DNS_NAME => host(value, limit).into(),
            URI => uri(value, limit).into(),
            IP_ADDRESS => ip_address(value, limit).into(),
            _ => Compared::Refused,
        }
    }
}

/// Whether a text ends with another one, case aside.
fn ends_with(text: &[u8], end: &[u8]) -> bool {
    let at = text.len().checked_sub(end.len());
    at.and_then(|at| text.get(at..))
        .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

/// A text in two at its last `@`.
fn at_sign(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.iter().rposition(|byte| *byte == b'@')?;
    let (local, host) = text.split_at_checked(at)?;
    Some((local, host.get(1..)?))
}

/// Whether an address is the one of the limit, at its host, or at a host below its domain (`.example`).
fn address(address: &[u8], limit: &[u8]) -> Option<bool> {
    let (local, host) =
        at_sign(address).filter(|_| !address.contains(&0) && !limit.contains(&0))?;
    Some(match at_sign(limit) {
        None if limit.first() == Some(&b'.') => ends_with(address, limit),
        None => host.eq_ignore_ascii_case(limit),
        Some((only, of)) => (only.is_empty() || only == local) && host.eq_ignore_ascii_case(of),
    })
}

/// The same for an address whose host stands in all letters, and in the limit as an A-label
/// (RFC 9598 §6): what that makes of it is not known here.
fn mailbox(address: Option<&[u8]>, limit: &[u8]) -> Compared {
    let Some((address, (_, host))) = address.and_then(|all| Some((all, at_sign(all)?))) else {
        return Compared::Refused;
    };
    let is_label = limit.split(|byte| *byte == b'.').any(|label| {
        let start = label.get(..4);
        start.is_some_and(|start| start.eq_ignore_ascii_case(b"xn--"))
    });
    if limit.contains(&0) {
        return Compared::Refused;
    }
    if is_label || !host.is_ascii() {
        return Compared::Unknown;
    }
    match limit.first() {
        // OpenSSL does not find such a host below its domain.
        Some(b'.') if ends_with(address, limit) => Compared::Refused,
        Some(b'.') => Compared::Not,
        _ => Some(host.eq_ignore_ascii_case(limit)).into(),
    }
}

/// Whether a host is the one of the limit, or below it; an empty limit is for all.
fn host(host: &[u8], limit: &[u8]) -> Option<bool> {
    if host.contains(&0) || limit.contains(&0) {
        return None;
    }
    if limit.is_empty() || !ends_with(host, limit) {
        return Some(limit.is_empty());
    }
    let before = host.len().checked_sub(limit.len() + 1);
    let before = before.and_then(|at| host.get(at));
    Some(limit.first() == Some(&b'.') || before.is_none_or(|before| *before == b'.'))
}

/// Whether the host of a URI is the one of the limit, or below its domain (`.example`). One whose host is
/// an address, or that programs read as two hosts, cannot be compared.
fn uri(uri: &[u8], limit: &[u8]) -> Option<bool> {
    let colon = uri.iter().position(|byte| *byte == b':')?;
    let rest = uri.get(colon..)?.strip_prefix(b"://")?;
    let until = |text: &[u8], ends: &[u8]| -> Vec<u8> {
        let part = text.iter().take_while(|byte| !ends.contains(byte));
        part.copied().collect()
    };
    // RFC 3986 §3.2, and as OpenSSL finds the host: up to a colon, wherever, else up to a slash.
    let authority = until(rest, b"/?#");
    let named = at_sign(&authority).map_or(&*authority, |(_, host)| host);
    let named = until(named, b":");
    let found = match rest.contains(&b':') {
        true => until(rest, b":"),
        false => until(rest, b"/"),
    };
    let is_address =
        core::str::from_utf8(&named).is_ok_and(|text| text.parse::<core::net::Ipv4Addr>().is_ok());
    if found.is_empty() || named.is_empty() || named.first() == Some(&b'[') || is_address {
        return None;
    }
    let is_under = |host: &[u8]| match limit.first() {
        Some(b'.') => host.len() > limit.len() && ends_with(host, limit),
        _ => host.eq_ignore_ascii_case(limit),
    };
    let (named, found) = (is_under(&named), is_under(&found));
    (named == found).then_some(named)
}

/// Whether an address of a network is that of the limit as far as its mask goes.
fn ip_address(address: &[u8], limit: &[u8]) -> Option<bool> {
    if !matches!(address.len(), 4 | 16) || !matches!(limit.len(), 8 | 32) {
        return None;
    }
    let (network, mask) = limit.split_at_checked(limit.len() / 2)?;
    let masked = |of: &[u8]| -> Vec<u8> { of.iter().zip(mask).map(|(a, b)| a & b).collect() };
    Some(address.len() == mask.len() && masked(address) == masked(network))
}

/// Whether OpenSSL takes a commonName for a host's name: two labels or more, of letters, digits, `_`, and
/// `-` inside.
fn is_host(text: &str) -> bool {
    let labels: Vec<_> = text.split('.').collect();
    labels.len() > 1
        && labels.iter().all(|label| {
            let mut bytes = label.bytes();
            let is_part = bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
            is_part && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_under_its_own_its_host_and_a_domain_above() {
        for (name, limit, is_under) in [
            ("a@x.example", "x.example", Some(true)),
            ("a@x.example", "X.EXAMPLE", Some(true)),
            ("a@x.example", "@x.example", Some(true)),
            ("a@x.example", "a@x.example", Some(true)),
            ("a@x.example", "A@x.example", Some(false)),
            ("a@x.example", ".example", Some(true)),
            ("a@x.example", "example", Some(false)),
            ("a@x.example", "", Some(false)),
            ("x.example", "x.example", None),
            ("a\0@x.example", "x.example", None),
        ] {
            let told = address(name.as_bytes(), limit.as_bytes());
            assert_eq!(told, is_under, "{name:?} {limit:?}");
        }
    }

    #[test]
    fn a_host_is_under_itself_and_the_domains_above() {
        for (name, limit, is_under) in [
            ("a.example", "example", true),
            ("a.example", ".example", true),
            ("a.example", "a.example", true),
            ("a.EXAMPLE", "Example", true),
            ("anexample", "example", false),
            ("example", ".example", false),
            ("example", "a.example", false),
            ("example", "", true),
        ] {
            let told = host(name.as_bytes(), limit.as_bytes());
            assert_eq!(told, Some(is_under), "{name:?} {limit:?}");
        }
    }

    #[test]
    fn a_uri_is_compared_by_its_host_and_not_where_programs_read_another_one() {
        for (name, limit, is_under) in [
            ("http://a.example/x", "a.example", Some(true)),
            ("http://a.example:80/x", "a.example", Some(true)),
            ("http://a.example", ".example", Some(true)),
            ("http://a.example", "example", Some(false)),
            ("http://x.example/@a.other", "a.other", Some(false)),
            ("http://x.other/a:b.example", "x.other", None),
            ("http://a.example@x.other/", "x.other", None),
            ("http://10.0.0.1/", "10.0.0.1", None),
            ("http://[::1]/", "example", None),
            ("urn:x", "example", None),
            ("http:///x", "example", None),
        ] {
            let told = uri(name.as_bytes(), limit.as_bytes());
            assert_eq!(told, is_under, "{name:?} {limit:?}");
        }
    }

    #[test]
    fn an_address_written_in_all_letters_is_compared_where_its_host_is_ascii() {
        let told = |name: &str, limit: &str| match mailbox(Some(name.as_bytes()), limit.as_bytes())
        {
            Compared::Under => "under",
            Compared::Not => "not",
            Compared::Refused => "refused",
            Compared::Unknown => "unknown",
        };
        assert_eq!(told("\u{e5}@x.example", "x.example"), "under");
        assert_eq!(told("\u{e5}@x.example", ".example"), "refused");
        assert_eq!(told("\u{e5}@x.example", ".other"), "not");
        assert_eq!(told("\u{e5}@x.example", "y.example"), "not");
        assert_eq!(told("\u{e5}@\u{e5}.example", "x.example"), "unknown");
        assert_eq!(told("\u{e5}@x.example", "xn--5ca.example"), "unknown");
        assert_eq!(told("x.example", "x.example"), "refused");
    }
}
