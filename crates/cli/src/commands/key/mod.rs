//! `kortlab key`: the private keys on the card, and what they can do.

mod decrypt;
mod list;
mod sign;

use clap::{Args, Subcommand};
use kortlab_card::{Card, Id, Key, Task, UnlockedKey};
use zeroize::Zeroizing;

use super::{Context, session};
use crate::channel::AnyChannel;
use crate::failure::{Exit, Failure};

pub use list::{notes, table};

/// List the private keys, sign and decrypt with them
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab key list
  kortlab key sign --key 46 --in letter.pdf --out letter.sig
  kortlab key decrypt --key 45 --in secret.bin --out plain.bin")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    List(list::Arguments),
    Sign(sign::Arguments),
    Decrypt(decrypt::Arguments),
}

/// Runs the command that was given.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    match arguments.command {
        Command::List(arguments) => list::run(context, arguments),
        Command::Sign(arguments) => sign::run(context, arguments),
        Command::Decrypt(arguments) => decrypt::run(context, arguments),
    }
}

/// Parses the identifier of a key.
pub fn parse_id(text: &str) -> Result<Id, String> {
    match text.parse::<Id>() {
        Ok(id) if !id.0.is_empty() => Ok(id),
        _ => Err("give the identifier in hexadecimal, for example 45".to_owned()),
    }
}

/// Uses a key, with the PIN that protects it. Whatever is known without the PIN is told before it is
/// asked for.
fn with_key(
    context: &Context,
    card: &mut Card<AnyChannel>,
    key: &Key,
    task: Task<'_>,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    card.can_use(key, task)?;
    let work = |key: &mut UnlockedKey<'_, AnyChannel>| key.perform(task);
    match (key.pin, &key.auth_id) {
        (Some(role), _) => {
            let pin = session::pin(context, card, role)?;
            session::alone(card, |card| card.unlocked_key(&key.id, &pin, work))
        }
        (None, None) => Ok(card.unprotected(&key.id, work)?),
        (None, Some(id)) => Err(Failure::failed(format!(
            "the key {} is protected by the authentication object {id}, which is neither the PIN \
             for Legitimering nor the one for Underskrift",
            key.id
        ))
        .hint("`kortlab pin status` lists the PINs that the card has")),
    }
}
