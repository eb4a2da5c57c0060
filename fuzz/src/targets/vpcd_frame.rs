//! vpcd's frames, and what a card in the reader does with them.

use kortlab_apdu::{Channel, ChannelError, Protocol, ResetKind};
use kortlab_emulator::link::frame::{Decoder, MAX_CONTENT, Request};
use kortlab_emulator::link::session::Session;

/// The first byte says in pieces of which length the rest arrives; the card's answers to commands
/// are as long as the command's first bytes say. However the stream is cut, the same
/// frames come out, and every answer is one frame that is not empty.
pub fn vpcd_frame(data: &[u8]) {
    let (piece, stream) = match data.split_first() {
        Some((&piece, stream)) => (usize::from(piece) + 1, stream),
        None => (1, data),
    };
    let contents = decode(stream, piece);
    assert_eq!(decode(stream, stream.len().max(1)), contents);

    let framed: Vec<u8> = contents
        .iter()
        .flat_map(|content| {
            let length = u16::try_from(content.len()).expect("two bytes of length");
            [&length.to_be_bytes(), content.as_slice()].concat()
        })
        .collect();
    assert!(stream.starts_with(&framed));

    let mut card = Card::default();
    let mut session = Session::insert(&mut card);
    for content in &contents {
        let answer = session.handle(content);
        let due = matches!(
            Request::from_content(content),
            Request::Atr | Request::Command(_)
        );
        assert_eq!(answer.is_some(), due);
        if let Some(answer) = answer {
            let length = usize::from(u16::from_be_bytes([answer[0], answer[1]]));
            assert_eq!(length, answer.len() - 2);
            assert!(length >= 2, "a status word at least");
        }
    }
    drop(session);
    assert!(!card.powered);
}

fn decode(stream: &[u8], piece: usize) -> Vec<Vec<u8>> {
    let mut decoder = Decoder::new();
    let mut contents = Vec::new();
    for mut piece in stream.chunks(piece) {
        while !piece.is_empty() {
            let room = decoder.room();
            let count = room.len().min(piece.len());
            assert!(
                count > 0,
                "every complete frame was taken out, so there is room"
            );
            room[..count].copy_from_slice(&piece[..count]);
            decoder.filled(count);
            piece = &piece[count..];
            while let Some(content) = decoder.next_frame() {
                contents.push(content.to_vec());
            }
            if let Some((Some(announced), come)) = decoder.unfinished() {
                assert!(come < announced && announced <= MAX_CONTENT);
            }
        }
    }
    contents
}

#[derive(Default)]
struct Card {
    powered: bool,
}

impl Channel for Card {
    fn power_on(&mut self) -> Result<(), ChannelError> {
        self.powered = true;
        Ok(())
    }
    fn power_off(&mut self) -> Result<(), ChannelError> {
        assert!(self.powered);
        self.powered = false;
        Ok(())
    }
    fn reset(&mut self, _: ResetKind) -> Result<(), ChannelError> {
        self.powered = true;
        Ok(())
    }
    fn atr(&self) -> &[u8] {
        &[0x3B, 0x00]
    }
    fn protocol(&self) -> Protocol {
        Protocol::T0
    }
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        assert!(self.powered);
        let length = match *command {
            [0xFF, high, low, ..] => 0xFF00 + usize::from(u16::from_be_bytes([high, low])),
            [length, ..] => usize::from(length),
            [] => 0,
        };
        Ok(vec![0x90; length])
    }
}
