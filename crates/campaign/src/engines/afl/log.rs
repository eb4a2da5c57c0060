//! Why AFL++ has given up, by what it said last.

/// Why AFL++ has given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The program has nothing in it that tells what it reaches.
    NotInstrumented,
    /// It is a script, or something else that no fork server can be in.
    NoProgram,
    /// Another process has the same place.
    InUse,
    /// The fork server has not begun, or broke down.
    NoForkServer,
    /// What it says itself.
    Other(String),
}

/// What each says, and what that means.
const SAYINGS: [(&str, Trouble); 6] = [
    ("is not instrumented", Trouble::NotInstrumented),
    ("No instrumentation detected", Trouble::NotInstrumented),
    ("is a shell script", Trouble::NoProgram),
    ("is not an ELF", Trouble::NoProgram),
    ("is currently in use", Trouble::InUse),
    ("ork server", Trouble::NoForkServer),
];

/// Why it has given up.
pub fn trouble(log: &str) -> Trouble {
    let log = without_colours(log);
    let aborted = log.rfind("PROGRAM ABORT").or_else(|| log.rfind("[-]"));
    let end = aborted.and_then(|at| log.get(at..)).unwrap_or(&log);
    // What stands before the abort explains it.
    for (saying, trouble) in SAYINGS {
        if end.contains(saying) || (saying != "ork server" && log.contains(saying)) {
            return trouble;
        }
    }
    let line = end.lines().find(|line| !line.trim().is_empty());
    Trouble::Other(line.unwrap_or("it said nothing").trim().to_owned())
}

/// The text without what colours it on a terminal.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(next) = rest.next() {
        match next {
            '\x1B' => {
                rest.find(|end| end.is_ascii_alphabetic());
            }
            '\x0E' | '\x0F' | '\r' => {}
            next => plain.push(next),
        }
    }
    plain
}
