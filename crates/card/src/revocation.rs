//! Certificate revocation lists (RFC 5280 §5): read leniently, used strictly.
//!
//! A list says something of a certificate only if it is its issuer's, is in force, is for all of
//! that issuer's certificates or for this kind of them, and is not signed by somebody else. What
//! it says where it is not is told, not used: an old list that says nothing of a certificate does
//! not make it good.

use core::fmt;
use std::collections::BTreeMap;
use std::time::SystemTime;

use kortlab_apdu::FilePath;
use kortlab_apdu::tlv::{Tag, Tlv, read_one};
use kortlab_pkcs15::Severity;

use crate::certificate::{
    CRL_DISTRIBUTION_POINTS, CertificateInfo, Fault, ReadTime, extension_parts, is_signed_by_spki,
    list_fault, names_key_of, same_name, shortest, why_no_list_issuer,
};
use crate::problem::Problem;
use crate::verdict::{Age, Verdict, newest};

/// The extensions of lists that are known (RFC 5280 §5.2), by the last byte of 2.5.29.n.
const CRL_NUMBER: u8 = 20;
const DELTA_CRL_INDICATOR: u8 = 27;
const ISSUING_DISTRIBUTION_POINT: u8 = 28;
const AUTHORITY_KEY_IDENTIFIER: u8 = 35;
/// Those of entries (RFC 5280 §5.3).
const REASON_CODE: u8 = 21;
const INVALIDITY_DATE: u8 = 24;
const CERTIFICATE_ISSUER: u8 = 29;

/// removeFromCRL (RFC 5280 §5.3.1): the certificate is no longer on hold.
const REMOVE_FROM_CRL: u8 = 8;

/// A revocation list.
#[derive(Clone, Debug)]
pub struct RevocationList {
    name: String,
    der: Vec<u8>,
    issuer_der: Vec<u8>,
    issuer: String,
    this_update: Option<ReadTime>,
    next_update: Option<ReadTime>,
    has_next_update: bool,
    number: Option<Vec<u8>>,
    /// The value of authorityKeyIdentifier (RFC 5280 §5.2.1).
    authority_key: Option<Vec<u8>>,
    entries: BTreeMap<Vec<u8>, RevokedEntry>,
    scope: Scope,
    unsupported: Option<&'static str>,
    malformed: Option<Fault>,
}

/// A certificate on a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevokedEntry {
    /// Since when it is revoked, if that can be read.
    pub since: Option<SystemTime>,
    /// Why, by the number that RFC 5280 §5.3.1 gives the reason.
    pub reason: Option<u8>,
}

/// For which certificates of its issuer a list is (RFC 5280 §5.2.5).
#[derive(Clone, Debug, Default)]
struct Scope {
    /// The names of the distribution point, each in DER.
    names: Vec<Vec<u8>>,
    only_users: bool,
    only_authorities: bool,
}

/// What the lists and the answers of responders say of one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Revocation {
    /// No list of its issuer was given, and no answer about it.
    NotChecked,
    /// A list of its issuer that is in force does not have it, and the issuer's signature over the
    /// list is right; or a responder that may speak for its issuer says so.
    Good,
    /// A list of its issuer that is in force does not have it; but whether the list is the issuer's
    /// cannot be told, so that it makes nothing good.
    Unverified,
    /// The list has it, or the responder says so.
    Revoked(RevokedEntry),
    /// A responder that may speak for its issuer does not know it.
    NotIssued,
    /// There are lists of its issuer or answers about it, but none that says anything; why is told of
    /// them.
    Unknown,
}

/// Whether its issuer has signed a list; what is better comes later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Genuine {
    /// No certificate of its issuer is at hand.
    NotTold,
    /// It cannot be checked by any that is at hand.
    OtherKind,
    /// None of those that have its name.
    No,
    /// It has, and the list names another key.
    OtherKey,
    /// It has, and its certificate is not for that; why.
    MayNot(&'static str),
    Yes,
}

/// What is wrong with a list that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListTrouble {
    /// Its time is over.
    Expired(String),
    /// It is from the future.
    NotYet(String),
    /// It has no time that can be read.
    NoTime,
    /// It does not say until when it holds.
    NoNextUpdate,
    /// Its signature is not its issuer's.
    BadSignature,
    /// Its issuer has signed it, and it names another key of that issuer (RFC 5280 §5.2.1).
    OtherKey,
    /// Its issuer has signed it, whose certificate is not for that (RFC 5280 §6.3.3 (f)); why.
    NotAuthorised(&'static str),
    /// Whether it is signed by its issuer cannot be told.
    NotVerified {
        /// Whether a certificate of its issuer is at hand: then the signature is of a kind that cannot be
        /// checked.
        is_at_hand: bool,
    },
    /// It is of a kind that is not supported.
    Unsupported(&'static str),
    /// It is not written as a list must be: programs read different things in it, or nothing. What is
    /// wrong first, and where.
    Malformed(String),
    /// It is not of the issuer of any certificate that was checked.
    Unused,
    /// It is of the issuer, and for other certificates than those that were checked (RFC 5280 §5.2.5).
    OtherScope,
    /// A newer list of the same issuer was used.
    Superseded,
}

impl ListTrouble {
    /// A stable word for programs, in kebab case.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Expired(_) => "list-expired",
            Self::NotYet(_) => "list-not-yet-valid",
            Self::NoTime | Self::NoNextUpdate => "list-without-time",
            Self::BadSignature => "list-bad-signature",
            Self::OtherKey => "list-other-key",
            Self::NotAuthorised(_) => "list-not-authorised",
            Self::NotVerified { .. } => "list-not-verified",
            Self::Unsupported(_) => "list-not-supported",
            Self::Malformed(_) => "list-malformed",
            Self::Unused | Self::OtherScope => "list-not-used",
            Self::Superseded => "list-superseded",
        }
    }

    /// How much it matters.
    pub const fn severity(&self) -> Severity {
        match self {
            Self::Unused | Self::OtherScope | Self::Superseded => Severity::Note,
            Self::NoNextUpdate | Self::NotVerified { .. } => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// The same as a problem of the list that is called `name`.
    pub fn to_problem(&self, name: &str) -> Problem {
        Problem::new(
            self.severity(),
            self.code(),
            name,
            &FilePath::EMPTY,
            self.to_string(),
        )
        .hint(self.next_step())
    }

    /// Whether the list makes nothing good because of it.
    const fn disqualifies(&self) -> bool {
        !matches!(self, Self::NoNextUpdate | Self::Superseded)
    }

    /// Whether it does not even speak against a certificate: it is somebody else's, for something else,
    /// or not of this time.
    const fn silences(&self) -> bool {
        matches!(
            self,
            Self::NotYet(_) | Self::BadSignature | Self::Unsupported(_)
        )
    }

    /// What to do about it.
    pub const fn next_step(&self) -> &'static str {
        match self {
            Self::Expired(_) | Self::NoTime | Self::NoNextUpdate => {
                "fetch the issuer's present list"
            }
            Self::NotYet(_) => "check this computer's clock, or the day given with --date",
            Self::BadSignature => {
                "fetch the list again from its issuer, and check which issuer's certificate was given"
            }
            Self::OtherKey => {
                "fetch the list again; if it is the same, its issuer must make it anew"
            }
            Self::NotAuthorised(_) => "check which issuer's certificate was given",
            Self::NotVerified { is_at_hand: false } => {
                "give the issuer's certificate (--issuer, --ca-dir)"
            }
            Self::NotVerified { is_at_hand: true } => "check it with another program",
            Self::Unsupported(_) => "give the issuer's complete list",
            Self::Malformed(_) => {
                "fetch the list again; if it is the same, its issuer must make it anew"
            }
            Self::Unused => "check that it is the list of an issuer of these certificates",
            Self::OtherScope => {
                "give the issuer's list for these certificates: they name where it is"
            }
            Self::Superseded => "nothing: the newer list counts",
        }
    }
}

impl fmt::Display for ListTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired(until) => write!(
                f,
                "the list expired on {until}: it does not say what is good now"
            ),
            Self::NotYet(from) => write!(f, "the list is from {from}, which is yet to come"),
            Self::NoTime => f.write_str("the list has no date that can be read"),
            Self::NoNextUpdate => {
                f.write_str("the list does not say until when it holds (RFC 5280 §5.1.2.5)")
            }
            Self::BadSignature => {
                f.write_str("the list is not signed by the issuer that it names; it is not used")
            }
            Self::OtherKey => f.write_str(
                "the list names another key, or another certificate, of its issuer than the one that \
                 has signed it: it makes nothing good",
            ),
            Self::NotAuthorised(why) => write!(
                f,
                "the list is signed by its issuer, whose certificate {why}: it makes nothing good"
            ),
            Self::NotVerified { is_at_hand: false } => f.write_str(
                "whether the list is genuine cannot be told without the issuer's certificate: it makes \
                 nothing good",
            ),
            Self::NotVerified { is_at_hand: true } => f.write_str(
                "whether the list is genuine cannot be told: its signature is of a kind that cannot be \
                 checked here; it makes nothing good",
            ),
            Self::Unsupported(what) => write!(f, "{what} is not supported; it is not used"),
            Self::Malformed(what) => write!(
                f,
                "the list is no CertificateList in DER ({what}): it makes nothing good"
            ),
            Self::Unused => f.write_str("the list is of no issuer of a certificate on the card"),
            Self::OtherScope => f.write_str(
                "the list is for other certificates of its issuer than those on the card: by its \
                 issuingDistributionPoint (RFC 5280 §5.2.5) it says nothing of them",
            ),
            Self::Superseded => f.write_str("a newer list of the same issuer is used instead"),
        }
    }
}

impl RevocationList {
    /// Reads a list of version 1 or 2 in DER. `name` is what it is called in messages, such as
    /// the file that it was in.
    ///
    /// # Errors
    /// It is no list; the error says what is missing.
    pub fn parse(name: impl Into<String>, der: &[u8]) -> Result<Self, &'static str> {
        let outer = read_one(der).map_err(|_| "it is not one complete element of DER")?;
        if outer.raw.len() != der.len() {
            return Err("there are bytes behind its end");
        }
        let mut parts = outer.children();
        let body = sequence(parts.next()).ok_or("it has no tbsCertList")?;
        sequence(parts.next()).ok_or("it has no signature algorithm")?;
        parts
            .next()
            .and_then(Result::ok)
            .filter(|signature| signature.tag == Tag::BIT_STRING)
            .ok_or("it has no signature")?;
        let mut parts = body.children().map_while(Result::ok).peekable();
        // RFC 5280 §5.1.2.1: a list of version 1 does not say its version.
        let _version = parts.next_if(|part| part.tag == Tag::INTEGER);
        let is_sequence = |part: &Tlv<'_>| part.tag == Tag::SEQUENCE;
        let algorithm = parts.next_if(is_sequence);
        let issuer = parts.next_if(is_sequence);
        let (Some(_), Some(issuer)) = (algorithm, issuer) else {
            return Err("it does not name its issuer where a list does");
        };
        let is_time = |part: &Tlv<'_>| matches!(part.tag.value(), 0x17 | 0x18);
        let this_update = parts
            .next_if(is_time)
            .ok_or("it has no date of issue where a list has it")?;
        let next_update = parts.next_if(is_time);
        let mut list = Self {
            name: name.into(),
            der: der.to_vec(),
            issuer_der: issuer.raw.to_vec(),
            issuer: crate::certificate::name_text(&issuer),
            this_update: ReadTime::read(&this_update),
            next_update: next_update.and_then(|time| ReadTime::read(&time)),
            has_next_update: next_update.is_some(),
            number: None,
            authority_key: None,
            entries: BTreeMap::new(),
            scope: Scope::default(),
            unsupported: None,
            malformed: list_fault(der),
        };
        if let Some(revoked) = parts.next_if(is_sequence) {
            for entry in revoked.children() {
                let entry = entry.map_err(|_| "an entry of it cannot be read")?;
                list.read_entry(&entry)?;
            }
        }
        if let Some(wrapper) = parts.next_if(|part| part.tag == Tag::context(0, true)) {
            let all = sequence(wrapper.children().next()).ok_or("its extensions are unreadable")?;
            for extension in all.children() {
                let extension = extension.map_err(|_| "an extension of it cannot be read")?;
                list.read_extension(&extension)?;
            }
        }
        if parts.next().is_some() {
            return Err("it has more in it than a list has");
        }
        Ok(list)
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its issuer's name, as people read it.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What makes it no list in DER, first of all; where it has been read all the same.
    pub const fn malformed(&self) -> Option<&Fault> {
        self.malformed.as_ref()
    }

    /// What is wrong with it at the time `now`, and by what is known of its signature.
    fn trouble(&self, now: SystemTime, genuine: Genuine) -> Option<ListTrouble> {
        if let Some(what) = self.unsupported {
            return Some(ListTrouble::Unsupported(what));
        }
        if genuine == Genuine::No {
            return Some(ListTrouble::BadSignature);
        }
        let Some(from) = self.this_update else {
            return Some(ListTrouble::NoTime);
        };
        if from.to_system_time() > now {
            return Some(ListTrouble::NotYet(from.to_text()));
        }
        if let Some(fault) = &self.malformed {
            return Some(ListTrouble::Malformed(fault.to_string()));
        }
        if genuine == Genuine::OtherKey {
            return Some(ListTrouble::OtherKey);
        }
        if let Genuine::MayNot(why) = genuine {
            return Some(ListTrouble::NotAuthorised(why));
        }
        match self.next_update {
            Some(until) if until.to_system_time() < now => {
                Some(ListTrouble::Expired(until.to_text()))
            }
            None if self.has_next_update => Some(ListTrouble::NoTime),
            _ if matches!(genuine, Genuine::NotTold | Genuine::OtherKind) => {
                let is_at_hand = genuine == Genuine::OtherKind;
                Some(ListTrouble::NotVerified { is_at_hand })
            }
            Some(_) => None,
            None => Some(ListTrouble::NoNextUpdate),
        }
    }

    /// Whether the issuer signed it.
    fn is_genuine(&self, issuers: &[CertificateInfo]) -> Genuine {
        let of_that_name = issuers
            .iter()
            .filter(|issuer| same_name(&issuer.subject_der, &self.issuer_der));
        let judged = of_that_name.map(|issuer| {
            let key = self.authority_key.as_ref();
            match is_signed_by_spki(&self.der, &issuer.public_key_der) {
                None => Genuine::OtherKind,
                Some(false) => Genuine::No,
                Some(true) if key.is_some_and(|key| !names_key_of(key, issuer)) => {
                    Genuine::OtherKey
                }
                Some(true) => why_no_list_issuer(issuer).map_or(Genuine::Yes, Genuine::MayNot),
            }
        });
        judged.max().unwrap_or(Genuine::NotTold)
    }

    /// Whether it is for certificates like this one.
    fn covers(&self, info: &CertificateInfo, is_authority: bool) -> bool {
        let scope = &self.scope;
        let points = info.extension(CRL_DISTRIBUTION_POINTS).unwrap_or_default();
        let at_point = scope.names.is_empty()
            || scope
                .names
                .iter()
                .any(|name| points.windows(name.len()).any(|part| part == name));
        at_point
            && (is_authority || !scope.only_authorities)
            && (!is_authority || !scope.only_users)
    }

    fn entry(&self, serial: &[u8]) -> Option<RevokedEntry> {
        let entry = self.entries.get(shortest(serial)).copied()?;
        (entry.reason != Some(REMOVE_FROM_CRL)).then_some(entry)
    }

    /// How new it is.
    fn age(&self) -> Age {
        let since = self.this_update.map(ReadTime::unix_seconds);
        Age::new(since, self.number.as_deref())
    }

    fn read_entry(&mut self, entry: &Tlv<'_>) -> Result<(), &'static str> {
        let mut parts = entry.children();
        let serial = parts.next().and_then(Result::ok);
        let serial = serial
            .filter(|serial| serial.tag == Tag::INTEGER)
            .ok_or("an entry of it has no serial number")?;
        let date = parts
            .next()
            .and_then(Result::ok)
            .ok_or("an entry of it has no date")?;
        let mut revoked = RevokedEntry {
            since: ReadTime::read(&date).map(ReadTime::to_system_time),
            reason: None,
        };
        if let Some(extensions) = parts.next() {
            let extensions = extensions.map_err(|_| "an entry of it cannot be read")?;
            for extension in extensions.children() {
                let extension = extension.map_err(|_| "an entry of it cannot be read")?;
                let (number, critical, value) =
                    numbered_extension(&extension).ok_or("an extension of it cannot be read")?;
                match number {
                    Some(REASON_CODE) => {
                        let reason = read_one(value).ok();
                        revoked.reason = reason.and_then(|reason| reason.value.first().copied());
                    }
                    Some(INVALIDITY_DATE) => {}
                    Some(CERTIFICATE_ISSUER) => {
                        self.unsupported = Some("a list with entries of other issuers (indirect)");
                    }
                    _ if critical => {
                        self.unsupported = Some("a list with an unknown critical extension");
                    }
                    _ => {}
                }
            }
        }
        // Of two entries for one certificate the one that speaks against it counts.
        let entry = self.entries.entry(shortest(serial.value).to_vec());
        let entry = entry.or_insert(revoked);
        if entry.reason == Some(REMOVE_FROM_CRL) {
            *entry = revoked;
        }
        Ok(())
    }

    fn read_extension(&mut self, extension: &Tlv<'_>) -> Result<(), &'static str> {
        let (number, critical, value) =
            numbered_extension(extension).ok_or("an extension of it cannot be read")?;
        match number {
            Some(CRL_NUMBER) => {
                let number = read_one(value).ok();
                self.number = number.map(|number| number.value.to_vec());
            }
            Some(DELTA_CRL_INDICATOR) => {
                self.unsupported = Some("a delta list, which holds changes only,");
            }
            Some(ISSUING_DISTRIBUTION_POINT) => self.read_scope(value)?,
            Some(AUTHORITY_KEY_IDENTIFIER) => self.authority_key = Some(value.to_vec()),
            _ if critical => {
                self.unsupported = Some("a list with an unknown critical extension");
            }
            _ => {}
        }
        Ok(())
    }

    /// IssuingDistributionPoint (RFC 5280 §5.2.5).
    fn read_scope(&mut self, value: &[u8]) -> Result<(), &'static str> {
        let unreadable = "its issuingDistributionPoint cannot be read";
        let point = read_one(value).map_err(|_| unreadable)?;
        for field in point.children() {
            let field = field.map_err(|_| unreadable)?;
            let is_true = field.value.iter().any(|byte| *byte != 0);
            match field.tag.value() {
                0xA0 => match field.children().next() {
                    Some(Ok(names)) if names.tag == Tag::context(0, true) => {
                        let names = names.children().map_while(Result::ok);
                        self.scope.names.extend(names.map(|name| name.raw.to_vec()));
                    }
                    _ => {
                        self.unsupported =
                            Some("a list for a distribution point with a relative name");
                    }
                },
                0x81 => self.scope.only_users = is_true,
                0x82 => self.scope.only_authorities = is_true,
                0x83 => self.unsupported = Some("a list for some reasons only"),
                0x84 if is_true => {
                    self.unsupported = Some("a list with entries of other issuers (indirect)");
                }
                0x85 if is_true => {
                    self.unsupported = Some("a list for attribute certificates only");
                }
                0x84 | 0x85 => {}
                _ => return Err(unreadable),
            }
        }
        if self.scope.only_users && self.scope.only_authorities {
            self.unsupported = Some("a list for users only and for authorities only");
        }
        Ok(())
    }
}

/// The lists that were given, with what is known of their issuers, at one time.
pub(crate) struct Lists<'a> {
    lists: Vec<Judged<'a>>,
}

struct Judged<'a> {
    list: &'a RevocationList,
    trouble: Option<ListTrouble>,
    used: bool,
    /// Whether it is for one of the certificates.
    covers: bool,
    superseded: bool,
}

impl<'a> Lists<'a> {
    pub(crate) fn new(
        lists: &'a [RevocationList],
        issuers: &[CertificateInfo],
        now: SystemTime,
    ) -> Self {
        let judged = lists.iter().map(|list| {
            let genuine = list.is_genuine(issuers);
            Judged {
                list,
                trouble: list.trouble(now, genuine),
                used: false,
                covers: false,
                superseded: false,
            }
        });
        Self {
            lists: judged.collect(),
        }
    }

    /// What the lists say of a certificate (RFC 5280 §6.3.3). One that is out of force, no DER, or by
    /// nobody known makes nothing good, and still speaks against a certificate.
    pub(crate) fn say(
        &mut self,
        info: &CertificateInfo,
        is_authority: bool,
        verdict: &mut Verdict,
    ) {
        let mut in_force = Vec::new();
        let of_issuer = self
            .lists
            .iter_mut()
            .filter(|judged| same_name(&judged.list.issuer_der, &info.issuer_der));
        for judged in of_issuer {
            judged.used = true;
            verdict.asked();
            if !judged.list.covers(info, is_authority) {
                continue;
            }
            judged.covers = true;
            let trouble = judged.trouble.as_ref();
            let entry = judged.list.entry(&info.serial_number);
            let age = judged.list.age();
            match (entry, trouble) {
                (_, Some(trouble)) if trouble.silences() => continue,
                (Some(entry), _) => verdict.revoked(age.clone(), entry),
                (None, Some(ListTrouble::NotVerified { .. })) => verdict.unverified(),
                (None, Some(trouble)) if trouble.disqualifies() => {}
                (None, _) => verdict.good(age.clone()),
            }
            if !trouble.is_some_and(ListTrouble::disqualifies) {
                in_force.push((age, judged));
            }
        }
        let Some(newest) = newest(in_force.iter().map(|(age, _)| age)).cloned() else {
            return;
        };
        for (age, judged) in &mut in_force {
            judged.superseded |= newest.is_newer_than(age);
        }
    }

    /// Whether a list revokes the certificate of somebody who is no authority.
    pub(crate) fn revoke(&mut self, info: &CertificateInfo) -> bool {
        let mut verdict = Verdict::default();
        self.say(info, false, &mut verdict);
        matches!(verdict.revocation(), Revocation::Revoked(_))
    }

    /// What is wrong with the lists, now that all certificates were asked for. A list is told
    /// once.
    pub(crate) fn troubles(self) -> Vec<(String, ListTrouble)> {
        let told = self.lists.into_iter().filter_map(|judged| {
            let trouble = match judged.trouble {
                _ if !judged.used => ListTrouble::Unused,
                Some(trouble) => trouble,
                None if !judged.covers => ListTrouble::OtherScope,
                None if judged.superseded => ListTrouble::Superseded,
                None => return None,
            };
            Some((judged.list.name.clone(), trouble))
        });
        told.collect()
    }
}

fn sequence<'a>(element: Option<Result<Tlv<'a>, kortlab_apdu::Error>>) -> Option<Tlv<'a>> {
    element?.ok().filter(|element| element.tag == Tag::SEQUENCE)
}

/// The number n of an extension 2.5.29.n, whether it is critical, and its value.
fn numbered_extension<'a>(extension: &Tlv<'a>) -> Option<(Option<u8>, bool, &'a [u8])> {
    let (identifier, critical, value) = extension_parts(extension)?;
    let number = match identifier.value {
        [0x55, 0x1D, number] => Some(*number),
        _ => None,
    };
    (value.tag == Tag::OCTET_STRING).then_some((number, critical, value.value))
}
