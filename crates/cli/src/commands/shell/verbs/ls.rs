//! `ls`: the files of a directory.

use kortlab_apdu::ByteCount;
use kortlab_diagnose::dump::Content;

use super::{Failure, Input, Shell, Verb};
use crate::commands::shell::place::Here;
use crate::commands::tree::{Report, name_of};
use crate::failure::Exit;
use crate::output::Table;

pub(super) const VERB: Verb = Verb {
    name: "ls",
    takes: "[-l] [FILE]",
    help: "list the files here, or there; -l with who may do what",
    run,
};

fn run(shell: &mut Shell<'_>, words: &[String], _: &mut Input) -> Result<(), Failure> {
    let (long, name) = match words {
        [] => (false, None),
        [option] if option == "-l" => (true, None),
        [option, name] if option == "-l" => (true, Some(name)),
        [name] => (false, Some(name)),
        _ => return Err(VERB.usage()),
    };
    shell.survey()?;
    let place = match name {
        Some(name) => shell.here.named(name, shell.survey.as_ref())?,
        None => shell.here.clone(),
    };
    let survey = shell.survey()?;
    let itself = survey.files.iter().find(|file| Here::of(file) == place);
    let Some(itself) = itself else {
        if let Some(note) = survey.left_out().next() {
            let message =
                format!("{place} was not found on the card, whose answers make no sense: ");
            return Err(Failure::new(Exit::Refused, message + &note.why).of_kind("nonsense"));
        }
        return Err(
            Failure::failed(format!("{place} was not found on the card"))
                .of_kind("not-found")
                .hint("`tree` shows what was; `cd` goes to what is found by trying"),
        );
    };
    let files = survey.files.iter();
    let inside: Vec<_> = match itself.content {
        Content::Directory => files.filter(|file| place.holds(file)).collect(),
        _ => vec![itself],
    };
    if long {
        let report = Report::of(survey, inside);
        return shell.context.output.text(&report);
    }
    let mut table = Table::plain();
    for file in inside {
        let fid = file.fid().map(|fid| fid.to_string()).unwrap_or_default();
        let size = file.info.size().map(|size| ByteCount(size).to_string());
        table.row([
            fid.into(),
            name_of(file).unwrap_or_default().into(),
            file.kind_in_words().into(),
            size.unwrap_or_default().into(),
        ]);
    }
    shell.context.output.text(&table)
}
