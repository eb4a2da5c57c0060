//! `kortlab pcscd` in front of the real pcscd, whose virtual card stands for a real one.

use std::time::{Duration, Instant};

use kortlab_interop::Running;

use crate::lab::{AUTH, KORTLAB, Lab, Link};

/// `kortlab pcscd` in front of the card in the sandbox, and the line that it prints.
fn in_front(lab: &Lab, options: &[&str]) -> (Running, String) {
    let command = lab.tool(KORTLAB).args(["pcscd", "--card", "pcsc"]);
    let running = command.args(options).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while !running.stdout_text().contains("PCSCLITE_CSOCK_NAME") {
        assert!(Instant::now() < deadline, "{}", running.printed());
        std::thread::sleep(Duration::from_millis(20));
    }
    let line = running.stdout_text();
    (running, line)
}

/// A program of OpenSC's that comes in by the line.
fn through(lab: &Lab, line: &str, program: &str) -> String {
    let script = format!("{line}\n{program}");
    let output = lab.tool("bash").args(["-c", &script]).run().unwrap();
    output.success().unwrap().text()
}

#[test]
fn any_program_and_a_real_card_are_traced_without_the_pin_and_others_go_on_beside() {
    let lab = Lab::new("valid", Link::T0);
    let trace = lab.path("front.apdu");
    let (mut service, line) = in_front(&lab, &["--trace", &trace]);
    let direct = lab
        .pkcs15_tool(&["--dump"])
        .success()
        .unwrap()
        .stdout_text();
    let seen = through(&lab, &line, "pkcs15-tool --dump");
    assert!(seen.contains(&direct), "{seen}\n--- and directly\n{direct}");
    assert!(
        seen.contains("Virtual PCD 00 00"),
        "the real reader's name: {seen}"
    );
    let verify = format!("pkcs15-tool --verify-pin --auth-id 01 --pin {}", AUTH.pin);
    through(&lab, &line, &verify);
    // Beside it the card is used as before.
    lab.pkcs15_tool(&["--verify-pin", "--auth-id", "01", "--pin", AUTH.pin])
        .success()
        .unwrap();
    service.interrupt().unwrap();
    service
        .wait(Duration::from_secs(20))
        .unwrap()
        .success()
        .unwrap();
    let trace = String::from_utf8(lab.read("front.apdu")).unwrap();
    assert!(
        trace.contains("# Not shown: 0020008108 and 8 bytes\n"),
        "{trace}"
    );
    // As it is sent; its digits alone are in the holder's number as well.
    assert!(!trace.contains("3132333435360000"), "{trace}");
    let steps = kortlab_apdu::script::parse(&trace).unwrap();
    assert!(steps.len() > 10, "{trace}");
}

#[test]
fn a_fault_in_front_of_a_real_card_reaches_the_program_and_nobody_beside() {
    let lab = Lab::new("valid", Link::T0);
    let (_service, line) = in_front(&lab, &["--fault", "sw:ins=84,sw=6581"]);
    let challenge = "opensc-tool -s 00:84:00:00:08";
    let seen = through(&lab, &line, challenge);
    assert!(seen.contains("SW1=0x65, SW2=0x81"), "{seen}");
    let beside = lab.tool("bash").args(["-c", challenge]).run().unwrap();
    let beside = beside.success().unwrap().stdout_text();
    assert!(beside.contains("SW1=0x90, SW2=0x00"), "{beside}");
}

#[test]
fn a_real_card_that_is_pulled_and_put_in_goes_and_comes_in_front_too() {
    let mut lab = Lab::new("valid", Link::T0);
    let (_service, line) = in_front(&lab, &[]);
    assert!(through(&lab, &line, "opensc-tool -n").contains("SetCOS"));
    lab.eject().success().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while !through(&lab, &line, "opensc-tool --list-readers").contains("No ") {
        assert!(Instant::now() < deadline, "the card does not go");
        std::thread::sleep(Duration::from_millis(200));
    }
    lab.insert();
    let deadline = Instant::now() + Duration::from_secs(20);
    while !through(&lab, &line, "opensc-tool -n || true").contains("SetCOS") {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(200));
    }
}
