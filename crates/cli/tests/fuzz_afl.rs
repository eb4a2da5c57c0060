//! `kortlab fuzz afl`: AFL++ finds what takes several spoilt answers, its campaigns go on, and what it
//! cannot work with is said.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::{Lab, assert_code, assert_plain_error, stderr, stdout};
use serde_json::Value;

/// The programs with planted bugs, as this compiler makes them.
fn planted(lab: &Lab, compiler: &str) -> String {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/planted/planted.c");
    let program = lab.path(&format!("planted-{compiler}"));
    let output = Command::new(compiler)
        .args(["-O1", "-Wall", "-Werror", "-I/usr/include/PCSC", source])
        .args(["-lpcsclite", "-o"])
        .arg(&program)
        .env("AFL_QUIET", "1")
        .output()
        .unwrap_or_else(|_| panic!("{compiler}; run: cargo xtask test"));
    assert!(output.status.success(), "{}", stderr(&output));
    program.to_str().unwrap().to_owned()
}

fn fuzz<'a>(options: &[&'a str], program: &'a str, bug: &'a str) -> Vec<&'a str> {
    let begin = ["--json", "fuzz", "afl", "--out", "found", "--seed", "1"];
    let limits = ["--limit-commands", "400", "card.json", "--", program, bug];
    [&begin[..], options, &limits].concat()
}

fn document(output: &std::process::Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", stderr(output)))
}

#[test]
fn what_takes_two_spoilt_answers_is_found_made_small_and_seen_again() {
    let lab = Lab::new("valid");
    let program = planted(&lab, "afl-clang-fast");
    let options = ["--jobs", "1", "--findings", "1", "--time", "300"];
    let output = lab.run(&fuzz(&options, &program, "both"));
    assert_code(&output, 6);
    let report = document(&output);
    assert!(report["executions"].as_u64().unwrap() > 80, "{report}");
    assert!(report["edges"].as_u64().unwrap() > 20, "{report}");
    let found = &report["findings"][0];
    assert_eq!(found["signature"], "crash: signal 6", "{report}");
    let case = found["file"].as_str().unwrap();
    let small = ["--json", "fuzz", "minimize", case, "-o", "small.json"];
    let output = lab.run(&small);
    assert_code(&output, 0);
    // One makes the name longer than 16 bytes, the other has the counter say more than 3.
    let faults = document(&output)["faults"].clone();
    assert_eq!(faults.as_array().unwrap().len(), 2, "{faults}");
    let output = lab.run(&["fuzz", "replay", "--times", "3", "small.json"]);
    assert_code(&output, 6);
    assert!(
        stdout(&output).contains("3 of 3 times"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn a_large_corpus_leaves_afl_its_time() {
    let lab = Lab::new("valid");
    let program = planted(&lab, "afl-clang-fast");
    let corpus = lab.path("corpus");
    fs::create_dir(&corpus).unwrap();
    for number in 0..2000_u16 {
        // An ATR and an answer, in the form of OpenSC's fuzzers.
        let [high, low] = number.to_be_bytes();
        let pieces = [&[0x3B, 0x00][..], &[high, low, 0x90, 0x00]];
        let with_length = |piece: &[u8]| [&(piece.len() as u16).to_ne_bytes()[..], piece].concat();
        let file = pieces.map(with_length).concat();
        fs::write(corpus.join(format!("{number:04}")), file).unwrap();
    }
    let corpus = corpus.to_str().unwrap();
    let options = ["--jobs", "1", "--time", "8", "--corpus", corpus];
    let output = lab.run(&fuzz(&options, &program, "both"));
    let report = document(&output);
    assert!(report["executions"].as_u64().unwrap() > 0, "{report}");
    let said = stderr(&output);
    assert!(said.contains("seeds were not tried"), "{said}");
}

/// The process of AFL++ that its own notes name, once there are some.
fn process_of(instance: &Path) -> Option<u32> {
    let notes = fs::read_to_string(instance.join("fuzzer_stats")).ok()?;
    let line = notes.lines().find(|line| line.starts_with("fuzzer_pid"))?;
    line.split(':').nth(1)?.trim().parse().ok()
}

fn is_there(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/stat"));
    status.is_ok_and(|status| !status.contains(") Z "))
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(120);
    while !holds() {
        assert!(Instant::now() < until, "{what}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_campaign_that_is_killed_leaves_no_process_and_goes_on_with_several_instances() {
    let lab = Lab::new("valid");
    let program = planted(&lab, "afl-clang-fast");
    let mut child = lab
        .command(&fuzz(&["--jobs", "1"], &program, "name"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let instance = lab.path("found/afl/kortlab-0");
    wait_until("AFL++ begins", || process_of(&instance).is_some());
    let process = process_of(&instance).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("AFL++ ends", || !is_there(process));
    let queue = || fs::read_dir(instance.join("queue")).unwrap().count();
    let before = queue();
    let judged = |lab: &Lab| fs::read_to_string(lab.path("found/judged")).unwrap_or_default();
    let list = judged(&lab);
    let options = ["--jobs", "2", "--executions", "400", "--time", "300"];
    let output = lab.run(&fuzz(&options, &program, "name"));
    // What was found of this bug without a sanitizer is chance.
    assert!(
        matches!(output.status.code(), Some(0 | 6)),
        "{}",
        stderr(&output)
    );
    let report = document(&output);
    assert!(report["executions"].as_u64().unwrap() > 0, "{report}");
    assert!(queue() >= before);
    assert!(judged(&lab).starts_with(&list));
    for name in ["kortlab-0", "kortlab-1"] {
        assert!(lab.path("found/afl").join(name).join("queue").is_dir());
    }
    let log = fs::read_to_string(lab.path("found/afl/kortlab-0.log")).unwrap();
    assert!(log.contains("Resuming") || log.contains("resum"), "{log}");
}

#[test]
fn what_afl_cannot_work_with_is_said_with_what_to_do() {
    let lab = Lab::new("valid");
    let plain = planted(&lab, "gcc");
    let options = ["--jobs", "1", "--time", "5"];
    let output = lab.run(&fuzz(&options, &plain, "name"));
    assert_plain_error(&output, 1);
    assert!(stderr(&output).contains("afl-clang-fast"));
    fs::write(lab.path("script"), "#!/bin/sh\nexit 0\n").unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(lab.path("script"), executable).unwrap();
    let output = lab.run(&fuzz(&options, "./script", "name"));
    assert_plain_error(&output, 1);
    assert!(stderr(&output).contains("is a script"));
    let output = lab
        .command(&fuzz(&options, &plain, "name"))
        .env("PATH", "/nowhere")
        .output()
        .unwrap();
    assert_plain_error(&output, 1);
    assert!(stderr(&output).contains("apt-get install afl++"));
    let output = lab.run(&fuzz(&["--node", "a/b"], &plain, "name"));
    assert_plain_error(&output, 2);
    // Nothing was begun, so nothing is left.
    assert!(!lab.path("found").exists());
}

/// The pieces of a file in the form of OpenSC's fuzzers, by a reader of its own.
fn pieces(file: &[u8]) -> Vec<&[u8]> {
    let (mut pieces, mut rest) = (Vec::new(), file);
    while !rest.is_empty() {
        let length = usize::from(u16::from_ne_bytes([rest[0], rest[1]]));
        pieces.push(&rest[2..2 + length]);
        rest = &rest[2 + length..];
    }
    pieces
}

/// The same program with AddressSanitizer, which tells a read behind the end.
fn checked(lab: &Lab) -> PathBuf {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/planted/planted.c");
    let program = lab.path("checked");
    let output = Command::new("gcc")
        .args(["-g", "-O1", "-fsanitize=address", "-I/usr/include/PCSC"])
        .args([source, "-lpcsclite", "-o"])
        .arg(&program)
        .output()
        .expect("gcc");
    assert!(output.status.success(), "{}", stderr(&output));
    program
}

#[test]
fn a_finding_and_a_trace_are_test_cases_of_openscs_fuzzers_and_come_back_as_cards() {
    let lab = Lab::new("valid");
    let program = checked(&lab);
    let program = program.to_str().unwrap();
    let run = |more: &[&str]| {
        let begin = ["--json", "fuzz", "run", "--findings", "1", "--jobs", "1"];
        let end = [
            "--limit-commands",
            "400",
            "card.json",
            "--",
            program,
            "counter",
        ];
        lab.run(&[&begin[..], more, &end].concat())
    };
    let output = run(&["--out", "found", "--seed", "5", "--executions", "6000"]);
    assert_code(&output, 6);
    let found = document(&output)["findings"][0].clone();
    let case = found["file"].as_str().unwrap();
    assert_code(&lab.run(&["fuzz", "export", case, "-o", "finding.bin"]), 0);
    let file = fs::read(lab.path("finding.bin")).unwrap();
    let told = pieces(&file);
    assert!(told[0].starts_with(&[0x3B]), "{told:02X?}");
    // The last answer is the one that did it.
    let last = told.last().unwrap();
    assert!(
        matches!(last, [0x63, tries] if tries & 0xF > 3),
        "{told:02X?}"
    );
    // Whoever asks the same gets the same, whatever the card: it is found at once.
    let again = run(&[
        "--out",
        "again",
        "--corpus",
        "finding.bin",
        "--executions",
        "1",
    ]);
    assert_code(&again, 6);
    let report = document(&again);
    assert_eq!(report["findings"][0]["signature"], found["signature"]);
    // A session that was recorded is one, too: the program is told the same by it.
    let listed = ["run", "--ephemeral", "--trace", "t.apdu", "card.json"];
    let session = ["--", "pkcs15-tool", "--list-certificates"];
    let good = lab.run(&[&listed[..], &session].concat());
    assert_code(&good, 0);
    assert_code(&lab.run(&["fuzz", "export", "t.apdu", "-o", "t.bin"]), 0);
    let output = lab.run(&["--json", "fuzz", "import", "t.bin", "-o", "t.faults"]);
    assert_code(&output, 0);
    let answers = pieces(&fs::read(lab.path("t.bin")).unwrap()).len() - 1;
    assert_eq!(document(&output)["answers"], answers);
    let fault = fs::read_to_string(lab.path("t.faults")).unwrap();
    assert_code(
        &lab.run(&["card", "new", "-o", "blank.json", "--state", "blank"]),
        0,
    );
    let played = ["run", "--ephemeral", "--fault", fault.trim(), "blank.json"];
    let played = lab.run(&[&played[..], &session].concat());
    assert_eq!(stdout(&played), stdout(&good), "{}", stderr(&played));
}

#[test]
fn files_that_are_no_test_cases_are_named_with_the_reason() {
    let lab = Lab::new("valid");
    fs::create_dir(lab.path("corpus")).unwrap();
    // As a fuzzer of a tool has it: arguments, two zeros, an ATR, an answer, and one that is cut.
    let file = b"-k\0-C\0\0\x02\x003B\x02\x00\x6A\x82\x09\x00\x90\x00";
    let file = [&file[..9], &[0x3B, 0x00], &file[11..]].concat();
    fs::write(lab.path("corpus/tool"), file).unwrap();
    fs::write(lab.path("corpus/photograph"), [0xFF; 300]).unwrap();
    fs::write(lab.path("corpus/faults"), "empty:ins=B0\n").unwrap();
    let output = lab.run(&["fuzz", "import", "corpus/tool", "-o", "tool.faults"]);
    assert_code(&output, 0);
    let told = stderr(&output);
    assert!(told.contains("7 bytes in front of the ATR"), "{told}");
    assert!(told.contains("byte 15: the last piece"), "{told}");
    let fault = fs::read_to_string(lab.path("tool.faults")).unwrap();
    assert_eq!(fault, "answers:list=6A82.9000,atr=3B00\n");
    let output = lab.run(&["fuzz", "import", "corpus/photograph", "-o", "p.faults"]);
    assert_plain_error(&output, 1);
    assert!(stderr(&output).contains("--offset"), "{}", stderr(&output));
    let run = ["fuzz", "run", "--executions", "1", "--corpus"];
    let end = ["card.json", "--", "opensc-tool", "-n"];
    let output = lab.run(&[&run[..], &["corpus"], &end].concat());
    assert_code(&output, 0);
    let told = stderr(&output);
    assert!(told.contains("corpus: 2 test cases"), "{told}");
    assert!(
        told.contains("corpus/photograph is left alone: no piece"),
        "{told}"
    );
    let output = lab.run(&[&run[..], &["corpus/photograph"], &end].concat());
    assert_code(&output, 1);
    assert!(stderr(&output).contains("there is no test case"));
    let output = lab.run(&["fuzz", "export", "corpus/photograph", "-o", "x"]);
    assert_code(&output, 1);
    assert!(stderr(&output).contains("no case, and no trace with a command"));
}
