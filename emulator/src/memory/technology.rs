//! What power loss does to a write that is under way: real cards differ.

use serde::{Deserialize, Serialize};

/// The bytes of one page of [`MemoryTechnology::Paged`].
pub const PAGE: usize = 64;

/// How a card's memory and its OS treat a write that is cut short.
///
/// In all of them a single byte is atomic, and so is what a card OS keeps twice or links last: a
/// counter of tries, a life cycle status, a PIN's value, a key, the entry of a file in its DF.
/// They differ in what happens to the contents of files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum MemoryTechnology {
    /// The writes of one command are one: the card OS keeps what was there before in a journal of
    /// its own, and puts it back when power returns. A chain of commands is not one.
    #[default]
    Journalled,
    /// Each single write is whole or not made; the earlier ones of the same command stay.
    AtomicWrites,
    /// EEPROM without a journal: bytes are programmed in place, one after another. A file is new
    /// up to where power went, and old from there on.
    Bytewise,
    /// Flash without a journal: a page of [`PAGE`] bytes is erased to `FF` and then programmed. A
    /// page that was begun is `FF` from where power went, also where nothing was to change.
    Paged,
}

impl MemoryTechnology {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Journalled,
        Self::AtomicWrites,
        Self::Bytewise,
        Self::Paged,
    ];

    /// The name in an image.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Journalled => "journalled",
            Self::AtomicWrites => "atomic-writes",
            Self::Bytewise => "bytewise",
            Self::Paged => "paged",
        }
    }

    /// How many bytes are programmed to put `length` bytes at `offset` of a file with `size`
    /// bytes. A page that is erased counts one more.
    pub(crate) fn cost(self, offset: usize, length: usize, size: usize) -> u64 {
        if self != Self::Paged {
            return length as u64;
        }
        pages(offset, length, size)
            .map(|(start, end)| (end - start + 1) as u64)
            .sum()
    }

    /// What the file holds when power goes after `part` bytes of [`MemoryTechnology::cost`];
    /// `None` where the write is not made at all.
    pub(crate) fn torn(self, old: &[u8], offset: usize, new: &[u8], part: u64) -> Option<Vec<u8>> {
        let part = usize::try_from(part).unwrap_or(usize::MAX);
        let mut contents = old.to_vec();
        match self {
            Self::Journalled | Self::AtomicWrites => None,
            Self::Bytewise => {
                let new = new.get(..part.min(new.len()))?;
                contents
                    .get_mut(offset..offset.checked_add(new.len())?)?
                    .copy_from_slice(new);
                Some(contents)
            }
            Self::Paged => {
                let mut whole = old.to_vec();
                whole
                    .get_mut(offset..offset.checked_add(new.len())?)?
                    .copy_from_slice(new);
                let mut left = part;
                for (start, end) in pages(offset, new.len(), old.len()) {
                    if left == 0 {
                        break;
                    }
                    let programmed = (left - 1).min(end - start);
                    left = left.saturating_sub(end - start + 1);
                    contents.get_mut(start..end)?.fill(0xFF);
                    contents
                        .get_mut(start..start + programmed)?
                        .copy_from_slice(whole.get(start..start + programmed)?);
                }
                Some(contents)
            }
        }
    }
}

/// The pages that `length` bytes at `offset` touch, as start and end in a file of `size` bytes.
fn pages(offset: usize, length: usize, size: usize) -> impl Iterator<Item = (usize, usize)> {
    let first = offset / PAGE;
    let last = offset.saturating_add(length).div_ceil(PAGE);
    let touched = if length == 0 {
        first..first
    } else {
        first..last
    };
    touched.map(move |page| (page * PAGE, size.min((page + 1) * PAGE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: [u8; 100] = [0x00; 100];

    fn torn(technology: MemoryTechnology, part: u64) -> Option<Vec<u8>> {
        technology.torn(&OLD, 60, &[0xAA; 8], part)
    }

    #[test]
    fn memories_with_a_journal_do_not_tear() {
        assert_eq!(torn(MemoryTechnology::Journalled, 5), None);
        assert_eq!(torn(MemoryTechnology::AtomicWrites, 5), None);
    }

    #[test]
    fn bytewise_memory_is_new_up_to_the_cut() {
        assert_eq!(MemoryTechnology::Bytewise.cost(60, 8, 100), 8);
        let contents = torn(MemoryTechnology::Bytewise, 3).expect("torn");
        assert_eq!(contents[58..66], [0, 0, 0xAA, 0xAA, 0xAA, 0, 0, 0]);
    }

    #[test]
    fn a_page_that_was_begun_is_ff_from_the_cut_on_and_the_next_is_untouched() {
        // Two pages: 64 and 36 bytes, each with its erasure.
        assert_eq!(MemoryTechnology::Paged.cost(60, 8, 100), 65 + 37);
        let contents = torn(MemoryTechnology::Paged, 0).expect("torn");
        assert_eq!(contents, OLD);
        let contents = torn(MemoryTechnology::Paged, 1).expect("torn");
        assert!(contents[..64].iter().all(|&byte| byte == 0xFF));
        assert!(contents[64..].iter().all(|&byte| byte == 0x00));
        let contents = torn(MemoryTechnology::Paged, 1 + 62).expect("torn");
        assert_eq!(contents[58..66], [0, 0, 0xAA, 0xAA, 0xFF, 0xFF, 0, 0]);
        let contents = torn(MemoryTechnology::Paged, 65 + 1).expect("torn");
        assert_eq!(contents[60..66], [0xAA, 0xAA, 0xAA, 0xAA, 0xFF, 0xFF]);
        let contents = torn(MemoryTechnology::Paged, 65 + 37).expect("torn");
        assert_eq!(contents[60..68], [0xAA; 8]);
        assert_eq!(contents[68], 0x00);
    }
}
