//! A card that answers as a test says, and a good one.

// Each test program uses a part of this.
#![allow(dead_code, clippy::unwrap_used)]

use std::sync::OnceLock;

use kortlab_apdu::{Channel, ChannelError, Protocol, ResetKind};
use kortlab_emulator::crypto::RsaKey;
use kortlab_emulator::models::eid::EidCard;
use kortlab_emulator::{CardRng, Image, InProcess, VirtualCard};

/// What a card answers to its nth command.
pub type Answer = Box<dyn FnMut(usize, &[u8]) -> Result<Vec<u8>, ChannelError>>;

/// A card that answers as the test says.
pub struct Told {
    answer: Answer,
    sent: usize,
    pub atr: Vec<u8>,
    pub is_t0: bool,
}

impl Told {
    pub fn new(
        answer: impl FnMut(usize, &[u8]) -> Result<Vec<u8>, ChannelError> + 'static,
    ) -> Self {
        Self {
            answer: Box::new(answer),
            sent: 0,
            // The EID applet's, so that its own commands are sent, too.
            atr: hex::decode("3BFD9600008131FE4580318065B0A31101F383009000D7").unwrap(),
            is_t0: false,
        }
    }
}

impl Channel for Told {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        self.sent += 1;
        (self.answer)(self.sent, command)
    }
    fn reset(&mut self, _: ResetKind) -> Result<(), ChannelError> {
        Ok(())
    }
    fn atr(&self) -> &[u8] {
        &self.atr
    }
    fn protocol(&self) -> Protocol {
        match self.is_t0 {
            true => Protocol::T0,
            false => Protocol::T1,
        }
    }
}

/// A card without certificates, which is a good one.
pub fn eid_card() -> Image {
    static IMAGE: OnceLock<Image> = OnceLock::new();
    let image = IMAGE.get_or_init(|| {
        let mut rng = CardRng::from_seed(1);
        let mut key = || RsaKey::generate(1024, &mut rng).unwrap();
        EidCard::new("9752269700000000008", key(), key())
            .build()
            .unwrap()
    });
    image.clone()
}

/// A card of this image in this process.
pub fn insert(image: &Image) -> InProcess {
    InProcess::ephemeral(VirtualCard::new(image.clone(), CardRng::from_seed(1)).unwrap())
}
