//! The sandbox itself, with the null card in the reader instead of ours.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use kortlab_interop::{InteropError, Sandbox, null_card};

const NULL_CARD: &str = env!("CARGO_BIN_EXE_kortlab-null-card");

#[test]
fn the_null_card_is_seen_by_opensc_tool_and_gone_when_pulled() {
    let sandbox = Sandbox::new().unwrap();
    let names: Vec<_> = sandbox.readers().unwrap();
    assert_eq!(names[0].name, "Virtual PCD 00 00");
    assert!(!names[0].card);

    let card = sandbox.insert(sandbox.command(NULL_CARD)).unwrap();
    let atr = sandbox.command("opensc-tool").arg("-a").run().unwrap();
    let atr = atr.success().unwrap().stdout_text();
    let wanted: Vec<String> = null_card::ATR.iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(atr.trim(), wanted.join(":"));

    card.kill().unwrap();
    assert!(!sandbox.readers().unwrap()[0].card);
}

#[test]
fn two_sandboxes_at_the_same_time_see_only_their_own_card() {
    let (full, empty) = (Sandbox::new().unwrap(), Sandbox::new().unwrap());
    let _card = full.insert(full.command(NULL_CARD)).unwrap();
    assert!(full.readers().unwrap()[0].card);
    assert!(!empty.readers().unwrap()[0].card);
}

#[test]
fn pcscd_is_restarted_and_killed_under_a_card_that_stays() {
    let sandbox = Sandbox::new().unwrap();
    let mut card = sandbox.insert(sandbox.command(NULL_CARD)).unwrap();
    sandbox.restart_pcscd().unwrap();
    sandbox.wait_for_card().unwrap();
    sandbox.kill_pcscd().unwrap();
    assert_eq!(sandbox.readers().unwrap(), []);
    sandbox.start_pcscd().unwrap();
    sandbox.wait_for_card().unwrap();
    assert!(card.program().is_running());
}

#[test]
fn nothing_is_left_running_and_no_file_is_left_after_the_drop() {
    let sandbox = Sandbox::new().unwrap();
    let mut card = sandbox.insert(sandbox.command(NULL_CARD)).unwrap();
    let directory = sandbox.directory().to_path_buf();
    // A program that leaves a child behind, in a session of its own, as daemons do.
    let script = "setsid sh -c 'read -r pid rest </proc/self/stat; echo $pid >orphan; sleep 600' >/dev/null 2>&1 &
                  while [ ! -s orphan ]; do :; done";
    let left = sandbox.command("sh").args(["-c", script]).run().unwrap();
    left.success().unwrap();
    let orphan = fs::read_to_string(directory.join("orphan")).unwrap();
    let pids = [card.program().id().to_string(), orphan.trim().to_owned()];
    for pid in &pids {
        assert!(Path::new("/proc").join(pid).exists(), "{pid} does not run");
    }
    drop(card);
    drop(sandbox);
    for pid in &pids {
        assert!(!Path::new("/proc").join(pid).exists(), "{pid} still runs");
    }
    assert!(!directory.exists());
}

#[test]
fn a_program_that_hangs_is_killed_and_its_output_shown() {
    let sandbox = Sandbox::new().unwrap();
    let start = Instant::now();
    let error = sandbox
        .command("sh")
        .args(["-c", "echo before; sleep 600"])
        .timeout(Duration::from_millis(200))
        .run()
        .unwrap_err();
    assert!(matches!(error, InteropError::TimedOut { .. }));
    assert!(error.to_string().contains("before"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn programs_get_the_sandboxs_environment_their_input_and_their_exit_code() {
    let sandbox = Sandbox::builder()
        .opensc_conf("# nothing\n")
        .start()
        .unwrap();
    let script = "cat; cat \"$OPENSC_CONF\"; env; pwd; exit 7";
    let output = sandbox
        .command("sh")
        .args(["-c", script])
        .env("KORTLAB_CARD", "pcsc")
        .input("to be read\n")
        .run()
        .unwrap();
    let output = output.code(7).unwrap();
    let text = output.stdout_text();
    let home = format!("HOME={}\n", sandbox.file("home").display());
    let directory = format!("\n{}\n", sandbox.directory().display());
    for part in ["to be read\n# nothing\n", "KORTLAB_CARD=pcsc\n", &home] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    assert!(text.ends_with(&directory), "{text}");
    assert!(!text.contains("CARGO_"), "the caller's environment leaked");
    assert!(output.success().is_err());
}

#[test]
fn an_interrupt_reaches_the_program_itself() {
    let sandbox = Sandbox::new().unwrap();
    let script = "trap 'echo interrupted; exit 3' INT; echo ready; while :; do sleep 0.01; done";
    let mut program = sandbox.command("sh").args(["-c", script]).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while !program.printed().contains("ready") && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    program.interrupt().unwrap();
    let output = program.wait(Duration::from_secs(10)).unwrap();
    assert!(
        output
            .code(3)
            .unwrap()
            .stdout_text()
            .contains("interrupted")
    );
    assert!(program.interrupt().is_err());
}

#[test]
fn a_paused_program_is_resumed_and_killed() {
    let sandbox = Sandbox::new().unwrap();
    let script = "echo ready; while :; do sleep 0.01; date +%N; done";
    let mut program = sandbox.command("sh").args(["-c", script]).spawn().unwrap();
    let prints = |program: &kortlab_interop::Running| {
        let before = program.printed().len();
        std::thread::sleep(Duration::from_millis(200));
        program.printed().len() > before
    };
    assert!(prints(&program));
    program.pause().unwrap();
    std::thread::sleep(Duration::from_millis(50));
    assert!(!prints(&program));
    program.resume().unwrap();
    assert!(prints(&program));
    program.pause().unwrap();
    program.kill().unwrap();
    assert!(!program.is_running());
}

#[test]
fn a_missing_program_and_one_that_does_not_start_are_errors() {
    let sandbox = Sandbox::new().unwrap();
    let error = sandbox.command("no-such-tool-at-all").run().unwrap_err();
    assert!(matches!(error, InteropError::MissingTool { .. }));
    let not_executable = sandbox.write("not-executable", "").unwrap();
    assert!(
        sandbox
            .command(&not_executable)
            .run()
            .unwrap()
            .failure()
            .is_ok()
    );
    // An emulator that ends at once is reported with what it said.
    let broken = sandbox
        .command("sh")
        .args(["-c", "echo no card >&2; exit 5"]);
    let Err(error) = sandbox.insert(broken) else {
        panic!("a card was seen");
    };
    assert!(error.to_string().contains("no card"), "{error}");
}
