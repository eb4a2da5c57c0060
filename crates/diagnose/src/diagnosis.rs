//! What is wrong with a card: [`diagnose()`].

use std::borrow::Cow;
use std::time::SystemTime;

use kortlab_apdu::{Channel, FilePath, Layered};
use kortlab_card::files::Budget;
use kortlab_card::problem::code;
use kortlab_card::{Against, Card, CardError, ErrorKind, Problem, Session, Severity, Token};

use crate::evidence::{self, Evidence};
use crate::finding::Finding;
use crate::guard::{Guard, Guarded, Listener};
use crate::rules::{self, Rule};

/// How a card is diagnosed.
#[derive(Clone, Debug)]
pub struct Diagnosing {
    /// How much reading may take.
    pub budget: Budget,
    /// The time for which certificates are looked at.
    pub now: SystemTime,
    /// Issuers, revocation lists and answers of responders.
    pub against: Against,
    /// The rules whose findings are told; empty: all.
    pub rules: Vec<&'static Rule>,
}

/// What was found.
#[derive(Debug)]
pub struct Diagnosis {
    /// What the card is called.
    pub label: Option<String>,
    /// Its number.
    pub serial: Option<String>,
    /// Its OS, as far as it is known.
    pub card_os: Option<&'static str>,
    /// Its answer to reset.
    pub atr: Vec<u8>,
    /// What is wrong, in the order of the rules.
    pub findings: Vec<Finding>,
    /// What was looked at, in words.
    pub looked_at: Vec<String>,
    /// What was not, in words: of that nothing is said.
    pub not_looked_at: Vec<String>,
    /// How many commands that took.
    pub commands: usize,
    /// Why reading ended before everything was looked at.
    pub ended: Option<CardError>,
}

impl Diagnosis {
    /// How many findings are errors or warnings.
    pub fn count(&self) -> usize {
        let counting = |finding: &&Finding| finding.problem.counts();
        self.findings.iter().filter(counting).count()
    }
}

/// Looks at a card, reading alone: no PIN is tried and nothing is written, which a layer around the
/// channel sees to. `known` is asked of a card with a PKCS#15 application for what is known to be
/// wrong beside what the card tells, and may add to what certificates are looked at against.
///
/// What was read before the card is gone is looked at, and [`Diagnosis::ended`] says so.
///
/// # Errors
/// Nothing at all could be read.
pub fn diagnose<'a, C: Channel>(
    channel: C,
    options: &Diagnosing,
    known: impl FnOnce(&mut Card<Guarded<'a, C>>, &mut Cow<'_, Against>) -> Vec<Problem>,
    listener: Listener<'a>,
) -> Result<Diagnosis, CardError> {
    let mut evidence = Evidence {
        atr: channel.atr().to_vec(),
        ..Evidence::default()
    };
    // The card session has its own budget; the guard is for what is read again.
    let guarded = Layered::new(channel, Guard::timing(options.budget.times(2), listener));
    let token = Session::new(guarded).open_token(options.budget);
    let (mut session, ended) = match token {
        Ok(Token::Pkcs15(mut card)) => {
            let mut against = Cow::Borrowed(&options.against);
            let known = known(&mut card, &mut against);
            let read = evidence::of_card(&mut card, options.now, &against, &mut evidence);
            evidence.problems.extend(known);
            (card.into_session(), read.err())
        }
        Err(none) => {
            let error = none.error().clone();
            let no_application = error.kind() == ErrorKind::NotPkcs15;
            let read = none.contents().filter(|_| !no_application);
            let is_read = read.is_some();
            match read {
                Some(contents) => evidence::of_part(contents, &mut evidence),
                None => evidence.looked_at.push("answer to reset".to_owned()),
            }
            let mut session = none.into_session();
            let is_gone = evidence::is_final(&error);
            if is_gone && !is_read && session.channel_mut().layer().stopped().is_none() {
                return Err(error);
            }
            match error.kind() {
                ErrorKind::NotPkcs15 => match session.identify() {
                    Ok(found) => {
                        evidence.not_pkcs15 = Some(found.not_looked_at(&error));
                        let asked = "to which applications it answers";
                        evidence.looked_at.push(asked.to_owned());
                        (session, None)
                    }
                    Err(ended) => (session, Some(ended)),
                },
                _ => (session, Some(error)),
            }
        }
    };
    let guard = session.channel_mut().layer();
    let commands = guard.commands();
    evidence.pace = guard.pace().cloned().unwrap_or_default();
    // That the budget is spent is a finding; that the card is gone ends the command.
    let (spent, ended) = match guard.stopped() {
        Some(why) => (Some(why.to_owned()), None),
        None => (None, ended),
    };
    if let Some(why) = spent {
        let message = format!("{why}: that is more than a card should need");
        let file = "the card";
        let path = &FilePath::EMPTY;
        let problem = Problem::new(Severity::Error, code::BUDGET, file, path, message);
        let next = "`--budget 10` lets it go on to ten times as much";
        evidence.problems.push(problem.hint(next));
        let rest = "what follows in the order of reading, when the budget was spent";
        evidence.not_looked_at.push(rest.to_owned());
    }
    if let Some(error) = &ended {
        evidence
            .not_looked_at
            .push(format!("what follows in the order of reading: {error}"));
    }
    let findings = look(&evidence, options);
    Ok(Diagnosis {
        label: evidence.label,
        serial: evidence.serial,
        card_os: evidence.card_os,
        atr: evidence.atr,
        findings,
        looked_at: evidence.looked_at,
        not_looked_at: evidence.not_looked_at,
        commands,
        ended,
    })
}

/// The findings of every rule that is wanted.
fn look(evidence: &Evidence, options: &Diagnosing) -> Vec<Finding> {
    let mut findings = Vec::new();
    for &rule in rules::ALL {
        let is_named = options.rules.iter().any(|one| one.id == rule.id);
        if !options.rules.is_empty() && !is_named {
            continue;
        }
        let of_session = evidence.problems.iter();
        let of_session = of_session.filter(|problem| rules::of_code(problem.code()).id == rule.id);
        let of_rule = (rule.look)(evidence).into_iter();
        let of_rule = of_rule.map(|problem| problem.or_hint(rule.remedy));
        let all = of_session.cloned().chain(of_rule);
        findings.extend(all.map(|problem| Finding::new(rule, problem, evidence)));
    }
    findings
}
