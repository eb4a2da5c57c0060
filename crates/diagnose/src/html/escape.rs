//! Text for HTML: what comes from a card cannot become markup.

use core::fmt;

use kortlab_explain::is_unprintable;

/// Text, as it may stand between tags and in attributes with double quotes. Control characters,
/// which HTML does not have, and those that do not show what they are, are given as their numbers.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                _ if is_unprintable(character) => write!(f, "U+{:04X}", u32::from(character))?,
                _ => write!(f, "{character}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_markup_and_none_of_it_is_lost() {
        let text = "<script>alert(\"1\" & '2')</script>";
        assert_eq!(
            Escaped(text).to_string(),
            "&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;"
        );
        for character in (0..=0x2100).filter_map(char::from_u32) {
            let escaped = Escaped(&character.to_string()).to_string();
            assert!(
                !escaped.contains(['<', '>', '"', '\'', '\0']),
                "{character:?}"
            );
            assert!(!escaped.chars().any(char::is_control), "{character:?}");
            assert!(!escaped.is_empty());
        }
        assert_eq!(Escaped("Övningsfält").to_string(), "Övningsfält");
        assert_eq!(Escaped("a\u{202E}b").to_string(), "aU+202Eb");
    }
}
