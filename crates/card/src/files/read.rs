//! Reading transparent EFs (READ BINARY, ISO/IEC 7816-4 §11.3.3).

use kortlab_apdu::ByteCount;
use kortlab_apdu::fcp::FileKind;
use kortlab_apdu::tlv::read_one;
use kortlab_apdu::{Channel, Command, FilePath, Protocol, StatusWord, instruction};

use super::{FileInfo, Files, Known, MAX_FILE};
use crate::contents::is_final;
use crate::error::{CardError, ErrorKind};
use crate::problem::code;

/// The most bytes one short READ BINARY brings.
const SHORT_READ: usize = 256;

/// The last offset that P1-P2 can say; with P1's high bit set it would mean a short file
/// identifier.
const MAX_OFFSET: usize = 0x7FFF;

/// What was read from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// What the card said of the file when it was selected.
    pub info: FileInfo,
    /// Its bytes.
    pub data: Vec<u8>,
    /// What was odd on the way, in words: the file ended before the size that the card gives, or
    /// went on after it, or the card warned of damage.
    pub remarks: Vec<Remark>,
}

/// Something odd about how a file could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// A stable word for programs, one of [`code`].
    pub code: &'static str,
    /// The same for people.
    pub message: String,
}

impl Remark {
    /// That the card warns when it gives the bytes of `name` from byte `offset` on.
    pub(crate) fn of_reading(name: &str, status: StatusWord, offset: usize) -> Self {
        match status {
            StatusWord::CORRUPTED_DATA => Self::new(
                code::CORRUPTED,
                format!("the card warns that {name} may be corrupted from byte {offset} on (6281)"),
            ),
            _ => Self::new(
                code::READ_WITH_WARNING,
                format!(
                    "the card warns when it gives the bytes of {name} from byte {offset} on: {status} \
                     ({})",
                    status.meaning_after(instruction::READ_BINARY)
                ),
            ),
        }
    }

    /// The same of a record.
    pub(crate) fn of_record(path: &FilePath, status: StatusWord, number: u8) -> Self {
        let code = match status {
            StatusWord::CORRUPTED_DATA => code::CORRUPTED,
            _ => code::READ_WITH_WARNING,
        };
        let text = match status {
            StatusWord::CORRUPTED_DATA => {
                format!("the card warns that record {number} of {path} may be corrupted (6281)")
            }
            _ => format!(
                "the card warns when it gives record {number} of {path}: {status} ({})",
                status.meaning_after(instruction::READ_RECORD)
            ),
        };
        Self::new(code, text)
    }

    /// Whether it says that the bytes may be others than those that were written.
    pub fn is_of_reading(&self) -> bool {
        matches!(self.code, code::CORRUPTED | code::READ_WITH_WARNING)
    }

    /// A remark; `code` is one of [`code`].
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, message }
    }

    /// The card has answered with a warning when the file at `path` was selected.
    pub(super) fn of_selecting(path: &FilePath, warning: StatusWord) -> Self {
        let text = format!(
            "the card warns when {path} is selected: {warning} ({})",
            warning.meaning()
        );
        Self::new(code::SELECTED_WITH_WARNING, text)
    }
}

impl<C: Channel + ?Sized> Files<'_, C> {
    /// Selects the transparent EF at `path` and reads all of it.
    ///
    /// It is read to the size that the card gives, or to its end where the card gives none; never
    /// more than [`MAX_FILE`] bytes.
    ///
    /// # Errors
    /// It cannot be selected or read, or the card's answers bring no progress.
    pub fn read(&mut self, path: &FilePath) -> Result<Content, CardError> {
        let known = self.read_anew(path)?;
        if let Some(error) = known.ended {
            return Err(error);
        }
        Ok(Content {
            info: FileInfo::clone(&known.info),
            data: known.data.into(),
            remarks: known.remarks.to_vec(),
        })
    }

    /// The file at `path` as it was read in this session; if it was not, it is read now.
    ///
    /// # Errors
    /// It cannot be selected, or not one byte of it can be read. If reading ended later, what came
    /// until then is given, with [`Known::ended`].
    pub(crate) fn read_once(&mut self, path: &FilePath) -> Result<Known, CardError> {
        let known = self.shelf.as_ref().and_then(|shelf| shelf.get(path));
        let known = match known {
            Some(known) => known,
            None => self.read_anew(path)?,
        };
        match &known.ended {
            Some(error) if known.data.is_empty() => Err(error.clone()),
            _ => Ok(known),
        }
    }

    /// Reads the file at `path` from the card, and keeps what was read for the session. What could not
    /// be read has [`Known::ended`].
    ///
    /// # Errors
    /// The card is gone, or another program has it.
    pub(crate) fn read_anew(&mut self, path: &FilePath) -> Result<Known, CardError> {
        if let Some(shelf) = &mut self.shelf {
            shelf.forget(path);
        }
        let (info, data, remarks, ended) = match self.select(path) {
            Ok(info) => {
                let (data, mut remarks, ended) = self.read_blocks(&path.to_string(), info.size());
                if let Some(warning) = info.warning {
                    remarks.insert(0, Remark::of_selecting(path, warning));
                }
                let ended = match is_directory(&info, &data, ended.as_ref()) {
                    true => Some(directory(path)),
                    false => ended,
                };
                (info, data, remarks, ended)
            }
            Err(error) => (FileInfo::default(), Vec::new(), Vec::new(), Some(error)),
        };
        let known = Known {
            info: info.into(),
            data: data.into(),
            remarks: remarks.into(),
            ended,
        };
        match &known.ended {
            // The card is gone, or another program has it: that says nothing of the file.
            Some(error) if is_final(error) => return Err(error.clone()),
            _ => {}
        }
        if let Some(shelf) = &mut self.shelf {
            shelf.keep(path, known.clone());
        }
        Ok(known)
    }

    /// Reads the selected EF, which is called `name` in errors: `size` bytes if that is known, else
    /// to its end.
    ///
    /// # Errors
    /// As for [`Files::read`].
    pub fn read_selected(
        &mut self,
        name: &str,
        size: Option<usize>,
    ) -> Result<(Vec<u8>, Vec<Remark>), CardError> {
        match self.read_blocks(name, size) {
            (data, remarks, None) => Ok((data, remarks)),
            (_, _, Some(error)) => Err(error),
        }
    }

    /// The same, giving what could be read, what was odd, and what ended it before the file did.
    pub fn read_selected_as_far(
        &mut self,
        name: &str,
        size: Option<usize>,
    ) -> (Vec<u8>, Vec<Remark>, Option<CardError>) {
        self.read_blocks(name, size)
    }

    fn read_blocks(
        &mut self,
        name: &str,
        size: Option<usize>,
    ) -> (Vec<u8>, Vec<Remark>, Option<CardError>) {
        let mut data = Vec::new();
        let mut remarks = Vec::new();
        let goal = size.unwrap_or(MAX_FILE).min(MAX_FILE);
        if let Some(size) = size.filter(|&size| size > MAX_FILE) {
            let text =
                format!("the card says {name} has {size} bytes; only {MAX_FILE} can be read");
            remarks.push(Remark::new(code::SIZE_MISMATCH, text));
        }
        let step = self.read_step();
        while data.len() < goal && data.len() <= MAX_OFFSET {
            let wanted = (goal - data.len()).min(step);
            let block = match self.read_block(name, data.len(), wanted) {
                Ok(block) => block,
                Err(error) => return (data, remarks, Some(error)),
            };
            if self.metered
                && let Some(shelf) = &mut self.shelf
            {
                shelf.meter.received(block.bytes().len());
            }
            match block {
                Block::Data(block) => data.extend_from_slice(&block),
                Block::Warned(status, block) => {
                    warned(&mut remarks, name, status, data.len());
                    data.extend_from_slice(&block);
                }
                Block::Last(block) => {
                    data.extend_from_slice(&block);
                    break;
                }
            }
        }
        if let Some(size) = size.filter(|&size| data.len() == size) {
            self.read_on(name, size, &mut data, &mut remarks);
        }
        if let Some(size) = size.filter(|&size| data.len() < size.min(MAX_FILE)) {
            let text = format!(
                "{name} ends after {}; the card says it has {size}",
                ByteCount(data.len())
            );
            remarks.push(Remark::new(code::SIZE_MISMATCH, text));
        }
        (data, remarks, None)
    }

    /// Reads on where the last data object goes on behind the size that the card gives: the
    /// object's own length decides, and its first bytes where not even that was read. Where the
    /// file ends with that size it is the object that is cut, and nothing is added.
    fn read_on(&mut self, name: &str, size: usize, data: &mut Vec<u8>, remarks: &mut Vec<Remark>) {
        let step = self.read_step();
        loop {
            let goal = match data.len() {
                0 => SHORT_HEADER,
                _ => end_of_objects(data).min(MAX_FILE),
            };
            if data.len() >= goal || data.len() > MAX_OFFSET {
                break;
            }
            let wanted = (goal - data.len()).min(step);
            let block = self.read_block(name, data.len(), wanted);
            if self.metered
                && let (Some(shelf), Ok(block)) = (&mut self.shelf, &block)
            {
                shelf.meter.received(block.bytes().len());
            }
            match block {
                Ok(Block::Data(block)) if !block.is_empty() => data.extend_from_slice(&block),
                Ok(Block::Warned(status, block)) => {
                    warned(remarks, name, status, data.len());
                    data.extend_from_slice(&block);
                }
                Ok(Block::Last(block)) => {
                    data.extend_from_slice(&block);
                    break;
                }
                // The card holds to the size that it gave.
                _ => break,
            }
        }
        if data.len() > size {
            let text = format!(
                "the card says {name} has {}; it goes on, and {} were read",
                ByteCount(size),
                data.len()
            );
            remarks.push(Remark::new(code::SIZE_MISMATCH, text));
        }
    }

    /// Reads `length` bytes of the selected EF, which is called `name` in errors, from byte `offset`
    /// on; fewer where the file ends. Warnings of the card are left out.
    ///
    /// # Errors
    /// As for [`Files::read`].
    pub fn read_part_selected(
        &mut self,
        name: &str,
        offset: usize,
        length: usize,
    ) -> Result<Vec<u8>, CardError> {
        self.read_part_warned(name, offset, length)
            .map(|(data, _)| data)
    }

    /// The same, with what the card warns of.
    ///
    /// # Errors
    /// As for [`Files::read`].
    pub fn read_part_warned(
        &mut self,
        name: &str,
        offset: usize,
        length: usize,
    ) -> Result<(Vec<u8>, Vec<Remark>), CardError> {
        let mut data = Vec::new();
        let mut remarks = Vec::new();
        let step = self.read_step();
        let end = offset.saturating_add(length).min(MAX_FILE);
        while offset + data.len() < end && offset + data.len() <= MAX_OFFSET {
            let at = offset + data.len();
            match self.read_block(name, at, (end - at).min(step))? {
                Block::Data(block) => data.extend_from_slice(&block),
                Block::Warned(status, block) => {
                    warned(&mut remarks, name, status, at);
                    data.extend_from_slice(&block);
                }
                Block::Last(block) => {
                    data.extend_from_slice(&block);
                    break;
                }
            }
        }
        Ok((data, remarks))
    }

    /// How many bytes to ask for at once: more than 256 only where extended length is carried.
    fn read_step(&self) -> usize {
        match (self.channel.protocol(), self.channel.max_command_data()) {
            (Protocol::T1, more) if more > 255 => more.clamp(SHORT_READ, 2048),
            _ => SHORT_READ,
        }
    }

    fn read_block(&mut self, name: &str, offset: usize, wanted: usize) -> Result<Block, CardError> {
        let doing = format!("read {name} at byte {offset}");
        let [p1, p2] = u16::try_from(offset).unwrap_or(u16::MAX).to_be_bytes();
        let ne = u32::try_from(wanted).unwrap_or(u32::MAX);
        let mut command = Command::new(instruction::READ_BINARY, p1, p2).expecting(ne);
        let mut response = self.send(&doing, &command)?;
        if response.status() == StatusWord::WRONG_LENGTH && wanted != SHORT_READ {
            // Some cards take only Le = 00, others no extended length whatever the reader carries.
            command = command.expecting_any();
            response = self.send(&doing, &command)?;
        }
        let status = response.status();
        let mut block = response.into_data();
        if block.len() > wanted {
            block.truncate(wanted);
        }
        match status {
            StatusWord::SUCCESS if block.is_empty() => {
                Err(
                    CardError::nonsense(&doing, &command, "success, and not one byte of data")
                        .hint("read it again; if it stays so, the file or the card is damaged"),
                )
            }
            StatusWord::SUCCESS => Ok(Block::Data(block)),
            StatusWord::END_OF_FILE => Ok(Block::Last(block)),
            // A warning is given after the command was carried out (ISO/IEC 7816-4 §5.6).
            _ if status.is_warning() && !block.is_empty() => Ok(Block::Warned(status, block)),
            // The offset is at, or behind, the end of the file; of an empty one, already 0 is.
            StatusWord::WRONG_P1_P2 => Ok(Block::Last(Vec::new())),
            // Bytes of this file came before: it is the selection that is gone.
            StatusWord::NO_CURRENT_EF | StatusWord::INCOMPATIBLE_FILE if offset > 0 => {
                let why = match status {
                    StatusWord::NO_CURRENT_EF => "no file is selected any more",
                    _ => "another file is selected now",
                };
                Err(
                    CardError::refused(&doing, &command, status).hint(format!(
                        "{why}: the card was reset, or reset itself, or another program has selected \
                         something else; read it again, and if it stays so, the card or its contacts \
                         are at fault"
                    )),
                )
            }
            StatusWord::NO_CURRENT_EF | StatusWord::INCOMPATIBLE_FILE => {
                Err(CardError::refused(&doing, &command, status)
                    .with_kind(ErrorKind::Unsupported)
                    .hint("it is no transparent file; read its records, or list it"))
            }
            _ => Err(CardError::refused(&doing, &command, status)),
        }
    }
}

/// Whether what was selected is a DF: the card says so, and not one byte could be read. A file that
/// is said to be one is read all the same.
fn is_directory(info: &FileInfo, data: &[u8], ended: Option<&CardError>) -> bool {
    let nothing = ended.is_none_or(|error| error.kind() == ErrorKind::Unsupported);
    info.kind() == Some(FileKind::Df) && data.is_empty() && nothing
}

fn directory(path: &FilePath) -> CardError {
    let message = format!("{path} is a directory (DF), as the card says, and no file");
    CardError::new(ErrorKind::Directory, message)
        .hint("whoever wrote the path that leads there must correct it")
}

/// The tag and the length of a short data object.
const SHORT_HEADER: usize = 2;

/// Where the data objects in `data` end, by what they say themselves; the last one may go on
/// behind what was read.
fn end_of_objects(data: &[u8]) -> usize {
    let mut position = 0;
    loop {
        let rest = data.get(position..).unwrap_or_default();
        match read_one(rest) {
            Ok(object) => position += object.raw.len(),
            Err(error) => {
                if let Some(header) = header_of_sequence(rest)
                    && rest.len() < header
                {
                    return position.saturating_add(header);
                }
                let missing = match error.kind() {
                    // Only certificates and directories are made of SEQUENCEs.
                    kortlab_apdu::error::ErrorKind::Truncated {
                        what: "value",
                        needed,
                        ..
                    } if rest.first() == Some(&0x30) => error.offset().saturating_add(needed),
                    _ => rest.len(),
                };
                return position.saturating_add(missing);
            }
        }
    }
}

/// How many bytes the tag and the length of a SEQUENCE take, as far as that is known.
fn header_of_sequence(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [0x30] => Some(SHORT_HEADER),
        [0x30, length @ 0x81..=0x84, ..] => Some(SHORT_HEADER + usize::from(length & 0x7F)),
        _ => None,
    }
}

/// Notes a warning, each of them at the first byte of which it is given.
fn warned(remarks: &mut Vec<Remark>, name: &str, status: StatusWord, offset: usize) {
    let remark = Remark::of_reading(name, status, offset);
    if !remarks.iter().any(|known| known.code == remark.code) {
        remarks.push(remark);
    }
}

enum Block {
    Data(Vec<u8>),
    /// With what the card warns of.
    Warned(StatusWord, Vec<u8>),
    Last(Vec<u8>),
}

impl Block {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Data(bytes) | Self::Warned(_, bytes) | Self::Last(bytes) => bytes,
        }
    }
}
