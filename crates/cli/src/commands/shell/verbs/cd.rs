//! `cd`: goes to another directory.

use super::{Failure, Input, Shell, Verb};
use crate::commands::shell::place::Here;

pub(super) const VERB: Verb = Verb {
    name: "cd",
    takes: "[DIRECTORY]",
    help: "go to a directory: 5015, .., /, AID:A000…; without one, to 3F00",
    run,
};

fn run(shell: &mut Shell<'_>, words: &[String], _: &mut Input) -> Result<(), Failure> {
    let there = match words {
        [] => Here::default(),
        [name] => shell.here.named(name, shell.survey.as_ref())?,
        _ => return Err(VERB.usage()),
    };
    there.select(shell.context.open_channel()?)?;
    shell.here = there;
    Ok(())
}
