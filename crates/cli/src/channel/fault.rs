//! `--fault`: what goes wrong with a card, and when.

use std::ffi::OsStr;
use std::fmt;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, Error};
use kortlab_emulator::memory::PowerCut;
use kortlab_faults::{FaultError, STRATEGIES, When};
use serde::Serialize;

/// Something that goes wrong with a card.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The card is torn out of the reader: for a virtual card in this process, whose memory is
    /// left as such a card's would be.
    Tear(PowerCut),
    /// What the card answers is spoilt on its way: for any card.
    Answer(kortlab_faults::Fault),
}

/// A way to be torn out as it is named: what stands before the number, and what it does.
struct Tear {
    name: &'static str,
    does: &'static str,
    make: fn(u64) -> PowerCut,
}

const TEARS: [Tear; 3] = [
    Tear {
        name: "tear:after-bytes=",
        does: "the card is torn out when N bytes of its memory were programmed",
        make: PowerCut::AfterBytes,
    },
    Tear {
        name: "tear:before-command=",
        does: "the card is torn out before the Nth command reaches it",
        make: PowerCut::BeforeCommand,
    },
    Tear {
        name: "tear:before-answer=",
        does: "the card is torn out when the Nth command is done, before its answer",
        make: PowerCut::BeforeAnswer,
    },
];

impl Fault {
    /// Reads a fault as it is written.
    ///
    /// # Errors
    /// There is none of this name, or its parameters make no sense.
    pub fn parse(text: &str) -> Result<Self, NoFault> {
        for tear in &TEARS {
            let Some(number) = text.strip_prefix(tear.name) else {
                continue;
            };
            let number: u64 = number
                .parse()
                .map_err(|_| NoFault::Number(number.to_owned()))?;
            if number == 0 && !tear.name.contains("bytes") {
                return Err(NoFault::Zero);
            }
            return Ok(Self::Tear((tear.make)(number)));
        }
        Ok(Self::Answer(kortlab_faults::Fault::parse(text)?))
    }
}

/// Why a fault cannot be read, in one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoFault {
    /// A tear whose moment is no number.
    #[error("{0:?} is no number")]
    Number(String),
    /// A tear at a command before the first.
    #[error("commands are counted from 1")]
    Zero,
    /// It is no tear, and cannot be read as another.
    #[error(transparent)]
    Answer(#[from] FaultError),
}

impl NoFault {
    /// The same for who has typed it: with where the names are to be had, or with the names.
    pub fn for_command_line(&self) -> String {
        match self {
            Self::Answer(FaultError::Unknown) => format!(
                "{self}; --fault list says what each of these does:{}",
                names()
            ),
            Self::Answer(FaultError::UnknownIn(_)) => format!("{self}; --fault list names them"),
            _ => self.to_string(),
        }
    }
}

/// A tear as it is written.
pub fn tear_text(cut: PowerCut) -> String {
    let (PowerCut::AfterBytes(number)
    | PowerCut::BeforeCommand(number)
    | PowerCut::BeforeAnswer(number)) = cut;
    let tear = TEARS.iter().find(|tear| (tear.make)(number) == cut);
    format!("{}{number}", tear.map_or("tear:", |tear| tear.name))
}

/// The names of all faults, folded to lines.
fn names() -> String {
    let mut lines = String::new();
    let mut width = LINE;
    let mut last = String::new();
    for FaultEntry { name, .. } in Faults::all().faults {
        let name = name.split(':').next().unwrap_or_default();
        if last == name {
            continue;
        }
        name.clone_into(&mut last);
        if width + name.len() + 1 > LINE {
            lines.push_str("\n ");
            width = 1;
        }
        lines.push(' ');
        lines.push_str(name);
        width += name.len() + 1;
    }
    lines
}

/// The longest line of names.
const LINE: usize = 78;

/// The list of faults, which `--fault list` asks for.
#[derive(Serialize)]
pub struct Faults {
    faults: Vec<FaultEntry>,
    /// What those with `when` take besides: at which commands they strike.
    when: Vec<WhenEntry>,
}

#[derive(Serialize)]
struct FaultEntry {
    /// How it is written; what is in capitals stands for a value, what is in brackets may be left
    /// out.
    name: String,
    /// What it does.
    does: &'static str,
    /// One that can be typed.
    example: String,
    /// Whether it is for a virtual card in this process alone.
    virtual_card_only: bool,
    /// Whether it takes what says at which commands it strikes.
    when: bool,
}

#[derive(Serialize)]
struct WhenEntry {
    /// How it is written.
    name: &'static str,
    /// What it means.
    means: &'static str,
}

impl Faults {
    fn all() -> Self {
        let tears = TEARS.iter().map(|tear| FaultEntry {
            name: format!("{}N", tear.name),
            does: tear.does,
            example: format!("{}20", tear.name),
            virtual_card_only: true,
            when: false,
        });
        let mutations = kortlab_faults::KINDS.iter().map(|kind| FaultEntry {
            name: with_parameters(kind.name, kind.parameters),
            does: kind.does,
            example: kind.vector.text.to_owned(),
            virtual_card_only: false,
            when: kind.of_commands,
        });
        let strategies = STRATEGIES.iter().map(|strategy| FaultEntry {
            name: with_parameters(strategy.name, strategy.parameters),
            does: strategy.does,
            example: strategy.text.to_owned(),
            virtual_card_only: false,
            when: false,
        });
        let when = When::PARAMETERS
            .iter()
            .map(|(name, means)| WhenEntry { name, means });
        Self {
            faults: tears.chain(mutations).chain(strategies).collect(),
            when: when.collect(),
        }
    }

    /// The list, if it is what this end of the parsing asks for.
    pub fn asked_for(error: &Error) -> Option<Self> {
        let asked = error.get(ContextKind::Custom) == Some(&asked_for_list());
        asked.then(Self::all)
    }
}

/// A name, and what follows it if anything does.
fn with_parameters(name: &str, parameters: &str) -> String {
    if parameters.is_empty() {
        name.to_owned()
    } else {
        format!("{name}:{parameters}")
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.faults {
            writeln!(f, "{}", fault.name)?;
            writeln!(f, "    {}", fault.does)?;
            if fault.example != fault.name {
                writeln!(f, "    example: {}", fault.example)?;
            }
        }
        writeln!(
            f,
            "\nThe first three are for a virtual card in this process, the others for any card."
        )?;
        writeln!(
            f,
            "Those that spoil answers take besides, with commas between:"
        )?;
        for WhenEntry { name, means } in &self.when {
            writeln!(f, "  {name:<10} {means}")?;
        }
        Ok(())
    }
}

/// What marks the end of the parsing that asks for the list.
fn asked_for_list() -> ContextValue {
    ContextValue::String("--fault list".to_owned())
}

/// Reads the value of `--fault`. `list` ends the parsing as `--version` does, and is answered with
/// the list of faults.
#[derive(Clone, Copy, Debug)]
pub struct FaultParser;

impl TypedValueParser for FaultParser {
    type Value = Fault;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Fault, Error> {
        if value == "list" {
            let mut error = Error::new(ErrorKind::DisplayVersion);
            error.insert(ContextKind::Custom, asked_for_list());
            return Err(error);
        }
        let parser = |text: &str| Fault::parse(text).map_err(|why| why.for_command_line());
        parser.parse_ref(command, argument, value)
    }

    /// For completions and manual pages; a number follows each name but `list`.
    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let tears = TEARS.iter().map(|tear| (tear.name.to_owned(), tear.does));
        let answers = kortlab_faults::KINDS
            .iter()
            .map(|kind| (format!("{}:", kind.name), kind.does));
        let strategies = STRATEGIES
            .iter()
            .map(|strategy| (format!("{}:", strategy.name), strategy.does));
        let faults = tears
            .chain(answers)
            .chain(strategies)
            .map(|(name, does)| PossibleValue::new(name).help(does));
        let list = PossibleValue::new("list").help("names them all");
        Some(Box::new(faults.chain([list])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_listed_with_an_example_that_parses_and_no_line_is_too_long() {
        let all = Faults::all();
        for fault in &all.faults {
            let parsed = Fault::parse(&fault.example);
            assert!(parsed.is_ok(), "{}: {parsed:?}", fault.example);
            if let Ok(Fault::Tear(cut)) = parsed {
                assert_eq!(tear_text(cut), fault.example);
            }
            let tears = matches!(parsed, Ok(Fault::Tear(_)));
            assert_eq!(tears, fault.virtual_card_only, "{}", fault.name);
        }
        assert_eq!(
            all.faults.len(),
            TEARS.len() + kortlab_faults::KINDS.len() + STRATEGIES.len()
        );
        for line in all.to_string().lines().chain(names().lines()) {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn the_page_on_faults_names_each_as_the_program_does() {
        let page = include_str!("../../../../docs/faults.md");
        let rows: Vec<&str> = page
            .lines()
            .filter(|line| line.starts_with("| `"))
            .collect();
        for fault in Faults::all().faults {
            let cell = |text: &str| text.replace('|', "\\|");
            let row = format!(
                "| `{}` | {} | `{}` |",
                cell(&fault.name),
                fault.does,
                cell(&fault.example)
            );
            assert!(rows.contains(&row.as_str()), "docs/faults.md lacks\n{row}");
        }
        for (name, means) in When::PARAMETERS {
            let row = format!("| `{name}` | {means} |");
            assert!(rows.contains(&row.as_str()), "docs/faults.md lacks\n{row}");
        }
    }

    #[test]
    fn what_is_no_fault_is_refused_with_the_names_or_the_reason() {
        for text in ["", "tear", "tear:", "tear:after-bytes", "flop:bit=1"] {
            let error = Fault::parse(text).expect_err(text).for_command_line();
            assert!(
                error.contains(" tear") && error.contains(" truncate"),
                "{error}"
            );
        }
        for text in [
            "tear:after-bytes=",
            "tear:after-bytes=-1",
            "tear:before-command=0",
            "tear:before-answer=x",
            "sw:ins=B0",
            "delay:ms=soon",
            "alternately:sw:sw=6F00|gone",
        ] {
            let error = Fault::parse(text).expect_err(text);
            assert!(!error.to_string().contains('\n'), "{error}");
            assert!(!error.for_command_line().contains('\n'), "{error}");
        }
    }
}
