//! What some bytes are: [`Kind`], said by a person or guessed from the bytes.

use kortlab_apdu::tlv::read_one;
use kortlab_apdu::{Atr, Command, ErrorKind, Response, StatusWord, private_key};
use kortlab_card::revocation::RevocationList;
use kortlab_card::{CertificateInfo, OcspAnswer};

use crate::node::Explanation;
use crate::{
    answer, atr, certificate, cms, command, fcp, ocsp, pkcs15, revocation_list, status, tlv,
};

/// What some bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A command.
    Command,
    /// A card's answer: data and status word.
    Answer,
    /// A status word alone.
    Status,
    /// An answer to reset.
    Atr,
    /// What SELECT answers of a file.
    File,
    /// An X.509 certificate.
    Certificate,
    /// An X.509 revocation list.
    RevocationList,
    /// An answer of an OCSP responder.
    Ocsp,
    /// A signed or enveloped message.
    Cms,
    /// A file of a PKCS#15 application.
    Pkcs15(pkcs15::File),
    /// BER-TLV data objects.
    Tlv,
}

/// The kinds by the words that people say for them.
const NAMES: [(&str, Kind); 20] = [
    ("command", Kind::Command),
    ("answer", Kind::Answer),
    ("status", Kind::Status),
    ("atr", Kind::Atr),
    ("fci", Kind::File),
    ("certificate", Kind::Certificate),
    ("crl", Kind::RevocationList),
    ("ocsp", Kind::Ocsp),
    ("cms", Kind::Cms),
    ("dir", Kind::Pkcs15(pkcs15::File::Dir)),
    ("tokeninfo", Kind::Pkcs15(pkcs15::File::TokenInfo)),
    ("odf", Kind::Pkcs15(pkcs15::File::Odf)),
    ("prkdf", Kind::Pkcs15(pkcs15::File::PrivateKeys)),
    ("pukdf", Kind::Pkcs15(pkcs15::File::PublicKeys)),
    ("skdf", Kind::Pkcs15(pkcs15::File::SecretKeys)),
    ("cdf", Kind::Pkcs15(pkcs15::File::Certificates)),
    ("aodf", Kind::Pkcs15(pkcs15::File::AuthObjects)),
    ("dodf", Kind::Pkcs15(pkcs15::File::DataObjects)),
    ("unusedspace", Kind::Pkcs15(pkcs15::File::UnusedSpace)),
    ("tlv", Kind::Tlv),
];

impl Kind {
    /// The words that [`Kind::named`] knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        let found = NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, kind)| *kind)
    }

    /// What bytes most likely are. They may be something else: a command can look like an answer.
    /// Files of PKCS#15 are not told from other BER-TLV.
    pub fn guess(bytes: &[u8]) -> Self {
        // What is told of a private key does not have its bytes.
        if CertificateInfo::parse(bytes).is_some() || certificate::holds_secret(bytes) {
            return Self::Certificate;
        }
        if RevocationList::parse("", bytes).is_ok() {
            return Self::RevocationList;
        }
        if cms::is_message(bytes) {
            return Self::Cms;
        }
        if OcspAnswer::parse("", bytes).is_ok() {
            return Self::Ocsp;
        }
        let is_status = |first: u8| matches!(first, 0x61..=0x6F | 0x90..=0x9F);
        match bytes {
            [first, _] if is_status(*first) => Self::Status,
            [0x3B | 0x3F, ..] if Atr::parse(bytes).is_ok() => Self::Atr,
            _ if fcp::is_alone(bytes) => Self::File,
            [data @ .., first, _] if is_status(*first) && fcp::is_alone(data) => Self::Answer,
            _ if fcp::is_template(bytes) && tlv::whole(bytes).is_some() => Self::File,
            // The classes that ISO/IEC 7816-4 §5.4.1 and cards use.
            [0x00..=0x1F | 0x80..=0xBF, ..] if Command::parse(bytes).is_ok() => Self::Command,
            // 9000 behind a data object would be an empty one, too.
            [data @ .., 0x90, 0x00] if tlv::whole(data).is_some() => Self::Answer,
            _ if tlv::whole(bytes).is_some() => Self::Tlv,
            [.., first, second]
                if has_data(*first, *second, bytes) && Response::parse(bytes).is_ok() =>
            {
                Self::Answer
            }
            _ => Self::Tlv,
        }
    }

    /// Whether bytes begin as all do that are of this kind, behind filler. BER-TLV can begin with any byte: there
    /// all of it must be. What is neither DER nor BER-TLV has no beginning of its own, and does.
    pub fn begins(self, bytes: &[u8]) -> bool {
        let is_filler = |byte: &&u8| matches!(byte, 0x00 | 0xFF);
        let Some(tag) = bytes.iter().find(|byte| !is_filler(byte)) else {
            return !self.is_tlv();
        };
        match self {
            Self::File => matches!(tag, 0x62 | 0x64 | 0x6F),
            Self::Certificate | Self::RevocationList | Self::Ocsp | Self::Cms => *tag == 0x30,
            Self::Pkcs15(pkcs15::File::Dir) => *tag == 0x61,
            Self::Pkcs15(pkcs15::File::Odf) => matches!(tag, 0xA0..=0xAF),
            Self::Pkcs15(pkcs15::File::TokenInfo | pkcs15::File::UnusedSpace) => *tag == 0x30,
            Self::Pkcs15(_) => matches!(tag, 0x30 | 0xA0..=0xAF),
            Self::Tlv => tlv::whole(bytes).is_some(),
            Self::Command | Self::Answer | Self::Status | Self::Atr => true,
        }
    }

    /// Whether this is DER or BER-TLV.
    const fn is_tlv(self) -> bool {
        !matches!(
            self,
            Self::Command | Self::Answer | Self::Status | Self::Atr
        )
    }

    /// What the bytes say, if they are this. Of a private key among them nothing is shown, whatever they are
    /// taken for.
    pub fn explain(self, bytes: &[u8]) -> Explanation {
        let mut explanation = self.decode(bytes);
        explanation.hide(&private_key::places(bytes));
        explanation
    }

    fn decode(self, bytes: &[u8]) -> Explanation {
        match self {
            Self::Command => command::explain(bytes),
            Self::Answer => answer::explain(None, bytes),
            Self::Status => match *bytes {
                [first, second] => {
                    let word = StatusWord::new(u16::from_be_bytes([first, second]));
                    Explanation {
                        what: "status word",
                        nodes: vec![status::node(word, 0, bytes)],
                        problems: Vec::new(),
                    }
                }
                _ => answer::explain(None, bytes),
            },
            Self::Atr => atr::explain(bytes),
            Self::File => fcp::explain(bytes),
            Self::Certificate => certificate::explain(bytes),
            Self::RevocationList => revocation_list::explain(bytes),
            Self::Ocsp => ocsp::explain(bytes),
            Self::Cms => cms::explain(bytes),
            Self::Pkcs15(file) => pkcs15::explain(file, bytes),
            Self::Tlv => tlv::explain(bytes),
        }
    }
}

/// Whether an answer with this status word has data: with an error there are none (ISO/IEC 7816-3 §12.1.1). A SEQUENCE
/// that is shorter than it says is cut, unless a card says that this is a piece of it.
fn has_data(first: u8, second: u8, bytes: &[u8]) -> bool {
    let is_cut = bytes.first() == Some(&0x30)
        && read_one(bytes).is_err_and(|error| matches!(error.kind(), ErrorKind::Truncated { .. }));
    match first {
        0x61 | 0x62 => true,
        0x90 => second == 0 || !is_cut,
        0x63 | 0x91..=0x9F => !is_cut,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_taken_for_what_they_most_likely_are() {
        for (hex, kind) in [
            ("9000", Kind::Status),
            ("6A82", Kind::Status),
            ("00A40000023F00", Kind::Command),
            ("00B0000000", Kind::Command),
            ("80CA9F7F00", Kind::Command),
            ("3B7D96000080318065B0A31101F383009000", Kind::Atr),
            ("62048302 2F00", Kind::File),
            ("62048302 2F00 0000FF00", Kind::File),
            ("62048302 2F00 9000", Kind::Answer),
            ("62048302 2F00 6283", Kind::Answer),
            ("6F058403414243 0000000000000000 9000", Kind::Answer),
            ("6F058403414243 FFFFFFFFFFFFFFFF 9000", Kind::Answer),
            ("62048302 2F00 80020100", Kind::File),
            ("30030201059000", Kind::Answer),
            ("3003020105", Kind::Tlv),
            // With an error there are no data; and a SEQUENCE that is cut.
            ("3082010002030102694B", Kind::Tlv),
            ("0102030405 694B", Kind::Tlv),
            ("3082010002030102 9F4B", Kind::Tlv),
            ("3082010002030102 9000", Kind::Answer),
            ("3082010002030102 6120", Kind::Answer),
            ("", Kind::Tlv),
            ("00", Kind::Tlv),
        ] {
            let bytes = hex::decode(hex.replace(' ', "")).expect("hexadecimal");
            assert_eq!(Kind::guess(&bytes), kind, "{hex}");
            assert!(!Kind::guess(&bytes).explain(&bytes).what.is_empty());
        }
    }

    #[test]
    fn what_is_der_begins_with_the_tag_of_its_kind() {
        for (name, begin, other) in [
            ("cdf", "300A", "A2"),
            ("prkdf", "00A004", "33"),
            ("odf", "A40A", "41"),
            ("dir", "FF6124", "30"),
            ("certificate", "3082", "4D49"),
            ("fci", "6F12", "3646"),
            ("tlv", "3003020105", "300302"),
        ] {
            let kind = Kind::named(name).expect("a kind");
            let begins = |hex: &str| kind.begins(&hex::decode(hex).expect("hexadecimal"));
            assert!(begins(begin), "{name}");
            assert!(name == "cdf" || !begins(other), "{name}");
            assert!(!begins("") && !begins("0000FF"), "{name}");
        }
        assert!(Kind::Command.begins(&[0x00]) && Kind::Answer.begins(&[]));
    }

    #[test]
    fn every_name_is_of_its_kind() {
        for name in Kind::names() {
            assert!(Kind::named(name).is_some(), "{name}");
        }
        assert_eq!(Kind::named("poem"), None);
    }
}
