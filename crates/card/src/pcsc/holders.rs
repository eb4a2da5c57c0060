//! Whether a card is held, and by which programs. PC/SC does not tell by which; but a program that uses readers has the
//! client library of the PC/SC service loaded, and Linux tells that of one's own programs.

use std::ffi::CString;
use std::fs;
use std::time::Duration;

use pcsc::{ReaderState, State};

use super::establish;

/// The most programs that are named.
const MOST: usize = 5;

/// Whether a program is connected to the card in this reader, this one perhaps; also where the service
/// does not say. A card that nobody uses is held by nobody: then it is the card that does not answer.
pub(super) fn may_hold(reader: &str) -> bool {
    let (Ok(name), Ok(context)) = (CString::new(reader), establish()) else {
        return true;
    };
    let mut readers = [ReaderState::new(name, State::UNAWARE)];
    let told = context.get_status_change(Duration::ZERO, &mut readers);
    let [reader] = &readers;
    let state = reader.event_state();
    told.is_err()
        || !state.contains(State::PRESENT)
        || state.intersects(State::INUSE | State::EXCLUSIVE)
}

/// ` (programs of yours that use readers: firefox 1234)`; empty if none is known.
pub(super) fn text() -> String {
    let programs = programs();
    if programs.is_empty() {
        return String::new();
    }
    format!(
        " (programs of yours that use readers: {})",
        programs.join(", ")
    )
}

/// Other programs that have the client library loaded, by name and process number.
fn programs() -> Vec<String> {
    let own = std::process::id();
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let numbers = entries
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    numbers
        .filter(|&number| number != own)
        .filter_map(|number| {
            let maps = fs::read_to_string(format!("/proc/{number}/maps")).ok()?;
            let name = fs::read_to_string(format!("/proc/{number}/comm")).ok()?;
            let name = name.trim_end().to_owned();
            // The service itself uses the library's name in no map of its own.
            (maps.contains("libpcsclite") && name != "pcscd").then(|| format!("{name} {number}"))
        })
        .take(MOST)
        .collect()
}
