//! A layer of one's own: what happens to the bytes between a program and its card.
//!
//! `cargo run -p kortlab-emulator --example own_layer`

use std::error::Error;

use kortlab_apdu::channel::{Layer, Layered};
use kortlab_apdu::{Channel, ChannelError, Command, StatusWord, exchange, instruction};
use kortlab_emulator::image::FileImage;
use kortlab_emulator::{CardRng, Image, InProcess, VirtualCard};

/// A card whose memory fails from the nth UPDATE BINARY on.
#[derive(Debug)]
struct WornOut {
    updates_left: usize,
}

impl Layer for WornOut {
    fn transmit(
        &mut self,
        next: &mut dyn Channel,
        command: &[u8],
    ) -> Result<Vec<u8>, ChannelError> {
        if command.get(1) == Some(&instruction::UPDATE_BINARY) {
            match self.updates_left.checked_sub(1) {
                Some(left) => self.updates_left = left,
                None => return Ok(StatusWord::MEMORY_FAILURE.bytes().to_vec()),
            }
        }
        next.transmit(command)
    }
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let image = Image::plain(vec![FileImage::transparent(0x4001, 4, &[])]);
    let card = InProcess::ephemeral(VirtualCard::new(image, CardRng::from_seed(1))?);
    // A layered card is a channel again: links, other layers and the card session take it.
    let mut card = Layered::new(card, WornOut { updates_left: 1 });

    let select = Command::new(instruction::SELECT, 0x00, 0x0C).with_data([0x40, 0x01]);
    assert!(exchange(&mut card, &select)?.is_success());
    let update = Command::new(instruction::UPDATE_BINARY, 0x00, 0x00).with_data([1, 2, 3, 4]);
    let statuses = [
        exchange(&mut card, &update)?.status(),
        exchange(&mut card, &update)?.status(),
    ];
    for status in statuses {
        println!("UPDATE BINARY: {status} ({})", status.meaning());
    }
    assert_eq!(statuses, [StatusWord::SUCCESS, StatusWord::MEMORY_FAILURE]);
    Ok(())
}
