//! Damage to a card's files, drawn from a seed: what wear, a bad writer or a stranger may leave
//! behind. For tests of everything that reads a card or writes to it.

use kortlab_apdu::{Fid, FilePath};
use kortlab_emulator::Image;
use kortlab_emulator::image::FileImage;
use kortlab_pkcs15::{Cdf, ObjectKind, Odf};

use crate::sample::Dice;

/// The most changes to one card.
const MAX_CHANGES: u64 = 3;

/// The most bytes that one change puts in, takes out or moves.
const MAX_STRETCH: u64 = 6;

/// A card with damage.
#[derive(Clone, Debug)]
pub struct Damaged {
    /// The card.
    pub image: Image,
    /// The paths of the files that were changed.
    pub files: Vec<Vec<u16>>,
    /// What was done, in words.
    pub what: String,
}

/// The paths of the directory files of a good card (EF.DIR, EF(ODF), EF(TokenInfo) and those that
/// the ODF names) and of its certificates' files.
pub fn targets(image: &Image) -> Vec<Vec<u16>> {
    let mut found: Vec<Vec<u16>> = vec![vec![0x2F00], vec![0x5015, 0x5031], vec![0x5015, 0x5032]];
    let odf = content(image, &[0x5015, 0x5031]).unwrap_or_default();
    for entry in Odf::parse(&odf).value.objects() {
        let Some(path) = entry.path() else { continue };
        let path = below_master_file(&path.path);
        if entry.kind == ObjectKind::Certificates {
            let cdf = content(image, &path).unwrap_or_default();
            let certificates = Cdf::parse(&cdf).value;
            let paths = certificates.objects().filter_map(|object| object.path());
            found.extend(paths.map(|path| below_master_file(&path.path)));
        }
        found.push(path);
    }
    found.retain(|path| content(image, path).is_some());
    found
}

/// Damages one of these files of a good card, in one to three ways.
pub fn damage(image: &Image, targets: &[Vec<u16>], dice: &mut Dice) -> Damaged {
    let mut damaged = Damaged {
        image: image.clone(),
        files: Vec::new(),
        what: String::new(),
    };
    let Some(path) = targets.get(dice.below(targets.len() as u64) as usize) else {
        return damaged;
    };
    damaged.files.push(path.clone());
    damaged.what = format!("{path:04X?}:");
    // One card in fifty has lost the file.
    if dice.below(50) == 0 {
        remove(&mut damaged.image.master_file, path);
        damaged.what.push_str(" removed");
        return damaged;
    }
    let changes = 1 + dice.below(MAX_CHANGES);
    let file = file_mut(&mut damaged.image.master_file, path);
    if let Some(file) = file.and_then(FileImage::as_transparent_mut) {
        let mut data = file.data.take().unwrap_or_default().0;
        let mut size = file.size as usize;
        for _ in 0..changes {
            let change = change(&mut data, &mut size, dice);
            damaged.what.push_str(&format!(" {change};"));
        }
        data.truncate(size);
        file.size = u32::try_from(size).unwrap_or(u32::MAX);
        file.data = Some(data.into());
    }
    damaged
}

/// The content of a transparent file.
pub fn content(image: &Image, path: &[u16]) -> Option<Vec<u8>> {
    let mut file = &image.master_file;
    for fid in path {
        let mut inside = file.files().iter();
        file = inside.find(|file| file.fid.0 == *fid)?;
    }
    let file = file.as_transparent()?;
    let mut data = file.data.as_ref()?.as_slice().to_vec();
    data.resize(file.size as usize, 0);
    Some(data)
}

/// The identifiers of a path, without 3F00.
pub fn below_master_file(path: &FilePath) -> Vec<u16> {
    let below = path.fids().filter(|fid| *fid != Fid::MASTER_FILE);
    below.map(|fid| fid.0).collect()
}

fn change(data: &mut Vec<u8>, size: &mut usize, dice: &mut Dice) -> String {
    let length = data.len();
    let at = dice.below(length as u64) as usize;
    let stretch = (1 + dice.below(MAX_STRETCH)) as usize;
    let end = (at + stretch).min(length);
    if length == 0 {
        data.push(dice.below(256) as u8);
        return "a byte in an empty file".to_owned();
    }
    match dice.below(10) {
        // What happens most is drawn most.
        0..=2 => {
            let bit = dice.below(8) as u8;
            if let Some(byte) = data.get_mut(at) {
                *byte ^= 1 << bit;
            }
            format!("bit {bit} of byte {at} flipped")
        }
        3 => {
            let value = dice.below(256) as u8;
            if let Some(byte) = data.get_mut(at) {
                *byte = value;
            }
            format!("byte {at} is {value:02X}")
        }
        4 => {
            data.truncate(at);
            *size = at.max(1);
            format!("cut to {at} bytes")
        }
        5 => {
            let value = if dice.below(2) == 0 { 0x00 } else { 0xFF };
            for byte in data.iter_mut().skip(at) {
                *byte = value;
            }
            format!("{value:02X} from byte {at} on")
        }
        6 => {
            let new: Vec<u8> = (0..stretch).map(|_| dice.below(256) as u8).collect();
            let text = hex_text(&new);
            data.splice(at..at, new);
            *size = (*size).max(data.len());
            format!("{text} put in at byte {at}")
        }
        7 => {
            data.drain(at..end);
            format!("bytes {at} to {end} taken out")
        }
        8 => {
            let other = dice.below(length as u64) as usize;
            data.swap(at, other);
            format!("bytes {at} and {other} swapped")
        }
        _ => {
            let value = if dice.below(2) == 0 { 0x00 } else { 0xFF };
            for byte in data.iter_mut().take(end).skip(at) {
                *byte = value;
            }
            format!("{value:02X} in bytes {at} to {end}")
        }
    }
}

fn hex_text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

fn file_mut<'a>(file: &'a mut FileImage, path: &[u16]) -> Option<&'a mut FileImage> {
    let Some((first, rest)) = path.split_first() else {
        return Some(file);
    };
    let inside = file.files_mut()?;
    file_mut(inside.iter_mut().find(|file| file.fid.0 == *first)?, rest)
}

fn remove(file: &mut FileImage, path: &[u16]) {
    let Some((last, above)) = path.split_last() else {
        return;
    };
    if let Some(files) = file_mut(file, above).and_then(|above| above.files_mut()) {
        files.retain(|file| file.fid.0 != *last);
    }
}
