//! The card operating system's outside: bytes in, bytes out, no I/O.
//!
//! # What happens to a command
//!
//! 1. The bytes are read as a T=0 TPDU or a T=1 APDU (module `transport`). Malformed: `6700`.
//! 2. The class byte: secure messaging `6882`, another logical channel `6881` (this card has the
//!    basic channel alone, and says so to MANAGE CHANNEL as well), unknown `6E00`.
//! 3. The instruction: unknown `6D00`. A terminated card answers `6985` to everything.
//! 4. A chain (CLA bit 5) is joined: `6884` if the instruction or the card has no chaining, `6883`
//!    if another command comes before the chain's last; that ends the chain.
//! 5. The command runs, and its answer is brought into the form of the protocol.

use kortlab_apdu::class::{ClassKind, SecureMessaging};
use kortlab_apdu::{Class, Command, Protocol, Response, StatusWord, instruction};
use zeroize::Zeroizing;

use crate::commands::{self, Context, Instruction};
use crate::image::{Image, ImageError, LifeCycle};
use crate::memory::{Memory, PowerCut, PowerLost};
use crate::random::CardRng;
use crate::security::pins::Verified;
use crate::session::{Chain, Selection, Session};
use crate::state::State;
use crate::transport;

/// The most bytes of data that the commands of one chain may carry together.
const MAX_CHAIN_DATA: usize = 0xFFFF;

/// A virtual card: persistent memory, volatile state, and the commands.
///
/// It never panics, whatever it is sent, and always answers with 2 to 65 535 bytes. A clone is the
/// same card at the same moment, what it has selected and verified included.
#[derive(Clone, Debug)]
pub struct VirtualCard {
    memory: Memory,
    session: Session,
    rng: CardRng,
    powered: bool,
    /// The volatile state before the last command, for [`VirtualCard::undo_last`].
    before: (Selection, Verified),
}

impl VirtualCard {
    /// A card that holds what the image says, without power.
    ///
    /// # Errors
    /// The image is inconsistent, or does not fit into its own capacity.
    pub fn new(image: Image, rng: CardRng) -> Result<Self, ImageError> {
        Ok(Self {
            memory: Memory::new(State::from_image(&image)?),
            session: Session::default(),
            rng,
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
        self.memory.state().protocol.into()
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
        let settings = self.memory.state().settings;
        let answer = match self.protocol() {
            Protocol::T0 => transport::t0(self, command, settings),
            Protocol::T1 => transport::t1(self, command),
        };
        self.memory.end_command()?;
        Ok(answer)
    }

    /// Whether persistent state changed since [`VirtualCard::take_changed`].
    pub fn changed(&self) -> bool {
        self.memory.changed()
    }

    /// Whether persistent state changed since this was last asked.
    pub fn take_changed(&mut self) -> bool {
        self.memory.take_changed()
    }

    /// The image of the card as it is now.
    pub fn image(&self) -> Image {
        self.memory.state().to_image()
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
        self.session.pending = None;
    }

    /// The volatile state, for the transport.
    pub(crate) fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Checks class and instruction.
    ///
    /// # Errors
    /// `6881`, `6882`, `6D00`, `6E00`, or `6985` once the card is terminated.
    pub(crate) fn admit(&self, command: &Command) -> Result<Instruction, StatusWord> {
        self.admit_class(command.class())?;
        let found = commands::find(command)?;
        if self.memory.state().life_cycle == LifeCycle::Terminated {
            return Err(StatusWord::CONDITIONS_OF_USE);
        }
        Ok(found)
    }

    /// Checks class and parameters of GET RESPONSE.
    ///
    /// # Errors
    /// As for [`VirtualCard::admit`]; `6A86` for P1-P2; `6700` for command data.
    pub(crate) fn admit_get_response(&self, command: &Command) -> Result<(), StatusWord> {
        self.admit_class(command.class())?;
        if !command.class().is_interindustry() {
            return Err(StatusWord::CLASS_NOT_SUPPORTED);
        }
        if command.p1_p2() != 0 {
            return Err(StatusWord::INCORRECT_P1_P2);
        }
        if !command.data().is_empty() {
            return Err(StatusWord::WRONG_LENGTH);
        }
        Ok(())
    }

    fn admit_class(&self, class: Class) -> Result<(), StatusWord> {
        match class.kind() {
            ClassKind::FirstInterindustry | ClassKind::FurtherInterindustry => {}
            ClassKind::Proprietary => return Ok(()),
            _ => return Err(StatusWord::CLASS_NOT_SUPPORTED),
        }
        if class.secure_messaging() != SecureMessaging::None {
            return Err(StatusWord::SECURE_MESSAGING_NOT_SUPPORTED);
        }
        if class.channel() != 0 {
            return Err(StatusWord::CHANNEL_NOT_SUPPORTED);
        }
        Ok(())
    }

    /// Joins a chain, and runs the command when it is whole.
    pub(crate) fn run(
        &mut self,
        instruction: Instruction,
        command: &Command,
    ) -> Result<Response, StatusWord> {
        let class = command.class();
        let header = [
            class.chained(false).byte(),
            command.ins(),
            command.p1(),
            command.p2(),
        ];
        let chain = self.session.chain.take();
        if chain.as_ref().is_some_and(|chain| chain.header != header) {
            return Err(StatusWord::LAST_OF_CHAIN_EXPECTED);
        }
        if class.is_chained() {
            if !instruction.chaining || !self.memory.state().settings.command_chaining {
                return Err(StatusWord::CHAINING_NOT_SUPPORTED);
            }
            let data = chain.map(|chain| chain.data).unwrap_or_default();
            let data = join(data, command.data())?;
            self.session.chain = Some(Chain { header, data });
            return Ok(Response::status_only(StatusWord::SUCCESS));
        }
        let mut context = Context {
            memory: &mut self.memory,
            session: &mut self.session,
            rng: &mut self.rng,
        };
        let Some(chain) = chain else {
            return (instruction.execute)(&mut context, command);
        };
        let data = join(chain.data, command.data())?;
        let mut whole = Command::new(command.ins(), command.p1(), command.p2())
            .with_class(class)
            .with_data(data.to_vec());
        if let Some(ne) = command.ne() {
            whole = whole.expecting(ne);
        }
        (instruction.execute)(&mut context, &whole)
    }
}

/// Whether a command is GET RESPONSE, which the transport answers.
pub(crate) fn is_get_response(command: &Command) -> bool {
    command.ins() == instruction::GET_RESPONSE
}

/// `6700` and the end of the chain if it grows beyond its limit.
fn join(mut data: Zeroizing<Vec<u8>>, more: &[u8]) -> Result<Zeroizing<Vec<u8>>, StatusWord> {
    if data.len() + more.len() > MAX_CHAIN_DATA {
        return Err(StatusWord::WRONG_LENGTH);
    }
    data.extend_from_slice(more);
    Ok(data)
}
