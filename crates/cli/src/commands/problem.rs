//! What is wrong with a card or a certificate, as text: the same in every command.

use std::collections::BTreeMap;
use std::fmt;

use anstyle::Style;
use kortlab_card::{Problem, Severity};

use crate::output::{DIM, ERROR, WARNING, printable};

/// A problem as two lines of text: what is wrong, and what to do.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    problem: &'a Problem,
    /// What it is a problem of, where that is more telling than its file and place.
    name: Option<&'a str>,
}

impl<'a> Shown<'a> {
    /// The problem, called by its file and place.
    pub const fn new(problem: &'a Problem) -> Self {
        Self {
            problem,
            name: None,
        }
    }

    /// The problem of what is called `name`.
    pub const fn of(name: &'a str, problem: &'a Problem) -> Self {
        Self {
            problem,
            name: Some(name),
        }
    }

    const fn kind(&self) -> (Severity, &'static str) {
        (self.problem.severity(), self.problem.code())
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = self.problem;
        let severity = problem.severity();
        let style = match severity {
            Severity::Error => ERROR,
            Severity::Warning => WARNING,
            Severity::Note => Style::new(),
        };
        let place = match self.name {
            Some(name) => name.to_owned(),
            None => problem.place(),
        };
        writeln!(
            f,
            "{style}{severity}{style:#}: {}: {} [{}]",
            printable(&place),
            printable(problem.message()),
            problem.code()
        )?;
        let next = problem.next_step();
        writeln!(f, "  {DIM}next:{DIM:#} {}", printable(&next))
    }
}

/// How many problems of one kind are shown one by one in text.
const SHOWN: usize = 10;

/// Problems as text: of each kind (severity and code) the first ones, and how many more there are.
/// A card can bring thousands; JSON has all of them.
pub fn folded<'a>(problems: impl IntoIterator<Item = Shown<'a>>) -> impl fmt::Display {
    let problems: Vec<_> = problems.into_iter().collect();
    let mut count = BTreeMap::<_, usize>::new();
    for shown in &problems {
        *count.entry(shown.kind()).or_default() += 1;
    }
    let mut seen = BTreeMap::<_, usize>::new();
    let mut text = String::new();
    for shown in problems {
        let seen = seen.entry(shown.kind()).or_default();
        *seen += 1;
        if *seen <= SHOWN {
            text.push_str(&shown.to_string());
        } else if *seen == SHOWN + 1 {
            let all = count.get(&shown.kind()).copied().unwrap_or_default();
            let more = grouped(all.saturating_sub(SHOWN));
            text.push_str(&format!(
                "{DIM}and {more} more of this kind [{}]; --json has all{DIM:#}\n",
                shown.problem.code()
            ));
        }
    }
    text
}

/// A number as people write it: `4,321`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How many of these make a command exit 6.
pub fn count<'a>(problems: impl IntoIterator<Item = &'a Problem>) -> usize {
    problems
        .into_iter()
        .filter(|problem| problem.counts())
        .count()
}

/// `1 finding`, `5 findings`.
pub fn counted(count: usize) -> String {
    match count {
        1 => "1 finding".to_owned(),
        count => format!("{count} findings"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn odd(code: &'static str, offset: usize) -> Problem {
        Problem::new(
            Severity::Error,
            code,
            "EF(CDF)",
            &kortlab_apdu::FilePath::MASTER_FILE,
            "odd",
        )
        .at(offset)
    }

    #[test]
    fn thousands_of_one_kind_are_ten_and_a_number_and_others_are_still_shown() {
        let mut all: Vec<_> = (0..4331).map(|place| odd("bad-value", place)).collect();
        all.push(odd("garbage", 9999));
        all.extend((0..10).map(|place| odd("odd", place)));
        let text = folded(all.iter().map(Shown::new)).to_string();
        assert!(
            text.contains("and 4,321 more of this kind [bad-value]"),
            "{text}"
        );
        assert_eq!(text.matches("[bad-value]").count(), SHOWN + 1);
        assert!(text.contains("byte 9999"));
        assert_eq!(text.matches("[odd]").count(), 10);
        assert_eq!(text.matches("more of this kind").count(), 1);
    }

    #[test]
    fn numbers_are_grouped_by_three_digits() {
        let text = [0, 10, 999, 1000, 54_321, 1_000_000].map(grouped);
        assert_eq!(text, ["0", "10", "999", "1,000", "54,321", "1,000,000"]);
    }
}
