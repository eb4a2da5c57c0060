//! Whether what a card lists agrees with itself: each object's authentication object is listed, and
//! what is listed as a private key can be one.

use std::collections::BTreeSet;

use kortlab_apdu::FilePath;
use kortlab_pkcs15::{
    CommonObjectAttributes, DirectoryObject, Id, ObjectRef, ObjectValue, PrivateKey, Severity,
};

use crate::contents::{Contents, DirectoryFile};
use crate::key_claims;
use crate::pins;
use crate::problem::{Problem, code};

/// The directory of private keys.
const PRIVATE_KEYS: &str = "EF(PrKDF)";

/// What does not agree, the private keys first.
pub(crate) fn problems(contents: &Contents) -> Vec<Problem> {
    let private = listed(&contents.private_keys, PRIVATE_KEYS, "key", |key| {
        (&key.common, Some(key.id()))
    });
    let public = listed(&contents.public_keys, "EF(PuKDF)", "key", |key| {
        (&key.common, Some(key.id()))
    });
    let secret = listed(&contents.secret_keys, "EF(SKDF)", "key", |key| {
        (&key.common, Some(key.id()))
    });
    let certificates = listed(&contents.certificates, "EF(CDF)", "certificate", |one| {
        (&one.common, Some(one.id()))
    });
    let data = listed(&contents.data, "EF(DODF)", "object", |one| {
        (&one.common, None)
    });
    let objects = private
        .chain(public)
        .chain(secret)
        .chain(certificates)
        .chain(data);
    let pins = pins::Listed::of(contents);
    // One fault is told once: what EF(AODF) would list is not looked for where that is told to be
    // damaged, or not to be there.
    let is_told = contents.damage_to_pins_is_told();
    let mut problems: Vec<_> = objects
        .filter(|object| !is_told || object.names_only_listed(&pins))
        .flat_map(|object| {
            let by_rules = object.rules_without_pin(&pins);
            object.without_pin(&pins).into_iter().chain(by_rules)
        })
        .collect();
    for file in &contents.private_keys {
        let keys = file.directory.listed();
        problems.extend(keys.filter_map(|(index, key)| in_directory(&file.path, index, key)));
    }
    problems.extend(key_claims::problems(contents));
    for file in &contents.secret_keys {
        let keys = file.directory.listed();
        problems.extend(keys.filter_map(|(index, key)| {
            key.value().direct()?;
            let message = "the value of the key stands in the directory, for everybody to read: it is \
                           no secret";
            let code = code::KEY_IN_DIRECTORY;
            let problem = Problem::new(Severity::Warning, code, "EF(SKDF)", &file.path, message);
            Some(problem.about(ObjectRef::of(index, &key.common, Some(key.id()))))
        }));
    }
    problems
}

/// An object that an authentication object may protect.
struct Listed<'a> {
    what: &'static str,
    file: &'static str,
    path: &'a FilePath,
    index: usize,
    common: &'a CommonObjectAttributes,
    id: Option<&'a Id>,
}

/// The objects of these directory files, each of which is a `what`.
fn listed<'a, T: DirectoryObject>(
    files: &'a [DirectoryFile<T>],
    file: &'static str,
    what: &'static str,
    parts: impl Fn(&'a T) -> (&'a CommonObjectAttributes, Option<&'a Id>),
) -> impl Iterator<Item = Listed<'a>> {
    let objects = files.iter().flat_map(|file| {
        let objects = file.directory.listed();
        objects.map(|(index, object)| (&file.path, index, object))
    });
    objects.map(move |(path, index, object)| {
        let (common, id) = parts(object);
        Listed {
            what,
            file,
            path,
            index,
            common,
            id,
        }
    })
}

impl Listed<'_> {
    /// Whether every authentication object that it names is listed.
    fn names_only_listed(&self, pins: &pins::Listed<'_>) -> bool {
        let rules = self.common.access_control_rules.iter();
        let by_rules = rules.flat_map(|rule| rule.security_condition.auth_ids());
        let mut named = self.common.auth_id.iter().chain(by_rules);
        named.all(|id| pins.purpose(id).is_some())
    }

    /// That it names an authentication object that the card does not list (PKCS#15 §6.1.8), or, if it
    /// is a private key, one that no holder has.
    fn without_pin(&self, pins: &pins::Listed<'_>) -> Option<Problem> {
        let auth_id = self.common.auth_id.as_ref()?;
        let listed = pins.purpose(auth_id);
        let may_be = match listed {
            // What is no PIN is told of EF(AODF).
            Some(purpose) => self.file != PRIVATE_KEYS || purpose.is_none(),
            None => false,
        };
        let why = pins.why_no_pin_of_holder(auth_id).filter(|_| !may_be)?;
        let message = format!(
            "the {} is protected by authentication object {auth_id}, {why}",
            self.what
        );
        let problem = self.no_such_pin(pins, message);
        Some(match listed {
            Some(_) => problem.hint(
                "either EF(PrKDF) names the wrong object, or EF(AODF) says of a PIN of the holder that \
                 it is none: whoever issued the card must correct it",
            ),
            None => problem,
        })
    }

    /// That its access control rules (PKCS#15 §6.1.8) name authentication objects that the card does not
    /// list, beside the one that protects it.
    fn rules_without_pin(&self, pins: &pins::Listed<'_>) -> Option<Problem> {
        let rules = self.common.access_control_rules.iter();
        let named: BTreeSet<_> = rules
            .flat_map(|rule| rule.security_condition.auth_ids())
            .filter(|id| self.common.auth_id.as_ref() != Some(*id))
            .collect();
        let (id, why) = named
            .into_iter()
            .filter(|id| pins.purpose(id).is_none())
            .find_map(|id| Some((id, pins.why_no_pin_of_holder(id)?)))?;
        let message = format!(
            "the access control rules of the {} name the authentication object {id}, {why}",
            self.what
        );
        Some(self.no_such_pin(pins, message))
    }

    /// The problem of an authentication object that is named and not listed.
    fn no_such_pin(&self, pins: &pins::Listed<'_>, message: String) -> Problem {
        let code = code::NO_SUCH_PIN;
        let problem = Problem::new(Severity::Warning, code, self.file, self.path, message);
        let problem = problem.about(ObjectRef::of(self.index, self.common, self.id));
        match pins.why_not_all() {
            Some(_) => {
                problem.hint("what is wrong with EF(AODF) comes first: it may be listed there")
            }
            None => problem,
        }
    }
}

/// That the value of a private key stands in the directory: that of a public key that is listed as
/// a private one, for example.
fn in_directory(path: &FilePath, index: usize, key: &PrivateKey) -> Option<Problem> {
    key.attributes.value().and_then(ObjectValue::direct)?;
    let message = "the value of the key stands in the directory, for everybody to read: it is no \
                   private key, or no secret";
    let code = code::KEY_IN_DIRECTORY;
    let problem = Problem::new(Severity::Warning, code, "EF(PrKDF)", path, message);
    Some(problem.about(ObjectRef::of(index, &key.common, Some(key.id()))))
}
