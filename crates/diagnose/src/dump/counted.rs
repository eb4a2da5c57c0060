//! Which of what was looked at are files of the card, each once.

use std::collections::BTreeSet;

use kortlab_apdu::{FilePath, StatusWord};

use super::image::same_by_path;
use super::tree::{Found, Place, Tree};

/// The files of a card.
pub(super) struct Counted<'a> {
    tree: &'a Tree,
    /// The MF or the application, of those in which a file was selected: its AID, and whether it has
    /// an MF of its own.
    with_files: BTreeSet<(Option<&'a [u8]>, bool)>,
}

impl<'a> Counted<'a> {
    pub(super) fn new(tree: &'a Tree) -> Self {
        let selected = tree.iter().filter(|(place, found)| {
            let is_file = place.application.is_none() || !place.below.is_empty();
            found.refused.is_none() && is_file
        });
        let with_files = selected.map(|(place, _)| root(place)).collect();
        Self { tree, with_files }
    }

    /// Whether this is a file: to a card or an application without a file system, SELECT by an
    /// identifier is no instruction or never allowed, which says nothing of a file.
    pub(super) fn is_file(&self, place: &Place, found: &Found) -> bool {
        let says_nothing = matches!(
            found.refused,
            Some(
                StatusWord::INS_NOT_SUPPORTED
                    | StatusWord::CLASS_NOT_SUPPORTED
                    | StatusWord::NO_CURRENT_EF
            )
        );
        !says_nothing || self.with_files.contains(&root(place))
    }

    /// The same place by its path from the MF on, if that is known.
    pub(super) fn by_path(&self, place: &Place) -> Place {
        let Some(aid) = &place.application else {
            return place.clone();
        };
        let home = Place::in_application(aid, FilePath::EMPTY);
        let found = self.tree.get(&home);
        match found.and_then(|found| same_by_path(self.tree, aid, found)) {
            Some(path) => Place::of_path(&path.join(&place.below)),
            None => place.clone(),
        }
    }

    /// How many there are: a DF that was found by its path and by its AID, too, is one.
    pub(super) fn count(&self) -> usize {
        let files = self.tree.iter();
        let files = files.filter(|(place, found)| self.is_file(place, found));
        let places: BTreeSet<Place> = files.map(|(place, _)| self.by_path(place)).collect();
        places.len()
    }
}

fn root(place: &Place) -> (Option<&[u8]>, bool) {
    (place.application.as_deref(), place.rooted)
}
