//! What commands and answers mean one after the other: which file is selected, which PIN is
//! verified, and what was read of which file.
//!
//! ```
//! use kortlab_explain::story::Story;
//!
//! let mut story = Story::default();
//! story.command(&[0x00, 0xA4, 0x00, 0x0C, 0x02, 0x2F, 0x00], 0);
//! story.answer(&[0x90, 0x00]);
//! let words = story.command(&[0x00, 0xB0, 0x00, 0x00, 0x10], 0);
//! assert_eq!(words, "READ BINARY of EF.DIR 3F00/2F00, 16 bytes from byte 0");
//! ```

use std::collections::{BTreeMap, BTreeSet};

use kortlab_apdu::ByteCount;
use kortlab_apdu::fcp::{Fcp, FileKind};
use kortlab_apdu::{Command, Response, StatusWord, instruction, private_key};
use kortlab_pkcs15::{Cdf, EfDir, ObjectKind, Odf};

use crate::hexadecimal::Hex;
use crate::node::Explanation;
use crate::{certificate, fcp, pkcs15, printable, tlv};

/// The most bytes that are kept of one file.
const MAX_FILE: usize = 65_536;

/// The most files of which something is kept.
const MAX_FILES: usize = 256;

/// Instructions of which no more is told, that read or write the file that is selected (ISO/IEC 7816-4
/// §11.3, §11.4).
const USES_SELECTED: [u8; 4] = [
    instruction::READ_BINARY_ODD,
    instruction::READ_RECORD | 1,
    instruction::UPDATE_BINARY | 1,
    instruction::WRITE_BINARY | 1,
];

/// The master file.
const MF: [u8; 2] = [0x3F, 0x00];

/// What a file of the card holds, as far as the commands before have told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// A file of a PKCS#15 application.
    Pkcs15(pkcs15::File),
    /// A certificate.
    Certificate,
    /// Nothing is known of it.
    Unknown,
}

/// Where a file is, as far as the commands before have told.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The application that was selected by its AID, whose path is not known.
    application: Vec<u8>,
    /// The path: from the MF, or in that application.
    path: Vec<u8>,
}

/// A command that waits for its answer.
#[derive(Clone, Debug)]
enum Pending {
    Select {
        to: Location,
        is_df: Option<bool>,
    },
    Read {
        of: Location,
        offset: usize,
    },
    Update {
        of: Location,
        offset: usize,
        data: Vec<u8>,
    },
    Record {
        of: Location,
    },
    Verify {
        reference: u8,
        tries: bool,
    },
    Other,
}

/// What has happened to a card so far.
#[derive(Clone, Debug, Default)]
pub struct Story {
    df: Location,
    ef: Option<Location>,
    verified: BTreeSet<u8>,
    /// The last command but GET RESPONSE.
    pending: Option<Pending>,
    /// Its instruction byte.
    ins: u8,
    /// The file that it reads or writes.
    used: Option<Location>,
    contents: BTreeMap<Location, Vec<u8>>,
    kinds: BTreeMap<Location, Content>,
}

impl Story {
    /// The card was reset: it has forgotten what was selected and verified.
    pub fn reset(&mut self) {
        self.df = Location::default();
        self.ef = None;
        self.verified.clear();
        self.pending = None;
        self.used = None;
    }

    /// What a command is for, in a line; so many bytes of its end are not known. Data that may be a
    /// PIN or a key is not shown.
    pub fn command(&mut self, shown: &[u8], hidden: usize) -> String {
        let [class, ins, p1, p2, ..] = *shown else {
            self.pending = Some(Pending::Other);
            self.used = None;
            return match shown.len() {
                1 => "1 byte that is no command".to_owned(),
                count => format!("{count} bytes that are no command"),
            };
        };
        let parsed = Command::parse(shown).ok();
        let (data, ne) = match &parsed {
            Some(command) => (command.data(), command.ne()),
            None => (shown.get(5..).unwrap_or_default(), None),
        };
        let name = match instruction::name(ins) {
            Some(name) => name.to_owned(),
            None => format!("instruction {ins:02X}"),
        };
        if ins == instruction::GET_RESPONSE {
            return "GET RESPONSE: the rest of the answer".to_owned();
        }
        let (pending, words) = match ins {
            instruction::SELECT => self.select(p1, p2, data),
            instruction::READ_BINARY => {
                let (of, offset) = self.place(p1, p2);
                let length = ne.map_or_else(String::new, |ne| format!("{} ", ByteCount(ne)));
                let words = format!(" of {}, {length}from byte {offset}", self.name(&of));
                (Pending::Read { of, offset }, words)
            }
            instruction::UPDATE_BINARY | instruction::WRITE_BINARY => {
                let (of, offset) = self.place(p1, p2);
                let count = data.len().saturating_add(hidden);
                let words = format!(
                    " of {}, {} from byte {offset}",
                    self.name(&of),
                    ByteCount(count)
                );
                let data = data.to_vec();
                (Pending::Update { of, offset, data }, words)
            }
            instruction::READ_RECORD => {
                let of = self.record_place(p2);
                let words = format!(" {p1} of {}", self.name(&of));
                (Pending::Record { of }, words)
            }
            instruction::VERIFY => {
                let tries = !data.is_empty() || hidden > 0;
                let words = match tries {
                    true => format!(" PIN {p2:02X}"),
                    false => format!(" PIN {p2:02X}: asks for its state"),
                };
                let reference = p2;
                (Pending::Verify { reference, tries }, words)
            }
            instruction::CHANGE_REFERENCE_DATA => (Pending::Other, format!(" of PIN {p2:02X}")),
            instruction::RESET_RETRY_COUNTER => (Pending::Other, format!(" of PIN {p2:02X}")),
            instruction::PERFORM_SECURITY_OPERATION => {
                let what = match (p1, p2) {
                    (0x9E, 0x9A) => ": signs",
                    (0x80, 0x86) => ": deciphers",
                    (0x90, 0x80 | 0xA0) => ": hashes",
                    _ => "",
                };
                (Pending::Other, what.to_owned())
            }
            instruction::GET_DATA | instruction::GET_DATA_ODD => {
                (Pending::Other, data_object(ins, p1, p2, data))
            }
            _ => (Pending::Other, String::new()),
        };
        self.used = match &pending {
            Pending::Read { of, .. } | Pending::Update { of, .. } | Pending::Record { of } => {
                Some(of.clone())
            }
            _ if USES_SELECTED.contains(&ins) => Some(self.current()),
            _ => None,
        };
        self.pending = Some(pending);
        self.ins = ins;
        let secret =
            match instruction::carries_secrets(class, ins) && (hidden > 0 || !data.is_empty()) {
                true => {
                    let count = data.len().saturating_add(hidden);
                    format!(", {} not shown", ByteCount(count))
                }
                false => String::new(),
            };
        format!("{name}{words}{secret}")
    }

    /// What an answer says, in a line.
    pub fn answer(&mut self, bytes: &[u8]) -> String {
        let Ok(response) = Response::parse(bytes) else {
            self.pending = None;
            return "no answer of a card: it has no status word".to_owned();
        };
        let status = response.status();
        let data = response.data();
        let mut words = format!("{status}: {}", status.meaning_after(self.ins));
        let goes_on = status.value() >> 8 == 0x61;
        let fits = status.value() == 0x9000 || goes_on || matches!(status.value() >> 8, 0x62);
        match self.pending.take() {
            Some(Pending::Select { to, is_df }) if fits => {
                let (is_df, said) = described(data, is_df);
                words.push_str(&said);
                self.selected(to.clone(), is_df);
                if goes_on {
                    self.pending = Some(Pending::Select { to, is_df });
                }
            }
            Some(Pending::Read { of, offset }) if fits => {
                words.push_str(&format!(", {}", ByteCount(data.len())));
                self.keep(&of, offset, data);
                if goes_on {
                    let offset = offset.saturating_add(data.len());
                    self.pending = Some(Pending::Read { of, offset });
                }
            }
            Some(Pending::Record { of }) if fits => {
                words.push_str(&format!(", {}", ByteCount(data.len())));
                let end = self.contents.get(&of).map_or(0, Vec::len);
                self.keep(&of, end, data);
                if goes_on {
                    self.pending = Some(Pending::Record { of });
                }
            }
            // Nor does 63Cx say that it was not written (ISO/IEC 7816-4 §11.3.5).
            Some(Pending::Update { of, offset, data }) if fits || status.sw1() == 0x63 => {
                self.keep(&of, offset, &data)
            }
            Some(Pending::Verify { reference, tries }) => self.verify(reference, tries, status),
            // 6Cxx: the same command comes again, with another Le.
            pending if status.value() >> 8 == 0x6C => self.pending = pending,
            _ if !data.is_empty() => words.push_str(&format!(", {}", ByteCount(data.len()))),
            _ => {}
        }
        words
    }

    /// Which PINs are verified, by P2 of VERIFY.
    pub fn verified(&self) -> impl Iterator<Item = u8> {
        self.verified.iter().copied()
    }

    /// The file that is selected.
    pub fn selected_file(&self) -> String {
        self.name(self.ef.as_ref().unwrap_or(&self.df))
    }

    /// The file that the last command reads or writes; none if it does neither. GET RESPONSE goes on with
    /// the command before.
    pub const fn used_file(&self) -> Option<&Location> {
        self.used.as_ref()
    }

    /// What was read of each file, what it is called, and what that says.
    pub fn contents(&self) -> Vec<(&Location, String, Content, Explanation)> {
        self.contents
            .iter()
            .map(|(location, bytes)| {
                let content = self.kind(location);
                let mut explanation = match content {
                    Content::Pkcs15(file) => pkcs15::explain(file, bytes),
                    Content::Certificate => certificate::explain(bytes),
                    Content::Unknown => tlv::explain(bytes),
                };
                explanation.hide(&private_key::places(bytes));
                (location, self.name(location), content, explanation)
            })
            .collect()
    }

    fn select(&self, p1: u8, p2: u8, data: &[u8]) -> (Pending, String) {
        let below = |end: &[u8]| Location {
            application: self.df.application.clone(),
            path: [self.df_path().as_slice(), end].concat(),
        };
        let absolute = |path: &[u8]| Location {
            application: Vec::new(),
            path: match path.starts_with(&MF) {
                true => path.to_vec(),
                false => [&MF[..], path].concat(),
            },
        };
        let up = || {
            let path = self.df_path();
            let length = path.len().saturating_sub(2);
            Location {
                application: self.df.application.clone(),
                path: path.get(..length).unwrap_or_default().to_vec(),
            }
        };
        let (to, is_df) = match p1 {
            0x04 => {
                let application = data.to_vec();
                let path = Vec::new();
                (Location { application, path }, Some(true))
            }
            0x08 => (absolute(data), None),
            0x03 => (up(), Some(true)),
            0x01 => (below(data), Some(true)),
            0x02 => (below(data), Some(false)),
            _ if data.is_empty() || data == MF => (absolute(&[]), Some(true)),
            _ if self.df.path.ends_with(data) => (self.df.clone(), Some(true)),
            _ => (below(data), None),
        };
        let by = match p1 {
            0x04 => " by its name",
            0x08 => " by its path",
            _ => "",
        };
        let words = format!(
            " {}{by}{}",
            self.name(&to),
            match p2 & 0x0C {
                0x0C => ", no answer wanted",
                _ => "",
            }
        );
        (Pending::Select { to, is_df }, words)
    }

    fn selected(&mut self, to: Location, is_df: Option<bool>) {
        let looks_like_df = to.path.is_empty()
            || matches!(
                to.path.get(to.path.len().saturating_sub(2)..),
                Some([0x3F, 0x00] | [0x50, 0x15] | [0x7F | 0x5F, _])
            );
        if is_df.unwrap_or(looks_like_df) {
            if to.application != self.df.application {
                // What was verified in another application may not count here.
                self.verified.clear();
            }
            self.df = to;
            self.ef = None;
        } else {
            let length = to.path.len().saturating_sub(2);
            self.df = Location {
                application: to.application.clone(),
                path: to.path.get(..length).unwrap_or_default().to_vec(),
            };
            self.ef = Some(to);
        }
    }

    fn df_path(&self) -> Vec<u8> {
        match self.df.path.is_empty() && self.df.application.is_empty() {
            true => MF.to_vec(),
            false => self.df.path.clone(),
        }
    }

    /// The file and the byte that P1-P2 of READ BINARY name (ISO/IEC 7816-4 §11.3.3).
    fn place(&self, p1: u8, p2: u8) -> (Location, usize) {
        if p1 & 0x80 != 0 {
            return (self.short(p1 & 0x1F), usize::from(p2));
        }
        let offset = usize::from(u16::from_be_bytes([p1, p2]));
        (self.current(), offset)
    }

    fn record_place(&self, p2: u8) -> Location {
        match p2 >> 3 {
            0 => self.current(),
            short => self.short(short),
        }
    }

    fn current(&self) -> Location {
        self.ef.clone().unwrap_or_else(|| self.df.clone())
    }

    /// A file by its short identifier: the last five bits of its identifier, where nothing else is
    /// known. It stands as one byte at the end of the path.
    fn short(&self, short: u8) -> Location {
        Location {
            application: self.df.application.clone(),
            path: [self.df_path().as_slice(), &[short]].concat(),
        }
    }

    fn verify(&mut self, reference: u8, tries: bool, status: StatusWord) {
        if status.value() == 0x9000 {
            self.verified.insert(reference);
        } else if tries {
            self.verified.remove(&reference);
        }
    }

    /// Keeps what was read of a file, and learns from it what others hold.
    fn keep(&mut self, of: &Location, offset: usize, data: &[u8]) {
        let end = offset.saturating_add(data.len());
        if data.is_empty() || end > MAX_FILE {
            return;
        }
        if !self.contents.contains_key(of) && self.contents.len() >= MAX_FILES {
            return;
        }
        let file = self.contents.entry(of.clone()).or_default();
        if file.len() < offset {
            // What lies between was not read: nothing is made of what stands behind.
            return;
        }
        file.resize(file.len().max(end), 0);
        if let Some(place) = file.get_mut(offset..end) {
            place.copy_from_slice(data);
        }
        self.learn(of);
    }

    fn learn(&mut self, of: &Location) {
        let Some(bytes) = self.contents.get(of) else {
            return;
        };
        let around = |path: &[u8]| -> Location {
            let absolute = path.starts_with(&MF);
            let length = of.path.len().saturating_sub(2);
            let df = of.path.get(..length).unwrap_or_default();
            Location {
                application: match absolute {
                    true => Vec::new(),
                    false => of.application.clone(),
                },
                path: match absolute {
                    true => path.to_vec(),
                    false => [df, path].concat(),
                },
            }
        };
        let mut found: Vec<(Location, Content)> = Vec::new();
        match self.kind(of) {
            Content::Pkcs15(pkcs15::File::Dir) => {
                let dir = EfDir::parse(bytes).value;
                for application in dir.objects() {
                    let df = &application.path;
                    let ddo = application.ddo.as_ref();
                    let odf = ddo.and_then(|ddo| ddo.odf_path.as_ref());
                    let path = odf.map(|odf| odf.path.as_bytes().to_vec());
                    let path =
                        path.or_else(|| Some([df.as_ref()?.as_bytes(), &[0x50, 0x31]].concat()));
                    found.extend(
                        path.map(|path| (around(&path), Content::Pkcs15(pkcs15::File::Odf))),
                    );
                }
            }
            Content::Pkcs15(pkcs15::File::Odf) => {
                for entry in Odf::parse(bytes).value.objects() {
                    let file = file_of(entry.kind);
                    if let (Some(path), Some(file)) = (entry.path(), file) {
                        found.push((around(path.path.as_bytes()), Content::Pkcs15(file)));
                    }
                }
            }
            Content::Pkcs15(pkcs15::File::Certificates) => {
                for certificate in Cdf::parse(bytes).value.objects() {
                    if let Some(path) = certificate.path() {
                        found.push((around(path.path.as_bytes()), Content::Certificate));
                    }
                }
            }
            _ => return,
        }
        for (location, content) in found.into_iter().take(MAX_FILES) {
            if self.kinds.len() < MAX_FILES {
                self.kinds.insert(location, content);
            }
        }
    }

    fn kind(&self, location: &Location) -> Content {
        if let Some(kind) = self.kinds.get(location) {
            return *kind;
        }
        match location.path.as_slice() {
            [0x3F, 0x00, 0x2F, 0x00] => Content::Pkcs15(pkcs15::File::Dir),
            [.., 0x50, 0x31] => Content::Pkcs15(pkcs15::File::Odf),
            [.., 0x50, 0x32] => Content::Pkcs15(pkcs15::File::TokenInfo),
            [.., 0x50, 0x33] => Content::Pkcs15(pkcs15::File::UnusedSpace),
            _ => Content::Unknown,
        }
    }

    /// What a file is called: `EF(CDF) 3F00/5015/4403`.
    fn name(&self, location: &Location) -> String {
        let mut words: Vec<String> = Vec::new();
        match self.kind(location) {
            Content::Pkcs15(file) => words.push(file.to_string()),
            Content::Certificate => words.push("a certificate".to_owned()),
            Content::Unknown => {}
        }
        if !location.application.is_empty() {
            words.push(format!(
                "application {}",
                application(&location.application)
            ));
        }
        if !location.path.is_empty() {
            let parts = location.path.chunks(2).map(|part| match part {
                [short] => format!("short identifier {short:02X}"),
                part => Hex(part).to_string(),
            });
            words.push(parts.collect::<Vec<_>>().join("/"));
        }
        match words.is_empty() {
            true => "3F00".to_owned(),
            false => words.join(" "),
        }
    }
}

/// What an answer to SELECT says of the file: whether it is a DF, and in words.
fn described(data: &[u8], is_df: Option<bool>) -> (Option<bool>, String) {
    let Ok(parsed) = Fcp::parse(data) else {
        let words = match data.len() {
            0 => String::new(),
            count => format!(", {}", ByteCount(count)),
        };
        return (is_df, words);
    };
    let kind = parsed
        .value
        .descriptor
        .as_ref()
        .map(|descriptor| descriptor.kind());
    let is_df = match kind {
        Some(FileKind::Df) => Some(true),
        Some(FileKind::Reserved(_)) | None => is_df,
        Some(_) => Some(false),
    };
    let words = fcp::File::new(data).map(|file| format!("; {}", printable(&file.to_string())));
    (is_df, words.unwrap_or_default())
}

/// The file that lists objects of this kind.
fn file_of(kind: ObjectKind) -> Option<pkcs15::File> {
    Some(match kind {
        ObjectKind::PrivateKeys => pkcs15::File::PrivateKeys,
        ObjectKind::PublicKeys | ObjectKind::TrustedPublicKeys => pkcs15::File::PublicKeys,
        ObjectKind::SecretKeys => pkcs15::File::SecretKeys,
        ObjectKind::Certificates
        | ObjectKind::TrustedCertificates
        | ObjectKind::UsefulCertificates => pkcs15::File::Certificates,
        ObjectKind::AuthObjects => pkcs15::File::AuthObjects,
        ObjectKind::DataObjects => pkcs15::File::DataObjects,
        _ => return None,
    })
}

/// An AID, with the name of its application if it is known.
fn application(aid: &[u8]) -> String {
    match kortlab_card::applications::name(aid) {
        Some(name) => format!("{} ({name})", Hex(aid)),
        None => Hex(aid).to_string(),
    }
}

/// What GET DATA asks for.
fn data_object(ins: u8, p1: u8, p2: u8, data: &[u8]) -> String {
    let tag = match (ins, data) {
        (instruction::GET_DATA, _) => format!("{:04X}", u16::from_be_bytes([p1, p2])),
        (_, [0x5C, length, tag @ ..]) => {
            let length = usize::from(*length).min(tag.len());
            Hex(tag.get(..length).unwrap_or_default()).to_string()
        }
        _ => return String::new(),
    };
    format!(" {tag}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hexed(text: &str) -> Vec<u8> {
        hex::decode(text.replace(' ', "")).expect("hexadecimal")
    }

    fn told(story: &mut Story, exchanges: &[(&str, &str)]) -> Vec<String> {
        let mut told = Vec::new();
        for (command, answer) in exchanges {
            told.push(story.command(&hexed(command), 0));
            told.push(story.answer(&hexed(answer)));
        }
        told
    }

    #[test]
    fn what_is_read_is_of_the_file_that_is_selected_and_says_what_others_hold() {
        let mut story = Story::default();
        let told = told(
            &mut story,
            &[
                ("00A4000C 02 3F00", "9000"),
                ("00A40000 02 5015", "6104"),
                ("00C0000004", "62028201 9000"),
                ("00A40000 02 5031", "6F03820101 9000"),
                ("00B0000010", "A40A30080406 3F0050154403 9000"),
                ("00A4080C 04 50154403", "9000"),
                ("00B0000000", "6C04"),
                ("00B0000004", "30020500 9000"),
            ],
        );
        assert_eq!(told[2], "SELECT 3F00/5015");
        assert_eq!(
            told[8],
            "READ BINARY of EF(ODF) 3F00/5015/5031, 16 bytes from byte 0"
        );
        assert_eq!(
            told[10],
            "SELECT EF(CDF) 3F00/5015/4403 by its path, no answer wanted"
        );
        assert!(
            told[14].starts_with("READ BINARY of EF(CDF) 3F00/5015/4403"),
            "{}",
            told[14]
        );
        let contents = story.contents();
        assert_eq!(contents.len(), 2);
        assert_eq!(contents[0].2, Content::Pkcs15(pkcs15::File::Certificates));
        assert_eq!(contents[1].2, Content::Pkcs15(pkcs15::File::Odf));
        assert!(contents[1].3.is_clean(), "{}", contents[1].3);
    }

    #[test]
    fn a_verified_pin_is_known_until_the_reset_and_its_digits_are_never_told() {
        let mut story = Story::default();
        let words = story.command(b"\x00\x20\x00\x81\x06123456", 0);
        assert_eq!(words, "VERIFY PIN 81, 6 bytes not shown");
        assert_eq!(story.answer(&[0x90, 0x00]), "9000: success");
        assert_eq!(story.verified().collect::<Vec<_>>(), [0x81]);
        let words = story.command(b"\x00\x20\x00\x82\x08", 8);
        assert_eq!(words, "VERIFY PIN 82, 8 bytes not shown");
        assert!(story.answer(&[0x63, 0xC2]).starts_with("63C2: "));
        assert_eq!(story.verified().count(), 1);
        story.reset();
        assert_eq!(story.verified().count(), 0);
        assert_eq!(story.selected_file(), "3F00");
    }

    #[test]
    fn bytes_that_are_no_commands_and_answers_without_a_status_word_are_told_as_that() {
        let mut story = Story::default();
        assert_eq!(
            story.command(&[0x00, 0xA4], 0),
            "2 bytes that are no command"
        );
        assert!(story.answer(&[0x90]).contains("no status word"));
        // A file that is read from its middle alone says nothing.
        story.command(&[0x00, 0xB0, 0x10, 0x00, 0x02], 0);
        story.answer(&[0x30, 0x00, 0x90, 0x00]);
        assert!(
            story
                .contents()
                .iter()
                .all(|(_, _, _, explained)| explained.nodes.is_empty())
        );
    }
}
