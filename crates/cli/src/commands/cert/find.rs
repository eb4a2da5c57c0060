//! Which certificate an ID on the command line means.

use kortlab_card::{Contents, Slot};
use kortlab_explain::card::slot_id;

use crate::failure::Failure;

/// The certificate that `text` means: by ID, by label, or by the identifier of its key if only
/// one certificate has it.
///
/// # Errors
/// None is meant, or several are; or it cannot be told, because not all of `contents` could be read.
pub fn find<'a>(
    contents: &Contents,
    slots: &'a [Slot],
    text: &str,
) -> Result<&'a Slot, Failure> {
    let by_id = |slot: &&Slot| slot_id(slot).eq_ignore_ascii_case(text);
    let by_label = |slot: &&Slot| slot.label() == Some(text);
    let by_key = |slot: &&Slot| slot.key_id().to_string().eq_ignore_ascii_case(text);
    for fits in [&by_id as &dyn Fn(&&Slot) -> bool, &by_label, &by_key] {
        let found: Vec<_> = slots.iter().filter(fits).collect();
        match found.as_slice() {
            [] => {}
            [one] => return Ok(one),
            several => {
                return Err(
                    Failure::usage(format!("{text} means {} certificates", several.len()))
                        .hint(format!("name one of: {}", list(several))),
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
            some => failure.hint(format!("those that are known: {}", list(some))),
        });
    }
    let failure =
        Failure::failed(format!("the card has no certificate {text}")).of_kind("not-found");
    Err(match all.as_slice() {
        [] => failure.hint("it has no certificate at all"),
        all => failure.hint(format!("it has: {}", list(all))),
    })
}

fn list(slots: &[&Slot]) -> String {
    let names: Vec<_> = slots
        .iter()
        .map(|slot| match slot.label() {
            Some(label) => format!("{} ({label})", slot_id(slot)),
            None => slot_id(slot),
        })
        .collect();
    names.join(", ")
}
