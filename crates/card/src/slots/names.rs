//! Which files the card's own files name, so that nothing is released, overwritten or taken for
//! free that something else needs.
//!
//! The files that say what is on the card ([`Contents::sources`]) are walked as DER, whatever kind
//! of object they hold, and every Path (PKCS#15 §6.1.4) in them counts, known or not, as does the
//! path of an application in EF.DIR (ISO/IEC 7816-4 §8.2.1.1, tag 51). Where one of them cannot
//! be read to its end, nothing can be said of what else it names; that is told as well.

use kortlab_apdu::tlv::{Filler, Reader, Tag, Tlv};
use kortlab_apdu::{Fid, FilePath};
use kortlab_pkcs15::{Certificate, Directory, ObjectKind, Path, Severity};

use super::journal::DirectoryChange;
use crate::contents::Contents;
use crate::problem::{Problem, code};

/// How deep objects stand inside each other at most; PKCS#15 has nine levels.
const MAX_DEPTH: usize = 16;

/// The path of an application in EF.DIR.
const APPLICATION_PATH: u32 = 0x51;

/// The DF that is selected now (ISO/IEC 7816-4 §7.4.1): it may be any.
const CURRENT_DF: Fid = Fid::CURRENT_DF;

/// What the files of the card name.
#[derive(Debug)]
pub(super) struct Names {
    application: FilePath,
    /// The files themselves that say what is on the card, and what may be one of them.
    own: Vec<FilePath>,
    /// A path, and the file in which it stands.
    named: Vec<(FilePath, FilePath)>,
    /// Why this is not all that is named.
    unknown: Option<String>,
    /// That the ODF names other directories, and none of certificates: one may have been lost.
    without_certificates: Option<String>,
}

impl Contents {
    /// Every path that stands in the files which say what is on the card, of whatever kind of object,
    /// as an absolute one; each with the path of the file in which it stands. What a file names
    /// behind a place where it cannot be read is missing here.
    pub fn named_files(&self) -> Vec<(FilePath, FilePath)> {
        let named = Names::of(self).named.into_iter();
        let absolute = |(path, by): (FilePath, FilePath)| {
            // Paths in EF.DIR begin at the MF (ISO/IEC 7816-4 §8.2.1.1).
            let of_master_file = by == FilePath::EF_DIR && !path.is_absolute();
            let path = match of_master_file {
                true => FilePath::MASTER_FILE.join(&path),
                false => self.absolute(&Path::file(path)),
            };
            (path, by)
        };
        named.map(absolute).collect()
    }
}

impl Names {
    /// What is named on the card as it was read.
    pub(super) fn of(contents: &Contents) -> Self {
        Self::after(contents, &[])
    }

    /// Of a card on which nothing can be read any more.
    pub(super) fn unreadable(why: String) -> Self {
        Self {
            application: FilePath::EMPTY,
            own: usual(&FilePath::MASTER_FILE),
            named: Vec::new(),
            unknown: Some(why),
            without_certificates: None,
        }
    }

    /// What is named once these directories are changed.
    pub(super) fn after(contents: &Contents, changes: &[DirectoryChange]) -> Self {
        let changed = |path: &FilePath| changes.iter().find(|change| change.path == *path);
        let mut names = Self {
            application: contents.application.clone(),
            own: usual(&contents.application),
            named: Vec::new(),
            unknown: None,
            without_certificates: None,
        };
        for source in &contents.sources {
            let after = changed(&source.path).map(|change| &*change.after);
            names.add(&source.path, after.unwrap_or(&source.bytes));
        }
        for change in changes {
            names.doubt_directory(change);
        }
        let others_are_named = !contents.odf.entries.is_empty();
        let of_lost_directory = |problem: &Problem| {
            others_are_named && problem.code() == code::NO_CERTIFICATE_DIRECTORY
        };
        let problems = contents
            .problems
            .iter()
            .filter(|problem| changed(problem.path()).is_none())
            .filter(|problem| problem.severity() >= Severity::Warning);
        for problem in problems {
            match of_lost_directory(problem) {
                true => names.without_certificates = Some(problem.as_reason()),
                false => names.doubt(|| problem.as_reason()),
            }
        }
        names.doubt_missing(contents);
        names.doubt_applications(contents);
        names
    }

    /// The first file that names the file at `path` (absolute), or is it.
    pub(super) fn namer(&self, path: &FilePath) -> Option<&FilePath> {
        let own = self.own.iter().find(|own| self.is(own, path));
        let named = || {
            let mut named = self.named.iter();
            let (_, by) = named.find(|(named, _)| self.is(named, path))?;
            Some(by)
        };
        own.or_else(named)
    }

    /// Why there may be more that is named than is known; `None` if everything was read.
    pub(super) fn unknown(&self) -> Option<&str> {
        let without = self.without_certificates.as_deref();
        self.unknown.as_deref().or(without)
    }

    /// Whether all is known of the directories that the ODF names, be there one of certificates or
    /// not.
    pub(super) fn is_known_of_directories(&self) -> bool {
        self.unknown.is_none()
    }

    /// Whether the ODF names other directories, and none of certificates.
    pub(super) fn has_no_certificates(&self) -> bool {
        self.without_certificates.is_some()
    }

    /// Whether the file at `path` is a directory of certificates and nothing else: the ODF names
    /// it as that alone, and nothing but entries for certificates names it otherwise.
    pub(super) fn is_certificate_directory(&self, contents: &Contents, path: &FilePath) -> bool {
        let certificates = |kind| {
            matches!(
                kind,
                ObjectKind::Certificates
                    | ObjectKind::TrustedCertificates
                    | ObjectKind::UsefulCertificates
            )
        };
        let entries = contents.odf.objects();
        let of_odf: Vec<_> = entries
            .filter(|entry| entry.path().is_some_and(|named| self.is(&named.path, path)))
            .collect();
        // An entry of such a directory that names it as a certificate is a wrong entry.
        let lists = |by: &FilePath| contents.certificates.iter().any(|file| file.path == *by);
        let named = self
            .named
            .iter()
            .filter(|(named, by)| self.is(named, path) && !lists(by));
        let usual = usual(&self.application);
        of_odf.iter().all(|entry| certificates(entry.kind))
            && of_odf.len() == named.count()
            && !usual.iter().any(|own| own == path)
    }

    fn add(&mut self, source: &FilePath, bytes: &[u8]) {
        self.own.push(source.clone());
        let mut readers = vec![Reader::new(bytes).filler(Filler::Skip)];
        while let Some(reader) = readers.last_mut() {
            match reader.next() {
                None => drop(readers.pop()),
                Some(Ok(object)) => {
                    self.named
                        .extend(path_in(&object).map(|path| (path.into(), source.clone())));
                    if !object.tag.is_constructed() || object.value.is_empty() {
                        continue;
                    }
                    if readers.len() > MAX_DEPTH {
                        self.doubt(|| format!("{} nests too deep", source));
                        return;
                    }
                    readers.push(object.children());
                }
                Some(Err(error)) => {
                    self.doubt(|| format!("{} cannot be read whole: {error}", source));
                    return;
                }
            }
        }
    }

    fn doubt(&mut self, why: impl FnOnce() -> String) {
        self.unknown.get_or_insert_with(why);
    }

    /// What stays in a directory that was damaged before.
    fn doubt_directory(&mut self, change: &DirectoryChange) {
        let parsed = Directory::<Certificate>::parse(&change.after);
        let mut findings = parsed.findings.iter();
        if let Some(finding) = findings.find(|finding| finding.severity >= Severity::Warning) {
            self.doubt(|| format!("{}: {finding}", change.path));
        }
    }

    /// A directory that the ODF names, and that was not read.
    fn doubt_missing(&mut self, contents: &Contents) {
        let unread = contents
            .odf
            .objects()
            .filter_map(|entry| entry.path())
            .map(|path| contents.absolute(path))
            .find(|path| !contents.sources.iter().any(|source| source.path == *path));
        if let Some(path) = unread {
            self.doubt(|| format!("{} was not read", path));
        }
    }

    /// An application beside the one that was read: its files may name any.
    fn doubt_applications(&mut self, contents: &Contents) {
        if let Some(application) = contents.unread_applications().first() {
            self.doubt(|| format!("not read: {application}"));
        }
    }

    /// What may name files beside what was read.
    pub(super) fn doubt_beside(&mut self, not_read: &[String]) {
        if let Some(what) = not_read.first() {
            self.doubt(|| format!("not read: {what}"));
        }
    }

    /// Whether `named`, as it stands in a file of the card, can mean the file at `path`, which is
    /// absolute, or begins in an application (3FFF) of which only the AID is known: that one may be
    /// anywhere. Paths are absolute, or relative to DF(PKCS15) or to the MF, or end in an
    /// identifier alone; the application's own path may stand in them twice.
    fn is(&self, named: &FilePath, path: &FilePath) -> bool {
        // Bytes, as a path of the card need not be whole.
        let (file, named_file) = (path.below_master_file(), named.below_master_file());
        let (Some((directory, id)), Some((named_directory, named_id))) = (
            file.split_last_chunk::<2>(),
            named_file.split_last_chunk::<2>(),
        ) else {
            return file == named_file;
        };
        if id != named_id {
            return false;
        }
        let application = self.application.below_master_file();
        let mut rest = named_directory;
        while !application.is_empty() && rest.len() > application.len() {
            match rest.strip_prefix(application) {
                Some(shorter) if shorter.starts_with(application) => rest = shorter,
                _ => break,
            }
        }
        let absolute = named.is_absolute();
        let any = FilePath::from(named_directory)
            .fids()
            .any(|fid| fid == CURRENT_DF || fid == Fid::MASTER_FILE);
        let of_application = path.strip_prefix(&FilePath::CURRENT_DF);
        let below = of_application.and_then(|below| Some(below.split_last()?.0));
        any || rest == directory
            || below.is_some_and(|below| named_directory.ends_with(below.as_bytes()))
            || (!absolute && directory.ends_with(rest))
            || (!absolute && [application, rest].concat() == directory)
    }
}

/// Files that are the card's own whether they were read or not: EF.DIR and EF.ATR/INFO (ISO/IEC
/// 7816-4 §8.2.1), and the ODF, TokenInfo and UnusedSpace where they usually are (PKCS#15 §5.5).
fn usual(application: &FilePath) -> Vec<FilePath> {
    let mut files = vec![
        FilePath::EF_DIR,
        FilePath::MASTER_FILE.child(Fid::EF_ATR),
        FilePath::MASTER_FILE,
        application.clone(),
    ];
    files.extend([0x5031, 0x5032, 0x5033].map(|fid| application.child(Fid(fid))));
    files
}

/// The path that an object is, if it is one: tag 51, or a constructed object that begins as a Path
/// does: an OCTET STRING, perhaps an INTEGER, perhaps `[0]`.
fn path_in<'a>(object: &Tlv<'a>) -> Option<&'a [u8]> {
    if object.tag.value() == APPLICATION_PATH {
        return Some(object.value);
    }
    if !object.tag.is_constructed() {
        return None;
    }
    let mut children = object.children();
    let first = children.next()?.ok()?;
    let like_a_path = match children.next() {
        None | Some(Err(_)) => true,
        Some(Ok(second)) => matches!(second.tag.value(), 0x02 | 0x80),
    };
    (first.tag == Tag::OCTET_STRING && !first.value.is_empty() && like_a_path)
        .then_some(first.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: FilePath = FilePath::of_static(&[0x3F, 0x00, 0x50, 0x15, 0x43, 0x31]);
    const DIRECTORY: FilePath = FilePath::of_static(&[0x3F, 0x00, 0x50, 0x15, 0x44, 0x01]);

    fn names(path: &[u8]) -> Names {
        names_in([0x3F, 0x00, 0x50, 0x15].into(), path)
    }

    fn names_in(application: FilePath, path: &[u8]) -> Names {
        let path = [&[0x04, path.len() as u8], path].concat();
        let object = [&[0x30, path.len() as u8], path.as_slice()].concat();
        let mut names = Names {
            application,
            own: Vec::new(),
            named: Vec::new(),
            unknown: None,
            without_certificates: None,
        };
        names.add(&DIRECTORY, &object);
        names
    }

    #[test]
    fn a_path_names_its_file_in_every_form_that_it_can_have() {
        for path in [
            &[0x3F, 0x00, 0x50, 0x15, 0x43, 0x31][..],
            &[0x50, 0x15, 0x43, 0x31],
            &[0x43, 0x31],
            &[0x3F, 0x00, 0x50, 0x15, 0x50, 0x15, 0x43, 0x31],
            &[0x50, 0x15, 0x50, 0x15, 0x43, 0x31],
            &[0x3F, 0xFF, 0x43, 0x31],
            &[0x3F, 0x00, 0x3F, 0x00, 0x50, 0x15, 0x43, 0x31],
        ] {
            assert!(names(path).namer(&FILE).is_some(), "{path:02X?}");
        }
    }

    #[test]
    fn a_path_to_another_file_does_not_name_it() {
        for path in [
            &[0x3F, 0x00, 0x50, 0x15, 0x43, 0x32][..],
            &[0x3F, 0x00, 0x50, 0x16, 0x43, 0x31],
            &[0x3F, 0x00, 0x43, 0x31],
            &[0x50, 0x16, 0x43, 0x31],
            &[0x43, 0x31, 0x43, 0x32],
            &[0x31],
            &[0x3F, 0x00],
        ] {
            assert_eq!(names(path).namer(&FILE), None, "{path:02X?}");
        }
    }

    #[test]
    fn a_file_of_an_application_known_by_its_aid_alone_is_named_by_every_path_that_can_lead_there()
    {
        let own = FilePath::from([0x3F, 0xFF, 0x43, 0x31]);
        let below = FilePath::from([0x3F, 0xFF, 0x52, 0x00, 0x43, 0x31]);
        let named = |path: &[u8], file| {
            let names = names_in(FilePath::CURRENT_DF, path);
            names.namer(file).is_some()
        };
        for path in [
            &[0x3F, 0x00, 0x50, 0x15, 0x43, 0x31][..],
            &[0x3F, 0x00, 0x43, 0x31],
            &[0x50, 0x15, 0x43, 0x31],
            &[0x43, 0x31],
            &[0x3F, 0xFF, 0x43, 0x31],
        ] {
            assert!(named(path, &own), "{path:02X?}");
        }
        assert!(named(
            &[0x3F, 0x00, 0x50, 0x15, 0x52, 0x00, 0x43, 0x31],
            &below
        ));
        assert!(named(&[0x52, 0x00, 0x43, 0x31], &below));
        assert!(!named(&[0x3F, 0x00, 0x50, 0x15, 0x43, 0x32], &own));
        assert!(!named(&[0x3F, 0x00, 0x50, 0x15, 0x43, 0x31], &below));
    }

    #[test]
    fn the_own_files_of_an_application_known_by_its_aid_alone_are_so_by_every_path() {
        let mut names = names_in(FilePath::CURRENT_DF, &[]);
        names.own = usual(&FilePath::CURRENT_DF);
        for path in [
            &[0x3F, 0xFF, 0x50, 0x31][..],
            &[0x3F, 0x00, 0x50, 0x15, 0x50, 0x31],
            &[0x3F, 0x00, 0x50, 0x15, 0x50, 0x32],
            &[0x3F, 0x00, 0x2F, 0x00],
        ] {
            assert!(names.namer(&path.into()).is_some(), "{path:02X?}");
        }
        assert_eq!(
            names.namer(&[0x3F, 0x00, 0x50, 0x15, 0x43, 0x31].into()),
            None
        );
    }

    #[test]
    fn a_part_of_a_file_names_the_file_and_an_identifier_of_a_key_does_not() {
        let of = |text: &str| {
            let bytes = hex::decode(text.replace(' ', "")).expect("hex");
            let mut names = names(&[]);
            names.add(&DIRECTORY, &bytes);
            names.namer(&FILE).is_some()
        };
        assert!(of("30 0D A1 0B 30 09 04 02 4331 02 01 00 80 00"));
        assert!(of("A0 04 04 02 4331"));
        assert!(of("61 04 51 02 4331"));
        assert!(!of("30 08 04 02 4331 03 02 06 40"));
        assert!(!of("30 06 02 01 00 04 01 43"));
    }

    #[test]
    fn what_cannot_be_read_to_its_end_is_said_to_be_unknown() {
        for text in ["30 08 04 02 4331", "30 80 04 02 4331 00 00", "43 31"] {
            let bytes = hex::decode(text.replace(' ', "")).expect("hex");
            let mut names = names(&[0x50, 0x31]);
            assert_eq!(names.unknown(), None);
            names.add(&DIRECTORY, &bytes);
            assert!(names.unknown().is_some(), "{text}");
        }
    }
}
