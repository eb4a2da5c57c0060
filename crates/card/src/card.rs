//! [`Card`]: a session with one card.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use kortlab_apdu::{Channel, Fid, FilePath, ResetKind};
use kortlab_pkcs15::{Id, ObjectValue, Path};

use crate::contents::{Contents, Scope, ends_all, is_final};
use crate::dialect::{self, Dialect, Identity};
use crate::error::{CardError, ErrorKind};
use crate::files::{Budget, FileInfo, Files, Known, Remark, Shelf};
use crate::keys::RsaPublicKey;
use crate::pin_reference::Ways;
use crate::pins::{PinObject, PinState};
use crate::problem::Problem;
use crate::profile::Profile;
use crate::session::{NoToken, Session, repeated};
use crate::slots::Procedure;

/// A session with one card that has a PKCS#15 application.
///
/// What is on the card is read once: the directories when the session is opened, other files when
/// they are first wanted, and again what the session itself has changed. [`Card::refresh`] reads
/// all of it anew, and [`Card::files`] always reads from the card. How much is read has a limit
/// ([`Budget`]).
///
/// Calls that consist of several commands keep other programs from the card while they run. To
/// keep them out for longer (a PIN, then a signature), use [`Card::exclusively`].
#[derive(Debug)]
pub struct Card<C: Channel> {
    session: Session<C>,
    identity: Identity,
    dialect: &'static dyn Dialect,
    contents: Contents,
    pub(crate) scope: Scope,
    pub(crate) doubtful_pins: bool,
    /// The PINs verified in this session since the last reset, by their DF and reference.
    verified: BTreeSet<(FilePath, u32)>,
    /// The PINs that this session has verified, and their state before that.
    before: Vec<(PinObject, Option<PinState>)>,
    pub(crate) public_keys: BTreeMap<Id, Option<RsaPublicKey>>,
    /// By which PINs the keys are used, by their files, as far as the card was asked.
    pub(crate) uses_of_keys: BTreeMap<FilePath, Option<Ways>>,
    /// Records of access rules that were asked for: the directory of the file that refers to one, the
    /// file that it is in, and its number.
    pub(crate) access_rules: BTreeMap<(FilePath, Fid, u8), Result<Vec<u8>, CardError>>,
    pub(crate) procedure: Procedure,
    /// What is to be told of the change under way, in words: warnings of the card, and what it refused
    /// and did all the same.
    pub(crate) told: Vec<String>,
}

impl<C: Channel> Card<C> {
    /// Opens a session: finds out which card OS it is, and reads the PKCS#15 directories.
    ///
    /// # Errors
    /// The card is gone, or has no PKCS#15 application. A broken one opens, with
    /// [`Contents::problems`].
    pub fn open(channel: C) -> Result<Self, CardError> {
        Self::open_within(channel, Budget::CARD)
    }

    /// A session that knows the card's PINs and private keys only, which takes half the commands.
    /// It changes no certificates.
    ///
    /// # Errors
    /// As for [`Card::open_within`].
    pub fn open_for_pins(channel: C, budget: Budget) -> Result<Self, CardError> {
        Self::open_scope(channel, budget, Scope::Pins)
    }

    /// The same, reading no more than `budget` allows. What it does not allow is missing from the
    /// contents, with a problem that says so.
    ///
    /// # Errors
    /// As for [`Card::open`]; or the budget does not even reach to the PKCS#15 application
    /// ([`ErrorKind::Budget`]).
    pub fn open_within(channel: C, budget: Budget) -> Result<Self, CardError> {
        Self::open_scope(channel, budget, Scope::Everything)
    }

    fn open_scope(channel: C, budget: Budget, scope: Scope) -> Result<Self, CardError> {
        let opened = Self::of_session(Session::new(channel), budget, scope);
        opened.map_err(|none| none.into_error())
    }

    /// The card of this session, if it has a PKCS#15 application.
    pub(crate) fn of_session(
        mut session: Session<C>,
        budget: Budget,
        scope: Scope,
    ) -> Result<Self, Box<NoToken<C>>> {
        session.shelf = Shelf::new(budget);
        let mut partly = None;
        let (identity, dialect, contents) = match session.repeatedly(|session| {
            let Session { channel, shelf, .. } = session;
            open(channel, shelf, scope, &mut partly)
        }) {
            Ok(opened) => opened,
            Err(error) => return Err(NoToken::new(session, error).with_contents(partly)),
        };
        let mut card = Self {
            session,
            identity,
            dialect,
            contents,
            scope,
            doubtful_pins: false,
            verified: BTreeSet::new(),
            before: Vec::new(),
            public_keys: BTreeMap::new(),
            uses_of_keys: BTreeMap::new(),
            access_rules: BTreeMap::new(),
            procedure: Procedure::SOUND,
            told: Vec::new(),
        };
        card.take_problems();
        Ok(card)
    }

    /// The problem, which names no command as its next step that would be refused on this card.
    pub(crate) fn of_this_card(&self, problem: Problem) -> Problem {
        match self.can_change_slots() {
            Ok(()) => problem,
            Err(_) => problem.of_fixed_card(),
        }
    }

    /// What was found wrong before it was known which card OS it is, or anew, as of this card.
    fn take_problems(&mut self) {
        let found = core::mem::take(&mut self.contents.problems);
        let found = found.into_iter().map(|problem| self.of_this_card(problem));
        self.contents.problems = found.collect();
    }

    /// Has this session change its card in another order, so that a harness can show that it finds
    /// what is wrong with it.
    #[doc(hidden)]
    pub const fn follow(&mut self, procedure: Procedure) {
        self.procedure = procedure;
    }

    /// What is on the card, and what is wrong with it.
    pub const fn contents(&self) -> &Contents {
        &self.contents
    }

    /// What is on the card, to take over what was changed.
    pub(crate) const fn contents_mut(&mut self) -> &mut Contents {
        &mut self.contents
    }

    /// How this card's OS wants its commands.
    pub fn dialect(&self) -> &'static dyn Dialect {
        self.dialect
    }

    /// What is known of cards like this one beyond the standard.
    pub fn profile(&self) -> &'static Profile {
        Profile::of(&self.contents)
    }

    /// What the card told of itself before its files were read.
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The card's serial number, as its TokenInfo gives it.
    pub fn serial_number(&self) -> Option<&[u8]> {
        self.contents.token_info.as_ref()?.serial_number.as_deref()
    }

    /// The card's files.
    pub fn files(&mut self) -> Files<'_, C> {
        self.session.files()
    }

    /// The channel, for commands of one's own. What they change is not noticed before
    /// [`Card::refresh`].
    pub fn channel_mut(&mut self) -> &mut C {
        self.session.channel_mut()
    }

    /// The session goes on without what is known of the application.
    pub fn into_session(self) -> Session<C> {
        self.session
    }

    /// Ends the session and gives the channel back. PINs stay verified; see [`Card::reset`].
    pub fn into_channel(self) -> C {
        self.session.into_channel()
    }

    /// Reads the PKCS#15 directories anew.
    ///
    /// # Errors
    /// As for [`Card::open`]; what was known before stays.
    pub fn refresh(&mut self) -> Result<(), CardError> {
        self.contents = self.exclusively(|card| {
            card.session.shelf.clear();
            Contents::read_known(
                &mut card.session.channel,
                &mut card.session.shelf,
                card.scope,
            )
        })?;
        self.take_problems();
        self.public_keys.clear();
        self.uses_of_keys.clear();
        self.access_rules.clear();
        Ok(())
    }

    /// Reads all directories, if the session was opened for the PINs alone: those that are not known,
    /// under what is left of the same budget.
    pub(crate) fn read_everything(&mut self) -> Result<(), CardError> {
        if self.scope == Scope::Everything {
            return Ok(());
        }
        self.contents = self.exclusively(|card| {
            let Session { channel, shelf, .. } = &mut card.session;
            shelf.meter.count_objects_anew();
            Contents::read_known(channel, shelf, Scope::Everything)
        })?;
        self.scope = Scope::Everything;
        self.take_problems();
        self.public_keys.clear();
        Ok(())
    }

    /// The value of an object: the file, or the part of it, that its path names, or the bytes
    /// that stand in the object itself.
    ///
    /// # Errors
    /// The file cannot be read, the part is not in it, or the value is somewhere else than on the
    /// card.
    pub fn read_value(&mut self, value: &ObjectValue) -> Result<Vec<u8>, CardError> {
        self.value(value).map(Into::into)
    }

    /// The same, shared with all other objects that name the same file.
    pub(crate) fn value(&mut self, value: &ObjectValue) -> Result<Bytes, CardError> {
        match value {
            ObjectValue::Path(path) => self.read_path(path),
            ObjectValue::Direct(bytes) => Ok(Bytes::copy_from_slice(bytes)),
            ObjectValue::Other(_) => Err(CardError::new(
                ErrorKind::Unsupported,
                "the value is not on the card, or is protected: that is not supported",
            )),
        }
    }

    /// The whole file that a path names.
    pub(crate) fn file_of(&mut self, path: &Path) -> Result<Known, CardError> {
        let file = self.contents.absolute(path);
        self.file_once(&file)
    }

    /// The whole file at an absolute path, as this session knows it; if it does not, it is read now,
    /// within what is asked of a card.
    pub(crate) fn file_once(&mut self, file: &FilePath) -> Result<Known, CardError> {
        let known = self.exclusively(|card| {
            Files::metered(&mut card.session.channel, &mut card.session.shelf).read_once(file)
        })?;
        match known.ended {
            Some(error) => Err(error),
            None => Ok(known),
        }
    }

    /// A file is read from the card when it is next wanted.
    pub(crate) fn forget_file(&mut self, file: &FilePath) {
        self.session.shelf.forget(file);
    }

    /// The identifiers of the files in DF(PKCS15), where this card OS lists them, within what is asked
    /// of a card; `None` if it does not.
    ///
    /// # Errors
    /// The card is gone, or as much was read as may be.
    pub(crate) fn files_of_application(&mut self) -> Result<Option<BTreeSet<Fid>>, CardError> {
        let application = self.contents.application.clone();
        self.files_in(&application)
    }

    /// The same of the DF at `directory`.
    pub(crate) fn files_in(
        &mut self,
        directory: &FilePath,
    ) -> Result<Option<BTreeSet<Fid>>, CardError> {
        let Some(command) = self.dialect.list_files() else {
            return Ok(None);
        };
        let answer = self.exclusively(|card| {
            let Session { channel, shelf, .. } = &mut card.session;
            let mut files = Files::metered(channel, shelf);
            files.list(directory, &command)
        });
        match answer {
            Ok(answer) => {
                let ids = Fid::each(answer.data());
                Ok(ids.map(|ids| ids.filter(|id| id.is_free_for_use()).collect()))
            }
            Err(error) if ends_all(&error) => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// Whether there is a file at `path`, within what is asked of a card.
    pub(crate) fn file_exists(&mut self, path: &FilePath) -> Result<bool, CardError> {
        Files::metered(&mut self.session.channel, &mut self.session.shelf).exists(path)
    }

    /// What the card says of the file at `path`, within what is asked of a card.
    pub(crate) fn describe_file(&mut self, path: &FilePath) -> Result<FileInfo, CardError> {
        Files::metered(&mut self.session.channel, &mut self.session.shelf).select(path)
    }

    /// A record of the file at `path`, within what is asked of a card.
    pub(crate) fn read_record(
        &mut self,
        path: &FilePath,
        number: u8,
    ) -> Result<Vec<u8>, CardError> {
        let Session { channel, shelf, .. } = &mut self.session;
        Files::metered(channel, shelf).read_record(path, number)
    }

    /// The files that were read with a warning, and the warning.
    pub(crate) fn warned_files(&self) -> impl Iterator<Item = (FilePath, &Remark)> {
        self.session.shelf.read_with_warning()
    }

    /// Whether a file that could be read is said to be in this state of its life cycle (tag 8A).
    pub(crate) fn has_read_in_state(&self, state: u8) -> bool {
        self.session.shelf.has_read_in_state(state)
    }

    fn read_path(&mut self, path: &Path) -> Result<Bytes, CardError> {
        let file = self.contents.absolute(path);
        let data = self.file_of(path)?.data;
        let from = path.index.unwrap_or(0) as usize;
        let length = path.length.map(|length| length as usize);
        let part = match length {
            // A length of 0 is what some cards write for "all of it".
            None | Some(0) => data.get(from..),
            Some(length) => from.checked_add(length).and_then(|to| data.get(from..to)),
        };
        part.map(|part| data.slice_ref(part)).ok_or_else(|| {
            CardError::new(
                ErrorKind::Nonsense,
                format!(
                    "the card says a value is at byte {from} of {}, which has {} bytes",
                    file,
                    data.len()
                ),
            )
        })
    }

    /// Resets the card, which forgets the PINs that were verified, by whatever program. Where other
    /// programs may use the card, [`Card::forget_pins`] takes nothing from them.
    ///
    /// # Errors
    /// The card is gone.
    pub fn reset(&mut self) -> Result<(), CardError> {
        self.verified.clear();
        self.session
            .channel
            .reset(ResetKind::Warm)
            .map_err(|error| CardError::channel("reset the card", error))?;
        self.session.shelf.at_home = false;
        if self.session.held > 0 {
            self.files().return_to_application()?;
        }
        Ok(())
    }

    /// Notes whether the PIN is verified.
    pub(crate) fn note_verified(&mut self, pin: &PinObject, verified: bool) {
        let pin = (pin.directory.clone(), pin.reference);
        if verified {
            self.verified.insert(pin);
        } else {
            self.verified.remove(&pin);
        }
    }

    /// Whether the PIN was verified in this session, and nothing has taken that back that this
    /// session knows of.
    pub(crate) fn was_verified(&self, pin: &PinObject) -> bool {
        self.verified
            .contains(&(pin.directory.clone(), pin.reference))
    }

    /// Sees to it that the PINs which this session has verified do not stay verified, and gives
    /// those that do all the same, because the card cannot take them back without taking from
    /// another program what it has verified.
    ///
    /// A card that no other program can use is reset. Else a PIN that was verified before already is
    /// another program's and stays; the others are taken back one by one (VERIFY with P1 = FF,
    /// ISO/IEC 7816-4 §11.6.6), and where the card refuses that, it is reset if nobody else is
    /// connected to it.
    ///
    /// # Errors
    /// The link to the card failed. A card that is gone has forgotten its PINs.
    pub fn forget_pins(&mut self) -> Result<Vec<PinObject>, CardError> {
        let verified = core::mem::take(&mut self.before);
        let forgotten = self.take_back(verified);
        self.verified.clear();
        match forgotten {
            Err(error) if matches!(error.kind(), ErrorKind::NoCard | ErrorKind::NoReader) => {
                Ok(Vec::new())
            }
            // Another program has reset the card: that has the same effect.
            Err(error) if error.is_reset() => Ok(Vec::new()),
            other => other,
        }
    }

    fn take_back(
        &mut self,
        verified: Vec<(PinObject, Option<PinState>)>,
    ) -> Result<Vec<PinObject>, CardError> {
        if !self.session.channel.is_shared() {
            self.reset()?;
            return Ok(Vec::new());
        }
        let ours = verified
            .into_iter()
            .filter(|(_, before)| *before != Some(PinState::Verified));
        self.exclusively(|card| {
            let mut left = Vec::new();
            for (pin, before) in ours {
                // Whose it is, is not known where the card did not tell.
                let told = matches!(before, Some(PinState::TriesLeft(_) | PinState::Blocked));
                if !told || !card.unverify(&pin)? {
                    left.push(pin);
                }
            }
            if left.is_empty() {
                return Ok(left);
            }
            let alone = card.session.channel.reset_alone(ResetKind::Warm);
            let alone = alone.map_err(|error| CardError::channel("reset the card", error))?;
            Ok(if alone { Vec::new() } else { left })
        })
    }

    /// Notes the state of a PIN before this session verifies it for the first time.
    pub(crate) fn before_verifying(&mut self, pin: &PinObject) -> Result<(), CardError> {
        if self.before.iter().any(|(known, _)| known == pin) {
            return Ok(());
        }
        let tells = self.dialect.tells_whether_verified();
        let state = if tells && self.session.channel.is_shared() {
            // A card that does not tell is no reason not to verify.
            match self.state_of(pin) {
                Err(error) if is_final(&error) => return Err(error),
                state => state.ok(),
            }
        } else {
            None
        };
        self.before.push((pin.clone(), state));
        Ok(())
    }

    /// Does `work` while other programs are kept from the card.
    ///
    /// # Errors
    /// Those of `work`, or the card is gone or held by another program.
    pub fn exclusively<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, CardError>,
    ) -> Result<T, CardError> {
        if self.session.held == 0 {
            self.hold()?;
        }
        self.session.held += 1;
        let result = if self.session.held == 1 {
            // Another program may have selected another application meanwhile.
            self.files()
                .return_to_application()
                .and_then(|()| work(self))
        } else {
            work(self)
        };
        self.session.held -= 1;
        if self.session.held == 0 {
            // Another program may select something else now.
            self.session.shelf.selected = None;
            let ended = self.session.channel.end_exclusive();
            if result.is_ok() {
                ended?;
            }
        }
        result
    }
}

impl<C: Channel> Card<C> {
    /// Keeps other programs from the card. If one has reset it since, only what was verified is
    /// lost: every work selects its files itself.
    fn hold(&mut self) -> Result<(), CardError> {
        let channel = &mut self.session.channel;
        let begin = || {
            let begun = channel.begin_exclusive();
            begun.map_err(|error| CardError::channel("get hold of the card", error))
        };
        if self.before.is_empty() {
            return repeated(begin);
        }
        let mut begin = begin;
        begin().inspect_err(|error| {
            if error.is_reset() {
                self.before.clear();
                self.verified.clear();
            }
        })
    }
}

fn open<C: Channel>(
    channel: &mut C,
    shelf: &mut Shelf,
    scope: Scope,
    partly: &mut Option<Contents>,
) -> Result<(Identity, &'static dyn Dialect, Contents), CardError> {
    let contents = Contents::read_as_far(channel, shelf, scope, partly)?;
    let identity = Identity {
        atr: channel.atr().to_vec(),
        application: shelf.application.clone(),
        file: shelf.any_description(),
    };
    let recognised = dialect::recognise(channel, &identity);
    // A question of a dialect may have selected something.
    shelf.selected = None;
    match recognised {
        Ok(dialect) => Ok((identity, dialect, contents)),
        Err(error) => {
            *partly = Some(contents);
            Err(error)
        }
    }
}
