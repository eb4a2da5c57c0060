//! `--fault`: what goes wrong with a virtual card, and when.

use std::ffi::OsStr;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command, Error};
use kortlab_emulator::VirtualCard;
use kortlab_emulator::memory::PowerCut;

/// Something that goes wrong with a virtual card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The card is torn out of the reader.
    Tear(PowerCut),
}

/// A fault as it is named: what stands before the number, and what it does.
struct Kind {
    name: &'static str,
    does: &'static str,
    make: fn(u64) -> Fault,
}

const KINDS: [Kind; 3] = [
    Kind {
        name: "tear:after-bytes=",
        does: "the card is torn out when N bytes of its memory were programmed",
        make: |n| Fault::Tear(PowerCut::AfterBytes(n)),
    },
    Kind {
        name: "tear:before-command=",
        does: "the card is torn out before the Nth command reaches it (from 1)",
        make: |n| Fault::Tear(PowerCut::BeforeCommand(n)),
    },
    Kind {
        name: "tear:before-answer=",
        does: "the card is torn out when the Nth command is done, before its answer (from 1)",
        make: |n| Fault::Tear(PowerCut::BeforeAnswer(n)),
    },
];

impl Fault {
    /// Sees to it that it goes wrong with this card.
    pub fn plant(self, card: &mut VirtualCard) {
        match self {
            Self::Tear(cut) => card.schedule_power_cut(cut),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        for kind in &KINDS {
            let Some(number) = text.strip_prefix(kind.name) else {
                continue;
            };
            let number: u64 = number
                .parse()
                .map_err(|_| format!("{number:?} is no number"))?;
            if number == 0 && !kind.name.contains("bytes") {
                return Err("commands are counted from 1".to_owned());
            }
            return Ok((kind.make)(number));
        }
        Err(format!("no such fault; there are:\n{}", list()))
    }
}

fn list() -> String {
    let line = |kind: &Kind| {
        let name = format!("{}N", kind.name);
        format!("  {name:<24} {}\n", kind.does)
    };
    KINDS.iter().map(line).collect()
}

/// Reads the value of `--fault`. `list` is answered with the list of faults, as `--version` is
/// with the version.
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
            return Err(Error::raw(ErrorKind::DisplayVersion, list()));
        }
        let parser = |text: &str| Fault::parse(text);
        parser.parse_ref(command, argument, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_listed_and_parses_with_a_number() {
        for kind in &KINDS {
            assert!(list().contains(kind.name));
            assert_eq!(Fault::parse(&format!("{}7", kind.name)), Ok((kind.make)(7)));
        }
    }

    #[test]
    fn what_is_no_fault_is_refused_with_the_list_or_the_reason() {
        for text in ["", "tear", "tear:", "tear:after-bytes", "flip:bit=1"] {
            let error = Fault::parse(text).expect_err(text);
            assert!(error.contains("tear:before-answer=N"), "{error}");
        }
        for text in [
            "tear:after-bytes=",
            "tear:after-bytes=-1",
            "tear:before-command=0",
            "tear:before-answer=x",
        ] {
            let error = Fault::parse(text).expect_err(text);
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
