//! The answers of a trace in `.apdu` text, where a name may begin in one and end in the next.

use super::spread::Spread;

/// What the line of an answer has in front of its bytes.
const RECEIVED: &str = "# Received";

/// The data of each answer, without its status word.
pub(super) fn data(trace: &str) -> impl Iterator<Item = Vec<u8>> + '_ {
    trace.lines().filter_map(answer).map(|(_, mut bytes)| {
        bytes.truncate(bytes.len().saturating_sub(2));
        bytes
    })
}

/// The trace with what stands for what is about a person. The data of all answers are looked at in a
/// row, as a file is read piece by piece; then each answer at its edges, as pieces may not follow
/// each other.
pub(super) fn replaced(trace: &str, spread: &mut Spread) -> String {
    let mut all: Vec<u8> = data(trace).flatten().collect();
    spread.in_bytes(&mut all);
    let mut rest = &all[..];
    let mut out = String::with_capacity(trace.len());
    for line in trace.lines() {
        match answer(line) {
            Some((head, bytes)) => {
                let (own, status) = bytes.split_at(bytes.len().saturating_sub(2));
                let (data, after) = rest.split_at_checked(own.len()).unwrap_or((own, rest));
                rest = after;
                let mut data = data.to_vec();
                spread.at_edges(&mut data);
                out.push_str(head);
                out.push_str(&hex::encode_upper(data));
                out.push_str(&hex::encode_upper(status));
            }
            None => out.push_str(&spread.in_text(line)),
        }
        out.push('\n');
    }
    out
}

/// The trace with the data of each answer as `change` leaves them.
pub(super) fn mapped(trace: &str, mut change: impl FnMut(&mut [u8])) -> String {
    let mut out = String::with_capacity(trace.len());
    for line in trace.lines() {
        match answer(line) {
            Some((head, mut bytes)) => {
                let end = bytes.len().saturating_sub(2);
                if let Some(data) = bytes.get_mut(..end) {
                    change(data);
                }
                out.push_str(head);
                out.push_str(&hex::encode_upper(bytes));
            }
            None => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

/// The line of an answer: what stands in front of its bytes, and they.
fn answer(line: &str) -> Option<(&str, Vec<u8>)> {
    if !line.starts_with(RECEIVED) {
        return None;
    }
    let (head, digits) = line.split_at(line.find(": ")? + 2);
    Some((head, hex::decode(digits.trim()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::super::personal::{Kind, Personal};
    use super::*;
    use kortlab_emulator::CardRng;

    #[test]
    fn a_name_that_is_cut_between_two_answers_is_replaced_in_both() {
        let mut personal = Personal::default();
        personal.add(Kind::Name, "Skissbackman");
        let mut spread = Spread::new(personal, CardRng::from_seed(3));
        let new = spread.in_text("Skissbackman");
        let line = |part: &str| {
            let digits = hex::encode_upper(part);
            format!("# Received in 0.021 ms: {digits}9000")
        };
        let trace = [
            "00B0000002",
            &line("xxSk"),
            "00B0000202",
            &line("issbackmanxx"),
            "",
        ]
        .join("\n");
        let expected = [
            "00B0000002",
            &line(&format!("xx{}", &new[..2])),
            "00B0000202",
            &line(&format!("{}xx", &new[2..])),
            "",
        ];
        assert_eq!(replaced(&trace, &mut spread), expected.join("\n"));
        assert_eq!(data(&trace).count(), 2);
    }
}
