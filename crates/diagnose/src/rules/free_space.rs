//! Is what EF(UnusedSpace) says is free, free?

use kortlab_apdu::ByteCount;
use kortlab_card::{Problem, Severity};

use super::Rule;
use crate::evidence::{Evidence, Free};

/// Free space in which something stands, or that is listed twice.
const SPACE_OVERLAPS: &str = "space-overlaps";
/// Free space where there is no file, or behind its end.
const SPACE_OUTSIDE: &str = "space-outside";

pub(super) static RULE: Rule = Rule {
    id: "free-space",
    help: "is what EF(UnusedSpace) says is free, free?",
    explanation: "programs write new certificates where EF(UnusedSpace) says that there is room; where \
                  that is not so, they overwrite what is in use, or fail",
    remedy: "change nothing on the card before EF(UnusedSpace) is corrected by whoever wrote it",
    codes: &[SPACE_OVERLAPS, SPACE_OUTSIDE],
    look,
    trips: &[],
};

fn look(evidence: &Evidence) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut before: Vec<&Free> = Vec::new();
    for free in &evidence.free {
        let at = |code, message| {
            let file = "EF(UnusedSpace)";
            let problem = Problem::new(Severity::Error, code, file, &free.listed_in, message);
            problem.about(free.object.clone())
        };
        match free.size {
            None => problems.push(at(
                SPACE_OUTSIDE,
                format!("the file {} is not on the card", free.part.path),
            )),
            Some(size) if free.part.end() > size => problems.push(at(
                SPACE_OUTSIDE,
                format!(
                    "bytes {} to {} of {} are said to be free; the file has {}",
                    free.part.from,
                    free.part.end(),
                    free.part.path,
                    ByteCount(size)
                ),
            )),
            Some(_) => {}
        }
        let used = evidence.used.iter();
        if let Some(used) = used.clone().find(|used| free.part.overlaps(&used.part)) {
            problems.push(at(
                SPACE_OVERLAPS,
                format!(
                    "bytes {} to {} of {} are said to be free, but {} is there, in {}",
                    free.part.from,
                    free.part.end(),
                    free.part.path,
                    used.name,
                    match used.part.is_whole() {
                        true => "the same file".to_owned(),
                        false => format!("bytes {} to {}", used.part.from, used.part.end()),
                    }
                ),
            ));
        } else if let Some(other) = before.iter().find(|other| free.part.overlaps(&other.part)) {
            problems.push(at(
                SPACE_OVERLAPS,
                format!(
                    "bytes {} to {} of {} are said to be free, and bytes {} to {} as well",
                    free.part.from,
                    free.part.end(),
                    free.part.path,
                    other.part.from,
                    other.part.end()
                ),
            ));
        }
        before.push(free);
    }
    problems
}
