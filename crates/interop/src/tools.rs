//! Finding the programs and the driver that a sandbox needs.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::InteropError;

/// The search path inside a sandbox: the caller's, and where Debian keeps daemons.
pub(crate) fn search_path() -> OsString {
    let mut path = env::var_os("PATH").unwrap_or_default();
    for extra in ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"] {
        if !path.is_empty() {
            path.push(":");
        }
        path.push(extra);
    }
    path
}

/// The full path of a program. A name with a slash is taken as it is.
pub(crate) fn find(program: &OsStr) -> Result<PathBuf, InteropError> {
    let path = Path::new(program);
    let found = if path.components().count() > 1 {
        path.is_file().then(|| path.to_path_buf())
    } else {
        env::split_paths(&search_path())
            .map(|directory| directory.join(program))
            .find(|candidate| candidate.is_file())
    };
    found.ok_or_else(|| InteropError::MissingTool {
        tool: program.to_string_lossy().into_owned(),
    })
}

/// vpcd's driver library: where pcscd's own configuration says it is, else in the usual places.
pub(crate) fn vpcd_driver() -> Result<PathBuf, InteropError> {
    configured_driver(Path::new("/etc/reader.conf.d"))
        .or_else(usual_driver)
        .ok_or_else(|| InteropError::MissingTool {
            tool: "vpcd's driver libifdvpcd.so (package vsmartcard-vpcd)".to_owned(),
        })
}

/// OpenSC's PKCS#11 module.
///
/// # Errors
/// It is not installed.
pub fn opensc_module() -> Result<PathBuf, InteropError> {
    let multiarch = format!("/usr/lib/{}-linux-gnu", env::consts::ARCH);
    [&multiarch, "/usr/lib", "/usr/lib64", "/usr/local/lib"]
        .into_iter()
        .map(|directory| Path::new(directory).join("opensc-pkcs11.so"))
        .find(|path| path.is_file())
        .ok_or_else(|| InteropError::MissingTool {
            tool: "OpenSC's PKCS#11 module (package opensc-pkcs11)".to_owned(),
        })
}

fn configured_driver(directory: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(directory).ok()?;
    entries
        .filter_map(|entry| fs::read_to_string(entry.ok()?.path()).ok())
        .find_map(|text| driver_in(&text))
        .filter(|path| path.is_file())
}

/// The LIBPATH of a reader.conf text, if it is vpcd's.
fn driver_in(reader_conf: &str) -> Option<PathBuf> {
    reader_conf
        .lines()
        .filter_map(|line| line.trim().strip_prefix("LIBPATH"))
        .map(|value| value.trim().trim_matches('"'))
        .find(|value| value.contains("ifdvpcd"))
        .map(PathBuf::from)
}

fn usual_driver() -> Option<PathBuf> {
    let arch = env::consts::ARCH;
    [
        "/usr/lib/pcsc/drivers/serial/libifdvpcd.so".to_owned(),
        format!("/usr/lib/{arch}-linux-gnu/pcsc/drivers/serial/libifdvpcd.so"),
        "/usr/lib64/pcsc/drivers/serial/libifdvpcd.so".to_owned(),
        "/usr/local/lib/pcsc/drivers/serial/libifdvpcd.so".to_owned(),
    ]
    .into_iter()
    .map(PathBuf::from)
    .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_tool_says_how_to_install_it() {
        let error = find(OsStr::new("no-such-tool-at-all")).unwrap_err();
        assert!(error.to_string().contains("run: cargo xtask test"));
    }

    #[test]
    fn the_driver_is_read_from_the_readers_configuration_and_comments_are_not() {
        let text = "FRIENDLYNAME \"Virtual PCD\"\nLIBPATH   /opt/libifdvpcd.so\n";
        assert_eq!(driver_in(text), Some(PathBuf::from("/opt/libifdvpcd.so")));
        assert_eq!(driver_in("#LIBPATH /opt/libifdvpcd.so\n"), None);
        assert_eq!(driver_in("LIBPATH /opt/libccidtwin.so\n"), None);
    }
}
