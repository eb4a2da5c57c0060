//! `kill -9` of the program, the service and a control client, at any moment.

use std::fs;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::lab::{AUTH, Lab, finish, signal, until};

/// Changes the PIN again and again, and notes each change that the card has acknowledged.
const PROGRAM: &str = "\
import os, sys
from smartcard.scard import *

number = int(sys.argv[1])
def pin(number):
    return list(str(number).encode()) + [0, 0]
def noted(name, text):
    with open(name + '.new', 'w') as file:
        file.write(text)
    os.rename(name + '.new', name)
hr, context = SCardEstablishContext(SCARD_SCOPE_USER)
hr, card, protocol = SCardConnect(context, 'Kortlab 00 00', SCARD_SHARE_SHARED, 3)
assert hr == 0
noted('pid', str(os.getpid()))
while True:
    change = [0, 0x24, 0, 0x81, 16] + pin(number) + pin(number + 1)
    hr, answer = SCardTransmit(card, protocol, change)
    assert hr == 0 and answer == [0x90, 0], (hr, answer)
    number += 1
    noted('acknowledged', str(number))
";

/// How many times; many, where somebody wants to know.
fn times() -> u64 {
    let times = std::env::var("KORTLAB_KILLS").ok();
    times.and_then(|times| times.parse().ok()).unwrap_or(6)
}

/// A number without a pattern (xorshift64).
fn next(random: &mut u64) -> u64 {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    *random
}

fn number(lab: &Lab, name: &str) -> u64 {
    let text = fs::read_to_string(lab.path(name)).expect(name);
    text.trim().parse().expect("a number")
}

/// A client that asks without end.
fn asking(lab: &Lab) -> Child {
    let ask = format!(
        "while :; do {0} ctl --control door snapshot; {0} ctl --control door state; done",
        crate::lab::KORTLAB
    );
    let mut client = std::process::Command::new("sh");
    client
        .args(["-c", &ask])
        .current_dir(lab.path(""))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    client.spawn().expect("sh runs")
}

/// Whether this is the PIN.
fn is_pin(lab: &Lab, pin: u64) -> bool {
    let mut verify = lab.kortlab(&["-c", "card.json", "pin", "verify", "auth"]);
    verify.args(["--auth-pin", "env:KEYED"]);
    verify.env("KEYED", pin.to_string());
    match finish(verify).status.code() {
        Some(0) => true,
        Some(4) => false,
        other => panic!("the image is not whole: {other:?}"),
    }
}

#[test]
fn whatever_is_killed_the_image_is_whole_and_has_what_was_acknowledged() {
    let lab = Lab::new("valid");
    lab.write("change.py", PROGRAM.as_bytes());
    lab.write("acknowledged", AUTH.as_bytes());
    let mut random = 0x9E37_79B9_7F4A_7C15;
    let mut changes = 0;
    for round in 0..times() {
        let begun = number(&lab, "acknowledged");
        for left in ["pid", "door"] {
            let _ = fs::remove_file(lab.path(left));
        }
        let start = begun.to_string();
        let run = [
            "run",
            "--control",
            "door",
            "card.json",
            "--",
            "/usr/bin/python3",
            "change.py",
        ];
        let mut run = lab.kortlab(&[&run[..], &[&start]].concat());
        let mut service = run.stderr(Stdio::null()).spawn().expect("kortlab runs");
        until("the program has the card", || lab.path("pid").exists());
        let mut client = asking(&lab);
        std::thread::sleep(Duration::from_millis(next(&mut random) % 300));
        match round % 3 {
            0 => signal(
                "KILL",
                u32::try_from(number(&lab, "pid")).expect("a process"),
            ),
            1 => service.kill().expect("killed"),
            _ => {
                // Nobody notices; then the service ends as it is told to.
                client.kill().expect("killed");
                let before = number(&lab, "acknowledged");
                until("it goes on", || number(&lab, "acknowledged") > before);
                service.kill().expect("killed");
            }
        }
        service.wait().expect("ended");
        let _ = client.kill();
        client.wait().expect("ended");
        // One more may have been done whose answer nobody heard.
        let acknowledged = number(&lab, "acknowledged");
        let now = match is_pin(&lab, acknowledged) {
            true => acknowledged,
            false => acknowledged + 1,
        };
        assert!(is_pin(&lab, now), "{acknowledged} was acknowledged");
        changes += now - begun;
        lab.write("acknowledged", now.to_string().as_bytes());
        assert!(lab.ran(&["opensc-tool", "-n"]).contains("SetCOS"));
    }
    assert!(changes > 0);
    until("all sockets are gone", || {
        lab.ran(&["true"]);
        lab.sockets().is_empty()
    });
}
