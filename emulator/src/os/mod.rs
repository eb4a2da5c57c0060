//! The card OS: admits commands, joins chains, and runs what the current application has for them.
//!
//! It knows no command by name: which there are is the [`Application`]'s table.

pub(crate) mod application;
pub(crate) mod context;
pub(crate) mod environment;
pub(crate) mod session;

use kortlab_apdu::class::{ClassKind, SecureMessaging};
use kortlab_apdu::{Class, Command, Response, StatusWord};
use zeroize::Zeroizing;

pub use application::{Answer, Application, Applications, Execute, Instruction, Traffic};
pub use context::Context;

use crate::fs::LifeCycle;
use crate::memory::Memory;
use crate::random::CardRng;
use session::{Chain, Session};

/// The most bytes of data that the commands of one chain may carry together.
const MAX_CHAIN_DATA: usize = 0xFFFF;

/// The card OS at work on one command.
pub(crate) struct Os<'a> {
    /// What outlives power.
    pub memory: &'a mut Memory,
    /// What does not.
    pub session: &'a mut Session,
    /// Randomness.
    pub rng: &'a mut CardRng,
    /// The applications of this card.
    pub applications: &'a Applications,
}

impl Os<'_> {
    /// Checks class and instruction.
    ///
    /// # Errors
    /// `6881`, `6882`, `6D00`, `6E00`, or `6985` once the card is terminated.
    pub fn admit(&self, command: &Command) -> Result<&'static Instruction, StatusWord> {
        self.admit_class(command.class())?;
        let files = &self.memory.state().files;
        let df = self.session.selection.df;
        let found = self.applications.instruction(files, df, command)?;
        if self.memory.state().life_cycle == LifeCycle::Terminated {
            return Err(StatusWord::CONDITIONS_OF_USE);
        }
        Ok(found)
    }

    /// Checks class and parameters of GET RESPONSE.
    ///
    /// # Errors
    /// As for [`Os::admit`]; `6A86` for P1-P2; `6700` for command data.
    pub fn admit_get_response(&self, command: &Command) -> Result<(), StatusWord> {
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
    pub fn run(
        &mut self,
        instruction: &Instruction,
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
            if !instruction.may_be_chained() || !self.memory.state().settings.command_chaining {
                return Err(StatusWord::CHAINING_NOT_SUPPORTED);
            }
            let data = chain.map(|chain| chain.data).unwrap_or_default();
            let data = join(data, command.data())?;
            self.session.chain = Some(Chain { header, data });
            return Ok(Response::status_only(StatusWord::SUCCESS));
        }
        let mut context = Context {
            memory: self.memory,
            session: self.session,
            rng: self.rng,
            applications: self.applications,
        };
        let Some(chain) = chain else {
            return instruction.execute(&mut context, command);
        };
        let data = join(chain.data, command.data())?;
        let mut whole = Command::new(command.ins(), command.p1(), command.p2())
            .with_class(class)
            .with_data(data.to_vec());
        if let Some(ne) = command.ne() {
            whole = whole.expecting(ne);
        }
        instruction.execute(&mut context, &whole)
    }
}

/// `6700` and the end of the chain if it grows beyond its limit.
fn join(mut data: Zeroizing<Vec<u8>>, more: &[u8]) -> Result<Zeroizing<Vec<u8>>, StatusWord> {
    if data.len() + more.len() > MAX_CHAIN_DATA {
        return Err(StatusWord::WRONG_LENGTH);
    }
    data.extend_from_slice(more);
    Ok(data)
}
