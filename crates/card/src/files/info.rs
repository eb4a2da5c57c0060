//! What a card says of a file when it is selected (FCP and FCI, ISO/IEC 7816-4 §7.4).

use kortlab_apdu::tlv::{Filler, Reader};

/// What kind of file it is, from the file descriptor byte (ISO/IEC 7816-4 table 14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A directory, or an application.
    Directory,
    /// An elementary file without structure.
    Transparent,
    /// An elementary file of records.
    Records,
    /// Something of the card's own, such as a key file.
    Other,
}

/// What a card says of a file. All of it is the card's word; nothing of it is relied on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileInfo {
    /// The size in bytes: tag 80, else tag 81.
    pub size: Option<usize>,
    /// The file descriptor, tag 82.
    pub descriptor: Vec<u8>,
    /// The file identifier, tag 83.
    pub file_id: Option<[u8; 2]>,
    /// The DF name, tag 84.
    pub name: Vec<u8>,
    /// The access conditions, tag 86, as the card codes them.
    pub security: Option<Vec<u8>>,
    /// The life cycle status, tag 8A.
    pub life_cycle: Option<u8>,
    /// The whole answer.
    pub raw: Vec<u8>,
}

impl FileInfo {
    /// Reads the answer to SELECT. What cannot be read is left out; an empty answer gives an
    /// empty description.
    pub fn parse(answer: &[u8]) -> Self {
        let mut info = Self {
            raw: answer.to_vec(),
            ..Self::default()
        };
        // 6F and 62 (and 64, or 62 within 6F) are wrappers; some cards leave them out.
        let mut content = answer;
        for _ in 0..2 {
            let Some(Ok(outer)) = Reader::new(content).next() else {
                break;
            };
            if !matches!(outer.tag.value(), 0x6F | 0x62 | 0x64) {
                break;
            }
            content = outer.value;
        }
        let mut total = None;
        for object in Reader::new(content).filler(Filler::Skip) {
            let Ok(object) = object else { break };
            match (object.tag.value(), object.value) {
                (0x80, value) => info.size = info.size.or(number(value)),
                (0x81, value) => total = total.or(number(value)),
                (0x82, value) => info.descriptor = value.to_vec(),
                (0x83, &[high, low]) => info.file_id = Some([high, low]),
                (0x84, value) => info.name = value.to_vec(),
                (0x86, value) => info.security = Some(value.to_vec()),
                (0x8A, &[status]) => info.life_cycle = Some(status),
                _ => {}
            }
        }
        info.size = info.size.or(total);
        info
    }

    /// What kind of file it is, if the card says so.
    pub fn kind(&self) -> Option<FileKind> {
        let descriptor = *self.descriptor.first()?;
        Some(match (descriptor >> 3 & 0x07, descriptor & 0x07) {
            (0b111, 0) => FileKind::Directory,
            (0b000 | 0b001, 0b001) => FileKind::Transparent,
            (0b000 | 0b001, 0b010..=0b111) => FileKind::Records,
            _ => FileKind::Other,
        })
    }
}

fn number(value: &[u8]) -> Option<usize> {
    if value.is_empty() || value.len() > 4 {
        return None;
    }
    let number = value
        .iter()
        .fold(0_u32, |sum, &byte| sum << 8 | u32::from(byte));
    usize::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(text: &str) -> FileInfo {
        FileInfo::parse(&hex::decode(text.replace(' ', "")).expect("hex"))
    }

    #[test]
    fn an_fci_and_an_fcp_tell_size_kind_and_access() {
        let file = info("6F15 81020301 820101 83025500 8605 0101025E81 8A0107");
        assert_eq!(file.size, Some(0x301));
        assert_eq!(file.kind(), Some(FileKind::Transparent));
        assert_eq!(file.file_id, Some([0x55, 0x00]));
        assert_eq!(file.life_cycle, Some(7));
        assert_eq!(file.security.as_deref().map(<[u8]>::len), Some(5));
        let directory = info("6F0B 620982013883025015 8400");
        assert_eq!(directory.kind(), Some(FileKind::Directory));
        assert_eq!(info("62048002002A").size, Some(42));
    }

    #[test]
    fn a_broken_answer_is_read_as_far_as_it_goes() {
        assert_eq!(info("").size, None);
        assert_eq!(info("6F06 80020010 8205").size, Some(16));
        assert_eq!(info("6F05 8005FFFFFF").size, None);
        assert_eq!(info("6F 84 FFFFFFFF").kind(), None);
    }
}
