//! Does the card take much longer for one command than for others of its kind, each time?

use std::collections::BTreeMap;
use std::time::Duration;

use kortlab_apdu::{FilePath, instruction};
use kortlab_card::{Problem, Severity};

use super::Rule;
use crate::evidence::Evidence;

/// The card takes much longer for this than for others of the kind.
const SLOW: &str = "slow";

/// How many times as long as usual.
const TIMES: u32 = 20;
/// What nobody waits for in vain.
const LEAST: Duration = Duration::from_millis(300);
/// How many different commands of a kind it takes to know what is usual.
const FEW: usize = 8;

pub(super) static RULE: Rule = Rule {
    id: "slow",
    help: "does a command take much longer than others, each time?",
    explanation: "a card that tries again and again to read a part of its memory answers late, and the \
                  memory is about to fail; programs give up waiting",
    remedy: "clean the card's contacts and try another reader; save what is on it with `kortlab dump`, \
             and have it replaced if it stays so",
    codes: &[SLOW],
    look,
    trips: &[],
};

/// The slow commands to one file.
struct Slow {
    offset: Option<usize>,
    longest: Duration,
    count: usize,
}

fn look(evidence: &Evidence) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (instruction, commands) in evidence.pace.repeated() {
        let mut times: Vec<_> = commands.iter().map(|(_, time)| *time).collect();
        times.sort_unstable();
        let Some(usual) = times.get(times.len() / 2).filter(|_| times.len() >= FEW) else {
            continue;
        };
        let limit = usual.saturating_mul(TIMES).max(LEAST);
        let mut slow: BTreeMap<Option<FilePath>, Slow> = BTreeMap::new();
        for (asked, time) in commands.iter().filter(|(_, time)| *time > limit) {
            let slow = slow.entry(asked.path()).or_insert(Slow {
                offset: asked.offset(),
                longest: *time,
                count: 0,
            });
            slow.longest = slow.longest.max(*time);
            slow.count = slow.count.saturating_add(1);
        }
        for (path, slow) in slow {
            let name = instruction::name(instruction).unwrap_or("a command");
            let message = format!(
                "{name} takes {}, at least, each time ({} in question); {} is usual on this card",
                shown(slow.longest),
                match slow.count {
                    1 => "1 command".to_owned(),
                    count => format!("{count} commands"),
                },
                shown(*usual),
            );
            let read = path.as_ref().and_then(|path| evidence.files.get(path));
            let file = read.map_or("the card", |read| read.name.as_str());
            let path = path.unwrap_or(FilePath::EMPTY);
            let problem = Problem::new(Severity::Warning, SLOW, file, &path, message);
            problems.push(match slow.offset {
                Some(offset) => problem.at(offset),
                None => problem,
            });
        }
    }
    problems
}

fn shown(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}
