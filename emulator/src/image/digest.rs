//! A digest of the keys of an image: what was found out about keys is true of the same keys in another image.

use sha2::{Digest as _, Sha256};

use super::{FileContent, FileImage, Image};

/// A SHA-256.
pub type KeysDigest = [u8; 32];

/// The digest of all numbers of all keys, each behind its length; `None` without keys.
pub(crate) fn keys_digest(image: &Image) -> Option<KeysDigest> {
    let mut hash = Sha256::new_with_prefix(b"kortlab keys\0");
    let mut count = 0;
    add(&image.master_file, &mut hash, &mut count);
    (count > 0).then(|| hash.finalize().into())
}

/// Recursive as deep as JSON may be.
fn add(file: &FileImage, hash: &mut Sha256, count: &mut usize) {
    if let FileContent::Key(ef) = &file.content
        && let Some(key) = &ef.key
    {
        *count += 1;
        for number in [
            key.n.0.as_slice(),
            &key.e.0,
            key.d.as_slice(),
            key.p.as_slice(),
            key.q.as_slice(),
        ] {
            hash.update((number.len() as u64).to_be_bytes());
            hash.update(number);
        }
    }
    for child in file.files() {
        add(child, hash, count);
    }
}
