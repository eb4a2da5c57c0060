//! The renewal with a card in a reader: the portal, pcscd, vpcd and the card, each a process of its
//! own.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::portal::Portal;
use crate::lab::{KORTLAB, Lab, Link, assert_no_error_line};

#[test]
fn a_card_in_a_reader_is_renewed_at_a_portal() {
    // The card is enrolled outside of the sandbox, where the tests' own portal is; the portal goes
    // on inside, with the same data.
    let portal = Portal::start();
    let made = portal.card("expired", "t0");
    let data = portal.stop();

    let mut lab = Lab::without_card(Link::T0);
    fs::copy(made.path("card.json"), &lab.image).unwrap();
    lab.insert();
    let mut portal = lab
        .sandbox
        .command(KORTLAB)
        .args(["portal", "--data"])
        .arg(data.path())
        .spawn()
        .unwrap();
    let ends = Instant::now() + Duration::from_secs(60);
    while !portal.printed().contains("https://127.0.0.1:8443") {
        assert!(portal.is_running(), "{}", portal.printed());
        assert!(Instant::now() < ends, "{}", portal.printed());
        std::thread::sleep(Duration::from_millis(50));
    }

    let renewed = lab
        .sandbox
        .command(KORTLAB)
        .args(["-c", "pcsc", "--json", "renew", "--yes"])
        .args(["--portal", "https://127.0.0.1:8443", "--ca"])
        .arg(data.path().join("tls-ca.pem"))
        .args(["--auth-pin", "env:AUTH", "--sign-pin", "env:SIGN"])
        .env("AUTH", "123456")
        .env("SIGN", "654321")
        .env("XDG_STATE_HOME", lab.sandbox.file("state"))
        .timeout(Duration::from_secs(120))
        .run()
        .unwrap()
        .success()
        .unwrap();
    let document: Value = serde_json::from_str(&renewed.stdout_text()).unwrap();
    assert_eq!(document["outcome"], "renewed");
    assert_eq!(document["complete"], true);

    // OpenSC sees the same card.
    let listed = lab.pkcs15_tool(&["--list-certificates"]).success().unwrap();
    assert_no_error_line(&listed);
    let text = listed.stdout_text();
    assert_eq!(text.matches("X.509 Certificate [").count(), 4, "{text}");
    assert!(
        text.contains("[HCC Legitimering]") && text.contains("[HCC Underskrift]"),
        "{text}"
    );

    portal.terminate().unwrap();
    portal
        .wait(Duration::from_secs(30))
        .unwrap()
        .code(0)
        .unwrap();
}
