//! The control door of `kortlab emulate`, beside the real pcscd.

use std::time::{Duration, Instant};

use kortlab_interop::Running;

use crate::lab::{KORTLAB, Lab, Link, card};

/// A card in pcscd's reader whose door is known.
fn emulated(lab: &Lab, options: &[&str]) -> Running {
    let image = lab.write("card.json", &card("valid", "t0"));
    let door = lab.path("door");
    let emulate = lab
        .tool(KORTLAB)
        .args(["emulate", &image, "--control", &door]);
    let running = emulate.args(options).spawn().unwrap();
    until(lab, "the card is in", "Yes");
    running
}

/// What `kortlab ctl` prints.
fn ctl(lab: &Lab, arguments: &[&str]) -> String {
    let door = lab.path("door");
    let ctl = lab.tool(KORTLAB).args(["ctl", "--control", &door]);
    let output = ctl.args(arguments).run().unwrap();
    output.success().unwrap().stdout_text()
}

fn readers(lab: &Lab) -> String {
    let list = lab.tool("opensc-tool").args(["--list-readers"]);
    list.run().unwrap().stdout_text()
}

/// Waits until the first reader holds a card (`Yes`) or none (`No`).
#[track_caller]
fn until(lab: &Lab, what: &str, is: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let first = format!("0    {is}");
    while !readers(lab).contains(&first) {
        assert!(
            Instant::now() < deadline,
            "still not: {what}\n{}",
            readers(lab)
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_card_leaves_pcscds_reader_comes_back_and_is_swapped() {
    let lab = Lab::without_card(Link::T0);
    let mut running = emulated(&lab, &[]);
    let dump = || {
        lab.pkcs15_tool(&["--dump"])
            .success()
            .unwrap()
            .stdout_text()
    };
    let first = dump();
    let removed = ctl(&lab, &["remove"]);
    assert!(removed.contains("empty; the card"), "{removed}");
    until(&lab, "the card is out", "No");
    // It stays out.
    std::thread::sleep(Duration::from_secs(3));
    until(&lab, "the card is out", "No");
    ctl(&lab, &["insert"]);
    until(&lab, "the card is back", "Yes");
    assert_eq!(dump(), first);
    let other = lab.write("other.json", &card("delivered", "t0"));
    ctl(&lab, &["swap", &other]);
    std::thread::sleep(Duration::from_secs(2));
    until(&lab, "the other card is in", "Yes");
    assert_ne!(dump(), first);
    running.interrupt().unwrap();
    let ended = running.wait(Duration::from_secs(20)).unwrap();
    let text = ended.success().unwrap().stdout_text();
    assert!(text.contains("it was taken out"), "{text}");
    assert!(text.contains("other.json: ejected"), "{text}");
}

#[test]
fn a_card_is_torn_out_and_stays_out_until_it_is_put_in_and_a_script_does_it_by_itself() {
    let lab = Lab::without_card(Link::T0);
    let mut running = emulated(&lab, &["--at", "40 remove", "--at", "40+2000 insert"]);
    let dump = || lab.pkcs15_tool(&["--dump"]);
    ctl(&lab, &["tear", "before-command=5"]);
    dump();
    until(&lab, "the card is out", "No");
    std::thread::sleep(Duration::from_secs(3));
    until(&lab, "the card is out", "No");
    ctl(&lab, &["insert"]);
    until(&lab, "the card is back", "Yes");
    while !ctl(&lab, &["state"]).contains("empty") {
        dump();
    }
    std::thread::sleep(Duration::from_secs(3));
    until(&lab, "the card is back", "Yes");
    dump().success().unwrap();
    running.interrupt().unwrap();
    running
        .wait(Duration::from_secs(20))
        .unwrap()
        .success()
        .unwrap();
}

#[test]
fn a_card_is_spoilt_and_set_back_where_pcscd_hears_nothing_of_it() {
    let lab = Lab::without_card(Link::T0);
    let _running = emulated(&lab, &[]);
    ctl(&lab, &["snapshot", "fresh"]);
    let wrong = ["--verify-pin", "--auth-id", "01", "--pin", "000000"];
    lab.pkcs15_tool(&wrong);
    let tries = || {
        let tries = lab.tool("opensc-tool").args(["-s", "00:20:00:81"]);
        tries.run().unwrap().success().unwrap().stdout_text()
    };
    assert!(tries().contains("SW2=0xC2"), "{}", tries());
    ctl(&lab, &["restore", "fresh"]);
    assert!(tries().contains("SW2=0xC3"), "{}", tries());
    ctl(&lab, &["fault", "add", "sw:ins=20,sw=6F07"]);
    assert!(tries().contains("SW2=0x07"), "{}", tries());
    ctl(&lab, &["fault", "remove", "all"]);
    assert!(tries().contains("SW2=0xC3"), "{}", tries());
}
