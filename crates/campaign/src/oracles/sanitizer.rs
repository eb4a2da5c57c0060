//! A sanitizer has reported something.

use crate::outcome::Outcome;

pub const NAME: &str = "sanitizer";
pub const DOES: &str = "a sanitizer reports an error (AddressSanitizer, UBSan, LeakSanitizer …)";

/// How many frames tell findings apart.
const FRAMES: usize = 3;
/// A stack that is used up by functions that call each other says so by this.
const STACK: &str = "stack-overflow";
/// The most functions in such a circle, and how often it is to be seen whole.
const CIRCLE: usize = 32;
const ROUNDS: usize = 3;

pub fn judge(outcome: &Outcome, good: &Outcome) -> Option<(String, String)> {
    all(outcome, good).into_iter().next()
}

/// Everything that is reported, the gravest first: what has ended the program, and else all that it has
/// gone on after, so that one report that comes often hides no others.
pub fn all(outcome: &Outcome, good: &Outcome) -> Vec<(String, String)> {
    // A program may go on after a report, and leaks are told at its end: the gravest kind counts, but
    // for what is reported, and survived, with a good card as well.
    let mut reports = reports(&outcome.stderr);
    if !reports.is_empty() {
        let usual = self::reports(&good.stderr);
        reports.retain(|report| {
            let same = |usual: &Report| usual.signature == report.signature;
            report.gravity == Gravity::Error || !usual.iter().any(same)
        });
    }
    let gravest = reports.iter().map(|report| report.gravity).min();
    reports.retain(|report| Some(report.gravity) == gravest);
    if gravest != Some(Gravity::Undefined) {
        reports.truncate(1);
    }
    let told = reports.into_iter();
    told.map(|report| (report.signature, report.line)).collect()
}

/// How grave a report is, the gravest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gravity {
    /// Memory that is not the program's: it ends there.
    Error,
    /// What the language leaves undefined: it may go on.
    Undefined,
    /// Memory that was not freed.
    Leak,
}

/// What a sanitizer has reported.
struct Report {
    gravity: Gravity,
    signature: String,
    /// The line that begins it.
    line: String,
}

/// The reports in what a program has said, in their order.
fn reports(said: &str) -> Vec<Report> {
    let lines: Vec<&str> = said.lines().collect();
    let begun = lines.iter().enumerate().filter_map(|(index, line)| {
        let (gravity, kind) = begun(line)?;
        let frames: Vec<&str> = lines
            .iter()
            .skip(index + 1)
            .take_while(|line| self::begun(line).is_none())
            .skip_while(|line| frame(line).is_none())
            .map_while(|line| frame(line))
            .filter(|function| !is_of_the_sanitizer(function))
            .collect();
        // Where in the circle the stack ends is chance.
        let circle = (kind == STACK).then(|| self::circle(&frames)).flatten();
        let mut frames = circle.unwrap_or(frames);
        frames.truncate(FRAMES);
        let signature = match frames.is_empty() {
            true => kind,
            false => format!("{kind} in {}", frames.join(" < ")),
        };
        let line = line.trim_start_matches('=').to_owned();
        Some(Report {
            gravity,
            signature,
            line,
        })
    });
    begun.collect()
}

/// The report that this line begins: how grave it is, and its kind.
fn begun(line: &str) -> Option<(Gravity, String)> {
    if let Some((_, report)) = line.split_once("Sanitizer: ")
        && line.contains("ERROR: ")
    {
        return match report.starts_with("detected") {
            true => Some((Gravity::Leak, report.to_owned())),
            false => Some((Gravity::Error, report.split_whitespace().next()?.to_owned())),
        };
    }
    let (place, what) = line.split_once(": runtime error: ")?;
    if !is_place(place) {
        return None;
    }
    let place = place.rsplit_once(':').map_or(place, |(place, _)| place);
    // Another build of the same program has its sources elsewhere. What has no source is a place in a
    // file that is run.
    let place = match place.starts_with('(') {
        true => place,
        false => place.rsplit('/').next().unwrap_or(place),
    };
    Some((
        Gravity::Undefined,
        format!("{place}: {}", without_values(what)),
    ))
}

/// Whether UBSan says of a place that it is this: `FILE:LINE:COLUMN`, as a rule. Go's own panics and
/// what its programs log of them have the same words behind something else.
fn is_place(text: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some((file, last)) = text.rsplit_once(':') else {
        // Without the tables for debuggers.
        return text == "<unknown>" || (text.starts_with('(') && text.ends_with(')'));
    };
    match file.rsplit_once(':') {
        Some((file, line)) if number(line) => !file.is_empty() && number(last),
        // Without a column.
        _ => number(last) && !file.is_empty() && !file.contains([' ', ':']),
    }
}

/// The same without the numbers that are others each time; those of types, in quotation marks, stay.
fn without_values(what: &str) -> String {
    let mut quoted = false;
    let words = what.split(' ').map(|word| {
        let is_value =
            !quoted && !word.starts_with('\'') && word.bytes().any(|byte| byte.is_ascii_digit());
        quoted ^= word.matches('\'').count() % 2 == 1;
        if is_value { "N" } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The function of a line such as `    #1 0x55e1 in copy_name /src/card-piv.c:812`.
fn frame(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix('#')?;
    let (_, function) = rest.split_once(" in ")?;
    function.split_whitespace().next()
}

/// The functions that call each other round and round, the same ones in the same order wherever the
/// stack ends.
fn circle<'a>(frames: &[&'a str]) -> Option<Vec<&'a str>> {
    (0..frames.len()).find_map(|start| {
        let rest = frames.get(start..)?;
        let length = (1..=CIRCLE).find(|length| {
            rest.len() >= ROUNDS * length
                && rest
                    .iter()
                    .zip(rest.iter().skip(*length))
                    .take((ROUNDS - 1) * length)
                    .all(|(one, next)| one == next)
        })?;
        let mut round = rest.get(..length)?.to_vec();
        // It has no beginning: the turn that comes first in the alphabet stands for all.
        let first = (0..length).min_by_key(|turn| {
            let mut turned = round.clone();
            turned.rotate_left(*turn);
            turned
        })?;
        round.rotate_left(first);
        Some(round)
    })
}

/// Functions that sanitizers have in the place of the C library's, and how they do it.
const REPLACED: [&str; 22] = [
    "malloc",
    "calloc",
    "realloc",
    "free",
    "memcpy",
    "memmove",
    "memset",
    "memcmp",
    "memchr",
    "strlen",
    "strnlen",
    "strcmp",
    "strncmp",
    "strcasecmp",
    "strcpy",
    "strncpy",
    "strcat",
    "strdup",
    "sprintf",
    "snprintf",
    "vsnprintf",
    "printf_common",
];

fn is_of_the_sanitizer(function: &str) -> bool {
    // With what a function of C++ takes.
    let name = function.split('(').next().unwrap_or(function);
    function.starts_with("__") || REPLACED.contains(&name)
}
