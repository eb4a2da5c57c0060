//! Tables on narrow terminals: one block a certificate, and no word is broken.

mod common;

use common::{Lab, assert_code, stdout};

/// The columns that a text takes, for the characters of these tests: kana, Han and Hangul take two.
fn columns_of(text: &str) -> usize {
    let wide = |c: char| matches!(c, '\u{3000}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7A3}' | '\u{FF01}'..='\u{FF60}');
    text.chars().map(|c| if wide(c) { 2 } else { 1 }).sum()
}

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
fn names_in_wide_characters_make_no_line_too_long_and_are_broken_only_if_they_must() {
    // Words that fit a line, and one that does not.
    let names = [
        "田中さくら子 北海道医療福祉専門学校附属病院 図書館",
        "田中さくら子・北海道医療福祉専門学校附属病",
        "김하늘 서울특별시 강남구 국립중앙도서관 디지털자료실",
        "中华人民共和国国家图书馆古籍善本特藏部中文典藏组数字资源保存与利用中心",
    ];
    let ca = Lab::empty();
    for (number, name) in names.iter().enumerate() {
        let lab = Lab::empty();
        ca.openssl(
            &[
                &[
                    "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-utf8", "-days", "30",
                ][..],
                &["-keyout", "k", "-out", "c", "-subj", &format!("/CN={name}")],
                &["-addext", "keyUsage=digitalSignature"],
            ]
            .concat(),
        );
        let [key, certificate] = ["k", "c"].map(|file| ca.path(file).display().to_string());
        let new = [
            "card",
            "new",
            "-o",
            "card.json",
            "--key",
            &key,
            "--cert",
            &certificate,
        ];
        assert_code(&lab.run(&new), 0);
        let commands = [
            &["cert", "list"][..],
            &["cert", "check"],
            &["diagnose"],
            &["info"],
            &["key", "list"],
            &["explain", &certificate],
        ];
        let mut named = 0;
        for arguments in commands {
            for columns in [60, 80, 120] {
                let text = told(&lab, columns, arguments);
                for line in text.lines() {
                    // What is not wide is broken between words alone.
                    let word = line.split_whitespace().filter(|word| word.is_ascii());
                    let unavoidable = word.map(str::len).max().unwrap_or(0) > columns / 2;
                    assert!(
                        columns_of(line) <= columns || unavoidable,
                        "{arguments:?} at {columns}: {line:?}"
                    );
                }
                // No word is broken that fits a line by itself, beside what it stands below.
                let all = text.split_whitespace().collect::<Vec<_>>();
                let bare: String = text.split_whitespace().collect();
                if bare.contains(&name.replace(' ', "")) {
                    named += 1;
                    for word in name
                        .split(' ')
                        .filter(|word| columns_of(word) <= columns / 2)
                    {
                        let whole = all.iter().any(|one| one.contains(word));
                        assert!(whole, "{arguments:?} at {columns}: {word} in {text}");
                    }
                }
            }
        }
        assert!(named >= 9, "{number}: {named}");
        // Columns begin where the headings do.
        let text = told(&lab, 300, &["cert", "list"]);
        let mut lines = text.lines();
        let heading = lines.next().expect("a heading");
        let row = lines.find(|row| row.contains(name)).expect("a row");
        let of = |line: &str, part: &str| columns_of(&line[..line.find(part).expect(part)]);
        assert_eq!(of(heading, "Holder"), of(row, name), "{text}");
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
