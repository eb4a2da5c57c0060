//! Changes that were interrupted: `kortlab recover`, the commands that recover first, and journals
//! that are of no use.

mod common;

use std::fs;
use std::path::PathBuf;

use common::{Lab, assert_code, assert_plain_error, stderr, stdout};
use kortlab_card::{Card, Change, ErrorKind, FileJournal, NewCertificate, Pin, PinRole};
use kortlab_emulator::memory::{MemoryTechnology, PowerCut};
use kortlab_emulator::{CardRng, Image, InProcess, VirtualCard};

/// A card whose last HCC was being replaced when it was pulled out, half-way through its
/// directory; the journal of that is where `kortlab` looks for it.
fn torn_card() -> (Lab, PathBuf) {
    let lab = Lab::new("valid");
    let journal = lab.path("state/kortlab/transactions");
    let mut image = Image::from_json(&lab.image()).expect("an image");
    image.settings.memory = MemoryTechnology::Paged;
    for bytes in (1500..).step_by(60) {
        assert!(bytes < 5000, "the directory is never torn");
        let card = VirtualCard::new(image.clone(), CardRng::from_seed(1)).expect("a card");
        let mut card = Card::open(InProcess::ephemeral(card)).expect("a session");
        let pin = Pin::try_from("123456").expect("a PIN");
        card.verify(PinRole::Authentication, &pin)
            .expect("verified");
        let slots = card.slots().expect("slots");
        let replaced = slots.get(2).expect("four certificates").clone();
        let again = NewCertificate::new(replaced.der.clone(), 0x45, "Replaced");
        let change = Change::new().remove(replaced).write(again);
        let power = PowerCut::AfterBytes(bytes);
        card.channel_mut().card_mut().schedule_power_cut(power);
        let mut files = FileJournal::at(&journal);
        let error = card.change(&change, &mut files).expect_err("pulled out");
        assert_eq!(error.kind(), ErrorKind::Unfinished);
        let path = files.path(&card.card_key());
        let mut channel = card.into_channel();
        channel.reinsert();
        let left = channel.card().image();
        let card = Card::open(channel).expect("a session");
        if !card.contents().problems.is_empty() {
            fs::write(lab.path("card.json"), left.to_json()).expect("written");
            return (lab, path);
        }
        fs::remove_file(path).expect("removed");
    }
    unreachable!()
}

fn labels(lab: &Lab) -> Vec<String> {
    let listed = lab.json(&["cert", "list"]);
    let certificates = listed["certificates"].as_array().expect("a list");
    certificates
        .iter()
        .map(|certificate| certificate["label"].as_str().unwrap_or("?").to_owned())
        .collect()
}

#[test]
fn a_torn_card_is_recovered_once_and_then_there_is_nothing_to_recover() {
    let (lab, journal) = torn_card();
    let output = lab.with_pins(&["recover"]);
    assert_code(&output, 0);
    assert!(stdout(&output).contains("completed"), "{}", stdout(&output));
    assert!(
        stderr(&output).contains("interrupted"),
        "{}",
        stderr(&output)
    );
    assert!(!journal.exists());
    let labels = labels(&lab);
    assert_eq!(labels.len(), 4);
    assert_eq!(labels[3], "Replaced");
    let again = lab.with_pins(&["recover"]);
    assert_code(&again, 0);
    assert!(stdout(&again).contains("nothing to recover"));
}

#[test]
fn a_command_that_changes_certificates_recovers_first() {
    let (lab, journal) = torn_card();
    let output = lab.with_pins(&["cert", "remove", "Replaced"]);
    assert_code(&output, 0);
    let told = stderr(&output);
    assert!(told.contains("it is recovered now"), "{told}");
    assert!(told.contains("(write 1, remove 1) is completed"), "{told}");
    assert!(told.contains("guarantee: "), "{told}");
    assert!(!journal.exists());
    assert_eq!(labels(&lab).len(), 3);
}

#[test]
fn a_journal_of_no_use_is_one_clear_line_and_nothing_is_written_or_deleted() {
    let (lab, journal) = torn_card();
    let good = fs::read(&journal).expect("a journal");
    let image = lab.image();
    let other_version = String::from_utf8(good.clone())
        .expect("text")
        .replace("\"version\": 2", "\"version\": 9");
    for bad in [
        good[..good.len() / 2].to_vec(),
        b"\x00\xFF\x17".repeat(1000),
        Vec::new(),
        other_version.into_bytes(),
    ] {
        fs::write(&journal, &bad).expect("written");
        for command in [&["recover"][..], &["cert", "remove", "4331"]] {
            let output = lab.with_pins(command);
            assert_plain_error(&output, 1);
            assert!(stderr(&output).contains("left as it is"));
            assert_eq!(lab.image(), image);
            assert_eq!(fs::read(&journal).expect("still there"), bad);
        }
    }
}

#[test]
fn a_wrong_pin_recovers_nothing() {
    let (lab, journal) = torn_card();
    let mut command = lab.command(&["recover", "--auth-pin", "env:AUTH"]);
    let output = command
        .env("AUTH", "000000")
        .output()
        .expect("kortlab runs");
    assert_code(&output, 4);
    assert!(
        stderr(&output).contains("2 tries are left"),
        "{}",
        stderr(&output)
    );
    assert!(journal.exists());
    assert_code(&lab.with_pins(&["recover"]), 0);
}

#[test]
fn a_full_card_says_what_to_remove_and_its_image_keeps_every_byte() {
    let lab = Lab::new("full");
    // The same certificate once more: one that fits the key, and has no room.
    let read = ["cert", "read", "4331", "--out", "new.pem"];
    assert_code(&lab.run(&read), 0);
    let image = lab.image();
    let output = lab.with_pins(&["cert", "write", "new.pem", "--key", "45", "--force"]);
    assert_code(&output, 1);
    let told = stderr(&output);
    assert!(told.contains("nothing was changed"), "{told}");
    assert!(
        told.contains("remove one that is no longer needed: \"TEST Telia Card Identifier CA v3\" of an authority"),
        "{told}"
    );
    assert!(lab.image() == image, "the image was changed");
}

#[test]
fn an_expired_certificate_is_refused_before_a_pin_is_asked_for() {
    let lab = Lab::new("expired");
    let read = ["cert", "read", "4333", "--out", "old.pem"];
    assert_code(&lab.run(&read), 0);
    assert_code(&lab.with_pins(&["cert", "remove", "4333"]), 0);
    let image = lab.image();
    let output = lab.run(&["cert", "write", "old.pem", "--key", "45"]);
    assert_plain_error(&output, 1);
    assert!(
        stderr(&output).contains("has expired"),
        "{}",
        stderr(&output)
    );
    assert!(stderr(&output).contains("--force"));
    assert_eq!(lab.image(), image);
    let forced = lab.with_pins(&["cert", "write", "old.pem", "--key", "45", "--force"]);
    assert_code(&forced, 0);
    assert!(stderr(&forced).contains("warning"), "{}", stderr(&forced));
}

/// A removal that was torn out: what completes or undoes it is in the image.
fn torn_image() -> Lab {
    let lab = Lab::new("valid");
    let fault = ["--fault", "tear:after-bytes=20"];
    let remove = ["cert", "remove", "HCC Underskrift"];
    assert_code(&lab.with_pins(&[&fault[..], &remove].concat()), 7);
    lab
}

#[test]
fn a_directory_that_was_changed_since_is_not_said_to_be_recovered_now() {
    let (in_file, journal) = torn_card();
    let in_image = torn_image();
    let place = journal.to_str().expect("a path");
    for (lab, names) in [(&in_file, place), (&in_image, "pending_change")] {
        let mut image: serde_json::Value = serde_json::from_slice(&lab.image()).expect("JSON");
        let directory = find(&mut image["master_file"], "4403").expect("EF(CDF)");
        // The label of the first certificate.
        let data = directory["data"].as_str().expect("data").to_owned();
        let at = data.find("0C").expect("a label") + 4;
        let mut changed = data;
        changed.replace_range(at..at + 2, "5A");
        directory["data"] = changed.into();
        fs::write(lab.path("card.json"), image.to_string()).expect("written");
        let before = lab.image();
        let output = lab.with_pins(&["recover"]);
        assert_plain_error(&output, 1);
        let said = stderr(&output);
        assert!(said.contains("another program has changed"), "{said}");
        assert!(!said.contains("recovered now"), "{said}");
        assert!(!said.contains("move the journal away"), "{said}");
        let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(names), "{said}");
        assert_eq!(lab.image(), before);
        // By force it is.
        let output = lab.with_pins(&["recover", "--force"]);
        assert_code(&output, 0);
        assert!(stderr(&output).contains("recovered now"));
    }
}

fn find<'a>(file: &'a mut serde_json::Value, fid: &str) -> Option<&'a mut serde_json::Value> {
    if file["fid"] == fid {
        return Some(file);
    }
    let files = file["files"].as_array_mut()?;
    files.iter_mut().find_map(|file| find(file, fid))
}

#[test]
fn a_copy_that_nothing_is_kept_of_is_recovered_and_its_image_waits_as_before() {
    let lab = torn_image();
    let image = lab.image();
    for _ in 0..2 {
        let output = lab.with_pins(&["--ephemeral", "recover"]);
        assert_code(&output, 0);
        assert!(!stdout(&output).contains("nothing to recover"));
        // A command that changes certificates recovers its copy first.
        let output = lab.with_pins(&["--ephemeral", "cert", "remove", "HCC Legitimering"]);
        assert_code(&output, 0);
        assert!(stderr(&output).contains("it is recovered now"));
        let info = lab.run(&["--ephemeral", "info"]);
        assert_code(&info, 6);
        assert!(
            stderr(&info).contains("kortlab recover"),
            "{}",
            stderr(&info)
        );
        assert_eq!(lab.image(), image);
    }
    assert_code(&lab.with_pins(&["recover"]), 0);
    let output = lab.with_pins(&["--ephemeral", "recover"]);
    assert!(stdout(&output).contains("nothing to recover"));
}

#[test]
fn a_note_in_the_image_that_is_of_no_use_is_told_for_a_copy_as_well() {
    let lab = torn_image();
    let mut image: serde_json::Value = serde_json::from_slice(&lab.image()).expect("JSON");
    image["pending_change"]["purpose"] = "another one".into();
    fs::write(lab.path("card.json"), image.to_string()).expect("written");
    let image = lab.image();
    for options in [&["--ephemeral"][..], &[]] {
        let output = lab.with_pins(&[options, &["recover"]].concat());
        assert_plain_error(&output, 1);
        let said = stderr(&output);
        assert!(said.contains("pending_change"), "{said}");
        assert_eq!(lab.image(), image);
    }
}

#[test]
fn the_change_of_a_card_with_other_keys_is_not_carried_out_on_an_image_not_even_by_force() {
    let lab = torn_image();
    let parsed =
        |bytes: &[u8]| -> serde_json::Value { serde_json::from_slice(bytes).expect("JSON") };
    let torn = parsed(&lab.image());
    let new = ["card", "new", "-o", "other.json", "--state", "valid"];
    assert_code(&lab.run(&[&new[..], &["--seed", "8"]].concat()), 0);
    let mut other = parsed(&fs::read(lab.path("other.json")).expect("an image"));
    other["pending_change"] = torn["pending_change"].clone();
    fs::write(lab.path("card.json"), other.to_string()).expect("written");
    let before = lab.image();
    for command in [
        &["recover"][..],
        &["recover", "--force"],
        &["cert", "remove", "HCC Underskrift"],
    ] {
        let output = lab.with_pins(command);
        assert_plain_error(&output, 1);
        let said = stderr(&output);
        assert!(said.contains("another card's"), "{said}");
        assert!(!said.contains("recovered now"), "{said}");
        assert_eq!(lab.image(), before);
    }
    let info = lab.run(&["info"]);
    assert!(
        stderr(&info).contains("another card's"),
        "{}",
        stderr(&info)
    );
}

#[test]
fn a_card_that_waits_for_its_recovery_is_told_when_it_is_put_into_a_reader() {
    let lab = torn_image();
    let mut command = lab.command(&["emulate", "card.json", "--socket", "card.socket"]);
    let mut emulating = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("kortlab runs");
    let mut line = String::new();
    let mut news = std::io::BufReader::new(emulating.stdout.take().expect("piped"));
    std::io::BufRead::read_line(&mut news, &mut line).expect("news");
    let id = emulating.id().to_string();
    let kill = std::process::Command::new("kill").arg(&id).status();
    assert!(kill.expect("kill runs").success());
    let mut said = String::new();
    let mut errors = emulating.stderr.take().expect("piped");
    std::io::Read::read_to_string(&mut errors, &mut said).expect("text");
    emulating.wait().expect("ended");
    assert!(said.contains("kortlab --card card.json recover"), "{said}");
    assert_code(&lab.with_pins(&["recover"]), 0);
}

#[test]
fn what_is_kept_for_another_copy_is_named_where_it_is() {
    let (lab, journal) = torn_card();
    fs::write(lab.path("card.json"), Lab::new("valid").image()).expect("written");
    for time in ["first", "second"] {
        let output = lab.with_pins(&["recover"]);
        assert_code(&output, 0);
        let text = stderr(&output);
        let kept = journal.with_extension("kept.json");
        assert!(kept.is_file() && !journal.exists(), "{time}");
        let place = format!("stays in {},", kept.display());
        assert!(text.contains(&place), "{time}: {text}");
        // The keys are those of this card, so it may have been this card.
        assert!(text.contains("of this card, or of a copy of it"), "{text}");
    }
}
