//! Whether what the directories say of a key fits together: its access flags, and the algorithms that it
//! names in EF(TokenInfo) (CommonKeyAttributes, ISO/IEC 7816-15 §8.2.9; PKCS#15 §6.1.9).

use kortlab_apdu::FilePath;
use kortlab_pkcs15::{
    AlgorithmInfo, CommonKeyAttributes, CommonObjectAttributes, KeyAccess, KeyAttributes, KeyInfo,
    ObjectRef, Severity, TokenInfo,
};

use crate::contents::Contents;
use crate::problem::{Problem, code};

/// The most algorithms of one key that are looked at.
const MAX_NAMED: usize = 64;

/// The sizes of fields that OpenSC writes in the place of a reference to an algorithm (keyInfo of an
/// elliptic-curve key).
const FIELD_BITS: core::ops::RangeInclusive<u32> = 112..=640;

/// What of a private or secret key does not fit together.
pub(crate) fn problems(contents: &Contents) -> Vec<Problem> {
    let token = contents.certain_token_info();
    let mut problems = Vec::new();
    for file in &contents.private_keys {
        for (index, key) in file.directory.listed() {
            let entry = Entry {
                file: "EF(PrKDF)",
                directory: &file.path,
                index,
                common: &key.common,
                key: &key.key,
                attributes: Some(&key.attributes),
            };
            problems.extend(entry.problems(token));
        }
    }
    for file in &contents.secret_keys {
        for (index, key) in file.directory.listed() {
            let entry = Entry {
                file: "EF(SKDF)",
                directory: &file.path,
                index,
                common: &key.common,
                key: &key.key,
                attributes: None,
            };
            problems.extend(entry.problems(token));
        }
    }
    problems
}

impl Contents {
    /// EF(TokenInfo), if it could be read whole and nothing is wrong with it: what it does not list then
    /// is not there.
    fn certain_token_info(&self) -> Option<&TokenInfo> {
        let path = &self.token_info_path;
        let is_told = |problem: &Problem| problem.counts() && problem.path() == path;
        let is_certain = self.unread_file(path).is_none() && !self.problems.iter().any(is_told);
        self.token_info.as_ref().filter(|_| is_certain)
    }
}

/// An entry of a directory of keys.
struct Entry<'a> {
    file: &'static str,
    directory: &'a FilePath,
    index: usize,
    common: &'a CommonObjectAttributes,
    key: &'a CommonKeyAttributes,
    /// Of a private key.
    attributes: Option<&'a KeyAttributes>,
}

impl Entry<'_> {
    fn problems(&self, token: Option<&TokenInfo>) -> impl Iterator<Item = Problem> {
        let flags = self.flags();
        flags
            .into_iter()
            .chain(token.and_then(|token| self.algorithms(token)))
    }

    /// Access flags that cannot be right together.
    fn flags(&self) -> Option<Problem> {
        let flags = self.key.access_flags?;
        let (severity, what) = if flags
            .contains(KeyAccess::EXTRACTABLE.union(KeyAccess::NEVER_EXTRACTABLE))
        {
            let what = "that it can leave the card, and that it never could";
            (Severity::Warning, what)
        } else if flags.contains(KeyAccess::ALWAYS_SENSITIVE)
            && !flags.contains(KeyAccess::SENSITIVE)
        {
            let what = "that it always was secret, and not that it is";
            (Severity::Warning, what)
        } else if flags.intersects(KeyAccess::ALWAYS_SENSITIVE.union(KeyAccess::NEVER_EXTRACTABLE))
            && !flags.contains(KeyAccess::LOCAL)
        {
            let what = "that it never was outside of the card, and not that it was made there";
            (Severity::Note, what)
        } else {
            return None;
        };
        let message = format!(
            "its accessFlags say {what} ({flags}; ISO/IEC 7816-15 §8.2.9): programs that show how well \
             a key is kept cannot rely on them"
        );
        Some(self.problem(severity, message))
    }

    /// An algorithm that it names, and that EF(TokenInfo) does not list, or lists for other keys.
    fn algorithms(&self, token: &TokenInfo) -> Option<Problem> {
        let listed = |reference: u32| {
            let mut all = token.supported_algorithms.iter();
            all.find(|info| info.reference == reference)
        };
        let named = self.key.algorithm_references.iter().take(MAX_NAMED);
        let named = named.map(|&reference| ("algReference", "§8.2.9", reference));
        let named = named.chain(self.of_key_info(token));
        let mut wrong = named.filter_map(|(what, clause, reference)| {
            let why = match listed(reference) {
                None => "which supportedAlgorithms of EF(TokenInfo) does not list",
                Some(info) if self.is_for_others(info) => {
                    "which is for keys of another kind, as EF(TokenInfo) has it"
                }
                Some(_) => return None,
            };
            Some(format!(
                "it works with the algorithm {reference} ({what}, ISO/IEC 7816-15 {clause}), {why}: \
                 programs that go by that do not find out how to use it"
            ))
        });
        wrong
            .next()
            .map(|message| self.problem(Severity::Warning, message))
    }

    /// The algorithm that keyInfo refers to.
    fn of_key_info(&self, token: &TokenInfo) -> Option<(&'static str, &'static str, u32)> {
        let (key_info, is_curve) = match self.attributes? {
            KeyAttributes::Rsa { key_info, .. } => (key_info, false),
            KeyAttributes::Ec { key_info, .. } => (key_info, true),
            KeyAttributes::Other { .. } => return None,
        };
        let Some(KeyInfo::Reference(reference)) = key_info else {
            return None;
        };
        let mut all = token.supported_algorithms.iter();
        let is_listed = all.any(|info| info.reference == *reference);
        if is_curve && !is_listed && FIELD_BITS.contains(reference) {
            return None;
        }
        Some(("keyInfo", "§8.4", *reference))
    }

    /// Whether an algorithm is for RSA keys and this is an elliptic-curve key, or the other way round, by
    /// its number in PKCS#11.
    fn is_for_others(&self, info: &AlgorithmInfo) -> bool {
        let is_rsa = matches!(info.algorithm, 0x00..=0x0E | 0x40..=0x47);
        let is_curve = matches!(info.algorithm, 0x1040..=0x1051);
        match self.attributes {
            Some(KeyAttributes::Rsa { .. }) => is_curve,
            Some(KeyAttributes::Ec { .. }) => is_rsa,
            _ => false,
        }
    }

    fn problem(&self, severity: Severity, message: String) -> Problem {
        let code = code::KEY_CONTRADICTION;
        let problem = Problem::new(severity, code, self.file, self.directory, message);
        let object = ObjectRef::of(self.index, self.common, Some(&self.key.id));
        problem.about(object).hint(format!(
            "whoever wrote {} must correct it: the key itself is as it is",
            self.file
        ))
    }
}
