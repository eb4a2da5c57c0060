//! The image of what was found.

use std::collections::{BTreeMap, BTreeSet};

use kortlab_apdu::ByteCount;
use kortlab_apdu::{Atr, Fid, FilePath, Protocol, StatusWord};
use kortlab_card::FoundPin;
use kortlab_emulator::Image;
use kortlab_emulator::image::{
    DataObjectImage, DataTag, FileContent, FileImage, MAX_CAPACITY, Model, ObjectOfDf,
    ProtocolName, Refusal,
};

use super::applications::{DataObjects, whole_aid};
use super::file::file;
use super::notes::{Kind, Notes};
use super::piv_pins::PivPin;
use super::search::CardObject;
use super::tree::{Body, Found, Place, Tree};
use super::{pins, piv_pins, replica};

/// The most bytes that files claim to have beyond what was read of them, all together.
const MAX_UNSEEN: usize = 128 * 1024;
/// The first identifier for DFs whose own is not known.
const FIRST_INVENTED: u16 = 0x7F80;

/// What an image is made of.
pub(super) struct Parts<'a> {
    pub atr: Vec<u8>,
    pub protocol: Protocol,
    pub tree: &'a Tree,
    pub objects: &'a DataObjects,
    pub card_objects: &'a [CardObject],
    pub pins: &'a [FoundPin],
    pub extra_pins: &'a [(u8, Option<u8>)],
    /// PINs that access conditions name.
    pub needed_pins: &'a [u8],
    pub piv_pins: &'a [PivPin],
    pub serial: Option<&'a str>,
    pub is_eid: bool,
}

/// Makes the image, and the place in it of each file that was found.
pub(super) fn make(parts: &Parts<'_>, notes: &mut Notes) -> (Image, replica::Places) {
    let homes = homes(parts.tree, notes);
    let mut dfs = BTreeMap::<FilePath, Vec<Node<'_>>>::new();
    let mut places = replica::Places::new();
    let mut seen = BTreeSet::new();
    let mut of_master_file: Vec<&super::applications::DataObject> = Vec::new();
    // A card may select a file in a directory that it does not select.
    let unseen = Found::refused(StatusWord::FILE_NOT_FOUND);
    for (place, found) in parts.tree.iter() {
        let Some(path) = home(place, &homes) else {
            continue;
        };
        places.insert(place.clone(), path.clone());
        let objects = parts
            .objects
            .get(place)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let Some((parent, fid)) = path.split_last() else {
            dfs.entry(FilePath::EMPTY).or_default();
            of_master_file.extend(objects);
            continue;
        };
        let mut around = parent.clone();
        while let Some((above, fid)) = around.split_last() {
            if parts.tree.get(&Place::of_path(&around)).is_none() && seen.insert(around.clone()) {
                let ghost = Node {
                    fid,
                    found: &unseen,
                    name: None,
                    rooted: false,
                    objects_unasked: false,
                    objects: Vec::new(),
                };
                dfs.entry(above.clone()).or_default().push(ghost);
            }
            around = above;
        }
        if !seen.insert(path) {
            // The same file by another way: only its data objects are new.
            let siblings = dfs.entry(parent).or_default().iter_mut();
            if let Some(known) = siblings.into_iter().find(|node| node.fid == fid) {
                known.objects_unasked |= found.objects_unasked;
                for object in objects {
                    if known.objects.iter().all(|one| one.tag != object.tag) {
                        known.objects.push(object);
                    }
                }
            }
            continue;
        }
        let name = match (&place.application, place.below.is_empty()) {
            (Some(aid), true) => Some(whole_aid(aid, &found.info.raw)),
            _ => None,
        };
        dfs.entry(parent).or_default().push(Node {
            fid,
            found,
            name,
            rooted: place.rooted && place.below.is_empty(),
            objects_unasked: found.objects_unasked,
            objects: objects.iter().collect(),
        });
    }
    let mut maker = Maker {
        dfs,
        is_eid: parts.is_eid,
        room: MAX_UNSEEN,
        names: BTreeSet::new(),
    };
    let mut image = Image {
        model: match parts.is_eid {
            true => Model::EID,
            false => Model::NONE,
        },
        serial: parts.serial.unwrap_or("unknown").chars().take(64).collect(),
        ..Image::plain(Vec::new())
    };
    image.master_file = maker.master_file(parts.tree);
    if let FileContent::Df(df) = &mut image.master_file.content {
        df.objects = of_master_file.into_iter().filter_map(of_df).collect();
    }
    if parts.is_eid {
        image.master_file = image.master_file.with_application("eid");
    } else {
        let why = "the card's access conditions are not understood: the copy lets everybody change \
                   what can be changed";
        notes.add("access conditions", Kind::Differs, None, why);
    }
    image.pins = pins::images(
        parts.pins,
        parts.extra_pins,
        parts.needed_pins,
        parts.is_eid,
        notes,
    );
    // A reference that a directory lists is its own.
    if image.pins.is_empty() {
        image.pins = piv_pins::images(parts.piv_pins, notes);
    }
    let objects = parts.card_objects.iter();
    image.data_objects = objects
        .map(|(tag, value)| DataObjectImage {
            tag: DataTag(*tag),
            value: value.as_slice().into(),
            access: None,
        })
        .collect();
    transmission(&mut image, parts, notes);
    capacity(&mut image);
    let why = "how much room the card has is not known";
    notes.add("capacity", Kind::Assumed, None, why);
    (image, places)
}

/// A file that was found, and its identifier in the image.
struct Node<'a> {
    fid: Fid,
    found: &'a Found,
    /// The name of an application that was selected by it.
    name: Option<Vec<u8>>,
    /// Whether it has a file system of its own.
    rooted: bool,
    /// Whether it gives its data objects also where no data is asked for.
    objects_unasked: bool,
    objects: Vec<&'a super::applications::DataObject>,
}

/// Puts files into their DFs.
struct Maker<'a> {
    dfs: BTreeMap<FilePath, Vec<Node<'a>>>,
    is_eid: bool,
    room: usize,
    names: BTreeSet<Vec<u8>>,
}

impl Maker<'_> {
    fn master_file(&mut self, tree: &Tree) -> FileImage {
        let unknown = Found::selected(Default::default(), Body::Df);
        let found = tree.get(&Place::of_path(&FilePath::MASTER_FILE));
        let found = found.unwrap_or(&unknown);
        let mut image = file(0x3F00, found, true, self.is_eid, &mut self.room);
        self.name(&mut image, None);
        self.fill(&mut image, &FilePath::EMPTY);
        image
    }

    /// Puts what is in the DF at `path` into its image. Recursive as deep as DFs nest, which is
    /// limited where they are looked at.
    fn fill(&mut self, image: &mut FileImage, path: &FilePath) {
        for node in self.dfs.remove(path).unwrap_or_default() {
            let below = path.child(node.fid);
            let is_df = self.dfs.contains_key(&below) || node.name.is_some();
            let mut child = file(node.fid.0, node.found, is_df, self.is_eid, &mut self.room);
            if let FileContent::Df(df) = &mut child.content {
                df.objects = node
                    .objects
                    .iter()
                    .filter_map(|object| of_df(object))
                    .collect();
            }
            if node.rooted {
                child.recorded.get_or_insert_default().file_system = true;
            }
            if node.objects_unasked && child.as_df().is_some() {
                child.recorded.get_or_insert_default().objects_unasked = true;
            }
            self.name(&mut child, node.name);
            self.fill(&mut child, &below);
            if let Some(files) = image.files_mut() {
                files.push(child);
            }
        }
    }

    /// Gives a DF its name, if no other has it.
    fn name(&mut self, image: &mut FileImage, selected_by: Option<Vec<u8>>) {
        if let FileContent::Df(df) = &mut image.content {
            let told = df.name.take().map(|name| name.0);
            let name = selected_by
                .or(told)
                .filter(|name| self.names.insert(name.clone()));
            df.name = name.map(Into::into);
        }
    }
}

/// A data object for the image; none, if it was refused with a status word of the transport's own.
fn of_df(object: &super::applications::DataObject) -> Option<ObjectOfDf> {
    let (value, status) = match &object.answer {
        Ok(value) => (Some(value.as_slice().into()), None),
        Err(status) => (None, Some(Refusal::new(*status)?)),
    };
    Some(ObjectOfDf {
        tag: object.tag.as_slice().into(),
        value,
        status,
    })
}

/// Where in the file system each application is that was selected by its AID: its path without 3F00.
fn homes(tree: &Tree, notes: &mut Notes) -> BTreeMap<Vec<u8>, FilePath> {
    let mut taken: BTreeSet<Fid> = tree
        .iter()
        .filter(|(place, _)| place.application.is_none() && place.depth() == 1)
        .filter_map(|(place, _)| place.below.fid())
        .collect();
    let mut homes = BTreeMap::new();
    for (place, found) in tree.iter() {
        let (Some(aid), true) = (&place.application, place.below.is_empty()) else {
            continue;
        };
        if let Some(path) = same_by_path(tree, aid, found) {
            homes.insert(aid.clone(), path);
            continue;
        }
        let told = found.info.fcp.as_ref().and_then(|fcp| fcp.file_id);
        let mut free = (FIRST_INVENTED..=0x7FFE).map(Fid);
        let fid = told
            .filter(|fid| fid.is_free_for_use() && !taken.contains(fid))
            .or_else(|| free.find(|fid| !taken.contains(fid)));
        let Some(fid) = fid else {
            notes.add(
                place,
                Kind::NoPlace,
                None,
                "there are too many applications",
            );
            continue;
        };
        taken.insert(fid);
        let what = match place.rooted {
            true => "the application has a file system of its own",
            false => "where the application is in the file system is not known",
        };
        let why = format!(
            "{what}; in the image it is in {}",
            FilePath::MASTER_FILE.child(fid)
        );
        notes.add(place, Kind::Assumed, None, why);
        homes.insert(aid.clone(), fid.into());
    }
    homes
}

/// The DF that was found by its path and is this application: by its name, or by the same answer.
pub(super) fn same_by_path(tree: &Tree, aid: &[u8], application: &Found) -> Option<FilePath> {
    let mut dfs = tree.iter().filter(|(place, found)| {
        place.application.is_none() && !place.below.is_empty() && matches!(found.body, Body::Df)
    });
    let (place, _) = dfs.find(|(_, found)| {
        let names = found.info.fcp.iter().flat_map(|fcp| &fcp.df_names);
        let raw = &found.info.raw;
        names.into_iter().any(|name| name.starts_with(aid))
            || (!raw.is_empty() && *raw == application.info.raw)
    })?;
    Some(place.below.clone())
}

/// The path of a file in the image, without 3F00.
fn home(place: &Place, homes: &BTreeMap<Vec<u8>, FilePath>) -> Option<FilePath> {
    match &place.application {
        None => Some(place.below.clone()),
        Some(aid) => Some(homes.get(aid)?.join(&place.below)),
    }
}

/// The answer to reset and the protocol, which must fit together.
fn transmission(image: &mut Image, parts: &Parts<'_>, notes: &mut Notes) {
    image.protocol = parts.protocol.into();
    if !(2..=33).contains(&parts.atr.len()) {
        let why = format!(
            "the card gave {}, which is no answer to reset; the image has another",
            ByteCount(parts.atr.len())
        );
        notes.add("ATR", Kind::Differs, None, why);
        image.atr = match parts.protocol {
            Protocol::T0 => vec![0x3B, 0x00].into(),
            Protocol::T1 => image.atr.clone(),
        };
        return;
    }
    image.atr = parts.atr.clone().into();
    let Ok(atr) = Atr::parse(&parts.atr) else {
        return;
    };
    let offered = match atr.specific_mode() {
        Some(mode) => vec![mode.protocol],
        None => atr.offered_protocols(),
    };
    let number = |protocol| match protocol {
        Protocol::T0 => 0,
        Protocol::T1 => 1,
    };
    if offered.contains(&number(parts.protocol)) {
        return;
    }
    let other = match parts.protocol {
        Protocol::T0 => Protocol::T1,
        Protocol::T1 => Protocol::T0,
    };
    if offered.contains(&number(other)) {
        image.protocol = ProtocolName::from(other);
        let why = "the card spoke another protocol than its answer to reset offers; the image speaks the \
                   one that it offers";
        notes.add("protocol", Kind::Differs, None, why);
    } else {
        let why = "the card's answer to reset offers neither T=0 nor T=1; the image has another";
        notes.add("ATR", Kind::Differs, None, why);
        image.atr = Image::plain(Vec::new()).atr;
        image.protocol = ProtocolName::T1;
    }
}

/// As much memory as what is there takes, and some for more.
fn capacity(image: &mut Image) {
    const SPARE: u64 = 16 * 1024;
    image.capacity = MAX_CAPACITY;
    if let Ok(used) = image.memory_used() {
        let usual = Image::plain(Vec::new()).capacity;
        let wanted = (used + SPARE).next_multiple_of(4096);
        let wanted = u32::try_from(wanted).unwrap_or(MAX_CAPACITY);
        image.capacity = wanted.max(usual).min(MAX_CAPACITY);
    }
}
