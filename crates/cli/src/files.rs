//! Files that are given to commands, read up to a limit (`-` is standard input), and files that are
//! replaced as a whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use kortlab_emulator::store::may_be_replaced;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// So many symbolic links are followed to where a new file would be.
const MOST_LINKS: usize = 40;

/// Reads a whole file of at most `limit` bytes.
///
/// # Errors
/// It cannot be read, or is longer.
pub fn read(path: &Path, limit: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = read_secret(path, limit)?;
    Ok(std::mem::take(&mut *bytes))
}

/// The same, of a regular file alone: a pipe may never end, and a device not either.
///
/// # Errors
/// As for [`read`]; or it is something else than a regular file.
pub fn read_regular(path: &Path, limit: usize) -> Result<Vec<u8>, Failure> {
    must_be_regular(path)?;
    read(path, limit)
}

/// Refuses what is no regular file.
///
/// # Errors
/// It is none, or is not there.
pub fn must_be_regular(path: &Path) -> Result<(), Failure> {
    let found = fs::metadata(path).map_err(|error| Failure::file("read", path, &error))?;
    match found.is_file() {
        true => Ok(()),
        false => Err(
            Failure::failed(format!("{} is not a regular file", path.display()))
                .hint("name the file that was meant"),
        ),
    }
}

/// The same of a file with a secret in it: the bytes are erased when they are dropped.
///
/// # Errors
/// As for [`read`].
pub fn read_secret(path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failed = |error: io::Error| Failure::file("read", path, &error);
    if path == Path::new("-") {
        return secret_of(io::stdin().lock(), FIRST_ROOM, path, limit);
    }
    let file = File::open(path).map_err(failed)?;
    // What a file says of its length is a guess: it may grow, and what is no regular file says 0.
    let length = file.metadata().map_err(failed)?.len();
    let room = usize::try_from(length).unwrap_or(limit).max(FIRST_ROOM - 1);
    secret_of(file, room + 1, path, limit)
}

/// The room for a secret whose length nobody says.
const FIRST_ROOM: usize = 4 << 10;

/// Reads to the end, or one byte more than the limit. Where the room is too small, the bytes move into
/// more, and what they leave behind is erased.
fn secret_of(
    mut from: impl Read,
    room: usize,
    path: &Path,
    limit: usize,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let most = limit + 1;
    let mut bytes = Zeroizing::new(vec![0; room.min(most)]);
    let mut length = 0;
    loop {
        let Some(free) = bytes.get_mut(length..).filter(|free| !free.is_empty()) else {
            if length >= most {
                return Err(too_long(path, limit));
            }
            let mut more = Zeroizing::new(vec![0; (2 * length).min(most)]);
            if let Some(beginning) = more.get_mut(..length) {
                beginning.copy_from_slice(&bytes);
            }
            bytes = more;
            continue;
        };
        match from.read(free) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Failure::file("read", path, &error)),
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

fn too_long(path: &Path, limit: usize) -> Failure {
    Failure::failed(format!("{} is longer than {limit} bytes", path.display()))
}

/// The same of a file of text, which may begin with a byte order mark. It may have a secret in it.
///
/// # Errors
/// As for [`read`]; or it is no text in UTF-8. The error says what it is.
pub fn read_text(path: &Path, limit: usize) -> Result<Zeroizing<String>, Failure> {
    let bytes = read_secret(path, limit)?;
    let shown = path.display();
    if is_utf16(&bytes) {
        return Err(Failure::failed(format!("{shown} is text in UTF-16"))
            .of_kind("invalid")
            .hint("save it as UTF-8"));
    }
    let text = bytes.strip_prefix(UTF8_MARK).unwrap_or(&bytes);
    match std::str::from_utf8(text) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(error) => {
            let at = error.valid_up_to() + bytes.len() - text.len();
            let text = format!("{shown} is no text: the byte at offset {at} is not UTF-8");
            Err(Failure::failed(text)
                .of_kind("invalid")
                .hint("give the file that was meant, or save it as UTF-8"))
        }
    }
}

/// What a path is a name of.
#[derive(PartialEq, Eq)]
pub enum Place {
    /// A file that is there: its device and inode.
    There(u64, u64),
    /// A file that is not there yet.
    New(PathBuf),
}

impl Place {
    /// Where this is, by whatever name and through whatever links; none if no file can be there.
    pub fn of(path: &Path) -> Option<Self> {
        if let Ok(found) = fs::metadata(path) {
            return Some(Self::There(found.dev(), found.ino()));
        }
        // A link may say where a file will be.
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            let Ok(target) = fs::read_link(&path) else {
                break;
            };
            path = match path.parent() {
                Some(directory) => directory.join(target),
                None => target,
            };
        }
        let directory = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.unwrap_or(Path::new(".")).canonicalize().ok()?;
        Some(Self::New(directory.join(path.file_name()?)))
    }
}

/// Whether two paths name the same file, also one that is not there yet.
pub fn same_file(one: &Path, other: &Path) -> bool {
    match (Place::of(one), Place::of(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// Writes a file of this user's alone, whole or not at all, so that it outlives a crash.
///
/// # Errors
/// The file system's, or the file is protected from writing; what was there before is there still.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    may_be_replaced(path)?;
    let beside = path.with_extension(format!("tmp{}", std::process::id()));
    let written = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        match path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
        {
            Some(directory) => File::open(directory)?.sync_all(),
            None => Ok(()),
        }
    })();
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

/// The byte order mark with which some editors begin text in UTF-8.
pub const UTF8_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Whether the bytes are text in UTF-16, judged by its byte order mark, or by the zeros of ASCII in it.
pub fn is_utf16(bytes: &[u8]) -> bool {
    match bytes {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => true,
        [a, 0, b, 0, ..] | [0, a, 0, b, ..] => a.is_ascii_graphic() && b.is_ascii_graphic(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> Result<String, Failure> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), bytes).expect("written");
        read_text(file.path(), 64).map(|text| text.to_string())
    }

    #[test]
    fn a_small_secret_takes_a_small_buffer_and_a_long_one_is_whole_or_refused() {
        const LIMIT: usize = 1 << 20;
        let path = Path::new("secret");
        for length in [0, 1, 100, FIRST_ROOM, FIRST_ROOM + 1, LIMIT - 1, LIMIT] {
            let secret: Vec<u8> = (0..=255).cycle().take(length).collect();
            for room in [1, FIRST_ROOM, length + 1, 2 * LIMIT] {
                let read = secret_of(&secret[..], room, path, LIMIT).expect("read");
                assert_eq!(*read, secret);
                let most = room.max(2 * length + 1).min(LIMIT + 1);
                assert!(read.capacity() <= most, "{room} {length}");
            }
        }
        let secret = vec![0x55; LIMIT + 1];
        let failure = secret_of(&secret[..], FIRST_ROOM, path, LIMIT).expect_err("too long");
        assert_eq!(failure.message(), "secret is longer than 1048576 bytes");
        // As of files: what they say they have, and a byte more to see the end.
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), [0x55; 100_000]).expect("written");
        let read = read_secret(file.path(), 64 << 20).expect("read");
        assert_eq!((read.len(), read.capacity()), (100_000, 100_001));
    }

    #[test]
    fn text_may_begin_with_a_byte_order_mark() {
        assert_eq!(text(b"\xEF\xBB\xBF00A4"), Ok("00A4".to_owned()));
        assert_eq!(text(b""), Ok(String::new()));
    }

    #[test]
    fn what_is_no_text_is_refused_by_what_it_is_and_where() {
        for (bytes, part) in [
            (&b"\xFF\xFE0\x000\x00"[..], "is text in UTF-16"),
            (b"0\x000\x00A\x00", "is text in UTF-16"),
            (b"\x000\x000\x00A", "is text in UTF-16"),
            (b"ab\x80", "offset 2 "),
            (b"\xEF\xBB\xBFab\x80", "offset 5 "),
            (&[b'0'; 65], "longer than 64 bytes"),
        ] {
            let failure = text(bytes).expect_err(part);
            assert!(failure.message().contains(part), "{}", failure.message());
        }
    }
}
