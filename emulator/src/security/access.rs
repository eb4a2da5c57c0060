//! Access conditions of files, whatever their coding: an application reads its own.

use core::fmt;

/// What somebody wants to do to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// READ BINARY, READ RECORD; of a key file: read the public key.
    Read,
    /// UPDATE and ERASE BINARY or RECORD; of a key file: replace the key.
    Update,
    /// WRITE BINARY, WRITE RECORD, APPEND RECORD.
    Write,
    /// DEACTIVATE FILE.
    Deactivate,
    /// ACTIVATE FILE.
    Activate,
    /// TERMINATE EF, TERMINATE DF; of the MF: TERMINATE CARD USAGE.
    Terminate,
    /// DELETE FILE, of the file itself.
    Delete,
    /// DELETE FILE, of a child of this DF.
    DeleteChild,
    /// CREATE FILE, an EF in this DF.
    CreateEf,
    /// CREATE FILE, a DF in this DF.
    CreateDf,
    /// A command by its instruction byte, such as 2A: use of a key.
    Command(u8),
}

/// The access conditions of one file: what no rule names is never allowed; if several name an
/// operation, one that is satisfied is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    rules: Vec<Rule>,
}

/// Why a value of tag 86 was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessError {
    /// The byte at which it was noticed.
    pub offset: usize,
    /// What is wrong.
    pub what: &'static str,
}

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "access conditions, byte {}: {}", self.offset, self.what)
    }
}

impl std::error::Error for AccessError {}

/// Some operations, and when they are allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Which operations.
    pub subject: Subject,
    /// When.
    pub condition: Condition,
}

/// Which operations a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Those of an access mode byte (ISO/IEC 7816-4 tables 16 and 17): for an EF 01 READ, 02 UPDATE
    /// and ERASE, 04 WRITE and APPEND, 08 DEACTIVATE, 10 ACTIVATE, 20 TERMINATE, 40 DELETE; for a DF
    /// 01 delete a child, 02 create an EF, 04 create a DF, 08 to 40 as for an EF.
    Operations(u8),
    /// The command with this instruction.
    Instruction(u8),
}

/// When a rule allows its operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// All of these PINs; none: always.
    Pins(Vec<u8>),
    /// External authentication, which this card does not offer.
    Never,
}

impl Access {
    /// Conditions that consist of these rules.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        Self {
            rules: rules.into_iter().collect(),
        }
    }

    /// Whether there is no rule at all: then the rules for a file without tag 86 hold.
    pub fn says_nothing(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether any rule names this operation.
    pub fn names(&self, operation: Operation) -> bool {
        self.rules.iter().any(|rule| rule.subject.covers(operation))
    }

    /// Whether the operation is allowed when `verified` says which PIN references are verified.
    pub fn allows(&self, operation: Operation, verified: impl Fn(u8) -> bool) -> bool {
        self.rules
            .iter()
            .filter(|rule| rule.subject.covers(operation))
            .any(|rule| match &rule.condition {
                Condition::Pins(pins) => pins.iter().all(|&pin| verified(pin)),
                Condition::Never => false,
            })
    }

    /// The PINs by which the operation is allowed now: those of every sub-condition for it that is
    /// satisfied.
    pub fn used_for(
        &self,
        operation: Operation,
        verified: impl Fn(u8) -> bool,
    ) -> impl Iterator<Item = u8> {
        self.rules
            .iter()
            .filter(move |rule| rule.subject.covers(operation))
            .filter(move |rule| rule.pins().all(&verified))
            .flat_map(Rule::pins)
    }

    /// Every PIN reference that is named.
    pub fn pins(&self) -> impl Iterator<Item = u8> + '_ {
        self.rules.iter().flat_map(Rule::pins)
    }
}

impl Rule {
    fn pins(&self) -> impl Iterator<Item = u8> + '_ {
        match &self.condition {
            Condition::Pins(pins) => pins.iter().copied(),
            Condition::Never => [].iter().copied(),
        }
    }
}

impl Subject {
    fn covers(self, operation: Operation) -> bool {
        match (self, operation) {
            (Self::Instruction(ins), Operation::Command(wanted)) => ins == wanted,
            (Self::Operations(mask), operation) => mask & bit(operation) != 0,
            (Self::Instruction(_), _) => false,
        }
    }
}

/// The bit of an operation in the access mode byte; 0 for commands, which have none.
const fn bit(operation: Operation) -> u8 {
    match operation {
        Operation::Read | Operation::DeleteChild => 0x01,
        Operation::Update | Operation::CreateEf => 0x02,
        Operation::Write | Operation::CreateDf => 0x04,
        Operation::Deactivate => 0x08,
        Operation::Activate => 0x10,
        Operation::Terminate => 0x20,
        Operation::Delete => 0x40,
        Operation::Command(_) => 0x00,
    }
}
