//! The package, installed where nothing else is.

use std::fs;
use std::path::{Path, PathBuf};

use super::{about, copy, make_directory};
use crate::process::{self, Failure};

/// Which Debian: the oldest whose C library is the one that was built with is the machine's own.
fn release() -> Result<String, Failure> {
    let text = fs::read_to_string("/etc/os-release")
        .map_err(|error| about(Path::new("/etc/os-release"), &error))?;
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    name.map(|name| name.trim_matches('"').to_owned())
        .ok_or_else(|| Failure::new("/etc/os-release names no release"))
}

/// What is there once the package is installed, besides the documents.
const INSTALLED: [&str; 6] = [
    "usr/lib/kortlab/libpcsclite.so.1",
    "usr/share/bash-completion/completions/kortlab",
    "usr/share/zsh/vendor-completions/_kortlab",
    "usr/share/fish/vendor_completions.d/kortlab.fish",
    "usr/share/man/man1/kortlab.1.gz",
    "usr/share/doc/kortlab/copyright",
];

/// Where the documents of the repository are once the package is installed.
fn documents() -> Result<Vec<String>, Failure> {
    let directory = process::root().join("docs");
    let entries = fs::read_dir(&directory).map_err(|error| about(&directory, &error))?;
    let name = |entry: std::io::Result<fs::DirEntry>| {
        let name = entry
            .map_err(|error| about(&directory, &error))?
            .file_name();
        Ok(format!(
            "usr/share/doc/kortlab/docs/{}",
            name.to_string_lossy()
        ))
    };
    entries.map(name).collect()
}

/// Installs the package in a bare Debian of this machine's release, and lets it run.
///
/// # Errors
/// That does not succeed.
pub fn in_bare_debian(package: &Path) -> Result<(), Failure> {
    let root = Bare::new()?;
    process::run(
        process::program("debootstrap")
            .arg("--variant=minbase")
            .arg(release()?)
            .arg(&root.path),
    )?;
    let name = package.file_name().unwrap_or_default();
    copy(package, &root.path.join(name))?;
    let inside = format!("/{}", name.to_string_lossy());
    let mut install = root.command(&["apt-get", "install", "--yes", "--no-install-recommends"]);
    install.env("DEBIAN_FRONTEND", "noninteractive");
    process::run(install.arg(&inside))?;
    let demo = process::output(&mut root.command(&["kortlab", "demo"]))?;
    let told = String::from_utf8_lossy(&demo);
    let last: Vec<_> = told.lines().rev().take(8).collect();
    for line in last.iter().rev() {
        println!("{line}");
    }
    for expected in ["2 blue and 2 pink", "signature test passed"] {
        if !told.contains(expected) {
            return Err(Failure::new(format!(
                "kortlab demo in the bare Debian does not say {expected:?}"
            )));
        }
    }
    for file in INSTALLED.into_iter().map(str::to_owned).chain(documents()?) {
        // dpkg-deb compresses the larger ones of the documents.
        let there = ["", ".gz"].map(|end| root.path.join(format!("{file}{end}")));
        if !there.iter().any(|path| path.is_file()) {
            return Err(Failure::new(format!(
                "the package has not installed {file}"
            )));
        }
    }
    println!("installed in a bare Debian, and kortlab demo has run there");
    Ok(())
}

/// A Debian in a temporary directory, which goes when this is dropped.
struct Bare {
    path: PathBuf,
}

impl Bare {
    fn new() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("kortlab-debian-{}", std::process::id()));
        make_directory(&path)?;
        Ok(Self { path })
    }

    /// A program inside, with a loopback and nothing else of its own.
    fn command(&self, words: &[&str]) -> std::process::Command {
        let mut command = process::program("chroot");
        command.arg(&self.path).args(words);
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.env_remove("HOME").env("LC_ALL", "C.UTF-8");
        command
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // debootstrap leaves no mounts behind; what cannot be removed is in a temporary directory.
        let _ = fs::remove_dir_all(&self.path);
    }
}
