//! Does the card answer the same when it is asked again?

use kortlab_apdu::ByteCount;
use kortlab_card::{Problem, Severity};

use super::Rule;
use crate::evidence::Evidence;

/// Read twice, a file gave two contents.
const UNSTABLE: &str = "unstable";

pub(super) static RULE: Rule = Rule {
    id: "unstable",
    help: "is a file the same when it is read again?",
    explanation: "programs check what they read first and use what they read later; a card that \
                  changes its answers in between deceives them, or its memory or contacts fail",
    remedy: "clean the card's contacts and try another reader; if it stays so, have it replaced",
    codes: &[UNSTABLE],
    look,
    trips: &[],
};

fn look(evidence: &Evidence) -> Vec<Problem> {
    let mut problems = Vec::new();
    for file in evidence.files.values() {
        let Some(first) = &file.before else { continue };
        let message = match &file.again {
            Ok(again) if again == first => continue,
            Ok(again) => {
                let same = first
                    .iter()
                    .zip(again)
                    .take_while(|(one, other)| one == other);
                let offset = same.count();
                let message = format!(
                    "read twice, it has {} and then {}, and is not the same from byte {offset} \
                     on",
                    ByteCount(first.len()),
                    again.len()
                );
                problems.push(of_file(file, message).at(offset));
                continue;
            }
            // It cannot be read there, and that stays: it is told as unreadable.
            Err(_) if file.ends_alike => continue,
            Err(why) => format!("it could be read, and then not any more: {why}"),
        };
        problems.push(of_file(file, message));
    }
    problems
}

fn of_file(file: &crate::evidence::FileRead, message: String) -> Problem {
    Problem::new(
        Severity::Error,
        UNSTABLE,
        file.name.as_str(),
        &file.path,
        message,
    )
}
