//! Files that are given to commands, read up to a limit (`-` is standard input), and files that are
//! replaced as a whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use crate::failure::Failure;

/// Reads a whole file of at most `limit` bytes.
///
/// # Errors
/// It cannot be read, or is longer.
pub fn read(path: &Path, limit: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    read_into(&mut bytes, path, limit)?;
    Ok(bytes)
}

/// The same, of a regular file alone: a pipe may never end, and a device not either.
///
/// # Errors
/// As for [`read`]; or it is something else than a regular file.
pub fn read_regular(path: &Path, limit: usize) -> Result<Vec<u8>, Failure> {
    let found = fs::metadata(path).map_err(|error| Failure::file("read", path, &error))?;
    if !found.is_file() {
        return Err(
            Failure::failed(format!("{} is not a regular file", path.display()))
                .hint("name the file that was meant"),
        );
    }
    read(path, limit)
}

/// The same of a file with a secret in it: the bytes are erased when they are dropped.
///
/// # Errors
/// As for [`read`].
pub fn read_secret(path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // Room at once, so that no copy is left behind by growth.
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit + 1));
    read_into(&mut bytes, path, limit)?;
    Ok(bytes)
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

/// Writes a file of this user's alone, whole or not at all, so that it outlives a crash.
///
/// # Errors
/// The file system's; what was there before is there still.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
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

fn read_into(bytes: &mut Vec<u8>, path: &Path, limit: usize) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::file("read", path, &error);
    let most = limit as u64 + 1;
    if path == Path::new("-") {
        io::stdin().take(most).read_to_end(bytes).map_err(failed)?;
    } else {
        let file = File::open(path).map_err(failed)?;
        file.take(most).read_to_end(bytes).map_err(failed)?;
    }
    if bytes.len() > limit {
        return Err(Failure::failed(format!(
            "{} is longer than {limit} bytes",
            path.display()
        )));
    }
    Ok(())
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
