//! What is wrong with an image, and where.

use core::fmt;
use std::path::PathBuf;

use crate::holder::Holder;

/// Why an image was refused. `Display` is one line that says where, what, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageError {
    /// The text is not JSON, or a field has the wrong type, or a name is unknown.
    Json {
        /// The JSON path of the value, such as `$.files[1].fid`.
        path: String,
        /// Line in the text, from 1.
        line: usize,
        /// Column in the line, from 1.
        column: usize,
        /// What is wrong.
        what: String,
    },
    /// The text is an image, but what it says does not fit together.
    Inconsistent {
        /// The JSON path of the value at fault.
        path: String,
        /// What is wrong, and what would be right.
        what: String,
    },
    /// The text is longer than an image may be.
    TooLarge {
        /// Its length in bytes, or at least that.
        length: u64,
        /// The most bytes an image may have.
        limit: u64,
    },
    /// Another program runs this card.
    InUse {
        /// Which file.
        path: PathBuf,
        /// Who has locked it, if the system tells.
        holder: Option<Holder>,
    },
    /// The file could not be opened, locked, read or written.
    File {
        /// Which file.
        path: PathBuf,
        /// What happened, and what to do.
        what: String,
    },
}

impl ImageError {
    pub(crate) fn inconsistent(path: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Inconsistent {
            path: path.into(),
            what: what.into(),
        }
    }
}

impl ImageError {
    /// A stable word for programs, in kebab case.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Json { .. } => "image-syntax",
            Self::Inconsistent { .. } => "image-inconsistent",
            Self::TooLarge { .. } => "image-too-large",
            Self::InUse { .. } => "image-in-use",
            Self::File { .. } => "image-file",
        }
    }

    /// What is wrong and where in the document, without what the whole line says around it.
    pub fn detail(&self) -> String {
        match self {
            Self::Json {
                path,
                line,
                column,
                what,
            } => format!("at {path} (line {line}, column {column}): {what}"),
            Self::Inconsistent { path, what } => format!("at {path}: {what}"),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json { .. } => write!(f, "not a card image: {}", self.detail()),
            Self::Inconsistent { .. } => {
                write!(f, "the card image is inconsistent: {}", self.detail())
            }
            Self::TooLarge { length, limit } => write!(
                f,
                "not a card image: {length} bytes or more, and an image has at most {limit}"
            ),
            Self::InUse { path, holder } => {
                write!(f, "card image {}: in use by ", path.display())?;
                match holder {
                    Some(holder) => holder.fmt(f),
                    None => f.write_str("another program that runs this card"),
                }
            }
            Self::File { path, what } => write!(f, "card image {}: {what}", path.display()),
        }
    }
}

impl std::error::Error for ImageError {}
