//! Who has locked a file.
//!
//! Linux tells it in `/proc/locks`: one line a lock, with the process and the file as
//! `MAJOR:MINOR:INODE`. Elsewhere, and where the holder is in a process namespace that is not seen
//! from here, nobody is named.

use std::fmt;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;

/// The most characters of a command line that are repeated.
const MAX_COMMAND: usize = 120;

/// A process that has locked a card image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process identifier.
    pub process: u32,
    /// What it is: the command line of a `kortlab`, which never carries a secret; of another
    /// program its name alone. Control characters are as they are; `None` if it is not told.
    pub command: Option<String>,
}

impl Holder {
    /// Who has locked this file, if the system tells.
    pub(crate) fn of(file: &File) -> Option<Self> {
        let metadata = file.metadata().ok()?;
        let locks = fs::read_to_string("/proc/locks").ok()?;
        let process = locked_by(&locks, metadata.dev(), metadata.ino())?;
        Some(Self {
            process,
            command: command(process),
        })
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.command {
            Some(command) => write!(f, "process {}, `{command}`", self.process),
            None => write!(f, "process {}", self.process),
        }
    }
}

/// The process of the first lock on this file (proc_locks(5)). A line that begins with `->` after
/// its number waits for a lock and holds none.
fn locked_by(locks: &str, device: u64, inode: u64) -> Option<u32> {
    locks.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let kind = words.next().filter(|kind| *kind != "->")?;
        let process = words.nth(2)?.parse().ok().filter(|&process| process > 0)?;
        let mut file = words.next()?.split(':');
        let major = u64::from_str_radix(file.next()?, 16).ok()?;
        let minor = u64::from_str_radix(file.next()?, 16).ok()?;
        let same = file.next()?.parse() == Ok(inode) && (major, minor) == parts(device);
        (same && kind == "FLOCK").then_some(process)
    })
}

/// The major and minor number of a device, as Linux packs them in `st_dev`.
const fn parts(device: u64) -> (u64, u64) {
    let major = ((device >> 8) & 0xFFF) | ((device >> 32) & 0xFFFF_F000);
    let minor = (device & 0xFF) | ((device >> 12) & 0xFFFF_FF00);
    (major, minor)
}

fn command(process: u32) -> Option<String> {
    let name = fs::read_to_string(format!("/proc/{process}/comm")).ok()?;
    let name = name.trim_end();
    if name != "kortlab" {
        return Some(name.to_owned());
    }
    let line = fs::read(format!("/proc/{process}/cmdline")).ok()?;
    let words = line
        .split(|&byte| byte == 0)
        .filter(|word| !word.is_empty());
    let words: Vec<_> = words.skip(1).map(String::from_utf8_lossy).collect();
    let whole = format!("{name} {}", words.join(" "));
    Some(match whole.char_indices().nth(MAX_COMMAND) {
        Some((end, _)) => format!("{}…", whole.get(..end).unwrap_or_default()),
        None => whole.trim_end().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCKS: &str = "\
1: POSIX  ADVISORY  WRITE 812 00:1b:77 1073741826 1073742335
2: FLOCK  ADVISORY  WRITE 77 fe:00:4711 0 EOF
2: -> FLOCK  ADVISORY  WRITE 78 fe:00:4712 0 EOF
3: FLOCK  ADVISORY  WRITE -1 fe:00:4713 0 EOF
4: OFDLCK ADVISORY  READ 5 fe:00:4714 0 EOF
nonsense
";

    #[test]
    fn the_holder_of_a_lock_is_told_by_device_and_inode_and_who_waits_is_not() {
        let device = 0xFE00;
        assert_eq!(parts(device), (0xFE, 0));
        assert_eq!(locked_by(LOCKS, device, 4711), Some(77));
        assert_eq!(locked_by(LOCKS, 0xFE01, 4711), None);
        for inode in [77, 4712, 4713, 4714] {
            assert_eq!(locked_by(LOCKS, device, inode), None, "{inode}");
        }
    }

    #[test]
    fn the_system_names_this_process_as_the_holder_of_its_own_lock() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = File::create(directory.path().join("x")).expect("a file");
        assert_eq!(Holder::of(&file), None);
        file.lock().expect("locked");
        let holder = Holder::of(&file).expect("the holder");
        assert_eq!(holder.process, std::process::id());
        assert!(holder.command.is_some_and(|name| !name.is_empty()));
    }
}
