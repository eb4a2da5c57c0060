//! Runs the vectors in `vectors/bytes`, and has other programs say which of them are well-formed.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use kortlab_explain::kind::Kind;
use serde_json::Value;

fn vectors(kind: &str) -> Value {
    let path = format!(
        "{}/../../vectors/bytes/{kind}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let vectors: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert_eq!(vectors["format"], "kortlab-byte-vectors");
    assert_eq!(vectors["kind"], kind);
    vectors
}

#[test]
fn each_says_what_the_vector_says_and_has_no_other_problem() {
    for kind in ["atr", "tlv", "fci", "status", "command"] {
        let vectors = vectors(kind);
        let vectors = vectors["vectors"].as_array().unwrap();
        assert!(vectors.len() >= 3, "{kind}");
        for vector in vectors {
            let name = format!("{kind} {}", vector["name"]);
            let bytes = hex::decode(vector["hex"].as_str().unwrap()).unwrap();
            let explained = Kind::named(kind).unwrap().explain(&bytes);
            let found: Vec<_> = explained
                .problems
                .iter()
                .map(|problem| (problem.code().to_owned(), problem.offset()))
                .collect();
            let expected = vector["problems"].as_array().unwrap().iter();
            let expected: Vec<_> = expected
                .map(|problem| {
                    let offset = problem["offset"].as_u64().map(|offset| offset as usize);
                    (problem["code"].as_str().unwrap().to_owned(), offset)
                })
                .collect();
            assert_eq!(found, expected, "{name}");
            for part in vector["says"].as_array().unwrap() {
                let wanted = (
                    part["offset"].as_u64().unwrap(),
                    part["length"].as_u64().unwrap(),
                );
                let mut nodes = explained.lines().map(|(_, node)| node);
                let node = nodes.find(|node| {
                    let place = (node.span.offset as u64, node.span.length as u64);
                    place == wanted && node.name == part["name"].as_str().unwrap()
                });
                let node = node.unwrap_or_else(|| panic!("{name}: no {part}\n{explained}"));
                let meaning = node.meaning.as_deref().unwrap_or_default();
                let expected = part["meaning"].as_str().unwrap_or_default();
                assert!(meaning.starts_with(expected), "{name}: {meaning}");
            }
        }
    }
}

#[test]
fn openssl_reads_the_tlv_that_has_no_problem_and_no_other() {
    for kind in ["tlv", "fci"] {
        let vectors = vectors(kind);
        for vector in vectors["vectors"].as_array().unwrap() {
            // ASN.1 has indefinite lengths; ISO/IEC 7816-4 has none.
            if vector["name"] == "indefinite" {
                continue;
            }
            let bytes = hex::decode(vector["hex"].as_str().unwrap()).unwrap();
            let mut process = Command::new("openssl")
                // With -noout it reads nothing.
                .args(["asn1parse", "-inform", "DER"])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("openssl is missing; run: cargo xtask test");
            process.stdin.take().unwrap().write_all(&bytes).unwrap();
            let reads = process.wait().unwrap().success();
            let is_well_formed = vector["problems"].as_array().unwrap().is_empty();
            assert_eq!(reads, is_well_formed, "{kind} {}", vector["name"]);
        }
    }
}

#[test]
fn pcsc_tools_read_the_answers_to_reset_that_have_no_problem() {
    const TOOL: &str = "/usr/bin/ATR_analysis";
    assert!(
        Path::new(TOOL).exists(),
        "pcsc-tools are missing; run: cargo xtask test"
    );
    let cache = tempfile::tempdir().unwrap();
    fs::write(cache.path().join("smartcard_list.txt"), "").unwrap();
    let vectors = vectors("atr");
    for vector in vectors["vectors"].as_array().unwrap() {
        let name = vector["name"].as_str().unwrap();
        // What is not even begun it does not take; it asks for no TCK, and does not mind one too many.
        let unjudged = [
            "one-byte",
            "check-byte-missing",
            "check-byte-too-many",
            "first-byte-unknown",
        ];
        if unjudged.contains(&name) {
            continue;
        }
        let output = Command::new(TOOL)
            .arg(vector["hex"].as_str().unwrap())
            .env("XDG_CACHE_HOME", cache.path())
            .env("PATH", cache.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let text = text.to_lowercase();
        let text = text.split("possibly identified").next().unwrap_or_default();
        let objects = text.contains("wrong checksum") || text.contains("truncated");
        let is_well_formed = vector["problems"].as_array().unwrap().is_empty();
        assert_eq!(!objects, is_well_formed, "{name}: {text}");
    }
}
