//! What a lenient read found wrong: [`Finding`], and [`Parsed`], which carries them.

use core::fmt;

use crate::id::Id;

/// The most findings that one file is given. The last one says that more were left out.
pub const MAX_FINDINGS: usize = 256;

/// A value that was read leniently, and what was wrong on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Parsed<T> {
    /// What could be read.
    pub value: T,
    /// What was wrong, in the order of the file. Empty if a strict reader would accept the file
    /// as well.
    pub findings: Vec<Finding>,
}

impl<T> Parsed<T> {
    /// Whether there is no finding at all.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// The gravest severity among the findings.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// The same findings with the value that `change` makes of this one.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Parsed<U> {
        Parsed {
            value: change(self.value),
            findings: self.findings,
        }
    }
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Unusual; every reader that follows the standard copes with it.
    Note,
    /// Not what the standard says; some middleware stumbles over it.
    Warning,
    /// Something could not be read, or is missing.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// What kind of thing is wrong. Its text ([`Code::as_str`]) is stable from release to release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The data end before the element does.
    Truncated,
    /// A length says more or less than the content takes.
    LengthMismatch,
    /// A length takes more bytes than it needs; DER wants the shortest form.
    NonMinimalLength,
    /// A length of the indefinite form (`80`), which ISO/IEC 7816-4 does not use.
    IndefiniteLength,
    /// A SEQUENCE around the objects of a file, which the standard has not.
    ExtraSequence,
    /// Bytes that belong to no object.
    Garbage,
    /// An object behind `00` or `FF` filler, where some middleware stops reading.
    ObjectAfterFiller,
    /// An object of which nothing could be read.
    UnreadableObject,
    /// An element that this version does not know; it is kept.
    UnknownElement,
    /// A known element where the standard has it not: out of order, or twice.
    MisplacedElement,
    /// An element that the standard demands is not there.
    MissingElement,
    /// An element's value is not of its type, or is out of range.
    BadValue,
    /// A value is readable but not in DER's one form.
    NonDerValue,
    /// A number that cannot be negative is written as a negative one.
    NegativeNumber,
    /// A text is not UTF-8.
    NotUtf8,
    /// Elements nest deeper than the reader goes.
    TooDeep,
    /// More objects or elements than the reader takes.
    TooMany,
    /// A path of no bytes.
    EmptyPath,
    /// A path of an odd number of bytes.
    OddPath,
    /// A path of more than 16 bytes.
    LongPath,
    /// A path that leads back to where it stands.
    CircularPath,
    /// Two objects of one file have the same identifier.
    DuplicateId,
    /// The rules for a PIN (its lengths, its padding) contradict each other.
    PinLengths,
    /// A version that this reader does not know.
    UnknownVersion,
    /// More findings than are reported.
    MoreFindings,
}

impl Code {
    /// The stable text of the code, in kebab case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::LengthMismatch => "length-mismatch",
            Self::NonMinimalLength => "non-minimal-length",
            Self::IndefiniteLength => "indefinite-length",
            Self::ExtraSequence => "extra-sequence",
            Self::Garbage => "garbage",
            Self::ObjectAfterFiller => "object-after-filler",
            Self::UnreadableObject => "unreadable-object",
            Self::UnknownElement => "unknown-element",
            Self::MisplacedElement => "misplaced-element",
            Self::MissingElement => "missing-element",
            Self::BadValue => "bad-value",
            Self::NonDerValue => "non-der-value",
            Self::NegativeNumber => "negative-number",
            Self::NotUtf8 => "not-utf8",
            Self::TooDeep => "too-deep",
            Self::TooMany => "too-many",
            Self::EmptyPath => "empty-path",
            Self::OddPath => "odd-path",
            Self::LongPath => "long-path",
            Self::CircularPath => "circular-path",
            Self::DuplicateId => "duplicate-id",
            Self::PinLengths => "pin-lengths",
            Self::UnknownVersion => "unknown-version",
            Self::MoreFindings => "more-findings",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which object of a file a finding is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectRef {
    /// The object's index in the file, from 0; the same as in the directory's entries and in
    /// [`Edit`](crate::edit::Edit).
    pub index: usize,
    /// The object's label, if it has one that could be read.
    pub label: Option<String>,
    /// The object's identifier, if it has one that could be read.
    pub id: Option<Id>,
}

/// One thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What kind of thing it is.
    pub code: Code,
    /// The object it is about, if it is about one.
    pub object: Option<ObjectRef>,
    /// Where: an offset in bytes from the start of the file.
    pub offset: usize,
    /// What is wrong there and, where that can be said, what to do.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: at byte {}", self.severity, self.offset)?;
        if let Some(object) = &self.object {
            write!(f, ", object {}", object.index)?;
            if let Some(label) = &object.label {
                write!(f, " {label:?}")?;
            }
        }
        write!(f, ": {} [{}]", self.message, self.code)
    }
}

/// Collects the findings of one file while it is read.
#[derive(Debug, Default)]
pub struct Notes {
    findings: Vec<Finding>,
    object: Option<usize>,
}

impl Notes {
    pub(crate) fn add(
        &mut self,
        severity: Severity,
        code: Code,
        offset: usize,
        message: impl fmt::Display,
    ) {
        if self.findings.len() >= MAX_FINDINGS {
            return;
        }
        let object = self.object.map(|index| ObjectRef {
            index,
            label: None,
            id: None,
        });
        let last = self.findings.len() + 1 == MAX_FINDINGS;
        self.findings.push(if last {
            Finding {
                severity: Severity::Warning,
                code: Code::MoreFindings,
                object: None,
                offset,
                message: "there are more findings from here on; they are left out".to_owned(),
            }
        } else {
            Finding {
                severity,
                code,
                object,
                offset,
                message: message.to_string(),
            }
        });
    }

    pub(crate) fn note(&mut self, code: Code, offset: usize, message: impl fmt::Display) {
        self.add(Severity::Note, code, offset, message);
    }

    pub(crate) fn warn(&mut self, code: Code, offset: usize, message: impl fmt::Display) {
        self.add(Severity::Warning, code, offset, message);
    }

    pub(crate) fn error(&mut self, code: Code, offset: usize, message: impl fmt::Display) {
        self.add(Severity::Error, code, offset, message);
    }

    /// What `work` finds, but for that of these codes.
    pub(crate) fn without<T>(&mut self, codes: &[Code], work: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.findings.len();
        let done = work(self);
        let mut found = self.findings.split_off(before);
        found.retain(|finding| !codes.contains(&finding.code));
        self.findings.append(&mut found);
        done
    }

    /// From here on findings are about the object with this index.
    pub(crate) fn begin_object(&mut self, index: usize) {
        self.object = Some(index);
    }

    /// From here on findings are about no object.
    pub(crate) fn end_object(&mut self) {
        self.object = None;
    }

    /// Puts the findings in the order of the file, and gives those about an object its label and
    /// its identifier.
    pub(crate) fn settle<'a>(&mut self, name: impl Fn(usize) -> (Option<&'a str>, Option<&'a Id>)) {
        for finding in &mut self.findings {
            if let Some(object) = &mut finding.object {
                let (label, id) = name(object.index);
                object.label = label.map(str::to_owned);
                object.id = id.cloned();
            }
        }
        let order = |finding: &Finding| (finding.code == Code::MoreFindings, finding.offset);
        self.findings.sort_by_key(order);
    }

    pub(crate) fn into_parsed<T>(self, value: T) -> Parsed<T> {
        Parsed {
            value,
            findings: self.findings,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_names_severity_place_object_and_code() {
        let mut notes = Notes::default();
        notes.begin_object(2);
        notes.warn(Code::OddPath, 17, "the path has 3 bytes");
        notes.end_object();
        notes.settle(|index| ((index == 2).then_some("Kalle"), None));
        let parsed = notes.into_parsed(());
        assert_eq!(
            parsed.findings[0].to_string(),
            "warning: at byte 17, object 2 \"Kalle\": the path has 3 bytes [odd-path]"
        );
        assert_eq!(parsed.worst(), Some(Severity::Warning));
    }

    #[test]
    fn the_number_of_findings_is_bounded_and_the_last_one_says_so() {
        let mut notes = Notes::default();
        for offset in 0..10 * MAX_FINDINGS {
            notes.error(Code::Garbage, offset, "garbage");
        }
        let parsed = notes.into_parsed(());
        assert_eq!(parsed.findings.len(), MAX_FINDINGS);
        assert_eq!(
            parsed.findings.last().map(|finding| finding.code),
            Some(Code::MoreFindings)
        );
    }
}
