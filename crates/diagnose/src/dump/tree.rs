//! What was found of a card's files: [`Tree`].

use std::collections::BTreeMap;

use kortlab_apdu::fcp::{FileKind, Structure};
use kortlab_apdu::{FilePath, StatusWord};
use kortlab_card::files::FileInfo;

/// Where a file is: below the MF, or below an application that was selected by its AID.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// The application's AID; `None`: the MF.
    pub application: Option<Vec<u8>>,
    /// Whether the application has a file system of its own, in which 3F00 is its own MF.
    pub rooted: bool,
    /// The path below it, without 3F00; empty: the MF, or the application's own DF.
    pub below: FilePath,
}

/// A file that the card selected, or refused to.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// What the card said of it.
    pub info: FileInfo,
    /// Whether it said that also where it was not asked for.
    pub unasked: bool,
    /// Whether it gave its data objects also to a GET DATA that asks for no data.
    pub objects_unasked: bool,
    /// With which status word SELECT was refused.
    pub refused: Option<StatusWord>,
    /// What is in it.
    pub body: Body,
    /// Of a key file: what the card told of the public half of the key, or with which status word it
    /// refused; `None`: it was not asked.
    pub public: Option<Result<Vec<u8>, StatusWord>>,
}

/// What is in a file, as far as it could be read.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// Other files.
    Df,
    /// Bytes.
    Transparent {
        /// As many as came.
        data: Vec<u8>,
        /// The status word that ended it before the file did.
        ended: Option<StatusWord>,
    },
    /// Records.
    Records {
        /// As many as came, number 1 first.
        records: Vec<Vec<u8>>,
        /// The status word that ended it before the last record.
        ended: Option<StatusWord>,
    },
    /// Something for the card alone, as a key.
    Internal,
    /// Nobody knows: it could not be selected.
    Unknown,
}

/// The files of a card, in the order in which they were found.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    files: Vec<(Place, Found)>,
    places: BTreeMap<Place, usize>,
    /// How many bytes of content there are in all.
    pub bytes: usize,
}

impl Place {
    /// A file below the MF.
    pub(super) fn of_path(path: &FilePath) -> Self {
        Self {
            application: None,
            rooted: false,
            below: path.below_master_file().into(),
        }
    }

    /// A file below an application.
    pub(super) fn in_application(aid: &[u8], below: FilePath) -> Self {
        Self {
            application: Some(aid.to_vec()),
            rooted: false,
            below,
        }
    }

    /// A file in the file system that an application has of its own, by its path from 3F00.
    pub(super) fn in_file_system_of(aid: &[u8], path: &FilePath) -> Self {
        Self {
            rooted: true,
            ..Self::in_application(aid, path.below_master_file().into())
        }
    }

    /// The DF in which it is; `None` of the MF and of an application.
    pub(super) fn parent(&self) -> Option<Self> {
        let (below, _) = self.below.split_last()?;
        Some(Self {
            below,
            ..self.clone()
        })
    }

    /// The file with this identifier in this DF.
    pub(super) fn child(&self, fid: kortlab_apdu::Fid) -> Self {
        Self {
            below: self.below.child(fid),
            ..self.clone()
        }
    }

    /// How many DFs stand around it.
    pub(super) fn depth(&self) -> usize {
        self.below.as_bytes().len() / 2
    }

    /// Its path from the MF on, if it is known.
    pub(super) fn path(&self) -> Option<FilePath> {
        let absolute = || FilePath::MASTER_FILE.join(&self.below);
        self.application.is_none().then(absolute)
    }
}

impl core::fmt::Display for Place {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match &self.application {
            None => write!(f, "{}", FilePath::MASTER_FILE.join(&self.below)),
            Some(aid) => {
                write!(f, "AID {}", hex::encode_upper(aid))?;
                match self.below.is_empty() {
                    true => Ok(()),
                    false => write!(f, "/{}", self.below),
                }
            }
        }
    }
}

impl Found {
    /// A file that the card selected.
    pub(super) const fn selected(info: FileInfo, body: Body) -> Self {
        Self {
            info,
            unasked: false,
            objects_unasked: false,
            refused: None,
            body,
            public: None,
        }
    }

    /// A file that the card refused to select.
    pub(super) fn refused(status: StatusWord) -> Self {
        Self {
            info: FileInfo::default(),
            unasked: false,
            objects_unasked: false,
            refused: Some(status),
            body: Body::Unknown,
            public: None,
        }
    }

    /// How many bytes were read of it.
    pub(super) fn len(&self) -> usize {
        match &self.body {
            Body::Transparent { data, .. } => data.len(),
            Body::Records { records, .. } => records.iter().map(Vec::len).sum(),
            Body::Df | Body::Internal | Body::Unknown => 0,
        }
    }
}

/// What a card says that a file is, for the way in which it is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    Df,
    Transparent,
    Records,
    Internal,
    Nothing,
}

impl Says {
    pub(super) fn of(info: &FileInfo) -> Self {
        let Some(fcp) = &info.fcp else {
            return Self::Nothing;
        };
        let Some(descriptor) = fcp.descriptor else {
            return match fcp.df_names.is_empty() {
                true => Self::Nothing,
                false => Self::Df,
            };
        };
        match descriptor.kind() {
            FileKind::Df => Self::Df,
            FileKind::WorkingEf(Structure::Transparent) => Self::Transparent,
            FileKind::WorkingEf(Structure::NotGiven) => Self::Nothing,
            FileKind::WorkingEf(_) => Self::Records,
            FileKind::InternalEf(_) | FileKind::ProprietaryEf(..) => Self::Internal,
            FileKind::BerTlvEf | FileKind::SimpleTlvEf | FileKind::Reserved(_) => Self::Nothing,
        }
    }
}

impl Tree {
    /// What was found at this place.
    pub(super) fn get(&self, place: &Place) -> Option<&Found> {
        let (_, found) = self.files.get(*self.places.get(place)?)?;
        Some(found)
    }

    /// Keeps what the card told of the public half of the key in a file.
    pub(super) fn tell_public(&mut self, place: &Place, told: Result<Vec<u8>, StatusWord>) {
        let index = self.places.get(place).copied();
        if let Some((_, found)) = index.and_then(|index| self.files.get_mut(index)) {
            found.public = Some(told);
        }
    }

    /// Keeps that a DF gives its data objects also where no data is asked for.
    pub(super) fn tell_objects_unasked(&mut self, place: &Place) {
        let index = self.places.get(place).copied();
        if let Some((_, found)) = index.and_then(|index| self.files.get_mut(index)) {
            found.objects_unasked = true;
        }
    }

    /// Keeps what was found at a new place.
    pub(super) fn add(&mut self, place: Place, found: Found) {
        self.bytes += found.len();
        self.places.insert(place.clone(), self.files.len());
        self.files.push((place, found));
    }

    /// All files, in the order in which they were found.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Place, &Found)> {
        self.files.iter().map(|(place, found)| (place, found))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.files.len()
    }
}
