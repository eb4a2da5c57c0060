//! Whether the certificates on the card are good for anything now, and what could not be told.

use core::fmt;
use std::time::{Duration, SystemTime};

use kortlab_apdu::{Channel, FilePath};
use kortlab_pkcs15::{Id, PublicKey, Severity};

use super::{Slot, SlotProblem, key_entries, listed, usage};
use crate::card::Card;
use crate::certificate::{
    CertificateInfo, Limits, ReadTime, is_signed_by_spki, limits, same_name, why_no_issuer,
};
use crate::elsewhere;
use crate::error::{CardError, ErrorKind};
use crate::keys::{EcPoint, Key, KeyKind};
use crate::ocsp::{AnswerTrouble, Answers, OcspAnswer};
use crate::problem::{Problem, code};
use crate::revocation::{ListTrouble, Lists, Revocation, RevocationList};
use crate::verdict::Verdict;

/// Against what certificates are checked, beside the card itself.
#[derive(Clone, Debug, Default)]
pub struct Against {
    /// Certificates of issuers, DER. Those of authorities on the card are used as well.
    pub issuers: Vec<Vec<u8>>,
    /// Whether these are all issuers there are: then a certificate of another one is a finding.
    pub all_issuers: bool,
    /// Revocation lists.
    pub lists: Vec<RevocationList>,
    /// Answers of OCSP responders.
    pub answers: Vec<OcspAnswer>,
}

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// The certificates, each with what is wrong with it.
    pub certificates: Vec<CheckedSlot>,
    /// What is wrong with the card beside its certificates: keys that are not there, no
    /// certificate at all. What is wrong with the directory files is in
    /// [`Contents::problems`](crate::Contents).
    pub problems: Vec<Problem>,
    /// What is wrong with the revocation lists: the name of each, and its trouble.
    pub lists: Vec<(String, ListTrouble)>,
    /// What is wrong with the answers of responders: the name of each, and its trouble.
    pub answers: Vec<(String, AnswerTrouble)>,
    /// Which files were not looked for, in words.
    pub not_looked_for: Vec<String>,
    /// Whether the card has no certificate and, as far as it was looked for them, has not lost any:
    /// all that the ODF names was read, and nothing was found that nothing names. `false` where that
    /// was not looked at ([`Card::survey`]).
    pub is_empty: bool,
}

/// A certificate and what is wrong with it now.
#[derive(Clone, Debug)]
pub struct CheckedSlot {
    /// The certificate.
    pub slot: Slot,
    /// What is wrong with it; empty if nothing is.
    pub problems: Vec<SlotProblem>,
    /// What the revocation lists and the answers of responders say of it.
    pub revocation: Revocation,
    /// What of it was not checked.
    pub not_checked: Vec<NotChecked>,
}

/// What of a certificate could not be checked with what was given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum NotChecked {
    /// Its signature: the certificate of its issuer is not at hand.
    Signature {
        /// The issuer's name.
        issuer: String,
    },
    /// Its signature: the algorithm, or the issuer's key, is of a kind that is not known here.
    SignatureAlgorithm {
        /// The issuer's name.
        issuer: String,
    },
    /// Whether its names are among those that its issuer may give (RFC 5280 §4.2.1.10): an address with
    /// letters in it beside those of ASCII, or a limit for such ones.
    Names {
        /// The issuer's name.
        issuer: String,
    },
    /// Whether it is revoked: no list of its issuer was given, and no answer about it.
    Revocation {
        /// The issuer's name.
        issuer: String,
    },
    /// Whether it is revoked: nothing that was given says anything of it.
    Lists {
        /// The issuer's name.
        issuer: String,
    },
    /// Whether it is revoked: the list is not known to be its issuer's.
    ListSignature {
        /// The issuer's name.
        issuer: String,
    },
    /// Whether its key is the card's: it is of a kind that is not known here, or the card has no
    /// public key for it.
    Key {
        /// The key's identifier.
        key: Id,
    },
}

impl NotChecked {
    /// A stable name for programs, in kebab case.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Signature { .. } => "signature",
            Self::SignatureAlgorithm { .. } => "signature-algorithm",
            Self::Names { .. } => "name-constraints",
            Self::Revocation { .. } | Self::Lists { .. } => "revocation",
            Self::ListSignature { .. } => "list-signature",
            Self::Key { .. } => "key",
        }
    }
}

impl fmt::Display for NotChecked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature { issuer } => write!(
                f,
                "the signature by {issuer}, whose certificate was not given (--issuer, --ca-dir)"
            ),
            Self::SignatureAlgorithm { issuer } => write!(
                f,
                "the signature by {issuer}, which is of a kind that cannot be checked here"
            ),
            Self::Names { issuer } => {
                write!(f, "whether {issuer} may give these names (nameConstraints)")
            }
            Self::Revocation { issuer } => write!(
                f,
                "revocation by {issuer}: no list and no answer was given (--crl, --ocsp)"
            ),
            Self::Lists { issuer } => write!(
                f,
                "revocation by {issuer}: nothing that was given says anything now"
            ),
            Self::ListSignature { issuer } => write!(
                f,
                "the signature of the list of {issuer} (--issuer, --ca-dir)"
            ),
            Self::Key { key } => write!(f, "whether the public key is that of key {key}"),
        }
    }
}

impl Checked {
    /// What is wrong with the revocation lists and the answers of responders, each as a problem of
    /// the one that it is about.
    pub fn problems_of_evidence(&self) -> impl Iterator<Item = Problem> {
        let lists = self.lists.iter();
        let answers = self.answers.iter();
        lists
            .map(|(name, trouble)| trouble.to_problem(name))
            .chain(answers.map(|(name, trouble)| trouble.to_problem(name)))
    }
}

impl CheckedSlot {
    /// What is wrong, each as a problem of the file that the certificate is in.
    pub fn to_problems(&self) -> impl Iterator<Item = Problem> {
        self.problems
            .iter()
            .map(|problem| problem.to_problem(&self.slot))
    }
}

impl<C: Channel> Card<C> {
    /// Looks at every certificate on the card, at the time `now`, against these issuers and
    /// revocation lists.
    ///
    /// # Errors
    /// The card is gone.
    pub fn survey(&mut self, now: SystemTime, against: &Against) -> Result<Checked, CardError> {
        let mut checked = Checked::default();
        self.survey_as_far(now, against, &mut checked)?;
        Ok(checked)
    }

    /// The same into `checked`, which has what was found before an error ended it.
    fn survey_as_far(
        &mut self,
        now: SystemTime,
        against: &Against,
        checked: &mut Checked,
    ) -> Result<(), CardError> {
        self.exclusively(|card| {
            let (slots, mut gone) = card.slots_as_far();
            let issuers = issuers(&slots, against);
            let mut lists = Lists::new(&against.lists, &issuers, now);
            let mut answers = Answers::new(&against.answers, now);
            let commits = usage::is_any_for_commitment(card.contents());
            for slot in slots {
                let mut one = CheckedSlot {
                    problems: slot.findings.clone(),
                    slot,
                    revocation: Revocation::NotChecked,
                    not_checked: Vec::new(),
                };
                if let Some(info) = one.slot.info.clone() {
                    one.problems.extend(validity(&info, now));
                    let otherwise = listed::otherwise(&one.slot, &info, &issuers);
                    one.problems.extend(otherwise);
                    // The issuer may be among those that were not read any more.
                    let all_issuers = against.all_issuers && gone.is_none();
                    one.look_at_signature(&info, &issuers, all_issuers, now);
                    one.look_at_revocation(&info, &issuers, &mut lists, &mut answers);
                    if gone.is_none() {
                        gone = card.look_at_key(&mut one, &info).err();
                    }
                    if gone.is_some() && !one.slot.is_authority() {
                        let key = one.slot.key_id().clone();
                        one.not_checked.push(NotChecked::Key { key });
                    }
                    card.look_at_usage(&mut one, &info, commits);
                }
                checked.certificates.push(one);
            }
            if gone.is_none() {
                let certificates = &checked.certificates;
                checked.problems =
                    key_entries::problems(card.contents(), certificates, &issuers, now)
                        .into_iter()
                        .map(|problem| card.of_this_card(problem))
                        .collect();
            }
            checked.lists = lists.troubles();
            checked.answers = answers.troubles();
            gone.map_or(Ok(()), Err)
        })
    }

    /// The same as [`Card::survey`], and whether the path of each private key leads to a file that
    /// can be its own, is in use and is used by the PIN that is listed for it, there is any
    /// certificate, none and no directory seems to have lost its entry, and the certificates are for
    /// the card with this number.
    ///
    /// # Errors
    /// The card is gone.
    pub fn check(&mut self, now: SystemTime, against: &Against) -> Result<Checked, CardError> {
        let mut checked = Checked::default();
        self.check_as_far(now, against, &mut checked)?;
        Ok(checked)
    }

    /// The same into `checked`, which is empty before, and has what was found before an error ended it.
    ///
    /// # Errors
    /// The card is gone.
    pub fn check_as_far(
        &mut self,
        now: SystemTime,
        against: &Against,
        checked: &mut Checked,
    ) -> Result<(), CardError> {
        let read = self.look_at_all(now, against, checked);
        let told = core::mem::take(&mut checked.problems);
        checked.problems = told.into_iter().map(|one| self.of_this_card(one)).collect();
        read
    }

    fn look_at_all(
        &mut self,
        now: SystemTime,
        against: &Against,
        checked: &mut Checked,
    ) -> Result<(), CardError> {
        self.exclusively(|card| {
            card.survey_as_far(now, against, checked)?;
            let of_keys = card.key_files(&checked.certificates)?;
            checked.problems.extend(of_keys);
            checked.problems.extend(card.secret_key_files()?);
            if checked.certificates.is_empty() {
                checked.problems.push(card.no_certificates());
            } else {
                checked.problems.extend(card.keys_without_certificate());
            }
            checked.problems.extend(card.more_than_certificates()?);
            let unlisted = card.files_not_listed()?;
            checked.is_empty = checked.certificates.is_empty()
                && !card.contents().odf.entries.is_empty()
                && card.contents().why_not_all_directories().is_none()
                && !unlisted.may_hold_certificates;
            checked.problems.extend(unlisted.problems);
            checked.not_looked_for.extend(unlisted.not_looked_for);
            let others = card.other_numbers(&checked.certificates);
            checked.problems.extend(others);
            let warned = card.read_with_warning(checked);
            checked.problems.extend(warned);
            Ok(())
        })
    }

    /// The files that the card gave with a warning, where that is not told yet: those of public keys and of
    /// others whose value alone is used.
    fn read_with_warning(&self, checked: &Checked) -> Vec<Problem> {
        let is_told = |path: &FilePath, code: &str| {
            let of_slots = checked.certificates.iter().any(|one| {
                let findings = || one.problems.iter().map(SlotProblem::code);
                one.slot.path.as_ref() == Some(path) && findings().any(|told| told == code)
            });
            let problems = self.contents().problems.iter().chain(&checked.problems);
            let mut of_files = problems.filter(|problem| problem.path() == path);
            of_slots || of_files.any(|problem| problem.code() == code)
        };
        self.warned_files()
            .filter(|(path, remark)| !is_told(path, remark.code))
            .map(|(path, remark)| {
                let severity = Severity::Warning;
                Problem::new(severity, remark.code, "a file", &path, &*remark.message)
            })
            .collect()
    }

    fn no_certificates(&self) -> Problem {
        let directory = self.contents().certificates.first();
        let path = directory.map(|file| file.path.clone());
        let why = self.contents().why_not_all_certificates();
        let message = match &why {
            Some(why) => format!("no certificate was found on the card: {why}"),
            None => "there is no certificate on the card".to_owned(),
        };
        let problem = Problem::new(
            Severity::Warning,
            code::NO_CERTIFICATES,
            "EF(CDF)",
            &path.unwrap_or_default(),
            message,
        );
        if why.is_some() {
            return problem.hint("what is wrong with the directory comes first: there may be some");
        }
        problem.hint(
            "write one with `kortlab cert write`, or renew the card; where an empty card is right, \
             check it with --allow-empty",
        )
        .hint_elsewhere(format!(
            "{}; where an empty card is right, check it with --allow-empty",
            elsewhere::write(None)
        ))
    }

    fn look_at_key(
        &mut self,
        checked: &mut CheckedSlot,
        info: &CertificateInfo,
    ) -> Result<(), CardError> {
        if checked.slot.object.certificate.authority && !info.is_authority() {
            checked.problems.push(SlotProblem::NotAuthority);
        }
        if checked.slot.is_authority() {
            return Ok(());
        }
        let id = checked.slot.key_id().clone();
        let key = match self.key(&id) {
            Ok(key) => key,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                checked.problems.push(SlotProblem::NoKey { key: id });
                return Ok(());
            }
            // That not all of EF(PrKDF) could be read is told of that file.
            Err(_) => {
                checked.not_checked.push(NotChecked::Key { key: id });
                return Ok(());
            }
        };
        if key.kind != KeyKind::Rsa && info.public_key.is_none() {
            return self.look_at_other_key(checked, &key, info);
        }
        let bits = info.public_key.as_ref().map(|key| key.bits() as u32);
        if key.kind != KeyKind::Rsa && bits.is_some() {
            let key = id.clone();
            checked.problems.push(SlotProblem::KeyKind { key });
        } else if let (Some(said), Some(bits)) = (key.bits, bits)
            && said != bits
        {
            checked.problems.push(SlotProblem::KeySize {
                key: id.clone(),
                said,
                bits,
            });
        }
        if let Some(bits) = bits {
            let of_public = self.contents().public_keys_with(&id);
            let said = of_public.filter_map(PublicKey::modulus_length);
            let wrong: Vec<_> = said.filter(|said| *said != bits).collect();
            let wrong = wrong.into_iter().map(|said| SlotProblem::PublicKeySize {
                key: id.clone(),
                said,
                bits,
            });
            checked.problems.extend(wrong);
        }
        let Some(listed) = checked.within_budget(self.listed_public_key(&id))? else {
            return Ok(());
        };
        // Without a public key of the card's own the certificates can still contradict each other.
        let is_listed = listed.is_some();
        let known = match listed {
            Some(listed) => Some(listed),
            None => match checked.within_budget(self.public_key(&id))? {
                Some(known) => known,
                None => return Ok(()),
            },
        };
        if known.is_some() && known != info.public_key {
            checked.problems.push(SlotProblem::KeyMismatch { key: id });
        } else if !is_listed {
            self.without_public_key(checked, id);
        }
        Ok(())
    }

    /// The same for a key of an elliptic curve. Keys of other kinds are not compared.
    fn look_at_other_key(
        &mut self,
        checked: &mut CheckedSlot,
        key: &Key,
        info: &CertificateInfo,
    ) -> Result<(), CardError> {
        let id = key.id.clone();
        let certified = EcPoint::read(&info.public_key_der);
        let (KeyKind::Ec, Some(certified)) = (key.kind, certified) else {
            checked.not_checked.push(NotChecked::Key { key: id });
            return Ok(());
        };
        match checked.within_budget(self.listed_point(&id))? {
            Some(Some(listed)) if listed != certified => {
                checked.problems.push(SlotProblem::KeyMismatch { key: id });
            }
            Some(None) => self.without_public_key(checked, id),
            Some(Some(_)) | None => {}
        }
        Ok(())
    }

    /// The card has no public key of its own for this certificate: a fault where it lists others, all
    /// of which are known.
    fn without_public_key(&self, checked: &mut CheckedSlot, key: Id) {
        let contents = self.contents();
        if contents.public_keys.is_empty() || contents.why_not_all_public_keys().is_some() {
            checked.not_checked.push(NotChecked::Key { key });
        } else {
            checked.problems.push(SlotProblem::NoPublicKey { key });
        }
    }
}

impl CheckedSlot {
    /// What was read; nothing, and a problem of this slot, where the budget did not reach.
    ///
    /// # Errors
    /// All others.
    fn within_budget<T>(&mut self, read: Result<T, CardError>) -> Result<Option<T>, CardError> {
        match read {
            Ok(read) => Ok(Some(read)),
            Err(error) if error.kind() == ErrorKind::Budget => {
                self.problems.push(SlotProblem::NotRead(error.to_string()));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// An issuer is known by its name (RFC 5280 §7.1), or by the identifier of its key
    /// (§4.2.1.1): where the certificate names it by one and not by the other, it was changed.
    fn look_at_signature(
        &mut self,
        info: &CertificateInfo,
        issuers: &[CertificateInfo],
        all: bool,
        now: SystemTime,
    ) {
        let issuer = issuer_text(info);
        let named_key = info.authority_key_identifier();
        let mut found = false;
        let mut unknown = false;
        let mut other_key = false;
        let mut own_fault = None;
        for candidate in issuers {
            let by_name = same_name(&candidate.subject_der, &info.issuer_der);
            let by_key = named_key.is_some() && named_key == candidate.subject_key_identifier();
            if !by_name && !by_key {
                continue;
            }
            found = true;
            match is_signed_by_spki(&self.slot.der, &candidate.public_key_der) {
                Some(true) if by_name && info.names_key_of(candidate) => {
                    let Some(fault) = fault_of_issuer(info, candidate, now) else {
                        if candidate != info {
                            self.remark_on_issuer(info, candidate);
                        }
                        return;
                    };
                    own_fault = Some(fault);
                }
                Some(true) if by_name => other_key = true,
                Some(_) => {}
                None => unknown = true,
            }
        }
        if let Some(fault) = own_fault {
            self.problems.push(fault);
        } else if other_key {
            self.problems.push(SlotProblem::OtherIssuerKey { issuer });
        } else if found && !unknown {
            self.problems.push(SlotProblem::BadSignature { issuer });
        } else if found {
            self.not_checked
                .push(NotChecked::SignatureAlgorithm { issuer });
        } else if all && !self.slot.is_authority() {
            self.problems.push(SlotProblem::UnknownIssuer { issuer });
        } else {
            self.not_checked.push(NotChecked::Signature { issuer });
        }
    }

    /// What is to be said of the certificate of an issuer that may issue this one.
    fn remark_on_issuer(&mut self, info: &CertificateInfo, found: &CertificateInfo) {
        let issuer = issuer_text(info);
        if limits(info, found) == Limits::Unknown {
            let issuer = issuer.clone();
            self.not_checked.push(NotChecked::Names { issuer });
        }
        // The gravest one, of these the first.
        let fault = found.faults.iter().rev();
        if let Some(fault) = fault.max_by_key(|fault| fault.severity) {
            let fault = fault.clone();
            self.problems
                .push(SlotProblem::IssuerNotStrict { issuer, fault });
        }
    }

    fn look_at_revocation(
        &mut self,
        info: &CertificateInfo,
        issuers: &[CertificateInfo],
        lists: &mut Lists<'_>,
        answers: &mut Answers<'_>,
    ) {
        let mut verdict = Verdict::default();
        lists.say(info, self.slot.is_authority(), &mut verdict);
        answers.say(info, issuers, lists, &mut verdict);
        self.revocation = verdict.revocation();
        let issuer = issuer_text(info);
        match self.revocation {
            Revocation::NotChecked => {
                self.not_checked.push(NotChecked::Revocation { issuer });
            }
            Revocation::Unknown => self.not_checked.push(NotChecked::Lists { issuer }),
            Revocation::Unverified => {
                self.not_checked.push(NotChecked::ListSignature { issuer });
            }
            Revocation::Revoked(entry) => {
                let since = entry.since;
                self.problems.push(SlotProblem::Revoked { since });
            }
            Revocation::NotIssued => {
                self.problems.push(SlotProblem::NotIssued { issuer });
            }
            Revocation::Good => {}
        }
    }
}

/// Why the certificate of its issuer is none for it, at the time `now`. One that is signed by itself is no
/// other's.
fn fault_of_issuer(
    info: &CertificateInfo,
    issuer: &CertificateInfo,
    now: SystemTime,
) -> Option<SlotProblem> {
    if issuer == info {
        return None;
    }
    let name = || issuer_text(info);
    if let Some(why) = why_no_issuer(issuer) {
        return Some(SlotProblem::IssuerNotAuthorised {
            issuer: name(),
            why,
        });
    }
    if let Limits::Broken(why) = limits(info, issuer) {
        return Some(SlotProblem::NameNotPermitted {
            issuer: name(),
            why,
        });
    }
    let why = match validity(issuer, now)? {
        SlotProblem::Expired => "has expired",
        SlotProblem::NotYetValid => "is not valid yet",
        _ => "says no time that all programs read alike",
    };
    Some(SlotProblem::IssuerNotValid {
        issuer: name(),
        why,
    })
}

fn issuer_text(info: &CertificateInfo) -> String {
    info.issuer_text()
        .unwrap_or("an issuer whose name cannot be read")
        .to_owned()
}

/// The issuers' certificates that were given, and those of authorities on the card: what the
/// directory lists as one, and what says that it is one.
pub(crate) fn issuers(slots: &[Slot], against: &Against) -> Vec<CertificateInfo> {
    let says = |slot: &Slot| slot.info.as_ref().is_some_and(|info| info.is_authority());
    let on_card = slots
        .iter()
        .filter(|slot| slot.is_authority() || says(slot))
        .map(|slot| &*slot.der);
    let given = against.issuers.iter().map(Vec::as_slice);
    given
        .chain(on_card)
        .filter_map(CertificateInfo::parse)
        .collect()
}

/// A time in the past is past, whatever its form; one to come is believed only in the form that
/// all programs read alike.
fn validity(info: &CertificateInfo, now: SystemTime) -> Option<SlotProblem> {
    let from = info.not_before.map(ReadTime::to_system_time);
    let until = info.not_after.map(ReadTime::to_system_time);
    let in_der = |time: Option<ReadTime>| time.is_some_and(|time| time.is_der);
    match (from, until) {
        (_, Some(until)) if now >= until + Duration::from_secs(1) => Some(SlotProblem::Expired),
        (Some(from), _) if now < from => Some(SlotProblem::NotYetValid),
        (Some(_), Some(_)) if in_der(info.not_before) && in_der(info.not_after) => None,
        _ => Some(SlotProblem::UnknownValidity),
    }
}
