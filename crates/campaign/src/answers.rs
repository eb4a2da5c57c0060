//! The fault `answers`, which holds all that a card says, and how others are made of it. A program
//! asks in the order of the list, so that its first answers decide most.

use kortlab_faults::Dice;

/// What the fault begins with.
const NAME: &str = "answers:";
/// The parameter with the answers, and what stands between them.
const LIST: &str = "list=";
const BETWEEN: char = '.';
/// The most answers that a change leaves, unless there were more before.
const MOST: usize = 2048;
/// The longest answer that a change leaves, unless it was longer before: that of extended length.
const LONGEST: usize = 0xFFFF + 3;
/// The most bytes that one change puts in.
const PIECE: usize = 32;
/// Status words that programs look at (ISO/IEC 7816-4 §5.6).
const STATUS: [[u8; 2]; 14] = [
    [0x90, 0x00],
    [0x61, 0x00],
    [0x61, 0x10],
    [0x62, 0x82],
    [0x63, 0xC3],
    [0x67, 0x00],
    [0x69, 0x82],
    [0x69, 0x85],
    [0x6A, 0x82],
    [0x6A, 0x86],
    [0x6A, 0x88],
    [0x6C, 0x10],
    [0x6D, 0x00],
    [0x6E, 0x00],
];
/// Bytes at which lengths, counts and tags are something else.
const EDGES: [u8; 14] = [
    0x00, 0x01, 0x02, 0x04, 0x05, 0x30, 0x6F, 0x7F, 0x80, 0x81, 0x82, 0x84, 0xFE, 0xFF,
];

/// Whether a fault is one of these.
pub fn is_list(fault: &str) -> bool {
    fault.starts_with(NAME)
}

/// A fault with another list: one change, or a few. Nothing if it is no such fault.
pub fn changed(fault: &str, dice: &mut Dice) -> Option<String> {
    with_list(fault, |answers| {
        for _ in 0..1_usize << dice.below(4) {
            change(answers, dice);
        }
    })
}

/// A fault with the first answers of its list, and behind them the last of another's. Nothing if one of
/// them is no such fault.
pub fn spliced(fault: &str, other: &str, dice: &mut Dice) -> Option<String> {
    let others = list(other)?;
    with_list(fault, |answers| {
        let cut = dice.below(answers.len() + 1);
        answers.truncate(cut);
        // What stands at about the same place of the other is asked for at about the same time.
        let from = match dice.below(2) {
            0 => cut.min(others.len()),
            _ => dice.below(others.len()),
        };
        answers.extend(others.iter().skip(from).cloned());
    })
}

/// The answers of a fault.
fn list(fault: &str) -> Option<Vec<Vec<u8>>> {
    let parameters = fault.strip_prefix(NAME)?;
    let text = parameters
        .split(',')
        .find_map(|part| part.strip_prefix(LIST))?;
    let answers = text.split(BETWEEN).map(hex::decode);
    answers.collect::<Result<_, _>>().ok()
}

/// The fault with other answers, and with all that it says besides.
fn with_list(fault: &str, change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Option<String> {
    let mut answers = list(fault)?;
    change(&mut answers);
    // One without any byte cannot be said; one byte is no status word either.
    let text: Vec<_> = answers
        .iter()
        .map(|answer| match answer.is_empty() {
            true => "00".to_owned(),
            false => hex::encode_upper(answer),
        })
        .collect();
    if text.is_empty() {
        return None;
    }
    let text = text.join(&BETWEEN.to_string());
    let parts = fault.strip_prefix(NAME)?.split(',');
    let parts: Vec<_> = parts
        .map(|part| match part.starts_with(LIST) {
            true => format!("{LIST}{text}"),
            false => part.to_owned(),
        })
        .collect();
    Some(format!("{NAME}{}", parts.join(",")))
}

/// Any of a list, the first ones more often.
fn early(count: usize, dice: &mut Dice) -> usize {
    let most = 1 + dice.below(count);
    dice.below(most)
}

fn change(answers: &mut Vec<Vec<u8>>, dice: &mut Dice) {
    let at = early(answers.len(), dice);
    let has_room = answers.len() < MOST;
    match dice.below(12) {
        0 if answers.len() > 1 => {
            answers.remove(at);
        }
        1 if has_room && !answers.is_empty() => {
            let copy = answers.get(at).cloned().unwrap_or_default();
            answers.insert(at, copy);
        }
        2 if has_room => answers.insert(at, status(dice).to_vec()),
        3 => {
            let other = early(answers.len(), dice);
            if at < answers.len() && other < answers.len() {
                answers.swap(at, other);
            }
        }
        4 => {
            let piece = answers.get(early(answers.len(), dice)).cloned();
            if let (Some(answer), Some(piece)) = (answers.get_mut(at), piece) {
                // The data of another, in front of its own status word.
                let end = answer.len().saturating_sub(2);
                let data = piece.len().saturating_sub(2);
                answer.splice(..end, piece.into_iter().take(data));
            }
        }
        _ => {
            if let Some(answer) = answers.get_mut(at) {
                change_answer(answer, dice);
            }
        }
    }
}

fn change_answer(answer: &mut Vec<u8>, dice: &mut Dice) {
    let at = dice.below(answer.len());
    match dice.below(9) {
        0 => {
            let end = answer.len().saturating_sub(2);
            answer.truncate(end);
            answer.extend(status(dice));
        }
        1 => {
            let room = LONGEST.saturating_sub(answer.len()).min(PIECE);
            let count = (1 + dice.below(PIECE)).min(room);
            let piece = match dice.below(2) {
                0 => dice.bytes(count),
                _ => vec![EDGES[dice.below(EDGES.len())]; count],
            };
            answer.splice(at..at, piece);
        }
        2 => {
            let end = (at + 1 + dice.below(PIECE)).min(answer.len());
            answer.drain(at.min(end)..end);
        }
        3 => {
            // As many as 256 times: tables and buffers are longer than a few bytes.
            let from = dice.below(answer.len());
            let piece: Vec<u8> = answer.iter().skip(from).take(PIECE).copied().collect();
            let times = 1_usize << dice.below(9);
            if answer.len() + times * piece.len() <= LONGEST {
                answer.splice(at..at, piece.repeat(times));
            }
        }
        4 => {
            answer.truncate(at);
            answer.extend(status(dice));
        }
        change => {
            if let Some(byte) = answer.get_mut(at) {
                *byte = match change {
                    5 => *byte ^ (1 << dice.below(8)),
                    6 => EDGES[dice.below(EDGES.len())],
                    7 => byte.wrapping_add(1),
                    _ => byte.wrapping_sub(1),
                };
            }
        }
    }
}

fn status(dice: &mut Dice) -> [u8; 2] {
    STATUS[dice.below(STATUS.len())]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kortlab_faults::Fault;

    use super::*;

    #[test]
    fn a_list_becomes_longer_and_shorter_and_its_answers_do_and_the_rest_stays() {
        let fault = "answers:list=6F048202010A9000.9000.0102039000,atr=3B01AA,from=2";
        let before = list(fault).unwrap();
        let mut dice = Dice::new(3);
        let (mut counts, mut lengths, mut texts) =
            (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for _ in 0..2000 {
            let text = changed(fault, &mut dice).unwrap();
            assert!(Fault::parse(&text).is_ok(), "{text}");
            assert!(text.ends_with(",atr=3B01AA,from=2"), "{text}");
            let answers = list(&text).unwrap();
            assert!(!answers.is_empty());
            counts.insert(answers.len());
            lengths.extend(answers.iter().map(Vec::len));
            texts.insert(text);
        }
        assert!(counts.iter().any(|count| *count < before.len()));
        assert!(counts.iter().any(|count| *count > before.len()));
        // Without a status word, and longer than any short answer.
        assert!(lengths.contains(&1) && lengths.iter().any(|length| *length > 256));
        assert!(texts.len() > 1500, "{}", texts.len());
    }

    #[test]
    fn a_splice_has_a_head_of_one_and_a_tail_of_the_other() {
        let (one, other) = ("answers:list=AA.AB.AC,atr=3B00", "answers:list=BA.BB.BC.BD");
        let mut dice = Dice::new(1);
        let seen: BTreeSet<_> = (0..200)
            .filter_map(|_| spliced(one, other, &mut dice))
            .collect();
        for text in &seen {
            let answers = list(text).unwrap();
            let head = answers.iter().take_while(|answer| answer[0] < 0xB0).count();
            assert_eq!(answers[..head], list(one).unwrap()[..head]);
            assert!(list(other).unwrap().ends_with(&answers[head..]), "{text}");
        }
        assert!(seen.contains("answers:list=AA.BB.BC.BD,atr=3B00"));
    }

    #[test]
    fn what_is_no_such_list_is_left_alone_and_changes_follow_from_the_dice() {
        let mut dice = Dice::new(1);
        for fault in [
            "stale",
            "sw:sw=6F00",
            "answers:list=ABC",
            "answers:atr=3B00",
        ] {
            assert_eq!(changed(fault, &mut dice), None);
            assert_eq!(spliced("answers:list=9000", fault, &mut dice), None);
            assert_eq!(spliced(fault, "answers:list=9000", &mut dice), None);
        }
        let make = |seed| {
            let mut dice = Dice::new(seed);
            let mut fault = "answers:list=9000".to_owned();
            for _ in 0..300 {
                fault = changed(&fault, &mut dice).unwrap();
                assert!(Fault::parse(&fault).is_ok(), "{fault}");
            }
            fault
        };
        assert_eq!(make(7), make(7));
        assert_ne!(make(7), make(8));
    }
}
