//! A card into an image: what can be read of it, and what cannot and why.
//!
//! | file | what it does |
//! |---|---|
//! | `walk`, `tree` | one file after the other, and what was found |
//! | `listed` | what the PKCS#15 application names |
//! | `applications` | what is selected by its AID, and its data objects |
//! | `known_objects` | the data objects by which programs know cards |
//! | `counted` | which of that are files |
//! | `search` | what nothing on the card names, by trying |
//! | `survey` | what was found, file by file, for whoever wants no image |
//! | `piv_pins` | the PINs of PIV, which nothing lists |
//! | `public_keys` | the public halves of keys |
//! | `image`, `pins`, `file` | the image of all that |
//! | `replica` | whether the image answers as the card did |
//! | `notes` | what is not in it |

mod applications;
mod counted;
mod file;
mod image;
mod known_objects;
mod listed;
mod notes;
mod pins;
mod piv_pins;
mod public_keys;
mod replica;
mod search;
mod survey;
mod tree;
mod walk;

use kortlab_apdu::{Channel, Fid, FilePath, Layered, Protocol};
use kortlab_card::dialect::{self, Dialect, Eid, Identity};
use kortlab_card::files::Budget;
use kortlab_card::{CardError, ErrorKind, Session};
use kortlab_emulator::Image;
use kortlab_emulator::image::Provenance;

use crate::guard::Guard;

use applications::DataObjects;
use counted::Counted;
use listed::{Listed, listed};
use piv_pins::PivPin;
use search::CardObject;
use tree::Place;
use walk::Walk;

pub use crate::guard::{Listener, Progress};
pub use applications::is_absent;
pub use notes::Kind;
pub use search::Search;
pub use survey::{Content, Object, Survey, Surveyed, look_at, survey};

/// The tag under which the EID applet tells its version.
const EID_VERSION: u16 = 0xDF30;

/// How a card is read.
#[derive(Clone, Debug)]
pub struct Options {
    /// How much reading may take: its commands and its time. The other limits are an image's.
    pub budget: Budget,
    /// What is looked for by trying all there can be.
    pub search: Vec<Search>,
    /// The program that reads, and its version, for the image.
    pub program: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            budget: Budget::CARD,
            search: Vec::new(),
            program: concat!("kortlab ", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// A card that was read.
#[derive(Clone, Debug)]
pub struct Dump {
    /// The image: what could be read, and in its provenance what could not.
    pub image: Image,
    /// How many files were found.
    pub files: usize,
    /// How many bytes are in them.
    pub bytes: usize,
    /// Why reading ended before everything was looked at.
    pub ended: Option<Ended>,
}

/// Why reading ended before everything was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The budget is spent.
    Budget(String),
    /// The card, or the way to it, is gone.
    Gone(CardError),
}

/// Reads a card. `listener` hears how far that is.
///
/// What was read before the card is gone, or the budget spent, is kept, and [`Dump::ended`] says so.
///
/// # Errors
/// Nothing at all could be read; or what was read makes no image, which is a fault of this crate.
pub fn dump<C: Channel>(
    channel: C,
    options: &Options,
    listener: Listener<'_>,
) -> Result<Dump, CardError> {
    let (atr, protocol) = (channel.atr().to_vec(), channel.protocol());
    let (reading, commands, ended) = read(channel, options, Purpose::Image, listener)?;
    let (files, bytes) = (
        Counted::new(&reading.walk.tree).count(),
        reading.walk.tree.bytes,
    );
    let provenance = Provenance {
        program: options.program.clone(),
        commands,
        complete: ended.is_none() && !reading.listed.cut_short && !reading.has_selected_nothing(),
        ended: ended.as_ref().map(ToString::to_string),
        not_read: Vec::new(),
    };
    let image = reading.into_image(atr, protocol, provenance)?;
    Ok(Dump {
        image,
        files,
        bytes,
        ended,
    })
}

/// What is said of a card that selects nothing at all.
const NOTHING_SELECTED: &str = "the card selects neither the MF, nor another file, nor an application \
                                that is known: what is on it cannot be told";

/// Reads a card as far as it goes: what was read, with how many commands, and what ended it before
/// everything was.
///
/// # Errors
/// Nothing at all could be read.
fn read<'a, C: Channel>(
    channel: C,
    options: &Options,
    purpose: Purpose,
    listener: Listener<'a>,
) -> Result<(Reading<'a, C>, u64, Option<Ended>), CardError> {
    let guarded = Layered::new(channel, Guard::new(options.budget, listener));
    let reading = Reading {
        walk: Walk::new(Session::new(guarded)),
        listed: Listed::default(),
        objects: DataObjects::new(),
        card_objects: Vec::new(),
        dialect: &dialect::Generic,
        extra_pins: Vec::new(),
        purpose,
        piv_pins: Vec::new(),
    };
    let (mut reading, error) = reading.everything(options);
    reading.walk.tell_missing();
    if error.is_none() && reading.has_selected_nothing() {
        let place = Place::of_path(&FilePath::MASTER_FILE);
        let notes = &mut reading.walk.notes;
        notes.add(&place, Kind::Nonsense, None, NOTHING_SELECTED.to_owned());
    }
    let guard = reading.walk.session.channel_mut().layer();
    let commands = guard.commands() as u64;
    let ended = error.map(|error| match guard.stopped() {
        Some(why) => Ended::Budget(why.to_owned()),
        None => Ended::Gone(error),
    });
    match &ended {
        Some(Ended::Gone(error)) if reading.walk.tree.len() == 0 => Err(error.clone()),
        _ => Ok((reading, commands, ended)),
    }
}

/// What is read, and how far.
struct Reading<'a, C: Channel> {
    walk: Walk<'a, C>,
    listed: Listed,
    objects: DataObjects,
    card_objects: Vec<CardObject>,
    dialect: &'static dyn Dialect,
    /// PINs that access conditions name and the AODF does not list, with their tries left.
    extra_pins: Vec<(u8, Option<u8>)>,
    purpose: Purpose,
    piv_pins: Vec<PivPin>,
}

/// What a card is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// A copy that answers as the card does.
    Image,
    /// To see which files there are.
    Files,
}

impl<C: Channel> Reading<'_, C> {
    /// Whether the card has selected neither a file nor an application: what is on it is not known.
    fn has_selected_nothing(&self) -> bool {
        let mut found = self.walk.tree.iter();
        found.all(|(_, found)| found.refused.is_some())
    }

    /// Reads everything; gives what ended it before that.
    fn everything(mut self, options: &Options) -> (Self, Option<CardError>) {
        if let Err(error) = self.files() {
            return (self, Some(error));
        }
        let walk = self.walk;
        // What the directories say takes half of it at most: their files are read once more.
        let half = Budget {
            commands: options.budget.commands / 2,
            time: options.budget.time / 2,
            ..options.budget
        };
        let (session, mut said, mut error) = listed(walk.session, half);
        let mut walk = Walk { session, ..walk };
        if let (Some(why), None) = (&said.nonsense, &error) {
            let (session, again, ended) = listed(walk.session, half);
            walk = Walk { session, ..walk };
            if again.nonsense.is_none() && ended.is_none() {
                walk.tell_recovered("the card's answers", why);
            }
            let names = |listed: &Listed| (listed.names.len(), listed.pins.len());
            // What it says when it is asked again counts, unless that is less.
            if ended.is_none() && (again.nonsense.is_none() || names(&again) >= names(&said)) {
                said = again;
            }
            error = ended;
        }
        self.walk = walk;
        self.listed = said;
        let rest = match error {
            Some(error) => Err(error),
            None => self.rest(options),
        };
        (self, rest.err())
    }

    /// The files that can be found without the PKCS#15 application.
    fn files(&mut self) -> Result<(), CardError> {
        let walk = &mut self.walk;
        let master_file = Place::of_path(&FilePath::MASTER_FILE);
        walk.visit(&master_file)?;
        let info = walk.tree.get(&master_file);
        let identity = Identity {
            atr: walk.session.atr().to_vec(),
            application: None,
            file: info.map(|found| found.info.clone().into()),
        };
        self.dialect = match walk.recognise(&identity) {
            Ok(dialect) => dialect,
            Err(error) if walk::is_final(&error) => return Err(error),
            Err(error) => {
                let why = format!("{error}; it is read as a card of no known kind");
                walk.notes.add("card OS", Kind::Nonsense, None, why);
                &dialect::Generic
            }
        };
        if self.is_eid() {
            let walk = &mut self.walk;
            let version = walk.card_object(EID_VERSION)?;
            self.card_objects
                .extend(version.map(|value| (EID_VERSION, value)));
        }
        if let Some(command) = self.dialect.list_files() {
            self.walk.visit_listed(&master_file, &command)?;
        }
        for path in usual() {
            self.walk.visit(&Place::of_path(&path))?;
        }
        Ok(())
    }

    /// What the PKCS#15 application names, the other applications, and what is searched for.
    fn rest(&mut self, options: &Options) -> Result<(), CardError> {
        for (place, by) in &self.listed.names {
            self.walk.visit_named(place, by)?;
        }
        if self.purpose == Purpose::Image && self.is_eid() {
            self.walk.public_keys()?;
        }
        self.extra_pins()?;
        let identified = self.walk.session.identify()?;
        let is_eid = self.is_eid();
        let Self {
            walk,
            objects,
            card_objects,
            purpose,
            piv_pins,
            ..
        } = self;
        walk.applications(&identified, objects)?;
        if *purpose == Purpose::Image && !is_eid {
            walk.known_objects(objects, card_objects)?;
            *piv_pins = walk.piv_pins()?;
        }
        for search in Search::ALL
            .into_iter()
            .filter(|one| options.search.contains(one))
        {
            match search {
                Search::Applications => walk.search_applications(objects)?,
                Search::Objects => walk.search_objects(objects, card_objects)?,
                Search::Files => walk.search_files()?,
            }
        }
        Ok(())
    }

    fn is_eid(&self) -> bool {
        self.dialect.name() == Eid.name()
    }

    fn into_image(
        self,
        atr: Vec<u8>,
        protocol: Protocol,
        provenance: Provenance,
    ) -> Result<Image, CardError> {
        let is_eid = self.is_eid();
        let extra_pins = self.all_extra_pins();
        let needed_pins = self.in_conditions();
        let Walk {
            tree, mut notes, ..
        } = self.walk;
        let parts = image::Parts {
            atr,
            protocol,
            tree: &tree,
            objects: &self.objects,
            card_objects: &self.card_objects,
            pins: &self.listed.pins,
            extra_pins: &extra_pins,
            needed_pins: &needed_pins,
            piv_pins: &self.piv_pins,
            serial: self.listed.serial.as_deref(),
            is_eid,
        };
        let made = image::make(&parts, &mut notes);
        let mut image = replica::agree(made, &tree, &mut notes).map_err(fault)?;
        image.provenance = Some(Box::new(Provenance {
            not_read: notes.into_vec(),
            ..provenance
        }));
        image.check().map_err(fault)?;
        Ok(image)
    }
}

/// What was read makes no image: that is nobody's fault but this crate's.
fn fault(error: kortlab_emulator::ImageError) -> CardError {
    CardError::new(
        ErrorKind::Unsupported,
        format!("what was read of the card makes no image: {error}"),
    )
    .hint("record the session with --trace and report it")
}

impl core::fmt::Display for Ended {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Budget(why) => f.write_str(why),
            Self::Gone(error) => write!(f, "{error}"),
        }
    }
}

/// Files that cards are known to have whether anything names them: EF.DIR and EF.ATR/INFO (ISO/IEC
/// 7816-4 §8.2.1), EF.GDO, ICCID; the PKCS#15 application's own where they usually are (PKCS#15
/// §5.5), and the file in which OpenSC keeps the name of a profile.
fn usual() -> Vec<FilePath> {
    let master = FilePath::MASTER_FILE;
    let application = master.child(Fid(0x5015));
    let mut files = vec![
        FilePath::EF_DIR,
        master.child(Fid::EF_ATR),
        master.child(Fid(0x2F02)),
        master.child(Fid(0x2FE2)),
        master.child(Fid(0x0003)),
        application.clone(),
    ];
    files.extend([0x5031, 0x5032, 0x5033, 0x4946].map(|fid| application.child(Fid(fid))));
    files
}
