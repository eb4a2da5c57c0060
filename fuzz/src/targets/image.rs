//! Card images.

use kortlab_emulator::{CardRng, Image, VirtualCard};

/// A text that is read as an image is written and read again as the same image, and runs; what is
/// refused is refused in one line.
pub fn image(data: &[u8]) {
    let image = match Image::from_json(data) {
        Ok(image) => image,
        Err(error) => {
            assert_eq!(error.to_string().lines().count(), 1);
            return;
        }
    };
    let text = image.to_json();
    assert!(Image::from_json(text.as_bytes()).as_ref() == Ok(&image));
    let mut card = VirtualCard::new(image, CardRng::from_seed(1)).expect("a checked image runs");
    card.transmit(&[0x00, 0xA4, 0x00, 0x00]);
    let first = card.image();
    let again = VirtualCard::new(first.clone(), CardRng::from_seed(1));
    assert!(again.expect("an image of a running card runs").image() == first);
}
