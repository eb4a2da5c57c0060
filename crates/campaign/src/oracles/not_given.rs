//! The program shows data that the card has not given it: what stood in its memory, perhaps.

use std::collections::HashSet;

use crate::outcome::Outcome;
use crate::shown::{Form, shown};

pub const NAME: &str = "not-given";
pub const DOES: &str = "data is shown, as PEM or in hexadecimal, that the card has not given";

/// Bytes are known if they stand in so many in a row that the card has given.
const IN_A_ROW: usize = 8;
/// So many unknown bytes in a row are a finding: a program puts a public key's few bytes of
/// algorithm in front of what it has read, and shows hashes of it.
const fn most(form: &Form) -> usize {
    match form {
        Form::Pem(_) => 32,
        Form::Hexadecimal => 96,
    }
}

pub fn judge(outcome: &Outcome, good: &Outcome) -> Option<(String, String)> {
    // Of what was not kept nothing can be said.
    let given = outcome.given.as_deref()?;
    let pieces = shown(&outcome.stdout);
    if pieces.is_empty() {
        return None;
    }
    let usual = shown(&good.stdout);
    let all = usual.iter().map(|piece| piece.bytes.as_slice());
    let known: HashSet<&[u8]> = all
        .chain([given])
        .flat_map(|bytes| bytes.windows(IN_A_ROW))
        .collect();
    pieces.iter().find_map(|piece| {
        let (from, count) = unknown(&piece.bytes, &known);
        (count > most(&piece.form)).then(|| {
            let form = &piece.form;
            let of = piece.bytes.len();
            let what = format!("{count} of {of} bytes shown as {form} are not what the card gave, from byte {from} on");
            (form.to_string(), what)
        })
    })
}

/// The longest stretch of unknown bytes: where it begins, and how many there are.
fn unknown(bytes: &[u8], known: &HashSet<&[u8]>) -> (usize, usize) {
    let mut longest = (0, 0);
    let mut from = 0;
    for (at, row) in bytes.windows(IN_A_ROW).enumerate() {
        if known.contains(row) {
            let count = at.saturating_sub(from);
            if count > longest.1 {
                longest = (from, count);
            }
            from = at + IN_A_ROW;
        }
    }
    let rest = bytes.len().saturating_sub(from);
    if rest > longest.1 {
        (from, rest)
    } else {
        longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Ended;

    fn outcome(stdout: &str, given: Option<Vec<u8>>) -> Outcome {
        Outcome {
            ended: Ended::Exit(0),
            stdout: stdout.into(),
            stderr: String::new(),
            given,
            exchanges: Vec::new(),
            commands: 1,
            commands_over: false,
            tries: Vec::new(),
        }
    }

    fn dump(bytes: &[u8]) -> String {
        let line = |bytes: &[u8]| {
            let pairs: Vec<_> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
            format!("{:08X}: {} ....\n", 0, pairs.join(" "))
        };
        bytes.chunks(16).map(line).collect()
    }

    #[test]
    fn what_the_card_gave_what_is_usual_and_a_hash_are_no_findings() {
        let good = outcome("", Some(Vec::new()));
        let file: Vec<u8> = (0..200).map(|number: u8| number.wrapping_mul(3)).collect();
        // In two answers, with another between them.
        let given = [&file[..100], b"something else", &file[100..]].concat();
        assert_eq!(judge(&outcome(&dump(&file), Some(given)), &good), None);
        let usual = outcome(&dump(&file), Some(file.clone()));
        assert_eq!(
            judge(&outcome(&dump(&file), Some(Vec::new())), &usual),
            None
        );
        let hash = "ab".repeat(64);
        assert_eq!(judge(&outcome(&hash, Some(Vec::new())), &good), None);
        // Too much was given to say.
        assert_eq!(judge(&outcome(&dump(&file), None), &good), None);
    }

    #[test]
    fn more_bytes_than_the_card_gave_are_a_finding_with_their_place() {
        let good = outcome("", Some(Vec::new()));
        let file: Vec<u8> = (0..200).collect();
        let shown = [&file[..], &[0xBE; 100]].concat();
        let (signature, what) = judge(&outcome(&dump(&shown), Some(file)), &good).unwrap();
        assert_eq!(signature, "hexadecimal");
        assert_eq!(
            what,
            "100 of 300 bytes shown as hexadecimal are not what the card gave, from byte 200 on"
        );
    }
}
