//! Other users of the same computer, who can forge all that a browser says, and cards that do not
//! answer.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod support;

use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use kortlab_agent::Limits;
use kortlab_apdu::Protocol;
use kortlab_portal_api::task::{SignPurpose, Task, Work};
use kortlab_portal_core::TRIAL_TEXT;
use kortlab_renewal::states::CardState;
use support::{AUTHENTICATION_PIN, Lab, PORTAL};

/// Nobody, on Debian and most others.
const OTHER_USER: u32 = 65534;

fn trial() -> Work {
    Work::Sign {
        text: TRIAL_TEXT.to_owned(),
        purpose: SignPurpose::Trial,
    }
}

/// What a browser would send for a portal's page, sent by a program of this user.
fn forged(lab: &Lab, task: &Task, user: Option<u32>) -> Output {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--max-time", "20"])
        .args(["--header", &format!("Origin: {PORTAL}")])
        .args(["--header", "Sec-Fetch-Site: cross-site"])
        .args(["--header", "Sec-Fetch-Mode: navigate"])
        .args(["--header", "Sec-Fetch-Dest: document"])
        .args(["--data-urlencode", &format!("task={}", task.to_json())])
        .arg(lab.agent.task_url())
        .current_dir("/");
    if let Some(user) = user {
        curl.uid(user);
    }
    curl.output()
        .expect("curl is missing; run: cargo xtask test")
}

#[test]
fn another_user_of_this_computer_gets_no_answer_whatever_headers_are_forged() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("only root can become another user; nothing was tested");
        return;
    }
    let lab = Lab::new(CardState::Valid, Protocol::T1);
    for work in [Work::Show, trial()] {
        let task = lab.task(work);
        let refused = forged(&lab, &task, Some(OTHER_USER));
        assert!(!refused.status.success(), "{refused:?}");
        assert_eq!(refused.stdout, b"", "{refused:?}");
        // The very same is served to the agent's own user.
        let served = forged(&lab, &task, None);
        assert!(served.status.success(), "{served:?}");
        assert!(String::from_utf8_lossy(&served.stdout).contains("<form"));
    }
    assert_eq!(lab.tries(), [3, 3]);
}

#[test]
fn connections_of_others_take_no_room_from_the_own_users() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("only root can become another user; nothing was tested");
        return;
    }
    let lab = Lab::new(CardState::Valid, Protocol::T1);
    let address = lab.agent.address();
    let script = format!(
        "for i in $(seq 100); do exec {{fd}}<>/dev/tcp/{}/{}; done; sleep 60",
        address.ip(),
        address.port()
    );
    let mut crowd = Command::new("bash")
        .args(["-c", &script])
        .current_dir("/")
        .uid(OTHER_USER)
        .spawn()
        .unwrap();
    thread::sleep(Duration::from_millis(500));
    let served = forged(&lab, &lab.task(Work::Show), None);
    crowd.kill().unwrap();
    crowd.wait().unwrap();
    assert!(served.status.success(), "{served:?}");
}

/// A lab whose agent bears so much silence.
fn bearing(silence: Duration) -> Lab {
    let limits = Limits {
        silence,
        ..Limits::default()
    };
    Lab::with(CardState::Valid, Protocol::T1, limits)
}

#[test]
fn a_silent_card_ends_a_task_and_not_the_agent() {
    let lab = bearing(Duration::from_millis(400));
    lab.pause.now();
    let stopped = lab.begin(&lab.task(Work::Show));
    stopped.assert_says("The card, or the reader, does not answer");
    // The next task does not wait for the first one's patience, nor for its own.
    let begun = Instant::now();
    let next = lab.begin(&lab.task(trial()));
    next.assert_says("An earlier task still waits for the card");
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(lab.request("GET", "/", &[], b"").status, 200);
    // It can be cancelled, and the other one goes on when the card answers again.
    lab.go_on(&next, &[("action", "cancel")])
        .assert_says("Nothing was changed on the card");
    lab.pause.end();
    thread::sleep(Duration::from_millis(300));
    lab.go_on(&stopped, &[("action", "show")])
        .assert_says("Show the certificates");
}

#[test]
fn an_agent_whose_card_is_silent_stops_at_once() {
    let mut lab = bearing(Duration::from_secs(60));
    let work = lab.task(Work::Show);
    let body = support::form(&[("task", &work.to_json())]);
    let (address, mut headers) = (lab.agent.address(), support::portal_headers(PORTAL));
    headers.push(("Host".to_owned(), lab.host()));
    lab.pause.now();
    let asking =
        thread::spawn(move || support::send(address, "POST", "/task", &headers, body.as_bytes()));
    // While it waits, whoever else asks is answered.
    thread::sleep(Duration::from_millis(300));
    assert_eq!(lab.request("GET", "/", &[], b"").status, 200);
    assert!(!asking.is_finished());
    // And a connection that says nothing does not keep it either.
    let idle = TcpStream::connect(address).unwrap();
    let next = lab.fresh_agent();
    let agent = std::mem::replace(&mut lab.agent, next);
    let begun = Instant::now();
    agent.stop().unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
    asking.join().unwrap().assert_says("has been told to stop");
    drop(idle);
    lab.pause.end();
}

#[test]
fn an_agent_whose_card_falls_silent_in_a_change_does_not_wait_without_end() {
    let mut lab = bearing(Duration::from_secs(60));
    let serials = [kortlab_issuer::inspect::Purpose::Authentication].map(|purpose| {
        let der = lab.certificate(kortlab_issuer::inspect::Colour::Pink, purpose);
        let summary = kortlab_issuer::inspect::CertificateSummary::from_der(&der).unwrap();
        kortlab_portal_api::Serial::new(&summary.serial).unwrap()
    });
    let page = lab.begin(&lab.task(Work::Remove {
        serials: serials.to_vec(),
    }));
    let (token, path) = (page.hidden("token"), page.action());
    let fields = [
        ("token", token.as_str()),
        ("action", "do"),
        ("pin-auth", AUTHENTICATION_PIN),
    ];
    let (address, body) = (lab.agent.address(), support::form(&fields));
    let mut headers = lab.own_headers();
    headers.push(("Host".to_owned(), lab.host()));
    lab.pause.at_the_next_change();
    let removing =
        thread::spawn(move || support::send(address, "POST", &path, &headers, body.as_bytes()));
    while !lab.pause.has_begun() {
        assert!(!removing.is_finished());
        thread::yield_now();
    }
    let next = lab.fresh_agent();
    let agent = std::mem::replace(&mut lab.agent, next);
    let begun = Instant::now();
    agent.stop().unwrap();
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(8), "{took:?}");
    removing
        .join()
        .unwrap()
        .assert_says("has been told to stop");
    lab.pause.end();
}
