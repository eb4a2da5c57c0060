//! `kortlab renew` against a running `kortlab portal`: every state of a card, whatever interrupts
//! it, and what it refuses.

#![cfg(feature = "portal")]

mod common;

use std::cell::Cell;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use common::portal::Portal;
use common::{Lab, assert_code, assert_plain_error, free_address, stderr, stdout};
use kortlab_apdu::{Channel, ChannelError, Protocol, ResetKind};
use kortlab_card::{Card, MemoryJournal, Pin, PinRole};
use kortlab_emulator::{CardRng, Image, InProcess, VirtualCard};
use kortlab_issuer::clock::SystemClock;
use kortlab_portal_client::{HttpPortal, Trust};
use kortlab_portal_core::DataLine;
use kortlab_renewal::guide::{Interaction, Outcome, Step, renew};
use kortlab_renewal::notes::MemoryNotes;
use serde_json::Value;

/// The JSON document of a renewal that succeeds.
#[track_caller]
fn renewed(portal: &Portal, lab: &Lab) -> Value {
    let output = portal.renew_with(lab, &["--json"]);
    assert_code(&output, 0);
    let document: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    assert_eq!(document["complete"], true, "{document}");
    assert_eq!(document["report"]["valid"]["blue"], 2);
    assert_eq!(document["report"]["valid"]["pink"], 2);
    document
}

fn labels(lab: &Lab) -> Vec<String> {
    let listed = lab.json(&["cert", "list"]);
    let certificates = listed["certificates"].as_array().expect("a list");
    let label = |certificate: &Value| certificate["label"].as_str().unwrap_or("?").to_owned();
    certificates.iter().map(label).collect()
}

fn tries_left(lab: &Lab) -> String {
    lab.json(&["pin", "status"])["pins"][0].to_string()
}

#[test]
fn a_card_is_renewed_from_every_state_over_both_protocols() {
    let portal = Portal::start();
    for (protocol, states) in [
        ("t0", &["expired", "revoked", "delivered"][..]),
        ("t1", &["expired", "delivered"]),
    ] {
        for state in states {
            let lab = portal.card(state, protocol);
            let document = renewed(&portal, &lab);
            assert_eq!(document["outcome"], "renewed", "{state}");
            assert_eq!(document["portal"], portal.url.as_str());
            assert_eq!(document["steps"].as_array().map(Vec::len), Some(11));
            assert!(document["order"].is_string());
            // Nothing is left to do, and no PIN is needed to find that out.
            let again = lab.run(
                &portal
                    .renewal()
                    .iter()
                    .map(String::as_str)
                    .collect::<Vec<_>>(),
            );
            assert_code(&again, 0);
            assert!(stdout(&again).contains("nothing to do: 2 blue and 2 pink"));
            assert_eq!(labels(&lab).len(), 4);
        }
    }
    assert_eq!(portal.audited("approve"), 5);
    assert_eq!(portal.audited("sign-receipt"), 5);
}

#[test]
fn progress_is_told_beside_the_result() {
    let portal = Portal::start();
    let output = portal.renew(&portal.card("expired", "t0"));
    assert_code(&output, 0);
    let (result, progress) = (stdout(&output), stderr(&output));
    assert!(result.contains("● blue") && result.contains("● pink"));
    assert!(result.ends_with("the card is renewed: 2 blue and 2 pink certificates are valid\n"));
    for words in [
        "Logga in",
        "logged in: card 9752",
        "removed: HCC for Legitimering",
        "Namn (Name): ",
        "Kvittera kort",
        "signature test passed",
    ] {
        assert!(progress.contains(words), "{words}: {progress}");
    }
    let pin = "654321";
    assert!(!progress.contains(pin) && !result.contains(pin));
}

#[test]
fn a_card_without_certificates_is_told_where_it_gets_them() {
    let portal = Portal::start();
    let lab = Lab::new("blank-slots");
    let output = portal.renew(&lab);
    assert_code(&output, 1);
    let said = stderr(&output);
    assert!(said.contains("no carrier certificate"), "{said}");
    assert!(said.contains("`kortlab admin enrol`"), "{said}");
}

#[test]
fn a_card_without_room_is_left_as_it_is_and_nothing_is_ordered() {
    let portal = Portal::start();
    let lab = portal.card("delivered", "t0");
    lab.openssl(&[
        "req",
        "-x509",
        "-newkey",
        "rsa:4096",
        "-nodes",
        "-keyout",
        "ca.key",
        "-out",
        "ca.der",
        "-outform",
        "DER",
        "-subj",
        "/CN=Ballast",
    ]);
    let mut written = 0;
    loop {
        let key = format!("{:x}", 0x51 + written);
        let write = [
            "cert",
            "write",
            "ca.der",
            "--authority",
            "--force",
            "--key",
            &key,
        ];
        if !lab.with_pins(&write).status.success() {
            break;
        }
        written += 1;
        assert!(written < 60, "the card never gets full");
    }
    let before = labels(&lab);
    let output = portal.renew(&lab);
    assert_code(&output, 1);
    assert!(
        stderr(&output).contains("fullt kort"),
        "{}",
        stderr(&output)
    );
    assert!(
        stderr(&output).contains("hint: remove one of: Ballast"),
        "{}",
        stderr(&output)
    );
    assert_eq!(labels(&lab), before);
    assert_eq!(portal.audited("order"), 0);
}

#[test]
fn a_wrong_pin_ends_with_4_and_costs_one_try() {
    let portal = Portal::start();
    let lab = portal.card("expired", "t0");
    let renew = |auth: &str, sign: &str| {
        lab.command(
            &portal
                .renewal()
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>(),
        )
        .args(["--auth-pin", "env:AUTH", "--sign-pin", "env:SIGN"])
        .env("AUTH", auth)
        .env("SIGN", sign)
        .output()
        .expect("kortlab runs")
    };
    let output = renew("000000", "654321");
    assert_code(&output, 4);
    assert!(
        stderr(&output).contains("step 2, Logga in"),
        "{}",
        stderr(&output)
    );
    assert!(stderr(&output).contains("2 tries"), "{}", stderr(&output));
    assert!(
        !stderr(&output).contains("handshake"),
        "{}",
        stderr(&output)
    );
    assert!(tries_left(&lab).contains('2'));
    assert_eq!(portal.audited("log-in"), 0);

    let output = renew("123456", "000000");
    assert_code(&output, 4);
    assert!(stderr(&output).contains("step 5"), "{}", stderr(&output));
    assert_eq!(portal.audited("approve"), 0);
    // Nobody stays logged in, and the right PINs go on where it stopped.
    assert_eq!(portal.audited("log-out"), 1);
    renewed(&portal, &lab);
}

#[test]
fn a_portal_that_is_silent_is_waited_for_as_long_as_is_said() {
    let portal = Portal::start();
    let lab = portal.card("delivered", "t0");
    // A connection is made, and nobody answers on it.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", silent.local_addr().unwrap());
    let ca = portal.ca().display().to_string();
    let begun = Instant::now();
    let output = lab.run(&[
        "--timeout",
        "1",
        "renew",
        "--portal",
        &url,
        "--ca",
        &ca,
        "--yes",
    ]);
    assert_plain_error(&output, 1);
    assert!(stderr(&output).contains("1 s;"), "{}", stderr(&output));
    assert!(begun.elapsed() < Duration::from_secs(9));
}

#[test]
fn what_is_missing_is_said_before_anything_is_done() {
    let portal = Portal::start();
    let lab = portal.card("expired", "t0");
    let ca = portal.ca().display().to_string();
    let with = |portal: &str, ca: &str, more: &[&str]| {
        lab.run(&[&["renew", "--portal", portal, "--ca", ca], more].concat())
    };
    // Nobody to ask, and no PIN.
    assert_plain_error(&with(&portal.url, &ca, &[]), 2);
    let output = with(&portal.url, &ca, &["--yes"]);
    assert_code(&output, 2);
    assert!(stderr(&output).contains("there is no terminal to ask on"));
    assert!(stderr(&output).contains("hint: give --auth-pin"));
    // No portal, no address, no authorities, other authorities.
    let nobody = format!("https://{}", free_address());
    let output = with(&nobody, &ca, &["--yes"]);
    assert_plain_error(&output, 1);
    assert!(stderr(&output).contains("is the portal running there?"));
    assert_plain_error(&with("http://localhost", &ca, &["--yes"]), 2);
    assert_plain_error(&with(&portal.url, "nothing.pem", &["--yes"]), 1);
    assert_plain_error(&with(&portal.url, "card.json", &["--yes"]), 1);
    let usual = ["renew", "--portal", &portal.url, "--yes"];
    let output = lab.run(&usual);
    assert_plain_error(&output, 1);
    assert!(stderr(&output).contains("kortlab-portal/tls-ca.pem"));
    assert!(stderr(&output).contains("hint: give the portal's TLS authority with --ca"));
    // Where a portal has made its data directory, the authority is found; then a PIN is missing.
    fs::create_dir(lab.path("kortlab-portal")).expect("made");
    fs::copy(&ca, lab.path("kortlab-portal/tls-ca.pem")).expect("copied");
    assert_code(&lab.run(&usual), 2);
    lab.openssl(&[
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
        "-subj",
        "/CN=Somebody",
    ]);
    let output = with(&portal.url, "ca.pem", &["--yes"]);
    assert_plain_error(&output, 1);
    assert!(stderr(&output).contains("an authority that was not named"));
    assert!(portal.audited("log-in") == 0 && tries_left(&lab).contains('3'));
}

/// `kortlab renew` at a terminal (made by util-linux' script), with these lines typed.
fn at_a_terminal(portal: &Portal, lab: &Lab, typed: &str) -> Output {
    let ca = portal.ca().display().to_string();
    let kortlab = env!("CARGO_BIN_EXE_kortlab");
    let command = format!(
        "'{kortlab}' renew --portal {} --ca '{ca}' --auth-pin env:AUTH --sign-pin env:SIGN",
        portal.url
    );
    let like = lab.command(&[]);
    let mut script = Command::new("script");
    script
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .current_dir(lab.directory())
        .envs(
            like.get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env("AUTH", "123456")
        .env("SIGN", "654321")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut process = script
        .spawn()
        .expect("script (of util-linux) is not installed; run: cargo xtask test");
    let mut keyboard = process.stdin.take().expect("piped");
    keyboard.write_all(typed.as_bytes()).expect("typed");
    let output = process.wait_with_output().expect("ended");
    drop(keyboard);
    output
}

#[test]
fn the_data_and_the_receipt_are_asked_about_at_a_terminal() {
    let portal = Portal::start();
    let lab = portal.card("delivered", "t0");
    let output = at_a_terminal(&portal, &lab, "n\n");
    assert_code(&output, 1);
    let said = stdout(&output);
    assert!(said.contains("Are these data right? [y/N]"), "{said}");
    assert!(
        said.contains("the personal data were not confirmed"),
        "{said}"
    );
    assert_eq!(portal.audited("approve"), 0);

    let output = at_a_terminal(&portal, &lab, "y\nno\n");
    assert_code(&output, 1);
    let said = stdout(&output);
    assert!(said.contains("Is the receipt right? [y/N]"), "{said}");
    assert_eq!(portal.audited("sign-receipt"), 0);

    // The order was approved and the certificates written: only the receipt is left.
    let output = at_a_terminal(&portal, &lab, "ja\n");
    assert_code(&output, 0);
    let said = stdout(&output);
    assert!(said.contains("an earlier order goes on"), "{said}");
    assert!(said.contains("the card is renewed"), "{said}");
    assert_eq!(portal.audited("approve"), 1);
}

#[test]
fn a_card_of_another_portal_is_refused_with_a_reason() {
    let portal = Portal::start();
    let lab = Lab::new("expired");
    let output = portal.renew(&lab);
    assert_code(&output, 1);
    let said = stderr(&output);
    assert!(said.contains("step 2, Logga in"), "{said}");
    assert!(said.contains("is not known here"), "{said}");
    assert!(said.contains("whoever administers the portal"), "{said}");
    assert!(!said.contains("begin again"), "{said}");
}

#[test]
fn an_answer_that_is_lost_loses_no_order_and_issues_none_twice() {
    for operation in [
        "log-in",
        "removed",
        "order",
        "approve",
        "fetch",
        "sign-receipt",
        "log-out",
    ] {
        let portal = Portal::start();
        let lab = portal.card("expired", "t0");
        portal.fail_once(operation, "lost-answer");
        let first = portal.renew(&lab);
        // What changes nothing the second time is sent again at once.
        let repeated = ["removed", "order", "fetch"].contains(&operation);
        if repeated {
            assert_code(&first, 0);
        } else {
            assert_code(&first, 1);
            let said = stderr(&first);
            assert!(
                said.contains("the connection broke off"),
                "{operation}: {said}"
            );
            assert!(said.contains("hint: "), "{operation}: {said}");
        }
        renewed(&portal, &lab);
        assert_eq!(portal.audited("approve"), 1, "{operation}");
        assert_eq!(portal.audited("sign-receipt"), 1, "{operation}");
        assert_eq!(labels(&lab).len(), 4, "{operation}");
    }
}

#[test]
fn a_certificate_for_another_key_is_not_written() {
    let portal = Portal::start();
    let lab = portal.card("expired", "t0");
    portal.fail_once("approve", "wrong-key");
    let output = portal.renew(&lab);
    assert_code(&output, 1);
    assert!(stderr(&output).contains("step 6"), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("not for the card's key"),
        "{}",
        stderr(&output)
    );
    // The expired ones are gone, and nothing has come in their place.
    assert_eq!(labels(&lab).len(), 2);
    assert_eq!(portal.audited("sign-receipt"), 0);
    // What they said is kept for the next run.
    let kept = lab.path("state").join("kortlab/renewals");
    let notes: Vec<_> = fs::read_dir(&kept).expect("notes").flatten().collect();
    let [note] = &*notes else {
        panic!("{notes:?}");
    };
    let shown = Command::new("openssl")
        .args(["storeutl", "-noout", "-certs"])
        .arg(note.path())
        .output()
        .expect("openssl");
    assert!(stdout(&shown).contains("Total found: 2"), "{shown:?}");
}

#[test]
fn killed_at_any_line_it_says_the_next_run_ends_well() {
    let portal = Portal::start();
    let arguments = portal.renewal();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let mut orders = 0;
    // Among them: after the approval and before the writing, and after the writing.
    for line in [12, 19, 26, 28, 30, 33, 36, 41] {
        let lab = portal.card("expired", "t0");
        let mut process = lab
            .command(&arguments)
            .args(["--auth-pin", "env:AUTH", "--sign-pin", "env:SIGN"])
            .env("AUTH", "123456")
            .env("SIGN", "654321")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kortlab runs");
        let progress = BufReader::new(process.stderr.take().expect("piped"));
        let told = progress.lines().take(line).count();
        process.kill().expect("killed");
        process.wait().expect("ended");
        assert_eq!(told, line, "it ended before");
        renewed(&portal, &lab);
        assert_eq!(labels(&lab).len(), 4, "killed after line {line}");
        let kept = fs::read_dir(lab.path("state").join("kortlab/renewals"));
        assert_eq!(kept.map_or(0, Iterator::count), 0, "nothing is kept");
        orders += 1;
        assert_eq!(
            portal.audited("approve"),
            orders,
            "killed after line {line}"
        );
    }
}

#[test]
fn a_card_torn_out_while_it_is_written_ends_with_7_and_the_next_run_recovers_it() {
    let portal = Portal::start();
    let mut torn = 0;
    for bytes in [1000, 2600, 4200] {
        let lab = portal.card("delivered", "t0");
        let fault = format!("tear:after-bytes={bytes}");
        let output = portal.renew_with(&lab, &["--fault", &fault]);
        if output.status.code() == Some(7) {
            torn += 1;
            assert!(
                stderr(&output).contains("kortlab recover"),
                "{}",
                stderr(&output)
            );
        }
        renewed(&portal, &lab);
        assert_eq!(labels(&lab).len(), 4, "torn after {bytes} bytes");
    }
    assert!(torn > 0, "no change of the card was ever torn");
    assert_eq!(portal.audited("approve"), 3);
}

/// A reader in which somebody changes the card.
struct Reader {
    cards: [InProcess; 2],
    inserted: Rc<Cell<usize>>,
}

impl Reader {
    fn card(&mut self) -> &mut InProcess {
        &mut self.cards[self.inserted.get()]
    }
}

impl Channel for Reader {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        Channel::transmit(self.card(), command)
    }

    fn reset(&mut self, kind: ResetKind) -> Result<(), ChannelError> {
        Channel::reset(self.card(), kind)
    }

    fn atr(&self) -> &[u8] {
        self.cards[0].atr()
    }

    fn protocol(&self) -> Protocol {
        self.cards[0].protocol()
    }
}

/// Changes the card when asked at this step whether everything is right.
struct Swindler {
    inserted: Rc<Cell<usize>>,
    at: Option<Step>,
}

impl Swindler {
    fn asked_at(&self, step: Step) -> bool {
        if self.at == Some(step) {
            self.inserted.set(1);
        }
        true
    }
}

impl Interaction for Swindler {
    fn pin(&mut self, role: PinRole, _step: Step) -> Result<Pin, String> {
        let pin = match role {
            PinRole::Authentication => "123456",
            PinRole::Signature => "654321",
        };
        Pin::try_from(pin).map_err(|error| error.to_string())
    }

    fn data_are_right(&mut self, _data: &[DataLine]) -> bool {
        self.asked_at(Step::Order)
    }

    fn receipt_is_right(&mut self, _text: &str) -> bool {
        self.asked_at(Step::Receipt)
    }
}

#[test]
fn another_card_put_in_on_the_way_ends_it_and_the_right_one_goes_on() {
    for (at, stops, approved) in [
        (Step::Order, Step::Approve, 0),
        (Step::Receipt, Step::Receipt, 1),
    ] {
        let portal = Portal::start();
        let cards = [(); 2].map(|()| {
            let lab = portal.card("delivered", "t0");
            let image = Image::from_json(&lab.image()).expect("an image");
            let card = VirtualCard::new(image, CardRng::from_seed(1)).expect("a card");
            InProcess::ephemeral(card)
        });
        let inserted = Rc::new(Cell::new(0));
        let mut card = Card::open(Reader {
            cards,
            inserted: Rc::clone(&inserted),
        })
        .expect("a session");
        let ca = fs::read(portal.ca()).expect("the TLS authority");
        let trust = Trust::from_pem(&ca).expect("trust");
        let mut remote = HttpPortal::connect(&portal.url, trust).expect("a portal");
        let mut renew_with = |at| {
            let inserted = Rc::clone(&inserted);
            let mut holder = Swindler { inserted, at };
            let mut journal = MemoryJournal::new();
            renew(
                &mut card,
                &mut remote,
                &SystemClock,
                &mut holder,
                &mut journal,
                &mut MemoryNotes::new(),
            )
        };
        let error = renew_with(Some(at)).expect_err("another card");
        assert_eq!(error.step(), stops, "{error}");
        assert_eq!(portal.audited("approve"), approved);
        assert_eq!(portal.audited("sign-receipt"), 0);
        assert_eq!(portal.audited("log-out"), 1, "nobody stays logged in");

        inserted.set(0);
        let outcome = renew_with(None).expect("the right card");
        assert!(matches!(outcome, Outcome::Renewed(_)));
        assert_eq!(portal.audited("approve"), 1);
    }
}
