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
