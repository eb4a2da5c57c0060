//! What a client makes of answers, also of hostile ones.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kortlab_portal_client::{ConnectError, HttpPortal, Timeouts};
use kortlab_portal_core::{Approval, Portal, PortalError, SessionToken};

use support::{Server, Tls, answer, info, json, portal, timeouts};

fn token() -> SessionToken {
    SessionToken::from_text(&"5ec2e7".repeat(11)[..64]).unwrap()
}

/// How the portal answers to the list of HCCs.
fn listed(answer: Vec<u8>) -> PortalError {
    let (_server, mut portal) = portal(&Tls::new(), move |_, connection| {
        // A client that has read enough goes away.
        let _ = connection.write_all(&answer);
    });
    let error = portal.certificates(&token()).unwrap_err();
    let said = format!("{error} {error:?} {portal:?}");
    assert!(!said.contains(token().expose()), "{said}");
    error
}

#[test]
fn the_token_goes_to_the_main_address_only_and_in_one_header() {
    let (_server, mut portal) = portal(&Tls::new(), |request, connection| {
        let authorization = format!("authorization: Bearer {}", token().expose());
        assert!(request.contains(&authorization));
        assert!(!request.lines().next().unwrap().contains(token().expose()));
        connection
            .write_all(&json(r#"{"certificates":[]}"#))
            .unwrap();
    });
    assert_eq!(portal.certificates(&token()).unwrap(), []);
}

#[test]
fn a_refusal_is_the_portals_own_error() {
    let problem = r#"{"code":"unknown-hcc","detail":"x","serial":"0A"}"#;
    let error = listed(answer("404 Not Found", "application/problem+json", problem));
    assert!(
        matches!(&error, PortalError::UnknownHcc { serial } if serial == "0A"),
        "{error:?}"
    );

    let problem =
        r#"{"code":"tired","detail":"The portal sleeps; come back tomorrow.","more":[1]}"#;
    let error = listed(answer(
        "403 Forbidden",
        "application/problem+json; charset=utf-8",
        problem,
    ));
    assert_eq!(error.code(), "tired");
    assert_eq!(error.to_string(), "The portal sleeps; come back tomorrow.");
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: https://localhost:1/\r\nContent-Length: 0\r\n\r\n";
    let said = listed(elsewhere.to_vec()).to_string();
    assert!(
        said.contains("GET /api/v1/certificates: the server sends elsewhere"),
        "{said}"
    );
}

#[test]
fn an_answer_that_is_not_the_json_expected_names_the_field() {
    let said = listed(json(r#"{"certificates":[{"certificate":"***"}]}"#)).to_string();
    assert!(
        said.contains(
            "GET /api/v1/certificates: the answer, certificates[0].certificate: not standard base64"
        ),
        "{said}"
    );
    let said = listed(answer("500 Oops", "text/html", "<h1>oops</h1>")).to_string();
    assert!(said.contains("the server answered 500"), "{said}");
    assert!(!said.contains("<h1>"));
}

/// Answers at the address of a portal that no portal gives, each with what is to be said of it.
fn nonsense() -> Vec<(Vec<u8>, &'static str)> {
    vec![
        (json("nonsense"), "the answer"),
        (json(r#"{"certificates":7}"#), "the answer, certificates"),
        (json("[]"), "the answer"),
        (json(""), "the answer"),
        (
            answer("200 OK", "text/html; charset=utf-8", "<h1>Welcome</h1>"),
            "it is of the type text/html, not JSON",
        ),
        (
            answer("200 OK", &format!("text/{}", "x".repeat(4000)), "{}"),
            "it is of the type text/xxxxx",
        ),
        (
            answer("404 Not Found", "text/html", "<h1>No</h1>"),
            "the server answered 404",
        ),
        (
            answer("403 Forbidden", "application/json", "{}"),
            "the server answered 403",
        ),
        (
            answer("403 Forbidden", "application/problem+json", "[]"),
            "the server answered 403",
        ),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec(), "that is no HTTP"),
    ]
}

#[test]
fn an_answer_that_is_nonsense_is_an_answer_and_is_told_as_one() {
    for (answered, why) in nonsense() {
        let error = listed(answered);
        let said = error.to_string();
        assert_eq!(error.code(), "not-understood", "{said}");
        let expected =
            "the portal answered, but its answer is not understood: GET /api/v1/certificates: ";
        assert!(said.starts_with(expected), "{said}");
        assert!(said.contains(why), "{said}");
        assert!(!said.contains("<h1>") && said.len() < 400, "{said}");
    }
}

#[test]
fn what_answers_in_a_portals_place_is_not_said_to_be_out_of_reach() {
    let tls = Tls::new();
    for (answered, why) in nonsense() {
        if why == "the answer, certificates" {
            continue;
        }
        let server = Server::start(&tls, move |_, connection| {
            let _ = connection.write_all(&answered);
        });
        let error = HttpPortal::connect_within(&server.address(), tls.trust(), timeouts());
        let said = error.unwrap_err().to_string();
        assert!(
            said.starts_with(
                "the portal answered, but its answer is not understood: GET /api/v1: "
            ),
            "{said}"
        );
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn a_connection_that_breaks_off_is_no_answer() {
    for cut in [
        &b""[..],
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
    ] {
        let error = listed(cut.to_vec());
        assert_eq!(error.code(), "transport", "{error}");
        let said = error.to_string();
        assert!(
            said.starts_with("the portal could not be reached: "),
            "{said}"
        );
    }
}

#[test]
fn an_answer_without_end_is_given_up() {
    let (_server, mut portal) = portal(&Tls::new(), |_, connection| {
        let head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n";
        let _ = connection.write_all(head);
        while connection.write_all(&[b' '; 16 * 1024]).is_ok() {}
    });
    let said = portal.certificates(&token()).unwrap_err().to_string();
    assert!(said.contains("at most 4194304 are read"), "{said}");
}

#[test]
fn an_answer_that_drips_is_given_up_when_the_time_for_the_call_is_over() {
    let tls = Tls::new();
    let server = Server::start(&tls, |request, connection| {
        if request.starts_with("GET /api/v1 ") {
            connection.write_all(&json(&info(1))).unwrap();
            return;
        }
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
        let _ = connection.write_all(head);
        while connection.write_all(b" ").is_ok() && connection.flush().is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let short = Timeouts {
        connect: Duration::from_secs(5),
        call: Duration::from_millis(500),
    };
    let mut portal = HttpPortal::connect_within(&server.address(), tls.trust(), short).unwrap();
    let began = Instant::now();
    let approval = Approval {
        authentication_request: Vec::new(),
        signature_request: Vec::new(),
        signed_approval: Vec::new(),
    };
    let order = "00112233445566778899aabbccddeeff".parse().unwrap();
    let error = portal.approve(&token(), order, &approval).unwrap_err();
    let said = error.to_string();
    assert!(said.contains("the answer took longer than 0.5 s"), "{said}");
    assert!(!said.contains("broke off"), "{said}");
    assert!(began.elapsed() < Duration::from_secs(4));
}

#[test]
fn silence_ends_with_the_time_for_one_call_and_is_not_waited_for_again() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let tls = Tls::new();
    let server = Server::start(&tls, move |_, connection| {
        counted.fetch_add(1, Ordering::SeqCst);
        // Until the client goes.
        let _ = connection.read(&mut [0]);
    });
    let short = Timeouts {
        connect: Duration::from_secs(5),
        call: Duration::from_millis(500),
    };
    let error = HttpPortal::connect_within(&server.address(), tls.trust(), short);
    let said = error.unwrap_err().to_string();
    assert!(
        said.contains("GET /api/v1: the answer took longer than 0.5 s"),
        "{said}"
    );
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[test]
fn a_header_without_end_is_no_answer() {
    let error = {
        let (_server, mut portal) = portal(&Tls::new(), |_, connection| {
            let _ = connection.write_all(b"HTTP/1.1 200 OK\r\n");
            let field = [&b"X-A: "[..], &[b'a'; 1000], b"\r\n"].concat();
            while connection.write_all(&field).is_ok() {}
        });
        portal.certificates(&token()).unwrap_err()
    };
    let said = error.to_string();
    assert_eq!(error.code(), "not-understood", "{said}");
    assert!(said.contains("that is no HTTP"), "{said}");
}

/// Answers `failing` twice, then as it should.
fn after_two(failing: &'static [u8]) -> (Server, HttpPortal, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let (server, portal) = portal(&Tls::new(), move |_, connection| {
        if counted.fetch_add(1, Ordering::SeqCst) < 2 {
            connection.write_all(failing).unwrap();
        } else {
            connection
                .write_all(&json(r#"{"certificates":[]}"#))
                .unwrap();
        }
    });
    (server, portal, calls)
}

#[test]
fn what_changes_nothing_is_asked_again() {
    for failing in [
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".as_slice(),
        b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        // The connection breaks off.
        b"HTTP/1.1 200",
    ] {
        let (_server, mut portal, calls) = after_two(failing);
        assert_eq!(portal.certificates(&token()).unwrap(), []);
        assert_eq!(calls.load(Ordering::SeqCst), 3);
    }
}

#[test]
fn what_may_have_been_done_is_not_sent_again() {
    for failing in [
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".as_slice(),
        b"HTTP/1.1 200",
    ] {
        let (_server, mut portal, calls) = after_two(failing);
        let order = "00112233445566778899aabbccddeeff".parse().unwrap();
        assert!(portal.sign_receipt(&token(), order, b"signed").is_err());
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }
}

#[test]
fn a_server_that_wants_a_long_pause_is_left_alone() {
    let failing = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 86400\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let (_server, mut portal, calls) = after_two(failing);
    assert!(portal.certificates(&token()).is_err());
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[test]
fn rows_of_other_certificates_than_asked_for_are_refused() {
    let (_server, mut portal) = portal(&Tls::new(), |_, connection| {
        connection.write_all(&json(r#"{"rows":[]}"#)).unwrap();
    });
    let said = portal.test_page(&[vec![1]]).unwrap_err().to_string();
    assert!(said.contains("the rows are not those"), "{said}");
}

#[test]
fn a_server_nobody_vouches_for_gets_no_request() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let server = Server::start(&Tls::new(), move |_, _| {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    let other = Tls::new();
    let error = HttpPortal::connect_within(&server.address(), other.trust(), timeouts());
    let said = error.unwrap_err().to_string();
    assert!(
        said.contains(
            "GET /api/v1: the server's certificate is by an authority that was not named"
        ),
        "{said}"
    );
    assert!(said.contains("--ca"), "{said}");
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[test]
fn a_server_of_another_name_is_refused() {
    let tls = Tls::new();
    let server = Server::start(&tls, |_, _| panic!("a request came"));
    // All of 127/8 leads here.
    let address = format!("https://127.0.0.2:{}", server.port);
    let error = HttpPortal::connect_within(&address, tls.trust(), timeouts());
    let said = error.unwrap_err().to_string();
    assert!(
        said.contains("GET /api/v1: the server's certificate is for another name"),
        "{said}"
    );
}

#[test]
fn no_server_is_an_error_that_says_where_to_look() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!(
        "https://localhost:{}",
        listener.local_addr().unwrap().port()
    );
    drop(listener);
    let error = HttpPortal::connect_within(&address, Tls::new().trust(), timeouts());
    let said = error.unwrap_err().to_string();
    assert!(said.contains("GET /api/v1: no connection"), "{said}");
    assert!(said.contains("is the portal running there?"), "{said}");
}

#[test]
fn an_address_with_a_password_is_refused_without_repeating_it() {
    let error = HttpPortal::connect("https://me:secret@localhost", Tls::new().trust());
    let error = error.unwrap_err();
    assert!(matches!(error, ConnectError::Address(_)));
    assert!(!format!("{error} {error:?}").contains("secret"));
}

#[test]
fn a_portal_that_sends_the_log_in_to_no_https_address_is_none() {
    let tls = Tls::new();
    let server = Server::start(&tls, |_, connection| {
        let info = info(1).replace(r#""log_in":"https"#, r#""log_in":"http"#);
        connection.write_all(&json(&info)).unwrap();
    });
    let error = HttpPortal::connect_within(&server.address(), tls.trust(), timeouts());
    let said = error.unwrap_err().to_string();
    assert!(
        said.contains("the portal's address for log-in makes no sense"),
        "{said}"
    );
}
