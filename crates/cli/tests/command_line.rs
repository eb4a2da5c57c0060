//! The command line itself: exit codes, messages on bad arguments, PIN sources, pipes.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::process::{Command, Output, Stdio};

/// `kortlab` without the environment's own card and colours, and with no terminal anywhere.
fn kortlab(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kortlab"));
    command
        .args(arguments)
        .env_remove("KORTLAB_CARD")
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    kortlab(arguments).output().expect("kortlab runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

#[track_caller]
fn assert_code(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}", stderr(output));
}

/// A failure says `error: …` on its first line and nothing that looks like Rust.
#[track_caller]
fn assert_plain_error(output: &Output, code: i32) {
    assert_code(output, code);
    let text = stderr(output);
    assert!(text.starts_with("error: "), "{text}");
    for debris in ["panicked", "RUST_BACKTRACE", "Err(", "Some(", "{ "] {
        assert!(!text.contains(debris), "{text}");
    }
}

#[test]
fn missing_and_unknown_arguments_are_usage_errors() {
    for arguments in [
        &[][..],
        &["frobnicate"],
        &["atr", "--frobnicate"],
        &["completions"],
        &["completions", "dosbox"],
        &["man", "frobnicate"],
    ] {
        assert_code(&run(arguments), 2);
    }
}

#[test]
fn what_is_no_kind_of_card_is_refused_with_the_kinds_there_are() {
    for card in ["card.bin", "repeat:trace.apdu", ""] {
        let output = run(&["-c", card, "atr"]);
        assert_plain_error(&output, 2);
        assert!(stderr(&output).contains("socket:"), "{}", stderr(&output));
    }
    for card in ["pcsc:", "socket:"] {
        let output = run(&["-c", card, "atr"]);
        assert_plain_error(&output, 2);
        assert!(stderr(&output).contains("needs"), "{}", stderr(&output));
    }
    let output = kortlab(&["atr"])
        .env("KORTLAB_CARD", "nonsense")
        .output()
        .expect("kortlab runs");
    assert_plain_error(&output, 2);
}

#[test]
fn a_pin_typed_in_place_of_its_source_is_refused_and_never_repeated() {
    for option in ["--auth-pin", "--sign-pin", "--puk"] {
        let output = run(&["atr", option, "739184"]);
        assert_plain_error(&output, 2);
        assert!(stderr(&output).contains(option));
        assert!(!stderr(&output).contains("739184"));
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let mut child = kortlab(&["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kortlab runs");
    drop(child.stdout.take());
    let mut text = String::new();
    child
        .stderr
        .take()
        .expect("piped")
        .read_to_string(&mut text)
        .expect("text");
    assert_eq!(child.wait().expect("ended").code(), Some(0));
    assert_eq!(text, "");
}

#[test]
fn a_full_disk_is_an_error() {
    for arguments in [
        &["completions", "bash"][..],
        &["man"],
        &["explain", "6A82"],
        // What the parser of the command line answers itself.
        &["--help"],
        &["-h"],
        &["--version"],
        &["help", "info"],
        &["cert", "list", "--help"],
        &["--fault", "list"],
    ] {
        let full = OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .expect("/dev/full");
        let output = kortlab(arguments)
            .stdout(full)
            .output()
            .expect("kortlab runs");
        assert_plain_error(&output, 1);
        let text = stderr(&output);
        assert!(text.contains("hint: make room"), "{arguments:?}: {text}");
    }
}

#[test]
fn what_cannot_be_reached_or_understood_has_a_next_step() {
    let directory = tempfile::tempdir().expect("a directory");
    let image = directory.path().join("v.json").display().to_string();
    assert_code(&run(&["card", "new", "-o", &image]), 0);
    let url = ["admin", "--url", "http://127.0.0.1:1"];
    for (arguments, code, hint) in [
        (
            &["-c", "socket:nofile", "info"][..],
            3,
            "kortlab emulate FILE.json --socket nofile",
        ),
        (&["atr", "3B"], 1, "give all of its bytes"),
        (
            &["emulate", &image, "--socket", "/no-such/x"],
            1,
            "make the directory /no-such first",
        ),
        (
            &["emulate", &image, "--socket", &image],
            1,
            "name another path",
        ),
        (
            &["cert", "read", "4331", "-c", &image, "--out", "/no-such/x"],
            1,
            "make the directory /no-such first",
        ),
        (
            &[&url[..], &["--token", "env:KORTLAB_NO_SUCH", "status"]].concat(),
            2,
            "set and export it",
        ),
        (
            &[&url[..], &["--token", "KORTLAB_NO_SUCH", "status"]].concat(),
            2,
            "admin-token",
        ),
    ] {
        let output = run(arguments);
        assert_plain_error(&output, code);
        let text = stderr(&output);
        assert!(
            text.contains("hint: ") && text.contains(hint),
            "{arguments:?}: {text}"
        );
    }
}

#[test]
fn completions_are_scripts_that_the_shell_accepts() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("kortlab.bash");
    let file = File::create(&path).expect("a file");
    let status = kortlab(&["completions", "bash"])
        .stdout(file)
        .status()
        .expect("kortlab runs");
    assert!(status.success());
    let status = Command::new("bash").arg("-n").arg(&path).status();
    assert!(status.expect("bash runs").success());
}

#[test]
fn there_is_a_manual_page_for_each_command_with_all_its_parts() {
    let directory = tempfile::tempdir().expect("a directory");
    let pages = directory.path().join("man1");
    let output = run(&["man", "--dir", pages.to_str().expect("text")]);
    assert_code(&output, 0);
    let mut seen = 0;
    for entry in std::fs::read_dir(&pages).expect("pages") {
        let path = entry.expect("a page").path();
        let text = std::fs::read_to_string(&path).expect("text");
        let page = path.display();
        seen += 1;
        assert!(text.contains(".TH kortlab"), "{page}");
        for section in [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "EXAMPLES",
            "EXIT STATUS",
            "ENVIRONMENT",
        ] {
            let count = text.matches(&format!(".SH {section}\n")).count();
            let quoted = text.matches(&format!(".SH \"{section}\"\n")).count();
            assert_eq!(count + quoted, 1, "{page}: {section}");
        }
    }
    assert!(seen > 30, "{seen}");
    // The values that an option takes are there, and what an example says is what is typed.
    let read = |name: &str| std::fs::read_to_string(pages.join(name)).expect(name);
    for (page, words) in [
        ("kortlab-card-new.1", &["blank\\-slots", "revoked"][..]),
        ("kortlab-admin-fail.1", &["lost\\-answer", "wrong\\-key"]),
        (
            "kortlab-admin-revoke.1",
            &["keyCompromise", "certificateHold"],
        ),
        ("kortlab-info.1", &["tear:after\\-bytes"]),
    ] {
        for word in words {
            assert!(read(page).contains(word), "{page}: {word}");
        }
    }
    let typed = "kortlab cert remove \\(aqHCC Underskrift\\(aq";
    assert!(read("kortlab-cert-remove.1").contains(typed));
}

/// Both work with copies of an image: what --ephemeral says holds anyway.
#[test]
fn fuzz_and_trace_take_ephemeral_and_commands_without_a_card_do_not() {
    for arguments in [
        &["fuzz", "replay", "no.case"][..],
        &["fuzz", "run", "no.json", "--", "true"],
        &["trace", "at", "1", "no.apdu", "--image", "no.json"],
        &["trace", "bisect", "no.apdu", "--image", "no.json"],
    ] {
        let output = run(&[&["--ephemeral"], arguments].concat());
        assert_code(&output, 1);
        assert!(!stderr(&output).contains("--ephemeral"), "{arguments:?}");
    }
    assert_code(&run(&["--ephemeral", "readers"]), 2);
}

#[test]
fn completions_know_faults_failures_reasons_and_states() {
    for shell in ["bash", "zsh", "fish"] {
        let script = String::from_utf8(run(&["completions", shell]).stdout).expect("text");
        for word in [
            "tear",
            "after-bytes",
            "keyCompromise",
            "certificateHold",
            "blank-slots",
            // Of an argument without a name.
            "lost-answer",
            "ocsp-unreachable",
        ] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

/// fish asks for the values of an option before it is complete, which is when its own look at what was
/// typed so far fails.
#[test]
fn the_script_for_fish_gives_the_values_of_an_option_before_a_command() {
    let script = String::from_utf8(run(&["completions", "fish"]).stdout).expect("text");
    let asked = "argparse -s (__fish_kortlab_global_optspecs) -- $cmd";
    let [first, again] = ["", " value"].map(|value| format!("{asked}{value} 2>/dev/null\n"));
    assert!(script.contains(&format!("    {first}    or {again}    or return\n")));
    // Where there is a fish, it says so itself.
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("kortlab.fish");
    std::fs::write(&path, script).expect("written");
    let asked = "source $argv[1]; complete -C 'kortlab --ephemeral --fault te'";
    if let Ok(output) = Command::new("fish")
        .args(["--no-config", "-c", asked])
        .arg(&path)
        .env("HOME", directory.path())
        .output()
    {
        let offered = String::from_utf8_lossy(&output.stdout);
        assert!(offered.contains("tear:after-bytes="), "{offered}");
    }
}

/// The generator of the script leaves quotation marks in what values mean as they are, and fish takes
/// what comes behind them for more arguments.
#[test]
fn the_values_in_the_script_for_fish_end_where_they_are_to_end() {
    let script = String::from_utf8(run(&["completions", "fish"]).stdout).expect("text");
    let lists: Vec<_> = script.split(" -a \"").skip(1).collect();
    assert!(lists.len() > 20);
    for list in lists {
        let unescaped = list.replace("\\\"", "__");
        let (_, behind) = unescaped.split_once('"').expect("an end");
        assert!(behind.starts_with([' ', '\n']), "{list}");
    }
}
