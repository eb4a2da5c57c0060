//! Several programs on one card: nobody loses what it has verified, and nobody fails.

use std::thread;
use std::time::Duration;

use kortlab_interop::{Command, Output};

use crate::lab::{AUTH, AUTH_PIN, Lab, Link, SIGN};
use crate::openssl;

const MESSAGE: &[u8] = b"Kvittera kort";

/// OpenSC's explorer, which has verified the PIN for Legitimering and says at the end, when the
/// file `over` is there, whether the card still knows.
fn holder_of_a_verified_pin(lab: &Lab) -> Command {
    let pin: String = AUTH_PIN
        .bytes()
        .map(|digit| format!("{digit:02X} "))
        .collect();
    let script = format!(
        "{{ echo 'apdu 00 20 00 81 08 {pin}00 00'; touch ready; \
         while [ ! -e over ]; do sleep 0.05; done; echo 'apdu 00 20 00 81'; echo quit; }} \
         | opensc-explorer"
    );
    lab.tool("sh")
        .args(["-c", &script])
        .current_dir(lab.sandbox.directory())
        .timeout(Duration::from_secs(300))
}

/// Does `work` while another program has a PIN verified; that program's PIN is verified still.
fn beside_a_verified_pin(lab: &Lab, work: impl FnOnce()) {
    let mut holder = holder_of_a_verified_pin(lab).spawn().unwrap();
    while !lab.sandbox.file("ready").exists() {
        assert!(holder.is_running(), "{}", holder.printed());
        thread::sleep(Duration::from_millis(20));
    }
    // It has written its command; the card has it a moment later.
    thread::sleep(Duration::from_millis(500));
    work();
    lab.write("over", b"");
    let said = holder.wait(Duration::from_secs(20)).unwrap();
    let text = said.text();
    let verified = text.matches("SW1=0x90, SW2=0x00").count();
    assert_eq!(verified, 2, "{text}");
}

fn sign(lab: &Lab, key: &str, name: &str) -> Command {
    let input = lab.path("message");
    if !lab.sandbox.file("message").exists() {
        lab.write("message", MESSAGE);
    }
    let output = lab.path(name);
    let sign = [
        "key", "sign", "--key", key, "--in", &input, "--out", &output,
    ];
    lab.kortlab(&[&sign[..], &["--force"]].concat())
}

fn state_of(lab: &Lab, name: &str) -> String {
    let status = lab.kortlab(&["pin", "status", "--json"]).run().unwrap();
    let status: serde_json::Value = serde_json::from_str(&status.stdout_text()).unwrap();
    let pins = status["pins"].as_array().unwrap();
    let pin = pins.iter().find(|pin| pin["name"] == name).unwrap();
    pin["state"].as_str().unwrap().to_owned()
}

#[test]
fn no_command_takes_from_another_program_what_it_has_verified() {
    for link in [Link::T0, Link::T1] {
        let lab = Lab::new("valid", link);
        beside_a_verified_pin(&lab, || {
            for arguments in [
                &["atr"][..],
                &["info"],
                &["cert", "check"],
                &["pin", "status"],
                &["pin", "verify", "auth"],
                &["pin", "verify", "sign"],
            ] {
                let ran = lab.kortlab(arguments).run().unwrap();
                assert!(ran.success().is_ok(), "{arguments:?}");
            }
            for key in [AUTH.key, SIGN.key] {
                sign(&lab, key, "signature")
                    .run()
                    .unwrap()
                    .success()
                    .unwrap();
            }
            // What nobody else had verified is taken back; the other program's PIN is not.
            assert_eq!(state_of(&lab, "sign"), "not-verified");
            assert_eq!(state_of(&lab, "auth"), "verified");
        });
    }
}

#[test]
fn what_a_command_has_verified_is_taken_back_when_it_ends() {
    let lab = Lab::new("valid", Link::T1);
    for (which, key) in [("auth", AUTH.key), ("sign", SIGN.key)] {
        sign(&lab, key, "signature")
            .run()
            .unwrap()
            .success()
            .unwrap();
        assert_eq!(state_of(&lab, which), "not-verified");
    }
}

#[test]
fn a_card_that_takes_no_pin_back_is_reset_only_where_nobody_else_is_connected_and_nobody_waits() {
    for link in [Link::T0, Link::T1] {
        // An OS that is not known: it is not asked to take a PIN back.
        let lab = Lab::with_changed_card("valid", link, |image| {
            image["data_objects"] = serde_json::Value::Array(Vec::new());
        });
        let verify = ["--timeout", "30", "pin", "verify", "sign"];
        beside_a_verified_pin(&lab, || {
            let ran = lab.kortlab(&verify).run().unwrap();
            let text = ran.success().unwrap().text();
            assert!(text.contains("stays verified"), "{text}");
            let asked = lab.kortlab(&["apdu", "00200082"]).run().unwrap();
            assert!(asked.text().contains("9000"), "{}", asked.text());
        });
        let ran = lab.kortlab(&verify).run().unwrap();
        let text = ran.success().unwrap().text();
        assert!(!text.contains("stays verified"), "{text}");
        for query in ["00200081", "00200082"] {
            let asked = lab.kortlab(&["apdu", query]).run().unwrap();
            assert!(asked.text().contains("63C3"), "{}", asked.text());
        }
    }
}

/// Two and four commands at once, beside OpenSC's and a program with a verified PIN.
fn rounds(lab: &Lab, count: usize) {
    let digest = openssl::digest(lab, "-sha256", MESSAGE);
    beside_a_verified_pin(lab, || {
        for round in 0..count {
            let commands = |index: usize| match index {
                0 => sign(lab, AUTH.key, "one"),
                1 => lab.kortlab(&["cert", "list"]),
                2 => sign(lab, SIGN.key, "two"),
                _ => lab.kortlab(&["info"]),
            };
            let many = if round % 2 == 0 { 2 } else { 4 };
            let running: Vec<_> = (0..many)
                .map(|index| commands(index).spawn().unwrap())
                .collect();
            let opensc = lab.pkcs15_tool(&["--list-pins"]);
            opensc.success().unwrap();
            for mut command in running {
                let ended: Output = command.wait(Duration::from_secs(60)).unwrap();
                ended.success().unwrap();
            }
            let options = ["rsa_padding_mode:pkcs1", "digest:sha256"];
            openssl::assert_signed(lab, AUTH, &digest, &lab.read("one"), &options);
            if many == 4 {
                openssl::assert_signed(lab, SIGN, &digest, &lab.read("two"), &options);
            }
        }
    });
}

#[test]
fn commands_at_once_do_not_disturb_each_other_nor_other_programs() {
    // KORTLAB_ROUNDS=1000 for a long run.
    let rounds_wanted = std::env::var("KORTLAB_ROUNDS").ok();
    let count = rounds_wanted
        .and_then(|text| text.parse().ok())
        .unwrap_or(12);
    rounds(&Lab::new("valid", Link::T1), count);
}

#[test]
fn a_program_that_keeps_the_card_is_waited_for_as_long_as_was_said() {
    let lab = Lab::without_card(Link::T1);
    let image = lab.path("card.json");
    let new = ["card", "new", "-o", &image, "--state", "valid"];
    lab.kortlab(&new).run().unwrap().success().unwrap();
    let slow = [
        "--fault",
        "delay:ms=6000,ins=84",
        "emulate",
        "--ephemeral",
        &image,
    ];
    let card = lab.kortlab(&slow);
    let emulation = lab.sandbox.insert(card).unwrap();
    let mut holder = lab.kortlab(&["apdu", "0084000008"]).spawn().unwrap();
    thread::sleep(Duration::from_millis(800));
    let waiting = lab.kortlab(&["--timeout", "4", "info"]).run().unwrap();
    let text = waiting.failure().unwrap().text();
    assert!(
        text.contains("waiting for another program to let go"),
        "{text}"
    );
    assert!(text.contains("another program holds the card"), "{text}");
    assert!(
        text.contains("kortlab"),
        "the other program is named: {text}"
    );
    let ended = holder.wait(Duration::from_secs(20)).unwrap();
    ended.success().unwrap();
    // A card that does not answer is another matter.
    let silent = lab.kortlab(&["--timeout", "2", "apdu", "0084000008"]);
    let text = silent.run().unwrap().failure().unwrap().text();
    assert!(text.contains("the card does not answer"), "{text}");
    drop(emulation);
}

#[test]
fn a_card_that_is_mute_from_the_beginning_is_not_said_to_be_held_by_a_program() {
    let lab = Lab::without_card(Link::T1);
    let image = lab.path("card.json");
    let new = ["card", "new", "-o", &image, "--state", "valid"];
    lab.kortlab(&new).run().unwrap().success().unwrap();
    let card = lab.kortlab(&["emulate", "--ephemeral", &image]);
    let mut emulation = lab.sandbox.insert(card).unwrap();
    let number = emulation.program().id().to_string();
    let signal = |name: &str| {
        let mut kill = std::process::Command::new("kill");
        assert!(kill.args([name, &number]).status().unwrap().success());
    };
    signal("-STOP");
    let waiting = lab.kortlab(&["--timeout", "3", "info"]).run().unwrap();
    signal("-CONT");
    let text = waiting.failure().unwrap().text();
    assert!(text.contains("the card does not answer"), "{text}");
    assert!(!text.contains("another program"), "{text}");
}

#[test]
fn raw_bytes_that_are_no_command_are_refused_and_the_reader_goes_on() {
    let lab = Lab::new("valid", Link::T1);
    for bytes in ["00", "01", "04", "0020", "00A400"] {
        let refused = lab.kortlab(&["apdu", "--raw", bytes]).run().unwrap();
        let refused = refused.failure().unwrap();
        assert!(
            refused.text().contains("4 to 65544 bytes"),
            "{}",
            refused.text()
        );
    }
    lab.kortlab(&["info"]).run().unwrap().success().unwrap();
}

#[test]
fn the_end_of_the_service_is_told_from_a_card_that_was_pulled_out() {
    let mut lab = Lab::new("valid", Link::T1);
    let watch = |lab: &Lab| {
        let many = ["apdu"]
            .into_iter()
            .chain(std::iter::repeat_n("00B0000000", 3000));
        lab.kortlab(&many.collect::<Vec<_>>()).spawn().unwrap()
    };
    let mut running = watch(&lab);
    thread::sleep(Duration::from_millis(400));
    lab.sandbox.stop_pcscd().unwrap();
    let text = running.wait(Duration::from_secs(30)).unwrap().text();
    if text.contains("error:") {
        assert!(text.contains("PC/SC service"), "{text}");
    }
    lab.sandbox.start_pcscd().unwrap();
    lab.sandbox.wait_for_card().unwrap();

    let mut running = watch(&lab);
    thread::sleep(Duration::from_millis(400));
    lab.kill();
    let text = running.wait(Duration::from_secs(30)).unwrap().text();
    if text.contains("error:") {
        assert!(text.contains("no card"), "{text}");
        assert!(!text.contains("nonsense"), "{text}");
    }
}

#[test]
fn the_watch_over_readers_goes_on_when_the_service_is_back() {
    let lab = Lab::new("valid", Link::T1);
    let mut watch = lab
        .kortlab(&["readers", "--watch", "--json"])
        .spawn()
        .unwrap();
    let says = |watch: &kortlab_interop::Running, text: &str| {
        for _ in 0..400 {
            if watch.stdout_text().contains(text) {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        assert!(
            watch.stdout_text().contains(text),
            "{text}: {}",
            watch.printed()
        );
    };
    says(&watch, "\"card\"");
    lab.sandbox.restart_pcscd().unwrap();
    says(&watch, "service-lost");
    says(&watch, "service-back");
    watch.interrupt().unwrap();
    watch
        .wait(Duration::from_secs(10))
        .unwrap()
        .success()
        .unwrap();
}
