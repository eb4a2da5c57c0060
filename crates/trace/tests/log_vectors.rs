//! Runs the vectors in `vectors/logs`.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use kortlab_trace::{Place, read};
use serde_json::Value;

#[test]
fn each_log_has_the_commands_and_answers_of_its_vector_and_no_other_line_is_told() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/logs/logs.json");
    let vectors: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let vectors = vectors["vectors"].as_array().unwrap();
    assert!(vectors.len() >= 10);
    for vector in vectors {
        let name = vector["name"].as_str().unwrap();
        let lines = vector["lines"].as_array().unwrap().iter();
        let lines: Vec<_> = lines.map(|line| line.as_str().unwrap()).collect();
        // As they are, and as Windows ends lines.
        for end in ["\n", "\r\n"] {
            let reading = read(lines.join(end).as_bytes());
            assert_eq!(reading.source.word(), vector["source"], "{name}");
            let found = reading.exchanges().into_iter().map(|exchange| {
                let answer = exchange.answer.and_then(Result::ok).map(hex::encode_upper);
                serde_json::json!({
                    "command": hex::encode_upper(exchange.command.shown()),
                    "answer": answer,
                })
            });
            assert_eq!(Value::Array(found.collect()), vector["exchanges"], "{name}");
            let troubles = reading.troubles.iter().map(|trouble| match trouble.place {
                Place::Line { line, .. } => Value::from(line),
                Place::Byte(byte) => panic!("{name}: byte {byte}"),
            });
            assert_eq!(
                Value::Array(troubles.collect()),
                vector["troubles"],
                "{name}"
            );
        }
    }
}
