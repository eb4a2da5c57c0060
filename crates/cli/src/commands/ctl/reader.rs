//! `kortlab ctl reader`: readers that appear and go.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::control::Request;
use crate::failure::Failure;

/// Let a reader appear, or go: of `kortlab run` and `kortlab pcscd`
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab ctl reader add 'Second 00 00'
  kortlab ctl reader remove 'Second 00 00'")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Add(Add),
    Remove(Remove),
}

/// Plug in a reader, empty or with a card in it
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab ctl reader add Empty
  kortlab ctl reader add 'Second 00 00' bertil.json")]
struct Add {
    /// What it is to be called
    name: String,

    /// The image of the card in it
    #[arg(value_name = "FILE")]
    image: Option<PathBuf>,
}

/// Unplug a reader, with the card in it
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab ctl reader remove 'Kortlab 00 00'")]
struct Remove {
    /// What it is called
    name: String,
}

impl Arguments {
    /// What is asked for.
    ///
    /// # Errors
    /// A reader is named twice.
    pub fn request(self, reader: Option<String>) -> Result<Request, Failure> {
        if reader.is_some() {
            return Err(Failure::usage("the reader is named twice").hint("leave --reader out"));
        }
        Ok(match self.command {
            Command::Add(Add { name, image }) => Request::AddReader {
                reader: name,
                image,
            },
            Command::Remove(Remove { name }) => Request::RemoveReader { reader: name },
        })
    }
}
