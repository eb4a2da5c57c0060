//! Whether what an image says of the card from which it was copied can be.

use std::collections::HashSet;

use super::check::{Check, fail};
use super::{FileKind, MAX_NOT_READ, ObjectOfDf, Provenance, Recorded};

/// The longest text about what was not read, in bytes.
const MAX_REMARK: usize = 1024;
/// The longest answer to SELECT, in bytes: a short one.
const MAX_ANSWER: usize = 256;
/// The longest public key, in bytes: its length in bits, and a modulus of 4096.
const MAX_PUBLIC_KEY: usize = 2 + 512;
/// The longest data object, in bytes.
const MAX_OBJECT: usize = 0x7FFF;

/// Provenance is for people: it is only not to be endless.
pub(super) fn check_provenance(provenance: &Provenance, path: &str) -> Check {
    if provenance.not_read.len() > MAX_NOT_READ {
        return fail(
            &format!("{path}.not_read"),
            &format!("at most {MAX_NOT_READ} entries"),
        );
    }
    let short = |text: &str, place: String| match text.len() {
        ..=MAX_REMARK => Ok(()),
        _ => fail(&place, &format!("at most {MAX_REMARK} bytes of text")),
    };
    short(&provenance.program, format!("{path}.program"))?;
    let ended = provenance.ended.as_deref();
    short(ended.unwrap_or_default(), format!("{path}.ended"))?;
    for (index, entry) in provenance.not_read.iter().enumerate() {
        let place = |name: &str| format!("{path}.not_read[{index}].{name}");
        short(&entry.what, place("what"))?;
        short(&entry.kind, place("kind"))?;
        short(&entry.why, place("why"))?;
    }
    Ok(())
}

/// What the copied card answered is an answer, and not longer than one.
pub(super) fn check_recorded(recorded: &Recorded, kind: FileKind, path: &str) -> Check {
    if recorded.is_empty() {
        return fail(path, "says nothing: leave it out");
    }
    if recorded.file_system && kind != FileKind::Df {
        let path = format!("{path}.file_system");
        return fail(&path, "only a DF has a file system of its own");
    }
    if recorded.objects_unasked && kind != FileKind::Df {
        let path = format!("{path}.objects_unasked");
        return fail(&path, "only a DF has data objects");
    }
    let answer = recorded.answer.as_ref();
    if answer.is_some_and(|answer| answer.0.len() > MAX_ANSWER) {
        return fail(
            &format!("{path}.answer"),
            &format!("at most {MAX_ANSWER} bytes"),
        );
    }
    if let Some(key) = &recorded.public_key {
        let path = format!("{path}.public_key");
        if kind != FileKind::Key {
            return fail(&path, "only a key file has the public half of a key");
        }
        if !(1..=MAX_PUBLIC_KEY).contains(&key.0.len()) {
            return fail(&path, &format!("1 to {MAX_PUBLIC_KEY} bytes"));
        }
    }
    Ok(())
}

/// Data objects of a DF: each once, and given or refused.
pub(super) fn check_objects(objects: &[ObjectOfDf], path: &str) -> Check {
    let mut tags = HashSet::new();
    for (index, object) in objects.iter().enumerate() {
        let path = format!("{path}.objects[{index}]");
        if !(1..=3).contains(&object.tag.0.len()) {
            return fail(&format!("{path}.tag"), "a tag has 1 to 3 bytes");
        }
        if object.value.is_some() == object.status.is_some() {
            return fail(&path, "has either a value or the status of a refusal");
        }
        let value = object.value.as_ref();
        if value.is_some_and(|value| value.0.len() > MAX_OBJECT) {
            return fail(
                &format!("{path}.value"),
                &format!("at most {MAX_OBJECT} bytes"),
            );
        }
        if !tags.insert(object.tag.as_slice()) {
            return fail(&format!("{path}.tag"), "is there twice");
        }
    }
    Ok(())
}
