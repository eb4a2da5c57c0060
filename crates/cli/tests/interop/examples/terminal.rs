//! A person at a terminal who answers what is asked.

use std::io::{Read as _, Write as _};
use std::process::Stdio;

use kortlab_interop::Command;

/// How a question ends, and the answer of the person who has the card. The first that fits is
/// given.
const ANSWERS: [(&str, &str); 7] = [
    ("[y/N] ", "y"),
    ("again: ", "123456"),
    ("New PIN", "123456"),
    ("new PIN", "123456"),
    ("PUK", "12345678"),
    ("Underskrift", "654321"),
    ("Legitimering", "123456"),
];

/// What came of a line that was typed.
pub struct Typed {
    /// The exit code.
    pub code: i32,
    /// What standard output carried.
    pub printed: String,
    /// Questions and messages.
    pub screen: String,
}

/// Runs a line on a terminal of its own, and answers its questions.
pub fn type_in(shell: &Command, line: &str) -> Typed {
    // Standard output goes to a file, so that what is shown can be told from what is asked.
    let mut command = shell.to_talk_with().unwrap();
    let words: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    let at = words.iter().rposition(|word| word == "-c").unwrap();
    let mut rebuilt = std::process::Command::new(command.get_program());
    rebuilt.args(&words[..at - 1]).env_clear();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            rebuilt.env(name, value);
        }
    }
    let output = tempfile::NamedTempFile::new().unwrap();
    let quoted = line.replace('\'', r"'\''");
    let inner = format!("bash -c '{quoted}' > {}", output.path().display());
    // Nobody answers a question that is not known: the line ends then, with what the screen shows.
    rebuilt.args([
        "timeout",
        "120",
        "script",
        "--quiet",
        "--return",
        "--command",
        &inner,
        "/dev/null",
    ]);
    command = rebuilt;
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut typed = process.stdin.take().unwrap();
    let mut screen = process.stdout.take().unwrap();
    let (mut all, mut asked) = (String::new(), String::new());
    let mut bytes = [0; 4096];
    loop {
        let count = screen.read(&mut bytes).unwrap_or(0);
        if count == 0 {
            break;
        }
        let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
        all.push_str(&text);
        asked.push_str(&text);
        let question = asked.lines().last().unwrap_or_default().to_owned();
        let is_asked = question.ends_with(": ") && !question.starts_with("error: ");
        if is_asked || question.ends_with("[y/N] ") {
            // A message of which the rest has not come yet may look like one.
            let answer = ANSWERS.iter().find(|(end, _)| question.contains(end));
            if let Some((_, answer)) = answer {
                writeln!(typed, "{answer}").unwrap();
                asked.clear();
            }
        }
    }
    drop(typed);
    let status = process.wait().unwrap();
    let printed = std::fs::read_to_string(output.path()).unwrap_or_default();
    Typed {
        code: status.code().unwrap_or(-1),
        printed,
        screen: all.replace('\r', ""),
    }
}
