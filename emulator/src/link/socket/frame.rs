//! The frames of the socket protocol, and errors inside them.

use std::io::{self, Read, Write};

use kortlab_apdu::ChannelError;
use zeroize::Zeroizing;

/// The version of the protocol, in the hello.
pub const VERSION: u8 = 0x01;

/// The question for what the card is.
pub const HELLO: u8 = 0x01;
/// The question with a command for the card.
pub const TRANSMIT: u8 = 0x02;
/// The question for a reset.
pub const RESET: u8 = 0x03;
/// Added to what a question is: its answer.
pub const ANSWER: u8 = 0x80;
/// What an answer is that says what failed.
pub const ERROR: u8 = 0xFF;

/// The longest frame: an extended command is 65 544 bytes long, a response 65 538.
const MAX_LENGTH: usize = 0x1_0100;

/// Writes one frame in one piece.
///
/// # Errors
/// The frame is too long, or the stream fails.
pub fn write(stream: &mut impl Write, kind: u8, body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(body.len() + 1)
        .ok()
        .filter(|&length| length as usize <= MAX_LENGTH)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "frame too long"))?;
    // PINs pass here.
    let mut bytes = Zeroizing::new(Vec::with_capacity(5 + body.len()));
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.push(kind);
    bytes.extend_from_slice(body);
    stream.write_all(&bytes)?;
    stream.flush()
}

/// Reads one frame; `None` when the other side has gone between two frames.
///
/// # Errors
/// A length that no frame has, an end in the middle of one, or the stream fails.
pub fn read(stream: &mut impl Read) -> io::Result<Option<(u8, Zeroizing<Vec<u8>>)>> {
    let mut length = [0; 4];
    match stream.read(&mut length)? {
        0 => return Ok(None),
        count => stream.read_exact(length.get_mut(count..).unwrap_or_default())?,
    }
    let length = u32::from_be_bytes(length) as usize;
    if length == 0 || length > MAX_LENGTH {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("a frame of {length} bytes is announced; 1 to {MAX_LENGTH} are allowed"),
        ));
    }
    let mut kind = [0];
    stream.read_exact(&mut kind)?;
    let mut body = Zeroizing::new(vec![0; length - 1]);
    stream.read_exact(&mut body)?;
    let [kind] = kind;
    Ok(Some((kind, body)))
}

/// The body of an error frame.
pub fn encode_error(error: &ChannelError) -> Vec<u8> {
    let (kind, text) = match error {
        ChannelError::NoCard => (0x00, ""),
        ChannelError::NoReader(text) => (0x01, text.as_str()),
        ChannelError::WasReset => (0x02, ""),
        ChannelError::Busy => (0x03, ""),
        ChannelError::Storage(text) => (0x05, text.as_str()),
        ChannelError::Link(text) => (0x04, text.as_str()),
        other => return [vec![0x04], other.to_string().into_bytes()].concat(),
    };
    let mut body = vec![kind];
    body.extend_from_slice(text.as_bytes());
    body
}

/// The error in the body of an error frame.
pub fn decode_error(body: &[u8]) -> ChannelError {
    let (kind, text) = body
        .split_first()
        .unwrap_or((&0x04, b"an error without text"));
    let text = String::from_utf8_lossy(text).into_owned();
    match kind {
        0x00 => ChannelError::NoCard,
        0x01 => ChannelError::NoReader(text),
        0x02 => ChannelError::WasReset,
        0x03 => ChannelError::Busy,
        0x05 => ChannelError::Storage(text),
        _ => ChannelError::Link(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_as_they_were_sent_and_an_end_between_frames_is_no_error() {
        let mut wire = Vec::new();
        write(&mut wire, TRANSMIT, &[0xAA; 65_544]).expect("fits");
        write(&mut wire, RESET, &[]).expect("fits");
        let mut rest = wire.as_slice();
        let (kind, body) = read(&mut rest).expect("a frame").expect("a frame");
        assert_eq!((kind, body.len()), (TRANSMIT, 65_544));
        assert_eq!(read(&mut rest).expect("a frame").expect("a frame").0, RESET);
        assert!(read(&mut rest).expect("the end").is_none());
    }

    #[test]
    fn announced_lengths_beyond_the_limit_and_cut_frames_are_errors() {
        for wire in [
            &[0xFF, 0xFF, 0xFF, 0xFF, 0x01][..],
            &[0, 0, 0, 0],
            &[0, 0, 0],
            &[0, 0, 0, 3, 0x01, 0xAA],
        ] {
            assert!(read(&mut { wire }).is_err(), "{wire:02X?}");
        }
        assert!(write(&mut Vec::new(), TRANSMIT, &vec![0; MAX_LENGTH]).is_err());
    }

    #[test]
    fn errors_keep_their_kind_over_the_wire() {
        for error in [
            ChannelError::NoCard,
            ChannelError::NoReader("x".into()),
            ChannelError::WasReset,
            ChannelError::Busy,
            ChannelError::Link("y".into()),
            ChannelError::Storage("disk full".into()),
        ] {
            assert_eq!(decode_error(&encode_error(&error)), error);
        }
        assert!(matches!(decode_error(&[]), ChannelError::Link(_)));
    }
}
