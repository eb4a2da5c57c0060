//! The PKCS#11 URIs of `info` are those that p11tool gives of the same card with OpenSC's module.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::BTreeSet;

use common::{Lab, assert_code, stdout};
use serde_json::Value;

/// The URIs of this type that p11tool gives of the objects that it lists so, with every token's PIN.
fn of_p11tool(lab: &Lab, listed: &str, kind: &str) -> BTreeSet<String> {
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
        let urls = urls.filter(|url| url.ends_with(&format!(";type={kind}")));
        found.extend(urls.map(str::to_owned));
    }
    found
}

/// Holds the URIs of `info` against those of p11tool, of each type.
fn holds(lab: &Lab) {
    let info = lab.json(&["info"]);
    for (kind, listed) in [
        ("private", "--list-all-privkeys"),
        ("public", "--list-all"),
        ("cert", "--list-all-certs"),
    ] {
        let entries = info["uris"].as_array().unwrap().iter();
        let ours: BTreeSet<_> = entries
            .filter(|entry| entry["type"] == kind)
            .map(|entry| entry["uri"].as_str().unwrap().to_owned())
            .collect();
        let expected = of_p11tool(lab, listed, kind);
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

#[test]
fn uris_are_those_of_p11tool() {
    holds(&Lab::new("valid"));
}

#[test]
fn public_keys_that_no_directory_lists_have_the_uris_of_p11tool_by_their_certificates() {
    let lab = Lab::new("valid");
    let mut card: Value = serde_json::from_slice(&lab.image()).unwrap();
    let odf = file(&mut card["master_file"], "5031").expect("EF(ODF)");
    // The entry of EF(PuKDF), the second of four (PKCS#15 §6.2).
    let entries = odf["data"].as_str().unwrap();
    assert_eq!(entries.get(24..26), Some("A1"), "{entries}");
    odf["data"] = [&entries[..24], &entries[48..]].concat().into();
    std::fs::write(lab.path("card.json"), card.to_string()).unwrap();
    holds(&lab);
}

/// The file with this identifier, in whatever directory.
fn file<'a>(directory: &'a mut Value, fid: &str) -> Option<&'a mut Value> {
    let files = directory.get_mut("files")?.as_array_mut()?;
    files.iter_mut().find_map(|one| match one["fid"] == fid {
        true => Some(one),
        false => file(one, fid),
    })
}
