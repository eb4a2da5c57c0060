//! vpcd's frames: two bytes of length, big-endian, then that many bytes (vsmartcard, vpcd.h).
//!
//! Both directions are framed alike. A frame from the reader that holds one byte is a control
//! message, any other a command.

use zeroize::{Zeroize as _, Zeroizing};

/// The bytes in front of a frame's content.
const HEADER: usize = 2;
/// The longest content: what two bytes of length can say.
pub const MAX_CONTENT: usize = 0xFFFF;

/// What a frame from the reader asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Request<'a> {
    /// `00`: take the power away. No answer.
    PowerOff,
    /// `01`: give power. No answer.
    PowerOn,
    /// `02`: reset. No answer.
    Reset,
    /// `04`: tell the answer to reset.
    Atr,
    /// Any other content: a command for the card, to be answered. A command of one byte that is
    /// none of the four above can come through here too; one that is cannot be told from it.
    Command(&'a [u8]),
    /// A frame without content. The reader sends none by itself, and waits for no answer.
    Empty,
}

impl<'a> Request<'a> {
    /// What the content of a frame asks for.
    pub const fn from_content(content: &'a [u8]) -> Self {
        match content {
            [] => Self::Empty,
            [0x00] => Self::PowerOff,
            [0x01] => Self::PowerOn,
            [0x02] => Self::Reset,
            [0x04] => Self::Atr,
            command => Self::Command(command),
        }
    }
}

/// Puts a frame around `content`, or around `6F00` if there is none or too much of it.
///
/// A frame without content must never go to vpcd: it would wait for one byte more and pcscd
/// would hang on that reader.
pub fn answer(content: &[u8]) -> Vec<u8> {
    let (length, content) = match u16::try_from(content.len()) {
        Ok(length) if length > 0 => (length, content),
        _ => (2, &[0x6F, 0x00][..]),
    };
    let mut frame = Vec::with_capacity(HEADER + content.len());
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(content);
    frame
}

/// The room that is kept between frames; a longer frame gets what it announces.
const USUAL_ROOM: usize = 1024;

/// Cuts a stream of bytes into frames. It takes no more memory than one frame of the longest
/// kind; what has been taken out is zeroised, because PINs pass here.
pub struct Decoder {
    buffer: Zeroizing<Vec<u8>>,
    start: usize,
    end: usize,
}

impl Decoder {
    /// An empty decoder.
    pub fn new() -> Self {
        Self {
            buffer: Zeroizing::new(vec![0; USUAL_ROOM]),
            start: 0,
            end: 0,
        }
    }

    /// The room for the next bytes of the stream: at least one byte, unless a complete frame
    /// waits to be taken.
    pub fn room(&mut self) -> &mut [u8] {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            let kept = self.end - self.start;
            if let Some(stale) = self.buffer.get_mut(kept..self.end) {
                stale.zeroize();
            }
            (self.start, self.end) = (0, kept);
        }
        if let Some((Some(announced), _)) = self.unfinished()
            && self.buffer.len() < HEADER + announced
        {
            let mut longer = Zeroizing::new(vec![0; HEADER + announced]);
            longer
                .iter_mut()
                .zip(&*self.buffer)
                .for_each(|(new, &old)| *new = old);
            self.buffer = longer;
        }
        self.buffer.get_mut(self.end..).unwrap_or_default()
    }

    /// Says that the first `count` bytes of [`Decoder::room`] have been filled.
    pub fn filled(&mut self, count: usize) {
        self.end = self.buffer.len().min(self.end.saturating_add(count));
    }

    /// Takes the content of the next complete frame out.
    pub fn next_frame(&mut self) -> Option<Zeroizing<Vec<u8>>> {
        let waiting = self.buffer.get(self.start..self.end)?;
        let (header, rest) = waiting.split_first_chunk::<HEADER>()?;
        let length = usize::from(u16::from_be_bytes(*header));
        let content = Zeroizing::new(rest.get(..length)?.to_vec());
        let taken = self.start..self.start + HEADER + length;
        self.start = taken.end;
        if let Some(taken) = self.buffer.get_mut(taken) {
            taken.zeroize();
        }
        Some(content)
    }

    /// If a frame has begun and is not complete: how many bytes of content it announces (if
    /// that much has come) and how many have come.
    pub fn unfinished(&self) -> Option<(Option<usize>, usize)> {
        let waiting = self.buffer.get(self.start..self.end)?;
        match waiting.split_first_chunk::<HEADER>() {
            Some((header, rest)) => {
                let announced = usize::from(u16::from_be_bytes(*header));
                (rest.len() < announced).then_some((Some(announced), rest.len()))
            }
            None if waiting.is_empty() => None,
            None => Some((None, 0)),
        }
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn feed(decoder: &mut Decoder, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = decoder.room();
            let count = room.len().min(rest.len());
            assert!(count > 0, "no room, and no frame taken out");
            room[..count].copy_from_slice(&rest[..count]);
            decoder.filled(count);
            rest = &rest[count..];
            while let Some(frame) = decoder.next_frame() {
                frames.push(frame.to_vec());
            }
        }
        frames
    }

    #[test]
    fn one_byte_is_a_control_message_and_anything_else_a_command() {
        assert!(matches!(Request::from_content(&[]), Request::Empty));
        assert!(matches!(Request::from_content(&[0]), Request::PowerOff));
        assert!(matches!(Request::from_content(&[1]), Request::PowerOn));
        assert!(matches!(Request::from_content(&[2]), Request::Reset));
        assert!(matches!(Request::from_content(&[4]), Request::Atr));
        for content in [&[3][..], &[5], &[0xFF], &[0, 0xB0, 0, 0, 0], &[4, 4]] {
            assert!(matches!(
                Request::from_content(content),
                Request::Command(command) if command == content
            ));
        }
    }

    #[test]
    fn an_answer_is_never_empty_and_never_longer_than_its_length_field_says() {
        assert_eq!(answer(&[0x90, 0x00]), [0, 2, 0x90, 0x00]);
        assert_eq!(answer(&[]), [0, 2, 0x6F, 0x00]);
        let longest = answer(&vec![0xAA; 65_535]);
        assert_eq!((longest.len(), &longest[..2]), (65_537, &[0xFF, 0xFF][..]));
        assert_eq!(answer(&vec![0xAA; 65_536]), [0, 2, 0x6F, 0x00]);
    }

    #[test]
    fn the_longest_frame_fits_and_the_buffer_keeps_nothing_of_it() {
        let mut decoder = Decoder::new();
        let mut wire = vec![0xFF, 0xFF];
        wire.resize(65_537, 0x5A);
        wire.extend_from_slice(&[0, 1, 4]);
        let frames = feed(&mut decoder, &wire);
        assert_eq!(frames.len(), 2);
        assert_eq!((frames[0].len(), frames[1].as_slice()), (65_535, &[4][..]));
        assert!(decoder.room().iter().all(|&byte| byte == 0));
    }

    #[test]
    fn an_unfinished_frame_tells_what_is_missing() {
        let mut decoder = Decoder::new();
        assert_eq!(decoder.unfinished(), None);
        feed(&mut decoder, &[0]);
        assert_eq!(decoder.unfinished(), Some((None, 0)));
        feed(&mut decoder, &[5, 1, 2]);
        assert_eq!(decoder.unfinished(), Some((Some(5), 2)));
        assert_eq!(feed(&mut decoder, &[3, 4, 5]), [[1, 2, 3, 4, 5]]);
        assert_eq!(decoder.unfinished(), None);
    }

    proptest! {
        #[test]
        fn frames_come_out_whole_however_the_stream_is_cut(
            contents in proptest::collection::vec(
                proptest::collection::vec(any::<u8>(), 0..300), 0..8),
            cuts in proptest::collection::vec(1..40_usize, 1..200),
        ) {
            let mut wire = Vec::new();
            for content in &contents {
                wire.extend_from_slice(&u16::try_from(content.len()).expect("short").to_be_bytes());
                wire.extend_from_slice(content);
            }
            let mut decoder = Decoder::new();
            let mut frames = Vec::new();
            let mut rest = wire.as_slice();
            let mut cuts = cuts.into_iter().cycle();
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(cuts.next().expect("cycle").min(rest.len()));
                frames.extend(feed(&mut decoder, piece));
                rest = after;
            }
            prop_assert_eq!(frames, contents);
            prop_assert_eq!(decoder.unfinished(), None);
        }
    }
}
