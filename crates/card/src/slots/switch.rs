//! The switch-over: how a directory file goes from one content to another.
//!
//! Where objects are only added, or only the last ones removed, one byte decides: the first one
//! behind the objects that stay. While it is `00` or `FF`, readers that stop at filler see what
//! was there without the new objects; once it is a tag, they see all of it. So of new objects
//! everything but that byte is written first, and of old objects that byte is cleared first. In
//! every other case the bytes are written from the first that differs to the last.

use core::ops::Range;

use kortlab_apdu::{Channel, FilePath};
use kortlab_pkcs15::{Certificate, Edit};

use super::guard::uncertain;
use super::journal::DirectoryChange;
use crate::card::Card;
use crate::contents::is_filler;
use crate::error::{CardError, ErrorKind};

/// The place of the byte that decides a change; `None` if it takes more than one.
pub(super) fn pivot(change: &DirectoryChange) -> Option<usize> {
    let place = first_difference(&change.before, &change.after)?;
    let ends_here = |file: &[u8]| {
        let filler = file.get(place..).unwrap_or_default();
        Edit::<Certificate>::new(file, file.len()).encoded_len() == place && is_filler(filler)
    };
    (ends_here(&change.before) || ends_here(&change.after)).then_some(place)
}

impl<C: Channel> Card<C> {
    /// Makes a directory that holds `current` hold `target`, which is the old or the new content
    /// of `change`, and reads it back. If it cannot be read, it is written whole.
    pub(super) fn switch(
        &mut self,
        change: &DirectoryChange,
        current: Option<&[u8]>,
        target: &[u8],
    ) -> Result<(), CardError> {
        let current = current.filter(|current| current.len() == target.len());
        let Some(current) = current else {
            self.files().select_silently(&change.path)?;
            self.write_selected(&change.path, 0, target)?;
            return self.compare_selected(&change.path, 0, target);
        };
        self.files().select_silently(&change.path)?;
        match pivot(change) {
            Some(place) => self.switch_by_one_byte(&change.path, current, target, place)?,
            None => {
                self.write_difference(&change.path, current, target)?;
            }
        }
        self.compare_selected(&change.path, 0, target)
    }

    fn switch_by_one_byte(
        &mut self,
        path: &FilePath,
        current: &[u8],
        target: &[u8],
        place: usize,
    ) -> Result<(), CardError> {
        let with_byte = |content: &[u8], byte: Option<&u8>| {
            let mut content = content.to_vec();
            if let (Some(place), Some(&byte)) = (content.get_mut(place), byte) {
                *place = byte;
            }
            content
        };
        let clears = target.get(place..).is_some_and(is_filler);
        let between = if clears {
            with_byte(current, target.get(place))
        } else {
            with_byte(target, current.get(place))
        };
        let written = self.write_difference(path, current, &between)?;
        if !clears {
            // What will count once the last byte is written; the whole is read back after that.
            let expected = between.get(written.clone()).unwrap_or_default();
            self.compare_selected(path, written.start, expected)?;
        }
        self.write_difference(path, &between, target).map(drop)
    }

    /// Writes the bytes from the first that differs to the last into the selected file, and says
    /// which they are.
    fn write_difference(
        &mut self,
        path: &FilePath,
        current: &[u8],
        target: &[u8],
    ) -> Result<Range<usize>, CardError> {
        let Some(first) = first_difference(current, target) else {
            return Ok(0..0);
        };
        let pairs = current.iter().zip(target).enumerate();
        let last = pairs
            .filter(|(_, (a, b))| a != b)
            .map(|(at, _)| at)
            .next_back();
        let changed = first..last.unwrap_or(first) + 1;
        let bytes = target.get(changed.clone()).unwrap_or_default();
        self.write_selected(path, first, bytes)?;
        Ok(changed)
    }

    /// Reads as much of the selected file at `path` as was written to it from byte `offset` on, and
    /// compares.
    pub(super) fn compare_selected(
        &mut self,
        path: &FilePath,
        offset: usize,
        expected: &[u8],
    ) -> Result<(), CardError> {
        let name = path.to_string();
        let (read, warnings) = self
            .files()
            .read_part_warned(&name, offset, expected.len())?;
        if let Some(warning) = warnings.first() {
            return Err(uncertain(&warning.message));
        }
        if read == expected {
            return Ok(());
        }
        let at = offset + first_difference(&read, expected).unwrap_or(read.len());
        Err(CardError::new(
            ErrorKind::Nonsense,
            format!("the file {name} does not hold what was written to it, from byte {at} on"),
        )
        .hint("the card's memory may be worn out: do not rely on it"))
    }
}

fn first_difference(one: &[u8], other: &[u8]) -> Option<usize> {
    one.iter().zip(other).position(|(a, b)| a != b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(before: &[u8], after: &[u8]) -> DirectoryChange {
        DirectoryChange {
            path: [0x3F, 0x00, 0x44, 0x03].into(),
            before: before.to_vec().into(),
            after: after.to_vec().into(),
        }
    }

    #[test]
    fn one_byte_decides_where_objects_come_or_go_at_the_end() {
        let one: &[u8] = &[0x30, 0x02, 0x05, 0x00, 0, 0, 0, 0, 0];
        let two: &[u8] = &[0x30, 0x02, 0x05, 0x00, 0x30, 0x02, 0x05, 0x00, 0];
        let none: &[u8] = &[0; 9];
        let erased: &[u8] = &[0x30, 0x02, 0x05, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
        assert_eq!(pivot(&change(one, two)), Some(4));
        assert_eq!(pivot(&change(two, one)), Some(4));
        assert_eq!(pivot(&change(erased, two)), Some(4));
        assert_eq!(pivot(&change(none, two)), Some(0));
        assert_eq!(pivot(&change(two, none)), Some(0));
    }

    #[test]
    fn more_than_one_byte_decides_everywhere_else() {
        let old: &[u8] = &[0x30, 0x02, 0x05, 0x00, 0x30, 0x02, 0x0C, 0x00, 0];
        let without_first: &[u8] = &[0x30, 0x02, 0x0C, 0x00, 0, 0, 0, 0, 0];
        let replaced: &[u8] = &[0x30, 0x02, 0x05, 0x00, 0x30, 0x03, 0x0C, 0x01, 0x41];
        assert_eq!(pivot(&change(old, without_first)), None);
        assert_eq!(pivot(&change(old, replaced)), None);
        assert_eq!(pivot(&change(old, old)), None);
    }
}
