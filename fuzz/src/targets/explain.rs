//! What bytes are explained to be: commands, answers, ATRs, TLV, files of a card, X.509.

use kortlab_apdu::{Command, instruction};
use kortlab_explain::pkcs15::File;
use kortlab_explain::{
    Explanation, MAX_DEPTH, MAX_NODES, NOT_DECODED, Node, answer, atr, certificate, cms, command,
    fcp, ocsp, pkcs15, revocation_list, tlv, written,
};

/// The first byte says as what the rest is explained. Its nodes have every byte once, in order, and
/// their parts stand inside them; problems point into the bytes; nothing in a text moves a cursor,
/// and all of it is in proportion to the bytes.
pub fn explain(data: &[u8]) {
    let Some((&kind, bytes)) = data.split_first() else {
        return;
    };
    if let (0xF2, Ok(text)) = (kind, str::from_utf8(bytes)) {
        // What stands for many bytes in few signs is limited.
        if let Some(Ok(bytes)) = written::read(text) {
            assert!(!bytes.is_empty() && bytes.len() <= text.len() + (17 << 20));
        }
        return;
    }
    let explained = explained(kind, bytes);
    covers(&explained, bytes.len());
    let mut nodes = 0;
    let mut text = 0;
    for (depth, node) in explained.lines() {
        assert!(depth <= MAX_DEPTH + 2);
        nodes += 1;
        text += node.name.len();
        text += node.value.as_deref().map_or(0, str::len);
        text += node.meaning.as_deref().map_or(0, str::len);
        parts_inside(node);
        let printed = node.to_string();
        assert!(!printed.chars().any(char::is_control), "{printed:?}");
    }
    assert!(nodes <= MAX_NODES + MAX_DEPTH + 16);
    assert!(text <= 200 * bytes.len() + 10_000, "{text}");
    for problem in &explained.problems {
        assert!(problem.offset().is_some_and(|at| at <= bytes.len()));
        assert!(!problem.message().is_empty() && !problem.next_step().is_empty());
    }
    // What could not be decoded is told. Historical bytes alone may be in the card's own coding.
    let undecoded = |(_, node): (_, &Node)| node.name == NOT_DECODED;
    if explained.lines().any(undecoded) {
        assert!(!explained.is_clean());
        let own_coding = kind < 0xF0 && kind % 17 == 4;
        assert!(own_coding || !explained.problems.is_empty(), "{explained}");
    }
}

fn explained(kind: u8, bytes: &[u8]) -> Explanation {
    match kind {
        0xF0 => return ocsp::explain(bytes),
        0xF1 => return cms::explain(bytes),
        _ => {}
    }
    match kind % 17 {
        0 => tlv::explain(bytes),
        1 => command::explain(bytes),
        2 => answer::explain(None, bytes),
        3 => {
            let select = Command::new(instruction::SELECT, 0, 0);
            answer::explain(Some(&select), bytes)
        }
        4 => atr::explain(bytes),
        5 => fcp::explain(bytes),
        6 => certificate::explain(bytes),
        7 => revocation_list::explain(bytes),
        other => {
            let file = File::ALL[usize::from(other - 8)];
            pkcs15::explain(file, bytes)
        }
    }
}

fn covers(explained: &Explanation, length: usize) {
    let mut at = 0;
    for node in &explained.nodes {
        assert_eq!(node.span.offset, at, "{explained}");
        at = node.span.end();
    }
    assert_eq!(at, length, "{explained}");
}

fn parts_inside(node: &Node) {
    let mut at = node.content().offset;
    for part in &node.parts {
        assert!(part.span.offset >= at, "{node:?}");
        at = part.span.end();
    }
    assert!(at <= node.span.end(), "{node:?}");
}
