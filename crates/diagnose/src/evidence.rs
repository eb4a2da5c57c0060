//! What was read of a card, for the rules to look at: [`Evidence`].

use std::collections::BTreeMap;
use std::time::SystemTime;

use bytes::Bytes;
use kortlab_apdu::fcp::FileKind;
use kortlab_apdu::{Channel, Command, FilePath, StatusWord, instruction};
use kortlab_card::contents::DirectoryFile;
use kortlab_card::dialect::{Dialect as _, Eid};
use kortlab_card::files::{FileInfo, Remark};
use kortlab_card::{
    Against, Card, CardError, Checked, Contents, ErrorKind, Key, ObjectRef, PinPurpose, PinState,
    Problem, Severity, Slot, UnlistedPin, WhyUnknown,
};
use kortlab_explain::card::serial;

use crate::pace::Pace;

/// What a file of a finding is called where it is about the answer to SELECT.
pub(crate) const ANSWER: &str = "answer to SELECT";

/// What was read of a card.
#[derive(Debug, Default)]
pub struct Evidence {
    /// The answer to reset.
    pub(crate) atr: Vec<u8>,
    /// What the card is called, and its number.
    pub(crate) label: Option<String>,
    pub(crate) serial: Option<String>,
    /// The card OS.
    pub(crate) card_os: Option<&'static str>,
    /// Why there is no PKCS#15 application.
    pub(crate) not_pkcs15: Option<Problem>,
    /// The certificates, each with what the card session found wrong with it.
    pub(crate) checked: Option<Checked>,
    /// Whether every certificate that the card lists is known.
    pub(crate) all_certificates: bool,
    /// What the card session found wrong while it read.
    pub(crate) problems: Vec<Problem>,
    /// The PINs, asked twice.
    pub(crate) pins: Vec<PinAsked>,
    /// Those that the card has and does not list.
    pub(crate) unlisted_pins: Vec<UnlistedPin>,
    /// The private keys.
    pub(crate) keys: Vec<KeyRead>,
    /// The files that say what is on the card, as they were read first.
    pub(crate) sources: BTreeMap<FilePath, Bytes>,
    /// The files, read twice.
    pub(crate) files: BTreeMap<FilePath, FileRead>,
    /// What EF(UnusedSpace) says is free.
    pub(crate) free: Vec<Free>,
    /// Where something is that is in use.
    pub(crate) used: Vec<Used>,
    /// How long the card took for its answers.
    pub(crate) pace: Pace,
    /// What was looked at, and what was not, in words.
    pub(crate) looked_at: Vec<String>,
    pub(crate) not_looked_at: Vec<String>,
}

/// A PIN, and its state as the card told it twice.
#[derive(Debug)]
pub(crate) struct PinAsked {
    pub directory: FilePath,
    pub object: ObjectRef,
    pub purpose: PinPurpose,
    pub first: PinState,
    pub second: Option<PinState>,
}

/// A private key, and what its file tells.
#[derive(Debug)]
pub(crate) struct KeyRead {
    pub key: Key,
    /// The PrKDF that lists it, and where.
    pub directory: FilePath,
    pub object: ObjectRef,
    /// The key in the file, where the card tells it.
    pub told: Told,
}

/// What a card tells of the key in a key file.
#[derive(Debug)]
pub(crate) enum Told {
    /// Nothing, or nothing that is understood.
    Nothing,
    /// There is none, though the file is there.
    NoKey,
    /// The modulus of its public key.
    Modulus(Vec<u8>),
}

/// A file, read twice.
#[derive(Debug)]
pub(crate) struct FileRead {
    pub name: String,
    pub path: FilePath,
    /// What the card said of it the second time.
    pub info: FileInfo,
    /// Whether it was read by records.
    pub by_records: bool,
    /// Its bytes at the first time, if they were kept.
    pub before: Option<Bytes>,
    /// Its bytes at the second time, or why there are none.
    pub again: Result<Vec<u8>, String>,
    /// Whether the card ended it both times with the same answer to the same command.
    pub ends_alike: bool,
}

/// Bytes of a file.
#[derive(Debug)]
pub(crate) struct Part {
    pub path: FilePath,
    pub from: usize,
    pub length: usize,
}

/// Bytes of a file that are said to be free.
#[derive(Debug)]
pub(crate) struct Free {
    pub listed_in: FilePath,
    pub object: ObjectRef,
    pub part: Part,
    /// The size of the file; `None` if it is not there.
    pub size: Option<usize>,
}

/// Bytes of a file in which something is.
#[derive(Debug)]
pub(crate) struct Used {
    pub name: String,
    pub part: Part,
}

impl Evidence {
    /// The certificates on the card.
    pub(crate) fn slots(&self) -> impl Iterator<Item = &Slot> {
        let checked = self
            .checked
            .iter()
            .flat_map(|checked| &checked.certificates);
        checked.map(|checked| &checked.slot)
    }

    /// A problem of a certificate on the card.
    pub(crate) fn of_slot(
        &self,
        slot: &Slot,
        severity: Severity,
        code: &'static str,
        message: String,
    ) -> Problem {
        let (file, path) = match &slot.path {
            Some(path) => ("certificate", path),
            None => ("EF(CDF)", &slot.directory),
        };
        Problem::new(severity, code, file, path, message).about(ObjectRef::of(
            slot.index,
            &slot.object.common,
            Some(slot.key_id()),
        ))
    }

    /// The bytes in which the offset of a problem counts.
    pub(crate) fn bytes_of(&self, problem: &Problem) -> Option<&[u8]> {
        match problem.file() {
            "ATR" => Some(&self.atr),
            ANSWER => Some(&self.files.get(problem.path())?.info.raw),
            _ => {
                let Some(file) = self.files.get(problem.path()) else {
                    return self.sources.get(problem.path()).map(Bytes::as_ref);
                };
                let before = file.before.as_deref();
                before.or_else(|| file.again.as_deref().ok())
            }
        }
    }
}

impl PinAsked {
    pub(crate) fn problem(
        &self,
        severity: Severity,
        code: &'static str,
        message: String,
    ) -> Problem {
        Problem::new(severity, code, "EF(AODF)", &self.directory, message)
            .about(self.object.clone())
    }
}

impl Part {
    /// All of a file, however long it is.
    pub(crate) const fn whole(path: FilePath) -> Self {
        Self {
            path,
            from: 0,
            length: usize::MAX,
        }
    }

    /// Whether it is all of the file.
    pub(crate) const fn is_whole(&self) -> bool {
        self.length == usize::MAX
    }

    /// The byte behind the last one.
    pub(crate) const fn end(&self) -> usize {
        self.from.saturating_add(self.length)
    }

    /// Whether any byte is in both.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let is_empty = self.length == 0 || other.length == 0;
        other.path == self.path && !is_empty && self.from < other.end() && other.from < self.end()
    }
}

/// Reads a card that has a PKCS#15 application.
///
/// # Errors
/// The card is gone; what was read before is in `evidence`.
pub(crate) fn of_card<C: Channel>(
    card: &mut Card<C>,
    now: SystemTime,
    against: &Against,
    evidence: &mut Evidence,
) -> Result<(), CardError> {
    of_contents(card.contents(), evidence);
    evidence.all_certificates = card.contents().why_not_all_certificates().is_none();
    evidence.card_os = Some(card.dialect().name());
    let read = read_on(card, now, against, evidence);
    if read.is_err() {
        // Those that were not read may be what the others seem to lack.
        evidence.all_certificates = false;
    }
    tell(card.contents(), evidence);
    read
}

/// What the directories of a PKCS#15 application say, as far as they were read.
pub(crate) fn of_contents(contents: &Contents, evidence: &mut Evidence) {
    evidence.label = contents.label().map(str::to_owned);
    evidence.problems = contents.problems.clone();
    let token = contents.token_info.as_ref();
    let number = token.and_then(|token| token.serial_number.as_deref());
    evidence.serial = number.map(serial);
    let sources = contents.sources.iter();
    let sources = sources.map(|source| (source.path.clone(), source.bytes.clone()));
    evidence.sources = sources.collect();
}

/// What was looked at of a card that was gone before its directories were read.
pub(crate) fn of_part(contents: &Contents, evidence: &mut Evidence) {
    of_contents(contents, evidence);
    tell(contents, evidence);
}

/// Reads what the directories name, and everything a second time.
///
/// # Errors
/// As for [`of_card`].
fn read_on<C: Channel>(
    card: &mut Card<C>,
    now: SystemTime,
    against: &Against,
    evidence: &mut Evidence,
) -> Result<(), CardError> {
    pins_once(card, evidence)?;
    let mut checked = Checked::default();
    let read = card.check_as_far(now, against, &mut checked);
    let certificates = checked.certificates.iter();
    let of_certificates = certificates.flat_map(|checked| checked.to_problems());
    evidence.problems.extend(of_certificates);
    let state = checked
        .problems
        .iter()
        .map(|problem| as_state(problem, evidence.all_certificates));
    let state: Vec<_> = state.collect();
    evidence.problems.extend(state);
    evidence.problems.extend(checked.problems_of_evidence());
    evidence.not_looked_at.extend(not_checked(&checked));
    evidence
        .not_looked_at
        .extend(checked.not_looked_for.iter().cloned());
    let others = card.contents().unread_applications();
    evidence.not_looked_at.extend(others);
    evidence.checked = Some(checked);
    read?;
    keys(card, evidence)?;
    files(card, evidence)?;
    free_space(card, evidence)?;
    pins_again(card, evidence)
}

/// That a card has no certificate is how it leaves the factory, and nothing wrong with it, where `all`
/// directories could be read.
fn as_state(problem: &Problem, all: bool) -> Problem {
    if problem.code() != kortlab_card::problem::code::NO_CERTIFICATES {
        return problem.clone();
    }
    let note = Problem::new(
        Severity::Note,
        problem.code(),
        problem.file(),
        problem.path(),
        problem.message(),
    );
    match all {
        true if problem.is_of_fixed_card() => note.hint(
            "write one with a program that knows this card, such as OpenSC's `pkcs15-init`, or have \
             the card renewed by whoever issued it",
        ),
        true => note.hint("write one with `kortlab cert write`, or renew the card"),
        false => note.hint(problem.next_step()),
    }
}

/// What of certificates was not checked, each thing once.
fn not_checked(checked: &Checked) -> Vec<String> {
    let mut all: Vec<_> = checked
        .certificates
        .iter()
        .flat_map(|checked| &checked.not_checked)
        .collect();
    all.sort();
    all.dedup();
    all.into_iter().map(ToString::to_string).collect()
}

fn pins_once<C: Channel>(card: &mut Card<C>, evidence: &mut Evidence) -> Result<(), CardError> {
    for found in card.pin_states()? {
        let (directory, object) = found.listed_in;
        evidence.problems.extend(found.problem);
        evidence.pins.push(PinAsked {
            directory,
            object,
            purpose: found.pin.purpose,
            first: found.state,
            second: None,
        });
    }
    Ok(())
}

fn pins_again<C: Channel>(card: &mut Card<C>, evidence: &mut Evidence) -> Result<(), CardError> {
    let again = card.pin_states()?;
    for (asked, again) in evidence.pins.iter_mut().zip(again) {
        asked.second = Some(again.state);
    }
    evidence.unlisted_pins = card.unlisted_pin_states()?;
    Ok(())
}

/// The private keys, and where the card tells it, the key in each file.
fn keys<C: Channel>(card: &mut Card<C>, evidence: &mut Evidence) -> Result<(), CardError> {
    let mut places = Vec::new();
    for file in &card.contents().private_keys {
        for (index, key) in file.directory.listed() {
            let object = ObjectRef::of(index, &key.common, Some(key.id()));
            places.push((file.path.clone(), object));
        }
    }
    let tells = card.dialect().name() == Eid.name();
    for (key, (directory, object)) in card.keys().into_iter().zip(places) {
        let told = match tells && !key.path.is_empty() {
            true => told(card, &key.path)?,
            false => Told::Nothing,
        };
        evidence.keys.push(KeyRead {
            key,
            directory,
            object,
            told,
        });
    }
    Ok(())
}

/// The key in a key file, as the EID applet tells it: GET DATA 0101 is answered with the modulus, or
/// that there is no such data.
fn told<C: Channel>(card: &mut Card<C>, path: &FilePath) -> Result<Told, CardError> {
    let command = Command::new(instruction::GET_DATA, 0x01, 0x01).expecting_any();
    let answer = card.exclusively(|card| {
        let info = card.files().select(path)?;
        let answer = card.files().send("get the public key", &command)?;
        Ok((info.kind(), answer))
    });
    // What else is no file of a key is told of its path.
    let (is_of_key, answer) = match answer {
        Ok((Some(FileKind::InternalEf(_) | FileKind::ProprietaryEf(..)), answer)) => (true, answer),
        Ok((_, answer)) => (false, answer),
        Err(error) if is_final(&error) => return Err(error),
        Err(_) => return Ok(Told::Nothing),
    };
    Ok(match (answer.status(), answer.data().get(2..)) {
        (StatusWord::SUCCESS, Some(modulus)) => Told::Modulus(modulus.to_vec()),
        (StatusWord::REFERENCE_NOT_FOUND, _) if is_of_key => Told::NoKey,
        _ => Told::Nothing,
    })
}

/// Every file that tells what is on the card, and every certificate's, once more.
fn files<C: Channel>(card: &mut Card<C>, evidence: &mut Evidence) -> Result<(), CardError> {
    let contents = card.contents();
    let sources = contents.sources.iter();
    let mut wanted: Vec<(String, FilePath, Option<Bytes>)> = sources
        .map(|source| {
            let name = name_of(contents, &source.path).to_owned();
            (name, source.path.clone(), Some(source.bytes.clone()))
        })
        .collect();
    for slot in evidence.slots() {
        let path = slot.path.clone();
        wanted.extend(path.map(|path| ("certificate".to_owned(), path, None)));
    }
    for (name, path, mut before) in wanted {
        if evidence.files.contains_key(&path) {
            continue;
        }
        let mut by_records = false;
        let read = card.exclusively(|card| match card.files().read(&path) {
            Err(error) if error.kind().may_be_of_records() => {
                let read = card.files().read_records(&path)?;
                by_records = true;
                match read.ended {
                    Some(error) => Err(error),
                    None => Ok((read.info, read.records.concat(), read.remarks)),
                }
            }
            other => other.map(|content| (content.info, content.data, content.remarks)),
        });
        let mut ends_alike = false;
        let (info, again) = match read {
            Ok((info, data, remarks)) => {
                warned_again(evidence, &name, &path, &remarks);
                (info, Ok(data))
            }
            Err(error) if is_final(&error) => return Err(error),
            Err(error) => {
                let ended = card.contents().why_not_all_of(&path);
                ends_alike = ended.is_some_and(|first| {
                    (first.command(), first.status()) == (error.command(), error.status())
                });
                (FileInfo::default(), Err(error.to_string()))
            }
        };
        if before.is_none() {
            before = kept(evidence, &path, again.as_deref().unwrap_or_default());
        }
        evidence.files.insert(
            path.clone(),
            FileRead {
                name,
                path,
                info,
                by_records,
                before,
                again,
                ends_alike,
            },
        );
    }
    Ok(())
}

/// Tells of what the card warned when it gave a file once more, and not before.
fn warned_again(evidence: &mut Evidence, name: &str, path: &FilePath, remarks: &[Remark]) {
    for remark in remarks.iter().filter(|remark| remark.is_of_reading()) {
        let mut told = evidence.problems.iter();
        let is_told = |one: &Problem| one.path() == path && one.code() == remark.code;
        if !told.any(is_told) {
            let severity = Severity::Warning;
            let problem = Problem::new(severity, remark.code, name, path, &*remark.message);
            evidence.problems.push(problem);
        }
    }
}

/// What a certificate's file held when it was first read: the certificate, in what stands around it
/// now.
fn kept(evidence: &Evidence, path: &FilePath, now: &[u8]) -> Option<Bytes> {
    let mut first = now.to_vec();
    let mut any = false;
    for slot in evidence.slots() {
        if slot.path.as_ref() != Some(path) || slot.der.is_empty() {
            continue;
        }
        let end = slot.start.saturating_add(slot.der.len());
        if first.len() < end {
            first.resize(end, 0);
        }
        if let Some(part) = first.get_mut(slot.start..end) {
            part.copy_from_slice(&slot.der);
            any = true;
        }
    }
    any.then(|| first.into())
}

/// What the file at this path is called.
fn name_of<'a>(contents: &Contents, path: &FilePath) -> &'a str {
    if *path == FilePath::EF_DIR {
        "EF.DIR"
    } else if lists(&contents.private_keys, path) {
        "EF(PrKDF)"
    } else if lists(&contents.public_keys, path) {
        "EF(PuKDF)"
    } else if lists(&contents.secret_keys, path) {
        "EF(SKDF)"
    } else if lists(&contents.certificates, path) {
        "EF(CDF)"
    } else if lists(&contents.authentication, path) {
        "EF(AODF)"
    } else if lists(&contents.data, path) {
        "EF(DODF)"
    } else if contents.unused_space.iter().any(|file| file.path == *path) {
        "EF(UnusedSpace)"
    } else if path.fid() == Some(kortlab_apdu::Fid(0x5031)) {
        "EF(ODF)"
    } else if *path == contents.token_info_path {
        "EF(TokenInfo)"
    } else {
        "a directory"
    }
}

/// Whether one of these directories is the file at this path.
fn lists<T>(files: &[DirectoryFile<T>], path: &FilePath) -> bool {
    files.iter().any(|file| file.path == *path)
}

/// What EF(UnusedSpace) says is free, and where something is.
fn free_space<C: Channel>(card: &mut Card<C>, evidence: &mut Evidence) -> Result<(), CardError> {
    let Some(file) = card.contents().unused_space.clone() else {
        return Ok(());
    };
    for (index, record) in file.directory.listed() {
        let path = card.contents().absolute(&record.path);
        let size = match card.exclusively(|card| card.files().select(&path)) {
            Ok(info) => Some(info.size().unwrap_or(usize::MAX)),
            Err(error) if is_final(&error) => return Err(error),
            Err(_) => None,
        };
        let from = record.path.index.unwrap_or(0) as usize;
        let rest = size
            .filter(|size| *size < usize::MAX)
            .unwrap_or(0)
            .saturating_sub(from);
        let length = record.path.length.map_or(rest, |length| length as usize);
        evidence.free.push(Free {
            listed_in: file.path.clone(),
            object: ObjectRef {
                index,
                label: None,
                id: record.auth_id.clone(),
            },
            part: Part { path, from, length },
            size,
        });
    }
    let mut used: Vec<Used> = Vec::new();
    for slot in evidence.slots() {
        let Some(path) = &slot.path else { continue };
        used.push(Used {
            name: format!("certificate {}", slot.name()),
            part: Part {
                path: path.clone(),
                from: slot.start,
                length: slot.der.len(),
            },
        });
    }
    for source in &card.contents().sources {
        used.push(Used {
            name: name_of(card.contents(), &source.path).to_owned(),
            part: Part {
                path: source.path.clone(),
                from: 0,
                length: source.bytes.len(),
            },
        });
    }
    used.extend(named(card.contents(), &used));
    evidence.used = used;
    Ok(())
}

/// The other files that the card's files name: keys and data objects. How much of each is in use is not
/// known. What EF(UnusedSpace) names is not in use for that.
fn named(contents: &Contents, known: &[Used]) -> Vec<Used> {
    let is_of_free_space =
        |by: &FilePath| contents.unused_space.iter().any(|file| file.path == *by);
    let is_key = |path: &FilePath| {
        let mut keys = contents
            .private_keys
            .iter()
            .flat_map(|file| file.directory.objects());
        keys.any(|key| {
            key.path()
                .is_some_and(|own| contents.absolute(own) == *path)
        })
    };
    contents
        .named_files()
        .into_iter()
        .filter(|(path, by)| {
            !is_of_free_space(by) && known.iter().all(|known| known.part.path != *path)
        })
        .map(|(path, by)| Used {
            name: match is_key(&path) {
                true => "a private key".to_owned(),
                false => format!("what {by} lists"),
            },
            part: Part::whole(path),
        })
        .collect()
}

/// What was looked at: of a card that was gone before the end, what was.
fn tell(contents: &Contents, evidence: &mut Evidence) {
    let count = |number: usize, one: &str, more: &str| match number {
        1 => format!("1 {one}"),
        number => format!("{number} {more}"),
    };
    let certificates = evidence.slots().count();
    let not_asked = |pin: &&PinAsked| pin.first == PinState::Unknown(WhyUnknown::NotAsked);
    let not_asked = evidence.pins.iter().filter(not_asked).count();
    let asked_twice = |pin: &&PinAsked| pin.second.is_some();
    let asked_twice = evidence.pins.iter().filter(asked_twice).count();
    let sources = evidence.sources.keys();
    let read_once = sources.filter(|path| !evidence.files.contains_key(path));
    let read_once = read_once.count();
    let mut looked_at = vec!["answer to reset".to_owned()];
    if read_once > 0 {
        looked_at.push(count(read_once, "file, read once", "files, each read once"));
    }
    if read_once == 0 || !evidence.files.is_empty() {
        looked_at.push(count(
            evidence.files.len(),
            "file, read twice",
            "files, each read twice",
        ));
    }
    looked_at.push(count(certificates, "certificate", "certificates"));
    looked_at.push(count(evidence.keys.len(), "private key", "private keys"));
    let asked = evidence.pins.len() - not_asked;
    looked_at.push(match asked_twice {
        0 if asked > 0 => count(asked, "PIN, asked for once", "PINs, each asked for once"),
        _ => count(asked, "PIN, asked for twice", "PINs, each asked for twice"),
    });
    evidence.looked_at.extend(looked_at);
    if contents.unused_space.is_some() {
        evidence.looked_at.push("EF(UnusedSpace)".to_owned());
    }
    let keys = evidence.keys.iter();
    let untold = keys.filter(|key| matches!(key.told, Told::Nothing));
    let untold = untold.count();
    if untold > 0 {
        let what = count(untold, "private key", "private keys");
        evidence.not_looked_at.push(format!(
            "whether {what} on the card {} those of the certificates: the card does not tell without \
             a PIN",
            if untold == 1 { "is" } else { "are" }
        ));
    }
    let unknown = |pin: &&PinAsked| matches!(pin.first, PinState::Unknown(_));
    let unknown = evidence.pins.iter().filter(unknown).count();
    for (number, why) in [
        (unknown - not_asked, "the card does not tell"),
        (
            not_asked,
            "not asked: this card OS is not known, and the question might cost a try",
        ),
    ] {
        if number > 0 {
            let what = count(number, "PIN", "PINs");
            let left = format!("how many tries are left of {what}: {why}");
            evidence.not_looked_at.push(left);
        }
    }
}

/// Whether an error means that nothing more can be read from the card.
pub(crate) fn is_final(error: &CardError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NoReader | ErrorKind::NoCard | ErrorKind::Link | ErrorKind::Interrupted
    )
}
