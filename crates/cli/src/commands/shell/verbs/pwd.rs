//! `pwd`: where the shell is.

use super::{Failure, Input, Shell, Verb};

pub(super) const VERB: Verb = Verb {
    name: "pwd",
    takes: "",
    help: "say in which directory the shell is",
    run,
};

fn run(shell: &mut Shell<'_>, words: &[String], _: &mut Input) -> Result<(), Failure> {
    if !words.is_empty() {
        return Err(VERB.usage());
    }
    let here = shell.here.to_string();
    shell.context.output.text(&here)
}
