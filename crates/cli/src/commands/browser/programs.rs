//! The programs that it takes, and the Debian packages that bring them.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Names that Chromium goes by.
const BROWSERS: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
];
/// The file of OpenSC's PKCS#11 module, and where distributions have it below a library directory.
const MODULE: [&str; 2] = ["opensc-pkcs11.so", "pkcs11/opensc-pkcs11.so"];
/// Directories of libraries; Debian has one for each architecture below the first.
const LIBRARIES: [&str; 4] = ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib"];

/// What was found.
#[derive(Debug)]
pub struct Programs {
    /// Chromium.
    pub chromium: PathBuf,
    /// NSS's program for certificates.
    pub certutil: PathBuf,
    /// NSS's program for modules.
    pub modutil: PathBuf,
    /// The PKCS#11 module.
    pub module: PathBuf,
}

impl Programs {
    /// Finds what is needed; `chromium` and `module` take the place of the usual ones.
    ///
    /// # Errors
    /// What was named and is not there; or all that is missing, with the packages that bring it.
    pub fn find(chromium: Option<&Path>, module: Option<&Path>) -> Result<Self, Failure> {
        let mut missing = Missing::default();
        let chromium = match chromium {
            Some(named) => Some(named_program(named)?),
            None => BROWSERS.iter().find_map(|name| find_program(name.as_ref())),
        };
        let found = (
            missing.unless(chromium, "Chromium", "chromium"),
            missing.unless(
                find_program("certutil".as_ref()),
                "certutil",
                "libnss3-tools",
            ),
            missing.unless(find_program("modutil".as_ref()), "modutil", "libnss3-tools"),
            missing.unless(
                match module {
                    Some(named) => Some(named_module(named)?),
                    None => find_module(),
                },
                "OpenSC's PKCS#11 module",
                "opensc-pkcs11",
            ),
        );
        let (Some(chromium), Some(certutil), Some(modutil), Some(module)) = found else {
            return Err(missing.failure());
        };
        if is_snap(&chromium) {
            return Err(Failure::failed(format!(
                "{} is a snap, which reaches neither OpenSC's module nor a profile elsewhere",
                chromium.display()
            ))
            .hint("name another Chromium with --chromium"));
        }
        // The browser has another working directory's view of nothing, but another home.
        let module = fs::canonicalize(&module).unwrap_or(module);
        Ok(Self {
            chromium,
            certutil,
            modutil,
            module,
        })
    }
}

#[derive(Default)]
struct Missing {
    what: Vec<&'static str>,
    packages: BTreeSet<&'static str>,
}

impl Missing {
    fn unless(
        &mut self,
        found: Option<PathBuf>,
        what: &'static str,
        package: &'static str,
    ) -> Option<PathBuf> {
        if found.is_none() {
            self.what.push(what);
            self.packages.insert(package);
        }
        found
    }

    fn failure(self) -> Failure {
        let packages: Vec<_> = self.packages.into_iter().collect();
        Failure::failed(format!("missing: {}", self.what.join(", "))).hint(format!(
            "on Debian and Ubuntu: apt-get install {}",
            packages.join(" ")
        ))
    }
}

/// The program that --chromium names. Nothing that could be installed takes its place.
fn named_program(named: &Path) -> Result<PathBuf, Failure> {
    find_program(named).ok_or_else(|| {
        not_there("--chromium", named, match named.components().count() {
            0 | 1 => "no program of this name is on the search path",
            _ => what_it_is(named),
        })
        .hint("name the program of a Chromium; or leave --chromium out, for the one on the search path")
    })
}

/// The file that --module names.
fn named_module(named: &Path) -> Result<PathBuf, Failure> {
    match named.is_file() {
        true => Ok(named.to_path_buf()),
        false => Err(not_there("--module", named, what_it_is(named))
            .hint("name the file of a PKCS#11 module; or leave --module out, for OpenSC's")),
    }
}

fn not_there(option: &str, named: &Path, why: &str) -> Failure {
    Failure::usage(format!("{option} {}: {why}", named.display()))
}

/// What is at a path where no file is.
fn what_it_is(path: &Path) -> &'static str {
    match path.is_dir() {
        true => "that is a directory",
        false => "there is no such file",
    }
}

/// A program by its path, or by its name on the search path.
fn find_program(name: &Path) -> Option<PathBuf> {
    if name.components().count() > 1 {
        return name.is_file().then(|| name.to_path_buf());
    }
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|file| file.is_file())
}

fn find_module() -> Option<PathBuf> {
    let below = |directory: &Path| {
        let mut files = MODULE.iter().map(|name| directory.join(name));
        files.find(|file| file.is_file())
    };
    LIBRARIES.iter().map(Path::new).find_map(|libraries| {
        below(libraries).or_else(|| {
            let entries = fs::read_dir(libraries).ok()?;
            let mut architectures: Vec<_> = entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|path| {
                    let name = path.file_name().unwrap_or_default();
                    name.to_string_lossy().contains("-linux-")
                })
                .collect();
            architectures.sort();
            architectures.iter().find_map(|path| below(path))
        })
    })
}

/// Whether a program is started by snapd.
fn is_snap(program: &Path) -> bool {
    let real = fs::canonicalize(program).unwrap_or_else(|_| program.to_path_buf());
    real.starts_with("/snap") || real.ends_with("bin/snap")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_missing_is_said_at_once_with_its_packages() {
        let mut missing = Missing::default();
        assert!(missing.unless(None, "certutil", "libnss3-tools").is_none());
        assert!(missing.unless(None, "modutil", "libnss3-tools").is_none());
        assert!(missing.unless(None, "Chromium", "chromium").is_none());
        let here = missing.unless(Some("/bin/sh".into()), "sh", "dash");
        assert_eq!(here, Some("/bin/sh".into()));
        let failure = missing.failure();
        assert_eq!(failure.message(), "missing: certutil, modutil, Chromium");
        let next = failure.next_step().expect("a next step");
        assert!(
            next.ends_with("apt-get install chromium libnss3-tools"),
            "{next}"
        );
    }

    #[test]
    fn what_was_named_and_is_not_there_is_named_and_no_package() {
        let sh = Path::new("/bin/sh");
        for (chromium, module, said) in [
            (
                "/bin/no-such-program",
                None,
                "--chromium /bin/no-such-program: there is no such file",
            ),
            ("/bin", None, "--chromium /bin: that is a directory"),
            (
                "no-such-program",
                None,
                "--chromium no-such-program: no program of this name",
            ),
            (
                "/bin/sh",
                Some("/no-such.so"),
                "--module /no-such.so: there is no such file",
            ),
            (
                "/bin/sh",
                Some("/bin"),
                "--module /bin: that is a directory",
            ),
        ] {
            let found = Programs::find(Some(chromium.as_ref()), module.map(Path::new));
            let failure = found.expect_err(said);
            assert!(failure.message().starts_with(said), "{}", failure.message());
            let next = failure.next_step().expect("a next step");
            assert!(!next.contains("apt-get"), "{next}");
        }
        assert_eq!(named_module(sh).expect("a file"), sh);
        assert_eq!(named_program(sh).expect("a file"), sh);
    }

    #[test]
    fn a_program_that_is_named_by_its_path_is_that_file_or_none() {
        assert_eq!(find_program("/bin/sh".as_ref()), Some("/bin/sh".into()));
        assert_eq!(find_program("/bin/no-such-program".as_ref()), None);
        assert!(find_program("sh".as_ref()).is_some());
        assert_eq!(find_program("no-such-program".as_ref()), None);
    }
}
