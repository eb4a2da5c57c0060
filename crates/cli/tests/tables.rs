//! Tables on narrow terminals: one block a certificate, and no word is broken.

mod common;

use common::{Lab, assert_code, stdout};

fn at(lab: &Lab, columns: &str, arguments: &[&str]) -> String {
    let mut command = lab.command(arguments);
    let output = command.env("COLUMNS", columns).output().expect("it runs");
    assert!(output.status.success() || output.status.code() == Some(6));
    stdout(&output)
}

fn words(text: &str) -> Vec<&str> {
    let mut words: Vec<_> = text.split_whitespace().collect();
    words.sort_unstable();
    words
}

#[test]
fn no_word_is_broken_or_lost_and_no_line_is_too_long_at_any_width() {
    let lab = Lab::with(&["--state", "valid", "--date", "2026-11-24"]);
    let listed = ["cert", "list", "--date", "2026-11-24"];
    let demo = ["demo", "--seed", "7"];
    for command in [
        &listed[..],
        &["key", "list"],
        &["pin", "status"],
        &["info"],
        &demo,
    ] {
        let wide = stdout(&lab.run(command));
        let all = words(&wide);
        for columns in [40, 60, 80, 100, 120, 139, 200] {
            let text = at(&lab, &columns.to_string(), command);
            for word in words(&text) {
                assert!(all.contains(&word), "{command:?} at {columns}: {word}");
            }
            for word in &all {
                // Blocks name a column once a row, and not at all beside a mark.
                let heading = ["ID", "Purpose"].contains(word);
                assert!(
                    heading || text.contains(word),
                    "{command:?} at {columns}: {word}"
                );
            }
            // A line may be too long for a single word, and where nothing is laid out: headings of
            // steps and sections.
            for line in text.lines().filter(|line| line.starts_with("  ")) {
                let fits = line.chars().count() <= columns;
                let longest = line
                    .split_whitespace()
                    .map(|word| word.chars().count())
                    .max();
                let lonely = line.split_whitespace().count() <= 3
                    && longest.unwrap_or(0) + 16 > columns.saturating_sub(16);
                let step = line.trim_start().starts_with(|c: char| c.is_ascii_digit());
                assert!(fits || lonely || step, "{command:?} at {columns}: {line:?}");
            }
        }
    }
}

/// What is told at this width, on standard output and standard error.
fn told(lab: &Lab, columns: usize, arguments: &[&str]) -> String {
    let mut command = lab.command(arguments);
    let output = command.env("COLUMNS", columns.to_string()).output();
    let output = output.expect("it runs");
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8(text).expect("UTF-8")
}

#[test]
fn messages_trees_traces_and_findings_break_between_words() {
    let lab = Lab::with(&["--state", "expired", "--date", "2026-11-24"]);
    lab.run(&["--trace", "t.apdu", "info"]);
    let commands: [&[&str]; 17] = [
        &["tree"],
        &["trace", "show", "t.apdu"],
        &["trace", "show", "--contents", "t.apdu"],
        &["diagnose", "--date", "2026-11-24"],
        &["cert", "check", "--date", "2026-11-24"],
        &["--fault", "list"],
        &["--fault", "nonsense", "info"],
        &["explain", "3B7D96000080318065B0A31101F383"],
        &["explain", "6A82"],
        &["apdu", "00A4000C023F00", "00B0820000", "0084000008"],
        &["-c", "nothing.json", "info"],
        &["-c", "pcsc:no such reader", "info"],
        &[
            "pin",
            "verify",
            "auth",
            "--auth-pin",
            "env:NO_SUCH_VARIABLE",
        ],
        &["cert", "write", "t.apdu"],
        &[
            "renew",
            "--portal",
            "https://localhost:1",
            "--ca",
            "nothing.pem",
        ],
        &["dump", "-o", "copy.json", "--force"],
        &["readers"],
    ];
    for arguments in commands {
        let wide = told(&lab, 0, arguments);
        let all = words(&wide);
        assert!(!all.is_empty(), "{arguments:?}");
        for columns in [60, 80, 120] {
            let text = told(&lab, columns, arguments);
            // Times and random numbers are others each time; tables become blocks.
            let first = arguments[0];
            if !["apdu", "cert", "dump"].contains(&first) {
                assert_eq!(words(&text), all, "{arguments:?} at {columns}");
            }
            if first == "cert" {
                for word in words(&text) {
                    assert!(all.contains(&word), "{arguments:?} at {columns}: {word}");
                }
            }
            for line in text.lines() {
                let width = line.chars().count();
                let longest = line.split_whitespace().map(|word| word.chars().count());
                let unavoidable = longest.max().unwrap_or(0) > columns / 2;
                assert!(
                    width <= columns || unavoidable,
                    "{arguments:?} at {columns}: {line:?}"
                );
            }
        }
    }
}

#[test]
fn what_is_no_terminal_has_one_line_a_certificate_unless_columns_says_otherwise() {
    let lab = Lab::new("valid");
    let piped = stdout(&lab.run(&["cert", "list"]));
    assert_eq!(piped.lines().count(), 5, "{piped}");
    for nonsense in ["", "0", "wide", "-3"] {
        assert_eq!(at(&lab, nonsense, &["cert", "list"]), piped);
    }
    assert_eq!(at(&lab, "60", &["cert", "list"]).matches("● ").count(), 4);
    let json = lab.command(&["--json", "cert", "list"]);
    let mut json = json;
    let narrow = json.env("COLUMNS", "30").output().expect("it runs");
    assert_code(&narrow, 0);
    assert_eq!(narrow.stdout, lab.run(&["--json", "cert", "list"]).stdout);
}
