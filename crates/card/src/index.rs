//! The objects of a card by their identifiers, so that work on many objects stays linear.

use std::collections::BTreeMap;

use kortlab_pkcs15::{Certificate, Entry, Id, PrivateKey, PublicKey};

use crate::contents::{Contents, DirectoryFile};

/// Where an object is: the index of its directory file, and its index in that file.
type Place = (usize, usize);

/// The places of objects by identifier, each in the order of reading.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    private_keys: BTreeMap<Id, Vec<Place>>,
    public_keys: BTreeMap<Id, Vec<Place>>,
    certificates: BTreeMap<Id, Vec<Place>>,
}

impl Index {
    /// The index of what is on a card.
    pub(crate) fn new(contents: &Contents) -> Self {
        Self {
            private_keys: places(&contents.private_keys, PrivateKey::id),
            public_keys: places(&contents.public_keys, PublicKey::id),
            certificates: places(&contents.certificates, Certificate::id),
        }
    }
}

impl Contents {
    /// The first private key with this identifier.
    pub(crate) fn private_key(&self, id: &Id) -> Option<&PrivateKey> {
        at(&self.private_keys, self.index.private_keys.get(id)).next()
    }

    /// The public keys with this identifier.
    pub(crate) fn public_keys_with(&self, id: &Id) -> impl Iterator<Item = &PublicKey> {
        at(&self.public_keys, self.index.public_keys.get(id))
    }

    /// The certificates with this identifier.
    pub(crate) fn certificates_with(&self, id: &Id) -> impl Iterator<Item = &Certificate> {
        at(&self.certificates, self.index.certificates.get(id))
    }
}

fn places<T>(files: &[DirectoryFile<T>], id: fn(&T) -> &Id) -> BTreeMap<Id, Vec<Place>> {
    let mut places = BTreeMap::<_, Vec<_>>::new();
    for (file, directory) in files.iter().enumerate() {
        for (index, entry) in directory.directory.entries.iter().enumerate() {
            if let Entry::Object(object) = entry {
                let known = places.entry(id(object).clone()).or_default();
                known.push((file, index));
            }
        }
    }
    places
}

fn at<'a, T>(
    files: &'a [DirectoryFile<T>],
    places: Option<&'a Vec<Place>>,
) -> impl Iterator<Item = &'a T> {
    places.into_iter().flatten().filter_map(|&(file, index)| {
        match files.get(file)?.directory.entries.get(index)? {
            Entry::Object(object) => Some(object),
            Entry::Unreadable(_) => None,
        }
    })
}
