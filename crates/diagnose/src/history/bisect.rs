//! Which state of a card is the first that is bad: [`bisect()`].

/// What was found of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is as it should be.
    Good,
    /// It is not.
    Bad,
    /// That cannot be said of it.
    Skip,
}

/// Where the good states end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The last state that is known to be good.
    pub good: usize,
    /// The first one that is known to be bad. Those between the two could not be judged.
    pub bad: usize,
    /// How many states were tried.
    pub tried: usize,
    /// How often good and bad have changed places between states that were tried, in their order: once,
    /// unless what is wrong has come and gone.
    pub turns: usize,
}

/// Why it cannot be said where they end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undecided {
    /// The first state is not good.
    Start(Verdict),
    /// The last state is not bad.
    End(Verdict),
    /// Asked again, a state has another verdict.
    Unsteady {
        /// The state.
        state: usize,
    },
}

/// Asked for once and remembered.
struct Asked<F> {
    verdicts: Vec<Option<Verdict>>,
    ask: F,
}

impl<E, F: FnMut(usize) -> Result<Verdict, E>> Asked<F> {
    fn of(&mut self, state: usize) -> Result<Verdict, E> {
        if let Some(Some(known)) = self.verdicts.get(state) {
            return Ok(*known);
        }
        let verdict = (self.ask)(state)?;
        if let Some(place) = self.verdicts.get_mut(state) {
            *place = Some(verdict);
        }
        Ok(verdict)
    }

    fn found(&self, good: usize, bad: usize) -> Found {
        let decided = self.verdicts.iter().flatten();
        let decided: Vec<_> = decided.filter(|one| **one != Verdict::Skip).collect();
        let turns = decided.windows(2).filter(|pair| pair[0] != pair[1]);
        Found {
            good,
            bad,
            tried: self.verdicts.iter().flatten().count(),
            turns: turns.count(),
        }
    }

    /// Asks again for the two between which the border is.
    fn confirmed(&mut self, found: Found) -> Result<Result<Found, Undecided>, E> {
        for (state, verdict) in [(found.good, Verdict::Good), (found.bad, Verdict::Bad)] {
            if (self.ask)(state)? != verdict {
                return Ok(Err(Undecided::Unsteady { state }));
            }
        }
        Ok(Ok(found))
    }
}

/// Finds two neighbours of the states 0 to `last` of which the one is good and the other bad, asking for
/// about log₂ of them. That the other is the *first* bad one is assumed: what is wrong stays so.
///
/// # Errors
/// What `ask` fails with; inside, why there is no such border.
pub fn bisect<E>(
    last: usize,
    ask: impl FnMut(usize) -> Result<Verdict, E>,
) -> Result<Result<Found, Undecided>, E> {
    let mut asked = match ends(last, ask)? {
        Ok(asked) => asked,
        Err(undecided) => return Ok(Err(undecided)),
    };
    let (mut good, mut bad) = (0_usize, last);
    loop {
        let middle = good.midpoint(bad);
        // Where it cannot be said of the middle, of the nearest that is not known to be skipped.
        let mut inside: Vec<usize> = (good.saturating_add(1)..bad).collect();
        inside.sort_by_key(|state| state.abs_diff(middle));
        let mut decided = None;
        for state in inside {
            match asked.of(state)? {
                Verdict::Skip => {}
                verdict => {
                    decided = Some((state, verdict));
                    break;
                }
            }
        }
        match decided {
            Some((state, Verdict::Bad)) => bad = state,
            Some((state, _)) => good = state,
            None => {
                let found = asked.found(good, bad);
                return asked.confirmed(found);
            }
        }
    }
}

/// Finds the first bad one of the states 0 to `last` by asking for each, so that nothing is assumed.
///
/// # Errors
/// As for [`bisect()`].
pub fn first<E>(
    last: usize,
    ask: impl FnMut(usize) -> Result<Verdict, E>,
) -> Result<Result<Found, Undecided>, E> {
    let mut asked = match ends(last, ask)? {
        Ok(asked) => asked,
        Err(undecided) => return Ok(Err(undecided)),
    };
    for state in 0..=last {
        asked.of(state)?;
    }
    let bad = |verdict: &Option<Verdict>| *verdict == Some(Verdict::Bad);
    let bad = asked.verdicts.iter().position(bad).unwrap_or(last);
    let before = asked.verdicts.get(..bad).unwrap_or_default();
    let good = |verdict: &Option<Verdict>| *verdict == Some(Verdict::Good);
    let good = before.iter().rposition(good).unwrap_or_default();
    let found = asked.found(good, bad);
    asked.confirmed(found)
}

/// Sees to it that the first state is good and the last bad.
fn ends<E, F: FnMut(usize) -> Result<Verdict, E>>(
    last: usize,
    ask: F,
) -> Result<Result<Asked<F>, Undecided>, E> {
    let mut asked = Asked {
        verdicts: vec![None; last.saturating_add(1)],
        ask,
    };
    let start = asked.of(0)?;
    if start != Verdict::Good {
        return Ok(Err(Undecided::Start(start)));
    }
    let end = asked.of(last)?;
    if end != Verdict::Bad {
        return Ok(Err(Undecided::End(end)));
    }
    Ok(Ok(asked))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn found(
        states: &[Verdict],
        search: impl FnOnce(usize, &mut dyn FnMut(usize) -> Result<Verdict, Infallible>) -> Answer,
    ) -> Result<Found, Undecided> {
        let Ok(found) = search(states.len() - 1, &mut |state| Ok(states[state]));
        found
    }

    type Answer = Result<Result<Found, Undecided>, Infallible>;

    use Verdict::{Bad, Good, Skip};

    #[test]
    fn the_border_is_found_wherever_it_is_and_few_states_are_asked_for() {
        for last in 1..70 {
            for border in 1..=last {
                let states: Vec<_> = (0..=last)
                    .map(|state| if state < border { Good } else { Bad })
                    .collect();
                let one = found(&states, |last, ask| bisect(last, ask)).expect("a border");
                assert_eq!((one.good, one.bad, one.turns), (border - 1, border, 1));
                assert!(one.tried <= 9, "{} of {last}", one.tried);
                let all = found(&states, |last, ask| first(last, ask)).expect("a border");
                assert_eq!(
                    (all.good, all.bad, all.tried),
                    (border - 1, border, last + 1)
                );
            }
        }
    }

    #[test]
    fn what_cannot_be_judged_is_passed_by_and_named_where_the_border_is_in_it() {
        let states = [Good, Skip, Good, Skip, Skip, Bad, Skip, Bad];
        let one = found(&states, |last, ask| bisect(last, ask)).expect("a border");
        assert_eq!((one.good, one.bad), (2, 5));
        let one = found(&states, |last, ask| first(last, ask)).expect("a border");
        assert_eq!((one.good, one.bad), (2, 5));
    }

    #[test]
    fn what_comes_and_goes_is_told_by_who_looks_at_every_state() {
        let states = [Good, Bad, Good, Good, Bad];
        let all = found(&states, |last, ask| first(last, ask)).expect("a border");
        assert_eq!((all.good, all.bad, all.turns), (0, 1, 3));
    }

    #[test]
    fn a_start_that_is_bad_an_end_that_is_good_and_a_verdict_that_changes_are_told() {
        let undecided = |states: &[Verdict]| found(states, |last, ask| bisect(last, ask));
        assert_eq!(undecided(&[Bad, Bad]), Err(Undecided::Start(Bad)));
        assert_eq!(undecided(&[Skip, Bad]), Err(Undecided::Start(Skip)));
        assert_eq!(undecided(&[Good, Good]), Err(Undecided::End(Good)));
        assert_eq!(undecided(&[Bad]), Err(Undecided::Start(Bad)));
        let mut times = 0;
        let Ok(unsteady) = bisect(1, |state| {
            times += 1;
            Ok::<_, Infallible>(if state == 1 && times < 3 { Bad } else { Good })
        });
        assert_eq!(unsteady, Err(Undecided::Unsteady { state: 1 }));
    }
}
