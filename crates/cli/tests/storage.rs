//! A virtual card whose image cannot be saved: the file system is at fault, and is named. And an
//! image that somebody else holds.

mod common;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use common::portal::Portal;
use common::{Lab, Running, assert_code, assert_plain_error, stderr, stdout};
use serde_json::Value;

/// What makes the lab's directory one in which nothing can be saved, as a piece of shell.
struct Obstacle {
    prepare: &'static str,
    /// What the file system says then.
    says: &'static str,
}

/// Mounts are made in a namespace of the test's own; the paths are relative to the lab.
const OBSTACLES: [Obstacle; 5] = [
    Obstacle {
        prepare: "mkdir disk && mount -t tmpfs -o size=200k none disk && cp card.json disk/ \
                  && { dd if=/dev/zero of=disk/rest bs=4k 2>dd.log || true; } && cd disk",
        says: "No space left on device",
    },
    Obstacle {
        prepare: "mkdir disk && mount -t tmpfs none disk && cp card.json disk/ \
                  && mount -o remount,ro disk && cd disk",
        says: "Read-only file system",
    },
    Obstacle {
        prepare: "ulimit -f 2",
        says: "File too large",
    },
    PROTECTED,
    MOUNTED,
];

/// Its user has protected it from writing, and kortlab has not root's right to write all the same.
const PROTECTED: Obstacle = Obstacle {
    prepare: "mkdir disk && cp card.json disk/ && chmod 444 disk/card.json && cd disk \
              && set -- setpriv --inh-caps=-dac_override --bounding-set=-dac_override -- \"$@\"",
    says: "Permission denied",
};

/// It is mounted by itself, as into a container.
const MOUNTED: Obstacle = Obstacle {
    prepare: "mkdir disk && cp card.json disk/ \
              && mount --bind disk/card.json disk/card.json && cd disk",
    says: "Device or resource busy",
};

impl Obstacle {
    /// `kortlab` with the right PINs, where the obstacle is.
    fn command(&self, lab: &Lab, arguments: &[&str]) -> Command {
        let mut command = Command::new("unshare");
        let script = format!("set -e; {}; exec \"$@\"", self.prepare);
        command
            .args(["--mount", "bash", "-c", &script, "bash"])
            .arg(env!("CARGO_BIN_EXE_kortlab"))
            .args(arguments)
            .args(["--auth-pin", "env:AUTH", "--sign-pin", "env:SIGN"])
            .current_dir(lab.directory())
            .env("AUTH", "123456")
            .env("SIGN", "654321")
            .env("KORTLAB_CARD", "card.json")
            .env("XDG_STATE_HOME", lab.path("state"));
        command
    }

    fn run(&self, lab: &Lab, arguments: &[&str]) -> Output {
        let output = self.command(lab, arguments).output();
        output.expect("unshare runs; run: cargo xtask test")
    }
}

/// The file system is named, the card is not blamed, and there is a way out.
#[track_caller]
fn assert_file_system_is_named(output: &Output, says: &str) {
    assert_plain_error(output, 1);
    let text = stderr(output);
    assert!(text.contains(says) && text.contains("card.json"), "{text}");
    assert!(
        text.contains("hint: ") && text.contains("--ephemeral"),
        "{text}"
    );
    for blame in ["6581", "refused", "memory failure"] {
        assert!(!text.contains(blame), "{text}");
    }
}

#[test]
fn whatever_changes_a_card_names_the_file_system_that_does_not_take_it() {
    let lab = Lab::new("valid");
    fs::write(lab.path("message"), "x").expect("written");
    let message = lab.path("message").display().to_string();
    let before = lab.image();
    for obstacle in &OBSTACLES {
        for command in [
            &["pin", "verify", "auth"][..],
            &["key", "sign", "--key", "45", "--in", &message],
            &["cert", "remove", "4333"],
            &["apdu", "00200081 :3132333435360000 =9000"],
        ] {
            let fresh = |name: &str| drop(fs::remove_dir_all(lab.path(name)));
            fresh("disk");
            let output = obstacle.run(&lab, command);
            assert_file_system_is_named(&output, obstacle.says);
            // With a copy in memory the same command does its work.
            fresh("disk");
            let copy = [command, &["--ephemeral"]].concat();
            assert_code(&obstacle.run(&lab, &copy), 0);
        }
    }
    assert_eq!(lab.image(), before);
}

#[test]
fn an_image_that_is_protected_from_writing_is_read_and_never_replaced() {
    let lab = Lab::new("valid");
    let before = lab.image();
    let message = lab.path("message").display().to_string();
    fs::write(&message, "x").expect("written");
    let sign = ["key", "sign", "--key", "45", "--in", &message];
    // Another card, whose files would take the place of this one.
    let other = ["-c", "../card.json"];
    let trace = ["--trace", "t.apdu", "--trace-start", "card.json", "info"];
    for (arguments, code) in [
        (&["info"][..], 0),
        (&["cert", "list"], 0),
        (&["pin", "status"], 0),
        (&sign, 1),
        (&["card", "new", "-o", "card.json", "--force"], 1),
        (
            &[&other[..], &["dump", "-o", "card.json", "--force"]].concat(),
            1,
        ),
        (&[&other[..], &trace].concat(), 1),
    ] {
        let _ = fs::remove_dir_all(lab.path("disk"));
        let output = PROTECTED.run(&lab, arguments);
        assert_code(&output, code);
        if code == 1 {
            let text = stderr(&output);
            assert!(text.contains("Permission denied"), "{arguments:?}: {text}");
        }
        let image = lab.path("disk/card.json");
        assert_eq!(fs::read(&image).expect("there"), before, "{arguments:?}");
        let mode = fs::metadata(&image).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o444, "{arguments:?}");
        let left = fs::read_dir(lab.path("disk")).expect("a directory");
        let left: Vec<_> = left.map(|entry| entry.expect("one").file_name()).collect();
        let left = left.iter().filter(|name| *name != "t.apdu");
        assert_eq!(left.count(), 1, "{arguments:?}");
    }
}

#[test]
fn no_image_takes_the_place_of_what_is_no_file_nor_waits_for_a_reader_of_it() {
    let lab = Lab::new("valid");
    let made = Command::new("sh")
        .args([
            "-c",
            "mkfifo pipe.json; ln -s pipe.json link.json; mkdir directory.json",
        ])
        .current_dir(lab.directory())
        .status();
    assert!(made.unwrap().success());
    for (place, says) in [
        ("pipe.json", "no regular file"),
        ("link.json", "no regular file"),
        ("directory.json", "Is a directory"),
    ] {
        for arguments in [
            &["card", "new", "--force", "-o", place][..],
            &["dump", "--force", "-o", place],
            &["--trace", "x.apdu", "--trace-start", place, "info"],
        ] {
            let output = lab.run(arguments);
            assert_plain_error(&output, 1);
            let error = stderr(&output);
            assert!(
                error.contains(place) && error.contains(says),
                "{arguments:?}: {error}"
            );
        }
        let found = fs::metadata(lab.path(place)).unwrap();
        assert!(!found.is_file(), "{place}");
    }
}

#[test]
fn an_image_that_is_mounted_by_itself_is_told_to_be_mounted_with_its_directory() {
    let lab = Lab::new("valid");
    let hinted = |output: &Output| {
        let text = stderr(output);
        let hint = text.lines().find(|line| line.starts_with("hint: "));
        assert!(
            hint.is_some_and(|hint| hint.contains("mount its directory instead")),
            "{text}"
        );
    };
    hinted(&MOUNTED.run(&lab, &["pin", "verify", "auth"]));
    let _ = fs::remove_dir_all(lab.path("disk"));
    let new = MOUNTED.run(&lab, &["card", "new", "-o", "card.json", "--force"]);
    assert_plain_error(&new, 1);
    assert!(stderr(&new).contains(MOUNTED.says));
    hinted(&new);
}

#[test]
fn a_result_that_cannot_be_written_is_told_for_what_it_is_and_half_of_it_is_not_left() {
    let lab = Lab::new("valid");
    fs::create_dir(lab.path("results")).expect("a directory");
    let read = ["cert", "read", "4331", "--out"];
    let output = lab.run(&[&read[..], &["results"]].concat());
    assert_plain_error(&output, 1);
    let text = stderr(&output).to_lowercase();
    assert!(
        text.contains("is a directory") && !text.contains("--force"),
        "{text}"
    );
    // It is there, and no directory: that can be overwritten.
    assert_code(&lab.run(&[&read[..], &["one.pem"]].concat()), 0);
    let output = lab.run(&[&read[..], &["one.pem"]].concat());
    assert_plain_error(&output, 1);
    assert!(stderr(&output).contains("--force overwrites it"));
    let output = lab.run(&[&read[..], &["/dev/full", "--force"]].concat());
    assert_plain_error(&output, 1);
    assert!(stderr(&output).contains("/dev/full: No space left on device"));
    // No file may be longer than 1 kB, and a certificate is.
    let limited = Obstacle {
        prepare: "ulimit -f 1",
        says: "File too large",
    };
    let output = limited.run(&lab, &[&read[..], &["two.pem"]].concat());
    assert_plain_error(&output, 1);
    assert!(stderr(&output).contains("two.pem: File too large"));
    assert!(!lab.path("two.pem").exists());
}

#[test]
fn what_a_full_disk_does_not_take_has_a_next_step_and_leaves_no_empty_file() {
    let lab = Lab::new("valid");
    assert_code(&lab.run(&["--trace", "t.apdu", "info"]), 0);
    let [full, limited] = [
        Obstacle {
            prepare: "mount -t tmpfs -o size=200k none disk \
                      && { dd if=/dev/zero of=disk/rest bs=4k 2>dd.log || true; }",
            says: "No space left on device",
        },
        Obstacle {
            prepare: "ulimit -f 0",
            says: "File too large",
        },
    ];
    fs::create_dir(lab.path("disk")).expect("a directory");
    // What is empty afterwards is listed from within: the disk goes with the command.
    let after = |obstacle: &Obstacle, arguments: &[&str]| {
        let script = format!(
            "{}; \"$@\"; code=$?; find disk -mindepth 1 -empty >&2; exit $code",
            obstacle.prepare
        );
        let output = Command::new("unshare")
            .args(["--mount", "bash", "-c", &script, "bash"])
            .arg(env!("CARGO_BIN_EXE_kortlab"))
            .args(arguments)
            .current_dir(lab.directory())
            .env("KORTLAB_CARD", "card.json")
            .env("XDG_STATE_HOME", lab.path("state"))
            .output();
        output.expect("unshare runs; run: cargo xtask test")
    };
    for (obstacle, next) in [(full, "make room there"), (limited, "ulimit -f")] {
        for arguments in [
            &["trace", "convert", "t.apdu", "-o", "disk/t.pcapng"][..],
            &["trace", "convert", "t.apdu", "-o", "disk/t.json", "--force"],
            &["diagnose", "--html", "disk/r.html"],
            &["diagnose", "--bundle", "disk/r.json"],
            &["cert", "read", "4331", "--out", "disk/c.pem"],
            &["man", "--dir", "disk"],
            &["card", "new", "-o", "x.json", "--ca-dir", "disk/ca"],
        ] {
            let output = after(&obstacle, arguments);
            let text = stderr(&output);
            assert_eq!(output.status.code(), Some(1), "{arguments:?}: {text}");
            assert!(text.contains(obstacle.says), "{arguments:?}: {text}");
            assert!(
                text.contains("hint: ") && text.contains(next),
                "{arguments:?}: {text}"
            );
            assert!(!text.contains("the card was used"), "{arguments:?}: {text}");
            let left = text.lines().find(|line| line.starts_with("disk/"));
            assert_eq!(left, None, "{arguments:?}");
        }
    }
}

#[test]
fn a_renewal_names_the_file_system_too_and_orders_nothing() {
    let portal = Portal::start();
    let lab = portal.card("expired", "t0");
    let before = lab.image();
    let ca = portal.ca().display().to_string();
    let renew = ["renew", "--portal", &portal.url, "--ca", &ca, "--yes"];
    let output = OBSTACLES[2].run(&lab, &renew);
    assert_code(&output, 1);
    let text = stderr(&output);
    assert!(text.contains(OBSTACLES[2].says), "{text}");
    assert!(text.contains("--ephemeral"), "{text}");
    assert!(!text.contains("6581"), "{text}");
    assert_eq!(lab.image(), before);
}

#[test]
fn an_emulated_card_tells_what_could_not_be_saved_and_ends_with_1() {
    let lab = Lab::new("valid");
    let before = lab.image();
    let reader = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = reader.local_addr().expect("an address").to_string();
    let emulate = ["--json", "emulate", "card.json", "--vpcd", &address];
    let mut command = OBSTACLES[2].command(&lab, &emulate);
    let mut process = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("unshare runs");
    let (mut slot, _) = reader.accept().expect("the card comes");
    // Power, and VERIFY with the right PIN, as vpcd frames them.
    slot.write_all(&[0, 1, 1]).expect("sent");
    let verify = *b"\x00\x20\x00\x81\x08123456\x00\x00";
    slot.write_all(&[0, verify.len() as u8]).expect("sent");
    slot.write_all(&verify).expect("sent");
    let mut answer = [0; 4];
    slot.read_exact(&mut answer).expect("an answer");
    // A reader can be told no more than this.
    assert_eq!(answer, [0, 2, 0x65, 0x81]);
    let killed = Command::new("kill")
        .args(["-s", "TERM", &process.id().to_string()])
        .status();
    assert!(killed.expect("kill runs").success());
    let mut lines = String::new();
    let mut out = process.stdout.take().expect("piped");
    out.read_to_string(&mut lines).expect("text");
    let output = process.wait_with_output().expect("ended");
    assert_file_system_is_named(&output, "File too large");
    let events: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("one document a line"))
        .collect();
    let told = events.iter().find(|event| event["event"] == "not-saved");
    let reason = told.expect(&lines)["reason"].as_str().expect("a reason");
    assert!(reason.contains("File too large"), "{reason}");
    let last = events.last().expect("a line");
    assert_eq!(last["error"]["kind"], "storage", "{last}");
    assert_eq!(last["error"]["exit_code"], 1);
    assert_eq!(lab.image(), before);
}

#[test]
fn a_card_on_a_socket_tells_its_user_what_its_host_could_not_save() {
    let lab = Lab::new("valid");
    let emulate = ["emulate", "card.json", "--socket", "card.socket"];
    let _emulation = Running::start(OBSTACLES[2].command(&lab, &emulate));
    let output = lab.with_pins(&["-c", "socket:card.socket", "pin", "verify", "auth"]);
    assert_file_system_is_named(&output, "File too large");
}

#[test]
fn an_ephemeral_card_forgets_what_each_command_changed_and_leaves_the_journal_alone() {
    let lab = Lab::new("valid");
    let before = lab.image();
    for command in [
        &["cert", "remove", "4333"][..],
        &["pin", "verify", "auth"],
        &["recover"],
    ] {
        let output = lab.with_pins(&[command, &["--ephemeral"]].concat());
        assert_code(&output, 0);
        assert_eq!(lab.image(), before, "{command:?}");
    }
    // What was interrupted on the card itself is recovered on the card itself.
    let torn = ["--fault", "tear:after-bytes=20", "cert", "remove", "4333"];
    assert_code(&lab.with_pins(&torn), 7);
    let image = lab.image();
    let output = lab.with_pins(&["--ephemeral", "recover"]);
    assert_code(&output, 0);
    assert!(!stdout(&output).contains("nothing to recover"));
    assert_eq!(lab.image(), image);
    let output = lab.with_pins(&["recover"]);
    assert_code(&output, 0);
    assert!(!stdout(&output).contains("nothing to recover"));

    for arguments in [
        &["-c", "pcsc", "info"][..],
        &["-c", "socket:x", "info"],
        &["demo"],
        &["readers"],
    ] {
        assert_plain_error(&lab.run(&[&["--ephemeral"], arguments].concat()), 2);
    }
}

#[test]
fn who_holds_a_card_is_named_after_two_seconds_and_a_copy_can_be_used_meanwhile() {
    let lab = Lab::new("valid");
    let holder = lab.emulate_on_socket();
    let start = Instant::now();
    let output = lab.run(&["info"]);
    assert_plain_error(&output, 1);
    let waited = start.elapsed();
    assert!(waited >= Duration::from_secs(2), "{waited:?}");
    assert!(waited < Duration::from_secs(10), "{waited:?}");
    let text = stderr(&output);
    let who = format!(
        "process {}, `kortlab emulate card.json --socket card.socket`",
        holder.id()
    );
    for part in [&who, "-c pcsc", "--ephemeral"] {
        assert!(text.contains(part), "{text}");
    }
    assert_code(&lab.run(&["--ephemeral", "info"]), 0);
}

#[test]
fn a_card_that_is_let_go_of_within_two_seconds_is_waited_for() {
    let lab = Lab::new("valid");
    let holder = lab.emulate_on_socket();
    let waiting = std::thread::scope(|scope| {
        let info = scope.spawn(|| lab.run(&["info"]));
        std::thread::sleep(Duration::from_millis(500));
        assert!(holder.end_with("TERM").success());
        info.join().expect("ended")
    });
    assert_code(&waiting, 0);
}
