//! The card operating system's outside: bytes in, bytes out, no I/O.
//!
//! # What happens to a command
//!
//! Card, transport, OS, command: each is visited once.
//!
//! 1. The bytes are read as a T=0 TPDU or a T=1 APDU (module `transport`). Malformed: `6700`.
//! 2. The OS looks at the class byte: secure messaging `6882`, another logical channel `6881` (this card has the
//!    basic channel alone, and says so to MANAGE CHANNEL as well), unknown `6E00`.
//! 3. The instruction is looked for in the table of the application that the current DF belongs to:
//!    unknown `6D00`. A terminated card answers `6985` to everything.
//! 4. A chain (CLA bit 5) is joined: `6884` if the instruction or the card has no chaining, `6883`
//!    if another command comes before the chain's last; that ends the chain.
//! 5. The command runs, and its answer is brought into the form of the protocol.

use kortlab_apdu::{Protocol, StatusWord};

use crate::image::{Generator, Image, ImageError};
use crate::memory::{Memory, PowerCut, PowerLost};
use crate::models;
use crate::os::session::{Selection, Session};
use crate::os::{Application, Applications, Os};
use crate::random::CardRng;
use crate::security::verified::Verified;
use crate::state::State;
use crate::transport;

/// A virtual card: persistent memory, volatile state, and the commands.
///
/// It never panics, whatever it is sent, and always answers with 2 to 65 535 bytes. A clone is the
/// same card at the same moment, what it has selected and verified included.
#[derive(Clone, Debug)]
pub struct VirtualCard {
    memory: Memory,
    session: Session,
    rng: CardRng,
    /// What the image keeps of the generator, if it does.
    kept: Option<KeptGenerator>,
    applications: Applications,
    powered: bool,
    /// The volatile state before the last command, for [`VirtualCard::undo_last`].
    before: (Selection, Verified),
}

/// A generator that is a part of the card's image.
#[derive(Clone, Copy, Debug)]
struct KeptGenerator {
    /// How many words it had given before the last command.
    before: u64,
    /// Whether it has given some since [`VirtualCard::take_changed`].
    changed: bool,
}

impl VirtualCard {
    /// A card that holds what the image says, without power. Its random numbers come from `rng`, or
    /// from the image's own generator if it has one.
    ///
    /// # Errors
    /// The image is inconsistent, or does not fit into its own capacity.
    pub fn new(image: Image, rng: CardRng) -> Result<Self, ImageError> {
        Self::with_applications(image, rng, [])
    }

    /// The same with applications of one's own, which the image's DFs name.
    ///
    /// # Errors
    /// As for [`VirtualCard::new`]; a DF names an application that is neither built in nor given.
    pub fn with_applications(
        image: Image,
        rng: CardRng,
        own: impl IntoIterator<Item = &'static dyn Application>,
    ) -> Result<Self, ImageError> {
        let applications = models::applications(own);
        let own = image.generator.as_ref().map(Generator::rng);
        let kept = own.as_ref().map(|rng| KeptGenerator {
            before: rng.words(),
            changed: false,
        });
        Ok(Self {
            memory: Memory::new(image.state(&applications)?),
            session: Session::default(),
            rng: own.unwrap_or(rng),
            kept,
            applications,
            powered: false,
            before: Default::default(),
        })
    }

    /// The answer to reset.
    pub fn atr(&self) -> &[u8] {
        &self.memory.state().atr
    }

    /// The protocol that the card speaks.
    pub fn protocol(&self) -> Protocol {
        self.memory.state().protocol
    }

    /// The serial number.
    pub fn serial(&self) -> &str {
        &self.memory.state().serial
    }

    /// Gives power. The MF is selected and no PIN is verified. A card whose power was cut in the
    /// middle of a command recovers first; if it is cut again meanwhile, it has no power now.
    pub fn power_on(&mut self) {
        self.session = Session::default();
        self.powered = self.memory.power_on().is_ok();
    }

    /// Takes power away: all volatile state is lost.
    pub fn power_off(&mut self) {
        self.session = Session::default();
        self.powered = false;
    }

    /// A warm reset: volatile state is lost. A card without power has none afterwards.
    pub fn reset(&mut self) {
        self.session = Session::default();
    }

    /// Answers one command. A card without power gets it first, since some links tell of neither.
    /// If power is cut, the answer is `6F00`, which stands for the silence of a card that is gone;
    /// [`VirtualCard::try_transmit`] tells the two apart.
    pub fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        if self.memory.power_lost() || !self.powered {
            self.power_on();
        }
        self.try_transmit(command)
            .unwrap_or_else(|PowerLost| StatusWord::UNKNOWN.bytes().to_vec())
    }

    /// Answers one command, if the card has power and keeps it.
    ///
    /// # Errors
    /// It has none, or it was cut before the answer was out.
    pub fn try_transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, PowerLost> {
        if !self.powered {
            return Err(PowerLost);
        }
        let answer = self.execute(command);
        if answer.is_err() {
            self.power_off();
        }
        answer
    }

    /// Cuts the power at this point, counted from now on, as if the card were pulled out.
    pub fn schedule_power_cut(&mut self, cut: PowerCut) {
        self.memory.schedule_power_cut(cut);
    }

    /// Takes back what [`VirtualCard::schedule_power_cut`] has asked for, if it has not come.
    pub fn cancel_power_cut(&mut self) {
        self.memory.cancel_power_cut();
    }

    /// Whether the power is to be cut, and has not been.
    pub fn power_cut_is_scheduled(&self) -> bool {
        self.memory.power_cut_is_scheduled()
    }

    /// Whether power was cut and has not been given again.
    pub fn power_lost(&self) -> bool {
        self.memory.power_lost()
    }

    /// How many bytes of non-volatile memory were programmed since the card was made.
    pub fn bytes_programmed(&self) -> u64 {
        self.memory.bytes_programmed()
    }

    /// How many commands have reached the card since it was made.
    pub fn commands_received(&self) -> u64 {
        self.memory.commands_received()
    }

    fn execute(&mut self, command: &[u8]) -> Result<Vec<u8>, PowerLost> {
        self.memory.begin_command()?;
        self.before = (self.session.selection, self.session.verified);
        if let Some(kept) = &mut self.kept {
            kept.before = self.rng.words();
        }
        let mut os = Os {
            memory: &mut self.memory,
            session: &mut self.session,
            rng: &mut self.rng,
            applications: &self.applications,
        };
        let answer = transport::answer(&mut os, command);
        if let Some(kept) = &mut self.kept {
            kept.changed |= kept.before != self.rng.words();
        }
        self.memory.end_command()?;
        Ok(answer)
    }

    /// Whether persistent state changed since [`VirtualCard::take_changed`].
    pub fn changed(&self) -> bool {
        self.memory.changed() || self.kept.is_some_and(|kept| kept.changed)
    }

    /// Whether persistent state changed since this was last asked.
    pub fn take_changed(&mut self) -> bool {
        let drawn = self.kept.as_mut();
        let drawn = drawn.is_some_and(|kept| core::mem::take(&mut kept.changed));
        self.memory.take_changed() || drawn
    }

    /// The image of the card as it is now.
    pub fn image(&self) -> Image {
        Image {
            generator: self.kept.map(|_| Generator::of(&self.rng)),
            ..Image::of(self.memory.state())
        }
    }

    /// The same with the generator where it is now, so that a card that is made of it goes on as this
    /// one does.
    pub fn image_with_generator(&self) -> Image {
        Image {
            generator: Some(Generator::of(&self.rng)),
            ..Image::of(self.memory.state())
        }
    }

    /// Whether the generator is a part of the card's image, and what it gives a change of it.
    pub const fn keeps_generator(&self) -> bool {
        self.kept.is_some()
    }

    /// How many random words of 32 bits the card has used.
    pub fn words_drawn(&self) -> u64 {
        self.rng.words()
    }

    /// The persistent state, to look at.
    pub fn state(&self) -> &State {
        self.memory.state()
    }

    /// Takes back what the last command changed in persistent memory, and what it selected and
    /// verified; a waiting response is dropped. For a store that failed to save the change.
    pub fn undo_last(&mut self) {
        self.memory.roll_back();
        (self.session.selection, self.session.verified) = self.before;
        if let Some(kept) = &mut self.kept {
            self.rng.go_to(kept.before);
            kept.changed = false;
        }
        self.session.pending = None;
    }
}
