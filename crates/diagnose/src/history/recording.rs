//! A session that was played once, so that the card can be had as it was at any command, quickly:
//! [`Recording`].

use kortlab_emulator::VirtualCard;

use super::difference::Difference;
use super::walk::Walk;

/// How many cards are kept in between.
const KEPT: usize = 64;

/// A session that was played to its end. Its states are the card's at the start, number 0, and after
/// each command that has changed it.
#[derive(Clone, Debug)]
pub struct Recording<'a> {
    /// The commands that have changed the card.
    changing: Vec<usize>,
    /// The session at some states, by their number, ascending; the first is the start.
    kept: Vec<(usize, Walk<'a>)>,
    /// What has differed on the way.
    differences: Vec<Difference>,
}

impl<'a> Recording<'a> {
    /// Plays the session to its end; without `go_on`, only up to what differs from what was recorded.
    ///
    /// # Errors
    /// The first difference.
    pub fn play(walk: Walk<'a>, go_on: bool) -> Result<Self, Difference> {
        let mut recording = Self {
            changing: Vec::new(),
            kept: vec![(0, walk.clone())],
            differences: Vec::new(),
        };
        let mut now = walk;
        // Of how many states one is kept; twice as many whenever there are too many.
        let mut every = 1_usize;
        while let Some(played) = now.step() {
            for difference in played.differences {
                if !go_on {
                    return Err(difference);
                }
                recording.differences.push(difference);
            }
            if !played.changed {
                continue;
            }
            recording.changing.push(played.number);
            let state = recording.changing.len();
            if !state.is_multiple_of(every) {
                continue;
            }
            if recording.kept.len() >= KEPT {
                every = every.saturating_mul(2);
                let goes = |kept: &(usize, _)| kept.0.is_multiple_of(every);
                recording.kept.retain(goes);
            }
            if state.is_multiple_of(every) {
                recording.kept.push((state, now.clone()));
            }
        }
        Ok(recording)
    }

    /// The commands that have changed the card, by their numbers in the trace. State `n` is that after
    /// the `n`th of them.
    pub fn changing(&self) -> &[usize] {
        &self.changing
    }

    /// What has differed on the way.
    pub fn differences(&self) -> &[Difference] {
        &self.differences
    }

    /// The card in this state, what it has selected and verified included; of one that there is not,
    /// the last.
    pub fn card(&self, state: usize) -> VirtualCard {
        let after = self.kept.partition_point(|(kept, _)| *kept <= state);
        let nearest = after.checked_sub(1).and_then(|at| self.kept.get(at));
        let Some((kept, walk)) = nearest.or(self.kept.first()) else {
            unreachable!("the start is kept");
        };
        let mut walk = walk.clone();
        let command = state
            .checked_sub(1)
            .map(|index| self.changing.get(index).or(self.changing.last()));
        if let Some(Some(command)) = command
            && state > *kept
        {
            let _ = walk.to(*command, true);
        }
        walk.into_card()
    }
}
