//! The archive: one directory with everything, the same bytes for the same commit and compiler.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Dist, about, copy, make_directory};
use crate::process::{self, Failure};

/// Files of the repository that go along.
const DOCUMENTS: [&str; 6] = [
    "README.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "docs",
];

/// Makes the archive.
///
/// # Errors
/// A file cannot be copied, or tar fails.
pub fn make(dist: &Dist) -> Result<PathBuf, Failure> {
    let name = format!("kortlab-{}-{}", dist.version, platform());
    let stage = dist.files.join(&name);
    make_directory(&stage)?;
    copy(&dist.kortlab, &stage.join("kortlab"))?;
    let library = stage.join("lib/kortlab");
    make_directory(&library)?;
    copy(&dist.library, &library.join("libpcsclite.so.1"))?;
    for document in DOCUMENTS {
        let from = process::root().join(document);
        copy_all(&from, &stage.join(document))?;
    }
    for extra in ["man1", "completions", "licences"] {
        let to = if extra == "man1" { "man/man1" } else { extra };
        copy_all(&dist.extras.join(extra), &stage.join(to))?;
    }
    let archive = dist.files.join(format!("{name}.tar.gz"));
    let time = process::output(process::program("git").args(["log", "-1", "--format=@%ct"]));
    // Outside a repository there is no better time than none.
    let time = time.unwrap_or_else(|_| b"@0".to_vec());
    let time = String::from_utf8_lossy(&time).trim().to_owned();
    let mut tar = process::program("tar");
    tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner"])
        .arg(format!("--mtime={time}"))
        .args(["--use-compress-program", "gzip --no-name -9", "--create"])
        .arg("--file")
        .arg(&archive)
        .arg("--directory")
        .arg(&dist.files)
        .arg(&name);
    process::run(&mut tar)?;
    fs::remove_dir_all(&stage).map_err(|error| about(&stage, &error))?;
    Ok(archive)
}

/// The machine and system that this is built for.
fn platform() -> String {
    format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS)
}

/// A file, or a directory with all that is in it.
fn copy_all(from: &Path, to: &Path) -> Result<(), Failure> {
    if !from.is_dir() {
        return copy(from, to);
    }
    make_directory(to)?;
    let entries = fs::read_dir(from).map_err(|error| about(from, &error))?;
    for entry in entries {
        let path = entry.map_err(|error| about(from, &error))?.path();
        copy_all(&path, &to.join(path.file_name().unwrap_or_default()))?;
    }
    Ok(())
}
