//! Whether what the directories of keys say of a key, beside its place, is so by its certificates: whose
//! it is, by which names it is known (PKCS#15 §6.1.11, §6.1.12), and for how long (§6.1.9).

use std::collections::BTreeMap;
use std::time::SystemTime;

use kortlab_apdu::tlv::{Tag, object, read_one};
use kortlab_pkcs15::{
    CommonKeyAttributes, CommonObjectAttributes, CredentialIdentifier, DirectoryObject, Element,
    GeneralizedTime, Id, ObjectRef, Severity,
};

use super::identifiers;
use super::{CheckedSlot, SlotProblem};
use crate::certificate::{CertificateInfo, ReadTime, same_name};
use crate::contents::{Contents, DirectoryFile};
use crate::problem::{Problem, code};

/// The most further names of one object that are looked at.
pub(super) const MAX_NAMES: usize = 16;

/// What is said otherwise in the directories of private and public keys. `certificates` are those of the
/// card, `issuers` the certificates of issuers that are at hand.
pub(super) fn problems(
    contents: &Contents,
    certificates: &[CheckedSlot],
    issuers: &[CertificateInfo],
    now: SystemTime,
) -> Vec<Problem> {
    let mut known = BTreeMap::<&Id, Vec<&CheckedSlot>>::new();
    for checked in certificates {
        if !checked.slot.is_authority() {
            known
                .entry(checked.slot.key_id())
                .or_default()
                .push(checked);
        }
    }
    let private = listed(&contents.private_keys, "EF(PrKDF)", |key| {
        let private = key.private.as_ref();
        Said {
            common: &key.common,
            key: &key.key,
            subject: private.and_then(|private| private.subject_name.as_ref()),
            names: private.map_or(&[], |private| &private.key_identifiers),
        }
    });
    let public = listed(&contents.public_keys, "EF(PuKDF)", |key| {
        let public = key.public.as_ref();
        Said {
            common: &key.common,
            key: &key.key,
            subject: public.and_then(|public| public.subject_name.as_ref()),
            names: public.map_or(&[], |public| &public.key_identifiers),
        }
    });
    let secret = listed(&contents.secret_keys, "EF(SKDF)", |key| Said {
        common: &key.common,
        key: &key.key,
        subject: None,
        names: &[],
    });
    private
        .chain(public)
        .chain(secret)
        .flat_map(|entry| {
            let own = known.get(&entry.said.key.id);
            let own = own.map_or(&[][..], Vec::as_slice);
            let other = entry.other_than(own, issuers);
            other.into_iter().chain(entry.out_of_time(own, now))
        })
        .collect()
}

/// What a directory says of a key.
struct Said<'a> {
    common: &'a CommonObjectAttributes,
    key: &'a CommonKeyAttributes,
    subject: Option<&'a Element>,
    names: &'a [CredentialIdentifier],
}

/// The same, and where it says it.
struct Entry<'a> {
    file: &'static str,
    directory: &'a kortlab_apdu::FilePath,
    index: usize,
    said: Said<'a>,
}

fn listed<'a, T: DirectoryObject>(
    files: &'a [DirectoryFile<T>],
    file: &'static str,
    said: impl Fn(&'a T) -> Said<'a>,
) -> impl Iterator<Item = Entry<'a>> {
    let objects = files.iter().flat_map(|file| {
        let objects = file.directory.listed();
        objects.map(|(index, key)| (&file.path, index, key))
    });
    objects.map(move |(directory, index, key)| Entry {
        file,
        directory,
        index,
        said: said(key),
    })
}

impl Entry<'_> {
    fn problem(&self, severity: Severity, code: &'static str, message: String) -> Problem {
        let Said { common, key, .. } = self.said;
        Problem::new(severity, code, self.file, self.directory, message).about(ObjectRef::of(
            self.index,
            common,
            Some(&key.id),
        ))
    }

    /// Names of the key that are in none of its certificates. Where one of these was not read, nothing is
    /// said: it may be the one.
    fn other_than(&self, own: &[&CheckedSlot], issuers: &[CertificateInfo]) -> Option<Problem> {
        let infos: Vec<&CertificateInfo> = own
            .iter()
            .map(|checked| checked.slot.info.as_deref())
            .collect::<Option<_>>()?;
        if infos.is_empty() {
            return None;
        }
        let is_own = |name: &Element| {
            let mut subjects = infos.iter().map(|info| &info.subject_der);
            subjects.any(|subject| subject.is_empty() || same_name(name.bytes(), subject))
        };
        let is_other_subject = self.said.subject.is_some_and(|name| !is_own(name));
        let mut what: Vec<_> = is_other_subject.then_some("subject").into_iter().collect();
        for name in self.said.names.iter().take(MAX_NAMES) {
            let mut others = infos
                .iter()
                .map(|info| identifiers::otherwise(name, info, issuers));
            let Some(Some(first)) = others.next() else {
                continue;
            };
            if others.all(|other| other.is_some()) {
                what.push(first);
            }
        }
        what.dedup();
        let what = match what.as_slice() {
            [] => return None,
            all => all.join(", another "),
        };
        let message = format!(
            "it says another {what} of the key than any of its certificates has: programs that look for \
             the key by that do not find it"
        );
        let problem = self.problem(Severity::Warning, code::LISTED_OTHERWISE, message);
        Some(problem.hint("the directory is at fault: whoever issued the card must correct it"))
    }

    /// That the time in which the key is to be used is none, or is not now, while a certificate for it is
    /// valid. Cards do not keep keys to it, nor do OpenSC and PKCS#11 (§4.7 there); a key that got a new
    /// certificate may be past it.
    fn out_of_time(&self, own: &[&CheckedSlot], now: SystemTime) -> Option<Problem> {
        let CommonKeyAttributes {
            start_date,
            end_date,
            ..
        } = self.said.key;
        if let (Some(start), Some(end)) = (start_date, end_date)
            && start > end
        {
            let message = format!("the key is to be used from {start} to {end}, which is never");
            let problem = self.problem(Severity::Warning, code::KEY_PERIOD, message);
            return Some(
                problem.hint("the directory is at fault: whoever issued the card must correct it"),
            );
        }
        let is_valid = |checked: &&CheckedSlot| {
            let out = |problem: &SlotProblem| {
                matches!(
                    problem,
                    SlotProblem::Expired | SlotProblem::NotYetValid | SlotProblem::UnknownValidity
                )
            };
            checked.slot.info.is_some() && !checked.problems.iter().any(out)
        };
        if !own.iter().any(is_valid) {
            return None;
        }
        let not_yet = start_date
            .as_ref()
            .filter(|start| time(start).is_some_and(|start| start > now));
        let over = end_date
            .as_ref()
            .filter(|end| time(end).is_some_and(|end| end < now));
        let when = match (not_yet, over) {
            (Some(start), _) => format!("from {start} on"),
            (None, Some(end)) => format!("until {end}"),
            (None, None) => return None,
        };
        let message = format!(
            "the key is to be used {when}, and a certificate for it is valid now: programs that keep to \
             that do not use it"
        );
        let problem = self.problem(Severity::Note, code::KEY_PERIOD, message);
        Some(problem.hint(
            "nothing needs to be done where the key works: cards and OpenSC do not keep to it; whoever \
             issued the card can correct the directory",
        ))
    }
}

fn time(time: &GeneralizedTime) -> Option<SystemTime> {
    let element = object(Tag::GENERALIZED_TIME, time.as_str().as_bytes());
    let read = ReadTime::read(&read_one(&element).ok()?)?;
    Some(read.to_system_time())
}
