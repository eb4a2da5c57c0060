//! In front of the machine's PC/SC service: a reader of ours for the card in one of its readers.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use kortlab_pcsc::Service;

use crate::channel::{Layers, open};
use crate::commands::Context;
use crate::control::Place;
use crate::failure::Failure;

/// Adds a reader that shows the card that was named with --card, with the layers around it. It
/// comes and goes with that card. Gives its place; the name is that of the real reader unless
/// another is given.
///
/// # Errors
/// There is no such card, or the reader cannot be named so.
#[cfg(feature = "pcsc")]
pub fn stand_before(
    context: &Context,
    layers: &Layers,
    service: &Arc<Service>,
    name: Option<&str>,
    sleep: Receiver<()>,
) -> Result<Place, Failure> {
    with_pcsc::stand_before(context, layers, service, name, sleep)
}

/// The same in a build without PC/SC, where --card names a card on a socket. Its reader always has a
/// card; whether that is there is the socket's affair.
///
/// # Errors
/// There is no such card, or the reader cannot be named so.
#[cfg(not(feature = "pcsc"))]
pub fn stand_before(
    context: &Context,
    layers: &Layers,
    service: &Arc<Service>,
    name: Option<&str>,
    _sleep: Receiver<()>,
) -> Result<Place, Failure> {
    // A card on a socket comes and goes with its socket.
    elsewhere(context, layers, service, name)
}

/// Adds a reader with a card that is neither in a reader nor in this process.
fn elsewhere(
    context: &Context,
    layers: &Layers,
    service: &Arc<Service>,
    name: Option<&str>,
) -> Result<Place, Failure> {
    let name = name.unwrap_or("Kortlab 00 00").to_owned();
    let place = Place::of_real_card(name, layers)?;
    let bare = Layers::default();
    let card = open(&context.card, &bare, context.ephemeral, context.timeout)?;
    let card = layers.around_with(place.planted(), card, None);
    super::add(service, place.name(), Some(card))?;
    Ok(place)
}

#[cfg(feature = "pcsc")]
mod with_pcsc {
    use std::sync::Arc;
    use std::sync::mpsc::{Receiver, RecvTimeoutError};
    use std::thread;
    use std::time::Duration;

    use kortlab_card::pcsc::{Choice, Occupancy, readers};
    use kortlab_pcsc::Service;
    use kortlab_pcsc::terms::state;

    use super::elsewhere;
    use crate::channel::{AnyChannel, CardSpec, Layers, Planted, connect};
    use crate::commands::Context;
    use crate::control::Place;
    use crate::desk::add;
    use crate::failure::Failure;
    use crate::output::note;

    /// How often the real reader is looked at.
    const LOOK: Duration = Duration::from_millis(400);

    pub fn stand_before(
        context: &Context,
        layers: &Layers,
        service: &Arc<Service>,
        name: Option<&str>,
        sleep: Receiver<()>,
    ) -> Result<Place, Failure> {
        let choice = match &context.card {
            CardSpec::OnlyReader => Choice::OnlyCard,
            CardSpec::Reader(reader) => Choice::Named(reader.clone()),
            _ => return elsewhere(context, layers, service, name),
        };
        let channel = connect(choice, context.timeout)?;
        let real = channel.reader().to_owned();
        let name = name.unwrap_or(&real).to_owned();
        let place = Place::of_real_card(name, layers)?;
        let card = layers.around_with(place.planted(), channel, None);
        add(service, place.name(), Some(card))?;
        let watch = Watch {
            service: Arc::clone(service),
            layers: layers.clone(),
            planted: place.planted().clone(),
            timeout: context.timeout,
            real,
            reader: place.name().to_owned(),
        };
        thread::spawn(move || watch.run(&sleep));
        Ok(place)
    }

    /// Shows in our reader what happens in the real one.
    struct Watch {
        service: Arc<Service>,
        layers: Layers,
        planted: Planted,
        timeout: Option<Duration>,
        real: String,
        reader: String,
    }

    impl Watch {
        fn run(&self, sleep: &Receiver<()>) {
            while let Err(RecvTimeoutError::Timeout) = sleep.recv_timeout(LOOK) {
                let there = readers().is_ok_and(|readers| {
                    readers.iter().any(|reader| {
                        reader.name == self.real && matches!(reader.state, Occupancy::Card { .. })
                    })
                });
                let states = self.service.reader_states();
                let shown = states
                    .iter()
                    .any(|state| state.name == self.reader && state.state & state::PRESENT != 0);
                if shown && !there {
                    let _ = self.service.remove(&self.reader);
                } else if there && !shown {
                    match self.card() {
                        Ok(card) => drop(self.service.insert(&self.reader, card)),
                        Err(failure) => note(format_args!("{}: {}", self.real, failure.message())),
                    }
                }
            }
        }

        fn card(&self) -> Result<AnyChannel, Failure> {
            let channel = connect(Choice::Named(self.real.clone()), self.timeout)?;
            Ok(self.layers.around_with(&self.planted, channel, None))
        }
    }
}
