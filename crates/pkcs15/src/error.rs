//! Why a value cannot be written.

use kortlab_apdu::Error;

/// Why a value has no valid encoding, or does not fit its file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A field has a value that the standard does not allow.
    #[error("{what} cannot be written: {why}")]
    Value {
        /// The field, as the standard names it.
        what: &'static str,
        /// What is wrong with its value.
        why: String,
    },
    /// An element that was kept as it was read has no DER form.
    #[error(
        "an element with tag {tag} that was kept as it was read is not valid DER ({error}); \
         remove it, or change the file with `Edit`, which leaves other objects as they are"
    )]
    Element {
        /// The element's tag.
        tag: kortlab_apdu::tlv::Tag,
        /// What is wrong in it; the offset counts from its first byte.
        error: Error,
    },
    /// What could not be read is not written either.
    #[error(
        "object {index} could not be read, so it is not written; remove it, \
         or change the file with `Edit`, which leaves other objects as they are"
    )]
    Unreadable {
        /// The object's index in the directory.
        index: usize,
    },
    /// What would be written would be read as something else.
    #[error(
        "{what}{} would not be read back as it is, so it is not written: it was read from damaged \
         bytes, or holds values that a reader leaves out; build it anew, or change the file with \
         `Edit`, which leaves other objects as they are",
        .index.map(|index| format!(" {index}")).unwrap_or_default()
    )]
    NotReadBack {
        /// What it is.
        what: &'static str,
        /// The object's index in the directory, if it is an object of one.
        index: Option<usize>,
    },
    /// The file has no object with this index.
    #[error("there is no object {index}: the file has {count}")]
    NoSuchObject {
        /// The index asked for.
        index: usize,
        /// How many objects there are.
        count: usize,
    },
    /// The file holds bytes that belong to no object; writing it anew would lose them.
    #[error(
        "{length} bytes at byte {offset} belong to no object, and writing the file anew would lose \
         them: look at them first (`kortlab diagnose`); no command of kortlab removes them"
    )]
    Garbage {
        /// Where the first of them starts.
        offset: usize,
        /// How many bytes there are in all.
        length: usize,
    },
    /// The content is longer than the file.
    #[error("the content takes {needed} bytes, the file has {capacity}: remove something first")]
    Full {
        /// How many bytes the content takes.
        needed: usize,
        /// The size of the file in bytes.
        capacity: usize,
    },
}

impl EncodeError {
    pub(crate) fn value(what: &'static str, why: impl Into<String>) -> Self {
        Self::Value {
            what,
            why: why.into(),
        }
    }
}
