//! Changing a directory file object by object, the others left alone byte for byte.

use core::marker::PhantomData;

use crate::directory::{DirectoryObject, encode_object};
use crate::error::EncodeError;
use crate::finding::Notes;
use crate::frame::{self, Piece};

/// A directory file that is being changed. Object indices are those of the entries that
/// [`Directory::parse`](crate::Directory::parse) gives for the same bytes.
///
/// Objects that are not touched keep their bytes, broken or not. Filler goes to the end.
#[derive(Clone, Debug)]
pub struct Edit<T> {
    objects: Vec<Vec<u8>>,
    capacity: usize,
    /// Where bytes that belong to no object start, and how many there are in all.
    garbage: Option<(usize, usize)>,
    kind: PhantomData<T>,
}

impl<T: DirectoryObject> Edit<T> {
    /// Opens the content `file` of a directory file of `capacity` bytes.
    pub fn new(file: &[u8], capacity: usize) -> Self {
        let mut objects = Vec::new();
        let mut garbage: Option<(usize, usize)> = None;
        for piece in frame::cut(&[file], T::SHAPE, &mut Notes::default()) {
            match piece {
                Piece::Object(tlv) => objects.push(tlv.raw.to_vec()),
                Piece::Broken { bytes, .. } => objects.push(bytes.to_vec()),
                Piece::Garbage { offset, bytes } => {
                    let (first, length) = garbage.unwrap_or((offset, 0));
                    garbage = Some((first, length + bytes.len()));
                }
            }
        }
        Self {
            objects,
            capacity,
            garbage,
            kind: PhantomData,
        }
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// The bytes of each object.
    pub fn objects(&self) -> impl Iterator<Item = &[u8]> {
        self.objects.iter().map(Vec::as_slice)
    }

    /// Adds `object` behind the others.
    ///
    /// # Errors
    /// The object has no valid encoding, or would not be read back as it is.
    pub fn push(&mut self, object: &T) -> Result<(), EncodeError> {
        self.objects.push(encode_object(object)?);
        Ok(())
    }

    /// Puts `object` in the place of object `index`.
    ///
    /// # Errors
    /// There is no such object, or `object` has no valid encoding or would not be read back as it
    /// is.
    pub fn replace(&mut self, index: usize, object: &T) -> Result<(), EncodeError> {
        let missing = self.no_such_object(index);
        let place = self.objects.get_mut(index).ok_or(missing)?;
        *place = encode_object(object)?;
        Ok(())
    }

    /// Removes object `index`; those behind it move up by one.
    ///
    /// # Errors
    /// There is no such object.
    pub fn remove(&mut self, index: usize) -> Result<(), EncodeError> {
        if index >= self.objects.len() {
            return Err(self.no_such_object(index));
        }
        self.objects.remove(index);
        Ok(())
    }

    /// Lets go of bytes that belong to no object. Without this, [`Edit::finish`] refuses to
    /// write a file that has such bytes.
    pub fn discard_garbage(&mut self) {
        self.garbage = None;
    }

    /// How many bytes the objects take.
    pub fn encoded_len(&self) -> usize {
        self.objects.iter().map(Vec::len).sum()
    }

    /// The size of the file in bytes.
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many bytes are free; `None` if the objects do not fit.
    pub fn free(&self) -> Option<usize> {
        self.capacity.checked_sub(self.encoded_len())
    }

    /// The file's new content, filled with `00` up to its size.
    ///
    /// # Errors
    /// The objects do not fit the file, or the file holds bytes that belong to no object.
    pub fn finish(&self) -> Result<Vec<u8>, EncodeError> {
        if let Some((offset, length)) = self.garbage {
            return Err(EncodeError::Garbage { offset, length });
        }
        let needed = self.encoded_len();
        if needed > self.capacity {
            return Err(EncodeError::Full {
                needed,
                capacity: self.capacity,
            });
        }
        let mut file = self.objects.concat();
        file.resize(self.capacity, 0x00);
        Ok(file)
    }

    fn no_such_object(&self, index: usize) -> EncodeError {
        EncodeError::NoSuchObject {
            index,
            count: self.objects.len(),
        }
    }
}
