//! Cards pulled, daemons restarted, emulators killed: one clear line, the right exit code, and a
//! card that is whole.

use std::thread;
use std::time::Duration;

use kortlab_interop::Output;
use serde_json::Value;

use crate::lab::{AUTH, KORTLAB, Lab, Link, assert_no_error_line};
use crate::openssl;

/// One line that says what is wrong, and nothing on standard output.
#[track_caller]
fn assert_clear(output: &Output) {
    let said = output.stderr_text();
    assert_eq!(output.stdout_text(), "");
    assert!(said.starts_with("error: "), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn the_card_comes_back_by_itself_when_pcscd_restarts_or_dies() {
    let lab = Lab::new("valid", Link::T0);
    lab.sandbox.restart_pcscd().unwrap();
    lab.sandbox.wait_for_card().unwrap();
    assert_no_error_line(&lab.pkcs15_tool(&["-D"]).success().unwrap());
    lab.sandbox.kill_pcscd().unwrap();
    lab.sandbox.start_pcscd().unwrap();
    lab.sandbox.wait_for_card().unwrap();
    lab.kortlab(&["pin", "status"])
        .run()
        .unwrap()
        .success()
        .unwrap();
}

#[test]
fn an_emulator_that_was_there_before_pcscd_waits_for_it() {
    let lab = Lab::new("valid", Link::T1);
    lab.sandbox.stop_pcscd().unwrap();
    thread::sleep(Duration::from_millis(500));
    lab.sandbox.start_pcscd().unwrap();
    lab.sandbox.wait_for_card().unwrap();
}

#[test]
fn sigint_and_sigterm_eject_the_card_with_exit_code_0() {
    let mut lab = Lab::new("valid", Link::T0);
    lab.eject().code(0).unwrap();
    lab.insert();
    let program = lab.emulation().program();
    program.terminate().unwrap();
    program
        .wait(Duration::from_secs(10))
        .unwrap()
        .code(0)
        .unwrap();
    lab.sandbox.wait_for_no_card().unwrap();
}

#[test]
fn an_empty_reader_no_reader_and_no_pcscd_are_exit_code_3() {
    let lab = Lab::without_card(Link::T0);
    for card in [
        "pcsc",
        "pcsc:0",
        "pcsc:Virtual PCD 00 00",
        "pcsc:9",
        "pcsc:Absent",
    ] {
        let output = lab.kortlab_on(card, &["pin", "status"]).run().unwrap();
        assert_clear(&output.code(3).unwrap());
    }
    lab.sandbox.stop_pcscd().unwrap();
    let output = lab.kortlab(&["pin", "status"]).run().unwrap();
    assert_clear(&output.code(3).unwrap());
}

#[test]
fn a_card_pulled_in_the_middle_of_a_command_is_said_and_ends_it() {
    let mut lab = Lab::new("valid", Link::T0);
    // The card does not answer, the command waits for it, and the card is pulled; also while it is still
    // being connected to.
    for pause in [1_000, 30, 150] {
        lab.emulation().program().pause().unwrap();
        let mut command = lab.kortlab(&["pin", "status"]).spawn().unwrap();
        thread::sleep(Duration::from_millis(pause));
        assert!(command.is_running());
        lab.kill();
        let output = command.wait(Duration::from_secs(30)).unwrap();
        assert_clear(&output.code(3).unwrap());
        lab.insert();
    }
    // Nothing is wrong with the card.
    lab.kortlab(&["pin", "status"])
        .run()
        .unwrap()
        .success()
        .unwrap();
}

#[test]
fn an_image_in_the_reader_is_locked_against_a_second_card_and_a_second_session() {
    let lab = Lab::new("valid", Link::T0);
    let image = lab.image.to_str().unwrap();
    let second = lab.sandbox.command(KORTLAB).args(["emulate", image]);
    assert_clear(&second.run().unwrap().failure().unwrap());
    let session = lab.kortlab_on(image, &["pin", "status"]).run().unwrap();
    assert_clear(&session.failure().unwrap());
}

#[test]
fn an_emulator_killed_while_opensc_writes_leaves_a_card_that_is_whole() {
    let mut lab = Lab::new("blank-slots", Link::T0);
    let der = openssl::certificate_for(&lab, AUTH, "torn");
    let file = lab.write("new.der", &der);
    for pause in [60, 90, 120, 150, 180, 220] {
        let mut init = lab
            .tool("pkcs15-init")
            .args(["-X", &file, "--format", "der", "--id", AUTH.key])
            .args(["--auth-id", "01", "--pin", AUTH.pin])
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_millis(pause));
        lab.kill();
        // Whether it was done by then is its own business; it must end.
        init.wait(Duration::from_secs(30)).unwrap();
        let _: Value = serde_json::from_slice(&lab.read("card.json")).unwrap();
        lab.insert();
        lab.kortlab(&["pin", "status"])
            .run()
            .unwrap()
            .success()
            .unwrap();
    }
}

#[test]
fn an_ephemeral_card_forgets_and_its_image_stays_as_it_was() {
    let lab = Lab::new("valid", Link::T0);
    drop(lab);
    let lab = Lab::without_card(Link::T0);
    let image = crate::lab::card("valid", "t0");
    std::fs::write(&lab.image, &image).unwrap();
    let kortlab = std::path::Path::new(KORTLAB);
    let card = lab
        .sandbox
        .emulate(kortlab, &lab.image, &["--ephemeral"])
        .unwrap();
    let change = ["--change-pin", "--auth-id", "01", "--pin", AUTH.pin];
    lab.pkcs15_tool(&[&change[..], &["--new-pin", "112233"]].concat())
        .success()
        .unwrap();
    card.eject().unwrap().success().unwrap();
    assert_eq!(lab.read("card.json"), image);
}

#[test]
fn a_card_torn_out_by_a_fault_drops_out_of_the_reader_comes_back_and_is_recovered() {
    let lab = Lab::without_card(Link::T0);
    std::fs::write(&lab.image, crate::lab::card("valid", "t0")).unwrap();
    let emulate = ["--fault", "tear:after-bytes=40"];
    let kortlab = std::path::Path::new(KORTLAB);
    let _card = lab.sandbox.emulate(kortlab, &lab.image, &emulate).unwrap();
    let torn = lab.kortlab(&["cert", "remove", "HCC Underskrift"]).run();
    let torn = torn.unwrap().code(7).unwrap();
    assert!(torn.stderr_text().contains("kortlab recover"));
    lab.sandbox.wait_for_no_card().unwrap();
    lab.sandbox.wait_for_card().unwrap();
    lab.kortlab(&["recover"]).run().unwrap().code(0).unwrap();
    let left = lab.certificates().len();
    assert!(left == 3 || left == 4, "{left}");
    assert_no_error_line(&lab.pkcs15_tool(&["-D"]).success().unwrap());
}
