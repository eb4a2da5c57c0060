//! `kortlab dump`: a card into a card image.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use kortlab_apdu::ByteCount;
use kortlab_diagnose::dump::{Kind, Search, is_absent};
use kortlab_diagnose::{Dump, Ended, Options, dump};
use kortlab_emulator::Image;
use kortlab_emulator::image::{FileContent, FileImage, NotRead, ObjectOfDf};
use kortlab_terminal::new_file::write_image;
use serde::Serialize;

use super::Context;
use super::card::new::check_place;
use super::progress::Shown;
use crate::failure::{Exit, Failure};
use crate::output::{BOLD, DIM, Table, WARNING, printable};

/// Read everything readable of a card into a card image, which `emulate` and `run` play
///
/// Works on any card, PKCS#15 or not: the files that its directories name, what is usually on such
/// cards, the applications that answer to their AIDs, the data objects of PIV and OpenPGP, and
/// those by which programs know other cards. It tries no PIN and writes nothing. What cannot be read
/// is in the image with the card's status word, and the copy answers it again. Private keys and the
/// values of PINs never leave a card: the copy refuses what needs them.
///
/// How much is read has a limit (--budget); what was read until there, or until the card was pulled
/// out, is written. Exits 6 if that is not all there is, or if the card has answered nonsense.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab -c card.json dump -o copy.json
  kortlab dump -o copy.json --force
  kortlab -c card.json dump -o copy.json --force --brute-force=aids,objects
  kortlab -c card.json --budget 20 dump -o copy.json --force --brute-force")]
pub struct Arguments {
    /// Where to write the image; the name must end in .json
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// Look for what nothing on the card names, by trying: files (65532 identifiers in each
    /// directory), objects (2752 tags of GET DATA), aids (256 beginnings); all, if none is named
    #[arg(
        long,
        value_name = "WHAT",
        num_args = 0..=1,
        require_equals = true,
        value_delimiter = ',',
        default_missing_value = "aids,objects,files",
        value_parser = search_parser()
    )]
    brute_force: Vec<Search>,

    /// Overwrite a file that is there
    #[arg(long)]
    force: bool,
}

/// Reads the name of a [`Search`].
pub fn search_parser() -> impl TypedValueParser<Value = Search> {
    PossibleValuesParser::new(Search::ALL.map(Search::name)).try_map(|name| name.parse::<Search>())
}

/// Reads the card and writes the image.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let path = &arguments.output;
    check_place(path, arguments.force)?;
    let options = Options {
        budget: context.budget,
        search: arguments.brute_force,
        ..Options::default()
    };
    let channel = context.open_channel()?;
    let mut shown = Shown::new();
    let read = dump(channel, &options, Box::new(|progress| shown.tell(progress)));
    shown.end();
    let read = read?;
    write_image(path, &read.image, arguments.force)?;
    let report = Report::new(path, &read);
    if let Some(Ended::Gone(error)) = read.ended {
        let failure = Failure::from(error);
        let message = format!(
            "{}; what was read is in {}",
            failure.message(),
            path.display()
        );
        let failure = failure.saying(message);
        context.output.report_failed(&report, &failure)?;
        return Err(failure);
    }
    let exit = match report.complete && !report.has(Kind::Nonsense) {
        true => Exit::Done,
        false => Exit::Findings,
    };
    context.output.report(&report)?;
    Ok(exit)
}

/// The JSON document.
#[derive(Serialize)]
struct Report {
    /// Where the image was written.
    image: PathBuf,
    model: String,
    files: usize,
    /// How many bytes are in them.
    bytes: usize,
    commands: u64,
    /// Whether reading came to its end.
    complete: bool,
    /// Why it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<String>,
    /// Whether the card was gone, so that no budget helps.
    #[serde(skip)]
    is_gone: bool,
    /// How many keys the card has, as far as their files were found.
    key_files: usize,
    pins: usize,
    data_objects: usize,
    /// What of the card is not in the image, or not as it is on the card.
    not_read: Vec<Entry>,
}

/// Something that is not in the image.
#[derive(Serialize)]
struct Entry {
    what: String,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_word: Option<String>,
    why: String,
}

impl Report {
    fn new(path: &Path, read: &Dump) -> Self {
        let image = &read.image;
        let provenance = image.provenance.as_deref();
        let not_read = provenance.map_or(&[][..], |provenance| &provenance.not_read);
        Self {
            image: path.to_path_buf(),
            model: image.model.0.to_string(),
            files: read.files,
            bytes: read.bytes,
            commands: provenance.map_or(0, |provenance| provenance.commands),
            complete: provenance.is_some_and(|provenance| provenance.complete),
            ended: provenance.and_then(|provenance| provenance.ended.clone()),
            is_gone: matches!(read.ended, Some(Ended::Gone(_))),
            key_files: count(image, &|file| matches!(file.content, FileContent::Key(_))),
            pins: image.pins.len(),
            data_objects: image.data_objects.len() + of_dfs(&image.master_file),
            not_read: not_read.iter().map(Entry::from).collect(),
        }
    }

    fn has(&self, kind: Kind) -> bool {
        self.not_read.iter().any(|entry| entry.kind == kind.name())
    }
}

impl From<&NotRead> for Entry {
    fn from(note: &NotRead) -> Self {
        Self {
            what: note.what.clone(),
            kind: note.kind.clone(),
            status_word: note.status.map(|refusal| refusal.status().to_string()),
            why: note.why.clone(),
        }
    }
}

/// How many files of the image are such.
fn count(image: &Image, is: &dyn Fn(&FileImage) -> bool) -> usize {
    fn walk(file: &FileImage, is: &dyn Fn(&FileImage) -> bool) -> usize {
        let inside: usize = file.files().iter().map(|file| walk(file, is)).sum();
        usize::from(is(file)) + inside
    }
    walk(&image.master_file, is)
}

/// How many data objects the DFs have.
fn of_dfs(file: &FileImage) -> usize {
    let own = file.as_df().map_or(&[][..], |df| &df.objects);
    let own = own.iter().filter(|object| is_there(object)).count();
    own + file.files().iter().map(of_dfs).sum::<usize>()
}

/// Whether the card has this object: it is given, or refused otherwise than one that is not there.
fn is_there(object: &ObjectOfDf) -> bool {
    let refusal = object.status.map(|refusal| refusal.status());
    !refusal.is_some_and(is_absent)
}

/// How many entries of one kind are shown one by one in text.
const SHOWN: usize = 10;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let image = self.image.display().to_string();
        writeln!(f, "{BOLD}{}{BOLD:#}", printable(&image))?;
        let mut table = Table::plain().indented(2);
        let files = format!("{}, with {}", self.files, ByteCount(self.bytes));
        table.row(["Files".into(), files.into()]);
        if self.data_objects > 0 {
            table.row(["Data objects".into(), self.data_objects.to_string().into()]);
        }
        table.row([
            "PINs".into(),
            without(self.pins, "without their values").into(),
        ]);
        let keys = without(self.key_files, "without the keys");
        table.row(["Key files".into(), keys.into()]);
        table.row(["Commands".into(), self.commands.to_string().into()]);
        table.fmt(f)?;
        if !self.not_read.is_empty() {
            writeln!(f, "\n{BOLD}Not in the image, or not as on the card{BOLD:#}")?;
        }
        let mut seen = BTreeMap::<&str, usize>::new();
        for entry in &self.not_read {
            let seen = seen.entry(&entry.kind).or_default();
            *seen += 1;
            if *seen <= SHOWN {
                entry.fmt(f)?;
            }
        }
        for (kind, seen) in seen.into_iter().filter(|(_, seen)| *seen > SHOWN) {
            let more = seen - SHOWN;
            writeln!(
                f,
                "{DIM}and {more} more of this kind [{kind}]; the image has all{DIM:#}"
            )?;
        }
        match &self.ended {
            Some(ended) if self.is_gone => writeln!(
                f,
                "\n{WARNING}not complete{WARNING:#}: {}",
                printable(ended)
            ),
            Some(ended) => writeln!(
                f,
                "\n{WARNING}not complete{WARNING:#}: {}; --budget 10 lets it go on to ten times as \
                 much",
                printable(ended)
            ),
            None if !self.complete && self.has(Kind::Nonsense) => writeln!(
                f,
                "\n{WARNING}not complete{WARNING:#}: the card's answers make no sense, or there is none"
            ),
            None if !self.complete => writeln!(
                f,
                "\n{WARNING}not complete{WARNING:#}: the card's directories are more than a card \
                 can hold; --budget 10 lets reading go on to ten times as much"
            ),
            None => Ok(()),
        }
    }
}

/// `2, without their values`; `none`.
fn without(count: usize, what: &str) -> String {
    match count {
        0 => "none".to_owned(),
        count => format!("{count}, {what}"),
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", printable(&self.what))?;
        if let Some(status) = &self.status_word {
            write!(f, "{status}, ")?;
        }
        writeln!(f, "{} [{}]", printable(&self.why), self.kind)
    }
}
