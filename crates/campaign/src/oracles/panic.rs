//! The program's own language ended it: a panic, or an exception that nobody caught.

use crate::outcome::{Ended, Outcome};

pub const NAME: &str = "panic";
pub const DOES: &str = "a panic, or an exception that nobody caught (Rust, Go, Python, Java)";

/// Where it happened, as far as is told, and the line that says what.
type Told = (String, String);

/// How a language tells, in these lines, that a program is at its end.
type Language = fn(&[&str], &Ended) -> Option<Told>;

const LANGUAGES: [Language; 4] = [rust, go, python, java];

pub fn judge(outcome: &Outcome, _: &Outcome) -> Option<(String, String)> {
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    LANGUAGES
        .iter()
        .find_map(|told| told(&lines, &outcome.ended))
}

/// `thread 'main' (7) panicked at src/card.rs:12:5:`, and what on the next line; up to Rust 1.72
/// `thread 'main' panicked at 'what', src/card.rs:12:5`.
fn rust(lines: &[&str], _: &Ended) -> Option<Told> {
    lines.iter().enumerate().find_map(|(index, line)| {
        let place = line
            .strip_prefix("thread '")?
            .split_once(" panicked at ")?
            .1;
        match place.strip_suffix(':') {
            Some(place) => {
                let what = lines.get(index + 1).copied().unwrap_or_default();
                Some((place.to_owned(), format!("panicked at {place}: {what}")))
            }
            None => {
                let (_, at) = place.rsplit_once(", ")?;
                Some((at.to_owned(), format!("panicked at {place}")))
            }
        }
    })
}

/// `panic: what`, and further down the stack of the goroutine, a line of each function in front of one
/// of its place.
fn go(lines: &[&str], _: &Ended) -> Option<Told> {
    let mut rest = lines.iter();
    let what =
        rest.find(|line| line.starts_with("panic: ") || line.starts_with("fatal error: "))?;
    rest.find(|line| line.starts_with("goroutine "))?;
    let places = rest.filter_map(|line| line.strip_prefix('\t'));
    let places = places.map(|line| line.split_once(" +").map_or(line, |(place, _)| place));
    let place = places
        .filter(|place| !place.contains("/runtime/"))
        .find(|place| place.contains(".go:"))?;
    Some((place.to_owned(), format!("{what}, at {place}")))
}

/// `Traceback (most recent call last):`, a line of each call's place, the innermost last, and at the
/// end, not indented, the exception. One that the program has logged looks the same; after one that
/// nobody has caught the exit code is not 0, but where only a thread or a task has ended by it.
fn python(lines: &[&str], ended: &Ended) -> Option<Told> {
    let begins = |line: &&str| line.starts_with(TRACEBACK);
    let mut before = lines;
    while let Some(begin) = before.iter().rposition(begins) {
        let uncaught = match context(before, begin) {
            Context::Ignored => false,
            Context::OfAThread => true,
            Context::Any => *ended != Ended::Exit(0),
        };
        if uncaught {
            return traceback(lines.get(begin + 1..).unwrap_or_default());
        }
        before = before.get(..begin).unwrap_or_default();
    }
    None
}

/// What begins a traceback.
const TRACEBACK: &str = "Traceback (most recent call last):";

/// What stands in front of a traceback.
enum Context {
    /// Python itself has caught it, as it cannot go anywhere.
    Ignored,
    /// A thread or a task has ended by it, and the program may go on.
    OfAThread,
    /// Anything.
    Any,
}

/// What stands in front of the traceback that begins at this line, or of the one that it follows from.
fn context(lines: &[&str], begin: usize) -> Context {
    let before = lines.get(..begin).unwrap_or_default();
    let said: Vec<&str> = before
        .iter()
        .rev()
        .filter(|line| !line.is_empty())
        .take(2)
        .copied()
        .collect();
    let [last, rest @ ..] = &said[..] else {
        return Context::Any;
    };
    if last.starts_with("Exception ignored in") {
        return Context::Ignored;
    }
    let of_a_task = rest
        .first()
        .is_some_and(|line| line.contains("exception was never retrieved"));
    if last.starts_with("Exception in thread ") || of_a_task {
        return Context::OfAThread;
    }
    let follows = [
        "During handling of the above exception, another exception occurred:",
        "The above exception was the direct cause of the following exception:",
    ];
    let earlier = before.iter().rposition(|line| line.starts_with(TRACEBACK));
    match earlier.filter(|_| follows.contains(last)) {
        Some(earlier) => context(before, earlier),
        None => Context::Any,
    }
}

/// The exception of a traceback, of which these are the lines behind the first.
fn traceback(lines: &[&str]) -> Option<Told> {
    let (mut place, mut rest) = (None, lines.iter());
    let what = rest.find(|line| {
        if let Some((file, behind)) = line
            .strip_prefix("  File \"")
            .and_then(|line| line.split_once("\", line "))
        {
            let number = behind.split(',').next().unwrap_or_default();
            place = Some(format!("{file}:{number}"));
        }
        !line.starts_with(' ')
    })?;
    let kind = what.split(':').next().unwrap_or(what);
    Some((format!("{kind} at {}", place?), (*what).to_owned()))
}

/// `Exception in thread "main" java.lang.Kind: what`, and the place of each call, the innermost first.
fn java(lines: &[&str], _: &Ended) -> Option<Told> {
    let mut rest = lines.iter();
    let what = rest.find_map(|line| line.strip_prefix("Exception in thread \""))?;
    let (_, what) = what.split_once("\" ")?;
    let place = rest.find_map(|line| line.trim_start().strip_prefix("at "))?;
    let kind = what.split(':').next().unwrap_or(what);
    Some((format!("{kind} at {place}"), what.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is(said: &str, place: &str, what: &str) {
        let lines: Vec<&str> = said.lines().collect();
        let ended = Ended::Exit(1);
        let found = LANGUAGES.iter().find_map(|told| told(&lines, &ended));
        assert_eq!(found, Some((place.to_owned(), what.to_owned())));
    }

    #[test]
    fn a_panic_of_rust_is_told_by_its_place() {
        is(
            "reading\n\nthread 'main' (4711) panicked at crates/card/src/a.rs:12:5:\nindex out of \
             bounds: the len is 3 but the index is 7\nnote: run with `RUST_BACKTRACE=1`\n",
            "crates/card/src/a.rs:12:5",
            "panicked at crates/card/src/a.rs:12:5: index out of bounds: the len is 3 but the index is 7",
        );
        is(
            "thread 'main' panicked at 'a, b', src/main.rs:2:5\n",
            "src/main.rs:2:5",
            "panicked at 'a, b', src/main.rs:2:5",
        );
    }

    #[test]
    fn a_panic_of_go_is_told_by_the_innermost_place_outside_of_its_runtime() {
        is(
            "panic: runtime error: index out of range [7] with length 3\n\ngoroutine 1 [running]:\n\
             panic({0x1, 0x2})\n\t/usr/lib/go/src/runtime/panic.go:884 +0x213\nmain.parse(...)\n\t\
             /src/card.go:12\nmain.main()\n\t/src/main.go:7 +0x1d\nexit status 2\n",
            "/src/card.go:12",
            "panic: runtime error: index out of range [7] with length 3, at /src/card.go:12",
        );
    }

    #[test]
    fn an_exception_of_python_is_told_by_its_kind_and_the_innermost_place() {
        is(
            "Traceback (most recent call last):\n  File \"card.py\", line 9, in <module>\n    \
             main()\n  File \"/lib/der.py\", line 4, in read\n    return data[at]\n           \
             ~~~~^^^^\nIndexError: list index out of range\n",
            "IndexError at /lib/der.py:4",
            "IndexError: list index out of range",
        );
    }

    #[test]
    fn an_exception_of_python_that_was_caught_and_logged_is_none() {
        let traceback = "Traceback (most recent call last):\n  File \"card.py\", line 9, in read\n    \
                         x\nIndexError: out of range\n";
        let follows = "\nDuring handling of the above exception, another exception occurred:\n\n";
        let of = |said: &str, code| {
            let lines: Vec<&str> = said.lines().collect();
            python(&lines, &Ended::Exit(code)).map(|(place, _)| place)
        };
        let found = Some("IndexError at card.py:9".to_owned());
        let logged = format!("ERROR:root:no certificate\n{traceback}");
        assert_eq!((of(&logged, 0), of(&logged, 1)), (None, found.clone()));
        // A thread, and a task of asyncio, end by it, and the program goes on; also while another is
        // handled.
        let chain = format!("{traceback}{follows}{traceback}");
        for traceback in [traceback, &chain] {
            for context in [
                "Exception in thread Thread-1 (read):\n",
                "Task exception was never retrieved\nfuture: <Task finished>\n",
            ] {
                assert_eq!(of(&format!("{context}{traceback}"), 0), found, "{context}");
                let behind = format!("{context}{traceback}{logged}");
                assert_eq!(of(&behind, 0), found, "{behind}");
            }
            let ignored = format!("Exception ignored in: <function f at 0x7f>\n{traceback}");
            assert_eq!((of(&ignored, 0), of(&ignored, 1)), (None, None));
        }
    }

    #[test]
    fn an_exception_of_java_is_told_by_its_kind_and_the_innermost_place() {
        is(
            "Exception in thread \"main\" java.lang.IndexOutOfBoundsException: Index 5 out of bounds for \
             length 3\n\tat Card.parse(Card.java:9)\n\tat Main.main(Main.java:4)\n",
            "java.lang.IndexOutOfBoundsException at Card.parse(Card.java:9)",
            "java.lang.IndexOutOfBoundsException: Index 5 out of bounds for length 3",
        );
    }

    #[test]
    fn what_merely_speaks_of_it_is_none() {
        for said in [
            "warning: the thread 'main' was told not to panic\n",
            "panic: is the name of a function\n",
            "error: Exception in thread \"main\"\n",
            "",
        ] {
            let lines: Vec<&str> = said.lines().collect();
            assert_eq!(
                LANGUAGES
                    .iter()
                    .find_map(|told| told(&lines, &Ended::Exit(1))),
                None,
                "{said}"
            );
        }
    }
}
