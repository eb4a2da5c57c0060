//! Reading JSON that somebody else wrote.

use core::fmt::Write as _;

use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::limits::{LINE, TEXT};

/// No more of a parser's complaint is shown: it may quote what was sent.
const MAX_REASON: usize = 200;

/// Why a JSON document is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseError {
    /// More bytes than such a document has.
    #[error("{what} has {found} bytes; at most {limit} are read")]
    TooLong {
        /// What was being read.
        what: &'static str,
        /// Its length in bytes.
        found: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A field is missing, unknown, or has a value that is not accepted.
    #[error("{what}, {field}: {why}")]
    Field {
        /// What was being read.
        what: &'static str,
        /// The path of the field, as `certificates[2]`; `the document` where it is about the whole.
        field: String,
        /// What is wrong, in one line without control characters.
        why: String,
    },
}

impl ParseError {
    /// A field whose value is not accepted.
    pub fn field(
        what: &'static str,
        field: impl Into<String>,
        why: impl core::fmt::Display,
    ) -> Self {
        Self::Field {
            what,
            field: field.into(),
            why: one_line(&why.to_string()),
        }
    }
}

/// Reads a JSON document of at most `limit` bytes. `what` is named in errors, with its article.
///
/// # Errors
/// It is longer, no JSON, or not of this type; the error names the field.
pub fn parse<T: DeserializeOwned>(
    what: &'static str,
    bytes: &[u8],
    limit: usize,
) -> Result<T, ParseError> {
    if bytes.len() > limit {
        return Err(ParseError::TooLong {
            what,
            found: bytes.len(),
            limit,
        });
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let field = match path.as_str() {
            "." | "?" | "" => "the document".to_owned(),
            path => one_line(path),
        };
        ParseError::field(what, field, error.inner())
    })?;
    reader
        .end()
        .map_err(|error| ParseError::field(what, "the document", error))?;
    Ok(value)
}

/// Checks a line of text that is shown to people: not empty, at most [`LINE`] bytes, no control
/// characters.
pub(crate) fn check_line(what: &'static str, field: &str, text: &str) -> Result<(), ParseError> {
    check(what, field, text, LINE, char::is_control)
}

/// Checks a text of several lines: not empty, at most [`TEXT`] bytes, no control characters but
/// line feeds.
pub(crate) fn check_text(what: &'static str, field: &str, text: &str) -> Result<(), ParseError> {
    check(what, field, text, TEXT, |c| c.is_control() && c != '\n')
}

fn check(
    what: &'static str,
    field: &str,
    text: &str,
    limit: usize,
    refused: impl Fn(char) -> bool,
) -> Result<(), ParseError> {
    let why = if text.is_empty() {
        "it is empty".to_owned()
    } else if text.len() > limit {
        format!("{} bytes; at most {limit} are read", text.len())
    } else if let Some(character) = text.chars().find(|character| refused(*character)) {
        format!("it has the control character {character:?}")
    } else {
        return Ok(());
    };
    Err(ParseError::field(what, field, why))
}

fn one_line(text: &str) -> String {
    shortened(text, MAX_REASON)
}

/// What a text says, fit for one line of a log or a terminal: control characters are written out,
/// and what follows after `limit` bytes is left out.
pub(crate) fn shortened(text: &str, limit: usize) -> String {
    let mut line = String::new();
    for character in text.chars() {
        if line.len() >= limit {
            line.push('…');
            break;
        }
        if character.is_control() {
            // Writing to a String cannot fail.
            let _ = write!(line, "{}", character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[serde(rename = "numbers")]
        _numbers: Vec<u8>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[serde(rename = "inner")]
        _inner: Inner,
    }

    fn complaint(text: &str) -> String {
        parse::<Outer>("the example", text.as_bytes(), 4096)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn an_error_names_the_field() {
        let said = complaint(r#"{"inner":{"numbers":[1,2,"x"]}}"#);
        assert!(
            said.starts_with("the example, inner.numbers[2]: "),
            "{said}"
        );
        assert!(complaint("[").starts_with("the example, the document: "));
        assert!(complaint(r#"{"inner":{"numbers":[]}} 1"#).contains("trailing"));
        assert!(complaint(r#"{"inner":{"numbers":[],"more":1}}"#).contains("more"));
    }

    #[test]
    fn what_is_too_long_is_not_read() {
        let error = parse::<Outer>("the example", &[b' '; 100], 99).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the example has 100 bytes; at most 99 are read"
        );
    }

    #[test]
    fn an_error_stays_short_and_in_one_line_whatever_was_sent() {
        let long = format!(r#"{{"in\nner{}":1}}"#, "x".repeat(2000));
        let said = complaint(&long);
        assert!(said.len() < 500, "{said}");
        assert!(!said.contains('\n'));
        let deep = "[".repeat(4000);
        assert!(complaint(&deep).len() < 500);
    }
}
