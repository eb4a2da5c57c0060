//! The administrator's side: who may use it, failures on purpose, the clock, the audit log.

use std::fs;

use serde_json::json;

use crate::support::{Portal, curl};

#[test]
fn only_who_has_the_token_is_the_administrator() {
    let portal = Portal::start();
    let base = format!("http://{}", portal.running().addresses().admin);
    for path in ["/metrics", "/admin/v1/audit", "/admin/v1/status"] {
        for header in [
            "X-Nothing: 1".to_owned(),
            format!("Authorization: Bearer {}", "0".repeat(64)),
            "Authorization: Bearer".to_owned(),
        ] {
            let answer = curl(&["-H", &header, &format!("{base}{path}")]);
            assert_eq!(answer.status, 401, "{path} {header}: {answer:?}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
        assert_eq!(portal.admin("GET", path, None).status, 200);
        // It is nowhere but on the administrator's own listener.
        assert_eq!(portal.get(path).status, 404, "{path}");
    }
}

#[test]
fn the_audit_log_tells_who_did_what_and_no_secret() {
    let portal = Portal::start();
    let card = portal.enrol("anna", "delivered");
    let session = card.session(&portal);
    let (order, _) = session.issue();
    assert_eq!(session.sign_receipt(&order).status, 204);
    card.log_in(&portal, "hcc", "authentication", &[]);
    assert_eq!(session.send("DELETE", "/api/v1/session", None).status, 204);

    let page = portal.admin("GET", "/admin/v1/audit?limit=1000", None);
    assert_eq!(page.status, 200, "{page:?}");
    let mut entries = page.json()["entries"].as_array().unwrap().clone();
    let count = entries.len() as u64;
    // CRLs are made when their time has come.
    entries.retain(|entry| entry["operation"] != "crl");
    let told: Vec<_> = entries
        .iter()
        .map(|entry| {
            let text = |field: &str| entry[field].as_str().unwrap().to_owned();
            format!(
                "{} {} {}",
                text("actor"),
                text("operation"),
                text("outcome")
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "portal start done",
            "administrator enrol done",
            "holder log-in done",
            "holder order done",
            "holder approve done",
            "holder sign-receipt done",
            "holder log-in refused: hcc-log-in",
            "holder log-out done",
        ]
    );
    let number = card.enrolled["card_number"].as_str().unwrap();
    for entry in &entries[3..6] {
        assert_eq!(entry["subject"]["card"], number, "{entry}");
        assert_eq!(entry["subject"]["order"], order, "{entry}");
    }
    let token = fs::read_to_string(portal.data().join("admin-token")).unwrap();
    assert!(!page.body.contains(&session.token) && !page.body.contains(token.trim()));
    let verified = portal
        .admin("GET", "/admin/v1/audit/verification", None)
        .json();
    assert!(verified["head"]["sequence"].as_u64().unwrap() >= count);
    assert_eq!(verified["broken"], json!(null));
    let noted = &entries[3]["hash"].as_str().unwrap();
    for (noted, good) in [(noted.to_string(), true), ("0".repeat(63) + "1", false)] {
        let path = format!("/admin/v1/audit/verification?noted={noted}");
        let verdict = portal.admin("GET", &path, None).json();
        assert_eq!(verdict["broken"].is_null(), good, "{verdict}");
    }
}

#[test]
fn planned_failures_happen_as_often_as_planned() {
    let portal = Portal::start();
    let card = portal.enrol("anna", "delivered");
    let session = card.session(&portal);
    let plan = |body| {
        let answer = portal.admin("POST", "/admin/v1/failures", Some(body));
        assert_eq!(answer.status, 201, "{answer:?}");
    };

    plan(json!({"kind": "status-500", "operation": "order", "times": 2}));
    for status in [500, 500, 200] {
        let answer = session.send("POST", "/api/v1/orders", None);
        assert_eq!(answer.status, status, "{answer:?}");
    }

    // Nothing comes back, and the order is approved all the same.
    plan(json!({"kind": "lost-answer", "operation": "approve", "times": 1}));
    let (order, approval) = session.approval();
    let path = format!("/api/v1/orders/{order}/approval");
    let lost = session.send("POST", &path, Some(&approval));
    assert_eq!((lost.status, lost.body.as_str()), (0, ""), "{lost:?}");
    let path = format!("/api/v1/orders/{order}/certificates");
    assert_eq!(session.send("GET", &path, None).status, 200);

    plan(json!({"kind": "ocsp-unreachable"}));
    plan(json!({"kind": "crl-unreachable"}));
    let pki = &portal.running().urls().pki;
    let name = "test-siths-type-1-ca-v1";
    for url in [
        format!("{pki}/ocsp/{name}/MA"),
        format!("{pki}/crl/{name}.crl"),
    ] {
        assert_eq!(curl(&[&url]).status, 0, "{url}");
    }
    let planned = portal.admin("GET", "/admin/v1/failures", None).json();
    assert_eq!(planned["failures"].as_array().unwrap().len(), 2);
    assert_eq!(
        portal.admin("DELETE", "/admin/v1/failures", None).status,
        204
    );
    assert_eq!(
        curl(&["--output", "/dev/null", &format!("{pki}/crl/{name}.crl")]).status,
        200
    );

    for wrong in [
        json!({"kind": "earthquake"}),
        json!({"kind": "wrong-key", "operation": "log-in"}),
        json!({"kind": "timeout", "times": 0}),
    ] {
        let answer = portal.admin("POST", "/admin/v1/failures", Some(wrong));
        assert_eq!(answer.status, 400, "{answer:?}");
    }
}

#[test]
fn a_certificate_with_a_wrong_key_comes_once_when_it_is_planned() {
    let portal = Portal::start();
    let card = portal.enrol("anna", "delivered");
    let session = card.session(&portal);
    let body = json!({"kind": "wrong-key", "times": 1});
    assert_eq!(
        portal
            .admin("POST", "/admin/v1/failures", Some(body))
            .status,
        201
    );
    session.issue();
    let key = |path: &str, arguments: &[&str]| {
        let mut all = arguments.to_vec();
        all.push(path);
        crate::support::openssl(&all).stdout
    };
    let issued = card.certificate("hcc", "authentication");
    assert_ne!(
        key(&issued, &["x509", "-noout", "-pubkey", "-in"]),
        key(&card.key("authentication"), &["pkey", "-pubout", "-in"]),
    );
    let issued = card.certificate("hcc", "signature");
    assert_eq!(
        key(&issued, &["x509", "-noout", "-pubkey", "-in"]),
        key(&card.key("signature"), &["pkey", "-pubout", "-in"]),
    );
}

#[test]
fn time_that_passes_ends_sessions_and_lapses_orders() {
    let portal = Portal::start();
    let card = portal.enrol("anna", "delivered");
    let session = card.session(&portal);
    let (order, _) = session.issue();
    let advance = |seconds: u64| {
        let body = json!({"advance": seconds});
        let answer = portal.admin("POST", "/admin/v1/clock", Some(body));
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    advance(11 * 60);
    let over = session.send("GET", "/api/v1/certificates", None);
    assert_eq!(over.status, 401, "{over:?}");
    advance(31 * 24 * 60 * 60);
    let session = card.session(&portal);
    let path = format!("/api/v1/orders/{order}/certificates");
    let lapsed = session.send("GET", &path, None);
    assert_eq!(lapsed.status, 410, "{lapsed:?}");
    let list = session.send("GET", "/api/v1/certificates", None).json();
    assert_eq!(list["certificates"][0]["state"], "revoked");
    let face = portal
        .admin("POST", "/admin/v1/clock", Some(json!("real")))
        .json();
    assert_eq!(face["seconds_ahead"], 0);
    let answer = portal.admin("POST", "/admin/v1/clock", Some(json!({"set": "tomorrow"})));
    assert_eq!(answer.status, 400, "{answer:?}");
    // Beyond the last time that there is it does not go, and does not stop there unsaid.
    for seconds in [99_999_999 * 86_400, u64::MAX] {
        let body = json!({"advance": seconds});
        let answer = portal.admin("POST", "/admin/v1/clock", Some(body));
        assert_eq!(answer.status, 422, "{answer:?}");
        let detail = answer.json()["detail"].to_string();
        assert!(detail.contains("after the year 9999"), "{detail}");
        let face = portal.admin("GET", "/admin/v1/clock", None).json();
        assert_eq!(face["seconds_ahead"], 0);
    }
}

#[test]
fn a_card_number_is_enrolled_once() {
    let portal = Portal::start();
    let card = portal.enrol("anna", "delivered");
    let key = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A";
    let again = json!({
        "card_number": card.enrolled["card_number"],
        "authentication_key": key,
        "signature_key": key,
    });
    let answer = portal.admin("POST", "/admin/v1/cards", Some(again));
    assert_eq!(answer.status, 400, "{answer:?}");
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("authentication_key"), "{detail}");
    let spki = |which: &str| {
        use base64::Engine as _;
        let key = card.key(which);
        let der = crate::support::openssl(&["pkey", "-in", &key, "-pubout", "-outform", "DER"]);
        base64::engine::general_purpose::STANDARD.encode(der.stdout)
    };
    let again = json!({
        "card_number": card.enrolled["card_number"],
        "authentication_key": spki("authentication"),
        "signature_key": spki("signature"),
    });
    let answer = portal.admin("POST", "/admin/v1/cards", Some(again));
    assert_eq!(answer.status, 409, "{answer:?}");
    assert_eq!(answer.json()["code"], "already-enrolled");
}
