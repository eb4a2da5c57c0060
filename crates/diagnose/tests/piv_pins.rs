//! The PINs of a PIV application, which no directory lists, are in its copy, and cost no try.

#![allow(missing_docs, clippy::unwrap_used)]

use std::cell::RefCell;
use std::rc::Rc;

use kortlab_apdu::{Channel, ChannelError, Layer, Layered};
use kortlab_diagnose::dump::survey;
use kortlab_diagnose::{Options, dump};
use kortlab_emulator::image::{FileImage, PinImage};
use kortlab_emulator::{CardRng, Image, InProcess, VirtualCard};

const PIV: &[u8] = b"\xA0\x00\x00\x03\x08\x00\x00\x10\x00\x01\x00";
const OPENPGP: &[u8] = b"\xD2\x76\x00\x01\x24\x01\x02\x00\x00\x00\x00\x00\x00\x01\x00\x00";

fn insert(image: &Image) -> InProcess {
    let card = VirtualCard::new(image.clone(), CardRng::from_seed(1)).expect("a card");
    InProcess::ephemeral(card)
}

/// A card with this application, a PIN with two tries left, and a PUK that is blocked.
fn card(aid: &[u8]) -> Image {
    let mut image = Image::plain(vec![FileImage::df(0x7F66, Vec::new()).with_name(aid)]);
    image.pins = vec![
        PinImage {
            tries_left: 2,
            tries_max: 5,
            ..PinImage::digits(0x80, "PIN", "123456")
        },
        PinImage {
            tries_left: 0,
            ..PinImage::digits(0x81, "PUK", "12345678")
        },
    ];
    image
}

/// The VERIFY commands that a card got.
#[derive(Clone, Default)]
struct Verified(Rc<RefCell<Vec<Vec<u8>>>>);

impl Layer for Verified {
    fn transmit(
        &mut self,
        next: &mut dyn Channel,
        command: &[u8],
    ) -> Result<Vec<u8>, ChannelError> {
        if command[1] == 0x20 {
            self.0.borrow_mut().push(command.to_vec());
        }
        next.transmit(command)
    }
}

#[test]
fn the_pins_of_piv_are_in_the_copy_with_their_tries_and_without_their_values() {
    let image = card(PIV);
    let verified = Verified::default();
    let channel = Layered::new(insert(&image), verified.clone());
    let copy = dump(channel, &Options::default(), Box::new(|_| {})).unwrap();
    let asked = verified.0.take();
    assert_eq!(
        asked,
        [0x80, 0x81, 0x00].map(|p2| vec![0x00, 0x20, 0x00, p2])
    );
    let copy = copy.image;
    let pins = copy.pins.iter().map(|pin| {
        let puk = pin.unblocked_by.map(|puk| puk.0);
        (pin.reference.0, pin.tries_left, puk, pin.value.is_empty())
    });
    let pins: Vec<_> = pins.collect();
    assert_eq!(pins, [(0x80, 2, Some(0x81), true), (0x81, 0, None, true)]);
    for (p2, answer) in [("80", "63C2"), ("81", "6983"), ("00", "6A88")] {
        let command = hex::decode(format!("002000{p2}")).unwrap();
        for one in [&image, &copy] {
            let answered = hex::encode_upper(insert(one).transmit(&command));
            assert_eq!(answered, answer, "{p2}");
        }
    }
    // Nobody knows its value: each is a wrong one.
    let mut copy = insert(&copy);
    let verify = hex::decode("0020008008313233343536FFFF").unwrap();
    assert_eq!(hex::encode_upper(copy.transmit(&verify)), "63C1");
}

#[test]
fn the_pins_of_other_applications_are_not_asked_for_and_looking_at_files_asks_for_none() {
    let verified = Verified::default();
    let channel = Layered::new(insert(&card(OPENPGP)), verified.clone());
    let copy = dump(channel, &Options::default(), Box::new(|_| {})).unwrap();
    assert!(copy.image.pins.is_empty());
    let channel = Layered::new(insert(&card(PIV)), verified.clone());
    survey(channel, &Options::default(), Box::new(|_| {})).unwrap();
    assert!(verified.0.take().is_empty());
}
