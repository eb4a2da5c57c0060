//! What stands between a program and its card.

use std::fs;

use crate::lab::{AUTH, Lab, assert_code, stderr, stdout};

#[test]
fn a_fault_reaches_the_program() {
    let lab = Lab::new("valid");
    let challenge = ["opensc-tool", "-s", "00:84:00:00:08"];
    let output = lab.run_with(&["--fault", "sw:ins=84,sw=6581"], &challenge);
    assert!(
        stdout(&output).contains("SW1=0x65, SW2=0x81"),
        "{}",
        stdout(&output)
    );
    assert!(lab.ran(&challenge).contains("SW1=0x90, SW2=0x00"));
}

#[test]
fn a_trace_is_complete_and_has_no_pin_in_it() {
    let lab = Lab::new("valid");
    let verify = [
        "pkcs15-tool",
        "--verify-pin",
        "--auth-id",
        "01",
        "--pin",
        AUTH,
    ];
    assert_code(&lab.run_with(&["--trace", "t.apdu"], &verify), 0);
    let trace = fs::read_to_string(lab.path("t.apdu")).expect("a trace");
    assert!(
        trace.contains("# Not shown: 0020008108 and 8 bytes\n"),
        "{trace}"
    );
    assert!(!trace.contains("313233343536"), "{trace}");
    assert!(trace.trim_end().ends_with("# POWER: off"), "{trace}");
}

#[test]
fn a_card_that_is_torn_out_comes_back_after_a_while() {
    let lab = Lab::new("valid");
    let script = "opensc-tool -s 00:84:00:00:08; sleep 3; opensc-tool -s 00:84:00:00:08";
    let output = lab.run_with(&["--fault", "tear:before-command=1"], &["sh", "-c", script]);
    let text = format!("{}{}", stdout(&output), stderr(&output));
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert_eq!(text.matches("SW1=0x90, SW2=0x00").count(), 1, "{text}");
}

#[test]
fn a_change_that_cannot_be_saved_is_refused_and_told() {
    let lab = Lab::new("valid");
    // The file is there, and its directory takes no other.
    let verify = "pkcs15-tool --verify-pin --auth-id 01 --pin 111111; true";
    let script = format!(
        "ulimit -f 0; exec {} run card.json -- sh -c '{verify}'",
        crate::lab::KORTLAB
    );
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", &script])
        .current_dir(lab.path(""))
        .env("XDG_RUNTIME_DIR", lab.runtime());
    let before = lab.read("card.json");
    let output = command.output().expect("run");
    assert!(
        stderr(&output).contains("could not be saved"),
        "{}",
        stderr(&output)
    );
    assert_eq!(lab.read("card.json"), before);
}
