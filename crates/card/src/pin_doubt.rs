//! Whether the files of a card leave no doubt about which PIN is the one for a purpose. A PIN that is
//! sent as another costs that other a try.

use std::collections::BTreeMap;
use std::ptr;

use kortlab_apdu::FilePath;
use kortlab_pkcs15::{AccessMode, Id, ObjectRef, PrivateKey, Severity};

use crate::contents::Contents;
use crate::pin_forms;
use crate::pins::{Listed, PinObject, PinPurpose, find, pin_object, pin_objects, role_key};
use crate::problem::{Problem, code};
use crate::profile::Profile;
use crate::role::PinRole;

/// What is to be corrected so that no doubt is left, each thing once. What has a finding of its own
/// already is not among it: a PIN that is not listed, a damaged file.
pub(crate) fn problems(contents: &Contents) -> Vec<Problem> {
    let mut problems = equal_places(contents);
    for role in PinRole::ALL {
        let key = role_key(contents, role).and_then(|key| Some((key, listed(contents, key)?)));
        let (Some((key, (path, index))), Some(pin)) = (key, find(contents, role)) else {
            continue;
        };
        if key.common.auth_id.as_ref() != Some(&pin.auth_id) {
            continue;
        }
        let Some(label) = other_label(contents, role, &pin) else {
            continue;
        };
        let message = format!(
            "the key is protected by the authentication object {}, which is called {label:?}: the \
             PIN for {role} should be another, by that",
            pin.auth_id
        );
        let code = code::DOUBTFUL_PIN;
        let problem = Problem::new(Severity::Warning, code, "EF(PrKDF)", path, message);
        problems.push(problem.about(ObjectRef::of(index, &key.common, Some(key.id()))));
    }
    problems.extend(other_rules(contents));
    problems.extend(pin_forms::problems(contents));
    problems
}

/// Why it is not certain that this is the PIN for `role`; nothing if it is.
pub(crate) fn of_role(contents: &Contents, role: PinRole, pin: &PinObject) -> Option<String> {
    let label = pin.label.as_deref();
    let said = label.and_then(|label| Profile::of(contents).role_of_label(label));
    let other = other_label(contents, role, pin);
    let key = role_key(contents, role);
    let protector = key.and_then(|key| key.common.auth_id.as_ref());
    match (protector, said) {
        (Some(protector), _) if *protector != pin.auth_id => {
            let why = Listed::of(contents).why_no_pin_of_holder(protector);
            Some(format!(
                "the key for it is protected by the authentication object {protector}{}",
                why.map(|why| format!(", {why}")).unwrap_or_default()
            ))
        }
        _ if other.is_some() => Some(format!(
            "the only one that it could be is called {:?}",
            other.unwrap_or_default()
        )),
        (None, None) if is_damaged(contents) => Some(
            "no key and no label says which it is, and the files that would are damaged".to_owned(),
        ),
        _ => key
            .and_then(|key| other_by_rules(key, &Listed::of(contents)))
            .or_else(|| of_object(contents, pin)),
    }
}

/// That the access control rules of a private key name other PINs of the holder for its use than the one
/// that is said to protect it (PKCS#15 §6.1.8).
fn other_by_rules(key: &PrivateKey, pins: &Listed<'_>) -> Option<String> {
    let protector = key.common.auth_id.as_ref()?;
    let rules = key.common.access_control_rules.iter();
    let rules = rules.filter(|rule| rule.access_mode.contains(AccessMode::EXECUTE));
    let named: Vec<_> = rules
        .flat_map(|rule| rule.security_condition.auth_ids())
        .collect();
    let is_of_holder = |id: &&&Id| pins.purpose(id) == Some(Some(PinPurpose::User));
    let other = named.iter().find(is_of_holder)?;
    (!named.contains(&protector)).then(|| {
        format!(
            "the key {} is protected by the authentication object {protector}, and its access control \
             rules name {other} for its use",
            key.id()
        )
    })
}

/// The keys of the two roles of which that is so.
fn other_rules(contents: &Contents) -> Vec<Problem> {
    let pins = Listed::of(contents);
    let mut keys: Vec<_> = PinRole::ALL
        .into_iter()
        .filter_map(|role| role_key(contents, role))
        .collect();
    keys.dedup_by(|one, other| ptr::eq(*one, *other));
    let found = keys.into_iter().filter_map(|key| {
        let message = other_by_rules(key, &pins)?;
        let (path, index) = listed(contents, key)?;
        let code = code::DOUBTFUL_PIN;
        let problem = Problem::new(Severity::Warning, code, "EF(PrKDF)", path, message);
        Some(problem.about(ObjectRef::of(index, &key.common, Some(key.id()))))
    });
    found.collect()
}

/// Why it is not certain to which PIN of the card this object belongs; nothing if it is.
pub(crate) fn of_object(contents: &Contents, pin: &PinObject) -> Option<String> {
    let place = |pin: &PinObject| (pin.reference, pin.directory.clone());
    pin_objects(contents)
        .filter(|other| other.purpose == PinPurpose::User && other != pin)
        .find_map(|other| {
            if other.auth_id == pin.auth_id {
                Some(format!(
                    "two authentication objects have the identifier {}",
                    pin.auth_id
                ))
            } else if place(&other) == place(pin) {
                Some(format!(
                    "the authentication objects {} and {} both have the reference {:02X}",
                    pin.auth_id, other.auth_id, pin.reference
                ))
            } else {
                None
            }
        })
}

/// The label of the PIN for `role`, if it says the other role.
fn other_label<'a>(contents: &Contents, role: PinRole, pin: &'a PinObject) -> Option<&'a str> {
    let label = pin.label.as_deref()?;
    let said = Profile::of(contents).role_of_label(label)?;
    (said != role && !is_alone(contents)).then_some(label)
}

/// The PINs that have the place of one before them: the card cannot tell the two apart.
fn equal_places(contents: &Contents) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut before: BTreeMap<(u32, FilePath), Id> = BTreeMap::new();
    for file in &contents.authentication {
        for (index, object) in file.directory.listed() {
            let pin = pin_object(contents, object).filter(|pin| pin.purpose == PinPurpose::User);
            let Some(pin) = pin else { continue };
            let place = (pin.reference, pin.directory.clone());
            let first = before.entry(place).or_insert_with(|| pin.auth_id.clone());
            if *first == pin.auth_id {
                continue;
            }
            let message = format!(
                "the authentication objects {first} and {} both have the reference {:02X}: one of \
                 the two is another PIN",
                pin.auth_id, pin.reference
            );
            let code = code::DOUBTFUL_PIN;
            let problem = Problem::new(Severity::Warning, code, "EF(AODF)", &file.path, message);
            problems.push(problem.about(ObjectRef::of(index, &object.common, Some(&pin.auth_id))));
        }
    }
    problems
}

/// Where a private key is listed: the PrKDF, and which of its objects it is.
fn listed<'a>(contents: &'a Contents, key: &PrivateKey) -> Option<(&'a FilePath, usize)> {
    contents.private_keys.iter().find_map(|file| {
        let mut objects = file.directory.listed();
        let (index, _) = objects.find(|(_, object)| ptr::eq(*object, key))?;
        Some((&file.path, index))
    })
}

/// Whether the card has one PIN for everything, as far as can be seen and nothing is lost.
fn is_alone(contents: &Contents) -> bool {
    let users = pin_objects(contents).filter(|pin| pin.purpose == PinPurpose::User);
    users.count() == 1 && !is_damaged(contents)
}

/// Whether something is lost of the files that say which PIN is for what.
fn is_damaged(contents: &Contents) -> bool {
    let pins = contents.authentication.iter().map(|file| &file.path);
    let keys = contents.private_keys.iter().map(|file| &file.path);
    let files: Vec<_> = pins.chain(keys).collect();
    contents
        .problems
        .iter()
        .filter(|problem| problem.severity() == Severity::Error)
        .any(|problem| files.contains(&problem.path()))
}
