//! The form of the corpora of OpenSC's fuzzers: pieces of two bytes of length, in the byte order of the
//! machine, and so many bytes. The first piece is the ATR, each further one what the card answers next,
//! whatever it was asked. Some of the fuzzers have something of their own in front of that, as the
//! arguments of a tool.

use crate::recipe::{MAX_LINES, Recipe};

/// The most bytes of a file. As a fault each takes two digits.
pub const MAX_FILE: usize = MAX_LINES / 3;
/// The longest ATR (ISO/IEC 7816-3 §8.2.1).
const MAX_ATR: usize = 33;
/// What an ATR begins with (ISO/IEC 7816-3 §8.1), and the shortest that has a historical byte or none.
const FIRST: [u8; 2] = [0x3B, 0x3F];
const MIN_ATR: usize = 2;
/// What a piece without a status word means to these fuzzers.
const NONE: [u8; 2] = [0x6D, 0x00];

/// An ATR and answers, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// The ATR.
    pub atr: Vec<u8>,
    /// The answers, each with its status word.
    pub answers: Vec<Vec<u8>>,
    /// Where in the file the first piece begins.
    pub offset: usize,
    /// Where the last piece begins, if it says more bytes than there are, or has not even a length.
    pub cut: Option<usize>,
}

/// Why a file is no such test case.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Foreign {
    /// It is too long.
    #[error("it has {0} bytes, and at most {MAX_FILE} are taken")]
    TooLong(usize),
    /// There is no ATR in it.
    #[error(
        "no piece in it is an ATR (2 to 33 bytes that begin with 3B or 3F, behind two bytes of \
         length): it is no test case of OpenSC's fuzzers, or one whose ATR is spoilt"
    )]
    NoAtr,
    /// There is nothing where it is to begin.
    #[error("it has {length} bytes, and no piece can begin at byte {offset}")]
    NoPiece {
        /// Where it was to begin.
        offset: usize,
        /// How long it is.
        length: usize,
    },
}

impl Answers {
    /// Those of a file whose first piece is at this offset; what stands there is the ATR.
    ///
    /// # Errors
    /// There is none.
    pub fn at(file: &[u8], offset: usize) -> Result<Self, Foreign> {
        if file.len() > MAX_FILE {
            return Err(Foreign::TooLong(file.len()));
        }
        let none = Foreign::NoPiece {
            offset,
            length: file.len(),
        };
        let mut rest = file.get(offset..).ok_or_else(|| none.clone())?;
        let mut cut = None;
        let mut next = |rest: &mut &[u8]| -> Option<Vec<u8>> {
            let at = file.len() - rest.len();
            let (length, behind) = rest.split_first_chunk()?;
            let length = usize::from(u16::from_ne_bytes(*length));
            let (piece, behind) = behind.split_at_checked(length).unwrap_or_else(|| {
                cut = Some(at);
                (behind, &[])
            });
            *rest = behind;
            Some(piece.to_vec())
        };
        let mut atr = next(&mut rest).ok_or(none)?;
        atr.truncate(MAX_ATR);
        let mut answers = Vec::new();
        while let Some(piece) = next(&mut rest) {
            answers.push(match piece.len() {
                0 | 1 => NONE.to_vec(),
                _ => piece,
            });
        }
        if !rest.is_empty() {
            cut = Some(file.len() - rest.len());
        }
        Ok(Self {
            atr,
            answers,
            offset,
            cut,
        })
    }

    /// Those of a file, behind whatever one of the fuzzers has in front: from the first piece on that
    /// is an ATR, and has a piece behind it.
    ///
    /// # Errors
    /// There is none.
    pub fn find(file: &[u8]) -> Result<Self, Foreign> {
        if file.len() > MAX_FILE {
            return Err(Foreign::TooLong(file.len()));
        }
        let is_atr = |offset: &usize| {
            let piece = file
                .get(*offset..)
                .and_then(|rest| rest.split_first_chunk());
            piece.is_some_and(|(length, behind)| {
                let length = usize::from(u16::from_ne_bytes(*length));
                (MIN_ATR..=MAX_ATR).contains(&length)
                    && behind.len() >= length + 2
                    && behind.first().is_some_and(|first| FIRST.contains(first))
            })
        };
        let offset = (0..file.len()).find(is_atr).ok_or(Foreign::NoAtr)?;
        Self::at(file, offset)
    }

    /// The same as the faults of an execution: a card that answers so.
    pub fn recipe(&self) -> Recipe {
        let answers: Vec<_> = self.answers.iter().map(hex::encode_upper).collect();
        let list = match answers.is_empty() {
            true => hex::encode_upper(NONE),
            false => answers.join("."),
        };
        let fault = match self.atr.is_empty() {
            true => format!("answers:list={list}"),
            false => format!("answers:list={list},atr={}", hex::encode_upper(&self.atr)),
        };
        Recipe::new([fault])
    }

    /// The same as a file. What is longer than a piece can be ends there.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut file = Vec::new();
        for piece in std::iter::once(&self.atr).chain(&self.answers) {
            let length = u16::try_from(piece.len()).unwrap_or(u16::MAX);
            file.extend(length.to_ne_bytes());
            file.extend(piece.iter().take(length.into()));
        }
        file
    }
}

#[cfg(test)]
mod tests {
    use kortlab_faults::Fault;

    use super::*;

    fn piece(bytes: &[u8]) -> Vec<u8> {
        let length = u16::try_from(bytes.len()).unwrap();
        [&length.to_ne_bytes()[..], bytes].concat()
    }

    #[test]
    fn pieces_are_read_as_atr_and_answers_and_written_as_they_were() {
        let file = [
            piece(&[0x3B, 0x80, 0x01]),
            piece(&[0x6A, 0x82]),
            piece(&[1, 2, 3, 0x90, 0]),
        ]
        .concat();
        let answers = Answers::find(&file).unwrap();
        assert_eq!(answers.atr, [0x3B, 0x80, 0x01]);
        assert_eq!(answers.answers, [vec![0x6A, 0x82], vec![1, 2, 3, 0x90, 0]]);
        assert_eq!((answers.offset, answers.cut), (0, None));
        assert_eq!(answers.to_bytes(), file);
        let fault = "answers:list=6A82.0102039000,atr=3B8001";
        assert_eq!(answers.recipe().faults(), [fault]);
        assert!(Fault::parse(fault).is_ok());
    }

    #[test]
    fn what_one_of_the_fuzzers_has_in_front_is_passed_over() {
        let arguments = b"-k\0-C\0\0\0";
        let pieces = [piece(&[0x3F, 0x00]), piece(&[]), piece(&[0x90])].concat();
        let answers = Answers::find(&[&arguments[..], &pieces].concat()).unwrap();
        assert_eq!((answers.offset, &answers.atr), (8, &vec![0x3F, 0x00]));
        // Too short for a status word, which to these fuzzers means that there is no such command.
        assert_eq!(answers.answers, [NONE, NONE]);
    }

    #[test]
    fn a_cut_piece_is_as_long_as_it_is_and_said_and_foreign_files_are_refused() {
        let mut file = [piece(&[0x3B, 0x00]), piece(&[1, 2, 3, 4, 5, 6])].concat();
        file.truncate(file.len() - 2);
        let answers = Answers::find(&file).unwrap();
        assert_eq!(answers.answers, [vec![1, 2, 3, 4]]);
        assert_eq!(answers.cut, Some(4));
        // Half of a length, too.
        let odd = [piece(&[0x3B, 0x00]), piece(&[0x90, 0x00]), vec![7]].concat();
        let answers = Answers::find(&odd).unwrap();
        assert_eq!(answers.answers, [vec![0x90, 0x00]]);
        assert_eq!(answers.cut, Some(8));
        for text in [&b""[..], b"{}", &[0; 100], b"\x02\x00\x3B\x00"] {
            assert_eq!(Answers::find(text), Err(Foreign::NoAtr));
        }
        assert!(matches!(Answers::at(b"a", 0), Err(Foreign::NoPiece { .. })));
        assert!(matches!(Answers::at(b"a", 7), Err(Foreign::NoPiece { .. })));
        let long = vec![0; MAX_FILE + 1];
        assert_eq!(Answers::find(&long), Err(Foreign::TooLong(MAX_FILE + 1)));
        assert_eq!(
            crate::corpora::read(b"empty\n").unwrap().faults(),
            ["empty"]
        );
        assert!(crate::corpora::read(b"%PDF-1.7").is_err());
    }

    #[test]
    fn the_longest_file_is_a_fault_that_can_be_read_back() {
        // Many short answers take the most text.
        let mut file = piece(&[0x3B, 0x00]);
        while file.len() + 4 <= MAX_FILE {
            file.extend(piece(&[0x90, 0x00]));
        }
        let recipe = Answers::find(&file).unwrap().recipe();
        assert_eq!(Recipe::from_lines(recipe.to_lines().as_bytes()), recipe);
        let mut long = piece(&[0x3B, 0x00]);
        long.extend(piece(&vec![7; 60_000]));
        long.extend(piece(&vec![7; MAX_FILE - 60_008]));
        let recipe = Answers::find(&long).unwrap().recipe();
        assert_eq!(Recipe::from_lines(recipe.to_lines().as_bytes()), recipe);
    }
}
