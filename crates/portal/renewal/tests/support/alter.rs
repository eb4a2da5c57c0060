//! A text as a hostile portal would alter it.

use kortlab_issuer::random::IssuerRng;

/// Characters that are not seen, that turn a line round, or that look like others: one for each
/// way to deceive.
const DECEIVERS: &[char] = &[
    '\u{200b}',
    '\u{200d}',
    '\u{2060}',
    '\u{feff}',
    '\u{ad}',
    '\u{202e}',
    '\u{2066}',
    '\u{a0}',
    '\u{2028}',
    '\u{2029}',
    '\u{85}',
    '\u{0}',
    '\u{1b}',
    '\t',
    '\r',
    '\u{430}',
    '\u{435}',
    '\u{43e}',
    '\u{455}',
    '\u{3b1}',
    '\u{ff10}',
    '\u{ff21}',
    '\u{1d7ce}',
    '\u{301}',
    '\u{308}',
    '\u{e0041}',
    '\u{fe0f}',
    '\u{2044}',
    '\u{ff1a}',
    '\u{661}',
];

/// Lines that nobody should sign unread.
const LINES: &[&str] = &[
    "Jag är skyldig portalen 100 000 kr. / I owe the portal SEK 100,000.",
    "Kortnummer / Card number: 9752000000000000000",
    "Underskrift (HCC, SHA-256): 0000000000000000000000000000000000000000000000000000000000000000",
    "Namn / Name: Någon Annan",
    "",
    " ",
];

/// The text, altered in one of many ways. It is another text than before.
pub fn altered(text: &str, rng: &mut IssuerRng) -> String {
    loop {
        let altered = once(text, rng);
        if altered != text {
            return altered;
        }
    }
}

fn once(text: &str, rng: &mut IssuerRng) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let any = |rng: &mut IssuerRng, count: usize| rng.below(count.max(1) as u64) as usize;
    let at = any(rng, characters.len());
    let line = any(rng, lines.len());
    let other_line = any(rng, lines.len());
    let put = |character: char, replaced: usize| -> String {
        let rest = characters.iter().skip(at + replaced);
        characters
            .iter()
            .take(at)
            .chain([&character])
            .chain(rest)
            .collect()
    };
    match rng.below(18) {
        0 => put(DECEIVERS[any(rng, DECEIVERS.len())], 0),
        1 => put(DECEIVERS[any(rng, DECEIVERS.len())], 1),
        2 => put(char::from(b'0' + any(rng, 10) as u8), 1),
        3 => put(char::from(b'a' + any(rng, 26) as u8), 1),
        4 => put(' ', 0),
        5 => put('\n', 0),
        6 => characters
            .iter()
            .take(at)
            .chain(characters.iter().skip(at + 1))
            .collect(),
        7 => {
            lines.insert(line, LINES[any(rng, LINES.len())].to_owned());
            lines.join("\n")
        }
        8 => {
            lines[line] = LINES[any(rng, LINES.len())].to_owned();
            lines.join("\n")
        }
        9 => {
            lines.swap(line, other_line);
            lines.join("\n")
        }
        10 => {
            lines.remove(line);
            lines.join("\n")
        }
        11 => {
            let twice = lines[line].clone();
            lines.insert(line, twice);
            lines.join("\n")
        }
        12 => {
            lines[line] = lines[line].to_uppercase();
            lines.join("\n")
        }
        13 => lines.join("\r\n"),
        // Letters with marks, taken apart (Unicode's form D).
        14 => text
            .replace('å', "a\u{30a}")
            .replace('ä', "a\u{308}")
            .replace('ö', "o\u{308}"),
        15 => format!("{text}{}\n", LINES[any(rng, LINES.len())]),
        16 => text.trim_end().to_owned(),
        _ => LINES[any(rng, LINES.len())].to_owned(),
    }
}
