//! The JSON interface: the whole flow with openssl as the card, and what is refused in it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Portal, Session};

#[test]
fn the_whole_guide_works_with_curl_and_openssl_as_the_card() {
    let portal = Portal::start();
    let card = portal.enrol("anna", "expired");
    let session = card.session(&portal);

    let list = session.send("GET", "/api/v1/certificates", None).json();
    let list = list["certificates"].as_array().unwrap().clone();
    assert_eq!(list.len(), 2);
    for hcc in &list {
        assert_eq!(hcc["state"], "expired");
        let serial = hcc["summary"]["serial"].as_str().unwrap();
        let path = format!("/api/v1/certificates/{serial}/removed");
        assert_eq!(session.send("POST", &path, None).status, 204);
    }

    let (order, pair) = session.issue();
    let path = format!("/api/v1/orders/{order}/certificates");
    let again = session.send("GET", &path, None);
    assert_eq!((again.status, again.json()), (200, pair.clone()));
    assert_eq!(states(&session, &pair), ["on-hold", "on-hold"]);

    let answer = session.sign_receipt(&order);
    assert_eq!(answer.status, 204, "{answer:?}");
    assert_eq!(states(&session, &pair), ["valid", "valid"]);
    assert_eq!(session.send("GET", "/api/v1/receipt", None).status, 204);

    let whose = session.send("GET", "/api/v1/session", None);
    assert_eq!(whose.json()["card_number"], card.enrolled["card_number"]);
    assert!(!whose.body.contains(&session.token));
    let metrics = || portal.admin("GET", "/metrics", None).body;
    assert!(metrics().contains("kortlab_sessions 1\n"), "{}", metrics());
    assert_eq!(session.send("DELETE", "/api/v1/session", None).status, 204);
    assert!(metrics().contains("kortlab_sessions 0\n"), "{}", metrics());
    let over = session.send("GET", "/api/v1/certificates", None);
    assert_eq!(over.status, 401);
    assert_eq!(over.json()["code"], "session-over");
}

/// What the test page says of a pair.
fn states(session: &Session<'_>, pair: &Value) -> [String; 2] {
    let body = json!({"certificates": [pair["authentication"], pair["signature"]]});
    let answer = session.send("POST", "/api/v1/test-page", Some(&body));
    assert_eq!(answer.status, 200, "{answer:?}");
    let rows = answer.json();
    [0, 1].map(|row| rows["rows"][row]["state"].as_str().unwrap().to_owned())
}

#[test]
fn what_was_sent_in_before_is_not_taken_again() {
    let portal = Portal::start();
    let card = portal.enrol("anna", "delivered");
    let session = card.session(&portal);
    let (order, approval) = session.approval();
    let path = format!("/api/v1/orders/{order}/approval");
    let issued = session.send("POST", &path, Some(&approval));
    assert_eq!(issued.status, 200, "{issued:?}");
    let replayed = session.send("POST", &path, Some(&approval));
    assert_eq!(replayed.status, 409);
    assert_eq!(replayed.json()["code"], "order-replayed");

    let certificates = issued.json();
    for which in ["authentication", "signature"] {
        let der = base64(&certificates[which]);
        card.write_certificate("hcc", which, &der);
    }
    assert_eq!(session.sign_receipt(&order).status, 204);
    let body = json!({"signed_receipt": ""});
    let path = format!("/api/v1/orders/{order}/receipt");
    let replayed = session.send("POST", &path, Some(&body));
    assert_eq!(replayed.status, 409, "{replayed:?}");
    assert_eq!(replayed.json()["code"], "receipt-replayed");
}

fn base64(value: &Value) -> Vec<u8> {
    use base64::Engine as _;
    let text = value.as_str().unwrap();
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap()
}

#[test]
fn an_order_of_another_card_is_not_there() {
    let portal = Portal::start();
    let (anna, bertil) = (
        portal.enrol("anna", "delivered"),
        portal.enrol("bertil", "delivered"),
    );
    let (annas, bertils) = (anna.session(&portal), bertil.session(&portal));
    let (order, approval) = annas.approval();
    let path = format!("/api/v1/orders/{order}/approval");
    let answer = bertils.send("POST", &path, Some(&approval));
    assert_eq!(answer.status, 404);
    assert_eq!(answer.json()["code"], "unknown-order");
    // Anna's requests in Bertil's own order.
    let (order, _) = bertils.approval();
    let path = format!("/api/v1/orders/{order}/approval");
    let answer = bertils.send("POST", &path, Some(&approval));
    assert_eq!(answer.status, 409, "{answer:?}");
    assert_eq!(answer.json()["code"], "wrong-card");
}

#[test]
fn every_route_is_described_and_everything_described_is_there() {
    let portal = Portal::start();
    let document = portal.get("/api/v1/openapi.json");
    assert_eq!(document.status, 200);
    let document = document.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let urls = portal.running().urls();
    let mut described = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let filled = path
            .replace("{serial}", "4A01")
            .replace("{id}", "00112233445566778899aabbccddeeff");
        for method in operations.as_object().unwrap().keys() {
            let method = method.to_uppercase();
            // The two that need a client certificate are elsewhere.
            let base = match (method.as_str(), path.as_str()) {
                ("POST", "/api/v1/session") => &urls.log_in,
                ("POST", "/api/v1/trial") => &urls.trial,
                _ => &urls.main,
            };
            let answer = portal.curl(&["-X", &method, &format!("{base}{filled}")]);
            assert!(
                !matches!(answer.status, 0 | 404 | 405 | 421),
                "{method} {path} is described, and answered with {answer:?}"
            );
            described.insert((method, path.clone()));
        }
    }
    // The other way round: no other method of any of these paths is answered.
    for (_, path) in described.clone() {
        for method in ["GET", "POST", "PUT", "DELETE"] {
            if described.contains(&(method.to_owned(), path.clone())) {
                continue;
            }
            let filled = path.replace("{serial}", "4A01").replace("{id}", "00");
            let url = format!("{}{filled}", urls.main);
            let answer = portal.curl(&["-X", method, &url]);
            assert!(
                matches!(answer.status, 404 | 405),
                "{method} {path} is not described, and answered with {answer:?}"
            );
        }
    }
}

#[test]
fn what_cannot_be_read_is_refused_with_the_field_and_nothing_breaks() {
    let portal = Portal::start();
    let url = format!("{}/api/v1/test-page", portal.running().urls().main);
    let send = |kind: &str, body: &str| {
        let kind = format!("Content-Type: {kind}");
        portal.curl(&["-X", "POST", "-H", &kind, "--data", body, &url])
    };
    let json = "application/json";
    for (kind, body, status, part) in [
        (json, "{", 400, "the document"),
        (json, r#"{"certificates": ["?"]}"#, 400, "certificates[0]"),
        (json, r#"{"certificates": [], "more": 1}"#, 400, "more"),
        (json, r#"{"certificates": ["AAAA"]}"#, 422, "certificate"),
        ("text/plain", "{}", 415, "application/json"),
    ] {
        let answer = send(kind, body);
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(part), "{body}: {detail}");
    }
    for path in [
        "/api/v1/orders/xyz/certificates",
        "/api/v1/certificates/zz/removed",
    ] {
        let method = if path.ends_with("removed") {
            "POST"
        } else {
            "GET"
        };
        let token = format!("Authorization: Bearer {}", "0".repeat(64));
        let url = format!("{}{path}", portal.running().urls().main);
        let answer = portal.curl(&["-X", method, "-H", &token, &url]);
        assert_eq!(answer.status, 400, "{path}: {answer:?}");
    }
    assert_eq!(portal.get("/status").json()["status"], "ok");
}

#[test]
fn a_log_in_at_the_wrong_address_is_told_the_right_one() {
    let portal = Portal::start();
    let urls = portal.running().urls().clone();
    let url = format!("{}/api/v1/session", urls.main);
    let answer = portal.curl(&["-X", "POST", &url]);
    assert_eq!(answer.status, 421, "{answer:?}");
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains(&urls.log_in), "{detail}");
    let info = portal.get("/api/v1").json();
    assert_eq!(info["name"], "kortlab");
    assert_eq!(info["urls"]["log_in"], urls.log_in);
}

#[test]
fn no_request_of_a_session_is_answered_once_the_card_was_reported() {
    let portal = Portal::start();
    for certificate in ["authentication", "signature"] {
        for request in 0..10 {
            let card = portal.enrol(&format!("{certificate}-{request}"), "valid");
            let session = card.session(&portal);
            let list = session.send("GET", "/api/v1/certificates", None).json();
            let serial = list["certificates"][0]["summary"]["serial"]
                .as_str()
                .unwrap();
            let (order, approval) = session.approval();
            let about = |serial: &str, what| format!("/api/v1/certificates/{serial}/{what}");
            let of = |what: &str| format!("/api/v1/orders/{order}/{what}");
            let requests = [
                ("GET", "/api/v1/session".to_owned(), None),
                ("GET", "/api/v1/certificates".to_owned(), None),
                ("POST", about(serial, "removed"), None),
                (
                    "POST",
                    about(serial, "revocation"),
                    Some(json!({"reason": "superseded"})),
                ),
                ("POST", "/api/v1/orders".to_owned(), None),
                ("POST", of("approval"), Some(approval)),
                ("GET", of("certificates"), None),
                ("GET", "/api/v1/receipt".to_owned(), None),
                ("POST", of("receipt"), Some(json!({"signed_receipt": ""}))),
                ("DELETE", "/api/v1/session".to_owned(), None),
            ];
            let (method, path, body) = &requests[request];
            let report = json!({
                "certificate": card.enrolled["carrier"][certificate],
                "reason": "keyCompromise",
            });
            let reported = portal.admin("POST", "/admin/v1/revocations", Some(report));
            assert_eq!(reported.status, 204, "{reported:?}");
            let answer = session.send(method, path, body.as_ref());
            if *method == "DELETE" {
                assert_eq!(answer.status, 204, "{method} {path}: {answer:?}");
            } else {
                assert_eq!(answer.status, 403, "{method} {path}: {answer:?}");
                let problem = answer.json();
                assert_eq!(problem["code"], "card-not-usable", "{method} {path}");
                assert_eq!(problem["reason"], "keyCompromise", "{method} {path}");
            }
            // The session has ended with it.
            let again = session.send(method, path, body.as_ref());
            assert_eq!(again.status, 401, "{method} {path}: {again:?}");
        }
    }
}
