//! What of a card is not in its image: [`Notes`].

use core::fmt::Display;

use kortlab_apdu::StatusWord;
use kortlab_emulator::image::{MAX_NOT_READ, NotRead, Refusal};

/// The longest text of a note, in bytes.
const MAX_TEXT: usize = 400;

/// Why something is not in the image, or not as it is on the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The card refuses it.
    Refused,
    /// A key or a PIN never leaves a card.
    Secret,
    /// The card's answer makes no sense.
    Nonsense,
    /// An image has no place for it.
    NoPlace,
    /// It was not looked at.
    NotLookedAt,
    /// The image needs a value that the card does not tell.
    Assumed,
    /// The copy answers otherwise than the card.
    Differs,
}

impl Kind {
    /// All, in the order in which they are counted for people.
    pub const ALL: [Self; 7] = [
        Self::Refused,
        Self::Secret,
        Self::Nonsense,
        Self::NoPlace,
        Self::NotLookedAt,
        Self::Assumed,
        Self::Differs,
    ];

    /// A stable word, which is also in the image.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Secret => "secret",
            Self::Nonsense => "nonsense",
            Self::NoPlace => "no-place",
            Self::NotLookedAt => "not-looked-at",
            Self::Assumed => "assumed",
            Self::Differs => "differs",
        }
    }
}

/// The notes, in the order in which they were made.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    all: Vec<NotRead>,
}

impl Notes {
    /// Notes something. The last one that an image has room for says that there are more.
    pub(super) fn add(
        &mut self,
        what: impl Display,
        kind: Kind,
        status: Option<StatusWord>,
        why: impl Into<String>,
    ) {
        let (kind, why) = match self.all.len() + 1 {
            ..MAX_NOT_READ => (kind, why.into()),
            MAX_NOT_READ => (
                Kind::NotLookedAt,
                "there is more; it is not listed".to_owned(),
            ),
            _ => return,
        };
        self.all.push(NotRead {
            what: short(what.to_string()),
            kind: kind.name().to_owned(),
            status: status.and_then(Refusal::new),
            why: short(why),
        });
    }

    /// The same, unless that kind was noted for these words before.
    pub(super) fn once(&mut self, what: &str, kind: Kind, why: String) {
        let same = |note: &NotRead| note.kind == kind.name() && note.why == why;
        if !self.all.iter().any(same) {
            self.add(what, kind, None, why);
        }
    }

    pub(super) fn into_vec(self) -> Vec<NotRead> {
        self.all
    }
}

/// The text, cut where it is too long; a card's own words may stand in it.
fn short(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        let mut end = MAX_TEXT;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
    text
}
