//! `cat`: what is in a file.

use std::fmt;

use kortlab_diagnose::dump::Content;

use super::{Failure, Input, Shell, Verb};
use crate::commands::apdu::write_rows;
use crate::output::{BOLD, WARNING};

pub(super) const VERB: Verb = Verb {
    name: "cat",
    takes: "FILE",
    help: "show what is in a file, as bytes",
    run,
};

fn run(shell: &mut Shell<'_>, words: &[String], _: &mut Input) -> Result<(), Failure> {
    let [name] = words else {
        return Err(VERB.usage());
    };
    let found = shell.look_at(name)?;
    shell.context.output.text(&Shown(&found.content))?;
    super::whole(&found)
}

/// The content of a file.
struct Shown<'a>(&'a Content);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Content::Bytes(bytes, _) => write_rows(f, bytes),
            Content::Records(records, _) => {
                for (index, record) in records.iter().enumerate() {
                    writeln!(f, "{BOLD}record {}{BOLD:#}", index + 1)?;
                    write_rows(f, record)?;
                }
                Ok(())
            }
            Content::Directory => writeln!(f, "{WARNING}a directory{WARNING:#}; `ls` lists it"),
            Content::Internal => writeln!(f, "for the card alone, as a key is"),
            Content::Unknown => writeln!(f, "it cannot be selected"),
        }
    }
}
