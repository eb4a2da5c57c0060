//! Whether the PINs of a card go to it in one form (pinType and padChar, PKCS#15 §6.8.2). A card may want
//! them in several; but where one of them is another than all others, its entry may be damaged, and the
//! right PIN, sent in that form, costs a try.

use std::collections::BTreeMap;

use kortlab_pkcs15::{ObjectRef, Severity};

use crate::contents::Contents;
use crate::error::CardError;
use crate::pin::{Form, PinFormat};
use crate::pins::{PinObject, PinPurpose, pin_object, pin_objects};
use crate::problem::{Problem, code};
use crate::profile::Profile;

/// The first byte of a status word that says that a PIN was compared, and is wrong.
const COMPARED: u8 = 0x63;

/// The PINs of the card that are of another form than the others, each as a finding. It counts on cards
/// whose issuer is known to have one form for all.
pub(crate) fn problems(contents: &Contents) -> Vec<Problem> {
    let mut listed = Vec::new();
    for file in &contents.authentication {
        for (index, object) in file.directory.listed() {
            if let Some(pin) = pin_object(contents, object).filter(is_for_holder) {
                let about = ObjectRef::of(index, &object.common, Some(&pin.auth_id));
                listed.push((pin, &file.path, about));
            }
        }
    }
    let mut counts = BTreeMap::<Form, usize>::new();
    for (pin, ..) in &listed {
        *counts.entry(pin.format.form()).or_default() += 1;
    }
    if counts.len() < 2 {
        return Vec::new();
    }
    let profile = Profile::known(contents);
    let usual = profile.map(|profile| profile.pin_format.form());
    // It stands alone against several, or against one of the usual form.
    let is_alone = |pin: &PinObject| {
        let form = pin.format.form();
        let is_usual = |other: &Form| Some(*other) == usual && *other != form;
        let among_others = listed.len() > 2 || counts.keys().any(is_usual);
        counts.len() == 2 && counts.get(&form) == Some(&1) && among_others
    };
    let user = |pin: &PinObject| pin.purpose == PinPurpose::User;
    let found = listed.iter().find(|(pin, ..)| is_alone(pin));
    let first = |is_other: &dyn Fn(&PinObject) -> bool| {
        listed
            .iter()
            .find(|(pin, ..)| is_other(pin))
            .map(|(pin, ..)| pin)
    };
    // Which of several is wrong cannot be told: then the one that comes later is named.
    let found = found.or_else(|| {
        let first = first(&user)?.format.form();
        listed
            .iter()
            .find(|(pin, ..)| user(pin) && pin.format.form() != first)
    });
    let Some((pin, path, about)) = found else {
        return Vec::new();
    };
    let is_other = |other: &PinObject| other.format.form() != pin.format.form();
    let other = first(&|other| user(other) && is_other(other)).or_else(|| first(&is_other));
    let Some(other) = other else {
        return Vec::new();
    };
    let (severity, next) = match profile {
        Some(_) => (
            Severity::Warning,
            "the PINs of such a card have one form: whoever issued it must correct EF(AODF), or a right \
             PIN is refused and costs a try",
        ),
        None => (
            Severity::Note,
            "nothing needs to be done where both PINs work; if one is refused though it is right, whoever \
             issued the card must correct EF(AODF)",
        ),
    };
    let message = format!(
        "{} goes to the card as {}, and {} as {}",
        name(pin),
        pin.format,
        name(other),
        other.format
    );
    let problem = Problem::new(severity, code::PIN_FORMS_DIFFER, "EF(AODF)", path, message);
    vec![problem.about(about.clone()).hint(next)]
}

/// The form of all other PINs, where this one is of another, and the card's issuer is known to have one for
/// all: that, or what two others have at least.
pub(crate) fn of_all_others(contents: &Contents, pin: &PinObject) -> Option<PinFormat> {
    let usual = Profile::known(contents)?.pin_format.form();
    let mut others = pin_objects(contents)
        .filter(is_for_holder)
        .filter(|other| other.auth_id != pin.auth_id);
    let first = others.next()?.format;
    let mut count = 1;
    let are_alike = others.all(|other| {
        count += 1;
        other.format.form() == first.form()
    });
    let are_right = are_alike && (count > 1 || first.form() == usual);
    (are_right && first.form() != pin.format.form()).then_some(first)
}

/// The same error; where the card has compared the PIN or PUK in a form that is another than that of a
/// PIN of the card's holder, with words that say so: it may be right.
pub(crate) fn refused(contents: &Contents, pin: &PinObject, error: CardError) -> CardError {
    let was_compared = error
        .status()
        .is_some_and(|status| status.sw1() == COMPARED);
    let mut others = pin_objects(contents).filter(|other| {
        other.purpose == PinPurpose::User
            && other.auth_id != pin.auth_id
            && other.format.form() != pin.format.form()
    });
    let Some(other) = others.next().filter(|_| was_compared) else {
        return error;
    };
    let words = format!(
        "EF(AODF) has it sent as {}, but {} as {}: if that is wrong (`kortlab cert check`), the card \
         refuses a right one, too",
        pin.format,
        name(&other),
        other.format
    );
    match error.next_step().map(str::to_owned) {
        Some(next) => error.hint(format!("{next}; {words}")),
        None => error.hint(words),
    }
}

fn is_for_holder(pin: &PinObject) -> bool {
    matches!(pin.purpose, PinPurpose::User | PinPurpose::Unblocking)
}

fn name(pin: &PinObject) -> String {
    let kind = match pin.purpose {
        PinPurpose::Unblocking => "PUK",
        PinPurpose::User | PinPurpose::SecurityOfficer => "PIN",
    };
    match &pin.label {
        Some(label) => format!("the {kind} {} ({label:?})", pin.auth_id),
        None => format!("the {kind} {}", pin.auth_id),
    }
}
