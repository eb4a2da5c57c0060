//! Whether what a card lists agrees with itself: each object's authentication object is listed, and
//! what is listed as a private key can be one.

use std::collections::BTreeSet;

use kortlab_apdu::FilePath;
use kortlab_pkcs15::{
    CommonObjectAttributes, DirectoryObject, Id, ObjectRef, ObjectValue, PrivateKey, Severity,
};

use crate::contents::{Contents, DirectoryFile};
use crate::error::CardError;
use crate::problem::{Problem, code};

/// What does not agree, the private keys first.
pub(crate) fn problems(contents: &Contents) -> Vec<Problem> {
    let pins: BTreeSet<_> = contents
        .authentication
        .iter()
        .flat_map(|file| file.directory.objects())
        .map(|object| &object.authentication.auth_id)
        .collect();
    let private = listed(&contents.private_keys, "EF(PrKDF)", "key", |key| {
        (&key.common, Some(key.id()))
    });
    let public = listed(&contents.public_keys, "EF(PuKDF)", "key", |key| {
        (&key.common, Some(key.id()))
    });
    let certificates = listed(&contents.certificates, "EF(CDF)", "certificate", |one| {
        (&one.common, Some(one.id()))
    });
    let data = listed(&contents.data, "EF(DODF)", "object", |one| {
        (&one.common, None)
    });
    let objects = private.chain(public).chain(certificates).chain(data);
    let why = contents.why_not_all_pins();
    let mut problems: Vec<_> = objects
        .filter_map(|object| object.without_pin(&pins, why.as_ref()))
        .collect();
    for file in &contents.private_keys {
        let keys = file.directory.listed();
        problems.extend(keys.filter_map(|(index, key)| in_directory(&file.path, index, key)));
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
    /// That it names an authentication object that is none of `pins` (PKCS#15 §6.1.8). `why` there may
    /// be others.
    fn without_pin(&self, pins: &BTreeSet<&Id>, why: Option<&CardError>) -> Option<Problem> {
        let auth_id = self.common.auth_id.as_ref()?;
        if pins.contains(auth_id) {
            return None;
        }
        let listed = match why {
            None => "which the card does not list".to_owned(),
            Some(why) => format!("which is none of those that could be read: {why}"),
        };
        let message = format!(
            "the {} is protected by authentication object {auth_id}, {listed}",
            self.what
        );
        let code = code::NO_SUCH_PIN;
        let problem = Problem::new(Severity::Warning, code, self.file, self.path, message);
        let problem = problem.about(ObjectRef::of(self.index, self.common, self.id));
        Some(match why {
            None => problem,
            Some(_) => {
                problem.hint("what is wrong with EF(AODF) comes first: it may be listed there")
            }
        })
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
