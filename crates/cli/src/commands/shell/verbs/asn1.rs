//! `asn1`: what is in a file, decoded.

use kortlab_diagnose::dump::Content;
use kortlab_explain::kind::Kind;

use super::{Failure, Input, Shell, Verb};
use crate::commands::explain::Explained;
use crate::commands::shell::place::Here;
use crate::output::{BOLD, note};

pub(super) const VERB: Verb = Verb {
    name: "asn1",
    takes: "FILE",
    help: "decode what is in a file: TLV, PKCS#15, certificates",
    run,
};

fn run(shell: &mut Shell<'_>, words: &[String], _: &mut Input) -> Result<(), Failure> {
    let [name] = words else {
        return Err(VERB.usage());
    };
    let found = shell.look_at(name)?;
    let place = Here::of(&found);
    // What it is to the PKCS#15 application, its directories say.
    let survey = shell.survey()?;
    let known = survey.files.iter().find(|file| Here::of(file) == place);
    let known = known.and_then(|file| file.kind).map(Kind::Pkcs15);
    let explained = |bytes: &[u8]| {
        let kind = known.unwrap_or_else(|| Kind::guess(bytes));
        Explained(kind.explain(bytes))
    };
    match &found.content {
        Content::Bytes(bytes, _) => shell.context.output.text(&explained(bytes))?,
        Content::Records(records, _) => {
            for (index, record) in records.iter().enumerate() {
                let text = format!("{BOLD}record {}{BOLD:#}\n{}", index + 1, explained(record));
                shell.context.output.text(&text)?;
            }
        }
        Content::Directory | Content::Internal | Content::Unknown => {
            note(format_args!("{place} has no content that can be read"));
        }
    }
    super::whole(&found)
}
