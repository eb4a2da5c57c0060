//! The access conditions of SetCOS 4.4 (tag 86 of what SELECT answers), which the EID applet has:
//! sub-conditions in a row.
//!
//! The low nibble of the first byte of each counts the bytes that follow; 80 says that they name an
//! instruction, 20 that a key is wanted. What no sub-condition names is not allowed.
//!
//! ```
//! use kortlab_card::dialect::setcos::{Subject, sub_conditions};
//!
//! let of_a_key = [0x01, 0x01, 0x83, 0x01, 0x2A, 0x82];
//! let read: Result<Vec<_>, _> = sub_conditions(&of_a_key).collect();
//! let use_of_key = &read?[1];
//! assert_eq!(use_of_key.subject, Subject::Instruction(0x2A));
//! assert_eq!(use_of_key.names, [0x82]);
//! # Ok::<(), kortlab_card::dialect::setcos::Unread>(())
//! ```

/// One sub-condition: what may be done, and by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubCondition<'a> {
    /// What it is about.
    pub subject: Subject,
    /// Whether it wants a key, and no PIN.
    pub wants_key: bool,
    /// The references of the PINs or keys that it names, all of which are wanted; none: anybody.
    pub names: &'a [u8],
}

/// What a sub-condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The operations of an access mode byte (ISO/IEC 7816-4 tables 16 and 17).
    Operations(u8),
    /// The command with this instruction, whatever its parameters.
    Instruction(u8),
}

/// Where access conditions cannot be read further, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset}: {what}")]
pub struct Unread {
    /// The byte at which it was noticed.
    pub offset: usize,
    /// What is wrong.
    pub what: &'static str,
}

/// The sub-conditions in the value of tag 86. Ends after the first that cannot be read.
pub fn sub_conditions(bytes: &[u8]) -> impl Iterator<Item = Result<SubCondition<'_>, Unread>> {
    let mut rest = bytes;
    core::iter::from_fn(move || {
        loop {
            let (&head, tail) = rest.split_first()?;
            let offset = bytes.len() - rest.len();
            let Some((body, after)) = tail.split_at_checked(usize::from(head & 0x0F)) else {
                rest = &[];
                let what = "a sub-condition is longer than what remains";
                return Some(Err(Unread { offset, what }));
            };
            rest = after;
            if body.is_empty() && head == 0 {
                continue;
            }
            let read = read(head, body);
            return Some(read.ok_or_else(|| {
                rest = &[];
                let what = "a sub-condition that is not known";
                Unread { offset, what }
            }));
        }
    })
}

fn read(head: u8, body: &[u8]) -> Option<SubCondition<'_>> {
    if head & 0x50 != 0 {
        return None;
    }
    let wants_key = head & 0x20 != 0;
    if head & 0x80 == 0 {
        let (&mode, names) = body.split_first()?;
        return Some(SubCondition {
            subject: Subject::Operations(mode & 0x7F),
            wants_key,
            names,
        });
    }
    let [mask, ins, rest @ ..] = body else {
        return None;
    };
    // One more byte of the header for each bit of the mask above the lowest.
    let skipped = (mask >> 1).count_ones() as usize;
    Some(SubCondition {
        subject: Subject::Instruction(*ins),
        wants_key,
        names: rest.get(skipped..)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_short_or_unknown_ends_the_reading_with_its_place() {
        for (bytes, whole, place) in [
            (&[0x01, 0x01, 0x03, 0x46, 0x81][..], 1, 2),
            (&[0x41, 0xAA], 0, 0),
            (&[0x81, 0x01], 0, 0),
            (&[0x01, 0x01, 0x82, 0x7E, 0x2A, 0x01, 0x01], 1, 2),
        ] {
            let read: Vec<_> = sub_conditions(bytes).collect();
            assert_eq!(read.len(), whole + 1, "{bytes:02X?}");
            let offset = read
                .last()
                .and_then(|last| last.err())
                .map(|last| last.offset);
            assert_eq!(offset, Some(place), "{bytes:02X?}");
        }
        assert_eq!(sub_conditions(&[0; 64]).count(), 0);
    }
}
