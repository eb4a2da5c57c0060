//! `find`: where on the card some bytes, or a text, are.

use std::fmt::Write as _;

use kortlab_diagnose::dump::{Content, Surveyed};

use super::{Failure, Input, Shell, Verb};
use crate::hexadecimal;

pub(super) const VERB: Verb = Verb {
    name: "find",
    takes: "HEX|'TEXT'",
    help: "say which files have these bytes or this text in them, and where; or are so called",
    run,
};

/// How many places of one file are shown.
const SHOWN: usize = 5;

fn run(shell: &mut Shell<'_>, words: &[String], _: &mut Input) -> Result<(), Failure> {
    let wanted = words.join(" ");
    if wanted.is_empty() {
        return Err(VERB.usage());
    }
    let needles = needles(&wanted);
    let survey = shell.survey()?;
    let mut text = String::new();
    for file in &survey.files {
        let is_called = file.fid().map(|fid| fid.bytes().to_vec());
        if is_called.is_some_and(|fid| needles.contains(&fid)) {
            let _ = writeln!(text, "{}: the file is called so", file.name());
        }
        let places = places(file, &needles);
        for place in places.iter().take(SHOWN) {
            let _ = writeln!(text, "{}: {place}", file.name());
        }
        if places.len() > SHOWN {
            let _ = writeln!(text, "{}: {} more", file.name(), places.len() - SHOWN);
        }
    }
    if text.is_empty() {
        return Err(Failure::failed("nothing that could be read has it").of_kind("not-found"));
    }
    shell.context.output.text(&text.trim_end())
}

/// What is looked for: the bytes of hexadecimal, and its digits as text; a text in UTF-8 and in UTF-16.
fn needles(wanted: &str) -> Vec<Vec<u8>> {
    if let Some(bytes) = hexadecimal::parse(wanted)
        .ok()
        .filter(|bytes| !bytes.is_empty())
    {
        return vec![bytes, wanted.as_bytes().to_vec()];
    }
    let big = wanted.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let little = wanted.encode_utf16().flat_map(u16::to_le_bytes).collect();
    vec![wanted.as_bytes().to_vec(), big, little]
}

fn places(file: &Surveyed, needles: &[Vec<u8>]) -> Vec<String> {
    let within = |bytes: &[u8]| -> Vec<usize> {
        let mut offsets: Vec<usize> = needles
            .iter()
            .flat_map(|needle| {
                let windows = bytes.windows(needle.len()).enumerate();
                windows.filter(move |(_, window)| *window == needle.as_slice())
            })
            .map(|(offset, _)| offset)
            .collect();
        offsets.sort_unstable();
        offsets.dedup();
        offsets
    };
    match &file.content {
        Content::Bytes(bytes, _) => within(bytes)
            .into_iter()
            .map(|offset| format!("byte {offset} ({offset:04X})"))
            .collect(),
        Content::Records(records, _) => records
            .iter()
            .enumerate()
            .flat_map(|(index, record)| {
                let offsets = within(record).into_iter();
                offsets.map(move |offset| format!("record {}, byte {offset}", index + 1))
            })
            .collect(),
        Content::Directory | Content::Internal | Content::Unknown => Vec::new(),
    }
}
