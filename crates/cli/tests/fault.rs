//! `--fault`: the card torn out of the reader during a command, and what the next one finds.

mod common;

use std::fs;

use common::{Lab, assert_code, assert_plain_error, stderr, stdout};

fn labels(lab: &Lab) -> usize {
    let listed = lab.json(&["cert", "list"]);
    listed["certificates"].as_array().expect("a list").len()
}

#[test]
fn a_card_torn_out_during_a_removal_is_told_with_exit_code_7_and_recovered_with_all_of_it() {
    for bytes in [2, 3, 20, 40] {
        let lab = Lab::new("valid");
        let fault = format!("tear:after-bytes={bytes}");
        let output = lab.with_pins(&["--fault", &fault, "cert", "remove", "HCC Underskrift"]);
        assert_code(&output, 7);
        assert!(stderr(&output).contains("kortlab recover"), "{fault}");
        let output = lab.with_pins(&["recover"]);
        assert_code(&output, 0);
        let left = labels(&lab);
        assert!(left == 3 || left == 4, "{fault}: {left}");
        let again = lab.with_pins(&["recover"]);
        assert!(stdout(&again).contains("nothing to recover"));
    }
}

#[test]
fn a_card_torn_out_before_a_command_or_its_answer_is_gone_and_unchanged() {
    let lab = Lab::new("valid");
    let image = lab.image();
    for fault in ["tear:before-command=1", "tear:before-answer=3"] {
        assert_plain_error(&lab.run(&["--fault", fault, "info"]), 3);
        assert_eq!(lab.image(), image);
    }
    assert_code(&lab.run(&["info"]), 0);
}

#[test]
fn faults_are_listed_and_tearing_is_for_virtual_cards_of_this_process_alone() {
    let lab = Lab::new("valid");
    for arguments in [&["--fault", "list"][..], &["info", "--fault", "list"]] {
        let output = lab.run(arguments);
        assert_code(&output, 0);
        for name in ["after-bytes", "before-command", "before-answer"] {
            assert!(stdout(&output).contains(&format!("tear:{name}=N")));
        }
        assert!(stdout(&output).contains("sw:sw=SW\n"));
        assert!(stdout(&output).contains("example: sw:ins=B0,sw=6F00,nth=2"));
        assert!(stdout(&output).contains("nth=N"));
        assert!(stdout(&output).contains("delay:ms=MILLISECONDS"));
    }
    let fault = ["--fault", "tear:after-bytes=1"];
    for rest in [
        &["--card", "pcsc", "info"][..],
        &["--card", "socket:x", "info"],
        &["demo"],
        &["emulate", "--socket", "x", "card.json"],
    ] {
        assert_plain_error(&lab.run(&[&fault, rest].concat()), 2);
    }
    let twice = [&fault[..], &["--fault", "tear:before-command=1", "info"]].concat();
    assert_plain_error(&lab.run(&twice), 2);
    for rest in [
        &["demo"][..],
        &["readers"],
        &["card", "new", "-o", "x.json"],
    ] {
        assert_plain_error(&lab.run(&[&["--fault", "sw:sw=6F00"], rest].concat()), 2);
        assert_plain_error(&lab.run(&[&["--trace", "x.apdu"], rest].concat()), 2);
        assert!(!lab.path("x.apdu").exists());
    }
}

const CHALLENGES: [&str; 4] = ["apdu", "0084000008", "00A4000C023F00", "0084000008"];

fn statuses(output: &std::process::Output) -> Vec<String> {
    assert_code(output, 0);
    let report: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("one JSON document");
    let exchanges = report["exchanges"].as_array().expect("a list");
    let status = |exchange: &serde_json::Value| exchange["sw"].as_str().expect("SW").to_owned();
    exchanges.iter().map(status).collect()
}

#[test]
fn the_nth_answer_of_an_instruction_is_spoilt_in_process_and_behind_a_socket() {
    let lab = Lab::new("valid");
    let spoilt = ["9000", "9000", "6F00"];
    let fault = ["--json", "--fault", "sw:ins=84,sw=6F00,nth=2"];
    let output = lab.run(&[&fault[..], &CHALLENGES].concat());
    assert_eq!(statuses(&output), spoilt);
    // At the program's end of the socket, then at the card's.
    let card = lab.emulate_on_socket();
    let socket = ["--card", "socket:card.socket"];
    let output = lab.run(&[&fault[..], &socket, &CHALLENGES].concat());
    assert_eq!(statuses(&output), spoilt);
    let output = lab.run(&[&["--json"][..], &socket, &CHALLENGES].concat());
    assert_eq!(statuses(&output), ["9000"; 3]);
    assert!(card.end_with("TERM").success());
    let card = lab.emulate(&["--fault", "sw:ins=84,sw=6F00,nth=2"]);
    let output = lab.run(&[&["--json"][..], &socket, &CHALLENGES].concat());
    assert_eq!(statuses(&output), spoilt);
    assert!(card.end_with("TERM").success());
}

#[test]
fn several_faults_are_all_there_and_the_trace_shows_what_they_leave() {
    let lab = Lab::new("valid");
    let output = lab.run(
        &[
            &["--json", "--fault", "sw:ins=84,sw=6F00,nth=1"][..],
            &[
                "--fault",
                "sw:ins=A4,sw=6A82",
                "--fault",
                "delay:ms=300,ins=A4",
            ],
            &["--trace", "t.apdu"],
            &CHALLENGES,
        ]
        .concat(),
    );
    assert_eq!(statuses(&output), ["6F00", "6A82", "9000"]);
    let trace = fs::read_to_string(lab.path("t.apdu")).expect("a trace");
    let received: Vec<&str> = trace
        .lines()
        .filter_map(|line| line.strip_prefix("# Received in ")?.split_once(" ms: "))
        .map(|(_, answer)| answer)
        .collect();
    assert_eq!(received[..2], ["6F00", "6A82"], "{trace}");
    let late = trace.lines().filter_map(|line| {
        let (time, answer) = line.strip_prefix("# Received in ")?.split_once(" ms: ")?;
        (answer == "6A82").then(|| time.parse::<f64>().expect("a number"))
    });
    assert!(late.sum::<f64>() >= 300.0, "{trace}");
}

/// A card that was torn out in the middle of its directory, by a removal.
fn torn() -> Lab {
    let lab = Lab::new("valid");
    let fault = ["--fault", "tear:after-bytes=20"];
    let output = lab.with_pins(&[&fault[..], &["cert", "remove", "HCC Legitimering"]].concat());
    assert_code(&output, 7);
    lab
}

fn certificates(lab: &Lab, card: &str) -> usize {
    let listed = lab.json(&["--card", card, "cert", "list"]);
    assert_eq!(
        listed["problems"].as_array().map(Vec::len),
        Some(0),
        "{listed}"
    );
    listed["certificates"].as_array().expect("a list").len()
}

#[test]
fn each_copy_of_an_image_has_its_own_recovery_wherever_it_is_taken() {
    let lab = Lab::new("valid");
    std::fs::copy(lab.path("card.json"), lab.path("untorn.json")).expect("copied");
    let fault = ["--fault", "tear:after-bytes=20"];
    let output = lab.with_pins(&[&fault[..], &["cert", "remove", "HCC Legitimering"]].concat());
    assert_code(&output, 7);
    std::fs::create_dir(lab.path("elsewhere")).expect("made");
    std::fs::copy(lab.path("card.json"), lab.path("elsewhere/torn.json")).expect("copied");
    std::fs::rename(lab.path("card.json"), lab.path("renamed.json")).expect("renamed");

    // The copy that nothing happened to is left alone, and takes nothing from the others.
    for arguments in [&["recover"][..], &["recover", "--force"]] {
        let output = lab.with_pins(&[&["--card", "untorn.json"], arguments].concat());
        assert_code(&output, 0);
        assert!(stdout(&output).contains("nothing to recover"));
    }
    assert_eq!(certificates(&lab, "untorn.json"), 4);
    for card in ["renamed.json", "elsewhere/torn.json"] {
        let output = lab.with_pins(&["--card", card, "recover"]);
        assert_code(&output, 0);
        assert!(!stdout(&output).contains("nothing"), "{}", stdout(&output));
        assert!(matches!(certificates(&lab, card), 3 | 4));
        let again = lab.with_pins(&["--card", card, "recover"]);
        assert!(stdout(&again).contains("nothing to recover"));
    }
}

#[test]
fn a_change_that_waits_is_said_by_every_command_that_shows_the_card() {
    let lab = torn();
    let image = lab.image();
    for (arguments, code) in [
        (&["info"][..], 6),
        (&["cert", "list"], 0),
        (&["cert", "check"], 6),
        (&["cert", "read", "4331"], 0),
        (&["cert", "read", "4331", "--raw"], 0),
        (&["key", "list"], 0),
        (&["pin", "status"], 6),
    ] {
        let output = lab.run(arguments);
        assert_code(&output, code);
        let told = stderr(&output);
        assert!(told.contains("kortlab recover"), "{arguments:?}: {told}");
        let output = lab.run(&[arguments, &["--json"]].concat());
        assert!(
            stdout(&output).contains("\"change-unfinished\""),
            "{arguments:?}: {}",
            stdout(&output)
        );
    }
    // Also of one that is not there, or that there is none of yet.
    let output = lab.run(&["cert", "read", "nowhere", "--json"]);
    assert!(
        stdout(&output).contains("\"change-unfinished\""),
        "{}",
        stdout(&output)
    );
    assert_eq!(lab.image(), image);
    assert_code(&lab.with_pins(&["recover"]), 0);
    assert!(!stdout(&lab.run(&["info", "--json"])).contains("change-unfinished"));
}

#[test]
fn a_removal_that_is_over_when_the_card_is_pulled_out_is_told_as_done_or_waits_to_be_completed() {
    let whole = {
        let lab = Lab::new("valid");
        assert_code(&lab.with_pins(&["cert", "remove", "HCC Underskrift"]), 0);
        labels(&lab)
    };
    let mut ends = Vec::new();
    for number in (1..).map(|number| number * 4 + 40) {
        let lab = Lab::new("valid");
        let fault = format!("tear:before-command={number}");
        let output = lab.with_pins(&["--fault", &fault, "cert", "remove", "HCC Underskrift"]);
        let code = output.status.code().expect("a code");
        ends.push(code);
        match code {
            0 => {
                assert_eq!(labels(&lab), whole);
                break;
            }
            7 => assert_code(&lab.with_pins(&["recover"]), 0),
            3 => assert_eq!(labels(&lab), 4),
            other => panic!("{other}: {}", stderr(&output)),
        }
    }
    assert!(ends.contains(&7), "{ends:?}");
}
