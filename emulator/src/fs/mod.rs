//! The file system as the running card holds it: files in an arena, addressed by [`FileId`].
//!
//! Everything here is read by all and changed by [`crate::memory`] alone, which owns the only
//! mutable access.

pub mod file;
pub mod footprint;
pub mod information;
mod life_cycle;
pub mod limits;
pub mod recorded;
pub mod records;

pub use file::{Body, File};
pub use kortlab_apdu::Fid;
pub use life_cycle::LifeCycle;
pub use recorded::{ObjectOfDf, Recorded, Refusal, Unreadable};
pub use records::{RecordError, Records, Structure};

/// Where a file is in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(usize);

/// Which of a card's applications a file belongs to: its place in their list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApplicationId(pub(crate) usize);

/// All files of a card.
#[derive(Clone, Debug, Default)]
pub struct FileSystem {
    files: Vec<Option<File>>,
    vacant: Vec<FileId>,
}

impl FileSystem {
    /// The MF: the first file that was inserted.
    pub const MASTER_FILE: FileId = FileId(0);

    /// The file with this id, unless it was deleted.
    pub fn get(&self, id: FileId) -> Option<&File> {
        self.files.get(id.0)?.as_ref()
    }

    /// The child of `parent` with this file identifier.
    pub fn child(&self, parent: FileId, fid: Fid) -> Option<FileId> {
        self.children(parent)
            .iter()
            .copied()
            .find(|&id| self.get(id).is_some_and(|file| file.fid == fid))
    }

    /// The children of a DF in the order in which they were made; none of an EF.
    pub fn children(&self, id: FileId) -> &[FileId] {
        match self.get(id).map(|file| &file.body) {
            Some(Body::Df { children, .. }) => children,
            _ => &[],
        }
    }

    /// The DF that holds this file; `None` for the MF.
    pub fn parent(&self, id: FileId) -> Option<FileId> {
        self.get(id)?.parent
    }

    /// This file and every DF around it, up to the MF.
    pub fn with_ancestors(&self, id: FileId) -> impl Iterator<Item = FileId> + '_ {
        core::iter::successors(Some(id), |&id| self.parent(id))
    }

    /// `top` and everything below it, each DF before what it holds.
    pub fn subtree(&self, top: FileId) -> Vec<FileId> {
        let mut found = vec![top];
        let mut next = 0;
        while let Some(&id) = found.get(next) {
            found.extend_from_slice(self.children(id));
            next += 1;
        }
        found
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.files.len() - self.vacant.len()
    }

    /// Whether there is no file; a card has at least its MF.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The application that a file belongs to: the one that the nearest DF names, which may be the
    /// file itself.
    pub fn application(&self, id: FileId) -> ApplicationId {
        self.get(id)
            .map_or(ApplicationId::default(), |file| file.application)
    }

    /// Where the paths begin that begin with the MF, for one who is in the DF `id`: the nearest DF
    /// around it that has a file system of its own, or the MF.
    pub fn root(&self, id: FileId) -> FileId {
        let own = |id: &FileId| {
            let recorded = self.get(*id).and_then(|file| file.recorded.as_deref());
            recorded.is_some_and(|recorded| recorded.file_system)
        };
        let found = self.with_ancestors(id).find(own);
        found.unwrap_or(Self::MASTER_FILE)
    }

    /// How many DFs stand around a file.
    pub fn depth(&self, id: FileId) -> usize {
        self.with_ancestors(id).count().saturating_sub(1)
    }

    pub(crate) fn get_mut(&mut self, id: FileId) -> Option<&mut File> {
        self.files.get_mut(id.0)?.as_mut()
    }

    /// Puts a file into the arena and into its parent's list, at `position` or at the end.
    pub(crate) fn insert(&mut self, file: File, position: Option<usize>) -> FileId {
        let parent = file.parent;
        let id = match self.vacant.pop() {
            Some(id) => {
                if let Some(slot) = self.files.get_mut(id.0) {
                    *slot = Some(file);
                }
                id
            }
            None => {
                self.files.push(Some(file));
                FileId(self.files.len() - 1)
            }
        };
        if let Some(Body::Df { children, .. }) = parent
            .and_then(|id| self.get_mut(id))
            .map(|file| &mut file.body)
        {
            let position = position.unwrap_or(children.len()).min(children.len());
            children.insert(position, id);
        }
        id
    }

    /// Takes a file and all below it out; returns them with their ids, and the position that the
    /// file had in its parent.
    pub(crate) fn remove(&mut self, top: FileId) -> (Vec<(FileId, File)>, usize) {
        let ids = self.subtree(top);
        let mut position = 0;
        if let Some(Body::Df { children, .. }) = self
            .parent(top)
            .and_then(|id| self.get_mut(id))
            .map(|file| &mut file.body)
        {
            position = children.iter().position(|&id| id == top).unwrap_or(0);
            children.retain(|&id| id != top);
        }
        let mut removed = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(file) = self.files.get_mut(id.0).and_then(Option::take) {
                self.vacant.push(id);
                removed.push((id, file));
            }
        }
        (removed, position)
    }

    /// Undoes [`FileSystem::remove`]: the files get the ids they had.
    pub(crate) fn restore(&mut self, removed: Vec<(FileId, File)>, position: usize) {
        let top = removed.first().map(|(id, file)| (*id, file.parent));
        for (id, file) in removed {
            if let Some(slot) = self.files.get_mut(id.0) {
                *slot = Some(file);
                self.vacant.retain(|&vacant| vacant != id);
            }
        }
        let Some((top, Some(parent))) = top else {
            return;
        };
        if let Some(Body::Df { children, .. }) = self.get_mut(parent).map(|file| &mut file.body) {
            let position = position.min(children.len());
            children.insert(position, top);
        }
    }
}
