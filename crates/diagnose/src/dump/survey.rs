//! A card file by file, for whoever wants to see it and no image: [`survey()`].

use std::collections::{BTreeMap, BTreeSet};

use kortlab_apdu::fcp::ShortEfId;
use kortlab_apdu::{Channel, Fid, FilePath, Layered, StatusWord};
use kortlab_card::files::FileInfo;
use kortlab_card::{CardError, ErrorKind, Session};
use kortlab_emulator::image::NotRead;
use kortlab_explain::access::{self, Access, OwnCoding};
use kortlab_explain::pkcs15;

use super::counted::Counted;
use super::listed;
use super::notes::Kind;
use super::tree::{Body, Found, Place, Tree};
use super::walk::Walk;
use super::{Ended, Listener, Options, Purpose, Reading, read};
use crate::guard::Guard;

/// What was found of a card.
#[derive(Clone, Debug)]
pub struct Survey {
    /// Its files, a directory in front of what is in it.
    pub files: Vec<Surveyed>,
    /// What could not be had and why, as a dump says it.
    pub not_read: Vec<NotRead>,
    /// How many commands that took.
    pub commands: u64,
    /// Whether everything was looked at that the card names, and its answers made sense.
    pub complete: bool,
    /// Whether the card's directories are more than a card can hold, and were not read to their end.
    pub cut_short: bool,
    /// Why reading ended before that.
    pub ended: Option<Ended>,
}

/// A file of a card.
#[derive(Clone, Debug)]
pub struct Surveyed {
    /// The AID of the application below which it was found, if where that is in the file system is not
    /// known.
    pub application: Option<Vec<u8>>,
    /// Its path from the MF, or from the application, on; without 3F00. Empty: these themselves.
    pub below: FilePath,
    /// What the card says of it.
    pub info: FileInfo,
    /// With which status word the card refused to select it.
    pub refused: Option<StatusWord>,
    /// What is in it.
    pub content: Content,
    /// What it is to the PKCS#15 application.
    pub kind: Option<pkcs15::File>,
    /// The first on the card that names it, in words; `None` of what was found otherwise.
    pub named_by: Option<String>,
    /// AIDs that select it, if it is a directory.
    pub aids: Vec<Vec<u8>>,
    /// Who may do what with it.
    pub access: Vec<Access>,
    /// The data objects of an application of a known kind.
    pub objects: Vec<Object>,
}

/// What is in a file, as far as it could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Other files.
    Directory,
    /// Bytes, and the status word that ended them before the file did.
    Bytes(Vec<u8>, Option<StatusWord>),
    /// Records, number 1 first, and the status word that ended them before the last.
    Records(Vec<Vec<u8>>, Option<StatusWord>),
    /// Something for the card alone, as a key.
    Internal,
    /// Nobody knows: it could not be selected.
    Unknown,
}

/// A data object of an application: its tag, and its value, or the status word that refused it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// The tag.
    pub tag: Vec<u8>,
    /// What GET DATA gave.
    pub value: Result<Vec<u8>, StatusWord>,
}

impl Surveyed {
    /// Its path as it is written: `3F00/5015/5031`, `AID A000000308/…`.
    pub fn name(&self) -> String {
        self.place().to_string()
    }

    /// How many directories stand around it.
    pub fn depth(&self) -> usize {
        self.place().depth()
    }

    /// Its identifier; `None` of the MF, and of an application that was selected by its AID.
    pub fn fid(&self) -> Option<Fid> {
        self.below.fid()
    }

    /// What the card says that it is, in words; else what it was found to be.
    pub fn kind_in_words(&self) -> String {
        let descriptor = self.info.fcp.as_ref().and_then(|fcp| fcp.descriptor);
        if let Some(descriptor) = descriptor {
            return descriptor.kind().to_string();
        }
        match &self.content {
            Content::Directory => "DF",
            Content::Bytes(..) => "transparent EF",
            Content::Records(..) => "EF of records",
            Content::Internal => "internal EF",
            Content::Unknown => "unknown",
        }
        .to_owned()
    }

    /// Its short identifier, 1 to 30.
    pub fn short_id(&self) -> Option<u8> {
        match self.info.fcp.as_ref()?.short_ef_id? {
            ShortEfId::Id(id) => Some(id),
            ShortEfId::NotSupported => None,
        }
    }

    /// Whether it is in the directory at this path (without 3F00), of the application with this AID, and
    /// in none that is in it.
    pub fn is_directly_in(&self, application: Option<&[u8]>, directory: &FilePath) -> bool {
        let parent = self.below.split_last().map(|(parent, _)| parent);
        self.application.as_deref() == application && parent.as_ref() == Some(directory)
    }

    fn place(&self) -> Place {
        Place {
            application: self.application.clone(),
            rooted: false,
            below: self.below.clone(),
        }
    }
}

/// Reads a card as [`dump`](super::dump) does, and gives what was found file by file. No PIN is tried and
/// nothing is written.
///
/// # Errors
/// Nothing at all could be read.
pub fn survey<C: Channel>(
    channel: C,
    options: &Options,
    listener: Listener<'_>,
) -> Result<Survey, CardError> {
    let (reading, commands, ended) = read(channel, options, Purpose::Files, listener)?;
    let cut_short = reading.listed.cut_short;
    let files = files(&reading);
    let not_read = reading.walk.notes.into_vec();
    let complete = ended.is_none() && !cut_short && !not_read.iter().any(leaves_out);
    Ok(Survey {
        files,
        not_read,
        commands,
        complete,
        cut_short,
        ended,
    })
}

impl Survey {
    /// What may be on the card and is not among [`Survey::files`], or not whole: where the card's
    /// answers made no sense, and what was more than is kept.
    pub fn left_out(&self) -> impl Iterator<Item = &NotRead> {
        self.not_read.iter().filter(|note| leaves_out(note))
    }
}

/// Whether a note is about something that could have been shown.
fn leaves_out(note: &NotRead) -> bool {
    [Kind::Nonsense, Kind::NoPlace]
        .map(Kind::name)
        .contains(&&*note.kind)
}

/// Reads the file at the path `below` the MF, or below the application with this AID: it alone, and the
/// directories around it. `None`: it is not on the card.
///
/// # Errors
/// The card is gone, or its answers make no sense.
pub fn look_at<C: Channel>(
    channel: C,
    options: &Options,
    application: Option<&[u8]>,
    below: &FilePath,
) -> Result<Option<Surveyed>, CardError> {
    let guarded = Layered::new(channel, Guard::new(options.budget, Box::new(|_| {})));
    let mut walk = Walk::new(Session::new(guarded));
    let directory = match application {
        Some(aid) => {
            walk.visit(&Place::of_path(&FilePath::MASTER_FILE))?;
            walk.application(aid)?
        }
        None => Place::of_path(&FilePath::EMPTY),
    };
    let place = Place {
        below: below.clone(),
        ..directory
    };
    if !walk.visit(&place)? {
        // What made no sense is noted; what is not there is no note.
        walk.tell_missing();
        return match walk.notes.into_vec().pop() {
            Some(note) => Err(CardError::new(
                ErrorKind::Nonsense,
                format!("{}: {}", note.what, note.why),
            )),
            None => Ok(None),
        };
    }
    let found = walk.tree.get(&place);
    Ok(found.map(|found| surveyed(&place, found, OwnCoding::Unknown, &walk.tree)))
}

fn files<C: Channel>(reading: &Reading<'_, C>) -> Vec<Surveyed> {
    let tree = &reading.walk.tree;
    let own = match reading.is_eid() {
        true => OwnCoding::SetCos,
        false => OwnCoding::Unknown,
    };
    let counted = Counted::new(tree);
    let mut by_place = BTreeMap::<Place, Surveyed>::new();
    let mut aids = BTreeMap::<Place, BTreeSet<Vec<u8>>>::new();
    let found_files = tree.iter();
    for (found_at, found) in found_files.filter(|(place, found)| counted.is_file(place, found)) {
        let place = counted.by_path(found_at);
        if let (Some(aid), true) = (&found_at.application, found_at.below.is_empty()) {
            let whole = super::applications::whole_aid(aid, &found.info.raw);
            aids.entry(place.clone()).or_default().insert(whole);
        }
        let objects = reading.objects.get(found_at).into_iter().flatten();
        let objects = objects.map(|object| Object {
            tag: object.tag.clone(),
            value: object.answer.clone(),
        });
        let entry = by_place
            .entry(place.clone())
            .or_insert_with(|| surveyed(&place, found, own, tree));
        entry.objects.extend(objects);
    }
    for (place, by) in &reading.listed.names {
        // What the card itself is asked for has a kind.
        if let Some(file) = by_place.get_mut(&counted.by_path(place))
            && by != listed::BY_THE_CARD
        {
            file.named_by.get_or_insert_with(|| by.clone());
        }
    }
    for (place, kind) in &reading.listed.kinds {
        if let Some(file) = by_place.get_mut(&counted.by_path(place)) {
            file.kind = Some(*kind);
        }
    }
    for (place, names) in aids {
        if let Some(file) = by_place.get_mut(&place) {
            file.aids = names.into_iter().collect();
        }
    }
    // The order of places is that of their paths: a directory, then what is in it.
    by_place.into_values().collect()
}

fn surveyed(place: &Place, found: &Found, own: OwnCoding, tree: &Tree) -> Surveyed {
    let records = |file: Option<Fid>, record: u8| rules_in(tree, place, file, record);
    let fcp = found.info.fcp.as_ref();
    Surveyed {
        application: place.application.clone(),
        below: place.below.clone(),
        info: found.info.clone(),
        refused: found.refused,
        content: match &found.body {
            Body::Df => Content::Directory,
            Body::Transparent { data, ended } => Content::Bytes(data.clone(), *ended),
            Body::Records { records, ended } => Content::Records(records.clone(), *ended),
            Body::Internal => Content::Internal,
            Body::Unknown => Content::Unknown,
        },
        kind: None,
        named_by: None,
        aids: Vec::new(),
        access: fcp.map_or_else(Vec::new, |fcp| access::of_file(fcp, own, &records)),
        objects: Vec::new(),
    }
}

/// The record of the file of access rules with this identifier in the file's own directory, or in the
/// MF (ISO/IEC 7816-4 §9.3.5); EF.ARR has no identifier of its own, and 2F06 is usual.
fn rules_in(tree: &Tree, place: &Place, file: Option<Fid>, record: u8) -> Option<Vec<u8>> {
    let fid = file.unwrap_or(Fid(0x2F06));
    let beside = place.parent().map(|parent| parent.child(fid));
    let in_master_file = Place::of_path(&FilePath::MASTER_FILE).child(fid);
    let places = [Some(place.child(fid)), beside, Some(in_master_file)];
    let found = places.iter().flatten().find_map(|place| tree.get(place));
    match &found?.body {
        Body::Records { records, .. } => {
            let index = usize::from(record).checked_sub(1)?;
            records.get(index).cloned()
        }
        _ => None,
    }
}
