//! Files that are replaced as a whole, by rename: that asks the directory whether it may be, not the
//! file. So the file is asked here, and what takes its place is protected as it was.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::Path;

use rustix::fs::fgetxattr;
use rustix::io::Errno;

/// Refuses what the file system refuses this user: writing to a file that is protected from it; and to
/// put a file in the place of something else, such as a pipe or a device. Nothing is written.
///
/// # Errors
/// What the file system says: most often that permission is denied (`EACCES`, `EPERM`), or that it is
/// read-only (`EROFS`); or what is there is no regular file.
pub fn may_be_replaced(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(Errno::ISDIR.into()),
        // To open a FIFO would block, and may be all that somebody waits for.
        Ok(found) if !found.is_file() => Err(io::Error::other(
            "what is there is no regular file: give another name, or remove it",
        )),
        // It is opened, since that tells the truth for the effective user, whatever decides it: the mode,
        // an access control list, a flag of the file, the server of the file system.
        Ok(_) => OpenOptions::new().write(true).open(path).map(drop),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Gives a new file the group and the mode of the one whose place it takes, and never lets more
/// users in than that did: where the group cannot be the same, or a list says more than a mode can
/// (POSIX.1e ACL), the group gets nothing.
pub(super) fn protect_alike(new: &File, old: &File) -> io::Result<()> {
    let was = old.metadata()?;
    if new.metadata()?.gid() != was.gid() {
        // Whether it was done is looked at below.
        let _ = fchown(new, None, Some(was.gid()));
    }
    let is = new.metadata()?;
    let by_mode = is.gid() == was.gid() && !has_list(new) && !has_list(old);
    let wanted = mode(&was) & if by_mode { 0o777 } else { 0o707 };
    // Some file systems have one mode for all files, and refuse to be told.
    if mode(&is) == wanted {
        return Ok(());
    }
    new.set_permissions(Permissions::from_mode(wanted))
}

fn mode(of: &Metadata) -> u32 {
    of.permissions().mode() & 0o777
}

/// Whether an access control list says who may do what: then the mode's bits for the group are a
/// limit for all whom it names.
fn has_list(file: &File) -> bool {
    // Too little room for any: it is enough that there is one.
    let mut room = [0_u8];
    match fgetxattr(file, "system.posix_acl_access", &mut room) {
        Ok(_) | Err(Errno::RANGE) => true,
        Err(_) => false,
    }
}
