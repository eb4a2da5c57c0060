//! Looking at one file after the other: what it is, and what is in it.

use std::collections::BTreeSet;

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
/// The most bytes of all files together: what a card image holds, with room for the rest of it.
const MAX_BYTES: usize = 600 * 1024;

/// The card on its way into the image.
pub(super) struct Walk<'a, C: Channel> {
    pub(super) session: Session<Layered<C, Guard<'a>>>,
    pub(super) tree: Tree,
    pub(super) notes: Notes,
    pub(super) absent: BTreeSet<Place>,
}

/// What came of a look at a file.
enum Look {
    Found(Box<Found>),
    Absent,
    /// The answer makes no sense; why.
    Nonsense(String),
}

impl<'a, C: Channel> Walk<'a, C> {
    pub(super) fn new(session: Session<Layered<C, Guard<'a>>>) -> Self {
        Self {
            session,
            tree: Tree::default(),
            notes: Notes::default(),
            absent: BTreeSet::new(),
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
        if self.absent.contains(place) || place.depth() > limits::MAX_DEPTH {
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
            Look::Absent => {
                self.absent.insert(place.clone());
                Ok(false)
            }
            Look::Nonsense(why) => {
                self.absent.insert(place.clone());
                self.notes.add(place, Kind::Nonsense, None, why);
                Ok(false)
            }
        }
    }

    /// The same of a file that `by` names; that it is not there is told.
    ///
    /// # Errors
    /// As for [`Walk::visit`].
    pub(super) fn visit_named(&mut self, place: &Place, by: &str) -> Result<(), CardError> {
        let is_new = !self.absent.contains(place);
        if !self.visit(place)? && is_new && self.absent.contains(place) {
            let why = format!("{by} names it, and it is not on the card");
            let status = Some(StatusWord::FILE_NOT_FOUND);
            self.notes.add(place, Kind::Refused, status, why);
        }
        Ok(())
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
            Err(_) => Ok(None),
        }
    }

    /// Does `work` on the card's files while other programs are kept from it, and again if the card
    /// is reset in the middle of it.
    ///
    /// # Errors
    /// Those of `work`; or the card is reset again and again, which is not final.
    pub(super) fn repeated<T>(
        &mut self,
        mut work: impl FnMut(&mut Files<'_, Layered<C, Guard<'a>>>) -> Result<T, CardError>,
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
            ErrorKind::Nonsense,
            format!("the card was reset {MAX_RESETS} times in the middle of it"),
        ))
    }

    /// How the card wants its commands; a question of a dialect's own is asked again if the card is
    /// reset meanwhile.
    ///
    /// # Errors
    /// Nothing more can be read from the card, or it is reset again and again.
    pub(super) fn recognise(
        &mut self,
        identity: &Identity,
    ) -> Result<&'static dyn Dialect, CardError> {
        let mut last = Err(CardError::new(ErrorKind::Nonsense, "the card was reset"));
        for _ in 0..MAX_RESETS {
            last = dialect::recognise(self.session.channel_mut(), identity);
            if !matches!(&last, Err(error) if error.is_reset()) {
                break;
            }
        }
        last
    }

    fn look(&mut self, place: &Place) -> Result<Look, CardError> {
        let mut troubles = Vec::new();
        let looked = self.repeated(|files| {
            troubles.clear();
            look(files, place, &mut troubles)
        });
        for (kind, why) in troubles {
            self.notes.add(place, kind, None, why);
        }
        match looked {
            Ok(look) => Ok(look),
            Err(error) if is_final(&error) => Err(error),
            Err(error) => Ok(Look::Nonsense(error.to_string())),
        }
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

type Troubles = Vec<(Kind, String)>;

fn look<C: Channel + ?Sized>(
    files: &mut Files<'_, C>,
    place: &Place,
    troubles: &mut Troubles,
) -> Result<Look, CardError> {
    let info = match select(files, place) {
        Ok(info) => info,
        Err(error) if breaks(&error) => return Err(error),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Look::Absent),
        Err(error) => {
            return Ok(match error.status() {
                Some(status) => Look::Found(Found::refused(status).into()),
                None => Look::Nonsense(error.to_string()),
            });
        }
    };
    let says = match place.below.is_empty() {
        // The MF, or an application.
        true => Says::Df,
        false => Says::of(&info),
    };
    let unasked = match &place.application {
        Some(aid) if place.below.is_empty() => answers_unasked(files, aid, &info)?,
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
) -> Result<bool, CardError> {
    let command = Command::new(instruction::SELECT, 0x04, 0x00).with_data(aid);
    match files.send("select an application without asking", &command) {
        Ok(answer) => Ok(!answer.data().is_empty() && *answer.data() == *info.raw),
        Err(error) if breaks(&error) => Err(error),
        Err(_) => Ok(false),
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
    let (mut data, _, ended) = files.read_selected_as_far(&name, size);
    let mut refused = None;
    match ended {
        Some(error) if error.is_reset() => return Err(error),
        Some(error) if is_final(&error) && data.is_empty() => return Err(error),
        Some(error) if is_final(&error) => {
            // The next command says so again; what was read is kept.
            let why = format!(
                "reading ended after {} of it: {error}",
                ByteCount(data.len())
            );
            troubles.push((Kind::NotLookedAt, why));
            refused = Some(StatusWord::UNKNOWN);
        }
        Some(error) => refused = Some(told(&error, data.len(), troubles)),
        None if size.is_some_and(|size| data.len() >= size) => {
            match files.read_part_selected(&name, data.len(), MAX_FILE) {
                Ok(more) => data.extend(more),
                Err(error) if error.is_reset() => return Err(error),
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
        troubles.push((Kind::NoPlace, why));
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
                StatusWord::SUCCESS | StatusWord::END_OF_FILE | StatusWord::CORRUPTED_DATA => {
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
        let why = format!("{error}; after {read} the copy answers 6F00");
        troubles.push((Kind::Nonsense, why));
        StatusWord::UNKNOWN
    })
}
