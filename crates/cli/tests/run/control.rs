//! The control door: what happens to readers and cards while programs use them.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::{Value, json};

use crate::common::Running;
use crate::door::{Client, Service};
use crate::lab::{AUTH, Lab, assert_code, assert_plain_error, finish, stderr, stdout, until};

const CHALLENGE: &str = "opensc-tool -s 00:84:00:00:08";
const ANSWERED: &str = "SW1=0x90, SW2=0x00";

#[test]
fn the_door_is_its_users_alone_is_told_and_goes_with_the_service() {
    let lab = Lab::new("valid");
    let service = Service::start(&lab, &["card.json"]);
    let mode = service.door.metadata().expect("a socket").permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    assert!(service.door.starts_with(lab.runtime()));
    let door = service.door.clone();
    assert_eq!(service.running.end_with("INT").code(), Some(0));
    assert!(!door.exists());
    // To the program of `run` it is told as well; both lines are for the shell.
    let printed = lab.ran(&["sh", "-c", "echo \"$KORTLAB_CONTROL\""]);
    assert!(
        printed
            .trim()
            .starts_with(&*lab.runtime().to_string_lossy())
    );
    assert_eq!(lab.sockets(), [""; 0]);
    let own = lab.run_with(
        &["--control", "here"],
        &["sh", "-c", "test -S \"$KORTLAB_CONTROL\""],
    );
    assert_code(&own, 0);
    let long = format!("./{}", "x".repeat(120));
    let service = Service::start(&lab, &["--ephemeral", "card.json", "--control", "used"]);
    for (path, why) in [
        ("card.json", "no socket"),
        (&*long, "at most 107"),
        ("used", "another service"),
    ] {
        let taken = lab.run_with(&["--control", path], &["touch", "ran"]);
        assert_plain_error(&taken, 1);
        assert!(stderr(&taken).contains(why), "{}", stderr(&taken));
    }
    assert!(!lab.path("ran").exists());
    // What a killed service has left behind is replaced.
    service.running.kill();
    assert!(lab.path("used").exists());
    assert_code(&lab.run_with(&["--control", "used"], &["true"]), 0);
    assert!(!lab.path("used").exists());
}

#[test]
fn a_card_is_taken_out_put_in_and_swapped_under_programs() {
    let lab = Lab::new("valid");
    lab.other_card();
    let service = Service::start(&lab, &["card.json"]);
    let mut client = service.client();
    let serial = "pkcs15-tool --dump";
    let first = service.sees(&lab, serial);
    assert_eq!(client.done(&json!({"do": "remove"}))["state"], "empty");
    assert!(service.sees(&lab, "opensc-tool -l").contains("No "));
    assert_eq!(client.refused(&json!({"do": "remove"})), "no-card");
    assert_eq!(client.refused(&json!({"do": "tear"})), "no-card");
    let back = client.done(&json!({"do": "insert"}));
    assert_eq!(
        (&back["state"], &back["image"]),
        (&json!("card"), &json!("card.json"))
    );
    assert_eq!(service.sees(&lab, serial), first);
    assert_eq!(client.refused(&json!({"do": "insert"})), "occupied");

    let other = lab.path("other.json");
    let swapped = client.done(&json!({"do": "swap", "image": other}));
    assert_eq!(swapped["image"], json!(other));
    let second = service.sees(&lab, serial);
    assert_ne!(second, first);
    // The one is free again, the other is not.
    let info = |image: &str| finish(lab.kortlab(&["--card", image, "info"]));
    assert_code(&info("card.json"), 0);
    assert_plain_error(&info("other.json"), 1);
    assert_eq!(
        client.refused(&json!({"do": "swap", "image": "none.json"})),
        "file"
    );
    assert_eq!(service.sees(&lab, serial), second, "it is still there");
    client.done(&json!({"do": "remove"}));
    let first_again = client.done(&json!({"do": "insert", "image": lab.path("card.json")}));
    assert_eq!(first_again["state"], "card");
    assert_eq!(service.sees(&lab, serial), first);
}

#[test]
fn a_program_that_is_connected_notices_and_one_that_waits_is_woken() {
    let lab = Lab::new("valid");
    let script = "\
import json, os, socket
from smartcard.scard import *

door = socket.socket(socket.AF_UNIX)
door.connect(os.environ['KORTLAB_CONTROL'])
lines = door.makefile('rw')

def ask(**request):
    print(json.dumps(request), file=lines, flush=True)
    assert 'error' not in json.loads(lines.readline())

hr, context = SCardEstablishContext(SCARD_SCOPE_USER)
reader = 'Kortlab 00 00'
def connect():
    hr, card, protocol = SCardConnect(context, reader, SCARD_SHARE_SHARED, 3)
    return hr & 0xFFFFFFFF, card, protocol
def send():
    return '%08X' % (SCardTransmit(card, protocol, [0, 0x84, 0, 0, 8])[0] & 0xFFFFFFFF)

_, card, protocol = connect()
print('there', send())
ask(do='remove')
print('out', send())
hr, seen = SCardGetStatusChange(context, 0, [(reader, 0)])
print('empty', bool(seen[0][1] & SCARD_STATE_EMPTY))
state = seen[0][1] & ~SCARD_STATE_CHANGED
import threading
waker = threading.Timer(0.3, lambda: ask(do='insert'))
waker.start()
hr, seen = SCardGetStatusChange(context, 20000, [(reader, state)])
waker.join()
print('woken', bool(seen[0][1] & SCARD_STATE_PRESENT))
_, card, protocol = connect()
ask(do='snapshot')
print('there', send())
ask(do='restore')
print('reset', send())
SCardReconnect(card, SCARD_SHARE_SHARED, 3, SCARD_LEAVE_CARD)
print('there', send())
ask(do='remove-reader', reader=reader)
print('gone', send())
print('none', '%08X' % connect()[0])
";
    lab.write("notices.py", script.as_bytes());
    let printed = lab.ran(&["/usr/bin/python3", "notices.py"]);
    let expected = "\
there 00000000
out 80100069
empty True
woken True
there 00000000
reset 80100068
there 00000000
gone 80100017
none 80100009
";
    assert_eq!(printed, expected);
}

#[test]
fn what_was_verified_wrongly_is_undone_by_a_restore_and_the_image_is_that_of_the_snapshot() {
    let lab = Lab::new("valid");
    let before: Value = serde_json::from_slice(&lab.read("card.json")).expect("JSON");
    let service = Service::start(&lab, &["card.json"]);
    let mut client = service.client();
    let fresh = json!({"do": "snapshot", "name": "fresh"});
    assert_eq!(client.done(&fresh)["snapshots"], json!(["fresh"]));
    let wrong = "pkcs15-tool --verify-pin --auth-id 01 --pin 000000";
    let right = format!("pkcs15-tool --verify-pin --auth-id 01 --pin {AUTH}");
    for _ in 0..3 {
        service.sees(&lab, wrong);
    }
    assert!(service.sees(&lab, &right).contains("locked"), "blocked");
    client.done(&json!({"do": "restore", "name": "fresh"}));
    let after: Value = serde_json::from_slice(&lab.read("card.json")).expect("JSON");
    assert_eq!(after, before);
    let verified = service.sees(&lab, &right);
    assert!(
        !verified.contains("locked") && !verified.contains("failed"),
        "{verified}"
    );
    assert_eq!(
        client.refused(&json!({"do": "restore", "name": "other"})),
        "not-found"
    );
    // A snapshot is never put over another card.
    lab.other_card();
    let image = lab.read("other.json");
    client.done(&json!({"do": "swap", "image": "other.json"}));
    assert_eq!(
        client.refused(&json!({"do": "restore", "name": "fresh"})),
        "other-card"
    );
    assert_eq!(lab.read("other.json"), image);
}

#[test]
fn faults_come_and_go_and_those_of_the_command_line_are_among_them() {
    let lab = Lab::new("valid");
    let service = Service::start(&lab, &["--fault", "sw:ins=84,sw=6581", "card.json"]);
    let mut client = service.client();
    let faults = client.done(&json!({"do": "state"}))["faults"].clone();
    assert_eq!(faults, json!([{"number": 1, "fault": "sw:ins=84,sw=6581"}]));
    assert!(service.sees(&lab, CHALLENGE).contains("SW1=0x65, SW2=0x81"));
    let added = client.ask(&json!({"do": "add-fault", "fault": "sw:ins=84,sw=6F07"}));
    assert_eq!(added["number"], 2);
    assert!(service.sees(&lab, CHALLENGE).contains("SW1=0x6F, SW2=0x07"));
    client.done(&json!({"do": "remove-fault", "number": 1}));
    assert_eq!(
        client.refused(&json!({"do": "remove-fault", "number": 1})),
        "not-found"
    );
    client.done(&json!({"do": "remove-fault"}));
    assert!(service.sees(&lab, CHALLENGE).contains(ANSWERED));
    for fault in [
        "",
        "dance",
        "sw:sw=1",
        "tear:after-bytes=x",
        "sw:sw=6F00,nth=3,every=2",
        "verified:ins=B0",
    ] {
        assert_eq!(
            client.refused(&json!({"do": "add-fault", "fault": fault})),
            "usage"
        );
    }
    assert!(client.done(&json!({"do": "state"}))["commands"].as_u64() > Some(3));
}

#[test]
fn a_card_that_is_torn_out_stays_out_until_it_is_put_in() {
    let lab = Lab::new("valid");
    let service = Service::start(&lab, &["card.json"]);
    let mut client = service.client();
    for at in ["before-command=1", "before-answer=1"] {
        client.done(&json!({"do": "tear", "at": at}));
        assert!(!service.sees(&lab, CHALLENGE).contains(ANSWERED), "{at}");
        std::thread::sleep(std::time::Duration::from_millis(1500));
        assert_eq!(
            client.done(&json!({"do": "state"}))["state"],
            "empty",
            "{at}"
        );
        assert_eq!(
            client.done(&json!({"do": "insert"}))["state"],
            "card",
            "{at}"
        );
        assert!(service.sees(&lab, CHALLENGE).contains(ANSWERED), "{at}");
    }
    for at in ["", "now", "before-command=0", "after-bytes=-1"] {
        assert_eq!(
            client.refused(&json!({"do": "tear", "at": at})),
            "usage",
            "{at}"
        );
    }
}

#[test]
fn a_tear_is_listed_as_a_fault_and_taken_back_by_its_number() {
    let lab = Lab::new("valid");
    let service = Service::start(&lab, &["--fault", "tear:before-command=1000", "card.json"]);
    let mut client = service.client();
    let faults = |client: &mut Client| client.done(&json!({"do": "state"}))["faults"].clone();
    let tear = json!([{"number": 1, "fault": "tear:before-command=1000"}]);
    assert_eq!(faults(&mut client), tear);
    client.done(&json!({"do": "remove-fault", "number": 1}));
    assert_eq!(faults(&mut client), json!([]));
    assert_eq!(
        client.refused(&json!({"do": "remove-fault", "number": 1})),
        "not-found"
    );
    // Each takes the place of the one before; what is taken back does not come.
    client.done(&json!({"do": "add-fault", "fault": "tear:before-answer=1"}));
    client.done(&json!({"do": "tear", "at": "before-command=1"}));
    let fault = json!({"do": "add-fault", "fault": "sw:sw=6F00,ins=20"});
    client.done(&fault);
    let both = json!([
        {"number": 3, "fault": "tear:before-command=1"},
        {"number": 4, "fault": "sw:sw=6F00,ins=20"},
    ]);
    assert_eq!(faults(&mut client), both);
    client.done(&json!({"do": "remove-fault", "number": 3}));
    assert!(service.sees(&lab, CHALLENGE).contains(ANSWERED));
    client.done(&json!({"do": "tear", "at": "after-bytes=0"}));
    client.done(&json!({"do": "remove-fault"}));
    assert_eq!(faults(&mut client), json!([]));
    // It goes with the card, and is gone when it has come, or when the card is made what it was.
    client.done(&json!({"do": "snapshot"}));
    client.done(&json!({"do": "tear"}));
    client.done(&json!({"do": "remove"}));
    client.done(&json!({"do": "insert"}));
    assert_eq!(faults(&mut client)[0]["fault"], "tear:before-answer=1");
    assert!(!service.sees(&lab, CHALLENGE).contains(ANSWERED));
    assert_eq!(faults(&mut client), json!([]));
    client.done(&json!({"do": "insert"}));
    client.done(&json!({"do": "tear"}));
    client.done(&json!({"do": "restore"}));
    assert_eq!(faults(&mut client), json!([]));
    assert!(service.sees(&lab, CHALLENGE).contains(ANSWERED));
}

/// A tear that was asked for keeps the card out when it comes, and nothing else does.
#[test]
fn a_card_that_leaves_by_another_fault_comes_back_after_a_tear_was_asked_for() {
    let lab = Lab::new("valid");
    lab.other_card();
    // Here cards that leave by themselves come back by themselves.
    let service = Service::start(&lab, &["--fault", "tear:before-command=9999", "card.json"]);
    let mut client = service.client();
    let state = |client: &mut Client| client.done(&json!({"do": "state"}))["state"].clone();
    let leaves = |client: &mut Client, before: &str| {
        let fault = json!({"do": "add-fault", "fault": "remove:ins=84,times=1"});
        let number = client.done(&fault)["number"].clone();
        assert!(
            !service.sees(&lab, CHALLENGE).contains(ANSWERED),
            "{before}"
        );
        std::thread::sleep(std::time::Duration::from_millis(1500));
        until(before, || state(client) == "card");
        client.done(&json!({"do": "remove-fault", "number": number}));
        assert!(service.sees(&lab, CHALLENGE).contains(ANSWERED), "{before}");
    };
    let tear = json!({"do": "tear", "at": "before-command=9999"});
    client.done(&json!({"do": "snapshot"}));
    client.done(&tear);
    client.done(&json!({"do": "restore"}));
    leaves(&mut client, "the card was made what it was");
    client.done(&tear);
    leaves(&mut client, "the tear is still to come");
    client.done(&tear);
    client.done(&json!({"do": "swap", "image": "other.json"}));
    leaves(&mut client, "another card took its place");
    // One that comes keeps it out, though another fault struck before it.
    client.done(&json!({"do": "tear"}));
    assert!(!service.sees(&lab, CHALLENGE).contains(ANSWERED));
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert_eq!(state(&mut client), "empty");
}

#[test]
fn readers_appear_and_go() {
    let lab = Lab::new("valid");
    lab.other_card();
    let service = Service::start(&lab, &["card.json"]);
    let mut client = service.client();
    let second = json!({"do": "add-reader", "reader": "Second 00 00", "image": "other.json"});
    assert_eq!(client.done(&second)["state"], "card");
    assert_eq!(client.refused(&second), "image-in-use");
    client.done(&json!({"do": "add-reader", "reader": "Third"}));
    let listed = service.sees(&lab, "opensc-tool --list-readers");
    for name in ["Kortlab 00 00", "Second 00 00", "Third"] {
        assert!(listed.contains(name), "{listed}");
    }
    assert!(service.sees(&lab, "opensc-tool -r 1 -n").contains("SetCOS"));
    assert_eq!(
        client.refused(&json!({"do": "remove"})),
        "usage",
        "which one?"
    );
    client.done(&json!({"do": "remove", "reader": "Second 00 00"}));
    let third = |image: &str| json!({"do": "insert", "reader": "Third", "image": image});
    assert_eq!(client.refused(&third("card.json")), "image-in-use");
    assert_eq!(
        client.refused(&third("other.json")),
        "image-in-use",
        "it is beside its reader"
    );
    client.done(&json!({"do": "remove-reader", "reader": "Second 00 00"}));
    assert_eq!(client.done(&third("other.json"))["state"], "card");
    let listed = service.sees(&lab, "opensc-tool --list-readers");
    assert!(!listed.contains("Second"), "{listed}");
    assert!(service.sees(&lab, "opensc-tool -r 1 -n").contains("SetCOS"));
    // Sixteen are all that PC/SC programs are told of.
    for number in 2..16 {
        client.done(&json!({"do": "add-reader", "reader": format!("Reader {number}")}));
    }
    assert_eq!(
        client.refused(&json!({"do": "add-reader", "reader": "More"})),
        "usage"
    );
    client.done(&json!({"do": "remove-reader", "reader": "Reader 2"}));
    client.done(&json!({"do": "add-reader", "reader": "More"}));
}

#[test]
fn bad_requests_and_bad_clients_harm_nobody() {
    let lab = Lab::new("valid");
    let service = Service::start(&lab, &["card.json"]);
    let mut client = service.client();
    for line in [
        &b"remove"[..],
        b"{}",
        b"[]",
        b"null",
        b"\"remove\"",
        b"{\"do\":\"dance\"}",
        b"{\"do\":\"remove\",\"at\":1}",
        b"{\"do\":\"remove\"} x",
        b"{\"do\":\"swap\"}",
        &[0xFF; 300],
        &[b'['; 60_000],
        &[b'{'; 60_000],
    ] {
        client.send(line);
        client.send(b"\n");
        let answer = client.answer();
        assert_eq!(answer["error"]["kind"], "usage", "{answer}");
    }
    for reader in ["", "x", "\u{0}", &"y".repeat(10_000)] {
        assert_eq!(
            client.refused(&json!({"do": "state", "reader": reader})),
            "no-reader"
        );
        let add = json!({"do": "add-reader", "reader": format!("{reader}\n")});
        assert_eq!(client.refused(&add), "usage");
    }
    // Empty lines are none; several requests may come at once, and in pieces.
    client.send(b"\n\r\n{\"do\":\"state\"}\n{\"do\":");
    assert_eq!(client.answer()["readers"][0]["state"], "card");
    client.send(b"\"state\"}\r\n");
    assert_eq!(client.answer()["readers"][0]["state"], "card");
    // A line without an end.
    let mut endless = service.client();
    let sent = endless.stream.get_mut().write_all(&vec![b' '; 200_000]);
    let answer = endless.answer();
    assert!(
        sent.is_err() || answer["error"]["message"].to_string().contains("65536"),
        "{answer}"
    );
    // Many clients, each in the middle of a long request, and those that go without reading.
    let before = memory(&service);
    let mut crowd = Vec::new();
    for number in 0..200 {
        let Ok(mut stream) = UnixStream::connect(&service.door) else {
            continue;
        };
        let _ = stream.write_all(&vec![b'"'; 60_000]);
        if number % 2 == 0 {
            let _ = stream.write_all(b"\n{\"do\":\"state\"}\n");
            drop(stream);
        } else {
            crowd.push(stream);
        }
    }
    let mut another = service.client();
    assert_eq!(another.done(&json!({"do": "state"}))["state"], "card");
    assert!(service.sees(&lab, CHALLENGE).contains(ANSWERED));
    let grown = memory(&service).saturating_sub(before);
    assert!(grown < 32 << 10, "{grown} KiB");
    drop(crowd);
    until("they are gone", || threads(&service) < 20);
    assert_eq!(service.running.end_with("TERM").code(), Some(0));
}

/// What a service holds in memory, in KiB.
fn memory(service: &Service) -> u64 {
    status(service, "VmRSS:")
}

fn threads(service: &Service) -> u64 {
    status(service, "Threads:")
}

fn status(service: &Service, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", service.running.id()));
    let status = status.expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .expect("a number")
}

#[test]
fn a_card_at_work_keeps_nobody_waiting_who_wants_another_one() {
    let lab = Lab::new("valid");
    let service = Service::start(&lab, &["card.json"]);
    let mut client = service.client();
    client.done(&json!({"do": "add-reader", "reader": "Second"}));
    let slow = json!({"do": "add-fault", "reader": "Kortlab 00 00", "fault": "delay:ms=3000,ins=84,nth=1"});
    client.done(&slow);
    let line = format!("{} opensc-tool -r 0 -s 00:84:00:00:08", service.line);
    let mut program = std::process::Command::new("sh");
    program
        .args(["-c", &line])
        .stdout(std::process::Stdio::null());
    let begun = std::time::Instant::now();
    let mut program = program.spawn().expect("sh runs");
    let at_work = |client: &mut Client| {
        let state = client.ask(&json!({"do": "state", "reader": "Kortlab 00 00"}));
        state["readers"][0]["commands"].as_u64().expect("a number")
    };
    until("it asks", || at_work(&mut client) > 0);
    std::thread::sleep(std::time::Duration::from_millis(500));
    // The card is at work; its reader is seen all the same, and the other one is free.
    let mut removing = service.client();
    removing.send(b"{\"do\":\"remove\",\"reader\":\"Kortlab 00 00\"}\n");
    client.done(&json!({"do": "state"}));
    client.done(&json!({"do": "remove-fault", "reader": "Second"}));
    assert!(begun.elapsed().as_secs_f32() < 2.5, "{:?}", begun.elapsed());
    // What wants the card waits for the end of its command.
    assert_eq!(removing.answer()["readers"][0]["state"], "empty");
    assert!(begun.elapsed().as_secs_f32() > 2.5, "{:?}", begun.elapsed());
    assert!(program.wait().is_ok());
}

#[test]
fn the_command_says_what_the_door_says() {
    let lab = Lab::new("valid");
    let service = Service::start(&lab, &["card.json"]);
    let ctl = |arguments: &[&str]| finish(lab.kortlab(&[&["ctl"], arguments].concat()));
    let output = ctl(&["state"]);
    assert_eq!(
        stdout(&output),
        "Kortlab 00 00: the card card.json; 0 commands\n"
    );
    assert_eq!(stdout(&ctl(&["list"])), stdout(&output));
    let output = ctl(&["fault", "add", "sw:sw=6F00"]);
    assert!(
        stdout(&output).contains("  fault 1: sw:sw=6F00\n"),
        "{}",
        stdout(&output)
    );
    for (arguments, code) in [
        (&["fault", "add", "dance"][..], 2),
        (&["fault", "remove", "9"], 1),
        (&["--reader", "x", "remove"], 3),
        (&["swap", "none.json"], 1),
        (&["restore"], 1),
        (&["insert"], 1),
        (&["tear", "soon"], 2),
        (&["--control", "none", "state"], 3),
        (&["reader", "remove", "x"], 3),
    ] {
        assert_plain_error(&ctl(arguments), code);
    }
    let json = finish(lab.kortlab(&["--json", "ctl", "remove"]));
    let json: Value = serde_json::from_slice(&json.stdout).expect("a document");
    assert_eq!(json["readers"][0]["state"], "empty");
    let json = finish(lab.kortlab(&["--json", "ctl", "remove"]));
    let json: Value = serde_json::from_slice(&json.stdout).expect("a document");
    assert_eq!(
        (&json["error"]["kind"], &json["error"]["exit_code"]),
        (&json!("no-card"), &json!(3))
    );
    // Which of two?
    let second = Service::start(&lab, &["--ephemeral", "card.json", "--socket", "second"]);
    assert_plain_error(&ctl(&["state"]), 2);
    let door = second.door.display().to_string();
    assert_code(&ctl(&["--control", &door, "state"]), 0);
    drop((second, service));
    assert_plain_error(&ctl(&["state"]), 3);
}

#[test]
fn a_card_on_a_socket_is_reached_as_well() {
    let lab = Lab::new("valid");
    lab.other_card();
    let emulate = ["--json", "emulate", "card.json", "--socket", "card.sock"];
    let card = Running::start(lab.kortlab(&emulate));
    let news: Value = serde_json::from_str(card.first_line()).expect("a document");
    let mut client = Client::new(Path::new(news["control"].as_str().expect("a door")));
    let atr = || finish(lab.kortlab(&["-c", "socket:card.sock", "info"]));
    assert_code(&atr(), 0);
    let state = client.done(&json!({"do": "remove"}));
    assert_eq!(state["reader"], "socket:card.sock");
    assert_plain_error(&atr(), 3);
    assert_eq!(
        client.refused(&json!({"do": "add-reader", "reader": "x"})),
        "unsupported"
    );
    client.done(&json!({"do": "insert", "image": "other.json"}));
    assert_code(&atr(), 0);
    client.done(&json!({"do": "snapshot"}));
    client.done(&json!({"do": "restore"}));
    assert_code(&atr(), 0);
    client.done(&json!({"do": "add-fault", "fault": "sw:sw=6F00"}));
    assert_ne!(atr().status.code(), Some(0));
    assert_eq!(card.end_with("TERM").code(), Some(0));
}

#[test]
fn the_example_of_the_document_prints_what_the_document_says() {
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/control.md");
    let document = fs::read_to_string(document).expect("a document");
    let block = |kind: &str| {
        let (_, rest) = document.split_once(&format!("```{kind}\n")).expect(kind);
        rest.split_once("```").expect("an end").0.to_owned()
    };
    let lab = Lab::new("valid");
    lab.write("example.py", block("python").as_bytes());
    assert_eq!(lab.ran(&["/usr/bin/python3", "example.py"]), block("text"));
    // The commands of the table are those that there are.
    for command in [
        "state", "insert", "remove", "swap", "tear", "fault", "snapshot", "restore", "reader",
    ] {
        let help = lab.kortlab(&["ctl", command, "--help"]).output();
        assert_code(&help.expect("kortlab runs"), 0);
        assert!(
            document.contains(&format!("| `{command} "))
                || document.contains(&format!("| `{command}`"))
        );
    }
}
