//! `kortlab ctl fault`: what goes wrong from now on.

use clap::{Args, Subcommand};

use crate::control::Request;

/// Let something go wrong with a reader's card from now on, or no more
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab ctl fault add sw:ins=B0,sw=6F00,nth=3
  kortlab ctl fault remove all")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Add(Add),
    Remove(Remove),
}

/// Plant a fault; commands are counted from now on
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab ctl fault add sw:ins=B0,sw=6F00,nth=3")]
struct Add {
    /// What goes wrong, as --fault takes it; `kortlab --fault list` names all
    #[arg(value_name = "FAULT")]
    fault: String,
}

/// Take a fault away, or all
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab ctl fault add sw:ins=B0,sw=6F00
  kortlab ctl fault remove 1
  kortlab ctl fault remove all")]
struct Remove {
    /// Its number, as `ctl state` shows it, or all
    #[arg(value_name = "NUMBER", value_parser = number)]
    number: Which,
}

/// Which faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Which(Option<u32>);

fn number(text: &str) -> Result<Which, String> {
    match (text, text.parse()) {
        ("all", _) => Ok(Which(None)),
        (_, Ok(number)) => Ok(Which(Some(number))),
        _ => Err("give the number of a fault, or all".to_owned()),
    }
}

impl Arguments {
    /// What is asked for.
    pub fn request(self, reader: Option<String>) -> Request {
        match self.command {
            Command::Add(Add { fault }) => Request::AddFault { reader, fault },
            Command::Remove(Remove { number }) => Request::RemoveFault {
                reader,
                number: number.0,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_named_by_its_number_or_all_are() {
        assert_eq!(number("all"), Ok(Which(None)));
        assert_eq!(number("12"), Ok(Which(Some(12))));
        for text in ["", "-1", "first", "99999999999"] {
            assert!(number(text).is_err(), "{text}");
        }
    }
}
