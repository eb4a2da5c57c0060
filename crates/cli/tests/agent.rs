//! `kortlab agent` as it runs, and what curl gets from it.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use common::{Lab, assert_code, assert_plain_error, stderr, stdout};
use kortlab_portal_api::task::{
    Done, Language, Outcome, ReturnTo, SignPurpose, Task, TaskId, TaskResult, Work,
};
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
        let usual = ["--json", "agent", "--listen", "127.0.0.1:0"];
        let allowed = ["--allow-origin", PORTAL];
        let mut child = lab
            .command(&[&usual[..], &allowed, options].concat())
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
        text: "Signed through curl\n".to_owned(),
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
    assert!(text.contains("Signed through curl"), "{text}");
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
