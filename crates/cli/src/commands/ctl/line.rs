//! A line of a script: when, and what, in the words of `kortlab ctl`.

use std::time::Duration;

use clap::Parser;

use super::Arguments;
use crate::control::Step;

/// The longest time after a command: a day.
const MAX_LATER: u64 = 86_400_000;

/// What stands behind the time.
#[derive(Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

/// Reads `N[+MS] COMMAND` or `+MS COMMAND`.
///
/// # Errors
/// The time or the command makes no sense.
pub fn parse_step(text: &str) -> Result<Step, String> {
    let text = text.trim();
    let (when, what) = text
        .split_once(char::is_whitespace)
        .ok_or("give when and what, as `5 remove` or `5+300 insert`")?;
    let (command, later) = parse_when(when)?;
    let line = Line::try_parse_from(words(what)?).map_err(|error| {
        let text = error.to_string();
        let line = text.lines().next().unwrap_or_default();
        line.strip_prefix("error: ").unwrap_or(line).to_owned()
    })?;
    let request = line.arguments.into_request();
    Ok(Step {
        command,
        later,
        request: request.map_err(|failure| failure.message().to_owned())?,
        text: text.to_owned(),
    })
}

fn parse_when(when: &str) -> Result<(u64, Duration), String> {
    let (number, later) = when.split_once('+').unwrap_or((when, "0"));
    let wrong = || format!("{when:?} is no time: N before the Nth command, N+MS, or +MS");
    let command = match number {
        "" => 0,
        number => number
            .parse()
            .ok()
            .filter(|number| *number > 0)
            .ok_or_else(wrong)?,
    };
    let later = later.parse().ok().filter(|later| *later <= MAX_LATER);
    Ok((command, Duration::from_millis(later.ok_or_else(wrong)?)))
}

/// Takes a line apart at its spaces; quotes of either kind keep them.
fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words: Vec<String> = Vec::new();
    let (mut quote, mut inside) = (None, false);
    for char in text.chars() {
        match quote {
            Some(end) if char == end => quote = None,
            None if char == '"' || char == '\'' => {
                quote = Some(char);
                if !inside {
                    words.push(String::new());
                }
                inside = true;
            }
            None if char.is_whitespace() => inside = false,
            _ => {
                if !inside {
                    words.push(String::new());
                }
                inside = true;
                if let Some(word) = words.last_mut() {
                    word.push(char);
                }
            }
        }
    }
    match quote {
        None => Ok(words),
        Some(quote) => Err(format!("a {quote} without an end")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Request;

    #[test]
    fn a_line_says_when_and_what() {
        let step = parse_step(" 5+300  insert 'a b.json' --reader \"Desk 00\"").expect("a step");
        assert_eq!((step.command, step.later), (5, Duration::from_millis(300)));
        assert_eq!(
            step.request,
            Request::Insert {
                reader: Some("Desk 00".to_owned()),
                image: Some("a b.json".into())
            }
        );
        let step = parse_step("+1000 fault add sw:sw=6F00").expect("a step");
        assert_eq!((step.command, step.later), (0, Duration::from_secs(1)));
        let step = parse_step("1 tear").expect("a step");
        assert!(matches!(step.request, Request::Tear { .. }));
    }

    #[test]
    fn what_is_none_is_refused_in_a_line() {
        for text in [
            "",
            "5",
            "remove",
            "0 remove",
            "x remove",
            "-1 remove",
            "5+x remove",
            "5 dance",
            "5 swap",
            "5 insert 'x",
            "5+86400001 remove",
            "5 remove --json",
            "5 --help",
        ] {
            let error = parse_step(text).expect_err(text);
            assert!(
                !error.is_empty() && !error.contains('\n'),
                "{text}: {error:?}"
            );
        }
    }
}
