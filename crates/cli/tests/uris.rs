//! The PKCS#11 URIs of `info` are those that p11tool gives of the same card with OpenSC's module.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::BTreeSet;

use common::{Lab, assert_code, stdout};

/// The URIs of this type that p11tool gives, with every token's PIN.
fn of_p11tool(lab: &Lab, listed: &str) -> BTreeSet<String> {
    // p11tool finds the modules that p11-kit knows, of which OpenSC's is one.
    let tokens = lab.run(&["run", "card.json", "--", "p11tool", "--list-token-urls"]);
    let mut found = BTreeSet::new();
    for token in stdout(&tokens)
        .lines()
        .filter(|line| line.contains("Kortlab"))
    {
        let pin = match token.contains("Underskrift") {
            true => "654321",
            false => "123456",
        };
        let run = [
            "run",
            "card.json",
            "--",
            "p11tool",
            "--login",
            listed,
            token.trim(),
        ];
        let mut command = lab.command(&run);
        let output = command.env("GNUTLS_PIN", pin).output().unwrap();
        let text = stdout(&output);
        let urls = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("URL: "));
        found.extend(urls.map(str::to_owned));
    }
    found
}

#[test]
fn uris_are_those_of_p11tool() {
    let lab = Lab::new("valid");
    let info = lab.json(&["info"]);
    for (kind, listed) in [
        ("private", "--list-all-privkeys"),
        ("cert", "--list-all-certs"),
    ] {
        let entries = info["uris"].as_array().unwrap().iter();
        let ours: BTreeSet<_> = entries
            .filter(|entry| entry["type"] == kind)
            .map(|entry| entry["uri"].as_str().unwrap().to_owned())
            .collect();
        let expected = of_p11tool(&lab, listed);
        assert!(expected.len() >= 2, "{kind}: {expected:?}");
        assert_eq!(ours, expected, "{kind}");
    }
    let text = lab.run(&["info", "--uris"]);
    assert_code(&text, 0);
    for entry in info["uris"].as_array().unwrap() {
        let uri = entry["uri"].as_str().unwrap();
        assert!(stdout(&text).lines().any(|line| line == uri), "{uri}");
    }
}
