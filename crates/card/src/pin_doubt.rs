//! Whether the files of a card leave no doubt about which PIN is the one for a purpose. A PIN that is
//! sent as another costs that other a try.

use kortlab_pkcs15::Severity;

use crate::contents::Contents;
use crate::pins::{PinObject, PinPurpose, pin_objects, role_key};
use crate::profile::Profile;
use crate::role::PinRole;

/// Why it is not certain that this is the PIN for `role`; nothing if it is.
pub(crate) fn of_role(contents: &Contents, role: PinRole, pin: &PinObject) -> Option<String> {
    let label = pin.label.as_deref();
    let said = label.and_then(|label| Profile::of(contents).role_of_label(label));
    let key = role_key(contents, role);
    let protector = key.and_then(|key| key.common.auth_id.as_ref());
    match (protector, said) {
        (Some(protector), _) if *protector != pin.auth_id => Some(format!(
            "the key for it is protected by the authentication object {protector}, which the card \
             does not list"
        )),
        (_, Some(other)) if other != role && !is_alone(contents) => Some(format!(
            "the only one that it could be is called {:?}",
            label.unwrap_or_default()
        )),
        (None, None) if is_damaged(contents) => Some(
            "no key and no label says which it is, and the files that would are damaged".to_owned(),
        ),
        _ => of_object(contents, pin),
    }
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
