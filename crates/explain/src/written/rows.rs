//! Rows of bytes with the offset before each: `xxd`, `hexdump` with and without `-C`, `od -t x1`, and what
//! Wireshark and `tshark -x` write.

use super::Misfit;
use crate::dump::ascii;

/// The most bytes of a row that are believed: those of xxd.
const MAX_ROW: usize = 256;

/// How a row is written, as its first line tells.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shape {
    /// A colon behind the offset (xxd).
    colon: bool,
    /// Offsets count in eights (od).
    octal: bool,
    /// Groups of four digits are numbers of two bytes, the low one first (hexdump).
    swapped: bool,
    /// Two digits to a group, with more blanks after eight bytes.
    pairs: bool,
}

/// The bytes, if the first line is a row.
pub(super) fn read(text: &str) -> Option<Result<Vec<u8>, Misfit>> {
    let mut lines = text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim_end()))
        .filter(|(_, line)| !line.trim().is_empty());
    let (_, first) = lines.clone().next()?;
    let shape = shape(first, lines.clone().nth(1).map(|(_, line)| line))?;
    let form = match shape {
        Shape { colon: true, .. } => "rows of xxd",
        Shape { octal: true, .. } => "rows of od",
        Shape { swapped: true, .. } => "rows of hexdump: the low byte of each two first",
        _ => "rows with offsets",
    };
    let misfit = |line, what: String| Err(Misfit { form, line, what });
    let mut bytes: Vec<u8> = Vec::new();
    let mut start = None;
    let mut repeated = false;
    let mut last = Vec::new();
    let found: Result<(), Misfit> = lines.try_for_each(|(number, line)| {
        if line.trim() == "*" && !last.is_empty() {
            repeated = true;
            return Ok(());
        }
        let Some((offset, rest)) = offset(line.trim_start(), shape) else {
            return misfit(number, "this line does not begin with an offset".to_owned());
        };
        let start = *start.get_or_insert(offset);
        let Some(at) = offset.checked_sub(start) else {
            return misfit(
                number,
                "the offset is less than that of the first row".to_owned(),
            );
        };
        if repeated {
            // What `*` stands for are rows as the last one.
            let missing = at.saturating_sub(bytes.len());
            let fits = at >= bytes.len() && missing % last.len() == 0 && at <= MAX_BYTES;
            if !fits {
                return misfit(
                    number,
                    "the offset does not fit the repeated rows".to_owned(),
                );
            }
            bytes.extend(last.iter().copied().cycle().take(missing));
            repeated = false;
        }
        let Some(row) = row(rest, shape) else {
            return misfit(
                number,
                "what stands behind the bytes is neither bytes nor their characters".to_owned(),
            );
        };
        // hexdump ends an odd number of bytes with 00; the last offset tells.
        if shape.swapped && row.is_empty() && at.checked_add(1) == Some(bytes.len()) {
            bytes.pop();
        }
        if at != bytes.len() {
            return misfit(
                number,
                format!(
                    "the offset says {at} bytes before it, and there are {}",
                    bytes.len()
                ),
            );
        }
        bytes.extend_from_slice(&row);
        if !row.is_empty() {
            last = row;
        }
        Ok(())
    });
    if let Err(misfit) = found {
        return Some(Err(misfit));
    }
    (!bytes.is_empty()).then_some(Ok(bytes))
}

/// The most bytes that `*` may stand for.
const MAX_BYTES: usize = 16 << 20;

/// What kind of rows begins so; `None` if none does.
fn shape(first: &str, second: Option<&str>) -> Option<Shape> {
    let first = first.trim_start();
    let digits = first.bytes().take_while(u8::is_ascii_hexdigit).count();
    let rest = first.get(digits..)?;
    let colon = rest.starts_with(':');
    let blanks = rest.len() - rest.trim_start_matches(' ').len();
    let mut groups = rest.trim_start_matches([':', ' ']).split_ascii_whitespace();
    let width = groups.next()?.len();
    let pairs = width == 2;
    // Whether the next row begins where this one ends; `None` if this is none.
    let next_fits = |shape: Shape| {
        let next = second.and_then(|line| offset(line.trim_start(), shape));
        let start = offset(first, shape)?;
        let (row, _) = self::groups(first.get(digits..)?, shape);
        let fits = next.is_some_and(|(next, _)| next.checked_sub(start.0) == Some(row.len()));
        (!row.is_empty()).then_some(fits)
    };
    if digits < 4 || !(colon || blanks > 0) {
        return None;
    }
    let shapes = [
        (false, colon || pairs),
        (true, !colon && pairs && digits == 7),
        (false, !colon && width == 4),
    ];
    let [hexadecimal, octal, swapped] = shapes;
    let shape = |octal, swapped| Shape {
        colon,
        octal,
        swapped,
        pairs,
    };
    let possible = [
        hexadecimal.1.then(|| shape(false, false)),
        octal.1.then(|| shape(true, false)),
        swapped.1.then(|| shape(false, true)),
    ];
    let possible = possible.into_iter().flatten();
    let found = possible
        .clone()
        .find(|shape| next_fits(*shape) == Some(true));
    // Where one blank follows an even number of digits, only a second row tells offsets from bytes; and
    // so it does of four digits that no row begins with.
    let is_sure = |shape: &Shape| {
        let is_start = |(start, _): (usize, _)| !shape.swapped && start % 16 == 0;
        let may_begin = digits > 4 || offset(first, *shape).is_some_and(is_start);
        colon || digits % 2 == 1 || (blanks >= 2 && may_begin)
    };
    found.or_else(|| {
        let mut sure = possible.clone().filter(is_sure);
        sure.find(|shape| next_fits(*shape).is_some())
    })
}

/// The offset of a row, and what follows.
fn offset(line: &str, shape: Shape) -> Option<(usize, &str)> {
    let digits = line.bytes().take_while(u8::is_ascii_hexdigit).count();
    let (number, rest) = line.split_at_checked(digits)?;
    let ends = match shape.colon {
        true => rest.starts_with(':'),
        false => rest.is_empty() || rest.starts_with(' '),
    };
    let radix = if shape.octal { 8 } else { 16 };
    let number = usize::from_str_radix(number, radix).ok()?;
    (digits >= 4 && ends).then_some((number, rest))
}

/// The bytes behind an offset; `None` if what follows them is not their characters.
fn row(rest: &str, shape: Shape) -> Option<Vec<u8>> {
    let (bytes, behind) = groups(rest, shape);
    // Somebody may have changed a byte and not its character: as many as there are bytes they are, or
    // one more, where a blank parts them in the middle.
    let characters = without_frame(behind.trim_start()).chars().count();
    let as_many = characters >= ascii(&bytes).trim().len() && characters <= bytes.len() + 1;
    let fits = characters == 0 || (set_off(behind) && as_many);
    fits.then_some(bytes)
}

/// The bytes behind an offset, up to their characters, and what follows.
fn groups(rest: &str, shape: Shape) -> (Vec<u8>, &str) {
    let mut bytes = Vec::new();
    let mut rest = rest.trim_start_matches(':');
    loop {
        let text = rest.trim_start_matches(' ');
        let blanks = rest.len() - text.len();
        // Behind a wider gap stand the characters; some have such a gap after eight bytes.
        let gap = match (shape.pairs, bytes.len()) {
            (_, 0) => usize::MAX,
            (true, 8) => 2,
            (true, _) if !shape.colon => 2,
            _ => 1,
        };
        let digits = text.bytes().take_while(u8::is_ascii_hexdigit).count();
        let (group, behind) = text.split_at(digits);
        let ends = behind.is_empty() || behind.starts_with(' ');
        let is_group = match shape.pairs {
            true => digits == 2,
            // The last one of xxd may be shorter.
            false => matches!(digits, 2 | 4 | 8 | 16),
        };
        if blanks == 0 || blanks > gap || !ends || !is_group || bytes.len() >= MAX_ROW {
            return (bytes, rest);
        }
        // What looks like bytes may be the characters of those before; a row of sixteen bytes is whole.
        if set_off(rest) && (bytes.len() == 16 || are_characters(text, &bytes)) {
            return (bytes, rest);
        }
        let Ok(mut group) = hex::decode(group) else {
            return (bytes, rest);
        };
        if shape.swapped {
            group.reverse();
        }
        bytes.append(&mut group);
        rest = behind;
    }
}

/// Whether this begins as the characters of a row do: behind a gap, or in a frame.
fn set_off(behind: &str) -> bool {
    let text = behind.trim_start_matches(' ');
    behind.len() - text.len() >= 2 || text.starts_with(['|', '>'])
}

/// Characters without the signs around them: those of `hexdump -C`, and of od.
fn without_frame(text: &str) -> &str {
    let framed = |open, close| text.strip_prefix(open)?.strip_suffix(close);
    framed('|', '|')
        .or_else(|| framed('>', '<'))
        .unwrap_or(text)
}

/// Whether these are the characters of all these bytes, as far as they have some that are printed.
fn are_characters(text: &str, bytes: &[u8]) -> bool {
    let shown = ascii(bytes);
    let shown = shown.trim();
    let mut characters = text.trim().chars();
    let is_next = |shown| {
        let next = characters.next();
        next.is_some_and(|character| shown == '.' || character == shown)
    };
    !shown.is_empty() && shown.chars().all(is_next) && characters.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Option<Vec<u8>> {
        read(text).and_then(Result::ok)
    }

    /// As each of these programs writes the same 21 bytes.
    const ALL: [&str; 6] = [
        "00000000  00 a4 04 00 0c a0 00 00  00 63 50 4b 43 53 2d 31  |.........cPKCS-1|\n\
         00000010  35 00 61 62 63                                    |5.abc|\n\
         00000015\n",
        "00000000: 00a4 0400 0ca0 0000 0063 504b 4353 2d31  .........cPKCS-1\n\
         00000010: 3500 6162 63                             5.abc\n",
        "0000000 a400 0004 a00c 0000 6300 4b50 5343 312d\n\
         0000010 0035 6261 0063\n\
         0000015\n",
        "0000000 00 a4 04 00 0c a0 00 00 00 63 50 4b 43 53 2d 31\n\
         0000020 35 00 61 62 63\n\
         0000025\n",
        "0000  00 a4 04 00 0c a0 00 00 00 63 50 4b 43 53 2d 31   .........cPKCS-1\n\
         0010  35 00 61 62 63                                    5.abc\n",
        "0000   00 a4 04 00 0c a0 00 00 00 63 50 4b 43 53 2d 31\n\
         0010   35 00 61 62 63\n",
    ];

    #[test]
    fn the_same_bytes_are_read_of_the_rows_of_all_programs() {
        let mut expected = vec![0x00, 0xA4, 0x04, 0x00, 0x0C, 0xA0, 0x00, 0x00, 0x00];
        expected.extend_from_slice(b"cPKCS-15\0abc");
        for text in ALL {
            assert_eq!(bytes(text), Some(expected.clone()), "{text}");
        }
    }

    #[test]
    fn repeated_rows_are_repeated_and_a_row_that_is_missing_is_told() {
        let text = "00000000  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n\
                    *\n\
                    00000040  01                                                |.|\n00000041\n";
        let expected = [vec![0; 64], vec![1]].concat();
        assert_eq!(bytes(text), Some(expected));
        let missing = ALL[0].replace("00000010", "00000020");
        let misfit = read(&missing).expect("rows").expect_err("one is missing");
        assert_eq!(misfit.line, 2);
        let word = ALL[1].replace("00000010:", "then:");
        let misfit = read(&word).expect("rows").expect_err("no row");
        assert_eq!((misfit.line, misfit.form), (2, "rows of xxd"));
    }

    #[test]
    fn a_row_ends_with_its_bytes_however_many_they_are() {
        let many: Vec<u8> = (0x5A..0x7E).chain(0x80..0x90).collect();
        let pairs: Vec<_> = many.iter().map(|byte| format!("{byte:02x}")).collect();
        let fours: String = pairs.chunks(2).map(|pair| pair.concat() + " ").collect();
        let characters = ascii(&many);
        for text in [
            // od -w64 -t x1, with and without its characters; xxd -c 64 and -g 1.
            format!("0000000 {}\n", pairs.join(" ")),
            format!("0000000 {}  >{characters}<\n", pairs.join(" ")),
            format!("00000000: {} {characters}\n", fours),
            format!("00000000: {}  {characters}\n", pairs.join(" ")),
        ] {
            assert_eq!(bytes(&text), Some(many.clone()), "{text}");
        }
        let most = vec!["5a"; MAX_ROW].join(" ");
        let most = format!("0000  {most}  {}", "Z".repeat(MAX_ROW));
        assert_eq!(bytes(&most), Some(vec![0x5A; MAX_ROW]));
        let more = format!("0000  {}", vec!["5a"; MAX_ROW + 1].join(" "));
        assert!(read(&more).expect("a row").is_err());
    }

    #[test]
    fn characters_that_look_like_bytes_are_none_and_other_words_are_told() {
        for (text, expected) in [
            ("0000  61 62 20 63 64 20 65 66  ab cd ef", &b"ab cd ef"[..]),
            ("00000000: 61 62 20 63 64 20 65 66  ab cd ef", b"ab cd ef"),
            (
                "0000  61 62 63 64 65 66 67 68  ab cd ef 01",
                b"abcdefgh\xAB\xCD\xEF\x01",
            ),
            ("0000  00 a4 20 20  ..", &[0x00, 0xA4, 0x20, 0x20]),
            // Edited, in another code, with a blank in the middle.
            ("0000  00 00 04 00  .x..", &[0x00, 0x00, 0x04, 0x00]),
            (
                "0000  61 62 63 64 65 66 67 68 69 00   abcdefgh i.",
                b"abcdefghi\0",
            ),
        ] {
            assert_eq!(bytes(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "0000  00 a4 04 zz",
            "0000  00 a4 04 0",
            "0000  00 a4 and more",
            "0000  00 a4  and more",
            "0000  00 a4 04 00 // SELECT",
            "00000000: 00a4 040",
            "00000000: 00a4 0400 a000 000063  .......c and more",
        ] {
            let misfit = read(text).expect("a row").expect_err(text);
            assert_eq!(misfit.line, 1, "{text}");
        }
    }

    #[test]
    fn what_is_no_row_is_none() {
        for text in [
            "",
            "00A4  0400",
            "00A4  04 00",
            "00 A4 04 00",
            "00A4 0400 023F 00",
            "6A82",
            "3B 7D 96",
            "hello",
            "00A40400",
            "0000 zz",
        ] {
            assert_eq!(bytes(text), None, "{text}");
        }
        assert_eq!(
            bytes("0000  00 a4 04 00"),
            Some(vec![0x00, 0xA4, 0x04, 0x00])
        );
    }
}
