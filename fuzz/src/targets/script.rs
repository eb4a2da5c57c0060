//! Scripts of commands.

use kortlab_apdu::script::{ScriptProblem, parse};
use kortlab_apdu::{Command, StatusWord};

/// Errors stand inside the script, and every step's command can be encoded and says the same
/// when it is written as a plain APDU.
pub fn script(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else {
        return;
    };
    match parse(text) {
        Ok(steps) => {
            let mut last = 0;
            for step in &steps {
                assert!(step.line > last);
                last = step.line;
                let encoded = step.command.encode().expect("a script's data is bounded");
                let again = Command::parse(&encoded).expect("an encoded command");
                assert_eq!(again.data(), step.command.data());
                assert_eq!(again.ne(), step.command.ne());
                if let Some(expected) = &step.expected {
                    let line = format!("00000000={expected}");
                    let again = parse(&line).expect("a printed pattern");
                    assert_eq!(again[0].expected.as_ref(), Some(expected));
                    let lowest = expected.to_string().replace('x', "0");
                    let lowest = u16::from_str_radix(&lowest[..4], 16).expect("hexadecimal");
                    assert!(expected.matches(StatusWord::new(lowest)));
                }
            }
            assert!(last <= text.lines().count());
        }
        Err(error) => {
            if error.problem == ScriptProblem::TooLong {
                return;
            }
            let line = text
                .lines()
                .nth(error.line - 1)
                .expect("a line of the script");
            assert!((1..=line.chars().count() + 1).contains(&error.column));
            assert!(!error.to_string().is_empty());
        }
    }
}
