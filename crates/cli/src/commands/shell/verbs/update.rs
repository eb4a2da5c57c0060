//! `update`: bytes of a file are changed, after a question.

use std::fmt::Write as _;

use kortlab_apdu::{ByteCount, instruction};
use kortlab_card::files::Files;
use kortlab_diagnose::dump::Content;

use super::{Failure, Input, Shell, Verb};
use crate::hexadecimal;
use crate::output::{SpacedHex, warn};

pub(super) const VERB: Verb = Verb {
    name: "update",
    takes: "FILE OFFSET HEX",
    help: "change the bytes of a file from an offset on; asks first, unless --yes is given",
    run,
};

/// How many bytes of the old and the new are shown.
const SHOWN: usize = 64;

fn run(shell: &mut Shell<'_>, words: &[String], input: &mut Input) -> Result<(), Failure> {
    let [name, offset, bytes @ ..] = words else {
        return Err(VERB.usage());
    };
    let offset: usize = offset
        .parse()
        .map_err(|_| Failure::usage("the offset is no number").hint("it counts bytes from 0"))?;
    let new = hexadecimal::parse(&bytes.join(" "))?;
    if new.is_empty() {
        return Err(VERB.usage());
    }
    let found = shell.look_at(name)?;
    let file = found.name();
    let old = match &found.content {
        Content::Bytes(old, _) => old.get(offset..).unwrap_or_default(),
        _ => {
            return Err(Failure::failed(format!("{file} is no file of bytes"))
                .of_kind("unsupported")
                .hint("records are written with commands in hexadecimal (UPDATE RECORD, DC)"));
        }
    };
    let old = old.get(..new.len()).unwrap_or(old);
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{file}, {} from byte {offset} on",
        ByteCount(new.len())
    );
    let _ = writeln!(text, "  old  {}", start(old));
    let _ = writeln!(text, "  new  {}", start(&new));
    shell.context.output.text(&text.trim_end())?;
    if !shell.yes && !input.ask("Write them?")? {
        return shell.context.output.text(&"nothing was written");
    }
    let place = super::super::place::Here::of(&found);
    let mut channel = shell.context.open_channel()?;
    shell.survey = None;
    let written = place
        .select(&mut channel)
        .and_then(|()| Files::new(&mut channel).update_selected(&file, offset, &new));
    let read = written.and_then(|warnings| {
        place.select(&mut channel)?;
        let read = Files::new(&mut channel).read_part_selected(&file, offset, new.len());
        Ok((warnings, read?))
    });
    drop(channel);
    shell.return_here();
    let (warnings, read) = read?;
    for warning in warnings {
        let meaning = warning.meaning_after(instruction::UPDATE_BINARY);
        warn(format_args!(
            "the card warned when {file} was written: {warning} ({meaning})"
        ));
    }
    if read != new {
        return Err(Failure::failed(format!(
            "{file} does not have afterwards what was written to it"
        )));
    }
    shell.context.output.text(&"written, and read back")
}

fn start(bytes: &[u8]) -> String {
    match bytes.get(..SHOWN) {
        Some(start) if bytes.len() > SHOWN => format!("{} …", SpacedHex(start)),
        _ => SpacedHex(bytes).to_string(),
    }
}
