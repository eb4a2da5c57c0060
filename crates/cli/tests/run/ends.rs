//! How a run ends, and what it leaves behind.

use std::fs;
use std::process::Stdio;

use crate::lab::{Lab, assert_plain_error, finish, runs, signal, stderr, stdout, until};

#[test]
fn the_exit_code_is_the_programs_and_a_signal_is_128_and_its_number() {
    let lab = Lab::new("valid");
    for (script, code) in [
        ("exit 0", 0),
        ("exit 7", 7),
        ("kill -TERM $$", 143),
        ("kill -KILL $$", 137),
    ] {
        let output = lab.run(&["sh", "-c", script]);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{script}: {}",
            stderr(&output)
        );
        assert_eq!(stderr(&output), "");
    }
    assert_eq!(lab.sockets(), [""; 0]);
}

#[test]
fn arguments_input_and_output_are_the_programs() {
    let lab = Lab::new("valid");
    lab.write("input", b"typed\n");
    let input = fs::File::open(lab.path("input")).expect("a file");
    let mut command = lab.kortlab(&[
        "run",
        "card.json",
        "--",
        "sh",
        "-c",
        "cat; echo \"$0|$1\"",
        "--json",
        "a b",
    ]);
    command.stdin(Stdio::from(input));
    let output = finish(command);
    assert_eq!(stdout(&output), "typed\n--json|a b\n");
}

#[test]
fn a_program_that_is_missing_or_none_is_told_in_a_line() {
    let lab = Lab::new("valid");
    let output = lab.run(&["no-such-program"]);
    assert_plain_error(&output, 127);
    assert!(stderr(&output).contains("no program no-such-program"));
    for program in ["./none/at/all", "/no/such"] {
        assert_plain_error(&lab.run(&[program]), 127);
    }
    for program in ["./card.json", "/"] {
        assert_plain_error(&lab.run(&[program]), 126);
    }
    // A script for a shell that is not there.
    lab.write("text", b"#!/no/such/shell\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(lab.path("text"), mode).expect("a mode");
    let output = lab.run(&["./text"]);
    assert_plain_error(&output, 126);
    assert!(stderr(&output).contains("cannot be run"));
    assert_eq!(
        finish(lab.kortlab(&["run", "card.json"])).status.code(),
        Some(2)
    );
}

#[test]
fn an_image_that_is_missing_in_use_or_none_is_told_in_a_line_and_nothing_is_run() {
    let lab = Lab::new("valid");
    lab.write("text.json", b"{}");
    for image in ["none.json", "text.json"] {
        let output = finish(lab.kortlab(&["run", image, "--", "touch", "ran"]));
        assert_plain_error(&output, 1);
        assert!(stderr(&output).contains(image), "{}", stderr(&output));
    }
    let script = format!(
        "{} run card.json -- touch ran",
        env!("CARGO_BIN_EXE_kortlab")
    );
    let output = lab.run(&["sh", "-c", &script]);
    assert_plain_error(&output, 1);
    assert!(stderr(&output).contains("in use"), "{}", stderr(&output));
    assert!(!lab.path("ran").exists());
    std::fs::hard_link(lab.path("card.json"), lab.path("hard.json")).unwrap();
    std::os::unix::fs::symlink("card.json", lab.path("soft.json")).unwrap();
    for other in ["./card.json", "soft.json", "hard.json"] {
        for command in [
            &["run", "card.json", other, "--", "touch", "ran"][..],
            &["emulate", "card.json", other],
        ] {
            let twice = finish(lab.kortlab(command));
            assert_plain_error(&twice, 2);
            assert!(stderr(&twice).contains("named twice"), "{}", stderr(&twice));
        }
    }
    assert!(!lab.path("ran").exists());
    // A copy in memory is in nobody's way.
    let script = format!(
        "{} run --ephemeral card.json -- opensc-tool -n",
        env!("CARGO_BIN_EXE_kortlab")
    );
    assert!(lab.ran(&["sh", "-c", &script]).contains("SetCOS"));
}

/// Gives the first key in this image a number for a prime that is none.
fn spoil_a_prime(image: &mut serde_json::Value) -> bool {
    use serde_json::Value;
    match image {
        Value::Object(fields) => {
            if let (Some(Value::String(p)), true) = (fields.get("p"), fields.contains_key("q")) {
                // 2 to the power 4n, less one: a multiple of three.
                let composite = "F".repeat(p.len());
                fields.insert("p".to_owned(), composite.into());
                return true;
            }
            fields.values_mut().any(spoil_a_prime)
        }
        Value::Array(items) => items.iter_mut().any(spoil_a_prime),
        _ => false,
    }
}

#[test]
fn keys_whose_primes_are_none_are_told_when_the_program_has_ended_and_to_a_standing_service_first()
{
    let lab = Lab::new("valid");
    let mut image = serde_json::from_slice(&lab.read("card.json")).expect("an image");
    // What is known of the good keys is not true of those.
    assert!(lab.ran(&["opensc-tool", "-n"]).contains("SetCOS"));
    assert!(spoil_a_prime(&mut image));
    lab.write("card.json", &serde_json::to_vec(&image).expect("JSON"));
    let output = lab.run(&["opensc-tool", "-n"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stdout(&output).contains("SetCOS"), "{}", stdout(&output));
    assert!(
        stderr(&output).contains("not a prime"),
        "{}",
        stderr(&output)
    );
    for arguments in [
        &["pcscd", "card.json"][..],
        &["emulate", "card.json"],
        &["-c", "card.json", "info"],
        &["-c", "card.json", "--ephemeral", "info"],
        &["run", "--in-process", "card.json", "--", "true"],
    ] {
        let refused = finish(lab.kortlab(arguments));
        assert_plain_error(&refused, 1);
        assert!(stderr(&refused).contains("not a prime"), "{arguments:?}");
    }
}

#[test]
fn a_socket_that_cannot_be_is_told_in_a_line() {
    let lab = Lab::new("valid");
    let long = format!("./{}", "x".repeat(120));
    let run = |socket: &str| lab.run_with(&["--socket", socket], &["opensc-tool", "-n"]);
    let output = run(&long);
    assert_plain_error(&output, 1);
    assert!(
        stderr(&output).contains("at most 107"),
        "{}",
        stderr(&output)
    );
    let output = run("card.json");
    assert_plain_error(&output, 1);
    assert!(stderr(&output).contains("no socket"), "{}", stderr(&output));
    let inner = format!(
        "{} run --socket here --ephemeral card.json -- true",
        env!("CARGO_BIN_EXE_kortlab")
    );
    let output = lab.run_with(&["--socket", "here"], &["sh", "-c", &inner]);
    assert_plain_error(&output, 1);
    assert!(
        stderr(&output).contains("another service"),
        "{}",
        stderr(&output)
    );
    assert!(!lab.path("here").exists());
    assert_eq!(run("new/directory/s").status.code(), Some(0));
}

#[test]
fn a_signal_to_kortlab_reaches_the_program_which_may_have_it_its_own_way() {
    let lab = Lab::new("valid");
    let script = "trap 'echo told; exit 9' TERM INT; echo ready >&2; while :; do sleep 0.05; done";
    for name in ["TERM", "INT"] {
        // Whatever the tests themselves ignore, as what runs in the background of a shell does.
        let kortlab = env!("CARGO_BIN_EXE_kortlab");
        let mut command = lab.started("env");
        let child = command
            .args(["--default-signal=TERM,INT", kortlab])
            .args(["run", "card.json", "--", "sh", "-c", script])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.expect("started");
        let mut ready = [0; 6];
        let told = child.stderr.as_mut().expect("piped");
        std::io::Read::read_exact(told, &mut ready).expect("ready");
        signal(name, child.id());
        let output = child.wait_with_output().expect("an end");
        assert_eq!(
            (output.status.code(), stdout(&output).as_str()),
            (Some(9), "told\n")
        );
    }
}

#[test]
fn a_program_runs_also_where_processes_have_other_numbers_than_proc_says() {
    let lab = Lab::new("valid");
    let mut command = lab.started("unshare");
    let kortlab = env!("CARGO_BIN_EXE_kortlab");
    let output = command
        .args(["--pid", "--fork", kortlab, "run", "card.json", "--"])
        .args(["sh", "-c", "opensc-tool -n && exit 7"])
        .output()
        .expect("unshare runs; run: cargo xtask test");
    assert_eq!(output.status.code(), Some(7), "{}", stderr(&output));
    assert!(stdout(&output).contains("SetCOS"));
}

/// What is ignored stays ignored, as shells have it for what runs in the background.
#[test]
fn a_signal_that_is_ignored_is_ignored_by_the_program() {
    let lab = Lab::new("valid");
    for (how, ended) in [
        ("--ignore-signal=HUP", Some(0)),
        ("--default-signal=HUP", None),
    ] {
        let mut command = lab.started("env");
        let output = command
            .args([how, env!("CARGO_BIN_EXE_kortlab"), "run", "card.json", "--"])
            .args(["sh", "-c", "sh -c 'kill -HUP $PPID; true'; exit 0"])
            .output()
            .expect("env runs");
        // 128 and the number of the signal.
        assert_eq!(output.status.code(), Some(ended.unwrap_or(129)), "{how}");
    }
}

/// Starts a run whose program writes its process number and sleeps.
fn sleeping(lab: &Lab) -> (std::process::Child, u32) {
    let _ = fs::remove_file(lab.path("pid"));
    let script = "echo $$ >new; mv new pid; exec sleep 600";
    let child = lab
        .kortlab(&["run", "card.json", "--", "sh", "-c", script])
        .spawn()
        .expect("started");
    until("the program runs", || lab.path("pid").exists());
    let program = String::from_utf8(lab.read("pid")).expect("text");
    (child, program.trim().parse().expect("a number"))
}

#[test]
fn a_service_that_is_killed_takes_the_program_along_and_the_next_run_works() {
    let lab = Lab::new("valid");
    let (mut service, program) = sleeping(&lab);
    let socket = lab.socket_of(&service);
    assert!(socket.exists());
    service.kill().expect("killed");
    service.wait().expect("ended");
    until("the program is gone", || !runs(program));
    // The card is free at once, and what is left of the socket goes with the next run.
    assert!(lab.ran(&["opensc-tool", "-n"]).contains("SetCOS"));
    assert!(!socket.exists());
    assert_eq!(lab.sockets(), [""; 0]);
}

#[test]
fn a_program_that_is_killed_leaves_nothing_behind() {
    let lab = Lab::new("valid");
    let (mut service, program) = sleeping(&lab);
    signal("KILL", program);
    assert_eq!(service.wait().expect("ended").code(), Some(137));
    assert_eq!(lab.sockets(), [""; 0]);
    assert!(lab.ran(&["opensc-tool", "-n"]).contains("SetCOS"));
}

/// How many runs there are; many, where somebody wants to know.
fn number(variable: &str, usual: usize) -> usize {
    let text = std::env::var(variable).ok();
    text.map_or(usual, |text| text.parse().expect("a number"))
}

/// The processes that live in this laboratory: those that know the directory of its sockets.
fn processes(lab: &Lab) -> Vec<String> {
    let runtime = lab.runtime().to_str().expect("a path").as_bytes();
    let all = fs::read_dir("/proc").expect("processes").flatten();
    let ours = all.filter(|process| {
        let environment = fs::read(process.path().join("environ")).unwrap_or_default();
        environment
            .windows(runtime.len())
            .any(|part| part == runtime)
    });
    ours.map(|process| process.file_name().to_string_lossy().into_owned())
        .collect()
}

#[test]
fn many_runs_side_by_side_and_one_after_another_leave_nothing_behind() {
    let side_by_side = number("KORTLAB_RUNS_AT_ONCE", 10);
    let in_turn = number("KORTLAB_RUNS", 20);
    let lab = Lab::new("valid");
    let start = || {
        let run = ["run", "--ephemeral", "card.json", "--", "opensc-tool", "-n"];
        lab.kortlab(&run)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("started")
    };
    let all: Vec<_> = (0..side_by_side).map(|_| start()).collect();
    for mut run in all {
        assert_eq!(run.wait().expect("ended").code(), Some(0));
    }
    // Each has the card to itself, so the one before has let go of it.
    for number in 0..in_turn {
        let (options, program) = match number % 4 {
            0 => (&["--in-process"][..], &["opensc-tool", "-n"][..]),
            1 => (&[][..], &["opensc-tool", "-n"][..]),
            2 => (&[][..], &["sh", "-c", "kill -KILL $$"][..]),
            _ => (&[][..], &["true"][..]),
        };
        let code = lab.run_with(options, program).status.code();
        assert_eq!(
            code,
            Some(if number % 4 == 2 { 137 } else { 0 }),
            "{number}"
        );
    }
    assert_eq!(lab.sockets(), [""; 0]);
    assert_eq!(processes(&lab), [""; 0]);
}
