//! What a card says of a file when it is selected (FCP and FCI, ISO/IEC 7816-4 §7.4).

use kortlab_apdu::fcp::{Fcp, FileKind};
use kortlab_apdu::{Error, StatusWord};

/// What a card says of a file. All of it is the card's word; nothing of it is relied on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileInfo {
    /// The file control parameters; `None` if the card gave none that can be read.
    pub fcp: Option<Fcp>,
    /// What in them does not fit the standard.
    pub findings: Vec<Error>,
    /// The warning (`62xx` or `63xx`) that the card gave with it, if it did: the file is selected, and
    /// something is the matter with it.
    pub warning: Option<StatusWord>,
    /// The whole answer.
    pub raw: Vec<u8>,
    /// The access rules in the records to which it refers (tag 8B), where these were read: of each its
    /// data objects in the expanded coding.
    pub rules: Vec<Vec<u8>>,
}

impl FileInfo {
    /// Reads the answer to SELECT. What cannot be read is left out; an empty answer gives an
    /// empty description.
    pub fn parse(answer: &[u8]) -> Self {
        let (fcp, findings) = match Fcp::parse(answer) {
            Ok(parsed) => (Some(parsed.value), parsed.findings),
            Err(_) if answer.is_empty() => (None, Vec::new()),
            Err(error) => (None, vec![error]),
        };
        Self {
            fcp,
            findings,
            warning: None,
            raw: answer.to_vec(),
            rules: Vec::new(),
        }
    }

    /// The kind of file, as the card says it (tag 82).
    pub fn kind(&self) -> Option<FileKind> {
        Some(self.fcp.as_ref()?.descriptor?.kind())
    }

    /// Whether the card says that it is a file and no DF.
    pub fn is_ef(&self) -> bool {
        self.kind().is_some_and(|kind| kind != FileKind::Df)
    }

    /// The size in bytes: without structural information (tag 80), else with it (tag 81).
    pub fn size(&self) -> Option<usize> {
        let fcp = self.fcp.as_ref()?;
        let size = fcp.size()?;
        Some(usize::try_from(size).unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(text: &str) -> Option<usize> {
        let info = FileInfo::parse(&hex::decode(text.replace(' ', "")).expect("hex"));
        info.size()
    }

    #[test]
    fn an_fci_and_an_fcp_tell_the_size() {
        let fci = "6F15 81020301 820101 83025500 8605 0101025E81 8A0107";
        assert_eq!(size(fci), Some(0x301));
        assert_eq!(size("6206 8002002A 8A00"), Some(42));
    }

    #[test]
    fn a_broken_answer_is_read_as_far_as_it_goes() {
        assert_eq!(FileInfo::parse(&[]), FileInfo::default());
        assert_eq!(size("6F06 80020010 8205"), Some(16));
        assert_eq!(size("9000"), None);
        assert_eq!(size("6F 84 FFFFFFFF"), None);
    }
}
