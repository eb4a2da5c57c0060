//! Directories of which the ODF names a part of a file: `length` bytes from `index` on (PKCS#15
//! §6.1.4). They are read whole; what stands outside of the part other programs do not see, and what
//! is written moves across its bounds.

use core::ops::Range;

use kortlab_apdu::FilePath;
use kortlab_apdu::tlv::{Filler, Reader};
use kortlab_pkcs15::{ObjectRef, OdfEntry, Path, Severity};

use crate::contents::Contents;
use crate::problem::{Problem, code};

/// Entries of the ODF whose part of a file leaves objects of that file out, or is not all there.
pub(crate) fn problems(contents: &Contents) -> Vec<Problem> {
    let ranged = contents.odf.listed().filter_map(|(index, entry)| {
        let path = entry.path()?;
        Some((index, entry, contents.absolute(path), range(path)?))
    });
    ranged
        .filter_map(|(index, entry, path, range)| {
            let wrong = wrong(contents, &path, &range)?;
            Some(problem(contents, index, entry, &path, &range, &wrong))
        })
        .collect()
}

/// The part of the file at `path` that an entry of the ODF says to be a directory, where that is not
/// all of its `size` bytes.
pub(crate) fn part(contents: &Contents, path: &FilePath, size: usize) -> Option<Range<usize>> {
    let of_file = |named: &&Path| contents.absolute(named) == *path;
    let mut named = contents.odf.objects().filter_map(OdfEntry::path);
    let whole = 0..size;
    named.find_map(|named| {
        let range = range(Some(named).filter(of_file)?)?;
        let is_whole = range.start == 0 && range.end >= whole.end;
        (!is_whole).then_some(range)
    })
}

/// Which bytes of its file a path means; nothing where it means all of them.
fn range(path: &Path) -> Option<Range<usize>> {
    if path.index.is_none() && path.length.is_none() {
        return None;
    }
    let start = usize::try_from(path.index.unwrap_or(0)).ok()?;
    let end = match path.length {
        Some(length) => start.saturating_add(usize::try_from(length).ok()?),
        None => usize::MAX,
    };
    (start > 0 || end < usize::MAX).then_some(start..end)
}

/// What is wrong with a part of a file that the ODF names.
enum Wrong {
    /// An object of the file stands at these bytes, and is in no part of it that is named.
    Outside(Range<usize>),
    /// The file has only so many bytes.
    Short(usize),
}

fn wrong(contents: &Contents, path: &FilePath, range: &Range<usize>) -> Option<Wrong> {
    let source = contents
        .sources
        .iter()
        .find(|source| source.path == *path)?;
    let size = source.bytes.len();
    let is_whole = contents.unread_file(path).is_none();
    if is_whole && range.end != usize::MAX && range.end > size {
        return Some(Wrong::Short(size));
    }
    let named: Vec<_> = contents
        .odf
        .objects()
        .filter_map(OdfEntry::path)
        .filter(|named| contents.absolute(named) == *path)
        .map(|named| self::range(named).unwrap_or(0..usize::MAX))
        .collect();
    let within = |object: &Range<usize>| {
        let mut named = named.iter();
        named.any(|range| range.start <= object.start && object.end <= range.end)
    };
    let mut objects = objects(&source.bytes);
    objects.find(|object| !within(object)).map(Wrong::Outside)
}

/// Where the objects of a file stand, as far as they can be told apart.
fn objects(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let objects = Reader::new(bytes).filler(Filler::Skip);
    let whole = objects.map_while(Result::ok);
    whole.map(|object| object.offset..object.offset + object.raw.len())
}

fn problem(
    contents: &Contents,
    index: usize,
    entry: &OdfEntry,
    path: &FilePath,
    range: &Range<usize>,
    wrong: &Wrong,
) -> Problem {
    let start = range.start;
    let part = match range.end {
        usize::MAX => format!("the bytes of {path} from {start} on"),
        end => format!("the bytes {start} to {end} of {path}"),
    };
    let of = entry.kind;
    let message = match wrong {
        Wrong::Outside(object) => format!(
            "it says that {of} are in {part}, and an object stands at {} to {} of that file: all of \
             it was read here, but other programs do not see that object",
            object.start, object.end
        ),
        Wrong::Short(size) => format!(
            "it says that {of} are in {part}, which has {size} bytes: all of it was read here, but \
             other programs may refuse to"
        ),
    };
    let code = code::COUNT_MISMATCH;
    let file = &contents.odf_path;
    let problem = Problem::new(Severity::Error, code, "EF(ODF)", file, message);
    let about = ObjectRef {
        index,
        label: None,
        id: None,
    };
    problem.about(about).hint(
        "whoever wrote EF(ODF) must name all of the file in it; until then nothing is written to it",
    )
}
