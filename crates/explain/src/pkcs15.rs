//! The files of a PKCS#15 application (PKCS#15 §6), and the objects in them.

use core::fmt::{self, Display};

use kortlab_apdu::FilePath;
use kortlab_apdu::tlv::Filler;
use kortlab_card::Problem;
use kortlab_pkcs15::{
    Aodf, Application, AuthenticationObject, Cdf, Certificate, CommonObjectAttributes, DataObject,
    Directory, DirectoryObject, Dodf, EfDir, Entry, Odf, OdfEntry, Parsed, Path, PrKdf, PrivateKey,
    PuKdf, PublicKey, SecretKey, SkDf, TokenInfo, UnusedSpace, UnusedSpaceRecord,
};

use crate::hexadecimal::Hex;
use crate::node::{Explanation, Node};
use crate::{asn1, tlv};

/// What whoever sees bytes that are no TokenInfo can do.
const NEXT: &str = "read the file again; if it stays so, whoever issued the card must correct it";

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum File {
    /// EF.DIR: the applications on the card.
    Dir,
    /// EF(TokenInfo): the card itself.
    TokenInfo,
    /// EF(ODF): where the other directories are.
    Odf,
    /// EF(PrKDF): private keys.
    PrivateKeys,
    /// EF(PuKDF): public keys.
    PublicKeys,
    /// EF(SKDF): secret keys.
    SecretKeys,
    /// EF(CDF): certificates.
    Certificates,
    /// EF(AODF): PINs and their like.
    AuthObjects,
    /// EF(DODF): data objects.
    DataObjects,
    /// EF(UnusedSpace).
    UnusedSpace,
}

impl File {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::Dir,
        Self::TokenInfo,
        Self::Odf,
        Self::PrivateKeys,
        Self::PublicKeys,
        Self::SecretKeys,
        Self::Certificates,
        Self::AuthObjects,
        Self::DataObjects,
        Self::UnusedSpace,
    ];

    /// Its name in the standard.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dir => "EF.DIR",
            Self::TokenInfo => "EF(TokenInfo)",
            Self::Odf => "EF(ODF)",
            Self::PrivateKeys => "EF(PrKDF)",
            Self::PublicKeys => "EF(PuKDF)",
            Self::SecretKeys => "EF(SKDF)",
            Self::Certificates => "EF(CDF)",
            Self::AuthObjects => "EF(AODF)",
            Self::DataObjects => "EF(DODF)",
            Self::UnusedSpace => "EF(UnusedSpace)",
        }
    }
}

impl Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the content of a file of this kind says. What is wrong are problems of the file, with the
/// object that they are about.
pub fn explain(file: File, bytes: &[u8]) -> Explanation {
    match file {
        File::Dir => directory(file, bytes, "application", EfDir::parse(bytes)),
        File::TokenInfo => token_info(bytes),
        File::Odf => directory(file, bytes, "directory", Odf::parse(bytes)),
        File::PrivateKeys => directory(file, bytes, "private key", PrKdf::parse(bytes)),
        File::PublicKeys => directory(file, bytes, "public key", PuKdf::parse(bytes)),
        File::SecretKeys => directory(file, bytes, "secret key", SkDf::parse(bytes)),
        File::Certificates => directory(file, bytes, "certificate", Cdf::parse(bytes)),
        File::AuthObjects => directory(file, bytes, "authentication object", Aodf::parse(bytes)),
        File::DataObjects => directory(file, bytes, "data object", Dodf::parse(bytes)),
        File::UnusedSpace => directory(file, bytes, "unused space", UnusedSpace::parse(bytes)),
    }
}

fn directory<T: DirectoryObject + Words>(
    file: File,
    bytes: &[u8],
    what: &str,
    parsed: Parsed<Directory<T>>,
) -> Explanation {
    let (mut explanation, entries) = content(file, bytes, parsed);
    let entries = entries.entries;
    let objects = explanation
        .nodes
        .iter_mut()
        .filter(|node| node.tag.is_some());
    // Where the reader has found the objects elsewhere than their lengths say, its problems tell
    // where; the tree then shows the bytes as they stand.
    if objects.count() == entries.len() {
        let objects = explanation
            .nodes
            .iter_mut()
            .filter(|node| node.tag.is_some());
        for (node, entry) in objects.zip(&entries) {
            node.rename(what);
            match entry {
                Entry::Object(object) => node.mean(object.words().join(", ")),
                Entry::Unreadable(_) => node.mean("cannot be read"),
            }
            match file {
                File::Odf | File::UnusedSpace => paths(node),
                _ => attributes(node),
            }
        }
    }
    explanation
}

fn token_info(bytes: &[u8]) -> Explanation {
    let file = File::TokenInfo;
    match TokenInfo::parse(bytes) {
        Ok(parsed) => {
            let (mut explanation, info) = content(file, bytes, parsed);
            if let Some(node) = explanation.nodes.first_mut() {
                node.rename("TokenInfo");
                let mut words: Vec<_> = info.label.iter().map(|label| quoted(label)).collect();
                if let Some(serial) = &info.serial_number {
                    words.push(format!("serial number {}", crate::card::serial(serial)));
                }
                words.extend(info.manufacturer_id.map(|maker| format!("made by {maker}")));
                node.mean(words.join(", "));
            }
            explanation
        }
        Err(error) => {
            let (nodes, _) = tlv::tree(bytes, Filler::Skip);
            Explanation {
                what: file.name(),
                nodes,
                problems: vec![Problem::of_bytes(file.name(), error).hint(NEXT)],
            }
        }
    }
}

/// The tree of a file, with what its reader found, and its value.
fn content<T>(file: File, bytes: &[u8], parsed: Parsed<T>) -> (Explanation, T) {
    let (mut nodes, errors) = tlv::tree(bytes, Filler::Skip);
    asn1::dress(&mut nodes, bytes);
    let findings = parsed.findings.into_iter();
    let mut problems: Vec<_> = findings
        .map(|finding| Problem::of_content(file.name(), &FilePath::EMPTY, finding))
        .collect();
    if problems.is_empty() {
        // The reader copes with what the tree does not, as deep elements that it keeps.
        let errors = errors.into_iter();
        problems.extend(errors.map(|error| Problem::of_bytes(file.name(), error).hint(NEXT)));
    }
    let explanation = Explanation {
        what: file.name(),
        nodes,
        problems,
    };
    (explanation.settled(), parsed.value)
}

/// Names the Path (PKCS#15 §6.1.5) in an entry of EF(ODF) and in a record of EF(UnusedSpace).
fn paths(node: &mut Node) {
    if let Some(part) = node.parts.iter_mut().find(|part| part.is(0x30)) {
        part.rename("path");
    }
}

/// Names the attributes of a PKCS15Object (PKCS#15 §6.1.8): SEQUENCE { common, class, [0] subclass,
/// [1] type }.
fn attributes(node: &mut Node) {
    if !node.parts.first().is_some_and(|part| part.is(0x30)) {
        return;
    }
    let mut sequences = 0;
    for part in &mut node.parts {
        let name = match part.tag.map(kortlab_apdu::tlv::Tag::value) {
            Some(0x30) if sequences == 0 => "common object attributes",
            Some(0x30) if sequences == 1 => "class attributes",
            Some(0xA0) => "subclass attributes",
            Some(0xA1) => "type attributes",
            _ => continue,
        };
        sequences += usize::from(part.is(0x30));
        part.rename(name);
    }
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}

fn path(path: &Path) -> String {
    let part = match (path.index, path.length) {
        (Some(index), Some(length)) => format!(", {length} bytes from byte {index}"),
        _ => String::new(),
    };
    format!("in {:X}{part}", path.path)
}

fn common(attributes: &CommonObjectAttributes) -> Vec<String> {
    let label = attributes.label.iter().map(|label| quoted(label));
    let pin = attributes.auth_id.iter();
    label
        .chain(pin.map(|id| format!("under the PIN {id}")))
        .collect()
}

/// An object in a few words.
trait Words {
    /// The words, the most telling ones first.
    fn words(&self) -> Vec<String>;
}

impl Words for Application {
    fn words(&self) -> Vec<String> {
        let aid = format!("AID {}", Hex(&self.aid));
        let label = self.label.iter().map(|label| quoted(label));
        let path = self.path.iter().map(|path| format!("in {path:X}"));
        label.chain([aid]).chain(path).collect()
    }
}

impl Words for OdfEntry {
    fn words(&self) -> Vec<String> {
        let path = self.path().map(path);
        [self.kind.to_string()].into_iter().chain(path).collect()
    }
}

impl Words for PrivateKey {
    fn words(&self) -> Vec<String> {
        let mut words = common(&self.common);
        words.push(format!("key {}", self.id()));
        words.extend(self.modulus_length().map(|bits| format!("{bits} bits")));
        let usage: Vec<_> = self.usage().names().collect();
        words.push(usage.join(" "));
        words.extend(self.path().map(path));
        words
    }
}

impl Words for PublicKey {
    fn words(&self) -> Vec<String> {
        let mut words = common(&self.common);
        words.push(format!("key {}", self.id()));
        let usage: Vec<_> = self.usage().names().collect();
        words.push(usage.join(" "));
        words.extend(self.path().map(path));
        words
    }
}

impl Words for SecretKey {
    fn words(&self) -> Vec<String> {
        let mut words = common(&self.common);
        words.push(format!("key {}", self.id()));
        words.extend(self.length().map(|bits| format!("{bits} bits")));
        let usage: Vec<_> = self.usage().names().collect();
        words.push(usage.join(" "));
        words.extend(self.path().map(path));
        words
    }
}

impl Words for Certificate {
    fn words(&self) -> Vec<String> {
        let mut words = common(&self.common);
        words.push(format!("for key {}", self.id()));
        words.extend(
            self.certificate
                .authority
                .then(|| "an authority's".to_owned()),
        );
        words.extend(self.path().map(path));
        words
    }
}

impl Words for AuthenticationObject {
    fn words(&self) -> Vec<String> {
        let mut words = common(&self.common);
        words.push(format!("identifier {}", self.auth_id()));
        if let Some(pin) = self.pin_attributes() {
            words.push(match pin.is_unblocking() {
                true => "a PUK".to_owned(),
                false => "a PIN".to_owned(),
            });
            words.extend(pin.p2().map(|p2| format!("reference {p2:02X}")));
            let most = pin.max_length.map(|most| format!(" to {most}"));
            let most = most.unwrap_or_else(|| " or more".to_owned());
            words.push(format!("{}{most} characters", pin.min_length));
        }
        words
    }
}

impl Words for DataObject {
    fn words(&self) -> Vec<String> {
        let mut words = common(&self.common);
        words.extend(self.data.application_name.iter().map(|name| quoted(name)));
        words.extend(self.data.application_oid.iter().map(ToString::to_string));
        words.extend(self.path().map(path));
        words
    }
}

impl Words for UnusedSpaceRecord {
    fn words(&self) -> Vec<String> {
        let pin = self.auth_id.iter();
        [path(&self.path)]
            .into_iter()
            .chain(pin.map(|id| format!("under the PIN {id}")))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cdf() -> Vec<u8> {
        let certificate = Certificate::x509(
            CommonObjectAttributes::labelled("Legitimering"),
            0x45,
            Path::file([0x3F, 0x00, 0x50, 0x15, 0x43, 0x31]),
        );
        let other = Certificate::x509(
            CommonObjectAttributes::labelled("Underskrift\u{1b}[2J"),
            0x46,
            Path::file([0x43, 0x32]),
        );
        Cdf::new([certificate, other]).encode().expect("DER")
    }

    #[test]
    fn each_object_is_said_in_words_at_its_place_and_filler_is_named() {
        let mut bytes = cdf();
        let length = bytes.len();
        bytes.extend([0; 40]);
        let explained = explain(File::Certificates, &bytes);
        // The label with a control character in it.
        let codes: Vec<_> = explained
            .problems
            .iter()
            .map(|problem| problem.code())
            .collect();
        assert_eq!(codes, ["bad-value"], "{explained}");
        let [first, second, filler] = explained.nodes.as_slice() else {
            panic!("{explained}");
        };
        assert_eq!(
            first.meaning.as_deref(),
            Some("\"Legitimering\", for key 45, in 3F0050154331")
        );
        assert_eq!(first.parts[0].name, "common object attributes");
        assert_eq!(
            first.parts[0].parts[0].meaning.as_deref(),
            Some("Legitimering")
        );
        assert!(
            !second
                .meaning
                .as_deref()
                .unwrap_or_default()
                .contains('\u{1b}')
        );
        assert_eq!(
            (filler.name.as_str(), filler.span.offset),
            ("filler", length)
        );
    }

    #[test]
    fn what_an_entry_of_the_odf_and_free_space_hold_is_a_path_and_no_attributes() {
        let odf = hex::decode("A00A300804063F0050154402").expect("bytes");
        let unused = hex::decode("300D300B040243330201008002052A").expect("bytes");
        for (file, bytes) in [(File::Odf, odf), (File::UnusedSpace, unused)] {
            let explained = explain(file, &bytes);
            assert!(explained.problems.is_empty(), "{explained}");
            assert_eq!(explained.nodes[0].parts[0].name, "path", "{explained}");
        }
    }

    #[test]
    fn a_file_that_is_cut_is_never_clean_and_what_is_left_is_shown() {
        let bytes = cdf();
        for length in 1..bytes.len() {
            let explained = explain(File::Certificates, &bytes[..length]);
            let whole = explained.nodes[0].span.length == length && length < 60;
            assert!(!explained.is_clean() || whole, "{length}: {explained}");
            let end = explained.nodes.last().map(|node| node.span.end());
            assert_eq!(end, Some(length));
        }
    }

    #[test]
    fn a_file_of_another_kind_is_told_in_every_kind() {
        for file in File::ALL {
            let explained = explain(file, &[0x04, 0x02, 0xAA, 0xBB]);
            assert!(!explained.is_clean(), "{explained}");
            assert_eq!(explained.problems[0].file(), file.name());
        }
    }
}
