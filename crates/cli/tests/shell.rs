//! `kortlab shell`: what it reads is what OpenSC's explorer reads, and what goes wrong is said with its
//! line.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{Lab, assert_code, stderr, stdout};

/// The shell with these lines on standard input.
fn piped(lab: &Lab, options: &[&str], lines: impl AsRef<[u8]>) -> Output {
    let mut command = lab.command(options);
    command
        .args(["--auth-pin", "env:AUTH", "--sign-pin", "env:SIGN"])
        .env("AUTH", "123456")
        .env("SIGN", "654321")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut process = command.spawn().expect("kortlab runs");
    let mut input = process.stdin.take().unwrap();
    // Whoever does not read on is judged by how it ends.
    let _ = input.write_all(lines.as_ref());
    drop(input);
    process.wait_with_output().unwrap()
}

/// The shell with a script.
fn script(lab: &Lab, options: &[&str], lines: &str) -> Output {
    fs::write(lab.path("lines.txt"), lines).unwrap();
    let shell = ["shell", "--script", "lines.txt"];
    lab.with_pins(&[&shell, options].concat())
}

/// What opensc-explorer says of the same card.
fn explorer(lab: &Lab, lines: &str) -> String {
    fs::write(lab.path("explorer.txt"), lines).unwrap();
    let run = ["run", "--ephemeral", "card.json", "--"];
    let output = lab.run(&[&run[..], &["opensc-explorer", "explorer.txt"]].concat());
    assert_code(&output, 0);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The bytes of a dump of opensc-explorer: `00000010: 50 0E … text`.
fn bytes_of_explorer(text: &str) -> Vec<u8> {
    let rows = text.lines().filter_map(|line| line.split_once(": "));
    let rows = rows.filter(|(offset, _)| offset.len() == 8);
    rows.flat_map(|(_, row)| {
        let digits = row.split(' ').take(16);
        digits
            .map_while(|byte| u8::from_str_radix(byte, 16).ok())
            .collect::<Vec<_>>()
    })
    .collect()
}

/// The bytes of ours: `  0010  50 0E …  text`, and `  0040  00, 64 times, to 007F`.
fn bytes_of_ours(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in text.lines() {
        let Some(row) = line.get(8..).filter(|_| line.starts_with("  ")) else {
            continue;
        };
        if let Some((filler, rest)) = row.split_once(", ")
            && let (Ok(byte), Some((times, _))) =
                (u8::from_str_radix(filler, 16), rest.split_once(" times"))
        {
            bytes.resize(bytes.len() + times.parse::<usize>().unwrap(), byte);
            continue;
        }
        let digits = row.split(' ').take(16);
        bytes.extend(digits.map_while(|byte| u8::from_str_radix(byte, 16).ok()));
    }
    bytes
}

#[test]
fn what_a_file_holds_is_what_opensc_reads_of_it() {
    let lab = Lab::new("valid");
    for (file, of_opensc) in [
        ("2F00", "cat 2F00\n"),
        ("5015/5031", "cd 5015\ncat 5031\n"),
        ("5015/5032", "cd 5015\ncat 5032\n"),
        ("/5015/4401", "cd 5015\ncat 4401\n"),
        ("cdf", "cd 5015\ncat 4403\n"),
        ("5015/4331", "cd 5015\ncat 4331\n"),
    ] {
        let expected = bytes_of_explorer(&explorer(&lab, of_opensc));
        assert!(expected.len() > 60, "{file}");
        let output = script(&lab, &[], &format!("cat {file}\n"));
        assert_code(&output, 0);
        assert_eq!(bytes_of_ours(&stdout(&output)), expected, "{file}");
    }
}

#[test]
fn a_directory_lists_what_opensc_lists_of_it() {
    let lab = Lab::new("valid");
    for (directory, lines) in [("/", "ls\n"), ("5015", "cd 5015\nls\n")] {
        let text = explorer(&lab, lines);
        // ` 2F00 \t wEF   128`, `[5015]\t  DF     0`.
        let expected: Vec<_> = text
            .lines()
            .filter_map(|line| {
                let mut words = line.split_whitespace();
                let fid = words.next()?.trim_matches(['[', ']']).to_owned();
                let kind = words.next()?;
                let is_file = ["wEF", "iEF", "DF"].contains(&kind);
                let size: u64 = words.next()?.parse().ok().filter(|_| is_file)?;
                Some((fid, size))
            })
            .collect();
        assert!(!expected.is_empty(), "{text}");
        let output = script(&lab, &[], &format!("cd {directory}\nls\n"));
        assert_code(&output, 0);
        let mut ours: Vec<_> = stdout(&output)
            .lines()
            .map(|line| {
                let fid = line.split_whitespace().next().unwrap().to_owned();
                let before = line.strip_suffix(" bytes").unwrap();
                let size = before.rsplit(' ').next().unwrap().parse().unwrap();
                (fid, size)
            })
            .collect();
        let mut expected = expected;
        expected.sort();
        ours.sort();
        assert_eq!(ours, expected, "{directory}");
    }
}

#[test]
fn what_is_decoded_is_decoded_as_explain_does() {
    let lab = Lab::new("valid");
    let output = script(&lab, &[], "asn1 cdf\nasn1 5015/4331\nasn1 EF(ODF)\n");
    assert_code(&output, 0);
    let text = stdout(&output);
    for part in [
        "EF(CDF)",
        "certificate",
        "EF(ODF)",
        "in 3F0050154401",
        "issuer",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_pin_stays_verified_for_the_lines_that_follow_and_what_is_written_opensc_reads() {
    let lab = Lab::new("valid");
    let refused = script(&lab, &["--yes"], "update 5015/4946 0 41424344\n");
    assert_code(&refused, 5);
    assert!(
        stderr(&refused).contains("lines.txt:1: "),
        "{}",
        stderr(&refused)
    );
    assert!(stderr(&refused).contains("6982"), "{}", stderr(&refused));

    let lines =
        "verify auth\ncd 5015\nupdate 4946 2 41 42 43 44\n00A4020C024946 =9000\n00B0000208 =9000\n";
    let asked = script(&lab, &[], lines);
    assert_code(&asked, 2);
    assert!(
        stderr(&asked).contains("lines.txt:3: "),
        "{}",
        stderr(&asked)
    );
    assert!(stderr(&asked).contains("--yes"), "{}", stderr(&asked));

    let written = script(&lab, &["--yes"], lines);
    assert_code(&written, 0);
    assert!(stdout(&written).contains("written, and read back"));
    let of_opensc = bytes_of_explorer(&explorer(&lab, "cd 5015\ncat 4946\n"));
    assert_eq!(of_opensc.get(2..6), Some(&b"ABCD"[..]));
}

#[test]
fn commands_of_kortlab_work_on_the_card_that_is_open_and_say_what_they_say_alone() {
    let lab = Lab::new("valid");
    for command in ["info", "atr", "tree", "pin status", "cert list", "key list"] {
        let words: Vec<_> = command.split(' ').collect();
        let alone = lab.run(&words);
        let inside = script(&lab, &[], &format!("{command}\n"));
        assert_eq!(stdout(&inside), stdout(&alone), "{command}");
        assert_eq!(inside.status.code(), alone.status.code(), "{command}");
    }
    let help = script(&lab, &[], "help\ncert list --help\n");
    assert_code(&help, 0);
    for verb in [
        "cd", "pwd", "ls", "cat", "asn1", "find", "verify", "update", "exit",
    ] {
        assert!(stdout(&help).contains(verb), "{verb}");
    }
    for line in stdout(&script(&lab, &[], "help\n")).lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn a_script_ends_at_the_first_line_that_fails_with_its_place_and_exit_code() {
    let lab = Lab::new("valid");
    for (line, code) in [
        ("00A4000C023F01 =9000", 1),
        ("cat 4F4F", 1),
        ("verify auth", 4),
        ("cd 9999", 1),
        ("frobnicate", 2),
        ("cat", 2),
        ("cd 'unclosed", 2),
        ("00A4000", 2),
        ("find 'no such text anywhere'", 1),
        ("tree --no-such-option", 2),
    ] {
        fs::write(lab.path("s.txt"), format!("# first\npwd\n{line}\nls\n")).unwrap();
        let mut command = lab.command(&["--ephemeral", "shell", "--script", "s.txt"]);
        let command = command
            .args(["--auth-pin", "env:AUTH"])
            .env("AUTH", "999999");
        let output = command.output().unwrap();
        assert_code(&output, code);
        let error = stderr(&output);
        assert!(error.contains("s.txt:3: "), "{line}: {error}");
        // The line behind it was not done.
        assert_eq!(stdout(&output).lines().next(), Some("3F00"), "{line}");
        assert!(!stdout(&output).contains("EF.DIR"), "{line}");
    }
}

#[test]
fn plain_lines_go_on_after_one_that_fails_and_repeat_nothing_that_may_be_a_pin() {
    let lab = Lab::new("valid");
    let output = piped(
        &lab,
        &["shell"],
        "123456\nverify auth 123456\nverify 123456\n00200081 :12345\n\u{7f}\u{1}\npwd\nexit\nls\n",
    );
    assert_code(&output, 2);
    assert_eq!(stdout(&output).lines().last(), Some("3F00"));
    assert!(!stderr(&output).contains("123456"), "{}", stderr(&output));
    assert!(!stderr(&output).contains("12345"), "{}", stderr(&output));
    let no_text = piped(&lab, &["shell"], "pwd\n");
    assert_code(&no_text, 0);
}

#[test]
fn a_line_that_is_no_text_is_told_with_its_number_and_the_others_are_done() {
    let lab = Lab::new("valid");
    let long = [&[b'A'; 300_000][..], b"\n"].concat();
    let lines = [b"pwd\ncd \xFF5015\n", &long[..], b"cd 5015\npwd\n"].concat();
    let output = piped(&lab, &["shell"], lines);
    assert_code(&output, 2);
    let said = stderr(&output);
    assert!(
        said.contains("line 2: byte 4 of it is no text in UTF-8"),
        "{said}"
    );
    assert!(said.contains("line 3: it is longer than"), "{said}");
    let shown = stdout(&output);
    assert!(
        shown.contains("3F00\n") && shown.trim_end().ends_with("3F00/5015"),
        "{shown}"
    );
}

#[test]
fn a_card_that_is_pulled_is_said_and_the_shell_stays() {
    let lab = Lab::new("valid");
    let shell = ["--fault", "tear:before-command=40", "shell"];
    let output = piped(&lab, &shell, "cd 5015\ntree\npwd\natr\n");
    assert_code(&output, 3);
    let error = stderr(&output);
    assert!(error.contains("no card"), "{error}");
    assert!(error.contains("opened anew"), "{error}");
    let text = stdout(&output);
    // It is at the top again, and the card answers.
    assert!(text.lines().any(|line| line == "3F00"), "{text}");
    assert!(text.contains("3B"), "{text}");
}

#[test]
fn a_card_that_lies_in_any_known_way_does_not_end_it() {
    let lab = Lab::new("valid");
    let list = lab.json(&["--fault", "list"]);
    let mut tried = 0;
    for fault in list["faults"].as_array().unwrap() {
        if fault["virtual_card_only"] == true {
            continue;
        }
        let example = fault["example"].as_str().unwrap();
        let lines = "cd 5015\ncat 4403\nasn1 5032\nls\npwd\n";
        let output = piped(&lab, &["--fault", example, "shell"], lines);
        assert!(!stderr(&output).contains("panicked"), "{example}");
        let last = stdout(&output)
            .lines()
            .last()
            .unwrap_or_default()
            .to_owned();
        assert!(
            last.starts_with("3F00"),
            "{example}: {last} {}",
            stderr(&output)
        );
        tried += 1;
    }
    assert!(tried > 30, "{tried}");
}

#[test]
fn find_says_the_byte_at_which_a_text_stands() {
    let lab = Lab::new("valid");
    let output = script(
        &lab,
        &[],
        "find 'Telia EID IP5a'\nfind A000000063504B4353\n",
    );
    assert_code(&output, 0);
    let text = stdout(&output);
    assert!(text.contains("3F00/2F00: byte 18 (0012)"), "{text}");
    assert!(text.contains("3F00/5015/5032: byte "), "{text}");
    let bytes = bytes_of_explorer(&explorer(&lab, "cat 2F00\n"));
    assert_eq!(bytes.get(18..32), Some(&b"Telia EID IP5a"[..]));
}

/// The shell at a terminal of `script`, and what it has shown.
struct Terminal {
    process: std::process::Child,
    input: std::process::ChildStdin,
    shown: std::sync::mpsc::Receiver<Vec<u8>>,
    all: String,
}

impl Terminal {
    fn new(lab: &Lab) -> Self {
        let shell = format!(
            "{} shell --auth-pin env:AUTH",
            env!("CARGO_BIN_EXE_kortlab")
        );
        let mut process = Command::new("script")
            .args(["-qefc", &shell, "/dev/null"])
            .current_dir(lab.directory())
            .env("KORTLAB_CARD", "card.json")
            .env("XDG_STATE_HOME", lab.path("state"))
            .env("AUTH", "123456")
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script(1) runs");
        let mut output = process.stdout.take().unwrap();
        let (sender, shown) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            input: process.stdin.take().unwrap(),
            process,
            shown,
            all: String::new(),
        }
    }

    /// Waits until this is shown behind what was waited for before.
    fn wait(&mut self, text: &str) {
        let begun = Instant::now();
        while !self.all.contains(text) {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "{text}: {}",
                self.all
            );
            if let Ok(bytes) = self.shown.recv_timeout(Duration::from_millis(200)) {
                self.all.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
        let (_, behind) = self.all.split_once(text).unwrap();
        self.all = behind.to_owned();
    }

    fn type_keys(&mut self, keys: &str) {
        self.input.write_all(keys.as_bytes()).unwrap();
        self.input.flush().unwrap();
    }
}

#[test]
fn at_a_terminal_there_are_history_and_completion_and_no_pin_is_kept() {
    let lab = Lab::new("valid");
    let mut terminal = Terminal::new(&lab);
    terminal.wait("3F00> ");
    terminal.type_keys("cd 5015\r");
    terminal.wait("3F00/5015> ");
    // Ctrl-C ends the line and not the shell.
    terminal.type_keys("cat 44");
    terminal.wait("44");
    terminal.type_keys("\u{3}");
    terminal.wait("3F00/5015> ");
    // A PIN in a command, right or not, and one by mistake.
    terminal.type_keys("0020008106313233343536 =9000|6700|6A80|63xx\r");
    terminal.wait("VERIFY");
    terminal.wait("3F00/5015> ");
    terminal.type_keys("verify auth 123456\r");
    terminal.wait("use it as");
    terminal.wait("3F00/5015> ");
    terminal.type_keys("pw\t\r");
    terminal.wait("3F00/5015\r\n");
    terminal.wait("> ");
    // The arrow up brings the last line that was kept, and Ctrl-D ends the shell.
    terminal.type_keys("\u{1b}[A\r");
    terminal.wait("3F00/5015\r\n");
    terminal.wait("> ");
    terminal.type_keys("\u{4}");
    assert_eq!(terminal.process.wait().unwrap().code(), Some(0));

    let path = lab.path("state/kortlab/history");
    let history = fs::read_to_string(&path).unwrap();
    assert_eq!(history, "cd 5015\npwd\n");
    let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let all = walk(&lab.path("state"));
    for pin in ["123456", "313233343536"] {
        for (file, bytes) in &all {
            let text = String::from_utf8_lossy(bytes);
            assert!(!text.contains(pin), "{file}: {pin}");
        }
    }
}

/// Every file below a directory.
fn walk(directory: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(walk(&path)),
            false => found.push((path.display().to_string(), fs::read(&path).unwrap())),
        }
    }
    found
}
