//! The readers of our own PC/SC service, as the control door has them.

use std::sync::Arc;

use kortlab_pcsc::Service;
use kortlab_pcsc::terms::state;

use crate::control::{Gate, Notice, Place, Readers};
use crate::failure::Failure;

/// The readers of this service.
pub struct OwnReaders {
    /// The service.
    pub service: Arc<Service>,
    /// Whether each has a PIN pad.
    pub pin_pads: bool,
}

impl OwnReaders {
    /// Gives a reader a PIN pad, if they have some.
    ///
    /// # Errors
    /// There is no such reader.
    pub fn fit(&self, place: &Place) -> Result<(), Failure> {
        match self.pin_pads {
            false => Ok(()),
            true => self
                .service
                .fit_pin_pad(place.name(), place.fit())
                .map_err(|error| Failure::failed(error.to_string())),
        }
    }

    fn tell_service(&self, reader: &str, notice: Notice) {
        // A reader that has gone meanwhile has nothing to tell.
        let _ = match notice {
            Notice::Out => self.service.take_out(reader),
            Notice::In => self.service.reinsert(reader),
            Notice::Other => self
                .service
                .take_out(reader)
                .and_then(|()| self.service.reinsert(reader)),
            Notice::Reset => self.service.reset(reader),
        };
    }
}

impl Readers for OwnReaders {
    fn tell(&self, place: &Place, notice: Notice) {
        self.tell_service(place.name(), notice);
    }

    fn shows_card(&self, place: &Place) -> Option<(bool, Vec<u8>)> {
        let states = self.service.reader_states();
        let shown = states.into_iter().find(|found| found.name == place.name());
        shown.map(|shown| (shown.state & state::PRESENT != 0, shown.atr))
    }

    fn add(&self, place: &Arc<Place>) -> Result<(), Failure> {
        let gate = Gate::new(Arc::clone(place), true);
        super::add(&self.service, place.name(), Some(Box::new(gate)))?;
        self.fit(place)
    }

    fn take_away(&self, place: &Place) -> Result<(), Failure> {
        self.service
            .remove_reader(place.name())
            .map(drop)
            .map_err(|error| Failure::failed(error.to_string()))
    }
}
