//! [`Session`]: a card of any kind, and what is known of it.

use kortlab_apdu::fcp::Fcp;
use kortlab_apdu::{Channel, FilePath};
use kortlab_pkcs15::{EfDir, Severity};

use crate::applications::{self, Asked, KnownApplication, Reply};
use crate::contents::{Contents, EF_DIR, is_final};
use crate::error::{CardError, ErrorKind};
use crate::files::{Budget, Files, Shelf};
use crate::problem::{Problem, code};
use crate::token::Token;

/// How often work is begun again because another program resets the card.
const MAX_RESETS: usize = 20;

/// A session with a card of any kind. Nothing is sent when it begins.
///
/// What the card holds is a matter of its own: [`Session::open_token`] looks for it, and gives a
/// [`Token`] if there is something that this crate works with. Everything else works with any card:
/// its files, commands of one's own, and [`Session::identify`].
#[derive(Debug)]
pub struct Session<C: Channel> {
    pub(crate) channel: C,
    pub(crate) shelf: Shelf,
    /// How many times the card is held: calls stand inside each other.
    pub(crate) held: usize,
}

impl<C: Channel> Session<C> {
    /// A session with the card at the other end of `channel`.
    pub fn new(channel: C) -> Self {
        Self {
            channel,
            shelf: Shelf::new(Budget::CARD),
            held: 0,
        }
    }

    /// The card's answer to reset.
    pub fn atr(&self) -> &[u8] {
        self.channel.atr()
    }

    /// The card's files.
    pub fn files(&mut self) -> Files<'_, C> {
        Files::of_session(&mut self.channel, &mut self.shelf)
    }

    /// The channel, for commands of one's own.
    pub fn channel_mut(&mut self) -> &mut C {
        self.shelf.selected = None;
        &mut self.channel
    }

    /// Ends the session and gives the channel back.
    pub fn into_channel(self) -> C {
        self.channel
    }

    /// Opens what the card holds, of whichever kind it is ([`TokenKind`](crate::TokenKind)). No more
    /// is read than `budget` allows.
    ///
    /// # Errors
    /// The card is gone, or holds nothing that this crate works with; the session goes on in either
    /// case, and [`NoToken::answers`] says what else is there.
    pub fn open_token(self, budget: Budget) -> Result<Token<C>, Box<NoToken<C>>> {
        Token::find(self, budget)
    }

    /// Does `work` while other programs are kept from the card.
    ///
    /// # Errors
    /// Those of `work`, or the card is gone or held by another program.
    pub fn exclusively<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, CardError>,
    ) -> Result<T, CardError> {
        if self.held == 0 {
            repeated(|| {
                let begun = self.channel.begin_exclusive();
                begun.map_err(|error| CardError::channel("get hold of the card", error))
            })?;
        }
        self.held += 1;
        let result = work(self);
        self.held -= 1;
        if self.held == 0 {
            // Another program may select something else now.
            self.shelf.selected = None;
            let ended = self.channel.end_exclusive();
            if result.is_ok() {
                ended?;
            }
        }
        result
    }

    /// Does `work` while other programs are kept from the card, and does it again if one resets
    /// the card in the middle of it.
    pub(crate) fn repeatedly<T>(
        &mut self,
        mut work: impl FnMut(&mut Self) -> Result<T, CardError>,
    ) -> Result<T, CardError> {
        repeated(|| {
            self.channel.begin_exclusive()?;
            let done = work(self);
            let ended = self.channel.end_exclusive();
            let done = done?;
            ended?;
            Ok(done)
        })
    }

    /// Finds out what the card is, as far as it tells: whether it has a master file and EF.DIR, and
    /// to which applications it answers, those that it lists itself and those that are known. Only
    /// commands of ISO/IEC 7816-4 are sent: SELECT, and READ of EF.DIR.
    ///
    /// # Errors
    /// The card is gone. What it refuses is in the result.
    pub fn identify(&mut self) -> Result<Identification, CardError> {
        self.shelf = Shelf::new(self.shelf.meter.budget());
        self.repeatedly(|session| {
            let atr = session.atr().to_vec();
            let mut files = session.files();
            let master_file = applications::reply(files.select(&FilePath::MASTER_FILE))?;
            let directory = applications::reply(files.select(&EF_DIR))?;
            let listed = match directory {
                Reply::Selected(_) => read_dir(&mut files)?,
                Reply::Refused(_) | Reply::Nonsense(_) => EfDir::default(),
            };
            let anything = applications::answers_to_anything(&mut files)?;
            let applications = applications::ask(&mut files, &listed)?;
            Ok(Identification {
                atr,
                master_file,
                directory,
                anything,
                applications,
            })
        })
    }
}

/// EF.DIR, transparent or of records; empty if it cannot be read.
fn read_dir<C: Channel + ?Sized>(files: &mut Files<'_, C>) -> Result<EfDir, CardError> {
    let records = match files.read(&EF_DIR) {
        Ok(content) => Ok(vec![content.data]),
        Err(error) if error.kind().may_be_of_records() => {
            files.read_records(&EF_DIR).map(|read| read.records)
        }
        Err(error) => Err(error),
    };
    let mut dir = EfDir::default();
    match records {
        Ok(records) => {
            for record in records {
                dir.entries.extend(EfDir::parse(&record).value.entries);
            }
        }
        Err(error) if is_final(&error) => return Err(error),
        Err(_) => {}
    }
    Ok(dir)
}

/// What a card tells of itself, whatever it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identification {
    /// Its answer to reset.
    pub atr: Vec<u8>,
    /// How it answers when its master file is selected (3F00, ISO/IEC 7816-4 §7.3).
    pub master_file: Reply,
    /// How it answers when EF.DIR is selected (3F00/2F00, ISO/IEC 7816-4 §8.2.1.1).
    pub directory: Reply,
    /// Whether it answers to an AID that nobody has, so that its answers to others say nothing.
    pub anything: bool,
    /// The applications that it was asked for: those of its EF.DIR, then those that are known.
    pub applications: Vec<Asked>,
}

impl Identification {
    /// The applications that the card has; none where it answers to anything.
    pub fn answering(&self) -> impl Iterator<Item = &Asked> {
        let told = self.applications.iter().filter(|_| !self.anything);
        told.filter(|asked| matches!(asked.reply, Reply::Selected(_)))
    }

    /// That a card without PKCS#15 holds what nobody looked at, because of `why`: an error where it
    /// may be a card that should have it, because nothing else on it answers.
    pub fn not_looked_at(&self, why: &CardError) -> Problem {
        let answering: Vec<_> = self.answering().collect();
        let others = answering
            .iter()
            .any(|asked| !applications::holds_pkcs15(&asked.aid));
        let severity = if others {
            Severity::Warning
        } else {
            Severity::Error
        };
        let message = format!("{why}; what it holds was not looked at");
        let path = &FilePath::EMPTY;
        let problem = Problem::new(severity, code::NOT_PKCS15, "the card", path, message);
        let known = answering.iter().find_map(|asked| asked.next_step);
        match known.or_else(|| why.next_step()) {
            Some(next) => problem.hint(next),
            None => problem,
        }
    }

    /// What the card says of its master file.
    pub fn master_file_parameters(&self) -> Option<&Fcp> {
        match &self.master_file {
            Reply::Selected(info) => info.fcp.as_ref(),
            Reply::Refused(_) | Reply::Nonsense(_) => None,
        }
    }
}

/// A session in which nothing was found that this crate works with, and why.
#[derive(Debug)]
pub struct NoToken<C: Channel> {
    session: Session<C>,
    error: CardError,
    contents: Option<Box<Contents>>,
}

impl<C: Channel> NoToken<C> {
    pub(crate) fn new(session: Session<C>, error: CardError) -> Box<Self> {
        Box::new(Self {
            session,
            error,
            contents: None,
        })
    }

    /// The same, with what was read before.
    pub(crate) fn with_contents(mut self: Box<Self>, contents: Option<Contents>) -> Box<Self> {
        self.contents = contents.map(Box::new);
        self
    }

    /// What was read of a PKCS#15 application before the error ended it, and what is wrong with that;
    /// `None` if not one file was.
    pub fn contents(&self) -> Option<&Contents> {
        let contents = self.contents.as_deref();
        contents.filter(|contents| !contents.sources.is_empty())
    }

    /// Why.
    pub const fn error(&self) -> &CardError {
        &self.error
    }

    /// The first answer that made no sense while something was looked for: it may be there.
    pub fn nonsense(&self) -> Option<&CardError> {
        self.contents.as_deref()?.nonsense()
    }

    /// The session, to go on with.
    pub fn into_session(self) -> Session<C> {
        self.session
    }

    /// To which of the applications that are known the card answers instead; to none where it
    /// answers to anything.
    ///
    /// # Errors
    /// The card is gone.
    pub fn answers(&mut self) -> Result<Vec<&'static KnownApplication>, CardError> {
        let session = &mut self.session;
        session.repeatedly(|session| applications::others(&mut session.files()))
    }

    /// Why, and where the card has no PKCS#15 application, to what it answers instead.
    pub fn into_error(mut self) -> CardError {
        if self.error.kind() != ErrorKind::NotPkcs15 {
            return self.error;
        }
        let found = self.answers();
        let error = self.error;
        match found.as_deref() {
            Err(gone) => gone.clone(),
            Ok([]) => error,
            Ok(some @ [first, ..]) => {
                let list: Vec<_> = some.iter().map(ToString::to_string).collect();
                CardError::new(
                    ErrorKind::NotPkcs15,
                    format!(
                        "the card has no PKCS#15 application that can be read; it answers to {}",
                        list.join(", ")
                    ),
                )
                .hint(first.next_step)
            }
        }
    }
}

/// Does `work` again if another program resets the card in the middle of it.
pub(crate) fn repeated<T>(mut work: impl FnMut() -> Result<T, CardError>) -> Result<T, CardError> {
    for _ in 1..MAX_RESETS {
        match work() {
            Err(error) if error.is_reset() => {}
            result => return result,
        }
    }
    work()
}
