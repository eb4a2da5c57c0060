//! What goes around every card that a command works with: faults, then the trace.

use kortlab_apdu::{Channel, Layered};
use kortlab_emulator::VirtualCard;
use kortlab_emulator::memory::PowerCut;
use kortlab_pcsc::{Contactless, Uid};
use kortlab_trace::{Event, What};

use super::fault::tear_text;
use super::{AnyChannel, Fault, Planted, StartFile, TraceFile};
use crate::failure::Failure;

/// What was asked for with `--fault` and `--trace`.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    tear: Option<PowerCut>,
    faults: Vec<kortlab_faults::Fault>,
    trace: Option<TraceFile>,
    /// Where the image is kept as it was at the start of the trace.
    start: Option<StartFile>,
    /// Whether cards in readers are before an antenna, and which UID they have.
    contactless: Option<Uid>,
}

impl Layers {
    /// Sorts the faults.
    ///
    /// # Errors
    /// A card is to be torn out twice.
    pub fn new(faults: Vec<Fault>, trace: Option<TraceFile>) -> Result<Self, Failure> {
        let mut layers = Self {
            trace,
            ..Self::default()
        };
        for fault in faults {
            match fault {
                Fault::Answer(fault) => layers.faults.push(fault),
                Fault::Tear(cut) if layers.tear.is_none() => layers.tear = Some(cut),
                Fault::Tear(_) => {
                    return Err(Failure::usage("a card can be torn out once")
                        .hint("give one --fault tear:… and as many others as you like"));
                }
            }
        }
        Ok(layers)
    }

    /// The same, with cards in readers before an antenna, if there is a UID for them.
    #[must_use]
    pub fn with_uid(mut self, uid: Option<Uid>) -> Self {
        self.contactless = uid;
        self
    }

    /// The same, with a place for the image as it was at the start of the trace.
    #[must_use]
    pub fn with_start(mut self, start: Option<StartFile>) -> Self {
        self.start = start;
        self
    }

    /// Says in the trace of which image this virtual card is, and keeps that if it is asked for.
    ///
    /// # Errors
    /// It cannot be kept.
    pub fn begin(&self, card: &VirtualCard) -> Result<(), Failure> {
        let Some(file) = &self.trace else {
            return Ok(());
        };
        let fingerprint = card.image().fingerprint().0;
        let event = Event::now(None, What::Image { fingerprint });
        file.trace().write(&[event]);
        self.start.as_ref().map_or(Ok(()), |start| start.keep(card))
    }

    /// Whether a fault was asked for that only a virtual card in this process can have.
    pub const fn tears(&self) -> bool {
        self.tear.is_some()
    }

    /// How each card is to be torn out, as it is written, if it is.
    pub fn tear_text(&self) -> Option<String> {
        self.tear.map(tear_text)
    }

    /// Whether nothing was asked for.
    pub const fn is_empty(&self) -> bool {
        self.tear.is_none() && self.faults.is_empty() && self.trace.is_none()
    }

    /// The faults, if nothing else was asked for: what a card in another process can have around it.
    ///
    /// # Errors
    /// A trace was asked for, or that the card is torn out.
    pub fn only_faults(&self) -> Result<&[kortlab_faults::Fault], Failure> {
        if self.tears() || self.trace.is_some() {
            return Err(Failure::usage(
                "a card in the program's own process is not torn out, and has no trace",
            )
            .hint("leave out --in-process, or --trace and --fault tear:…"));
        }
        Ok(&self.faults)
    }

    /// Sees to it that this virtual card is torn out, if that was asked for.
    pub fn plant(&self, card: &mut VirtualCard) {
        if let Some(cut) = self.tear {
            card.schedule_power_cut(cut);
        }
    }

    /// Puts the layers around a card: the first fault next to it, the trace outermost, so that it
    /// shows what the program sees. A `name` says which of several cards it is.
    pub fn around(&self, card: impl Channel + Send + 'static, name: Option<&str>) -> AnyChannel {
        let mut channel: AnyChannel = Box::new(card);
        for fault in &self.faults {
            channel = Box::new(Layered::new(channel, fault.clone()));
        }
        self.recorded(channel, name)
    }

    /// Puts faults that come and go around a card, and the trace around them.
    pub fn around_with(
        &self,
        planted: &Planted,
        card: impl Channel + Send + 'static,
        name: Option<&str>,
    ) -> AnyChannel {
        let planted = planted.clone();
        let channel: AnyChannel = match &self.contactless {
            None => Box::new(Layered::new(card, planted)),
            Some(uid) => Box::new(Layered::new(Contactless::new(card, uid.clone()), planted)),
        };
        self.recorded(channel, name)
    }

    /// The faults that were asked for, as the first of those that come and go.
    ///
    /// # Errors
    /// There are too many.
    pub fn planted(&self) -> Result<Planted, Failure> {
        let planted = Planted::default();
        for fault in &self.faults {
            planted.add(fault.clone())?;
        }
        Ok(planted)
    }

    fn recorded(&self, channel: AnyChannel, name: Option<&str>) -> AnyChannel {
        match (&self.trace, name) {
            (None, _) => channel,
            (Some(file), None) => Box::new(file.trace().record(channel)),
            (Some(file), Some(name)) => Box::new(file.trace().record_as(name, channel)),
        }
    }

    /// Sees to it that the trace is complete.
    ///
    /// # Errors
    /// It is not.
    pub fn finish(&self) -> Result<(), Failure> {
        self.trace.as_ref().map_or(Ok(()), TraceFile::finish)
    }
}
