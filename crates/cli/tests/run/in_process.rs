//! `kortlab run --in-process`: pcsc-lite's library with the cards in it, beside the real one in front
//! of our service, and with programs that fork, have threads, and give bad arguments.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crate::lab::{Lab, assert_code, assert_plain_error, finish, stderr, stdout, until};

/// The program in C of this name, compiled against pcsc-lite's own header and library.
fn compiled(lab: &Lab, name: &str, options: &[&str]) -> String {
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/run/in_process");
    let program = lab.path(name);
    let mut compiler = Command::new("cc");
    compiler
        .args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-g", "-O1"])
        .args(options)
        .args(["-isystem", "/usr/include/PCSC", "-o"])
        .arg(&program)
        .arg(source.join(format!("{name}.c")))
        .args(["-lpcsclite", "-lpthread"]);
    let compiled = compiler.output().expect("cc; run: cargo xtask test");
    assert!(compiled.status.success(), "{}", stderr(&compiled));
    program.to_str().expect("a path").to_owned()
}

fn in_process(lab: &Lab, options: &[&str], program: &[&str]) -> Output {
    lab.run_with(
        &[&["--in-process", "--ephemeral"], options].concat(),
        program,
    )
}

/// What a program prints that succeeds, with the cards in its process.
#[track_caller]
fn ran(lab: &Lab, program: &[&str]) -> String {
    let output = in_process(lab, &[], program);
    let told = format!("{}{}", stdout(&output), stderr(&output));
    assert_eq!(output.status.code(), Some(0), "{program:?}: {told}");
    told
}

/// The first lines in which two texts differ, with some before.
fn difference(left: &str, right: &str) -> String {
    let lines = left.lines().zip(right.lines());
    let same = lines.take_while(|(left, right)| left == right).count();
    let shown = |text: &str| {
        let lines: Vec<_> = text.lines().skip(same.saturating_sub(6)).take(9).collect();
        lines.join("\n")
    };
    format!("{}\n--- and ---\n{}", shown(left), shown(right))
}

#[test]
fn every_function_gives_what_pcsc_lite_gives_with_good_arguments_and_bad_ones() {
    let lab = Lab::new("valid");
    let calls = compiled(&lab, "calls", &[]);
    let real = lab.run_with(&["--ephemeral"], &[&calls]);
    assert_code(&real, 0);
    let ours = in_process(&lab, &[], &[&calls]);
    assert_code(&ours, 0);
    let (real, ours) = (stdout(&real), stdout(&ours));
    assert!(real.lines().count() > 1000, "{real}");
    assert!(real == ours, "{}", difference(&real, &ours));
}

#[test]
fn no_call_reads_or_writes_beyond_what_it_was_given() {
    let lab = Lab::new("valid");
    let calls = compiled(&lab, "calls", &[]);
    let valgrind = [
        "valgrind",
        "--quiet",
        "--error-exitcode=99",
        "--leak-check=full",
    ];
    let definite = [
        "--errors-for-leak-kinds=definite",
        "--show-leak-kinds=definite",
    ];
    let output = in_process(&lab, &[], &[&valgrind[..], &definite, &[&calls]].concat());
    assert_code(&output, 0);
    assert_eq!(stderr(&output), "");
}

#[test]
fn random_sequences_of_calls_give_what_pcsc_lite_gives() {
    let lab = Lab::new("valid");
    let sequences = compiled(&lab, "sequences", &[]);
    let wanted = env::var("KORTLAB_PCSC_SEQUENCES").ok();
    let wanted: u64 = wanted.map_or(2000, |text| text.parse().expect("a number"));
    let play = |first: u64, count: u64| {
        let (first, count) = (first.to_string(), count.to_string());
        let program = [sequences.as_str(), &first, &count];
        let real = lab.run_with(&["--ephemeral"], &program);
        assert_code(&real, 0);
        let ours = in_process(&lab, &[], &program);
        assert_code(&ours, 0);
        [stdout(&real), stdout(&ours)]
    };
    let mut calls = 0;
    for first in (1..=wanted).step_by(1000) {
        let [real, ours] = play(first, 1000.min(wanted + 1 - first));
        calls += real
            .lines()
            .filter(|line| !line.starts_with("sequence"))
            .count();
        let of = |text: &str| {
            let sequences = text.split("sequence ").skip(1);
            sequences.map(str::to_owned).collect::<Vec<_>>()
        };
        for (real, ours) in of(&real).iter().zip(of(&ours)) {
            if *real == ours {
                continue;
            }
            // On a busy machine a card was unused for so long that it lost its power.
            let number = real.lines().next().and_then(|line| line.parse().ok());
            let [real, ours] = play(number.expect("a number"), 1);
            assert!(real == ours, "{}", difference(&real, &ours));
        }
        assert_eq!(of(&real).len(), of(&ours).len());
    }
    assert!(calls as u64 > wanted * 8, "{calls} calls");
}

#[test]
fn they_do_so_when_the_card_is_pulled_out_at_any_command() {
    let lab = Lab::new("valid");
    let sequences = compiled(&lab, "sequences", &[]);
    let wanted = env::var("KORTLAB_PCSC_PULLS").ok();
    let wanted: u64 = wanted.map_or(60, |text| text.parse().expect("a number"));
    let mut pulled = 0;
    for seed in 1..=wanted {
        // In the middle of a sequence, of which each sends a few commands.
        let after = if seed % 3 == 0 { ",after=yes" } else { "" };
        let fault = format!("remove:nth={}{after}", 1 + seed % 9);
        let first = (1_000_000 + seed * 5).to_string();
        let program = [sequences.as_str(), &first, "5"];
        let play = || {
            let real = lab.run_with(&["--ephemeral", "--fault", &fault], &program);
            assert_code(&real, 0);
            let ours = in_process(&lab, &["--fault", &fault], &program);
            assert_code(&ours, 0);
            [stdout(&real), stdout(&ours)]
        };
        let mut played = play();
        if played[0] != played[1] {
            // On a busy machine a card was unused for so long that it lost its power.
            played = play();
        }
        let [real, ours] = played;
        assert!(real == ours, "{fault}: {}", difference(&real, &ours));
        let gone = [" 8010000C", " 80100069"];
        pulled += u64::from(gone.iter().any(|code| real.contains(code)));
    }
    assert!(pulled > wanted / 2, "{pulled} of {wanted} were pulled");
}

#[test]
fn each_fork_has_the_card_as_it_was_and_no_other_sees_what_it_does_to_it() {
    let lab = Lab::new("valid");
    let image = lab.read("card.json");
    let fork = compiled(&lab, "fork", &[]);
    let told = ran(&lab, &[&fork]);
    let child = |name: &str| format!("{name}: 63C3 63C2 63C2\n");
    let wanted = [
        child("before"),
        child("inherits").repeat(3),
        child("connects").repeat(3),
        "parent: 63C3\n".to_owned(),
    ];
    assert_eq!(told, wanted.concat());
    assert_eq!(lab.read("card.json"), image);
    // With a service there is one card, and it remembers.
    let service = stdout(&lab.run_with(&["--ephemeral"], &[&fork]));
    assert!(
        service.contains("parent: 63C0") || !service.contains("parent: 63C3"),
        "{service}"
    );
}

#[test]
fn a_fork_server_forks_when_a_card_is_asked_about_and_each_child_has_its_own_test_case() {
    let lab = Lab::new("valid");
    let server = compiled(&lab, "fork_server", &["-rdynamic"]);
    let case = lab.path("case");
    let told = ran(
        &lab,
        &[
            "env",
            &format!("KORTLAB_IN_PROCESS_TEST_CASE={}", case.display()),
            &server,
        ],
    );
    let mut lines = told.lines();
    assert_eq!(lines.next(), Some("begins late"));
    let lines: Vec<_> = lines.collect();
    let seen = |line: &str| line.split(", ").map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(lines.len(), 4, "{told}");
    let good = seen(lines[0]);
    assert_eq!(good[2], "tries 63C3", "{told}");
    // The event counter has seen no other card.
    assert_eq!(good[1], "state 0022", "{told}");
    assert_eq!(seen(lines[1]), [&good[0], &good[1], "tries 63C9"]);
    assert_eq!(seen(lines[2]), ["ATR 6", &good[1], "tries 63C7"]);
    assert_eq!(seen(lines[3]), good);
    // What cannot be read is said, and no card is there.
    let missing = "KORTLAB_IN_PROCESS_TEST_CASE=/no/such/file";
    let output = in_process(&lab, &[], &["env", missing, "opensc-tool", "-a"]);
    assert!(
        stderr(&output).contains("libpcsclite.so.1: /no/such/file: "),
        "{}",
        stderr(&output)
    );
    assert_ne!(output.status.code(), Some(0));
}

#[test]
fn the_custom_mutator_keeps_to_what_afl_wants_of_it_and_to_the_memory_that_it_was_given() {
    let lab = Lab::new("valid");
    let mutator = compiled(&lab, "mutator", &[]);
    let valgrind = [
        "valgrind",
        "--quiet",
        "--error-exitcode=99",
        "--leak-check=full",
        "--errors-for-leak-kinds=definite",
        "--show-leak-kinds=definite",
    ];
    let output = in_process(&lab, &[], &[&valgrind[..], &[&mutator]].concat());
    let told = stderr(&output);
    assert_eq!(
        (stdout(&output).as_str(), told.as_str()),
        ("sw:sw=6F00\n", "")
    );
    assert_code(&output, 0);
}

#[test]
fn threads_wait_for_one_another_are_cancelled_and_do_not_keep_a_fork_from_going_on() {
    let lab = Lab::new("valid");
    let threads = compiled(&lab, "threads", &[]);
    assert_eq!(ran(&lab, &[&threads]), "0 failures\n");
}

#[test]
fn a_fault_reaches_the_program() {
    let lab = Lab::new("valid");
    let well = ran(&lab, &["pkcs15-tool", "--list-certificates"]);
    assert!(well.contains("X.509 Certificate"), "{well}");
    let fault = ["--fault", "sw:ins=B0,sw=6F00"];
    let output = in_process(&lab, &fault, &["pkcs15-tool", "--list-certificates"]);
    let spoilt = stdout(&output);
    assert!(!spoilt.contains("X.509 Certificate"), "{spoilt}");
}

#[test]
fn readers_are_named_and_numbered_as_with_a_service() {
    let lab = Lab::new("valid");
    lab.other_card();
    let list = ["opensc-tool", "--list-readers"];
    let two = lab.run_with(
        &[
            "--in-process",
            "--reader-name",
            "A",
            "--reader-name",
            "B  c",
            "other.json",
        ],
        &list,
    );
    let listed = stdout(&two);
    assert!(
        listed.contains("  A\n") && listed.contains("  B  c\n"),
        "{listed}"
    );
    // What is forgotten is said.
    assert!(stderr(&two).contains("is forgotten"), "{}", stderr(&two));
    let told = ran(&lab, &list);
    assert!(told.contains("Kortlab 00 00"), "{told}");
}

#[test]
fn what_cannot_be_in_another_process_is_refused_before_the_program_runs() {
    let lab = Lab::new("valid");
    let program = ["touch", "ran"];
    for (options, code) in [
        (&["--trace", "t.apdu"][..], 2),
        (&["--fault", "tear:after-bytes=1"], 2),
        (&["--pin-pad"], 2),
        (&["--socket", "s"], 2),
    ] {
        let output = in_process(&lab, options, &program);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{options:?}: {}",
            stderr(&output)
        );
    }
    let none = finish(lab.kortlab(&["run", "--in-process", "--", "touch", "ran"]));
    assert_plain_error(&none, 2);
    let missing = finish(lab.kortlab(&["run", "--in-process", "no.json", "--", "touch", "ran"]));
    assert_ne!(missing.status.code(), Some(0));
    let mut elsewhere = lab.kortlab(&["run", "--in-process", "card.json", "--", "touch", "ran"]);
    elsewhere.env("KORTLAB_LIBPCSCLITE", "no.so");
    let elsewhere = finish(elsewhere);
    assert_plain_error(&elsewhere, 1);
    assert!(
        stderr(&elsewhere).contains("KORTLAB_LIBPCSCLITE"),
        "{}",
        stderr(&elsewhere)
    );
    assert!(!lab.path("ran").exists());
}

#[test]
fn nothing_is_left_behind_and_what_a_killed_run_leaves_goes_with_the_next() {
    let lab = Lab::new("valid");
    ran(&lab, &["opensc-tool", "-n"]);
    assert_eq!(lab.sockets(), [""; 0]);
    for next in [&["--in-process"][..], &[]] {
        let sleep = [
            "run",
            "--in-process",
            "card.json",
            "--",
            "sh",
            "-c",
            "opensc-tool -n && touch found && exec sleep 600",
        ];
        let mut run = lab.kortlab(&sleep);
        run.stdout(Stdio::null()).stderr(Stdio::null());
        let mut run = run.spawn().expect("started");
        until("the program has the card", || lab.path("found").exists());
        fs::remove_file(lab.path("found")).expect("removed");
        // A run beside it does not take the library away.
        ran(&lab, &["true"]);
        assert_eq!(lab.sockets().len(), 1);
        run.kill().expect("killed");
        run.wait().expect("ended");
        assert_eq!(lab.sockets().len(), 1, "it had no time to clean up");
        assert_code(&lab.run_with(next, &["true"]), 0);
        assert_eq!(lab.sockets(), [""; 0]);
    }
}

#[test]
fn without_its_environment_the_library_says_what_it_lacks_and_has_no_service() {
    let lab = Lab::new("valid");
    let script = "unset KORTLAB_IN_PROCESS_CARDS; opensc-tool -l";
    let output = in_process(&lab, &[], &["sh", "-c", script]);
    let told = stderr(&output);
    assert!(told.contains("names no card image"), "{told}");
    let script = "KORTLAB_IN_PROCESS_CARDS=/no/such.json opensc-tool -l";
    let told = stderr(&in_process(&lab, &[], &["sh", "-c", script]));
    assert!(told.contains("/no/such.json"), "{told}");
    fs::write(lab.path("broken.json"), "{").expect("written");
    let script = "KORTLAB_IN_PROCESS_CARDS=broken.json opensc-tool -l";
    let told = stderr(&in_process(&lab, &[], &["sh", "-c", script]));
    assert!(told.contains("broken.json"), "{told}");
}
