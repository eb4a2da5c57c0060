//! What differs between two states of a card: [`changes()`].

use core::fmt;

use kortlab_apdu::{Fid, FilePath};
use kortlab_emulator::fs::{Body, File, FileId, FileSystem};
use kortlab_emulator::state::State;

/// Something that a card holds and has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The file, by its path from the MF; none for what is in no file.
    pub path: Option<FilePath>,
    /// What has become of it, in words.
    pub what: String,
    /// The first byte that has changed, if it is one of a file's.
    pub offset: Option<usize>,
    /// How many bytes from there on hold all changes.
    pub length: Option<usize>,
}

/// What differs between a card before and after. PINs and keys are named, not shown.
pub fn changes(before: &State, after: &State) -> Vec<Change> {
    let mut found = Vec::new();
    let here = FilePath::MASTER_FILE;
    directory(before, after, FileSystem::MASTER_FILE, &here, &mut found);
    for pin in &after.pins {
        let old = before
            .pins
            .iter()
            .find(|old| old.reference == pin.reference);
        let Some(old) = old else { continue };
        let reference = pin.reference;
        if old.tries_left != pin.tries_left {
            let (old, new) = (old.tries_left, pin.tries_left);
            found.push(elsewhere(format!(
                "the PIN {reference:02X} had {old} tries, and has {new}"
            )));
        }
        if *old.value.0 != *pin.value.0 {
            found.push(elsewhere(format!(
                "the PIN {reference:02X} has another value"
            )));
        }
    }
    for object in &after.data_objects {
        let mut same = before.data_objects.iter();
        if !same.any(|old| old.tag == object.tag && old.value == object.value) {
            let tag = object.tag;
            found.push(elsewhere(format!(
                "the data object {tag:04X} has another value"
            )));
        }
    }
    if before.life_cycle != after.life_cycle {
        found.push(elsewhere("the life cycle of the card".to_owned()));
    }
    found
}

fn elsewhere(what: String) -> Change {
    Change {
        path: None,
        what,
        offset: None,
        length: None,
    }
}

/// What differs in a DF, and in those in it.
fn directory(before: &State, after: &State, at: FileId, path: &FilePath, found: &mut Vec<Change>) {
    let files = |state: &State| -> Vec<(Fid, FileId)> {
        let children = state.files.children(at).iter();
        let children = children.filter_map(|id| Some((state.files.get(*id)?.fid, *id)));
        children.collect()
    };
    let (old, new) = (files(before), files(after));
    for (fid, id) in &old {
        if !new.contains(&(*fid, *id)) {
            found.push(of_file(&path.child(*fid), "is deleted".to_owned()));
        }
    }
    for (fid, id) in &new {
        let path = path.child(*fid);
        let Some(now) = after.files.get(*id) else {
            continue;
        };
        match before.files.get(*id).filter(|_| old.contains(&(*fid, *id))) {
            None => found.push(of_file(&path, "is new".to_owned())),
            Some(was) => file(was, now, &path, found),
        }
        if now.is_df() {
            directory(before, after, *id, &path, found);
        }
    }
}

fn of_file(path: &FilePath, what: String) -> Change {
    Change {
        path: Some(path.clone()),
        ..elsewhere(what)
    }
}

fn file(was: &File, now: &File, path: &FilePath, found: &mut Vec<Change>) {
    if was.life_cycle != now.life_cycle {
        found.push(of_file(path, "has another life cycle".to_owned()));
    }
    match (&was.body, &now.body) {
        (Body::Transparent(was), Body::Transparent(now)) if was != now => {
            let differ = |at: &usize| was.get(*at) != now.get(*at);
            let all = 0..was.len().max(now.len());
            let first = all.clone().find(differ).unwrap_or_default();
            let last = all.rev().find(differ).unwrap_or_default();
            let length = last.saturating_sub(first).saturating_add(1);
            let what = match length {
                1 => format!("byte {first}"),
                _ => format!("bytes {first} to {last}"),
            };
            found.push(Change {
                offset: Some(first),
                length: Some(length),
                ..of_file(path, what)
            });
        }
        (Body::Records(was), Body::Records(now)) if was.records != now.records => {
            let all = 0..was.records.len().max(now.records.len());
            let differ = |at: &usize| was.records.get(*at) != now.records.get(*at);
            let numbers: Vec<_> = all
                .filter(differ)
                .map(|at| at.saturating_add(1).to_string())
                .collect();
            found.push(of_file(path, format!("record {}", numbers.join(", "))));
        }
        (Body::Key { key: was, .. }, Body::Key { key: now, .. }) if was != now => {
            found.push(of_file(path, "holds another key".to_owned()));
        }
        _ => {}
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{path}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}
