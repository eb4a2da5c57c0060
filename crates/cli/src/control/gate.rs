//! What stands in a reader for whatever card is there: the way from programs to a [`Place`].

use std::sync::Arc;

use kortlab_apdu::{Channel, ChannelError, Protocol, ResetKind};

use super::card::Said;
use super::place::{Place, Plugged};

/// The answer to reset of a reader that has had no card: none that a card could give.
const NONE: Said = Said::nothing();

/// The channel of a place. It stays when cards come and go.
pub struct Gate {
    place: Arc<Place>,
    said: Said,
    /// The place's changes and resets as this reader has noticed them.
    noticed: (u64, u64),
    /// Whether programs can be told of a reset that they have not asked for.
    tells_resets: bool,
}

impl Gate {
    /// The way to this place. Whether programs can be told of a reset is a matter of the reader.
    pub fn new(place: Arc<Place>, tells_resets: bool) -> Self {
        Self {
            said: place.seen().said.unwrap_or(NONE),
            noticed: place.history(),
            place,
            tells_resets,
        }
    }

    /// Notices what card there is now.
    fn notice(&mut self, said: Said) {
        self.place.says(&said);
        self.said = said;
    }

    /// Refuses a card that came without the reader's notice.
    fn check_same(&mut self) -> Result<(), ChannelError> {
        let (changes, resets) = self.place.history();
        if changes != self.noticed.0 {
            return Err(ChannelError::NoCard);
        }
        if resets != self.noticed.1 {
            self.noticed.1 = resets;
            if self.tells_resets {
                return Err(ChannelError::WasReset);
            }
        }
        Ok(())
    }
}

/// The card in the slot.
fn there(slot: &mut Option<Plugged>) -> Result<&mut Plugged, ChannelError> {
    slot.as_mut().ok_or(ChannelError::NoCard)
}

impl Channel for Gate {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        let place = Arc::clone(&self.place);
        place.command()?;
        let mut slot = place.slot();
        self.check_same()?;
        let answer = there(&mut slot)?.channel.transmit(command);
        if answer == Err(ChannelError::NoCard) {
            place.torn_out(&mut slot);
        }
        answer
    }

    fn reset(&mut self, kind: ResetKind) -> Result<(), ChannelError> {
        if kind == ResetKind::Cold {
            return self.power_on();
        }
        let place = Arc::clone(&self.place);
        let mut slot = place.slot();
        if place.history().0 != self.noticed.0 {
            return Err(ChannelError::NoCard);
        }
        let card = there(&mut slot)?;
        card.channel.reset(kind)?;
        self.noticed = place.history();
        self.notice(Said::by(&card.channel));
        Ok(())
    }

    fn power_on(&mut self) -> Result<(), ChannelError> {
        let place = Arc::clone(&self.place);
        let mut slot = place.slot();
        let card = there(&mut slot)?;
        card.channel.power_on()?;
        self.noticed = place.history();
        self.notice(Said::by(&card.channel));
        Ok(())
    }

    fn power_off(&mut self) -> Result<(), ChannelError> {
        match self.place.slot().as_mut() {
            Some(card) => card.channel.power_off(),
            None => Ok(()),
        }
    }

    fn atr(&self) -> &[u8] {
        self.said.atr()
    }

    fn protocol(&self) -> Protocol {
        self.said.protocol()
    }

    fn max_command_data(&self) -> usize {
        self.said.max_command_data()
    }
}
