//! Faults and traces on a card in the real pcscd, at the program's end and at the card's.

use std::path::Path;

use crate::lab::{AUTH, KORTLAB, Lab, Link, card};

/// A lab whose card is put into the reader with these options.
fn emulated_with(options: &[&str]) -> (Lab, kortlab_interop::Emulation) {
    let lab = Lab::without_card(Link::T0);
    std::fs::write(&lab.image, card("valid", "t0")).unwrap();
    let emulation = lab
        .sandbox
        .emulate(Path::new(KORTLAB), &lab.image, options)
        .unwrap();
    (lab, emulation)
}

#[test]
fn a_status_word_is_spoilt_and_recorded_on_a_card_in_a_pcsc_reader() {
    let lab = Lab::new("valid", Link::T0);
    let trace = lab.path("t.apdu");
    let faults = ["--fault", "sw:ins=84,sw=6581,nth=2", "--trace", &trace];
    let challenges = ["apdu", "0084000008", "0084000008", "0084000008"];
    let output = lab
        .kortlab(&[&["--json"], &faults[..], &challenges].concat())
        .run()
        .unwrap()
        .code(0)
        .unwrap();
    let report: serde_json::Value = serde_json::from_str(&output.stdout_text()).unwrap();
    let status = |index: usize| {
        report["exchanges"][index]["sw"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!([status(0), status(1), status(2)], ["9000", "6581", "9000"]);
    let trace = String::from_utf8(lab.read("t.apdu")).unwrap();
    assert!(trace.starts_with("# ATR: 3B7D96"), "{trace}");
    assert!(trace.contains("ms: 6581\n"), "{trace}");
    // The card itself is as it was.
    lab.kortlab(&["info"]).run().unwrap().code(0).unwrap();
}

#[test]
fn a_pin_that_is_verified_in_a_pcsc_reader_is_not_in_the_trace() {
    let lab = Lab::new("valid", Link::T1);
    let trace = lab.path("t.apdu");
    lab.kortlab(&["--trace", &trace, "pin", "verify", "auth"])
        .run()
        .unwrap()
        .code(0)
        .unwrap();
    let trace = String::from_utf8(lab.read("t.apdu")).unwrap();
    assert!(trace.contains("# PROTOCOL: T=1"), "{trace}");
    assert!(
        trace.contains("# Not shown: 0020008108 and 8 bytes"),
        "{trace}"
    );
    assert!(!trace.contains("313233343536"), "{trace}");
}

#[test]
fn opensc_sees_the_status_word_that_emulate_puts_in_the_place_of_an_answer() {
    let (lab, card) = emulated_with(&["--fault", "sw:ins=84,sw=6581"]);
    let challenge = ["-s", "00:84:00:00:08"];
    let seen = lab.tool("opensc-tool").args(challenge).run().unwrap();
    let seen = seen.success().unwrap().stdout_text();
    assert!(seen.contains("SW1=0x65, SW2=0x81"), "{seen}");
    card.eject().unwrap().success().unwrap();

    // Without the fault the same card answers.
    let (lab, card) = emulated_with(&[]);
    let seen = lab.tool("opensc-tool").args(challenge).run().unwrap();
    let seen = seen.success().unwrap().stdout_text();
    assert!(seen.contains("SW1=0x90, SW2=0x00"), "{seen}");
    card.eject().unwrap().success().unwrap();
}

#[test]
fn what_opensc_sends_to_an_emulated_card_is_recorded_without_its_pin() {
    let sandbox = Lab::without_card(Link::T0);
    let trace = sandbox.path("opensc.apdu");
    std::fs::write(&sandbox.image, card("valid", "t0")).unwrap();
    let emulation = sandbox
        .sandbox
        .emulate(Path::new(KORTLAB), &sandbox.image, &["--trace", &trace])
        .unwrap();
    sandbox
        .pkcs15_tool(&["--verify-pin", "--auth-id", "01", "--pin", AUTH.pin])
        .success()
        .unwrap();
    emulation.eject().unwrap().success().unwrap();
    let trace = String::from_utf8(sandbox.read("opensc.apdu")).unwrap();
    assert!(trace.contains("# POWER: on\n"), "{trace}");
    assert!(
        trace.contains("# Not shown: 0020008108 and 8 bytes\n"),
        "{trace}"
    );
    assert!(!trace.contains("313233343536"), "{trace}");
    let steps = kortlab_apdu::script::parse(&trace).unwrap();
    assert!(steps.len() > 10, "{trace}");
}

#[test]
fn an_answer_that_comes_late_is_waited_for_by_opensc() {
    let (lab, _card) = emulated_with(&["--fault", "delay:ms=700,ins=84"]);
    let before = std::time::Instant::now();
    let seen = lab
        .tool("opensc-tool")
        .args(["-s", "00:84:00:00:08"])
        .run()
        .unwrap();
    let seen = seen.success().unwrap().stdout_text();
    assert!(seen.contains("SW1=0x90, SW2=0x00"), "{seen}");
    assert!(before.elapsed() >= std::time::Duration::from_millis(700));
}
