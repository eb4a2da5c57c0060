//! The holder of a real card: PINs come from where the options say, and questions are asked at the
//! terminal.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Read, Write as _};

use kortlab_card::{Pin, PinRole};
use kortlab_demo::story::Holder;

use crate::failure::Failure;
use crate::pin_source::PinSources;

/// More than an answer has.
const LONGEST_ANSWER: u64 = 64;

/// Whoever sits at the terminal, or has said beforehand what to do.
pub struct AtTheTerminal<'a> {
    pins: &'a PinSources,
    /// Everything is right without asking.
    yes: bool,
    /// A PIN that was not typed is read once: a file descriptor gives it only once.
    kept: Vec<(PinRole, Pin)>,
    failure: Option<Failure>,
}

impl<'a> AtTheTerminal<'a> {
    /// PINs come from `pins`; `yes` answers every question.
    pub const fn new(pins: &'a PinSources, yes: bool) -> Self {
        Self {
            pins,
            yes,
            kept: Vec::new(),
            failure: None,
        }
    }

    /// Why a PIN could not be had, if one could not.
    pub fn into_failure(self) -> Option<Failure> {
        self.failure
    }
}

impl Holder for AtTheTerminal<'_> {
    /// A PIN that is typed is typed each time the guide asks for it, as there.
    fn pin(&mut self, role: PinRole) -> Result<Pin, String> {
        if let Some((_, pin)) = self.kept.iter().find(|(kept, _)| *kept == role) {
            return Ok(pin.clone());
        }
        let pin = self.pins.pin(role).map_err(|failure| {
            let why = failure.message().to_owned();
            self.failure = Some(failure);
            why
        })?;
        if !self.pins.is_typed(role) {
            self.kept.push((role, pin.clone()));
        }
        Ok(pin)
    }

    fn confirms(&mut self, question: &str) -> bool {
        self.yes || ask(question).is_ok_and(|answer| is_yes(&answer))
    }

    fn confirms_in_person(&mut self, question: &str) -> bool {
        !self.yes && ask(question).is_ok_and(|answer| is_yes(&answer))
    }
}

fn ask(question: &str) -> io::Result<String> {
    let mut prompt = io::stderr();
    write!(prompt, "   {question} [y/N] ")?;
    prompt.flush()?;
    let terminal: Box<dyn Read> = match io::stdin().is_terminal() {
        true => Box::new(io::stdin()),
        false => Box::new(File::open("/dev/tty")?),
    };
    let mut answer = String::new();
    BufReader::new(terminal.take(LONGEST_ANSWER)).read_line(&mut answer)?;
    Ok(answer)
}

/// `y`, `yes`, `j`, `ja`, in either case; whatever else is no.
fn is_yes(answer: &str) -> bool {
    let answer = answer.trim().to_lowercase();
    matches!(answer.as_str(), "y" | "yes" | "j" | "ja")
}

#[cfg(test)]
mod tests {
    use super::is_yes;

    #[test]
    fn only_a_clear_yes_is_one() {
        for yes in ["y\n", "Yes\n", "ja", " J "] {
            assert!(is_yes(yes), "{yes}");
        }
        for no in ["", "\n", "n\n", "nej", "yes please\n", "1"] {
            assert!(!is_yes(no), "{no}");
        }
    }
}
