//! Why a line is no request.

use std::fmt;

use serde::de::IgnoredAny;

/// Why a line is no request, in one line of text. Digits are not repeated: they may be a PIN in a wrong
/// place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoRequest(String);

impl NoRequest {
    pub(crate) fn from_json(error: &serde_json::Error) -> Self {
        let place = format!(" at line {} column {}", error.line(), error.column());
        let text = error.to_string();
        let what = text.strip_suffix(&place).unwrap_or(&text);
        let mut masked = String::new();
        for piece in what.split_inclusive(|character: char| !character.is_ascii_digit()) {
            let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
            let (number, rest) = piece.split_at(digits);
            masked.push_str(if digits < 4 { number } else { "…" });
            // What was sent may have line feeds in it, and worse.
            let shown = rest
                .chars()
                .map(|char| if char.is_control() { ' ' } else { char });
            masked.extend(shown);
        }
        Self(format!("{masked}, at column {}", error.column()))
    }
}

impl fmt::Display for NoRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this line is no request: {}", self.0)
    }
}

impl std::error::Error for NoRequest {}

/// Whether a line is a whole JSON object, whatever is in it: a list of its values is none, and of one
/// that was cut nothing else is said.
///
/// # Errors
/// It is not.
pub(crate) fn check_object(line: &[u8]) -> Result<(), NoRequest> {
    if line.trim_ascii_start().first() != Some(&b'{') {
        return Err(NoRequest("it is no JSON object".to_owned()));
    }
    let whole = serde_json::from_slice::<IgnoredAny>(line);
    whole
        .map(drop)
        .map_err(|error| NoRequest::from_json(&error))
}
