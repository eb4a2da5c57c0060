//! `help`: the verbs.

use super::{ALL, COMMANDS, Failure, Input, Shell, Verb};
use crate::output::{Table, words_within};

pub(super) const VERB: Verb = Verb {
    name: "help",
    takes: "",
    help: "name the verbs",
    run,
};

fn run(shell: &mut Shell<'_>, _: &[String], _: &mut Input) -> Result<(), Failure> {
    let mut table = Table::plain();
    for verb in ALL {
        let name = format!("{} {}", verb.name, verb.takes);
        table.row([name.trim_end().into(), verb.help.into()]);
    }
    let more = format!(
        "Commands of kortlab, each with its --help: {}. A command for the card is hexadecimal, as \
         00A4000C023F00, with =9000 behind it where that is expected; # begins a comment.",
        COMMANDS.join(", ")
    );
    let more = words_within(&more, 80).join("\n");
    shell
        .context
        .output
        .text(&format!("{}\n{more}", table.within(Some(80))))
}
