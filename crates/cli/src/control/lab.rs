//! The readers of a running `run`, `pcscd` or `emulate`, and what can be done to them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kortlab_apdu::Protocol;
use kortlab_pcsc::control::{Press, Request};

use super::answer::{Answer, ReaderEntry};
use super::card::Snapshot;
use super::place::{Notice, Place, Plugged};
use crate::channel::{Fault, Layers, NoFault};
use crate::failure::{Exit, Failure};
use crate::files::same_file;
use crate::output::Hex;

/// The most snapshots; each is a whole card in memory.
const MAX_SNAPSHOTS: usize = 256;
/// How long it is waited until a program asks for a PIN.
const PATIENCE: Duration = Duration::from_secs(60);
/// The most bytes of a snapshot's name.
const MAX_NAME: usize = 127;

/// What the readers are made of: a PC/SC service, or links into readers elsewhere.
pub trait Readers: Send + Sync {
    /// Programs are to see what was done to the card in this reader.
    fn tell(&self, place: &Place, notice: Notice);

    /// What programs see in this reader, where that is known better than by its place.
    fn shows_card(&self, place: &Place) -> Option<(bool, Vec<u8>)> {
        let _ = place;
        None
    }

    /// One more reader.
    ///
    /// # Errors
    /// The readers are not this process's, or it cannot be called so.
    fn add(&self, place: &Arc<Place>) -> Result<(), Failure> {
        let _ = place;
        Err(not_ours())
    }

    /// One reader less.
    ///
    /// # Errors
    /// The readers are not this process's.
    fn take_away(&self, place: &Place) -> Result<(), Failure> {
        let _ = place;
        Err(not_ours())
    }
}

fn not_ours() -> Failure {
    Failure::failed("the readers are not of this process: none can be added or removed")
        .of_kind("unsupported")
        .hint("`kortlab run` and `kortlab pcscd` have readers of their own")
}

/// Makes a card of an image, with the layers around it that belong to this place.
pub type MakeCard = Box<dyn Fn(&Path, &Place) -> Result<Plugged, Failure> + Send + Sync>;

/// What a request has changed.
#[derive(Default)]
pub struct Changed {
    /// The place that it was about; none if all are.
    pub place: Option<Arc<Place>>,
    /// What programs are to be told.
    pub notice: Option<Notice>,
    /// The number of the fault that was added.
    pub number: Option<u32>,
}

/// All readers, and what can be done to them.
pub struct Lab {
    readers: Box<dyn Readers>,
    make_card: MakeCard,
    layers: Layers,
    places: Mutex<Vec<Arc<Place>>>,
    snapshots: Mutex<BTreeMap<String, Snapshot>>,
    /// Held while a reader comes or goes.
    moving: Mutex<()>,
}

impl Lab {
    /// A laboratory with these places; others that are added have these layers.
    pub fn new(
        readers: Box<dyn Readers>,
        make_card: MakeCard,
        layers: Layers,
        places: Vec<Arc<Place>>,
    ) -> Self {
        Self {
            readers,
            make_card,
            layers,
            places: Mutex::new(places),
            snapshots: Mutex::default(),
            moving: Mutex::default(),
        }
    }

    /// Does what is asked for, and tells programs.
    ///
    /// # Errors
    /// It cannot be done; nothing has changed.
    pub fn answer(&self, request: Request) -> Result<Answer, Failure> {
        let Changed {
            place,
            notice,
            number,
        } = self.change(request)?;
        let Some(place) = place else {
            return Ok(self.state());
        };
        if let Some(notice) = notice {
            self.tell(&place, notice);
        }
        Ok(Answer {
            readers: vec![self.entry(&place)],
            number,
        })
    }

    /// Presses keys of a reader's PIN pad, as soon as a program asks for a PIN there.
    ///
    /// # Errors
    /// It has no PIN pad, no keys are named, or no program asks for a PIN in time.
    pub fn press(&self, press: &Press) -> Result<Answer, Failure> {
        let place = self.place(press.reader.as_deref())?;
        let pad = place.pad().ok_or_else(|| {
            Failure::failed(format!("{:?} has no PIN pad", place.name()))
                .of_kind("unsupported")
                .hint("start `kortlab run` or `kortlab pcscd` with --pin-pad")
        })?;
        let keys = press.keys();
        if keys.is_empty() {
            return Err(Failure::usage("no key is named").hint("give digits, or a key"));
        }
        let patience = press
            .wait
            .map_or(PATIENCE, |wait| Duration::from_secs(wait.into()));
        if !pad.press(&keys, patience) {
            return Err(Failure::failed(format!(
                "no program has asked for a PIN within {} s",
                patience.as_secs()
            ))
            .of_kind("not-asked"));
        }
        Ok(Answer {
            readers: vec![self.entry(&place)],
            number: None,
        })
    }

    /// Tells programs what was done to the card at this place.
    pub fn tell(&self, place: &Place, notice: Notice) {
        self.readers.tell(place, notice);
    }

    /// Does what is asked for; programs are still to be told.
    ///
    /// # Errors
    /// It cannot be done; nothing has changed.
    pub fn change(&self, request: Request) -> Result<Changed, Failure> {
        let mut changed = Changed::default();
        let place = match request {
            Request::State { reader: None } => return Ok(changed),
            Request::State { reader } => self.place(reader.as_deref())?,
            Request::Insert { reader, image } => {
                let place = self.place(reader.as_deref())?;
                changed.notice = Some(self.insert(&place, image.as_deref())?);
                place
            }
            Request::Remove { reader } => {
                let place = self.place(reader.as_deref())?;
                changed.notice = Some(place.take_out()?);
                place
            }
            Request::Swap { reader, image } => {
                let place = self.place(reader.as_deref())?;
                let card = (self.make_card)(&image, &place)?;
                changed.notice = Some(place.swap(card)?);
                place
            }
            Request::Tear { reader, at } => {
                let place = self.place(reader.as_deref())?;
                let text = format!("tear:{at}");
                match Fault::parse(&text) {
                    Ok(Fault::Tear(cut)) => changed.number = Some(place.tear(cut, &text)?),
                    _ => return Err(no_moment(&at)),
                }
                place
            }
            Request::AddFault { reader, fault } => {
                let place = self.place(reader.as_deref())?;
                let number = match Fault::parse(&fault).map_err(|why| no_fault(&why))? {
                    Fault::Tear(cut) => place.tear(cut, &fault)?,
                    Fault::Answer(fault) => place.planted().add(fault)?,
                };
                changed.number = Some(number);
                place
            }
            Request::RemoveFault { reader, number } => {
                let place = self.place(reader.as_deref())?;
                place.remove_faults(number)?;
                place
            }
            Request::Snapshot { reader, name } => {
                let place = self.place(reader.as_deref())?;
                self.keep(name, place.snapshot()?)?;
                place
            }
            Request::Restore { reader, name } => {
                let place = self.place(reader.as_deref())?;
                let snapshot = lock(&self.snapshots).get(&name).cloned();
                let snapshot = snapshot.ok_or_else(|| no_snapshot(&name))?;
                changed.notice = place.restore(&snapshot)?;
                place
            }
            Request::AddReader { reader, image } => self.add_reader(reader, image.as_deref())?,
            Request::RemoveReader { reader } => {
                self.remove_reader(&reader)?;
                return Ok(changed);
            }
        };
        changed.place = Some(place);
        Ok(changed)
    }

    fn state(&self) -> Answer {
        let places = lock(&self.places).clone();
        Answer {
            readers: places.iter().map(|place| self.entry(place)).collect(),
            number: None,
        }
    }

    fn insert(&self, place: &Place, image: Option<&Path>) -> Result<Notice, Failure> {
        // What was taken out of here is still in this process's hands.
        let beside = place.beside();
        let known = image
            .zip(beside.as_deref())
            .is_some_and(|(image, beside)| same_file(image, beside));
        let card = match image.filter(|_| !known) {
            None => None,
            Some(_) if place.seen().present => None,
            Some(image) => Some((self.make_card)(image, place)?),
        };
        place.put_in(card)
    }

    fn add_reader(&self, name: String, image: Option<&Path>) -> Result<Arc<Place>, Failure> {
        let _moving = lock(&self.moving);
        let place = Arc::new(Place::new(name, &self.layers, self.layers.tears())?);
        if let Some(image) = image {
            place.put_in(Some((self.make_card)(image, &place)?))?;
        }
        self.readers.add(&place)?;
        lock(&self.places).push(Arc::clone(&place));
        Ok(place)
    }

    fn remove_reader(&self, name: &str) -> Result<(), Failure> {
        let _moving = lock(&self.moving);
        let place = self.place(Some(name))?;
        if place.is_real() {
            return Err(Failure::failed(format!("{name:?} is a real reader"))
                .of_kind("unsupported")
                .hint("pull its plug"));
        }
        self.readers.take_away(&place)?;
        // Its card is given up with it.
        lock(&self.places).retain(|other| other.name() != name);
        place.empty();
        Ok(())
    }

    fn keep(&self, name: String, snapshot: Snapshot) -> Result<(), Failure> {
        if name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
            return Err(Failure::usage(format!(
                "{name:?} is no name of a snapshot: 1 to {MAX_NAME} bytes without control characters"
            )));
        }
        let mut snapshots = lock(&self.snapshots);
        if snapshots.len() >= MAX_SNAPSHOTS && !snapshots.contains_key(&name) {
            return Err(Failure::failed(format!(
                "{MAX_SNAPSHOTS} snapshots are kept, and no more"
            ))
            .hint("give this one the name of one that is of no more use"));
        }
        snapshots.insert(name, snapshot);
        Ok(())
    }

    /// The first reader.
    ///
    /// # Errors
    /// There is none.
    pub fn first(&self) -> Result<Arc<Place>, Failure> {
        let first = lock(&self.places).first().cloned();
        first.map_or_else(|| self.place(None), Ok)
    }

    /// The reader of this name, or the only one.
    ///
    /// # Errors
    /// There is none, or there are several and none is named.
    pub fn place(&self, name: Option<&str>) -> Result<Arc<Place>, Failure> {
        let places = lock(&self.places);
        let found = match (name, places.as_slice()) {
            (None, [only]) => Ok(Arc::clone(only)),
            (None, []) => Err(Failure::new(Exit::NoCard, "there is no reader")
                .of_kind("no-reader")
                .hint("add one: `kortlab ctl reader add NAME`")),
            (None, _) => Err(Failure::usage(
                "there are several readers, and none is named",
            )),
            (Some(name), places) => {
                let found = places.iter().find(|place| place.name() == name);
                found.map(Arc::clone).ok_or_else(|| {
                    Failure::new(
                        Exit::NoCard,
                        format!("there is no reader of the name {name:?}"),
                    )
                    .of_kind("no-reader")
                })
            }
        };
        found.map_err(|failure| match failure.next_step() {
            Some(_) => failure,
            None => {
                let names: Vec<_> = places.iter().map(|p| format!("{:?}", p.name())).collect();
                failure.hint(format!("name one of these: {}", names.join(", ")))
            }
        })
    }

    fn entry(&self, place: &Place) -> ReaderEntry {
        let seen = place.seen();
        let shown = self.readers.shows_card(place);
        let (present, atr) = shown.unwrap_or_else(|| {
            let atr = seen.said.as_ref().map(|said| said.atr().to_vec());
            (seen.present, atr.unwrap_or_default())
        });
        let said = seen.said.as_ref().filter(|_| present);
        let snapshots = lock(&self.snapshots);
        let own = |snapshot: &Snapshot| {
            let image = seen.image.as_deref();
            image.is_some_and(|image| same_file(image, snapshot.image()))
        };
        let snapshots = snapshots.iter().filter(|(_, snapshot)| own(snapshot));
        ReaderEntry {
            reader: place.name().to_owned(),
            state: if present { "card" } else { "empty" }.to_owned(),
            image: seen.image.clone(),
            atr: (present && !atr.is_empty()).then(|| Hex(&atr).to_string()),
            protocol: said.map(|said| match said.protocol() {
                Protocol::T0 => "t0".to_owned(),
                Protocol::T1 => "t1".to_owned(),
            }),
            commands: place.commands(),
            pin_pad: place.pad().map(|pad| {
                let asked = pad.asks_for().map_or("idle", |asked| asked.name());
                asked.to_owned()
            }),
            faults: place.faults(),
            snapshots: snapshots.map(|(name, _)| name.clone()).collect(),
        }
    }
}

fn no_moment(at: &str) -> Failure {
    Failure::usage(format!("{at:?} is no moment for a tear"))
        .hint("after-bytes=N, before-command=N or before-answer=N, counted from now")
}

fn no_fault(why: &NoFault) -> Failure {
    Failure::usage(why.to_string()).hint("`kortlab --fault list` names the faults that there are")
}

fn no_snapshot(name: &str) -> Failure {
    Failure::failed(format!("there is no snapshot of the name {name:?}"))
        .of_kind("not-found")
        .hint("`kortlab ctl state` names those that there are")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
