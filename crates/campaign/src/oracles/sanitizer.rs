//! A sanitizer has reported something.

use crate::outcome::Outcome;

pub const NAME: &str = "sanitizer";
pub const DOES: &str = "a sanitizer reports an error (AddressSanitizer, UBSan, LeakSanitizer …)";

/// How many frames tell findings apart.
const FRAMES: usize = 3;

pub fn judge(outcome: &Outcome, _: &Outcome) -> Option<(String, String)> {
    let mut lines = outcome.stderr.lines();
    let (line, kind) = lines.find_map(|line| {
        if let Some((_, report)) = line.split_once("Sanitizer: ")
            && line.contains("ERROR: ")
        {
            let words = if report.starts_with("detected") {
                report
            } else {
                report.split_whitespace().next()?
            };
            return Some((line, words.to_owned()));
        }
        let (place, what) = line.split_once(": runtime error: ")?;
        let place = place.rsplit_once(':').map_or(place, |(place, _)| place);
        Some((line, format!("{place}: {what}")))
    })?;
    let frames: Vec<&str> = lines
        .skip_while(|line| frame(line).is_none())
        .map_while(frame)
        .filter(|function| !is_of_the_sanitizer(function))
        .take(FRAMES)
        .collect();
    let signature = if frames.is_empty() {
        kind
    } else {
        format!("{kind} in {}", frames.join(" < "))
    };
    Some((signature, line.trim_start_matches('=').to_owned()))
}

/// The function of a line such as `    #1 0x55e1 in copy_name /src/card-piv.c:812`.
fn frame(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix('#')?;
    let (_, function) = rest.split_once(" in ")?;
    function.split_whitespace().next()
}

fn is_of_the_sanitizer(function: &str) -> bool {
    function.starts_with("__")
        || [
            "malloc", "calloc", "realloc", "free", "memcpy", "memmove", "memset", "strlen",
        ]
        .contains(&function)
}
