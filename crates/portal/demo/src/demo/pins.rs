//! The PINs of the demo's card: they are in its image.

use kortlab_card::{Pin, PinRole};
use kortlab_emulator::Image;
use kortlab_emulator::models::eid::layout;
use zeroize::Zeroizing;

use crate::story::Holder;

/// A holder who knows the test PINs, and finds everything right.
pub struct TestPins {
    authentication: Zeroizing<Vec<u8>>,
    signature: Zeroizing<Vec<u8>>,
}

impl TestPins {
    /// The PINs in an image; empty where it has none.
    pub fn of(image: &Image) -> Self {
        let pin = |reference| {
            let pin = image.pins.iter().find(|pin| pin.reference.0 == reference);
            Zeroizing::new(
                pin.map(|pin| pin.value.as_bytes().to_vec())
                    .unwrap_or_default(),
            )
        };
        Self {
            authentication: pin(layout::PIN_AUTHENTICATION),
            signature: pin(layout::PIN_SIGNATURE),
        }
    }
}

impl Holder for TestPins {
    fn pin(&mut self, role: PinRole) -> Result<Pin, String> {
        let pin = match role {
            PinRole::Authentication => &self.authentication,
            PinRole::Signature => &self.signature,
        };
        Pin::new(pin.clone()).map_err(|error| error.to_string())
    }

    fn confirms(&mut self, _question: &str) -> bool {
        true
    }
}
