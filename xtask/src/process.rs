//! Running programs from the workspace's root, and failing with a message.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// Why a command failed: one message, one exit code.
#[derive(Debug)]
pub struct Failure {
    /// What to print; empty if the program that failed has said it.
    pub message: String,
    /// The exit code.
    pub code: u8,
}

impl Failure {
    /// The command failed.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: 1,
        }
    }

    /// The command line is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: 2,
        }
    }
}

/// The root of the workspace.
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// The cargo that runs us, to be run again.
pub fn cargo() -> Command {
    let mut cargo = program(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // These say which package cargo is running just now, which is not the one it is to build.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    cargo
}

/// A command line is shown with no more words; what follows them is counted.
const MOST_WORDS: usize = 64;

/// A program that runs in the workspace's root.
pub fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root());
    command
}

/// A program that the kernel ends when we end, in whatever way, where there is util-linux.
pub fn ending_with_us(name: impl AsRef<OsStr>) -> Command {
    if !on_path("setpriv") {
        return program(name);
    }
    let mut command = program("setpriv");
    command.args(["--pdeathsig", "TERM"]).arg(name);
    command
}

/// Prints the command line on standard error and runs it; its failure is ours.
pub fn run(command: &mut Command) -> Result<(), Failure> {
    let line = line(command);
    eprintln!("+ {line}");
    let status = command
        .status()
        .map_err(|error| Failure::new(format!("{line}: {error}")))?;
    ended(&line, status)
}

/// What the end of a program means for us: its failure is ours.
pub fn ended(line: &str, status: ExitStatus) -> Result<(), Failure> {
    if status.success() {
        return Ok(());
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Err(Failure {
        message: format!("{line}: {status}"),
        code: code.unwrap_or(1),
    })
}

/// What the program prints on standard output, which must end well; its messages go where ours do.
pub fn output(command: &mut Command) -> Result<Vec<u8>, Failure> {
    let line = line(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Failure::new(format!("{line}: {error}")))?;
    ended(&line, output.status)?;
    Ok(output.stdout)
}

/// Whether the program runs and says yes; its output is dropped.
pub fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The command line as a person would type it: what is set in the environment, the program, its
/// arguments.
pub fn line(command: &Command) -> String {
    let set = command.get_envs().filter_map(|(name, value)| {
        let value = value?.to_string_lossy();
        Some(format!("{}={}", name.to_string_lossy(), quoted(&value)))
    });
    let program = Path::new(command.get_program());
    let program = program.file_name().unwrap_or(program.as_os_str());
    let words = [program].into_iter().chain(command.get_args());
    let words = words.map(|word| quoted(&word.to_string_lossy()));
    let mut words: Vec<_> = set.chain(words).collect();
    if let Some(others @ 1..) = words.len().checked_sub(MOST_WORDS) {
        words.truncate(MOST_WORDS);
        words.push(format!("… and {others} more"));
    }
    words.join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Whether a program is on the search path, or where Debian keeps daemons.
pub fn on_path(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let extra = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path)
        .chain(extra)
        .any(|directory| directory.join(name).is_file())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn a_command_line_can_be_pasted_into_a_shell() {
        let mut command = Command::new("/usr/bin/cargo");
        command
            .args(["doc", "it's"])
            .env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(
            line(&command),
            r"RUSTDOCFLAGS='-D warnings' cargo doc 'it'\''s'"
        );
    }

    #[test]
    fn of_hundreds_of_files_the_first_are_shown_and_the_others_counted() {
        let mut command = Command::new("rustfmt");
        command.args(vec!["a.rs"; 300]);
        let shown = line(&command);
        assert!(shown.starts_with("rustfmt a.rs a.rs "), "{shown}");
        assert!(shown.ends_with(" a.rs … and 237 more"), "{shown}");
    }

    #[test]
    fn a_program_ends_with_the_one_that_waits_for_it() {
        // The kernel looks at the thread that has started it.
        let mut child = std::thread::spawn(|| {
            let mut command = ending_with_us("sh");
            command.args(["-c", "echo begun; exec sleep 60"]);
            let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
            let mut said = [0; 6];
            child
                .stdout
                .as_mut()
                .unwrap()
                .read_exact(&mut said)
                .unwrap();
            child
        })
        .join()
        .unwrap();
        let begun = std::time::Instant::now();
        let ended = child.wait().unwrap();
        assert!(!ended.success());
        assert!(begun.elapsed().as_secs() < 30);
    }

    #[test]
    fn the_root_is_where_the_workspace_is() {
        let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[workspace]"));
    }
}
