//! Looking at one file after the other: what it is, and what is in it.

use std::collections::{BTreeMap, BTreeSet};

use kortlab_apdu::ByteCount;
use kortlab_apdu::{Channel, Command, Fid, FilePath, Layered, StatusWord, instruction};
use kortlab_card::dialect::{self, Dialect, Identity};
use kortlab_card::files::{FileInfo, Files, MAX_FILE, MAX_RECORDS};
use kortlab_card::{CardError, ErrorKind, Session};
use kortlab_emulator::fs::limits;

use crate::guard::Guard;

use super::notes::{Kind, Notes};
use super::tree::{Body, Found, Place, Says, Tree};

/// How often a file is begun again because the card was reset in the middle of it.
const MAX_RESETS: usize = 3;
/// How often the same is asked of a card that answers nonsense.
const MAX_ASKED: usize = 3;
/// How often a card may answer nonsense each time that it is asked, until it is asked once alone.
const PATIENCE: usize = 16;
/// The most bytes of all files together: what a card image holds, with room for the rest of it.
const MAX_BYTES: usize = 600 * 1024;

/// The card on its way into the image.
pub(super) struct Walk<'a, C: Channel> {
    pub(super) session: Session<Layered<C, Guard<'a>>>,
    pub(super) tree: Tree,
    pub(super) notes: Notes,
    /// What was looked for and not found.
    pub(super) missing: BTreeMap<Place, Missing>,
    /// Of which missing files it was told that something names them.
    pub(super) named: BTreeSet<Place>,
    /// How often the same is still asked again of a card that answers nonsense.
    pub(super) patience: usize,
}

/// Why a file was not found.
pub(super) enum Missing {
    /// The card says so, with this status word.
    Absent(Option<StatusWord>),
    /// The card's answer makes no sense; why.
    Nonsense(String),
}

/// What came of a look at a file.
enum Look {
    Found(Box<Found>),
    Missing(Missing),
}

/// Something that went wrong while a file was looked at.
struct Trouble {
    kind: Kind,
    /// What it was.
    what: String,
    /// What became of it.
    so: String,
}

/// A look at a file, and what went wrong.
struct Looked {
    look: Look,
    troubles: Vec<Trouble>,
}

impl Looked {
    /// What of it may be otherwise when the card is asked again: its answer made no sense, or it lost
    /// what was selected in the middle of a file.
    fn doubt(&self) -> Option<String> {
        let nonsense = self.troubles.iter().find(|one| one.kind == Kind::Nonsense);
        match &self.look {
            Look::Missing(Missing::Nonsense(why)) => return Some(why.clone()),
            Look::Missing(Missing::Absent(_)) => {}
            Look::Found(found) => {
                if let Body::Transparent {
                    data,
                    ended: Some(status),
                } = &found.body
                    && !data.is_empty()
                    && has_no_bytes(*status)
                {
                    return Some(format!(
                        "the card answered {status} at byte {} of it: {}",
                        data.len(),
                        status.meaning()
                    ));
                }
            }
        }
        nonsense.map(|trouble| trouble.what.clone())
    }

    /// How much it tells.
    fn worth(&self) -> (usize, usize, bool) {
        let (kind, length) = match &self.look {
            Look::Missing(Missing::Nonsense(_)) => (0, 0),
            Look::Missing(Missing::Absent(_)) => (1, 0),
            Look::Found(found) if found.refused.is_some() => (1, 0),
            Look::Found(found) => (2, found.len()),
        };
        (kind, length, self.doubt().is_none())
    }
}

impl<'a, C: Channel> Walk<'a, C> {
    pub(super) fn new(session: Session<Layered<C, Guard<'a>>>) -> Self {
        Self {
            session,
            tree: Tree::default(),
            notes: Notes::default(),
            missing: BTreeMap::new(),
            named: BTreeSet::new(),
            patience: PATIENCE,
        }
    }

    /// Looks at the file at this place and at the DFs around it, unless that was done before. Says
    /// whether it is on the card.
    ///
    /// # Errors
    /// Nothing more can be read from the card.
    pub(super) fn visit(&mut self, place: &Place) -> Result<bool, CardError> {
        if self.tree.get(place).is_some() {
            return Ok(true);
        }
        if self.missing.contains_key(place) || place.depth() > limits::MAX_DEPTH {
            return Ok(false);
        }
        if let Some(parent) = place.parent() {
            self.visit(&parent)?;
        }
        if self.tree.len() >= limits::MAX_FILES || self.tree.bytes >= MAX_BYTES {
            let why = format!(
                "more than the {} files or {MAX_BYTES} bytes that an image has room for; what follows \
                 was not looked at",
                limits::MAX_FILES
            );
            self.notes.once(&place.to_string(), Kind::NoPlace, why);
            return Ok(false);
        }
        match self.look(place)? {
            Look::Found(found) => {
                self.tell(place, &found);
                self.tree.add(place.clone(), *found);
                Ok(true)
            }
            Look::Missing(why) => {
                self.missing.insert(place.clone(), why);
                Ok(false)
            }
        }
    }

    /// The same of a file that `by` names; that it is not there is told. After nonsense it is looked
    /// for once more, since somebody knows it.
    ///
    /// # Errors
    /// As for [`Walk::visit`].
    pub(super) fn visit_named(&mut self, place: &Place, by: &str) -> Result<(), CardError> {
        if matches!(self.missing.get(place), Some(Missing::Nonsense(_)))
            && !self.named.contains(place)
        {
            self.missing.remove(place);
        }
        self.visit(place)?;
        let Some(Missing::Absent(status)) = self.missing.get(place) else {
            self.named.insert(place.clone());
            return Ok(());
        };
        let status = *status;
        if self.named.insert(place.clone()) {
            let why = format!("{by} names it, and it is not on the card");
            self.notes.add(place, Kind::Refused, status, why);
        }
        Ok(())
    }

    /// Notes the files of which the card's answers made no sense to the last.
    pub(super) fn tell_missing(&mut self) {
        for (place, missing) in &self.missing {
            if let Missing::Nonsense(why) = missing {
                self.notes.add(place, Kind::Nonsense, None, why.clone());
            }
        }
    }

    /// Looks at the files that the card lists in this DF, and in those in it, when it is asked with
    /// `command`.
    ///
    /// # Errors
    /// As for [`Walk::visit`].
    pub(super) fn visit_listed(&mut self, top: &Place, command: &Command) -> Result<(), CardError> {
        // A DF, and what the DFs around it list.
        let mut waiting = vec![(top.clone(), Vec::<Vec<Fid>>::new())];
        while let Some((df, mut around)) = waiting.pop() {
            let Some(fids) = self.listed(&df, command)? else {
                continue;
            };
            if !fids.is_empty() && around.contains(&fids) {
                let why =
                    "it lists what a directory around it lists: a circle, which is not followed";
                self.notes.add(&df, Kind::NotLookedAt, None, why);
                continue;
            }
            around.push(fids.clone());
            for fid in fids.into_iter().filter(|fid| fid.is_free_for_use()) {
                let place = df.child(fid);
                self.visit_named(&place, "the list of files")?;
                let found = self.tree.get(&place);
                if found.is_some_and(|found| matches!(found.body, Body::Df)) {
                    waiting.push((place, around.clone()));
                }
            }
        }
        Ok(())
    }

    /// Which files the card says are in a DF; `None` if it does not say.
    fn listed(&mut self, df: &Place, command: &Command) -> Result<Option<Vec<Fid>>, CardError> {
        let answer = self.repeated(|files| {
            select(files, df)?;
            files.demand(&format!("list the files in {df}"), command)
        });
        match answer {
            Ok(answer) => Ok(Fid::each(answer.data()).map(Iterator::collect)),
            Err(error) if is_final(&error) => Err(error),
            Err(error) => {
                if error.kind() == ErrorKind::Nonsense {
                    let why = error.to_string();
                    self.notes.add("list of files", Kind::Nonsense, None, why);
                }
                Ok(None)
            }
        }
    }

    /// Does `work` on the card's files while other programs are kept from it, and again if the card
    /// is reset in the middle of it, or answers nonsense: what it answers then is what it said.
    ///
    /// # Errors
    /// Those of `work`; or the card is reset again and again, which is not final.
    pub(super) fn repeated<T>(
        &mut self,
        mut work: impl FnMut(&mut Files<'_, Layered<C, Guard<'a>>>) -> Result<T, CardError>,
    ) -> Result<T, CardError> {
        let mut nonsense: Option<CardError> = None;
        for asked in 1..=MAX_ASKED {
            let done = self.undisturbed(&mut work);
            match (done, nonsense.take()) {
                (Err(error), _) if error.kind() == ErrorKind::Nonsense => {
                    if asked == MAX_ASKED || self.patience == 0 {
                        self.patience = self.patience.saturating_sub(1);
                        return Err(error);
                    }
                    nonsense = Some(error);
                }
                (done, Some(before)) => {
                    if done.is_ok() {
                        self.tell_recovered("the card's answers", &before.to_string());
                    }
                    return done;
                }
                (done, None) => return done,
            }
        }
        Err(CardError::new(
            ErrorKind::Nonsense,
            "the card's answers make no sense",
        ))
    }

    /// Does `work` until the card is not reset in the middle of it.
    fn undisturbed<T>(
        &mut self,
        work: &mut impl FnMut(&mut Files<'_, Layered<C, Guard<'a>>>) -> Result<T, CardError>,
    ) -> Result<T, CardError> {
        for _ in 0..MAX_RESETS {
            match self
                .session
                .exclusively(|session| work(&mut session.files()))
            {
                Err(error) if error.is_reset() => {}
                other => return other,
            }
        }
        Err(CardError::new(
            ErrorKind::Refused,
            format!("the card was reset {MAX_RESETS} times in the middle of it"),
        ))
    }

    /// Notes that the card answered nonsense, and sense when it was asked again.
    pub(super) fn tell_recovered(&mut self, what: &str, why: &str) {
        let why = format!("{why}; asked again, the card answered, and the copy has that");
        self.notes.once(what, Kind::Nonsense, why);
    }

    /// How the card wants its commands; a question of a dialect's own is asked again if the card is
    /// reset meanwhile, or answers nonsense.
    ///
    /// # Errors
    /// Nothing more can be read from the card, it is reset again and again, or answers nonsense each
    /// time.
    pub(super) fn recognise(
        &mut self,
        identity: &Identity,
    ) -> Result<&'static dyn Dialect, CardError> {
        let mut nonsense = None;
        let known = dialect::recognise_by(identity, |question| {
            let answer = self.repeated(|files| files.send(dialect::ASKING, question));
            let failed = answer.as_ref().err();
            nonsense = failed.cloned().or_else(|| nonsense.take());
            answer
        })?;
        match nonsense {
            Some(error) if known.name() == dialect::Generic.name() => Err(error),
            _ => Ok(known),
        }
    }

    /// Looks at a file; again, if what came makes no sense, and keeps what tells most.
    fn look(&mut self, place: &Place) -> Result<Look, CardError> {
        let mut best = self.look_once(place)?;
        let doubt = best.doubt();
        for _ in 1..MAX_ASKED {
            if best.doubt().is_none() || self.patience == 0 {
                break;
            }
            match self.look_once(place) {
                Ok(again) if again.worth() > best.worth() => best = again,
                Ok(_) => {}
                // The next command says so again; what was read is kept.
                Err(_) => break,
            }
        }
        match (doubt, best.doubt()) {
            (Some(_), Some(_)) => self.patience = self.patience.saturating_sub(1),
            (Some(before), None) => self.tell_recovered(&place.to_string(), &before),
            (None, _) => {}
        }
        for Trouble { kind, what, so } in best.troubles {
            self.notes.add(place, kind, None, what + &so);
        }
        Ok(best.look)
    }

    fn look_once(&mut self, place: &Place) -> Result<Looked, CardError> {
        let mut troubles = Vec::new();
        let looked = self.undisturbed(&mut |files: &mut Files<'_, _>| {
            troubles.clear();
            look(files, place, &mut troubles)
        });
        let look = match looked {
            Ok(look) => look,
            Err(error) if is_final(&error) => return Err(error),
            Err(error) => Look::Missing(Missing::Nonsense(error.to_string())),
        };
        Ok(Looked { look, troubles })
    }

    /// Notes what of a file cannot be had.
    fn tell(&mut self, place: &Place, found: &Found) {
        let refused = |notes: &mut Notes, status: StatusWord, what: String| {
            let why = format!("{what}: {}", status.meaning());
            notes.add(place, Kind::Refused, Some(status), why);
        };
        if let Some(status) = found.refused {
            refused(&mut self.notes, status, "it cannot be selected".to_owned());
        }
        match &found.body {
            Body::Transparent {
                data,
                ended: Some(status),
            } => {
                let what = format!("it cannot be read from byte {} on", data.len());
                refused(&mut self.notes, *status, what);
            }
            Body::Records {
                records,
                ended: Some(status),
            } => {
                let what = format!("it cannot be read from record {} on", records.len() + 1);
                refused(&mut self.notes, *status, what);
            }
            Body::Internal => {
                let why = "it is for the card alone, as keys are, which never leave a card; what uses \
                           it is refused";
                self.notes.add(place, Kind::Secret, None, why);
            }
            Body::Df | Body::Transparent { .. } | Body::Records { .. } | Body::Unknown => {}
        }
    }
}

/// Whether an error means that nothing more can be read from the card.
pub(super) fn is_final(error: &CardError) -> bool {
    let gone = matches!(
        error.kind(),
        ErrorKind::NoReader | ErrorKind::NoCard | ErrorKind::Link | ErrorKind::Interrupted
    );
    gone && !error.is_reset()
}

/// An error that ends the work at hand: the card is gone, or was reset.
fn breaks(error: &CardError) -> bool {
    is_final(error) || error.is_reset()
}

pub(super) fn select<C: Channel + ?Sized>(
    files: &mut Files<'_, C>,
    place: &Place,
) -> Result<FileInfo, CardError> {
    match (&place.application, place.path()) {
        (Some(aid), _) if place.rooted && !place.below.is_empty() => {
            files.select_application(aid)?;
            files.select(&FilePath::MASTER_FILE.join(&place.below))
        }
        (Some(aid), _) => files.select_in_application_of(aid, &place.below),
        (None, path) => files.select(&path.unwrap_or(FilePath::MASTER_FILE)),
    }
}

type Troubles = Vec<Trouble>;

fn look<C: Channel + ?Sized>(
    files: &mut Files<'_, C>,
    place: &Place,
    troubles: &mut Troubles,
) -> Result<Look, CardError> {
    let info = match select(files, place) {
        Ok(info) => info,
        Err(error) if breaks(&error) => return Err(error),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(Look::Missing(Missing::Absent(error.status())));
        }
        Err(error) => {
            return Ok(match error.status() {
                Some(status) => Look::Found(Found::refused(status).into()),
                None => Look::Missing(Missing::Nonsense(error.to_string())),
            });
        }
    };
    let says = match place.below.is_empty() {
        // The MF, or an application.
        true => Says::Df,
        false => Says::of(&info),
    };
    let unasked = match &place.application {
        Some(aid) if place.below.is_empty() => answers_unasked(files, aid, &info, troubles)?,
        _ => false,
    };
    let size = info.size();
    let body = match says {
        Says::Df => Body::Df,
        Says::Records => records(files, place, troubles)?,
        Says::Transparent | Says::Internal | Says::Nothing => {
            let (data, ended) = transparent(files, place, size, troubles)?;
            let is_none = data.is_empty() && ended.is_some_and(has_no_bytes);
            match says {
                Says::Internal if data.is_empty() => Body::Internal,
                Says::Nothing if is_none => match records(files, place, troubles)? {
                    Body::Records { records, ended }
                        if records.is_empty() && ended.is_some_and(has_no_bytes) =>
                    {
                        Body::Df
                    }
                    of_records => of_records,
                },
                _ => Body::Transparent { data, ended },
            }
        }
    };
    let found = Found {
        unasked,
        ..Found::selected(info, body)
    };
    Ok(Look::Found(found.into()))
}

/// Whether an application describes itself also where that is not asked for: programs know some by
/// it.
fn answers_unasked<C: Channel + ?Sized>(
    files: &mut Files<'_, C>,
    aid: &[u8],
    info: &FileInfo,
    troubles: &mut Troubles,
) -> Result<bool, CardError> {
    let command = Command::new(instruction::SELECT, 0x04, 0x00).with_data(aid);
    match files.send("select an application without asking", &command) {
        Ok(answer) => Ok(!answer.data().is_empty() && *answer.data() == *info.raw),
        Err(error) if breaks(&error) => Err(error),
        Err(error) => {
            troubles.push(Trouble {
                kind: Kind::Nonsense,
                what: error.to_string(),
                so: "; the copy describes itself only where it is asked to".to_owned(),
            });
            Ok(false)
        }
    }
}

/// Whether a status word says that there is no file with bytes, or none with records.
fn has_no_bytes(status: StatusWord) -> bool {
    matches!(
        status,
        StatusWord::NO_CURRENT_EF | StatusWord::INCOMPATIBLE_FILE
    )
}

/// The bytes of the selected EF, also those behind the size that the card gives.
fn transparent<C: Channel + ?Sized>(
    files: &mut Files<'_, C>,
    place: &Place,
    size: Option<usize>,
    troubles: &mut Troubles,
) -> Result<(Vec<u8>, Option<StatusWord>), CardError> {
    let name = place.to_string();
    let (mut data, remarks, ended) = files.read_selected_as_far(&name, size);
    for remark in remarks.iter().filter(|remark| remark.is_of_reading()) {
        troubles.push(warned(remark.message.clone()));
    }
    let mut refused = None;
    match ended {
        Some(error) if error.is_reset() => return Err(error),
        Some(error) if is_final(&error) && data.is_empty() => return Err(error),
        Some(error) if is_final(&error) => {
            // The next command says so again; what was read is kept.
            troubles.push(Trouble {
                kind: Kind::NotLookedAt,
                what: format!(
                    "reading ended after {} of it: {error}",
                    ByteCount(data.len())
                ),
                so: String::new(),
            });
            refused = Some(StatusWord::UNKNOWN);
        }
        Some(error) => refused = Some(told(&error, data.len(), troubles)),
        None if size.is_some_and(|size| data.len() >= size) => {
            match files.read_part_selected(&name, data.len(), MAX_FILE) {
                Ok(more) => data.extend(more),
                Err(error) if error.is_reset() => return Err(error),
                Err(error) if error.kind() == ErrorKind::Nonsense => troubles.push(Trouble {
                    kind: Kind::Nonsense,
                    what: error.to_string(),
                    so: "; whether it goes on behind the size that the card gives is not known"
                        .to_owned(),
                }),
                // The card holds to the size that it gives; or it is gone, which the next command
                // says again.
                Err(_) => {}
            }
        }
        None => {}
    }
    let limit = limits::MAX_SIZE as usize;
    if data.len() > limit {
        let why = format!("of its {} bytes an image has room for {limit}", data.len());
        troubles.push(Trouble {
            kind: Kind::NoPlace,
            what: why,
            so: String::new(),
        });
        data.truncate(limit);
    }
    Ok((data, refused))
}

/// The records of the selected EF, up to the first that is refused.
fn records<C: Channel + ?Sized>(
    files: &mut Files<'_, C>,
    place: &Place,
    troubles: &mut Troubles,
) -> Result<Body, CardError> {
    /// P2: the record with the number in P1, of the current EF.
    const BY_NUMBER: u8 = 0x04;
    let mut records: Vec<Vec<u8>> = Vec::new();
    let mut ended = None;
    for number in 1..=MAX_RECORDS {
        let doing = format!("read record {number} of {place}");
        let command = Command::new(instruction::READ_RECORD, number, BY_NUMBER).expecting_any();
        match files.send(&doing, &command) {
            Ok(answer) => match answer.status() {
                StatusWord::SUCCESS | StatusWord::END_OF_FILE => records.push(answer.into_data()),
                status if status.is_warning() && !answer.data().is_empty() => {
                    troubles.push(warned(format!(
                        "the card warns when it gives record {number}: {status} ({})",
                        status.meaning_after(instruction::READ_RECORD)
                    )));
                    records.push(answer.into_data());
                }
                StatusWord::RECORD_NOT_FOUND => break,
                // A card without "no such record" ends otherwise.
                _ if number > 1 && is_about_number(answer.status()) => break,
                status => {
                    ended = Some(status);
                    break;
                }
            },
            Err(error) if breaks(&error) => return Err(error),
            Err(error) => {
                ended = Some(told(&error, records.len(), troubles));
                break;
            }
        }
    }
    Ok(Body::Records { records, ended })
}

/// That the card gave bytes, and warned of them.
fn warned(what: String) -> Trouble {
    Trouble {
        kind: Kind::Differs,
        what,
        so: "; the copy does not warn".to_owned(),
    }
}

/// Whether a status word says that there is no record of this number, in other words than `6A83`.
fn is_about_number(status: StatusWord) -> bool {
    matches!(
        status,
        StatusWord::INCORRECT_P1_P2 | StatusWord::WRONG_P1_P2 | StatusWord::FILE_NOT_FOUND
    )
}

/// The status word of an error; of an answer that made no sense `6F00`, which is told.
fn told(error: &CardError, read: usize, troubles: &mut Troubles) -> StatusWord {
    error.status().unwrap_or_else(|| {
        troubles.push(Trouble {
            kind: Kind::Nonsense,
            what: error.to_string(),
            so: format!("; after {read} the copy answers 6F00"),
        });
        StatusWord::UNKNOWN
    })
}
