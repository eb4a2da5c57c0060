//! What a card holds that this crate works with: a [`Token`], of one of several kinds.

use kortlab_apdu::Channel;

use crate::card::Card;
use crate::contents::Scope;
use crate::error::ErrorKind;
use crate::files::Budget;
use crate::session::{NoToken, Session};

/// The kinds of token that a session looks for, in this order. A new kind is a word here and in
/// [`Token`], and its way to open a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// A PKCS#15 application.
    Pkcs15,
}

/// What a card holds, opened.
#[derive(Debug)]
pub enum Token<C: Channel> {
    /// Keys, PINs and certificates of a PKCS#15 application.
    Pkcs15(Box<Card<C>>),
}

impl TokenKind {
    /// All, in the order in which a session looks for them.
    pub const ALL: [Self; 1] = [Self::Pkcs15];

    /// What people call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pkcs15 => "PKCS#15",
        }
    }

    fn open<C: Channel>(
        self,
        session: Session<C>,
        budget: Budget,
    ) -> Result<Token<C>, Box<NoToken<C>>> {
        match self {
            Self::Pkcs15 => Card::of_session(session, budget, Scope::Everything)
                .map(|card| Token::Pkcs15(Box::new(card))),
        }
    }
}

impl<C: Channel> Token<C> {
    /// Looks for a token of each kind in turn, and opens the first that is there.
    ///
    /// # Errors
    /// There is none, for the reason of the first kind; or the card is gone.
    pub(crate) fn find(session: Session<C>, budget: Budget) -> Result<Self, Box<NoToken<C>>> {
        let [first, others @ ..] = TokenKind::ALL;
        let mut none = match first.open(session, budget) {
            Err(none) if none.error().kind() == ErrorKind::NotPkcs15 => none,
            opened_or_gone => return opened_or_gone,
        };
        for kind in others {
            let why = none.error().clone();
            match kind.open(none.into_session(), budget) {
                Err(other) if other.error().kind() == ErrorKind::NotPkcs15 => {
                    none = NoToken::new(other.into_session(), why);
                }
                opened_or_gone => return opened_or_gone,
            }
        }
        Err(none)
    }

    /// Of which kind it is.
    pub const fn kind(&self) -> TokenKind {
        match self {
            Self::Pkcs15(_) => TokenKind::Pkcs15,
        }
    }

    /// The session goes on without it, to look at the card otherwise.
    pub fn into_session(self) -> Session<C> {
        match self {
            Self::Pkcs15(card) => card.into_session(),
        }
    }
}
