//! Whether the image answers as the card did: each file is selected and read on the copy, and where
//! its answer is another, the card's own is put into the image.

use std::collections::BTreeMap;

use kortlab_apdu::{Channel as _, FilePath, ResetKind, StatusWord};
use kortlab_card::Session;
use kortlab_card::files::FileInfo;
use kortlab_emulator::image::{FileImage, Recorded, Refusal};
use kortlab_emulator::{CardRng, Image, ImageError, InProcess, VirtualCard};

use super::notes::{Kind, Notes};
use super::public_keys;
use super::tree::{Body, Found, Place, Tree};
use super::walk::select;

/// Where in the image each file is: its path without 3F00.
pub(super) type Places = BTreeMap<Place, FilePath>;

/// The longest answer to SELECT that an image keeps.
const MAX_ANSWER: usize = 256;

/// Makes the image answer as the card did, as far as an image can, and notes where it does not.
///
/// # Errors
/// The image is none.
pub(super) fn agree(
    (mut image, places): (Image, Places),
    tree: &Tree,
    notes: &mut Notes,
) -> Result<Image, ImageError> {
    for (path, info) in different(&image, &places, tree)? {
        let Some(file) = find(&mut image.master_file, &path) else {
            continue;
        };
        let recorded = file.recorded.get_or_insert_default();
        if info.raw.len() <= MAX_ANSWER {
            recorded.answer = Some(info.raw.as_slice().into());
        }
        if let Some(warning) = info.warning {
            recorded.select = Refusal::new(warning);
        }
        if **recorded == Recorded::default() {
            file.recorded = None;
        }
    }
    // What is left is told.
    let mut copy = insert(&image)?;
    for (place, found) in tree.iter().filter(|(place, _)| places.contains_key(place)) {
        if let Some(what) = difference(&mut copy, place, found) {
            notes.add(place, Kind::Differs, None, what);
        }
    }
    Ok(image)
}

fn insert(image: &Image) -> Result<Session<InProcess>, ImageError> {
    let card = VirtualCard::new(image.clone(), CardRng::from_seed(0))?;
    Ok(Session::new(InProcess::ephemeral(card)))
}

/// The files that the copy describes otherwise than the card: where they are, and how the card
/// described them. Of a file that was selected in two ways the path from the MF decides.
fn different(
    image: &Image,
    places: &Places,
    tree: &Tree,
) -> Result<BTreeMap<FilePath, FileInfo>, ImageError> {
    let mut copy = insert(image)?;
    let mut found = BTreeMap::new();
    let selected = tree.iter().filter(|(_, found)| found.refused.is_none());
    for (place, known) in selected {
        let Some(path) = places.get(place) else {
            continue;
        };
        let by_path = match place.rooted {
            true => place.clone(),
            false => Place::of_path(path),
        };
        restart(&mut copy);
        let is_same = match select(&mut copy.files(), &by_path) {
            Ok(info) => same(&info, &known.info),
            Err(_) => false,
        };
        if !is_same && (place.application.is_none() || !found.contains_key(path)) {
            found.insert(path.clone(), known.info.clone());
        }
    }
    Ok(found)
}

/// Whoever is in a file system of an application's own gets out of it with a reset. If the copy does
/// not even do that, what follows finds it.
fn restart(copy: &mut Session<InProcess>) {
    drop(copy.channel_mut().reset(ResetKind::Warm));
}

fn same(one: &FileInfo, other: &FileInfo) -> bool {
    one.raw == other.raw && one.warning == other.warning
}

/// How the copy answers otherwise than the card did, in words.
fn difference(copy: &mut Session<InProcess>, place: &Place, found: &Found) -> Option<String> {
    restart(copy);
    let mut files = copy.files();
    let selected = select(&mut files, place);
    match (&selected, found.refused) {
        (Err(error), Some(status)) if error.status() == Some(status) => return None,
        (Err(error), _) => return Some(format!("the copy cannot select it: {error}")),
        (Ok(_), Some(status)) => {
            return Some(format!(
                "the card refused to select it with {status}; the copy does not"
            ));
        }
        (Ok(info), None) if !same(info, &found.info) => {
            return Some("the copy describes it otherwise when it is selected".to_owned());
        }
        (Ok(_), None) => {}
    }
    let size = selected.ok().and_then(|info| info.size());
    let (same, refused) = match &found.body {
        Body::Transparent { data, ended } => {
            // To where the card was read, whatever size it gives.
            let size = size.map(|size| size.max(data.len()));
            let (read, _, error) = files.read_selected_as_far("the copy", size);
            let status = error.and_then(|error| error.status());
            (
                read.get(..data.len()) == Some(data),
                same_status(status, *ended),
            )
        }
        Body::Records { records, .. } => {
            let read = files.read_records(&FilePath::MASTER_FILE.join(&place.below));
            let read = read.map(|read| read.records).unwrap_or_default();
            let by_path = place.application.is_none() || place.rooted;
            let is_same = !by_path || read == *records;
            (is_same, true)
        }
        Body::Internal => match (&found.public, public_keys::ask(&mut files, place)) {
            (Some(told), Ok(of_copy)) if *told != of_copy => {
                return Some(
                    "the copy answers otherwise when it is asked for the public key (GET DATA 0101)"
                        .to_owned(),
                );
            }
            _ => (true, true),
        },
        Body::Df | Body::Unknown => (true, true),
    };
    match (same, refused) {
        (true, true) => None,
        (false, _) => Some("the copy holds something else".to_owned()),
        (true, false) => Some("the copy ends otherwise when it is read".to_owned()),
    }
}

fn same_status(one: Option<StatusWord>, other: Option<StatusWord>) -> bool {
    one == other
}

/// The file at this path without 3F00.
fn find<'a>(file: &'a mut FileImage, path: &FilePath) -> Option<&'a mut FileImage> {
    path.fids().try_fold(file, |df, fid| {
        df.files_mut()?.iter_mut().find(|child| child.fid == fid)
    })
}
