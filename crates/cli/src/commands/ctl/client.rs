//! One request to a control door, and its answer.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::control::{Answer, MAX_LINE};
use crate::failure::{Exit, Failure};

/// The longest answer that is taken: far more than sixteen readers have to say.
const MAX_ANSWER: u64 = 16 << 20;

/// The kinds of failure that a door names; of others the exit code says enough.
const KINDS: [&str; 14] = [
    "usage",
    "no-reader",
    "no-card",
    "occupied",
    "not-found",
    "other-card",
    "unsupported",
    "not-asked",
    "image",
    "image-in-use",
    "file",
    "storage",
    "invalid",
    "failed",
];

/// What a door answers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Reply {
    Refused { error: Refused },
    Done(Answer),
}

/// Why a request was not carried out.
#[derive(Deserialize)]
struct Refused {
    kind: String,
    exit_code: u8,
    message: String,
    hint: Option<String>,
}

/// Asks the door on this socket.
///
/// # Errors
/// Nobody is there, the request was refused, or what answers is no control door.
pub fn ask(door: &Path, request: &impl Serialize) -> Result<Answer, Failure> {
    let failed = |error: io::Error| {
        Failure::failed(format!(
            "the control door {} failed: {error}",
            door.display()
        ))
        .of_kind("link")
    };
    let mut stream = UnixStream::connect(door).map_err(|error| {
        Failure::new(
            Exit::NoCard,
            format!("no control door at {}: {error}", door.display()),
        )
        .of_kind("no-reader")
        .hint("`kortlab run`, `kortlab pcscd` and `kortlab emulate` open one")
    })?;
    // Room at once, so that no copy of a PIN is left behind by growth.
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_LINE));
    serde_json::to_writer(&mut *line, request)
        .map_err(|error| Failure::failed(format!("cannot write JSON: {error}")))?;
    line.push(b'\n');
    stream.write_all(&line).map_err(failed)?;
    let mut answer = Vec::new();
    let mut stream = BufReader::new(stream).take(MAX_ANSWER);
    stream.read_until(b'\n', &mut answer).map_err(failed)?;
    if answer.is_empty() {
        return Err(failed(io::Error::other("it was shut before it answered")));
    }
    match serde_json::from_slice(&answer) {
        Ok(Reply::Done(answer)) => Ok(answer),
        Ok(Reply::Refused { error }) => {
            let failure = Failure::new(Exit::from_code(error.exit_code), error.message);
            let kind = KINDS.iter().find(|kind| **kind == error.kind);
            let failure = match kind {
                Some(kind) => failure.of_kind(kind),
                None => failure,
            };
            Err(match error.hint {
                Some(hint) => failure.hint(hint),
                None => failure,
            })
        }
        Err(_) => Err(failed(io::Error::other("what answered is no control door"))),
    }
}
