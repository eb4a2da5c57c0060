//! The test programs of the workspace, each with the directory, the environment and the arguments
//! that cargo gives it. Cargo is asked to run them with `xtask` in front of each, which starts
//! nothing and writes down what it was to start.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{self, Failure};

/// What makes `xtask` write down a program: `xtask RECORD FILE PROGRAM ARGS…`.
pub const RECORD: &str = "record-test-program";

/// A test program, as cargo would start it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    directory: PathBuf,
    /// The program and its arguments.
    words: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
}

impl Program {
    /// The package and the test: `kortlab browser`, `kortlab-apdu kortlab_apdu`.
    pub fn name(&self) -> String {
        let package = self
            .environment
            .iter()
            .find(|(name, _)| name == "CARGO_PKG_NAME");
        let package = package.map_or("?".into(), |(_, value)| value.to_string_lossy());
        let program = self.words.first().map(Path::new);
        let file = program.and_then(Path::file_name).unwrap_or_default();
        let file = file.to_string_lossy();
        // What follows the last hyphen is cargo's.
        let test = file.rsplit_once('-').map_or(&*file, |(name, _)| name);
        format!("{package} {test}")
    }

    /// The command that starts it.
    pub fn command(&self) -> Command {
        let mut words = self.words.iter();
        let program = words.next().map_or(OsStr::new(""), OsString::as_os_str);
        let mut command = process::ending_with_us(program);
        command
            .args(words)
            .current_dir(&self.directory)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Everything as one record: each part ends with a NUL, and lists begin with their length.
    fn to_record(&self) -> Vec<u8> {
        let mut record = Vec::new();
        let mut put = |part: &OsStr| {
            record.extend_from_slice(part.as_bytes());
            record.push(0);
        };
        put(self.directory.as_os_str());
        put(self.words.len().to_string().as_ref());
        self.words.iter().for_each(|word| put(word));
        put(self.environment.len().to_string().as_ref());
        for (name, value) in &self.environment {
            put(name);
            put(value);
        }
        record
    }

    /// Reads one record; `None` if it breaks off.
    fn from_record<'a>(parts: &mut impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        let mut part = || Some(OsString::from_vec(parts.next()?.to_vec()));
        let directory = part()?.into();
        let count = |text: OsString| text.to_str()?.parse::<usize>().ok();
        let words = (0..count(part()?)?).map(|_| part()).collect::<Option<_>>();
        let (words, length) = (words?, count(part()?)?);
        let environment = (0..length).map(|_| Some((part()?, part()?)));
        Some(Self {
            directory,
            words,
            environment: environment.collect::<Option<_>>()?,
        })
    }
}

/// Writes down this process's directory, environment and the program that it was to start.
pub fn record(arguments: &[String]) -> Result<(), Failure> {
    let Some((file, words)) = arguments.split_first().filter(|(_, it)| !it.is_empty()) else {
        return Err(Failure::usage(format!("{RECORD} FILE PROGRAM ARGS…")));
    };
    let about = |error| Failure::new(format!("{file}: {error}"));
    let program = Program {
        directory: env::current_dir().map_err(about)?,
        words: words.iter().map(OsString::from).collect(),
        environment: env::vars_os().collect(),
    };
    let opened = OpenOptions::new().append(true).create(true).open(file);
    let mut opened = opened.map_err(about)?;
    opened.write_all(&program.to_record()).map_err(about)
}

/// This program, by the path at which cargo can start it.
pub fn own() -> Result<PathBuf, Failure> {
    env::current_exe().map_err(|error| Failure::new(format!("xtask: {error}")))
}

/// The test programs of the workspace, which must be built. `own` is this program; where cargo has
/// built it anew, that only tells its path before.
///
/// # Errors
/// Cargo fails, or names none.
pub fn all(own: &Path) -> Result<Vec<Program>, Failure> {
    let file = process::root().join(format!("target/test-programs-{}", std::process::id()));
    let _ = fs::remove_file(&file);
    let runner = [own.as_os_str(), RECORD.as_ref(), file.as_os_str()];
    let runner = runner.map(|word| format!("{:?}", word.to_string_lossy()));
    let runner = format!("target.'cfg(all())'.runner = [{}]", runner.join(", "));
    let mut cargo = process::cargo();
    cargo.args(["test", "--workspace", "--tests", "--no-fail-fast"]);
    let told = cargo
        .args(["--config", &runner])
        .output()
        .map_err(|error| Failure::new(format!("cargo test: {error}")))?;
    let recorded = fs::read(&file).unwrap_or_default();
    let _ = fs::remove_file(&file);
    if !told.status.success() {
        let said = String::from_utf8_lossy(&told.stderr);
        return Err(Failure::new(format!(
            "cargo does not say what it would test:\n{said}"
        )));
    }
    // Of what cargo says it ran, nothing may be missing.
    let said = String::from_utf8_lossy(&told.stderr);
    let ran = said
        .lines()
        .filter(|line| line.starts_with("     Running "));
    let programs = read(&recorded)?;
    match ran.count() {
        0 => Err(Failure::new("cargo names no test program")),
        ran if ran == programs.len() => Ok(programs),
        ran => Err(Failure::new(format!(
            "cargo ran {ran} test programs, and {} were written down",
            programs.len()
        ))),
    }
}

fn read(recorded: &[u8]) -> Result<Vec<Program>, Failure> {
    let half = || Failure::new("a test program was half written down");
    let mut programs = Vec::new();
    if recorded.is_empty() {
        return Ok(programs);
    }
    let recorded = recorded.strip_suffix(&[0]).ok_or_else(half)?;
    let mut parts = recorded.split(|byte| *byte == 0).peekable();
    while parts.peek().is_some() {
        programs.push(Program::from_record(&mut parts).ok_or_else(half)?);
    }
    Ok(programs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program() -> Program {
        Program {
            directory: "/a b/crates/cli".into(),
            words: vec!["/target/debug/deps/own_key-9dc15d09".into(), "".into()],
            environment: vec![
                ("CARGO_PKG_NAME".into(), "kortlab".into()),
                ("EMPTY".into(), "".into()),
                ("LINES".into(), "a\nb".into()),
                ("BYTES".into(), OsString::from_vec(vec![0xFF, 0xFE])),
            ],
        }
    }

    #[test]
    fn a_program_is_read_as_it_was_written_down() {
        let mut recorded = program().to_record();
        recorded.extend(program().to_record());
        assert_eq!(read(&recorded).unwrap(), [program(), program()]);
        assert_eq!(read(&[]).unwrap(), []);
        for left in 1..program().to_record().len() {
            assert!(read(&recorded[..left]).is_err(), "{left}");
        }
    }

    #[test]
    fn it_is_called_by_its_package_and_its_test() {
        assert_eq!(program().name(), "kortlab own_key");
    }

    #[test]
    fn it_starts_where_cargo_starts_it_and_with_cargos_environment_alone() {
        let program = Program {
            directory: "/".into(),
            words: ["sh", "-c", "pwd; echo $A${HOME-none}"]
                .map(OsString::from)
                .into(),
            environment: vec![
                ("A".into(), "a".into()),
                ("PATH".into(), "/usr/bin:/bin".into()),
            ],
        };
        let output = program.command().output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "/\nanone\n");
    }
}
