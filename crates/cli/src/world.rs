//! Test worlds on the command line: states, seeds, dates, and the authorities' files.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use kortlab_emulator::CardRng;
use kortlab_issuer::clock::{Clock as _, SystemClock, Timestamp};
use kortlab_renewal::states::CardState;
use kortlab_renewal::world::{AuthorityFiles, TestWorld};

use crate::failure::Failure;

/// Reads the name of a [`CardState`].
pub fn state_parser() -> impl TypedValueParser<Value = CardState> {
    let values =
        CardState::ALL.map(|state| PossibleValue::new(state.name()).help(state.description()));
    PossibleValuesParser::new(values).try_map(|name| name.parse::<CardState>())
}

/// The seed that was given, or a random one.
///
/// # Errors
/// The operating system gives no random bytes.
pub fn seed(given: Option<u64>) -> Result<u64, Failure> {
    if let Some(seed) = given {
        return Ok(seed);
    }
    let mut bytes = [0; 8];
    CardRng::from_os()
        .map_err(|error| Failure::failed(format!("no random numbers: {error}")))?
        .fill(&mut bytes);
    Ok(u64::from_be_bytes(bytes))
}

/// Now, as the certificates of a new card see it.
pub fn today() -> Timestamp {
    SystemClock.now()
}

/// Parses `YYYY-MM-DD`: midnight UTC at the start of that day.
///
/// # Errors
/// It is no such day, or one that certificates of the past and the future of a card cannot
/// surround.
pub fn parse_date(text: &str) -> Result<Timestamp, String> {
    let date = jiff::civil::Date::strptime("%Y-%m-%d", text)
        .map_err(|_| "give a day as YYYY-MM-DD, for example 2026-11-24".to_owned())?;
    let parts = (
        u16::try_from(date.year()),
        u8::try_from(date.month()),
        u8::try_from(date.day()),
    );
    match parts {
        (Ok(year @ 1990..=2200), Ok(month), Ok(day)) => {
            Timestamp::from_date(year, month, day).ok_or_else(|| "there is no such day".to_owned())
        }
        _ => Err("give a day between 1990 and 2200".to_owned()),
    }
}

/// The certificates and CRLs of a world's authorities.
///
/// # Errors
/// A CRL cannot be made.
pub fn authorities(world: &mut TestWorld) -> Result<[AuthorityFiles; 2], Failure> {
    world
        .authority_files()
        .map_err(|error| Failure::failed(format!("cannot make the CRLs: {error}")))
}

/// Writes the certificates and CRLs of authorities, and gives the paths.
///
/// # Errors
/// A file cannot be written, or is there and `force` is not given.
pub fn write_authorities(
    files: &[AuthorityFiles],
    directory: &Path,
    force: bool,
) -> Result<Vec<PathBuf>, Failure> {
    fs::create_dir_all(directory)
        .map_err(|error| Failure::file("make the directory", directory, &error))?;
    let mut written = Vec::new();
    for file in files {
        let pem = directory.join(format!("{}.pem", file.name));
        let crl = directory.join(format!("{}.crl", file.name));
        write(&pem, file.certificate_pem.as_bytes(), force)?;
        write(&crl, &file.crl_der, force)?;
        written.extend([pem, crl]);
    }
    Ok(written)
}

/// Says beforehand what [`write()`] would refuse: a file that is there, unless `force` says otherwise.
///
/// # Errors
/// It is there.
pub fn may_write(path: &Path, force: bool) -> Result<(), Failure> {
    if force || fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    Err(match path.is_dir() {
        true => there_already(path).hint("name a file in it"),
        false => there_already(path).hint("--force overwrites it"),
    })
}

fn there_already(path: &Path) -> Failure {
    Failure::failed(format!(
        "cannot write {}: it is there already",
        path.display()
    ))
    .of_kind("file")
}

/// Writes a file; one that is there is overwritten only if `force` says so.
///
/// # Errors
/// It cannot be written, or is there. A new file that could not be written whole is not left behind.
pub fn write(path: &Path, bytes: &[u8], force: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let mut file = options.open(path).map_err(|error| {
        let is_there = error.kind() == std::io::ErrorKind::AlreadyExists;
        match is_there && path.is_dir() {
            // --force would not help.
            true => Failure::file("write", path, &std::io::ErrorKind::IsADirectory.into())
                .hint("name a file in it"),
            false if is_there => there_already(path).hint("--force overwrites it"),
            false => Failure::file("write", path, &error),
        }
    })?;
    file.write_all(bytes).map_err(|error| {
        if !force {
            // It is of no use to anybody.
            let _ = fs::remove_file(path);
        }
        Failure::file("write", path, &error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_can_be_named_on_the_command_line() {
        let parser = state_parser();
        let names: Vec<_> = parser
            .possible_values()
            .expect("a list")
            .map(|value| value.get_name().parse::<CardState>().expect("a state"))
            .collect();
        assert_eq!(names, CardState::ALL);
    }

    #[test]
    fn dates_are_days_of_the_calendar() {
        let day = parse_date("2026-11-24").expect("a day");
        assert_eq!(day.to_string(), "2026-11-24T00:00:00Z");
        for text in [
            "2026-02-30",
            "24.11.2026",
            "",
            "-2026-01-01",
            "9999-12-31",
            "2026-11-24T10:00",
        ] {
            assert!(parse_date(text).is_err(), "{text}");
        }
    }
}
