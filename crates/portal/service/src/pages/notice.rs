//! What a page tells of the step before.

use super::text::{Reason, Texts};

/// Something to tell on the next page, in the language it was made in.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    /// How it went.
    pub(crate) kind: NoticeKind,
    /// What there is to say, a paragraph each.
    pub(crate) lines: Vec<String>,
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoticeKind {
    /// It is done.
    Good,
    /// It did not work.
    Bad,
    /// Neither.
    Remark,
}

impl Notice {
    /// It is done.
    pub(crate) fn good(line: impl Into<String>) -> Self {
        Self::new(NoticeKind::Good, vec![line.into()])
    }

    /// It did not work.
    pub(crate) fn bad(lines: Vec<String>) -> Self {
        Self::new(NoticeKind::Bad, lines)
    }

    /// Neither.
    pub(crate) fn remark(line: impl Into<String>) -> Self {
        Self::new(NoticeKind::Remark, vec![line.into()])
    }

    fn new(kind: NoticeKind, lines: Vec<String>) -> Self {
        Self { kind, lines }
    }
}

impl From<Reason> for Notice {
    fn from(reason: Reason) -> Self {
        Self::bad(vec![reason.why, reason.what_to_do])
    }
}

impl NoticeKind {
    /// Whether it is done.
    pub(crate) const fn is_good(self) -> bool {
        matches!(self, Self::Good)
    }

    /// Whether it did not work.
    pub(crate) const fn is_bad(self) -> bool {
        matches!(self, Self::Bad)
    }

    /// For the style sheet.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Remark => "remark",
        }
    }

    /// For screen readers: what did not work is read at once.
    pub(crate) const fn role(self) -> &'static str {
        match self {
            Self::Bad => "alert",
            Self::Good | Self::Remark => "status",
        }
    }

    /// The same in words, beside colour and icon.
    pub(crate) const fn title(self, t: Texts) -> &'static str {
        match self {
            Self::Good => t.good_news(),
            Self::Bad => t.bad_news(),
            Self::Remark => t.remark(),
        }
    }
}
