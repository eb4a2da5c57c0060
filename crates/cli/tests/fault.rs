//! `--fault`: the card torn out of the reader during a command, and what the next one finds.

mod common;

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
fn faults_are_listed_and_are_for_virtual_cards_of_this_process_alone() {
    let lab = Lab::new("valid");
    for arguments in [&["--fault", "list"][..], &["info", "--fault", "list"]] {
        let output = lab.run(arguments);
        assert_code(&output, 0);
        for name in ["after-bytes", "before-command", "before-answer"] {
            assert!(stdout(&output).contains(&format!("tear:{name}=N")));
        }
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
}
