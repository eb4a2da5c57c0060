//! `exit`: ends the shell.

use super::{Failure, Input, Shell, Verb};

pub(super) const VERB: Verb = Verb {
    name: "exit",
    takes: "",
    help: "end the shell",
    run,
};

fn run(shell: &mut Shell<'_>, _: &[String], _: &mut Input) -> Result<(), Failure> {
    shell.over = true;
    Ok(())
}
