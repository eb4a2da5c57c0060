//! Test worlds on the command line: states, seeds, dates, and the authorities' files.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use clap::builder::PossibleValue;
use kortlab_emulator::CardRng;
use kortlab_issuer::clock::{Clock as _, SystemClock, Timestamp};
use kortlab_renewal::states::CardState;
use kortlab_renewal::world::{AuthorityFiles, TestWorld};

use crate::failure::Failure;

/// A card's state as an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateArgument {
    /// See [`CardState::Blank`].
    Blank,
    /// See [`CardState::BlankSlots`].
    BlankSlots,
    /// See [`CardState::Delivered`].
    Delivered,
    /// See [`CardState::Valid`].
    Valid,
    /// See [`CardState::Expired`].
    Expired,
    /// See [`CardState::Revoked`].
    Revoked,
    /// See [`CardState::Full`].
    Full,
    /// See [`CardState::Blocked`].
    Blocked,
}

impl From<StateArgument> for CardState {
    fn from(state: StateArgument) -> Self {
        match state {
            StateArgument::Blank => Self::Blank,
            StateArgument::BlankSlots => Self::BlankSlots,
            StateArgument::Delivered => Self::Delivered,
            StateArgument::Valid => Self::Valid,
            StateArgument::Expired => Self::Expired,
            StateArgument::Revoked => Self::Revoked,
            StateArgument::Full => Self::Full,
            StateArgument::Blocked => Self::Blocked,
        }
    }
}

impl ValueEnum for StateArgument {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self::Blank,
            Self::BlankSlots,
            Self::Delivered,
            Self::Valid,
            Self::Expired,
            Self::Revoked,
            Self::Full,
            Self::Blocked,
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let state = CardState::from(*self);
        Some(PossibleValue::new(state.name()).help(state.description()))
    }
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

/// Writes a file; one that is there is overwritten only if `force` says so.
///
/// # Errors
/// It cannot be written, or is there.
pub fn write(path: &Path, bytes: &[u8], force: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let mut file = options.open(path).map_err(|error| {
        let failure = Failure::file("write", path, &error);
        match error.kind() {
            std::io::ErrorKind::AlreadyExists => failure.hint("--force overwrites it"),
            _ => failure,
        }
    })?;
    file.write_all(bytes)
        .map_err(|error| Failure::file("write", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_can_be_named_on_the_command_line() {
        let names: Vec<_> = StateArgument::value_variants()
            .iter()
            .map(|state| CardState::from(*state))
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
