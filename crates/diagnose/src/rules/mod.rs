//! The rules: one a file, each a word in the list below.
//!
//! A rule's findings have codes of its own ([`Rule::codes`]). What the card session finds by itself
//! when it reads a card is sorted to the rules by these; whatever no rule has is that of `other`, so
//! that nothing is lost.

use kortlab_card::Problem;

use crate::evidence::Evidence;

/// Declares the modules and the list: a new rule is a file and a word here. That each has a card that
/// it finds broken is seen to by the tests, from the same list.
macro_rules! rules {
    ($($module:ident),+ $(,)?) => {
        $(mod $module;)+

        /// Every rule, in the order in which their findings are told.
        pub static ALL: &[&Rule] = &[$(&$module::RULE),+];
    };
}

rules![
    answer_to_reset,
    application,
    unreadable,
    pointers,
    descriptions,
    sizes,
    encoding,
    non_minimal,
    wrappers,
    filler,
    records,
    values,
    identifiers,
    certificates,
    issuers,
    validity,
    revocation,
    keys,
    key_files,
    key_claims,
    usage,
    pairs,
    pins,
    tries,
    counters,
    free_space,
    unstable,
    slow,
    other,
];

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name on the command line, in kebab case.
    pub id: &'static str,
    /// What it finds, in one line.
    pub help: &'static str,
    /// What that means.
    pub explanation: &'static str,
    /// What to do, where the finding itself says nothing closer.
    pub remedy: &'static str,
    /// The codes of its findings, which no other rule has; none where its findings are a parser's.
    pub codes: &'static [&'static str],
    /// What it finds beside what the card session has found by itself.
    pub look: fn(&Evidence) -> Vec<Problem>,
    /// Which program trips over which code. Each of these was tried: a test has it.
    pub trips: &'static [(&'static str, &'static str)],
}

/// The rule with this name.
pub fn find(id: &str) -> Option<&'static Rule> {
    ALL.iter().copied().find(|rule| rule.id == id)
}

/// The rule that a finding of the card session with this code is sorted to.
pub fn of_code(code: &str) -> &'static Rule {
    let mut all = ALL.iter().copied();
    all.find(|rule| rule.codes.contains(&code))
        .unwrap_or(&other::RULE)
}

/// A rule that has nothing to look for itself: the card session finds it while it reads.
fn nothing_more(_: &Evidence) -> Vec<Problem> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_rule_has_a_name_of_its_own_and_no_code_belongs_to_two() {
        let mut names = BTreeSet::new();
        let mut codes = BTreeSet::new();
        for rule in ALL {
            assert!(names.insert(rule.id), "{} is there twice", rule.id);
            let kebab = |text: &str| {
                text.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            };
            assert!(
                kebab(rule.id) && rule.codes.iter().all(|code| kebab(code)),
                "{}",
                rule.id
            );
            for text in [rule.help, rule.explanation, rule.remedy] {
                assert!(
                    !text.is_empty() && !text.ends_with('.'),
                    "{}: {text}",
                    rule.id
                );
            }
            assert!(rule.help.len() <= 64, "{}: {}", rule.id, rule.help);
            for code in rule.codes {
                assert!(codes.insert(*code), "{code} belongs to two rules");
            }
            for (code, _) in rule.trips {
                assert!(rule.codes.contains(code), "{}: {code}", rule.id);
            }
            assert_eq!(find(rule.id).map(|found| found.id), Some(rule.id));
        }
    }

    #[test]
    fn every_code_in_the_document_has_a_rule_but_those_that_are_about_no_card() {
        let page = include_str!("../../../../docs/json.md");
        let (_, table) = page
            .split_once("| `code` | what is wrong |")
            .expect("the table");
        let rows = table
            .lines()
            .skip(2)
            .take_while(|line| line.starts_with('|'));
        let first = |row: &str| row.split('|').nth(1).unwrap_or_default().to_owned();
        let words: Vec<String> = rows
            .map(first)
            .flat_map(|cell| {
                let words = cell.split('`').skip(1).step_by(2);
                words.map(str::to_owned).collect::<Vec<_>>()
            })
            .collect();
        assert!(words.len() > 60, "{}", words.len());
        for word in words {
            // Of a card image as a file, and of bytes that are given to `explain`.
            let elsewhere = [
                "image-",
                "not-a-revocation-list",
                "not-an-ocsp-answer",
                "not-a-message",
                "attributes-not-sorted",
                "attribute-missing",
            ];
            if elsewhere.iter().any(|start| word.starts_with(start)) {
                continue;
            }
            assert_ne!(of_code(&word).id, "other", "{word} has no rule");
        }
    }
}
