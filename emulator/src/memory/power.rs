//! Power, and where it goes: after a byte programmed, before a command, before its answer.

/// Where the power of a card is cut: as if it were pulled out of the reader at that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PowerCut {
    /// When this many bytes of non-volatile memory have been programmed and one more should be.
    AfterBytes(u64),
    /// Before the command with this number (from 1) reaches the card.
    BeforeCommand(u64),
    /// When the command with this number (from 1) is done, before its answer is out.
    BeforeAnswer(u64),
}

/// The card has no power any more: it was pulled out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerLost;

/// How much of what should be programmed was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drawn {
    /// All of it.
    All,
    /// This many bytes; then the power went.
    Part(u64),
}

/// The power of one card: what it has done with it, and when it will be gone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Power {
    programmed: u64,
    commands: u64,
    cut: Option<PowerCut>,
    lost: bool,
}

impl Power {
    /// Cuts the power at this point, counted from now on. An earlier cut is forgotten.
    pub fn schedule(&mut self, cut: PowerCut) {
        self.cut = Some(match cut {
            PowerCut::AfterBytes(bytes) => {
                PowerCut::AfterBytes(self.programmed.saturating_add(bytes))
            }
            PowerCut::BeforeCommand(n) => PowerCut::BeforeCommand(self.commands.saturating_add(n)),
            PowerCut::BeforeAnswer(n) => PowerCut::BeforeAnswer(self.commands.saturating_add(n)),
        });
    }

    /// Cuts the power no more.
    pub const fn spare(&mut self) {
        self.cut = None;
    }

    /// Whether the power is to be cut.
    pub const fn is_to_be_cut(&self) -> bool {
        self.cut.is_some()
    }

    /// How many bytes were programmed since the card was made.
    pub const fn programmed(&self) -> u64 {
        self.programmed
    }

    /// How many commands have reached the card since it was made.
    pub const fn commands(&self) -> u64 {
        self.commands
    }

    /// Whether the power is gone.
    pub const fn is_lost(&self) -> bool {
        self.lost
    }

    /// The power is back.
    pub const fn restore(&mut self) {
        self.lost = false;
    }

    /// A command arrives.
    pub fn command(&mut self) -> Result<(), PowerLost> {
        self.commands = self.commands.saturating_add(1);
        self.lose_at(PowerCut::BeforeCommand(self.commands))
    }

    /// The answer to the last command should go out.
    pub fn answer(&mut self) -> Result<(), PowerLost> {
        self.lose_at(PowerCut::BeforeAnswer(self.commands))
    }

    /// Whether there is power for this many bytes more.
    pub fn suffices(&self, bytes: u64) -> bool {
        match self.cut {
            Some(PowerCut::AfterBytes(limit)) => self.programmed.saturating_add(bytes) <= limit,
            _ => !self.lost,
        }
    }

    /// `bytes` should be programmed.
    pub fn draw(&mut self, bytes: u64) -> Drawn {
        if self.lost {
            return Drawn::Part(0);
        }
        if let Some(PowerCut::AfterBytes(limit)) = self.cut
            && !self.suffices(bytes)
        {
            let part = limit.saturating_sub(self.programmed);
            self.programmed = self.programmed.saturating_add(part);
            self.lose();
            return Drawn::Part(part);
        }
        self.programmed = self.programmed.saturating_add(bytes);
        Drawn::All
    }

    fn lose_at(&mut self, point: PowerCut) -> Result<(), PowerLost> {
        if self.cut == Some(point) {
            self.lose();
        }
        if self.lost { Err(PowerLost) } else { Ok(()) }
    }

    const fn lose(&mut self) {
        self.lost = true;
        self.cut = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_and_the_cut_comes_with_the_first_byte_too_many() {
        let mut power = Power::default();
        assert_eq!(power.draw(5), Drawn::All);
        power.schedule(PowerCut::AfterBytes(10));
        assert_eq!(power.draw(10), Drawn::All);
        assert!(!power.is_lost());
        assert_eq!(power.draw(1), Drawn::Part(0));
        assert_eq!(power.programmed(), 15);
        power.restore();
        assert_eq!(power.draw(100), Drawn::All);
    }

    #[test]
    fn a_cut_that_was_taken_back_does_not_come() {
        let mut power = Power::default();
        power.schedule(PowerCut::BeforeCommand(1));
        assert!(power.is_to_be_cut());
        power.spare();
        assert!(!power.is_to_be_cut());
        assert_eq!(power.command(), Ok(()));
        power.schedule(PowerCut::BeforeAnswer(1));
        assert_eq!(power.command(), Ok(()));
        assert_eq!(power.answer(), Err(PowerLost));
        assert!(!power.is_to_be_cut(), "it has come");
    }

    #[test]
    fn a_command_can_be_lost_before_it_arrives_or_before_it_is_answered() {
        let mut power = Power::default();
        power.schedule(PowerCut::BeforeCommand(2));
        assert_eq!(power.command(), Ok(()));
        assert_eq!(power.answer(), Ok(()));
        assert_eq!(power.command(), Err(PowerLost));
        power.restore();
        power.schedule(PowerCut::BeforeAnswer(1));
        assert_eq!(power.command(), Ok(()));
        assert_eq!(power.answer(), Err(PowerLost));
        assert_eq!(power.command(), Err(PowerLost));
    }
}
