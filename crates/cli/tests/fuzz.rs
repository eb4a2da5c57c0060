//! `kortlab fuzz`: planted bugs are found, made small and seen again; interruptions lose nothing.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use common::{Lab, assert_code, assert_plain_error, stderr, stdout};
use serde_json::Value;

/// The programs with planted bugs, with AddressSanitizer.
fn planted() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/planted/planted.c");
        let program =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("planted-{}", std::process::id()));
        let output = Command::new("gcc")
            .args([
                "-g",
                "-O1",
                "-Wall",
                "-Werror",
                "-fsanitize=address",
                "-fno-omit-frame-pointer",
            ])
            .args(["-I/usr/include/PCSC", source, "-lpcsclite", "-o"])
            .arg(&program)
            .output()
            .expect("gcc");
        assert!(output.status.success(), "{}", stderr(&output));
        program
    })
}

fn document(output: &std::process::Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", stderr(output)))
}

/// A campaign until something is found.
fn campaign(lab: &Lab, bug: &str, seed: &str) -> Value {
    let program = planted().to_str().unwrap();
    let output = lab.run(&[
        "--json",
        "fuzz",
        "run",
        "--out",
        "kortlab-fuzz",
        "--seed",
        seed,
        "--jobs",
        "1",
        "--findings",
        "1",
        "--executions",
        "6000",
        "--limit-commands",
        "400",
        "card.json",
        "--",
        program,
        bug,
    ]);
    assert_code(&output, 6);
    document(&output)
}

/// A bug is found by a campaign with a fixed seed, made as small as this, and seen again.
fn found_and_made_small(bug: &str, signature: &str, faults: &[&str]) {
    let lab = Lab::new("valid");
    let report = campaign(&lab, bug, "1");
    let found = &report["findings"][0];
    let said = found["signature"].as_str().unwrap();
    assert!(said.starts_with(signature), "{said}");
    let case = found["file"].as_str().unwrap();
    let output = lab.run(&["--json", "fuzz", "minimize", case, "-o", "small.json"]);
    assert_code(&output, 0);
    let small = document(&output);
    let left = small["faults"].as_array().unwrap();
    assert_eq!(left.len(), 1, "{small}");
    let name = left[0].as_str().unwrap();
    assert!(
        faults.iter().any(|fault| name.starts_with(fault)),
        "{name} is none of {faults:?}"
    );
    let output = lab.run(&["fuzz", "replay", "--times", "3", "small.json"]);
    assert_code(&output, 6);
    assert!(
        stdout(&output).contains("3 of 3 times"),
        "{}",
        stdout(&output)
    );
    assert!(stdout(&output).contains("\n*"), "{}", stdout(&output));
    // The fault is what `--fault` takes, and does the same there.
    let program = planted().to_str().unwrap();
    let mut child = lab
        .command(&[
            "run",
            "--ephemeral",
            "--fault",
            name,
            "card.json",
            "--",
            program,
            bug,
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(3);
    while child.try_wait().unwrap().is_none() && Instant::now() < until {
        thread::sleep(Duration::from_millis(10));
    }
    let ended = child.try_wait().unwrap();
    if ended.is_none() {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // An endless one has no exit code to be bad, and to show too much is no failure to the program.
    let code = if bug == "shows" { 0 } else { 1 };
    assert!(
        ended.is_none_or(|status| status.code() == Some(code)),
        "{ended:?}"
    );
}

#[test]
fn a_name_that_is_too_long_for_its_buffer_is_found() {
    found_and_made_small(
        "name",
        "sanitizer: heap-buffer-overflow in name",
        &[
            "df-name:",
            "resize:",
            "put:",
            "overwrite:",
            "flip:",
            "tag:",
            "length:",
        ],
    );
}

#[test]
fn a_loop_without_an_end_is_found() {
    found_and_made_small(
        "endless",
        "endless: instruction C0",
        &["endless:", "endless", "sw:sw=61", "status:sw=61"],
    );
}

#[test]
fn a_counter_that_is_believed_is_found() {
    found_and_made_small(
        "counter",
        "sanitizer: heap-buffer-overflow in counter",
        &["counter:", "sw:sw=63"],
    );
}

#[test]
fn data_that_is_not_there_is_found() {
    found_and_made_small(
        "empty",
        "sanitizer: heap-buffer-overflow in empty",
        &[
            "empty",
            "sw:sw=9000",
            "cut:",
            "garbage:",
            "truncate:",
            "stale",
            "other",
            "more-empty",
        ],
    );
}

#[test]
fn a_program_that_goes_on_without_a_card_is_found() {
    found_and_made_small(
        "deaf",
        "endless: instruction 84",
        &[
            "remove", "one-byte", "nothing", "transfer", "late", "truncate",
        ],
    );
}

#[test]
fn what_is_in_the_directory_already_is_left_alone_and_nothing_is_overwritten_unasked() {
    let lab = Lab::new("valid");
    let program = planted().to_str().unwrap();
    let run = |out: &str| {
        let output = lab.run(&[
            "--json",
            "fuzz",
            "run",
            "--out",
            out,
            "--seed",
            "5",
            "--jobs",
            "1",
            "--findings",
            "1",
            "--executions",
            "6000",
            "--limit-commands",
            "400",
            "card.json",
            "--",
            program,
            "counter",
        ]);
        assert_code(&output, 6);
        (
            document(&output)["findings"][0]["file"]
                .as_str()
                .unwrap()
                .to_owned(),
            stderr(&output),
        )
    };
    let (case, _) = run("first");
    let name = Path::new(&case)
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    // Something else has the name: a text, a directory, a pipe that nobody writes to.
    for (index, obstacle) in ["printf '{}' >", "mkdir", "mkfifo"].iter().enumerate() {
        let out = format!("other{index}");
        let script = format!("mkdir {out} && {obstacle} {out}/{name}");
        let made = Command::new("sh")
            .args(["-c", &script])
            .current_dir(lab.directory())
            .status();
        assert!(made.unwrap().success());
        let (kept, told) = run(&out);
        assert!(
            told.contains(&format!("{out}/{name} is left alone")),
            "{told}"
        );
        assert_ne!(kept, format!("{out}/{name}"));
        assert_code(&lab.run(&["fuzz", "replay", &kept]), 6);
    }
    let image = fs::read(lab.path("card.json")).unwrap();
    let output = lab.run(&["fuzz", "minimize", &case, "-o", "card.json"]);
    assert_plain_error(&output, 1);
    assert!(stderr(&output).contains("--force"), "{}", stderr(&output));
    let said = stderr(&output);
    assert!(said.contains("card.json: it is there already"), "{said}");
    let output = lab.run(&[
        "fuzz",
        "run",
        "--html",
        "card.json",
        "--force",
        "--executions",
        "1",
        "card.json",
        "--",
        program,
        "counter",
    ]);
    assert_plain_error(&output, 2);
    assert_eq!(fs::read(lab.path("card.json")).unwrap(), image);
    // More faults than can be around a card.
    let mut many: Value = serde_json::from_slice(&fs::read(lab.path(&case)).unwrap()).unwrap();
    many["faults"] = vec!["empty"; 2000].into();
    fs::write(lab.path("many.json"), many.to_string()).unwrap();
    let output = lab.run(&["fuzz", "replay", "many.json"]);
    assert_plain_error(&output, 1);
    assert!(
        stderr(&output).contains("at most 64"),
        "{}",
        stderr(&output)
    );
    let none = [
        "fuzz",
        "run",
        "--jobs",
        "100000",
        "card.json",
        "--",
        program,
        "counter",
    ];
    assert_plain_error(&lab.run(&none), 2);
}

#[test]
fn the_report_of_a_campaign_names_the_answer_that_did_it_and_says_nothing_as_markup() {
    let lab = Lab::new("valid");
    let program = planted().to_str().unwrap();
    let output = lab.run(&[
        "fuzz",
        "run",
        "--out",
        "kortlab-fuzz",
        "--seed",
        "1",
        "--jobs",
        "1",
        "--findings",
        "1",
        "--executions",
        "6000",
        "--limit-commands",
        "400",
        "--html",
        "report.html",
        "card.json",
        "--",
        program,
        "empty",
    ]);
    assert_code(&output, 6);
    let page = fs::read_to_string(lab.path("report.html")).unwrap();
    assert!(
        page.contains("<p class=\"verdict\">1 finding.</p>"),
        "{page}"
    );
    assert!(page.contains(&format!("<h1>Fuzzing of {program} empty</h1>")));
    assert!(page.contains("1. sanitizer: "));
    // The answer that did it is marked, and what the sanitizer said stands below it.
    assert!(page.contains("<mark>* "), "{page}");
    assert!(page.contains("ERROR: AddressSanitizer: "));
    // Nothing that a program says becomes markup.
    assert!(!page.contains("<script") && !page.contains("<null>"));
    for look in kortlab_interop::axe::Look::ALL {
        let violations = kortlab_interop::axe::violations(&[("report", page.as_str())], "", look);
        assert_eq!(violations.unwrap(), [""; 0], "{look:?}");
    }
    let other = lab.run(&[
        "fuzz",
        "run",
        "--out",
        "other",
        "--executions",
        "3",
        "--html",
        "report.html",
        "card.json",
        "--",
        program,
        "empty",
    ]);
    assert!(stderr(&other).contains("--force"), "{}", stderr(&other));
}

#[test]
fn memory_that_is_shown_as_if_it_were_the_cards_is_found() {
    found_and_made_small(
        "shows",
        "not-given: hexadecimal",
        &[
            "file-size:",
            "put:",
            "flip:",
            "overwrite:",
            "tag:",
            "length:",
            "cut:",
            "truncate:",
            // Reading comes to an end before the size is reached.
            "reset",
            "transfer",
            "nothing",
            "remove",
            "lost",
            "unstable",
            "empty",
            "more-empty",
            "sw:",
            "status:",
            "late",
            "one-byte",
            "drop:",
            "other",
            "stale",
            "garbage",
        ],
    );
}

#[test]
fn with_the_card_in_the_programs_process_the_same_executions_go_the_same_ways() {
    let program = planted().to_str().unwrap();
    for bug in ["name", "counter"] {
        let [service, own] = [&[][..], &["--in-process"]].map(|place: &[&str]| {
            let lab = Lab::new("valid");
            let run = [
                "--json",
                "fuzz",
                "run",
                "--out",
                "kortlab-fuzz",
                "--seed",
                "9",
            ];
            let limits = [
                "--jobs",
                "1",
                "--executions",
                "100",
                "--limit-commands",
                "400",
            ];
            let program = ["card.json", "--", program, bug];
            let output = lab.run(&[&run[..], place, &limits, &program].concat());
            let mut report = document(&output);
            report["seconds"] = Value::Null;
            (lab, report, output.status.code())
        });
        assert_eq!(service.1, own.1, "{bug}");
        assert_eq!(service.2, own.2);
        assert!(own.1["ways"].as_u64().unwrap() > 2, "{}", own.1);
        let Some(case) = own.1["findings"][0]["file"].as_str() else {
            continue;
        };
        // What was found one way is found the other way.
        for place in [&[][..], &["--in-process"]] {
            let output = own.0.run(&[&["fuzz", "replay"], place, &[case]].concat());
            assert_code(&output, 6);
        }
        let small = ["fuzz", "minimize", "--in-process", case, "-o", "small.json"];
        assert_code(&own.0.run(&small), 0);
        assert_code(&own.0.run(&["fuzz", "replay", "small.json"]), 6);
    }
}

#[test]
fn a_program_in_whose_process_there_is_no_card_is_refused() {
    let lab = Lab::new("valid");
    let run = [
        "fuzz",
        "run",
        "--in-process",
        "--executions",
        "3",
        "card.json",
        "--",
    ];
    let without = "unset LD_LIBRARY_PATH; opensc-tool -n";
    for program in [&["true"][..], &["sh", "-c", without]] {
        let output = lab.run(&[&run[..], program].concat());
        assert_plain_error(&output, 1);
        assert!(
            stderr(&output).contains("sends nothing to a card"),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn the_same_seed_finds_the_same_with_the_same_faults() {
    let runs = [0, 1].map(|_| {
        let lab = Lab::new("valid");
        campaign(&lab, "counter", "5")["findings"][0]["faults"].clone()
    });
    assert_eq!(runs[0], runs[1]);
}

/// A program that shows the card once, and from then on says its number and goes on for ever.
const GOES_ON: &str = "\
opensc-tool --atr --send-apdu 00A40000023F00
if [ -e again ]; then echo $$ > number.new; mv number.new number; exec sleep 3600; fi
touch again
";

#[test]
fn a_campaign_that_is_killed_takes_its_program_with_it() {
    let lab = Lab::new("valid");
    fs::write(lab.path("program"), GOES_ON).unwrap();
    let mut child = lab
        .command(&[
            "fuzz",
            "run",
            "--jobs",
            "1",
            "card.json",
            "--",
            "/bin/sh",
            "program",
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    let number = loop {
        if let Ok(number) = fs::read_to_string(lab.path("number")) {
            break number.trim().to_owned();
        }
        assert!(Instant::now() < until, "it does not begin");
        assert!(child.try_wait().unwrap().is_none(), "it has ended");
        thread::sleep(Duration::from_millis(20));
    };
    let runs = || {
        let state = fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
        state.contains("(sleep)") || state.contains("(sh)")
    };
    assert!(runs());
    child.kill().unwrap();
    child.wait().unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while runs() {
        assert!(Instant::now() < until, "the program goes on");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_campaign_that_is_killed_goes_on_and_loses_no_finding() {
    let lab = Lab::new("valid");
    let program = planted().to_str().unwrap();
    let arguments = [
        "--json",
        "fuzz",
        "run",
        "--out",
        "kortlab-fuzz",
        "--seed",
        "3",
        "--limit-commands",
        "400",
        "card.json",
        "--",
        program,
        "empty",
    ];
    let cases = || -> Vec<_> {
        let entries = fs::read_dir(lab.path("kortlab-fuzz")).map(|entries| {
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            names
                .filter(|name| name.ends_with(".json") && name != "campaign.json")
                .collect()
        });
        entries.unwrap_or_default()
    };
    let mut known = Vec::new();
    for round in 0..6_u64 {
        let mut child = lab
            .command(&arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_millis(700 + 531 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        let now = cases();
        assert!(
            known.iter().all(|case| now.contains(case)),
            "{known:?} {now:?}"
        );
        known = now;
    }
    // What was known before counts, and its cases are whole.
    let before = document(
        &lab.run(
            &[
                &["--json", "fuzz", "run", "--executions", "1"],
                &arguments[3..],
            ]
            .concat(),
        ),
    );
    assert_eq!(before["findings"].as_array().unwrap().len(), known.len());
    let most = [
        "--json",
        "fuzz",
        "run",
        "--findings",
        "1",
        "--executions",
        "5000",
    ];
    let output = lab.run(&[&most[..], &arguments[3..]].concat());
    assert_code(&output, 6);
    for case in cases() {
        let output = lab.run(&["fuzz", "replay", &format!("kortlab-fuzz/{case}")]);
        assert_code(&output, 6);
    }
}

#[test]
fn on_a_full_disk_a_campaign_says_so_and_finds_again_what_it_could_not_keep() {
    let lab = Lab::new("valid");
    // In a mount namespace of its own: on a full disk first, then with room.
    let script = "set -e; mkdir disk; mount -t tmpfs -o size=64k none disk; mkdir disk/out
        fuzz() { code=0; \"$@\" || code=$?; }
        head -c 1000000 /dev/zero >disk/rest 2>/dev/null || true
        fuzz \"$@\"; test $code = 1; ls disk/out >kept
        rm disk/rest; fuzz \"$@\"; test $code = 6; ls disk/out >>kept";
    let output = Command::new("unshare")
        .args(["--mount", "bash", "-c", script, "bash"])
        .arg(env!("CARGO_BIN_EXE_kortlab"))
        .args([
            "fuzz", "run", "--out", "disk/out", "--seed", "1", "--jobs", "1",
        ])
        .args(["--findings", "1", "--executions", "6000"])
        .args(["--limit-commands", "400", "card.json", "--"])
        .args([planted().to_str().unwrap(), "counter"])
        .current_dir(lab.directory())
        .output()
        .expect("unshare runs; run: cargo xtask test");
    assert_code(&output, 0);
    let told = stderr(&output);
    assert!(
        told.contains("could not be kept: disk/out/sanitizer-"),
        "{told}"
    );
    assert!(told.contains("No space left on device"), "{told}");
    assert!(told.contains("hint: make room"), "{told}");
    let kept = fs::read_to_string(lab.path("kept")).unwrap();
    let kept: Vec<_> = kept.lines().collect();
    assert!(
        matches!(&kept[..], ["campaign.json", case] if case.starts_with("sanitizer-")),
        "{kept:?}"
    );
}

#[test]
fn what_cannot_be_fuzzed_is_said_with_what_to_do() {
    let lab = Lab::new("valid");
    let fuzz = |rest: &[&str]| lab.run(&[&["fuzz", "run", "--executions", "3"], rest].concat());
    let output = fuzz(&["card.json", "--", "true"]);
    assert_plain_error(&output, 1);
    assert!(stderr(&output).contains("sends nothing to a card"));
    let output = fuzz(&["card.json", "--", "no-such-program"]);
    assert_plain_error(&output, 127);
    let output = fuzz(&["absent.json", "--", "true"]);
    assert_plain_error(&output, 1);
    fs::write(lab.path("torn.json"), "{").unwrap();
    assert_plain_error(&fuzz(&["torn.json", "--", "true"]), 1);
    let output = fuzz(&["--limit-time", "1", "card.json", "--", "sleep", "60"]);
    assert_plain_error(&output, 1);
    assert!(
        stderr(&output).contains("--limit-time"),
        "{}",
        stderr(&output)
    );
    for rest in [&["replay", "card.json"][..], &["minimize", "absent.json"]] {
        assert_plain_error(&lab.run(&[&["fuzz"], rest].concat()), 1);
    }
}

#[test]
fn a_program_that_ends_badly_with_the_good_card_is_refused_or_named() {
    let lab = Lab::new("valid");
    let run = ["fuzz", "run", "--jobs", "1", "--executions", "1"];
    let of = |options: &[&str], script: &str| {
        let program = ["card.json", "--", "/bin/sh", "-c", script];
        lab.run(&[&run[..], options, &program].concat())
    };
    for (code, script) in [
        (127, "opensc-tool -n; no-such-program"),
        (126, "opensc-tool -n; ./card.json"),
    ] {
        let output = of(&[], script);
        assert_plain_error(&output, 1);
        let said = stderr(&output);
        assert!(said.contains(&format!("exit code {code}")), "{said}");
    }
    // What more time does not mend is not said to need more.
    let output = of(&[], "opensc-tool -n; kill -SEGV $$");
    assert_plain_error(&output, 1);
    assert!(!stderr(&output).contains("--limit-"), "{}", stderr(&output));
    let options = ["--json", "--out", "ends", "--html", "report.html"];
    let output = of(&options, "opensc-tool -n; exit 3");
    let report = document(&output);
    assert_eq!(report["good_exit_code"], 3, "{report}");
    let named = "with the good card it ends with exit code 3";
    let said = stderr(&output);
    let said: Vec<_> = said.split_whitespace().collect();
    assert!(said.join(" ").contains(named), "{said:?}");
    let page = fs::read_to_string(lab.path("report.html")).unwrap();
    assert!(page.contains("it ends with exit code 3, too"), "{page}");
    let output = of(&["--json", "--out", "well"], "opensc-tool -n");
    assert!(document(&output).get("good_exit_code").is_none());
}

#[test]
fn of_a_program_that_does_not_come_to_ask_the_card_no_finding_is_gone() {
    let lab = Lab::new("valid");
    // A refusal of whatever it selects is a crash of this one.
    let script = "opensc-tool -s 00A4000C023F00 | grep -q SW1=0x90 || kill -SEGV $$";
    fs::write(lab.path("faults"), "sw:ins=A4,sw=6F00\n").unwrap();
    let output = lab.run(&[
        "--json",
        "fuzz",
        "run",
        "--corpus",
        "faults",
        "--executions",
        "1",
        "card.json",
        "--",
        "/bin/sh",
        "-c",
        script,
    ]);
    assert_code(&output, 6);
    let report = document(&output);
    let case = report["findings"][0]["file"].as_str().unwrap();
    let replay = |script: &str| lab.run(&["fuzz", "replay", case, "--", "/bin/sh", "-c", script]);
    for (script, why) in [
        ("true", "sends nothing to a card"),
        ("opensc-tool -n; no-such-program", "exit code 127"),
    ] {
        let output = replay(script);
        assert_plain_error(&output, 1);
        assert!(stderr(&output).contains(why), "{}", stderr(&output));
    }
    assert_code(&replay("opensc-tool -n"), 0);
    // What was answered is in the document as it is in the text.
    let seen = document(&lab.run(&["--json", "fuzz", "replay", case]));
    let lines = seen["trace"].as_array().unwrap();
    let select = lines.iter().find(|line| line["command"] == "00A4000C");
    let select = select.unwrap_or_else(|| panic!("{seen}"));
    assert_eq!(select["answer"], "6F00");
    assert_eq!(select["card"], "9000");
    assert_eq!(select["decisive"], true);
    let text = stdout(&lab.run(&["fuzz", "replay", case]));
    for line in lines {
        assert!(text.contains(&format!(" {}  ", line["number"])), "{text}");
    }
    // The shell above says of it what it was ended by.
    let above = format!("sh -c \"{}\"; exit $?", script.replace('$', "\\$"));
    assert_code(&replay(&above), 6);
}

#[test]
fn what_in_a_corpus_is_no_file_is_named_and_the_time_that_it_takes_counts() {
    let lab = Lab::new("valid");
    let script = "mkdir -p corpus/directory; mkfifo corpus/pipe; ln -s absent corpus/link
        echo empty:nth=1 >corpus/one";
    let made = Command::new("sh")
        .args(["-c", script])
        .current_dir(lab.directory())
        .status();
    assert!(made.unwrap().success());
    let output = lab.run(&[
        "--json",
        "fuzz",
        "run",
        "--corpus",
        "corpus",
        "--executions",
        "1",
        "card.json",
        "--",
        "/bin/sh",
        "-c",
        "opensc-tool -n; sleep 1; exit 0",
    ]);
    let said = stderr(&output);
    for name in ["directory", "pipe", "link"] {
        let named = format!("corpus/{name} is left alone");
        assert!(said.contains(&named), "{name}: {said}");
    }
    let report = document(&output);
    assert_eq!(report["executions"], 1, "{report}");
    assert!(report["seconds"].as_f64().unwrap() >= 1.0, "{report}");
    // Nor is a pipe exported, which may never end.
    let export = ["fuzz", "export", "corpus/pipe", "-o", "out.bin"];
    let output = lab.run(&export);
    assert_plain_error(&output, 1);
    assert!(
        stderr(&output).contains("is not a regular file"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_case_that_is_made_small_is_kept_as_small_as_it_is_when_that_is_interrupted() {
    let lab = Lab::new("valid");
    let script = "opensc-tool -s 00A4000C023F00 | grep -q SW1=0x90 || { sleep 1; kill -SEGV $$; }";
    fs::write(lab.path("faults"), "sw:ins=A4,sw=6F00\nempty:nth=900\n").unwrap();
    let output = lab.run(&[
        "--json",
        "fuzz",
        "run",
        "--corpus",
        "faults",
        "--executions",
        "1",
        "card.json",
        "--",
        "/bin/sh",
        "-c",
        script,
    ]);
    assert_code(&output, 6);
    let report = document(&output);
    let case = report["findings"][0]["file"].as_str().unwrap();
    let minimize = ["--json", "fuzz", "minimize", case, "-o", "small.json"];
    let child = lab
        .command(&minimize)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The good card and the case come first, and take longer than this.
    thread::sleep(Duration::from_millis(1000));
    let number = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &number]).status();
    assert!(sent.unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_code(&output, 130);
    let small = document(&output);
    assert_eq!(small["error"]["kind"], "interrupted", "{small}");
    assert_code(&lab.run(&["fuzz", "replay", "small.json"]), 6);
}

#[test]
fn a_directory_of_another_campaign_and_a_card_that_has_changed_are_refused() {
    let lab = Lab::new("valid");
    let program = planted().to_str().unwrap();
    let report = campaign(&lab, "counter", "5");
    let case = report["findings"][0]["file"].as_str().unwrap().to_owned();
    let other = [
        "fuzz",
        "run",
        "--out",
        "kortlab-fuzz",
        "--executions",
        "1",
        "card.json",
        "--",
        program,
        "name",
    ];
    let output = lab.run(&other);
    assert_plain_error(&output, 1);
    assert!(stderr(&output).contains("--out"), "{}", stderr(&output));
    // A foreign file in the directory is named, and left alone.
    fs::write(lab.path("kortlab-fuzz/notes.json"), "{}").unwrap();
    let again = [
        "fuzz",
        "run",
        "--out",
        "kortlab-fuzz",
        "--limit-commands",
        "400",
        "--executions",
        "1",
        "card.json",
        "--",
        program,
        "counter",
    ];
    let output = lab.run(&again);
    assert_code(&output, 6);
    assert!(
        stderr(&output).contains("notes.json"),
        "{}",
        stderr(&output)
    );
    assert!(lab.path("kortlab-fuzz/notes.json").exists());
    let made = lab.run(&["card", "new", "-o", "other.json", "--seed", "9"]);
    assert_code(&made, 0);
    fs::copy(lab.path("other.json"), lab.path("card.json")).unwrap();
    let output = lab.run(&["fuzz", "replay", &case]);
    assert_plain_error(&output, 1);
    assert!(stderr(&output).contains("--image"), "{}", stderr(&output));
    // Another one is tried, and that it is another is said.
    let output = lab.run(&["fuzz", "replay", &case, "--image", "other.json"]);
    assert_code(&output, 6);
    let said = stderr(&output);
    assert!(
        said.contains("other.json is not the one that the case was found with"),
        "{said}"
    );
    fs::remove_file(lab.path("card.json")).unwrap();
    let output = lab.run(&["fuzz", "replay", &case]);
    assert!(stderr(&output).contains("--image"), "{}", stderr(&output));
    assert_plain_error(&output, 1);
}
