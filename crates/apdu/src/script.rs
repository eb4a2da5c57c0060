//! Scripts of commands with the answers they expect: what `kortlab apdu --script` reads.
//!
//! One command a line:
//!
//! ```text
//! CLA INS P1 P2 [:DATA] [/LE] [=SW]      # a comment
//! APDU [=SW]
//! ```
//!
//! - All bytes are in hexadecimal. Spaces and tabs may stand anywhere.
//! - `:DATA` is the data field, of any length; `:` alone is an empty one.
//! - `/LE` is Ne, the most bytes expected: decimal (`/256`), or hexadecimal after `0x`
//!   (`/0x100`); 1 to 65 536. `/0`, like an Le byte of `00`, means 256.
//! - Four header bytes without `:` and `/` are a case 1 command. More hexadecimal digits than the
//!   header's are a plain APDU with its length fields, short or extended.
//! - `=SW` is what the status word must be: four hexadecimal digits, `x` for any digit (`=61xx`,
//!   `=63Cx`), and several choices with `|` between them (`=9000|6282`).
//! - `#` starts a comment. Empty lines are skipped.
//!
//! ```
//! use kortlab_apdu::script;
//! let steps = script::parse("\
//!     ## select EF.DIR and read it\n\
//!     00A40000 :2F00 /256 =61xx|9000\n\
//!     00 B0 00 00 /0x20\n\
//!     00A4000C023F00 = 9000\n")?;
//! assert_eq!(steps.len(), 3);
//! assert_eq!(steps[0].command.data(), [0x2F, 0x00]);
//! assert_eq!(steps[1].command.ne(), Some(32));
//! let expected = steps[0].expected.as_ref().expect("a pattern");
//! assert!(expected.matches(0x6117.into()) && !expected.matches(0x6A82.into()));
//!
//! let error = script::parse("00A40000\n00B0000 /5").expect_err("half a byte");
//! assert_eq!((error.line, error.column), (2, 9));
//! # Ok::<(), script::ScriptError>(())
//! ```

use core::fmt;

use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::character::complete::{char, multispace0, satisfy, u32 as decimal};
use nom::combinator::{map_opt, opt, value, verify};
use nom::error::{Error as NomError, ErrorKind as NomErrorKind};
use nom::multi::{fold_many_m_n, fold_many0, separated_list1};
use nom::sequence::preceded;
use nom::{IResult, Parser};
use zeroize::Zeroizing;

use crate::class::Class;
use crate::command::{Command, MAX_NC, MAX_NE};
use crate::error::Error;
use crate::status::StatusWord;

/// The longest script, in bytes.
pub const MAX_SCRIPT: usize = 4 << 20;

/// One line with a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The line, counted from 1.
    pub line: usize,
    /// The command.
    pub command: Command,
    /// What the status word must be; `None`: anything.
    pub expected: Option<StatusPattern>,
}

/// Which status words are expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusPattern {
    choices: Vec<Choice>,
}

/// Why a script cannot be read. It never repeats what stands in the script, which may be a PIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    /// The line, counted from 1.
    pub line: usize,
    /// The column, in characters counted from 1.
    pub column: usize,
    /// What is wrong.
    pub problem: ScriptProblem,
}

/// What is wrong with a line of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScriptProblem {
    /// Two hexadecimal digits are expected here.
    HexByte,
    /// Four header bytes must stand before `:`, `/` and `=`.
    Header,
    /// A plain APDU is malformed: its length fields contradict its length.
    Apdu(Error),
    /// The data is longer than 65 535 bytes.
    TooMuchData,
    /// Ne must be a number up to 65 536.
    Le,
    /// A status word is four hexadecimal digits or `x`.
    Status,
    /// Something else than `:DATA`, `/LE`, `=SW` or a comment.
    Unexpected,
    /// The script is longer than [`MAX_SCRIPT`].
    TooLong,
}

/// A status word of which only the masked bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Choice {
    value: u16,
    mask: u16,
}

/// Reads a whole script.
///
/// # Errors
/// The first line that cannot be read, with line and column.
pub fn parse(script: &str) -> Result<Vec<Step>, ScriptError> {
    if script.len() > MAX_SCRIPT {
        return Err(ScriptError {
            line: 1,
            column: 1,
            problem: ScriptProblem::TooLong,
        });
    }
    let mut steps = Vec::new();
    for (index, text) in script.lines().enumerate() {
        let line = index + 1;
        let step = parse_line(text).map_err(|(rest, problem)| {
            let before = text.len().saturating_sub(rest);
            ScriptError {
                line,
                column: text
                    .get(..before)
                    .map_or(0, |before| before.chars().count())
                    + 1,
                problem,
            }
        })?;
        steps.extend(step.map(|(command, expected)| Step {
            line,
            command,
            expected,
        }));
    }
    Ok(steps)
}

impl StatusPattern {
    /// Whether this status word is expected.
    pub fn matches(&self, status: StatusWord) -> bool {
        self.choices
            .iter()
            .any(|choice| status.value() & choice.mask == choice.value)
    }
}

impl fmt::Display for StatusPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, choice) in self.choices.iter().enumerate() {
            if index > 0 {
                f.write_str("|")?;
            }
            for shift in [12, 8, 4, 0] {
                if choice.mask >> shift & 0xF == 0 {
                    f.write_str("x")?;
                } else {
                    write!(f, "{:X}", choice.value >> shift & 0xF)?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            line,
            column,
            problem,
        } = self;
        write!(f, "line {line}, column {column}: {problem}")
    }
}

impl fmt::Display for ScriptProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HexByte => f.write_str("two hexadecimal digits are expected here"),
            Self::Header => f.write_str("four header bytes, CLA INS P1 P2, must come first"),
            Self::Apdu(error) => write!(
                f,
                "the APDU is malformed {error}; write `CLA INS P1 P2 :DATA /LE` to have the \
                 length fields made"
            ),
            Self::TooMuchData => write!(f, "the data is longer than {MAX_NC} bytes"),
            Self::Le => write!(
                f,
                "LE is a decimal number, or a hexadecimal one after 0x, up to {MAX_NE}"
            ),
            Self::Status => {
                f.write_str("a status word is four hexadecimal digits, or x for any digit")
            }
            Self::Unexpected => {
                f.write_str("only :DATA, /LE, =SW (in this order) or a # comment can stand here")
            }
            Self::TooLong => write!(f, "the script is longer than {MAX_SCRIPT} bytes"),
        }
    }
}

impl std::error::Error for ScriptError {}

/// Where an error is, as the number of bytes from there to the end of the line, and what.
type LineError = (usize, ScriptProblem);

type Line = Option<(Command, Option<StatusPattern>)>;

fn parse_line(line: &str) -> Result<Line, LineError> {
    // What stands behind the comment sign counts for columns, not for content.
    let content = line.split('#').next().unwrap_or_default();
    let behind = line.len() - content.len();
    let at = |rest: &str, problem| (rest.len() + behind, problem);

    let start = content.trim_start();
    if start.is_empty() {
        return Ok(None);
    }
    let (rest, head) = digits(start);
    if head.len() < 8 {
        let problem = if rest.is_empty() || rest.starts_with([':', '/', '=']) {
            ScriptProblem::Header
        } else {
            ScriptProblem::HexByte
        };
        return Err(at(rest, problem));
    }
    let head = pairs(&head).ok_or_else(|| at(rest, ScriptProblem::HexByte))?;
    let (rest, data) = match field(rest, ':') {
        Some(rest) => {
            let (rest, digits) = digits(rest);
            let data = pairs(&digits).ok_or_else(|| at(rest, ScriptProblem::HexByte))?;
            (rest, Some(data))
        }
        None => (rest, None),
    };
    let (rest, ne) = match field(rest, '/') {
        Some(rest) => {
            let (rest, ne) = le(rest).map_err(|_| at(rest, ScriptProblem::Le))?;
            (rest, Some(ne))
        }
        None => (rest, None),
    };
    let (rest, expected) = match field(rest, '=') {
        Some(rest) => {
            let (rest, choices) = statuses(rest).map_err(|error| {
                let found = match error {
                    nom::Err::Error(error) | nom::Err::Failure(error) => error.input,
                    nom::Err::Incomplete(_) => rest,
                };
                at(found, ScriptProblem::Status)
            })?;
            if let Some(rest) = field(rest, '|') {
                return Err(at(rest, ScriptProblem::Status));
            }
            (rest, Some(StatusPattern { choices }))
        }
        None => (rest, None),
    };
    let rest = rest.trim_start();
    if !rest.is_empty() {
        return Err(at(rest, ScriptProblem::Unexpected));
    }
    let command = command(&head, data, ne).map_err(|problem| at(start, problem))?;
    Ok(Some((command, expected)))
}

fn command(
    head: &[u8],
    data: Option<Zeroizing<Vec<u8>>>,
    ne: Option<u32>,
) -> Result<Command, ScriptProblem> {
    if data.is_none() && ne.is_none() {
        return Command::parse(head).map_err(ScriptProblem::Apdu);
    }
    let &[cla, ins, p1, p2] = head else {
        return Err(ScriptProblem::Header);
    };
    let data = data.unwrap_or_default();
    if data.len() > MAX_NC {
        return Err(ScriptProblem::TooMuchData);
    }
    Ok(Command::new(ins, p1, p2)
        .with_class(Class::from_byte(cla))
        .with_data(data.as_slice())
        .expecting(ne.unwrap_or(0)))
}

/// What follows `sign`, if that comes next.
fn field(input: &str, sign: char) -> Option<&str> {
    input.trim_start().strip_prefix(sign)
}

/// Hexadecimal digits, with or without spaces between them, as numbers 0 to 15.
fn digits(input: &str) -> (&str, Zeroizing<Vec<u8>>) {
    let most = input.len();
    let mut digits = fold_many0(
        preceded(multispace0, hex_digit),
        || Zeroizing::new(Vec::with_capacity(most)),
        |mut digits, digit| {
            digits.push(digit);
            digits
        },
    );
    match digits.parse(input) {
        Ok((rest, digits)) => (rest.trim_start(), digits),
        Err(_) => (input.trim_start(), Zeroizing::default()),
    }
}

fn pairs(digits: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (pairs, []) = digits.as_chunks::<2>() else {
        return None;
    };
    Some(Zeroizing::new(
        pairs.iter().map(|[high, low]| high << 4 | low).collect(),
    ))
}

fn hex_digit(input: &str) -> IResult<&str, u8> {
    map_opt(satisfy(|c| c.is_ascii_hexdigit()), |c| {
        c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())
    })
    .parse(input)
}

/// Ne: 1 to 65 536; 0 stands for 256.
fn le(input: &str) -> IResult<&str, u32> {
    let hexadecimal = preceded(alt((tag("0x"), tag("0X"))), hex_number);
    let number = preceded(multispace0, alt((hexadecimal, decimal)));
    let (rest, ne) = verify(number, |&ne| ne <= MAX_NE).parse(input)?;
    if rest.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err(nom::Err::Error(NomError::new(rest, NomErrorKind::Verify)));
    }
    Ok((rest, if ne == 0 { 256 } else { ne }))
}

fn hex_number(input: &str) -> IResult<&str, u32> {
    fold_many_m_n(
        1,
        8,
        hex_digit,
        || 0,
        |number, digit| number << 4 | u32::from(digit),
    )
    .parse(input)
}

fn statuses(input: &str) -> IResult<&str, Vec<Choice>> {
    separated_list1(preceded(multispace0, char('|')), choice).parse(input)
}

fn choice(input: &str) -> IResult<&str, Choice> {
    let any = value(None, satisfy(|c| matches!(c, 'x' | 'X')));
    let nibble = alt((any, hex_digit.map(Some)));
    let (rest, choice) = fold_many_m_n(
        4,
        4,
        preceded(multispace0, nibble),
        || Choice { value: 0, mask: 0 },
        |choice, nibble| Choice {
            value: choice.value << 4 | u16::from(nibble.unwrap_or(0)),
            mask: choice.mask << 4 | if nibble.is_some() { 0xF } else { 0 },
        },
    )
    .parse(input)?;
    // A fifth digit is not left to be called something unexpected.
    let (_, more) = opt(preceded(multispace0, hex_digit)).parse(rest)?;
    if more.is_some() {
        return Err(nom::Err::Failure(NomError::new(rest, NomErrorKind::Verify)));
    }
    Ok((rest, choice))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Case;

    fn one(line: &str) -> Step {
        let mut steps = parse(line).expect("a step");
        assert_eq!(steps.len(), 1);
        steps.remove(0)
    }

    fn encoded(line: &str) -> String {
        hex::encode_upper(&*one(line).command.encode().expect("a command"))
    }

    fn error(script: &str) -> (usize, usize, ScriptProblem) {
        let error = parse(script).expect_err("a broken script");
        (error.line, error.column, error.problem)
    }

    #[test]
    fn all_cases_are_written_short_and_length_fields_are_made() {
        assert_eq!(encoded("00440000"), "00440000");
        assert_eq!(encoded("00B00000/5"), "00B0000005");
        assert_eq!(encoded("00B00000/0"), "00B0000000");
        assert_eq!(encoded("00B00000/256"), "00B0000000");
        assert_eq!(encoded("00B00000/0x100"), "00B0000000");
        assert_eq!(encoded("00B00000/65536"), "00B00000000000");
        assert_eq!(encoded("00A4000C:3F00"), "00A4000C023F00");
        assert_eq!(encoded("00A40000:3F00/0xFF"), "00A40000023F00FF");
        assert_eq!(one("00A40000:").command.case(), Case::One);
    }

    #[test]
    fn spaces_are_free() {
        assert_eq!(
            encoded(" 00 A4\t0 000 : 3F 00 / 10 = 61 xx  # select"),
            "00A40000023F000A"
        );
    }

    #[test]
    fn plain_apdus_are_taken_as_they_are() {
        assert_eq!(encoded("00A40000023F0000"), "00A40000023F0000");
        assert_eq!(encoded("00D60000 000001 AA =9000"), "00D60000000001AA");
    }

    #[test]
    fn patterns_match_by_nibble() {
        let any = one("00440000=9000|61xx|63Cx").expected.expect("a pattern");
        for status in [0x9000, 0x6100, 0x61FF, 0x63C2] {
            assert!(any.matches(StatusWord::new(status)), "{status:04X}");
        }
        for status in [0x9001, 0x6200, 0x6300] {
            assert!(!any.matches(StatusWord::new(status)), "{status:04X}");
        }
        assert_eq!(any.to_string(), "9000|61xx|63Cx");
        assert_eq!(one("00440000").expected, None);
    }

    #[test]
    fn comments_and_empty_lines_are_skipped_and_lines_counted() {
        let steps = parse("\n# 00FF\n\r\n00440000\r\n  # end\n00B00000/1#x").expect("two steps");
        let lines: Vec<_> = steps.iter().map(|step| step.line).collect();
        assert_eq!(lines, [4, 6]);
    }

    #[test]
    fn errors_say_line_and_column() {
        use ScriptProblem as Problem;
        assert_eq!(error("00A4"), (1, 5, Problem::Header));
        assert_eq!(error(":3F00"), (1, 1, Problem::Header));
        assert_eq!(error("00A400\n"), (1, 7, Problem::Header));
        assert_eq!(error("00440000\n\n00A4g000"), (3, 5, Problem::HexByte));
        assert_eq!(error("00A40000:3F0"), (1, 13, Problem::HexByte));
        assert_eq!(error("00A40000:3F0 # c"), (1, 14, Problem::HexByte));
        assert_eq!(error("00A40000/"), (1, 10, Problem::Le));
        assert_eq!(error("00A40000/65537"), (1, 10, Problem::Le));
        assert_eq!(error("00A40000/0x"), (1, 10, Problem::Le));
        assert_eq!(error("00A40000/1F"), (1, 10, Problem::Le));
        assert_eq!(error("00A40000/99999999999"), (1, 10, Problem::Le));
        assert_eq!(error("00A40000=900"), (1, 13, Problem::Status));
        assert_eq!(error("00A40000=90000"), (1, 14, Problem::Status));
        assert_eq!(error("00A40000=9000|zz"), (1, 15, Problem::Status));
        assert_eq!(error("00A40000/1:3F"), (1, 11, Problem::Unexpected));
        assert_eq!(error("å 00A40000 å"), (1, 1, Problem::HexByte));
        assert_eq!(error("00A40000 å ä"), (1, 10, Problem::Unexpected));
        assert_eq!(error("00A4000002:3F"), (1, 1, Problem::Header));
        let (line, column, problem) = error("  00A40000023F");
        assert_eq!((line, column), (1, 3));
        assert!(matches!(problem, Problem::Apdu(inner) if inner.offset() == 5));
    }

    #[test]
    fn errors_never_repeat_the_script() {
        let error = parse("00200081:313233343").expect_err("half a byte");
        let text = format!("{error} {error:?}");
        assert!(!text.contains("3132"), "{text}");
    }

    #[test]
    fn length_is_bounded() {
        let long = " ".repeat(MAX_SCRIPT + 1);
        assert_eq!(error(&long).2, ScriptProblem::TooLong);
        let data = "00".repeat(MAX_NC + 1);
        assert_eq!(
            error(&format!("00D60000:{data}")).2,
            ScriptProblem::TooMuchData
        );
        let data = "00".repeat(MAX_NC);
        assert_eq!(
            one(&format!("00D60000:{data}")).command.data().len(),
            MAX_NC
        );
    }
}
