//! Which certificate an ID on the command line means.

use kortlab_card::{Contents, Slot};
use kortlab_explain::card::slot_id;

use crate::failure::Failure;

/// The certificate that `text` means: by ID, by its entry, by label, or by the identifier of its key if
/// only one certificate has it.
///
/// # Errors
/// None is meant, or several are; or it cannot be told, because not all of `contents` could be read.
pub fn find<'a>(contents: &Contents, slots: &'a [Slot], text: &str) -> Result<&'a Slot, Failure> {
    let by_id = |slot: &&Slot| slot_id(slot).eq_ignore_ascii_case(text);
    let by_entry = |slot: &&Slot| slot.entry() == text || entry(slots, slot) == text;
    let by_label = |slot: &&Slot| slot.label() == Some(text);
    let by_key = |slot: &&Slot| slot.key_id().to_string().eq_ignore_ascii_case(text);
    for fits in [
        &by_id as &dyn Fn(&&Slot) -> bool,
        &by_entry,
        &by_label,
        &by_key,
    ] {
        let found: Vec<_> = slots.iter().filter(fits).collect();
        match found.as_slice() {
            [] => {}
            [one] => return Ok(one),
            several => {
                return Err(
                    Failure::usage(format!("{text} means {} certificates", several.len()))
                        .hint(format!("name one of: {}", list(slots, several))),
                );
            }
        }
    }
    let all: Vec<_> = slots.iter().collect();
    if let Some(why) = contents.why_not_all_certificates() {
        let message = format!("it cannot be told whether the card has a certificate {text}: {why}");
        let failure = Failure::from(why).saying(message);
        return Err(match all.as_slice() {
            [] => failure,
            some => failure.hint(format!("those that are known: {}", list(slots, some))),
        });
    }
    let failure =
        Failure::failed(format!("the card has no certificate {text}")).of_kind("not-found");
    Err(match all.as_slice() {
        [] => failure.hint("it has no certificate at all"),
        all => failure.hint(format!("it has: {}", list(slots, all))),
    })
}

/// Where a certificate is listed, as short as can be: `#3`, by its number in its directory, from 0; where
/// that is the number of others in other directories, its whole [`Slot::entry`].
fn entry(slots: &[Slot], slot: &Slot) -> String {
    let (index, directory) = (slot.index, &slot.directory);
    let mut others = slots.iter();
    match others.any(|other| other.index == index && other.directory != *directory) {
        true => slot.entry(),
        false => format!("#{index}"),
    }
}

/// These of the certificates, each by its ID, or by its entry if others have the same ID.
fn list(slots: &[Slot], some: &[&Slot]) -> String {
    let names: Vec<_> = some
        .iter()
        .map(|slot| {
            let mut id = slot_id(slot);
            if slots.iter().filter(|other| slot_id(other) == id).count() > 1 {
                id = entry(slots, slot);
            }
            match slot.label() {
                Some(label) => format!("{id} ({label})"),
                None => id,
            }
        })
        .collect();
    names.join(", ")
}
