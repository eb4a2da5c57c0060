//! A conversation with the card operating system.

use std::sync::OnceLock;

use kortlab_emulator::{CardRng, Image, VirtualCard};

/// Whatever the card is sent: every answer has 2 to 65 535 bytes, SW1 is one of ISO/IEC 7816-4,
/// nobody gains tries who does not know a PIN or the PUK, a change that is taken back leaves no
/// trace, and the card can be saved and loaded.
///
/// The input: one byte whose lowest bit chooses T=0 or T=1, then commands, each with one length
/// byte before it. Length 00 is a reset; `FF` stands before a length of two bytes; `FE` stands
/// for no command: the one before is taken back.
pub fn card_transmit(data: &[u8]) {
    let Some((options, mut rest)) = data.split_first() else {
        return;
    };
    let ignorant = !contains(data, b"1234") && !contains(data, b"654321");
    let mut card = card(options & 0x01 == 0);
    let mut before = None;
    while let Some((&length, after)) = rest.split_first() {
        rest = after;
        match length {
            0x00 => card.reset(),
            0xFE => {
                if let Some(image) = before.take() {
                    card.undo_last();
                    assert!(card.image() == image, "the change left a trace");
                }
            }
            _ => {
                let (length, after) = match (length, rest) {
                    (0xFF, [high, low, after @ ..]) => {
                        (usize::from(u16::from_be_bytes([*high, *low])), after)
                    }
                    _ => (usize::from(length), rest),
                };
                let (command, after) = after.split_at(length.min(after.len()));
                rest = after;
                before = (rest.first() == Some(&0xFE)).then(|| card.image());
                say(&mut card, command, ignorant);
            }
        }
    }
    let image = card.image();
    let loaded = Image::from_json(image.to_json().as_bytes());
    assert!(loaded == Ok(image), "the card cannot be saved and loaded");
}

fn say(card: &mut VirtualCard, command: &[u8], ignorant: bool) {
    let before = tries(card);
    let answer = card.transmit(command);
    assert!((2..=65_535).contains(&answer.len()));
    let sw1 = answer.iter().rev().nth(1).copied().unwrap_or_default();
    assert!(matches!(sw1, 0x61..=0x6F | 0x90), "SW1 {sw1:02X}");
    if ignorant {
        let after = tries(card);
        let gained = after
            .iter()
            .zip(&before)
            .any(|(after, before)| after > before);
        assert!(!gained, "tries {before:?} became {after:?}");
    }
}

fn tries(card: &VirtualCard) -> Vec<u8> {
    let pins = &card.state().pins;
    pins.iter().map(|pin| pin.tries_left).collect()
}

fn contains(data: &[u8], part: &[u8]) -> bool {
    data.windows(part.len()).any(|window| window == part)
}

fn card(t0: bool) -> VirtualCard {
    static IMAGES: OnceLock<[Image; 2]> = OnceLock::new();
    let images = IMAGES.get_or_init(|| {
        [
            include_bytes!("../../../vectors/emulator/small-card-t0.json").as_slice(),
            include_bytes!("../../../vectors/emulator/small-card-t1.json").as_slice(),
        ]
        .map(|text| Image::from_json(text).expect("the image is one of the tested vectors"))
    });
    let [first, second] = images;
    let image = if t0 { first } else { second };
    VirtualCard::new(image.clone(), CardRng::from_seed(1))
        .expect("the image is one of the tested vectors")
}
