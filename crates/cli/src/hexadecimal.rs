//! Hexadecimal on the command line.

use crate::failure::Failure;

/// The bytes that a text spells; blanks and colons between digits are allowed.
///
/// # Errors
/// Something else than hexadecimal digits, or an odd number of them: a usage error that says
/// where.
pub fn parse(text: &str) -> Result<Vec<u8>, Failure> {
    let mut digits = Vec::with_capacity(text.len());
    for (index, character) in text.chars().enumerate() {
        if character.is_ascii_hexdigit() {
            digits.push(character as u8);
        } else if !character.is_whitespace() && character != ':' {
            return Err(Failure::usage(format!(
                "not hexadecimal: the character {} is {character:?}",
                index + 1
            ))
            .hint("give pairs of the digits 0 to 9 and A to F, for example 3B 7D 96"));
        }
    }
    hex::decode(&digits).map_err(|_| {
        Failure::usage(format!(
            "not hexadecimal: {} digits make no whole number of bytes",
            digits.len()
        ))
        .hint("each byte has two digits")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_colons_are_allowed_between_digits() {
        for text in ["3b7D96", "3B 7D 96", " 3b:7d:96 "] {
            assert_eq!(parse(text), Ok(vec![0x3B, 0x7D, 0x96]), "{text}");
        }
    }

    #[test]
    fn anything_else_is_a_usage_error_that_says_where() {
        assert!(
            parse("3B 7x")
                .expect_err("x")
                .message()
                .contains("character 5")
        );
        assert!(
            parse("3B 7")
                .expect_err("odd")
                .message()
                .contains("3 digits")
        );
        assert!(parse("å").is_err());
    }
}
