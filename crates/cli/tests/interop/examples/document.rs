//! The examples of a document or of the help, and what is shown below them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::lab::KORTLAB;

/// What stands for what is left out.
const ELISION: &str = "…";

/// One line that is typed, and what is shown to come of it.
pub struct Example {
    /// Where it is shown.
    pub place: String,
    /// What is typed, continued lines joined.
    pub line: String,
    /// What is shown; empty if nothing is.
    pub shown: Vec<String>,
}

impl Example {
    /// What is typed without being shown anywhere.
    pub fn typed(line: &str) -> Self {
        Self {
            place: "typed".to_owned(),
            line: line.to_owned(),
            shown: Vec::new(),
        }
    }

    /// Whether what was printed is what is shown: the same lines, and any number at an elision.
    pub fn is_shown(&self, printed: &str) -> bool {
        let printed: Vec<_> = printed.trim_end().lines().map(str::trim_end).collect();
        let shown: Vec<_> = self.shown.iter().map(String::as_str).collect();
        self.shown.is_empty() || fits(&shown, &printed)
    }

    #[track_caller]
    pub fn assert_shown(&self, printed: &str) {
        assert!(
            self.is_shown(printed),
            "{}: {}\n--- shown\n{}\n--- printed\n{printed}",
            self.place,
            self.line,
            self.shown.join("\n")
        );
    }
}

fn fits(shown: &[&str], printed: &[&str]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first.trim() == ELISION => {
            (0..=printed.len()).any(|skip| fits(rest, &printed[skip..]))
        }
        Some((first, rest)) => match printed.split_first() {
            Some((line, printed)) if line_fits(first, line) => fits(rest, printed),
            _ => false,
        },
    }
}

/// A line with an elision at its end need only begin so.
fn line_fits(shown: &str, line: &str) -> bool {
    match shown.strip_suffix(ELISION) {
        Some(start) => line.starts_with(start),
        None => shown.trim_end() == line,
    }
}

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every document of the repository in which something is typed, by its path, those that continue
/// another after it. The transcripts in `tests/cmd` are another test's.
pub fn documents() -> Vec<String> {
    let mut found = Vec::new();
    let mut directories = vec![root()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            let below = path.strip_prefix(root()).expect("below the root");
            let name = below.to_str().expect("text").to_owned();
            let hidden = name.starts_with('.') || name.starts_with("target");
            if path.is_dir() && !hidden && name != "crates/cli/tests/cmd" {
                directories.push(path);
            } else if name.ends_with(".md") {
                let text = fs::read_to_string(&path).expect("text");
                if text.contains("```console") || text.lines().any(|line| line.starts_with("$ ")) {
                    found.push(name);
                }
            }
        }
    }
    // Without its ending "portal" stands before "portal-store".
    found.sort_by(|one, other| {
        one.trim_end_matches(".md")
            .cmp(other.trim_end_matches(".md"))
    });
    for known in ["README.md", "docs/diagnose.md", "docs/portal-store.md"] {
        assert!(found.iter().any(|name| name == known), "{found:?}");
    }
    found
}

/// What is typed in the console blocks of a document, in order.
pub fn examples_of_document(name: &str) -> Vec<Example> {
    let text = fs::read_to_string(root().join(name)).expect(name);
    let mut examples: Vec<Example> = Vec::new();
    let (mut block, mut console) = (false, false);
    let mut continued = false;
    for (index, line) in text.lines().enumerate() {
        if let Some(fence) = line.strip_prefix("```") {
            block = !block;
            console = block && (fence == "console" || fence.is_empty());
            continued = false;
            continue;
        }
        if !console {
            continue;
        }
        let typed = line.strip_prefix("$ ").or_else(|| line.strip_prefix("# "));
        match (typed, examples.last_mut()) {
            (_, Some(last)) if continued => {
                append(&mut last.line, line);
                continued = goes_on(&last.line, line);
            }
            (Some(typed), _) => {
                let typed = typed.split("  #").next().unwrap_or(typed);
                examples.push(Example {
                    place: format!("{name}:{}", index + 1),
                    line: typed.trim_end_matches('\\').trim().to_owned(),
                    shown: Vec::new(),
                });
                continued = goes_on(typed, typed);
            }
            (None, Some(last)) => {
                // What is to be typed says so, or it would be taken for what is printed.
                assert!(!line.starts_with("kortlab "), "{name}:{}", index + 1);
                last.shown.push(line.to_owned());
            }
            (None, None) => assert!(!line.starts_with("kortlab "), "{name}:{}", index + 1),
        }
    }
    examples
}

/// Whether an example goes on in the next line: a backslash says so, or quotes that are open.
fn goes_on(whole: &str, line: &str) -> bool {
    line.ends_with('\\') || whole.matches('"').count() % 2 == 1
}

fn append(whole: &mut String, line: &str) {
    whole.push(' ');
    whole.push_str(line.trim_end_matches('\\').trim());
}

/// The examples in the help of every command, with the command's words, the command line's own help
/// first. They are read from what `--help` prints.
pub fn examples_of_help() -> Vec<(String, Vec<Example>)> {
    let mut commands = vec!["kortlab".to_owned()];
    let mut found = Vec::new();
    while let Some(command) = commands.pop() {
        let help = help(&command);
        for line in section(&help, "Commands:") {
            let name = line.trim().split(' ').next().unwrap_or_default();
            // What is further to the right goes on with a description.
            if !line.starts_with("   ") && name != "help" {
                commands.push(format!("{command} {name}"));
            }
        }
        let example = |line: &str| Example {
            place: format!("{command} --help"),
            line: line.split("  #").next().unwrap_or(line).trim().to_owned(),
            shown: Vec::new(),
        };
        let mut examples: Vec<Example> = Vec::new();
        let mut continued = false;
        for line in section(&help, "Examples:") {
            match examples.last_mut() {
                Some(last) if continued => append(&mut last.line, line),
                _ => examples.push(example(line.trim_end_matches('\\'))),
            }
            continued = line.ends_with('\\');
        }
        assert!(!examples.is_empty(), "{command} --help has no examples");
        found.push((command.clone(), examples));
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

fn help(command: &str) -> String {
    let words = command.split(' ').skip(1);
    let output = Command::new(KORTLAB).args(words).arg("--help").output();
    String::from_utf8(output.expect("kortlab runs").stdout).expect("text")
}

/// The indented lines below a title.
fn section<'a>(help: &'a str, title: &'static str) -> impl Iterator<Item = &'a str> {
    help.lines()
        .skip_while(move |line| *line != title)
        .skip(1)
        .take_while(|line| line.starts_with("  "))
}
