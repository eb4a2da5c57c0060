//! `trace at` and `trace bisect`, and `--trace-start`: a recorded session entered at any command.

mod common;

use std::fs;

use common::{Lab, assert_code, assert_plain_error, stderr, stdout};

/// What a session is recorded with.
const RECORD: [&str; 4] = ["--trace", "t.apdu", "--trace-start", "start.json"];

fn record(lab: &Lab, arguments: &[&str]) {
    let all = [&RECORD[..], arguments].concat();
    assert_code(&lab.with_pins(&all), 0);
}

/// The image that a session of so many commands leaves, as `trace at` makes it.
fn at(lab: &Lab, number: &str, more: &[&str]) -> std::process::Output {
    let words = ["trace", "at", number, "t.apdu", "--image", "start.json"];
    lab.run(&[&words[..], more].concat())
}

/// How many commands the trace has.
fn last(lab: &Lab) -> String {
    let output = lab.run(&["--json", "trace", "show", "t.apdu"]);
    let document = stdout(&output);
    let numbers = document.lines().filter_map(|line| {
        let number = line.trim().strip_prefix("\"number\": ")?;
        number.trim_end_matches(',').parse::<usize>().ok()
    });
    numbers.max().expect("commands").to_string()
}

/// An image without its generator.
fn image(lab: &Lab, name: &str) -> serde_json::Value {
    let text = fs::read_to_string(lab.path(name)).expect("an image");
    let mut image: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    image
        .as_object_mut()
        .expect("an object")
        .remove("generator");
    image
}

/// Whether two images are the same but for their generators, without showing them.
fn same(lab: &Lab, one: &str, other: &str) -> bool {
    image(lab, one) == image(lab, other)
}

#[test]
fn the_card_at_the_last_command_is_the_card_that_the_session_has_left() {
    let lab = Lab::new("valid");
    record(&lab, &["pin", "change", "auth", "--new-pin", "env:SIGN"]);
    let number = last(&lab);
    // The new PIN is not in the trace, and the card has kept it.
    let blind = at(&lab, &number, &[]);
    assert_code(&blind, 6);
    let text = stdout(&blind);
    assert!(
        text.contains("does not show") && text.contains("--new-pin"),
        "{text}"
    );
    let pin = ["--new-pin", "env:SIGN", "-o", "then.json"];
    let output = lab.with_pins(
        &[
            &["trace", "at", &number, "t.apdu", "--image", "start.json"][..],
            &pin,
        ]
        .concat(),
    );
    assert_code(&output, 0);
    assert!(same(&lab, "then.json", "card.json"));
    let read = |name: &str| fs::read_to_string(lab.path(name)).expect("an image");
    assert!(read("then.json").contains("\"generator\""));
    // Before it, the card is as it was.
    assert_code(&at(&lab, "1", &["-o", "before.json"]), 0);
    assert!(read("before.json") == read("start.json"));
}

#[test]
fn what_chance_decided_is_decided_the_same_again() {
    let lab = Lab::new("valid");
    let challenge = "0084000010";
    let generate = "00A4000C023F00";
    record(&lab, &["apdu", challenge, generate, challenge]);
    let answers = |output: &std::process::Output| -> Vec<String> {
        let text = stdout(output);
        let lines = text.lines().filter(|line| line.contains("<-"));
        lines.map(str::to_owned).collect()
    };
    let all = lab.run(&["trace", "show", "t.apdu"]);
    let recorded = answers(&all);
    assert_eq!(recorded.len(), 3, "{}", stdout(&all));
    assert_code(&at(&lab, "1", &["-o", "then.json"]), 0);
    let again = lab.run(&[
        "-c",
        "then.json",
        "--trace",
        "again.apdu",
        "apdu",
        generate,
        challenge,
    ]);
    assert_code(&again, 0);
    let again = answers(&lab.run(&["trace", "show", "again.apdu"]));
    let times = |line: &String| line.split("<-").nth(1).unwrap_or_default().to_owned();
    assert_eq!(
        again.iter().map(times).collect::<Vec<_>>(),
        recorded[1..].iter().map(times).collect::<Vec<_>>()
    );
    // And the image has drawn: what comes then is something else.
    let more = lab.run(&["-c", "then.json", "--trace", "more.apdu", "apdu", challenge]);
    assert_code(&more, 0);
    let more = answers(&lab.run(&["trace", "show", "more.apdu"]));
    assert_ne!(times(&more[0]), times(&recorded[2]));
}

#[test]
fn a_trace_of_another_card_is_named_at_its_first_difference_and_nothing_is_written() {
    let lab = Lab::new("valid");
    record(&lab, &["pin", "verify", "auth"]);
    let other = lab.run(&[
        "card",
        "new",
        "-o",
        "other.json",
        "--seed",
        "99",
        "--protocol",
        "t1",
    ]);
    assert_code(&other, 0);
    let words = [
        "trace",
        "at",
        "2",
        "t.apdu",
        "--image",
        "other.json",
        "-o",
        "then.json",
    ];
    let output = lab.run(&words);
    assert_code(&output, 6);
    let text = stdout(&output);
    assert!(
        text.contains("differs:") && text.contains("at the start"),
        "{text}"
    );
    assert!(!lab.path("then.json").exists());
    let output = lab.run(&[&words[..], &["--go-on"]].concat());
    assert_code(&output, 6);
    assert!(lab.path("then.json").exists());
    // A card that differs at a command only: an answer in the trace is another.
    let trace = fs::read_to_string(lab.path("t.apdu")).expect("a trace");
    let (before, after) = trace.rsplit_once(": 9000\n").expect("an answer");
    fs::write(lab.path("t.apdu"), format!("{before}: 6982\n{after}")).expect("written");
    let output = at(&lab, &last(&lab), &["-o", "that.json"]);
    assert_code(&output, 6);
    let text = stdout(&output);
    assert!(text.contains("answered 6982 then, and "), "{text}");
    assert!(!lab.path("that.json").exists());
}

#[test]
fn a_torn_card_is_left_as_it_was_left() {
    let lab = Lab::new("valid");
    let torn = ["--fault", "tear:after-bytes=1", "pin", "verify", "auth"];
    let output = lab.with_pins(&[&RECORD[..], &torn].concat());
    assert_ne!(output.status.code(), Some(0));
    let number = last(&lab);
    // The trace says that no answer came, and not how far the card was.
    assert_code(&at(&lab, &number, &[]), 6);
    let told = ["--tear", "after-bytes=1", "-o", "then.json"];
    assert_code(&at(&lab, &number, &told), 0);
    assert!(same(&lab, "then.json", "card.json"));
}

/// A card of which one UPDATE BINARY, in the middle of harmless ones, breaks EF(CDF). Its number.
fn broken(lab: &Lab) -> &'static str {
    let commands = [
        "00200081083132333435360000",
        "00A4080C0450154403",
        "00B0000010",
        // Filler behind the objects: nothing is wrong with it.
        "00D606000400000000",
        "00D600000104",
        "00D606080400000000",
        "00A4080C0450154402",
        "00B0000004",
        "00A4080C0450154403",
        "00D606040400000000",
    ];
    record(lab, &[&["apdu"][..], &commands].concat());
    "5"
}

const BISECT: [&str; 5] = ["trace", "bisect", "t.apdu", "--image", "start.json"];

#[test]
fn bisect_names_the_command_that_broke_the_card() {
    let lab = Lab::new("valid");
    let number = broken(&lab);
    let output = lab.run(&BISECT);
    assert_code(&output, 0);
    let text = stdout(&output);
    let named = format!("command {number} broke the card");
    assert!(text.contains(&named), "{text}");
    assert!(text.contains("UPDATE BINARY"), "{text}");
    assert!(text.contains("changed: 3F00/5015/4403: byte 0"), "{text}");
    assert!(text.contains("rule:"), "{text}");
    let json = lab.json(&[&BISECT[..], &["--every"]].concat());
    assert_eq!(json["number"].to_string(), number);
    assert_eq!(
        (json["every"].as_bool(), json["good"].as_u64()),
        (Some(true), Some(4))
    );
    assert_eq!(json["changed"][0]["offset"], 0);
    assert_eq!(json["problems"][0]["path"], "3F0050154403");
}

#[test]
fn what_of_the_trace_could_not_be_read_is_told_first_also_where_nothing_is_found() {
    let lab = Lab::new("valid");
    let number = broken(&lab);
    let trace = fs::read_to_string(lab.path("t.apdu")).expect("the trace");
    let bad = trace.find("00D6").expect("the write");
    // The log ends in the middle of the command that broke the card.
    fs::write(lab.path("t.apdu"), &trace[..bad + 7]).expect("written");
    let output = lab.run(&BISECT);
    assert_code(&output, 1);
    assert!(
        stderr(&output).contains("t.apdu: line "),
        "{}",
        stderr(&output)
    );
    let at = [
        "trace",
        "at",
        number,
        "t.apdu",
        "--image",
        "start.json",
        "-o",
        "then.json",
    ];
    let output = lab.run(&at);
    assert_code(&output, 2);
    assert!(
        stderr(&output).contains("t.apdu: line "),
        "{}",
        stderr(&output)
    );
}

#[test]
fn wherever_the_bad_write_is_the_program_names_it_in_every_notation() {
    let lab = Lab::new("valid");
    let good = lab.image();
    for (number, trace) in [(3, "t.apdu"), (8, "t.json"), (14, "t.pcapng")] {
        fs::write(lab.path("card.json"), &good).expect("written");
        let mut commands = vec!["00200081083132333435360000", "00A4080C0450154403"];
        for index in 3..=14 {
            commands.push(match index {
                _ if index == number => "00D600000104",
                _ if index % 3 == 0 => "00B0000004",
                _ => "00D606000400000000",
            });
        }
        let record = ["--trace", trace, "--trace-start", "start.json", "apdu"];
        assert_code(&lab.run(&[&record[..], &commands].concat()), 0);
        let found = lab.json(&["trace", "bisect", trace, "--image", "start.json"]);
        assert_eq!(found["number"], number, "{trace}");
    }
}

#[test]
fn bisect_asks_the_users_own_program_which_gets_the_image() {
    let lab = Lab::new("valid");
    let number = broken(&lab);
    let ours = env!("CARGO_BIN_EXE_kortlab");
    let place = lab.path("images");
    fs::create_dir(&place).expect("a directory");
    let ask = |program: &[&str]| {
        let mut command = lab.command(&[&BISECT[..], &["--"], program].concat());
        command
            .env("TMPDIR", &place)
            .output()
            .expect("kortlab runs")
    };
    // By the variable, and in an argument.
    for program in [
        &["sh", "-c", "exec \"$0\" diagnose", ours][..],
        &[ours, "-c", "{}", "diagnose"],
    ] {
        let output = ask(program);
        assert_code(&output, 0);
        let named = format!("command {number} broke the card");
        assert!(stdout(&output).contains(&named), "{}", stdout(&output));
    }
    for (program, why) in [
        (&["false"][..], "fails with the card as it was at the start"),
        (
            &["true"],
            "does not fail with the card as it was at the end",
        ),
        (&["sh", "-c", "exit 125"], "125"),
        (&["no-such-program"], "cannot be run"),
    ] {
        let output = ask(program);
        assert_plain_error(&output, 1);
        assert!(stderr(&output).contains(why), "{}", stderr(&output));
    }
    let mut left = fs::read_dir(&place).expect("a directory");
    assert!(left.next().is_none(), "an image was left behind");
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_done() {
    let lab = Lab::new("valid");
    record(&lab, &["pin", "verify", "auth"]);
    for (arguments, part) in [
        (&["--trace-start", "s.json", "info"][..], "--trace"),
        (
            &["--trace", "x.apdu", "--trace-start", "s.txt", "info"],
            ".json",
        ),
        (
            &["trace", "at", "99", "t.apdu", "--image", "start.json"],
            "the last command",
        ),
        (
            &[
                "trace",
                "at",
                "1",
                "t.apdu",
                "--image",
                "start.json",
                "-o",
                "x.txt",
            ],
            ".json",
        ),
        (
            &[
                "trace",
                "at",
                "1",
                "t.apdu",
                "--image",
                "start.json",
                "--tear",
                "soon",
            ],
            "tear",
        ),
    ] {
        let output = lab.run(arguments);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{arguments:?} {}",
            stderr(&output)
        );
        assert!(stderr(&output).contains(part), "{}", stderr(&output));
    }
    assert!(!lab.path("x.apdu").exists());
}
