//! Hexadecimal digits in a line of text.

/// The bytes of a text that is nothing but hexadecimal digits and blanks.
///
/// # Errors
/// Where that is not so, in characters from the start of the text, and what is wrong.
pub(super) fn bytes(text: &str) -> Result<Vec<u8>, (usize, &'static str)> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut high: Option<u8> = None;
    let mut count = 0;
    for (index, character) in text.chars().enumerate() {
        count = index.saturating_add(1);
        if matches!(character, ' ' | '\t') {
            continue;
        }
        let digit = character
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok());
        let Some(digit) = digit else {
            return Err((index, "a hexadecimal digit is expected here"));
        };
        match high.take() {
            None => high = Some(digit << 4),
            Some(high) => bytes.push(high | digit),
        }
    }
    match high {
        None => Ok(bytes),
        Some(_) => Err((
            count,
            "a byte has two hexadecimal digits; the line may be cut",
        )),
    }
}
