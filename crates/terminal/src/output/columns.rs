//! How many columns a character takes in a terminal.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

/// The columns that a text takes in a terminal. It has no colours or other escape sequences in it.
pub fn columns_of(text: &str) -> usize {
    text.chars().map(of_character).sum()
}

/// The columns that a character takes: two if it is Wide or Fullwidth (Unicode Standard Annex #11), as most of
/// what Chinese, Japanese and Korean are written in is; none if it is a control or format character, or
/// combines with the one before.
pub fn of_character(character: char) -> usize {
    match character {
        ' '..='~' => 1,
        // Vowels and final consonants of Hangul, which are written into the syllable of the one before.
        '\u{1160}'..='\u{11FF}' | '\u{D7B0}'..='\u{D7FB}' => 0,
        // It is seen where a line ends, and in most terminals everywhere.
        '\u{AD}' => 1,
        _ => match character.general_category() {
            GeneralCategory::NonspacingMark
            | GeneralCategory::EnclosingMark
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::Control => 0,
            _ if is_wide(character) => 2,
            _ => 1,
        },
    }
}

fn is_wide(character: char) -> bool {
    let after = WIDE.partition_point(|&(first, _)| first <= character);
    let range = after.checked_sub(1).and_then(|before| WIDE.get(before));
    range.is_some_and(|&(_, last)| character <= last)
}

/// What is Wide or Fullwidth, in order, by EastAsianWidth.txt of Unicode 14; of planes 2 and 3 all is. Nonspacing
/// marks and what no character has been put at yet may be among it.
#[rustfmt::skip]
const WIDE: [(char, char); 81] = [
    ('\u{1100}', '\u{115F}'), ('\u{231A}', '\u{231B}'), ('\u{2329}', '\u{232A}'), ('\u{23E9}', '\u{23EC}'),
    ('\u{23F0}', '\u{23F0}'), ('\u{23F3}', '\u{23F3}'), ('\u{25FD}', '\u{25FE}'), ('\u{2614}', '\u{2615}'),
    ('\u{2648}', '\u{2653}'), ('\u{267F}', '\u{267F}'), ('\u{2693}', '\u{2693}'), ('\u{26A1}', '\u{26A1}'),
    ('\u{26AA}', '\u{26AB}'), ('\u{26BD}', '\u{26BE}'), ('\u{26C4}', '\u{26C5}'), ('\u{26CE}', '\u{26CE}'),
    ('\u{26D4}', '\u{26D4}'), ('\u{26EA}', '\u{26EA}'), ('\u{26F2}', '\u{26F3}'), ('\u{26F5}', '\u{26F5}'),
    ('\u{26FA}', '\u{26FA}'), ('\u{26FD}', '\u{26FD}'), ('\u{2705}', '\u{2705}'), ('\u{270A}', '\u{270B}'),
    ('\u{2728}', '\u{2728}'), ('\u{274C}', '\u{274C}'), ('\u{274E}', '\u{274E}'), ('\u{2753}', '\u{2755}'),
    ('\u{2757}', '\u{2757}'), ('\u{2795}', '\u{2797}'), ('\u{27B0}', '\u{27B0}'), ('\u{27BF}', '\u{27BF}'),
    ('\u{2B1B}', '\u{2B1C}'), ('\u{2B50}', '\u{2B50}'), ('\u{2B55}', '\u{2B55}'), ('\u{2E80}', '\u{303E}'),
    ('\u{3041}', '\u{3247}'), ('\u{3250}', '\u{4DBF}'), ('\u{4E00}', '\u{A4C6}'), ('\u{A960}', '\u{A97C}'),
    ('\u{AC00}', '\u{D7A3}'), ('\u{F900}', '\u{FAD9}'), ('\u{FE10}', '\u{FE19}'), ('\u{FE30}', '\u{FE6B}'),
    ('\u{FF01}', '\u{FF60}'), ('\u{FFE0}', '\u{FFE6}'), ('\u{16FE0}', '\u{1B2FB}'), ('\u{1F004}', '\u{1F004}'),
    ('\u{1F0CF}', '\u{1F0CF}'), ('\u{1F18E}', '\u{1F18E}'), ('\u{1F191}', '\u{1F19A}'), ('\u{1F200}', '\u{1F320}'),
    ('\u{1F32D}', '\u{1F335}'), ('\u{1F337}', '\u{1F37C}'), ('\u{1F37E}', '\u{1F393}'), ('\u{1F3A0}', '\u{1F3CA}'),
    ('\u{1F3CF}', '\u{1F3D3}'), ('\u{1F3E0}', '\u{1F3F0}'), ('\u{1F3F4}', '\u{1F3F4}'), ('\u{1F3F8}', '\u{1F43E}'),
    ('\u{1F440}', '\u{1F440}'), ('\u{1F442}', '\u{1F4FC}'), ('\u{1F4FF}', '\u{1F53D}'), ('\u{1F54B}', '\u{1F54E}'),
    ('\u{1F550}', '\u{1F567}'), ('\u{1F57A}', '\u{1F57A}'), ('\u{1F595}', '\u{1F596}'), ('\u{1F5A4}', '\u{1F5A4}'),
    ('\u{1F5FB}', '\u{1F64F}'), ('\u{1F680}', '\u{1F6C5}'), ('\u{1F6CC}', '\u{1F6CC}'), ('\u{1F6D0}', '\u{1F6D2}'),
    ('\u{1F6D5}', '\u{1F6DF}'), ('\u{1F6EB}', '\u{1F6EC}'), ('\u{1F6F4}', '\u{1F6FC}'), ('\u{1F7E0}', '\u{1F7F0}'),
    ('\u{1F90C}', '\u{1F93A}'), ('\u{1F93C}', '\u{1F945}'), ('\u{1F947}', '\u{1F9FF}'), ('\u{1FA70}', '\u{1FAF6}'),
    ('\u{20000}', '\u{3FFFD}'),
];

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn the_ranges_are_in_order_and_apart() {
        assert!(WIDE.iter().all(|(first, last)| first <= last));
        assert!(WIDE.windows(2).all(|two| two[0].1 < two[1].0));
    }

    #[test]
    fn wide_characters_take_two_columns_and_combining_ones_none() {
        for wide in "中さト한Ａ￥：、「〇𠀀😀".chars() {
            assert_eq!(of_character(wide), 2, "{wide}");
        }
        for narrow in "aåÅж·ｱ￫€…—\u{AD}".chars() {
            assert_eq!(of_character(narrow), 1, "{narrow}");
        }
        for none in "\u{301}\u{3099}\u{200B}\u{1B}\n\u{1161}\u{11AB}".chars() {
            assert_eq!(of_character(none), 0, "{none:?}");
        }
        assert_eq!(columns_of("田中 Åsa"), 8);
        assert_eq!(columns_of("A\u{30A}sa \u{1112}\u{1161}\u{11AB}"), 6);
    }

    /// Of every seventh character of Unicode 3.2, which Python has beside its own version: what differs between them
    /// is left out, and what takes no column.
    #[test]
    fn python_counts_the_same_columns() {
        const SCRIPT: &str = "
import unicodedata as u
old = u.ucd_3_2_0
for c in range(0x20, 0x30000, 7):
    ch = chr(c)
    if old.category(ch) in ('Cn', 'Cs', 'Co') or u.category(ch) in ('Cn', 'Mc'): continue
    width = old.east_asian_width(ch)
    if (width in 'WF') != (u.east_asian_width(ch) in 'WF'): continue
    if u.category(ch) in ('Mn', 'Me', 'Cf', 'Cc', 'Zl', 'Zp') or 0x1160 <= c <= 0x11FF: continue
    print(f'{c:X} {2 if width in \"WF\" else 1}')
";
        let python = Command::new("python3").args(["-c", SCRIPT]).output();
        let python = python.expect("python3 runs; run: cargo xtask test");
        let text = String::from_utf8(python.stdout).expect("UTF-8");
        let mut counted = 0;
        for line in text.lines() {
            let (code, width) = line.split_once(' ').expect("two columns");
            let code = u32::from_str_radix(code, 16).expect("a code point");
            let character = char::from_u32(code).expect("a character");
            assert_eq!(of_character(character).to_string(), width, "{code:X}");
            counted += 1;
        }
        assert!(counted > 10_000, "{counted}");
    }
}
