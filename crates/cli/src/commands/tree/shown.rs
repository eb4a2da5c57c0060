//! The files of a card, as text and as a JSON document.

use std::fmt;

use kortlab_apdu::ByteCount;
use kortlab_apdu::StatusWord;
use kortlab_diagnose::dump::{Content, Object, Surveyed};
use kortlab_diagnose::{Ended, Survey};
use kortlab_emulator::image::NotRead;
use kortlab_explain::access::Access;
use serde::Serialize;

use crate::output::{BOLD, DIM, Hex, SpacedHex, WARNING, printable, words_within};

/// How much of what is left out is shown in text.
const SHOWN: usize = 10;

/// The columns that text is folded to; beside the tree it is a page.
const COLUMNS: usize = 80;

/// The JSON document.
#[derive(Serialize)]
pub struct Report {
    files: Vec<File>,
    commands: u64,
    /// Whether everything was looked at that the card names.
    complete: bool,
    /// Why it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<String>,
    /// What makes no sense of what the card answers, and what was more than is kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_read: Vec<LeftOut>,
    /// Whether more would be read within a larger budget.
    #[serde(skip)]
    by_budget: bool,
}

#[derive(Serialize)]
struct LeftOut {
    what: String,
    kind: String,
    why: String,
}

#[derive(Serialize)]
struct File {
    path: String,
    depth: usize,
    /// What it is to the PKCS#15 application.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'static str>,
    kind: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aids: Vec<String>,
    /// The size that the card gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<usize>,
    /// How many bytes could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    short_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    life_cycle: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    named_by: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    access: Vec<Access>,
    /// What the card refuses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<Refused>,
    /// What is wrong with the card's description of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<String>,
    /// What an application says of itself where that is no description of a file.
    #[serde(skip)]
    own_answer: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    objects: Vec<DataObject>,
}

#[derive(Serialize)]
struct Refused {
    /// `select`, or `read`.
    operation: &'static str,
    /// The byte, or the number of the record, from which on.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<usize>,
    status_word: String,
    meaning: String,
}

#[derive(Serialize)]
struct DataObject {
    tag: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_word: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<String>,
}

/// What a file is called where it has a name.
pub fn name_of(file: &Surveyed) -> Option<&'static str> {
    let is_master_file = file.application.is_none() && file.below.is_empty();
    match file.kind {
        Some(kind) => Some(kind.name()),
        None if is_master_file => Some("MF"),
        None => None,
    }
}

impl Report {
    /// What was found.
    pub fn new(found: &Survey) -> Self {
        Self::of(found, found.files.iter())
    }

    /// These of the files that were found.
    pub fn of<'a>(found: &Survey, files: impl IntoIterator<Item = &'a Surveyed>) -> Self {
        Self {
            files: files.into_iter().map(File::new).collect(),
            commands: found.commands,
            complete: found.complete,
            ended: found.ended.as_ref().map(ToString::to_string),
            not_read: found.left_out().map(LeftOut::new).collect(),
            by_budget: match &found.ended {
                Some(ended) => matches!(ended, Ended::Budget(_)),
                None => found.cut_short,
            },
        }
    }
}

impl LeftOut {
    fn new(note: &NotRead) -> Self {
        Self {
            what: note.what.clone(),
            kind: note.kind.clone(),
            why: note.why.clone(),
        }
    }
}

impl File {
    fn new(file: &Surveyed) -> Self {
        let fcp = file.info.fcp.as_ref();
        let (read, records, ended) = match &file.content {
            Content::Bytes(bytes, ended) => (Some(bytes.len()), None, *ended),
            Content::Records(records, ended) => {
                let bytes = records.iter().map(Vec::len).sum();
                (Some(bytes), Some(records.len()), *ended)
            }
            Content::Directory | Content::Internal | Content::Unknown => (None, None, None),
        };
        let from = match records {
            Some(count) => Some(count + 1),
            None => read,
        };
        let select = file
            .refused
            .map(|status| Refused::new("select", None, status));
        let reading = ended.map(|status| Refused::new("read", from, status));
        // PIV describes itself so, and not as a file.
        let own_answer = match fcp {
            None if !file.aids.is_empty()
                && file.info.raw.first() == Some(&APPLICATION_TEMPLATE) =>
            {
                Some(&*file.info.raw)
            }
            _ => None,
        };
        Self {
            path: file.name(),
            depth: file.depth(),
            name: name_of(file),
            kind: file.kind_in_words(),
            aids: file.aids.iter().map(|aid| Hex(aid).to_string()).collect(),
            size: file.info.size(),
            read,
            records,
            short_id: file.short_id().map(|id| format!("{id:02X}")),
            life_cycle: fcp
                .and_then(|fcp| fcp.life_cycle())
                .map(|state| state.to_string()),
            named_by: file.named_by.clone(),
            access: file.access.clone(),
            refused: select.into_iter().chain(reading).collect(),
            findings: match own_answer {
                Some(_) => Vec::new(),
                None => file.info.findings.iter().map(ToString::to_string).collect(),
            },
            own_answer: own_answer.map(|answer| SpacedHex(answer).to_string()),
            objects: file.objects.iter().map(DataObject::new).collect(),
        }
    }
}

impl Refused {
    fn new(operation: &'static str, from: Option<usize>, status: StatusWord) -> Self {
        Self {
            operation,
            from,
            status_word: status.to_string(),
            meaning: status.meaning(),
        }
    }
}

impl DataObject {
    fn new(object: &Object) -> Self {
        let refused = object.value.as_ref().err();
        Self {
            tag: Hex(&object.tag).to_string(),
            length: object.value.as_ref().ok().map(Vec::len),
            status_word: refused.map(ToString::to_string),
            meaning: refused.map(|status| status.meaning()),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.files {
            file.fmt(f)?;
        }
        let (files, commands) = (counted(self.files.len(), "file"), self.commands);
        writeln!(f, "{DIM}{files}, found with {commands} commands{DIM:#}")?;
        let all = self.files.iter().flat_map(|file| &file.access);
        if all.clone().any(|access| !access.rules.is_empty()) {
            writeln!(f, "{DIM}what no rule of a file names is not allowed{DIM:#}")?;
        }
        for left_out in self.not_read.iter().take(SHOWN) {
            let LeftOut { what, kind, why } = left_out;
            let text = format!("{what}: {why} [{kind}]");
            for line in words_within(&printable(&text), COLUMNS) {
                writeln!(f, "{line}")?;
            }
        }
        if let Some(more) = self.not_read.len().checked_sub(SHOWN + 1) {
            writeln!(f, "{DIM}and {} more; --json has all{DIM:#}", more + 1)?;
        }
        let why = match (&self.ended, self.complete) {
            (Some(ended), _) => printable(ended).into_owned(),
            (None, false) if self.by_budget => {
                "the card's directories are more than a card can hold".to_owned()
            }
            (None, false) => "the card holds more than is said above, or its answers make no \
                              sense"
                .to_owned(),
            (None, true) => return Ok(()),
        };
        let text = match self.by_budget {
            true => format!("not complete: {why}; --budget 10 lets it go on to ten times as much"),
            false => format!("not complete: {why}"),
        };
        for line in words_within(&text, COLUMNS) {
            writeln!(f, "{WARNING}{line}{WARNING:#}")?;
        }
        Ok(())
    }
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let indent = 2 * self.depth.min(10);
        let last = self.path.rsplit('/').next().unwrap_or(&self.path);
        let called = self.name.map(|name| format!(" {name}"));
        write!(
            f,
            "{:indent$}{BOLD}{}{BOLD:#}{}",
            "",
            printable(last),
            called.unwrap_or_default()
        )?;
        let beside = indent + last.len() + self.name.map_or(0, |name| name.len() + 1) + 2;
        // What it is, beside its name where there is room; the rest below it.
        let mut lines = words_within(&self.in_words(), COLUMNS.saturating_sub(beside).max(30));
        let first = lines.remove(0);
        writeln!(f, "  {first}")?;
        let below = indent + 4;
        for line in lines {
            writeln!(f, "{:below$}{line}", "")?;
        }
        let mut more = Vec::new();
        more.extend(self.aids.iter().map(|aid| format!("AID {aid}")));
        more.extend(self.named_by.iter().map(|by| format!("named by {by}")));
        for refused in &self.refused {
            let what = match (refused.operation, self.records, refused.from) {
                ("read", Some(_), Some(from)) => format!("cannot be read from record {from} on"),
                ("read", None, Some(from)) => format!("cannot be read from byte {from} on"),
                _ => "cannot be selected".to_owned(),
            };
            more.push(format!(
                "{what}: {}, {}",
                refused.status_word, refused.meaning
            ));
        }
        for access in &self.access {
            more.extend(access.rules.iter().map(ToString::to_string));
            if access.rules.is_empty() && access.unread.is_none() {
                let (coding, raw) = (access.coding, &access.raw);
                more.push(format!(
                    "access rules ({coding}) {raw}: they name no operation"
                ));
            }
            if let Some(unread) = &access.unread {
                let (coding, raw) = (access.coding, &access.raw);
                more.push(format!("access rules ({coding}) {raw}: {unread}"));
            }
        }
        let own = self.own_answer.iter();
        more.extend(own.map(|answer| format!("answers with an application template: {answer}")));
        let findings = self.findings.iter();
        more.extend(findings.map(|finding| format!("its description: {finding}")));
        more.extend(self.objects.iter().map(DataObject::in_words));
        for text in more {
            let columns = COLUMNS.saturating_sub(below + 2).max(30);
            for (index, line) in words_within(&printable(&text), columns).iter().enumerate() {
                let indent = below + if index > 0 { 2 } else { 0 };
                writeln!(f, "{:indent$}{DIM}{line}{DIM:#}", "")?;
            }
        }
        Ok(())
    }
}

/// The tag of an application template (ISO/IEC 7816-4 §8.2.1.1; NIST SP 800-73-4, part 2, table 3).
const APPLICATION_TEMPLATE: u8 = 0x61;

/// `1 file`, `2 files`.
fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}

impl File {
    /// What it is: its kind, size, identifier, state.
    fn in_words(&self) -> String {
        let mut parts = vec![self.kind.clone()];
        match (self.size, self.read) {
            (Some(size), Some(read)) if size != read => {
                parts.push(format!("{}, of which {read} were read", ByteCount(size)));
            }
            (Some(size), _) | (None, Some(size)) => parts.push(ByteCount(size).to_string()),
            (None, None) => {}
        }
        parts.extend(self.records.map(|count| format!("{count} records")));
        parts.extend(self.short_id.iter().map(|id| format!("short {id}")));
        parts.extend(self.life_cycle.clone());
        parts.join(", ")
    }
}

impl DataObject {
    fn in_words(&self) -> String {
        let tag = &self.tag;
        match (self.length, &self.status_word, &self.meaning) {
            (Some(length), ..) => format!("data object {tag}: {}", ByteCount(length)),
            (None, Some(status), Some(meaning)) => {
                format!("data object {tag}: {status}, {meaning}")
            }
            _ => format!("data object {tag}"),
        }
    }
}
