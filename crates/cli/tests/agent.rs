//! `kortlab agent` as it runs, and what curl gets from it.

#![cfg(feature = "portal")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::{Lab, assert_code, assert_plain_error, stderr, stdout};
use kortlab_issuer::inspect::CertificateSummary;
use kortlab_portal_api::Serial;
use kortlab_portal_api::task::{
    Done, Language, Outcome, ReturnTo, SignPurpose, Task, TaskId, TaskResult, Work,
};
use kortlab_portal_core::TRIAL_TEXT;
use serde_json::Value;

const PORTAL: &str = "https://localhost:8443";

/// A running agent.
struct Running {
    child: Child,
    listening: Value,
    rest: BufReader<std::process::ChildStdout>,
}

impl Running {
    fn start(lab: &Lab, options: &[&str]) -> Self {
        Self::run(lab.command(&agent_with(options)))
    }

    /// The same as `command` starts it.
    fn run(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut rest = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        rest.read_line(&mut line).unwrap();
        Self {
            listening: serde_json::from_str(&line).unwrap(),
            child,
            rest,
        }
    }

    fn address(&self) -> &str {
        self.listening["address"].as_str().unwrap()
    }

    /// What curl prints for this address of the agent: headers and body.
    fn curl(&self, path: &str, arguments: &[&str]) -> String {
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--include", "--max-time", "60"])
            .args(arguments)
            .arg(format!("http://{}{path}", self.address()))
            .output()
            .expect("curl is missing; run: cargo xtask test");
        assert!(output.status.success(), "{}", stderr(&output));
        let text = stdout(&output);
        let lower = text.to_ascii_lowercase();
        assert!(!lower.contains("access-control-"), "{text}");
        assert!(lower.contains("content-security-policy: default-src 'none'"));
        text
    }

    /// The portal's form.
    fn begin(&self, task: &Task, origin: &str) -> String {
        let task = format!("task={}", task.to_json());
        let origin = format!("Origin: {origin}");
        self.curl("/task", &["--header", &origin, "--data-urlencode", &task])
    }

    /// The form of the agent's page.
    fn go_on(&self, page: &str, fields: &[&str]) -> String {
        let key = between(page, "action=\"/task/", "\"");
        let token = format!("token={}", hidden(page, "token"));
        let origin = format!("Origin: http://{}", self.address());
        let mut arguments = vec!["--header", &origin, "--data", &token];
        for field in fields {
            arguments.extend(["--data", field]);
        }
        self.curl(&format!("/task/{key}"), &arguments)
    }

    /// Ends it with a signal; everything else it has said.
    fn end_with(mut self, signal: &str) -> String {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(status.unwrap().success());
        let mut said = String::new();
        self.rest.read_to_string(&mut said).unwrap();
        let mut errors = self.child.stderr.take().unwrap();
        errors.read_to_string(&mut said).unwrap();
        let ended = self.child.wait().unwrap();
        assert_eq!(ended.code(), Some(0), "{said}");
        assert!(said.contains("{\"event\":\"stopped\"}"), "{said}");
        said
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that failed before must leave nothing running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The arguments of an agent on a free port, for the portal.
fn agent_with<'a>(options: &[&'a str]) -> Vec<&'a str> {
    let usual = ["--json", "agent", "--listen", "127.0.0.1:0"];
    [&usual[..], &["--allow-origin", PORTAL], options].concat()
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let rest = text.split_once(start).map(|(_, rest)| rest);
    let found = rest.and_then(|rest| rest.split_once(end));
    found.unwrap_or_else(|| panic!("no {start} in {text}")).0
}

fn hidden(page: &str, name: &str) -> String {
    let start = format!("<input type=\"hidden\" name=\"{name}\" value=\"");
    between(page, &start, "\"").replace("&#34;", "\"")
}

fn task(number: u8, work: Work) -> Task {
    let id = TaskId::new([number; 32]);
    Task {
        return_to: ReturnTo::parse(&format!("{PORTAL}/task/{}", id.expose())).unwrap(),
        id,
        card_number: None,
        language: Language::English,
        work,
    }
}

fn sign() -> Work {
    Work::Sign {
        text: TRIAL_TEXT.to_owned(),
        purpose: SignPurpose::Trial,
    }
}

#[test]
fn curl_shows_and_signs_with_the_card_and_openssl_agrees() {
    let lab = Lab::new("valid");
    let agent = Running::start(&lab, &[]);
    let page = agent.begin(&task(1, Work::Show), PORTAL);
    let shown = TaskResult::parse(&hidden(&agent.go_on(&page, &["action=do"]), "result")).unwrap();
    let Outcome::Done(Done::Shown { certificates }) = shown.outcome else {
        panic!("{shown:?}");
    };
    assert_eq!(certificates.len(), 4);
    let page = agent.begin(&task(2, sign()), PORTAL);
    let page = agent.go_on(&page, &["action=do", "pin-sign=314159"]);
    assert!(page.contains("Tries left on the card: 2"), "{page}");
    let done = agent.go_on(&page, &["action=do", "pin-sign=654321"]);
    let result = TaskResult::parse(&hidden(&done, "result")).unwrap();
    let Outcome::Done(Done::Signed { signed }) = result.outcome else {
        panic!("{result:?}");
    };
    fs::write(lab.path("signed.cms"), signed.as_bytes()).unwrap();
    let verify = ["cms", "-verify", "-noverify", "-inform", "DER", "-binary"];
    let text = lab.openssl(&[&verify[..], &["-in", "signed.cms"]].concat());
    assert!(text.contains("Provunderskrift"), "{text}");
    let said = agent.end_with("TERM");
    assert!(said.contains("a PIN was wrong"), "{said}");
    for secret in ["314159", "654321", &hidden(&page, "token")] {
        assert!(!said.contains(secret) && !done.contains(secret), "{said}");
    }
}

#[test]
fn cross_site_calls_and_other_names_for_this_computer_get_nothing() {
    let lab = Lab::new("valid");
    let agent = Running::start(&lab, &[]);
    let image = lab.image();
    for origin in ["https://evil.example", "null", "https://localhost:84430"] {
        let answer = agent.begin(&task(1, Work::Show), origin);
        assert!(answer.starts_with("HTTP/1.1 403"), "{origin}: {answer}");
    }
    let form = ["--data-urlencode", "task={}"];
    assert!(agent.curl("/task", &form).starts_with("HTTP/1.1 403"));
    let preflight = [
        "--request",
        "OPTIONS",
        "--header",
        "Origin: https://localhost:8443",
        "--header",
        "Access-Control-Request-Method: POST",
        "--header",
        "Access-Control-Request-Private-Network: true",
    ];
    let answer = agent.curl("/task", &preflight);
    assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
    // DNS rebinding: a name of somebody else's that points here.
    let (_, port) = agent.address().rsplit_once(':').unwrap();
    let rebound = format!("Host: evil.example:{port}");
    let arguments = [
        "--header",
        &rebound,
        "--header",
        "Origin: https://localhost:8443",
    ];
    for path in ["/", "/task", "/agent.css"] {
        let answer = agent.curl(path, &[&arguments[..], &form].concat());
        assert!(answer.starts_with("HTTP/1.1 40"), "{answer}");
    }
    let page = agent.begin(&task(2, Work::Show), PORTAL);
    let key = between(&page, "action=\"/task/", "\"");
    let fields = format!("token={}&action=do", hidden(&page, "token"));
    let from_elsewhere = [
        "--header",
        "Origin: https://evil.example",
        "--data",
        &fields,
    ];
    let answer = agent.curl(&format!("/task/{key}"), &from_elsewhere);
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert_eq!(lab.image(), image);
    agent.end_with("INT");
}

#[test]
fn a_card_that_is_not_there_or_is_in_use_is_a_page_that_says_so() {
    let lab = Lab::new("valid");
    let agent = Running::start(&lab, &[]);
    let emulating = lab.emulate_on_socket();
    let page = agent.begin(&task(1, Work::Show), PORTAL);
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(page.contains("The card cannot be used right now"), "{page}");
    emulating.end_with("TERM");
    // Let go, it is found by the same task.
    let page = agent.go_on(&page, &["action=show"]);
    assert!(page.contains("Show the certificates"), "{page}");
    fs::remove_file(lab.path("card.json")).unwrap();
    let page = agent.begin(&task(2, Work::Show), PORTAL);
    assert!(page.contains("The card cannot be used right now"), "{page}");
    agent.end_with("TERM");
}

/// What a page's result says was done.
#[track_caller]
fn done(page: &str) -> Done {
    let result = TaskResult::parse(&hidden(page, "result")).unwrap();
    match result.outcome {
        Outcome::Done(done) => done,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_ephemeral_card_remembers_from_task_to_task_and_its_file_is_left_alone() {
    let lab = Lab::new("valid");
    let before = lab.image();
    let der = lab.run(&["cert", "read", "4333", "--der"]).stdout;
    let serial = CertificateSummary::from_der(&der).unwrap().serial;
    let serials = vec![Serial::new(&serial).unwrap()];
    let agent = Running::start(&lab, &["--ephemeral"]);
    let page = agent.begin(&task(1, Work::Remove { serials }), PORTAL);
    let page = agent.go_on(&page, &["action=do", "pin-auth=314159"]);
    assert!(page.contains("Tries left on the card: 2"), "{page}");
    let page = agent.go_on(&page, &["action=do", "pin-auth=123456"]);
    done(&page);
    let page = agent.begin(&task(2, Work::Show), PORTAL);
    let Done::Shown { certificates } = done(&agent.go_on(&page, &["action=do"])) else {
        panic!("{page}");
    };
    assert_eq!(certificates.len(), 3, "the next task finds what was done");
    assert!(!certificates.iter().any(|one| one.as_bytes() == der));
    agent.end_with("TERM");
    assert_eq!(lab.image(), before);
    assert_code(&lab.run(&["cert", "read", "4333"]), 0);
}

#[test]
fn a_card_whose_file_cannot_be_written_is_a_page_that_blames_the_file_system() {
    let lab = Lab::new("valid");
    let before = lab.image();
    // No file gets longer than 2 kB; the image is.
    let mut limited = lab.command(&[]);
    let program = limited.get_program().to_owned();
    limited = in_the_same_place(&limited, "bash");
    limited
        .args(["-c", "ulimit -f 2; exec \"$@\"", "bash"])
        .arg(program)
        .args(agent_with(&[]));
    let agent = Running::run(limited);
    let page = agent.begin(&task(1, sign()), PORTAL);
    let page = agent.go_on(&page, &["action=do", "pin-sign=654321"]);
    assert!(page.contains("The card is not at fault"), "{page}");
    assert!(page.contains("File too large"), "{page}");
    assert!(page.contains("--ephemeral"), "{page}");
    for blame in ["6581", "memory failure", "PIN is wrong"] {
        assert!(!page.contains(blame), "{page}");
    }
    let said = agent.end_with("TERM");
    assert!(!said.contains("654321"), "{said}");
    assert_eq!(lab.image(), before);
    // Where nothing is to be saved, the same is signed.
    let agent = Running::start(&lab, &["--ephemeral"]);
    let page = agent.begin(&task(2, sign()), PORTAL);
    let signed = done(&agent.go_on(&page, &["action=do", "pin-sign=654321"]));
    assert!(matches!(signed, Done::Signed { .. }), "{signed:?}");
    agent.end_with("TERM");
}

/// Another program with the environment and the directory of this one.
fn in_the_same_place(command: &Command, program: &str) -> Command {
    let mut other = Command::new(program);
    if let Some(directory) = command.get_current_dir() {
        other.current_dir(directory);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => other.env(name, value),
            None => other.env_remove(name),
        };
    }
    other.stdin(Stdio::null());
    other
}

#[test]
fn an_agent_for_nobody_or_for_everybody_does_not_start() {
    let lab = Lab::new("valid");
    for (options, words) in [
        (&["agent"][..], "--allow-origin"),
        (
            &["agent", "--allow-origin", "http://localhost:8443"],
            "https",
        ),
        (
            &["agent", "--allow-origin", "https://portal.example/path"],
            "origin",
        ),
        (&["agent", "--allow-origin", "*"], "URL"),
        (
            &["agent", "--allow-origin", PORTAL, "--listen", "0.0.0.0:0"],
            "is no loopback address",
        ),
        (
            &["agent", "--allow-origin", PORTAL, "--listen", "[::]:0"],
            "is no loopback address",
        ),
    ] {
        let output = lab.run(options);
        assert_code(&output, 2);
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    }
    let running = Running::start(&lab, &[]);
    let address = running.address().to_owned();
    let output = lab.run(&["agent", "--allow-origin", PORTAL, "--listen", &address]);
    assert_plain_error(&output, 1);
    assert!(stderr(&output).contains("another agent may be running"));
    running.end_with("TERM");
}

/// A card whose socket takes what is sent and answers nothing.
#[test]
fn an_agent_whose_card_is_silent_ends_at_a_signal_at_once() {
    let lab = Lab::new("valid");
    let socket = lab.path("silent.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let silent = thread::spawn(move || {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept() {
            held.push(stream);
        }
    });
    let card = format!("socket:{}", socket.display());
    for signal in ["TERM", "INT"] {
        let agent = Running::start(&lab, &["--card", &card]);
        let url = format!("http://{}/task", agent.address());
        let mut asking = Command::new("curl")
            .args(["--silent", "--max-time", "60"])
            .args(["--header", &format!("Origin: {PORTAL}")])
            .args(["--data-urlencode"])
            .arg(format!("task={}", task(1, Work::Show).to_json()))
            .arg(url)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_millis(500));
        // It waits for the card, and others are answered.
        assert!(asking.try_wait().unwrap().is_none());
        assert!(agent.curl("/", &[]).starts_with("HTTP/1.1 200"));
        let begun = Instant::now();
        agent.end_with(signal);
        assert!(
            begun.elapsed() < Duration::from_secs(4),
            "{:?}",
            begun.elapsed()
        );
        asking.wait().unwrap();
    }
    drop(silent);
}

/// A removal of the last HCC that was torn by `kortlab` itself: what completes or undoes it is in
/// the image.
fn torn_by_a_command() -> Lab {
    let lab = Lab::new("valid");
    let fault = ["--fault", "tear:after-bytes=20"];
    let remove = ["cert", "remove", "HCC Underskrift"];
    assert_code(&lab.with_pins(&[&fault[..], &remove].concat()), 7);
    assert!(waits(&lab));
    lab
}

/// Whether the image says that a change waits for its recovery.
fn waits(lab: &Lab) -> bool {
    let image: Value = serde_json::from_slice(&lab.image()).unwrap();
    !image["pending_change"].is_null()
}

fn certificates(lab: &Lab) -> Vec<Value> {
    let listed = lab.json(&["cert", "list"]);
    listed["certificates"].as_array().unwrap().clone()
}

#[test]
fn the_agent_recovers_what_a_command_has_noted_down_in_the_image() {
    let lab = torn_by_a_command();
    let agent = Running::start(&lab, &[]);
    let page = agent.begin(&task(1, Work::Show), PORTAL);
    assert!(
        page.contains("First: a change that was interrupted"),
        "{page}"
    );
    let page = agent.go_on(&page, &["action=do", "pin-auth=123456"]);
    assert!(page.contains("The interrupted change is now"), "{page}");
    let shown = TaskResult::parse(&hidden(&agent.go_on(&page, &["action=do"]), "result")).unwrap();
    let Outcome::Done(Done::Shown { certificates: seen }) = shown.outcome else {
        panic!("{shown:?}");
    };
    agent.end_with("TERM");
    assert!(!waits(&lab));
    assert_eq!(certificates(&lab).len(), seen.len());
    let again = lab.with_pins(&["recover"]);
    assert!(stdout(&again).contains("nothing to recover"));
    assert_code(&lab.run(&["cert", "check"]), 0);
}

#[test]
fn a_command_recovers_what_the_agent_has_noted_down_in_the_image() {
    let lab = Lab::new("valid");
    let before = certificates(&lab);
    let serial = before[3]["serial"].as_str().unwrap().parse().unwrap();
    let work = Work::Remove {
        serials: vec![serial],
    };
    let agent = Running::start(&lab, &["--fault", "tear:after-bytes=20"]);
    let page = agent.begin(&task(1, work), PORTAL);
    assert!(page.contains("pin-auth"), "{page}");
    let page = agent.go_on(&page, &["action=do", "pin-auth=123456"]);
    assert!(
        !page.contains("name=\"result\"") || page.contains("failed"),
        "{page}"
    );
    agent.end_with("TERM");
    assert!(waits(&lab), "{page}");
    // Nothing of it is anywhere else.
    assert!(!lab.path("state/kortlab/transactions").exists());
    let copy = lab.path("copy.json");
    fs::copy(lab.path("card.json"), &copy).unwrap();
    for card in ["card.json", "copy.json"] {
        let output = lab.with_pins(&["--card", card, "recover"]);
        assert_code(&output, 0);
        assert!(!stdout(&output).contains("nothing to recover"), "{card}");
        assert_code(&lab.run(&["--card", card, "cert", "check"]), 0);
    }
    assert!(!waits(&lab));
    let left = certificates(&lab).len();
    assert!(left == 3 || left == 4, "{left}");
}

#[test]
fn an_agent_with_a_copy_of_the_card_recovers_the_copy_for_all_its_tasks() {
    let lab = torn_by_a_command();
    let image = lab.image();
    let agent = Running::start(&lab, &["--ephemeral"]);
    let page = agent.begin(&task(1, Work::Show), PORTAL);
    let page = agent.go_on(&page, &["action=do", "pin-auth=123456"]);
    assert!(page.contains("The interrupted change is now"), "{page}");
    // The next task finds the copy as the last one has left it.
    let page = agent.begin(&task(2, Work::Show), PORTAL);
    assert!(page.contains("Show the certificates"), "{page}");
    agent.end_with("TERM");
    assert_eq!(lab.image(), image, "the image waits as before");
    assert_code(&lab.with_pins(&["recover"]), 0);
}

#[test]
fn requests_that_are_refused_do_not_fill_the_log() {
    let lab = Lab::new("valid");
    let agent = Running::start(&lab, &[]);
    let refused = agent.curl("/?[1-60]", &["--header", "Host: evil.example"]);
    assert_eq!(refused.matches("HTTP/1.1 403").count(), 60);
    let said = agent.end_with("TERM");
    let warnings = said.lines().filter(|line| line.contains(" WARN "));
    assert_eq!(warnings.count(), 31, "{said}");
    assert!(
        said.contains("counted, not told: a request was refused"),
        "{said}"
    );
}
