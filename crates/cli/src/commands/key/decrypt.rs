//! `kortlab key decrypt`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use kortlab_card::{Encryption, Hash, Id, Task};

use super::sign::{give_out, may_give_out};
use super::{parse_id, with_key};
use crate::commands::{Context, session};
use crate::failure::{Exit, Failure};
use crate::files;
use crate::output::busy;

/// The longest cryptogram of any key.
const MAX_INPUT: usize = 1024;

/// Decrypt a file with a key on the card
///
/// The plaintext is printed in hexadecimal, or written to --out as it is.
#[derive(Args)]
#[command(after_help = "\
Examples:
  openssl pkeyutl -encrypt -pubin -inkey public.pem -in plain.txt -out secret.bin  # makes one
  kortlab key decrypt --key 45 --in secret.bin --out plain.bin
  kortlab key decrypt --key 45 --in oaep.bin --padding oaep-sha256 --auth-pin env:PIN")]
pub struct Arguments {
    /// The identifier of the key, as `key list` shows it
    #[arg(long, value_name = "ID", value_parser = parse_id)]
    key: Id,

    /// What to decrypt, as long as the key's modulus; - is standard input
    #[arg(long = "in", value_name = "FILE")]
    input: PathBuf,

    /// How it is padded
    #[arg(long, value_enum, default_value_t = PaddingChoice::Pkcs1)]
    padding: PaddingChoice,

    /// Where to write the plaintext, as bytes; - is standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Overwrite a file that is there
    #[arg(long, requires = "out")]
    force: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PaddingChoice {
    /// RSAES-PKCS1-v1_5
    Pkcs1,
    /// RSAES-OAEP with SHA-1, the default of many programs
    OaepSha1,
    /// RSAES-OAEP with SHA-256
    OaepSha256,
    /// RSAES-OAEP with SHA-384
    OaepSha384,
    /// RSAES-OAEP with SHA-512
    OaepSha512,
    /// None: the bare private operation
    Raw,
}

impl From<PaddingChoice> for Encryption {
    fn from(choice: PaddingChoice) -> Self {
        match choice {
            PaddingChoice::Pkcs1 => Self::Pkcs1,
            PaddingChoice::OaepSha1 => Self::Oaep(Hash::Sha1),
            PaddingChoice::OaepSha256 => Self::Oaep(Hash::Sha256),
            PaddingChoice::OaepSha384 => Self::Oaep(Hash::Sha384),
            PaddingChoice::OaepSha512 => Self::Oaep(Hash::Sha512),
            PaddingChoice::Raw => Self::Raw,
        }
    }
}

/// Decrypts.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let cryptogram = files::read(&arguments.input, MAX_INPUT)?;
    may_give_out(arguments.out.as_deref(), arguments.force)?;
    let mut card = session::open(context)?;
    let key = card.key(&arguments.key)?;
    let task = Task::Decipher(arguments.padding.into(), &cryptogram);
    let plaintext = busy("decrypting", || with_key(context, &mut card, &key, task))?;
    give_out(
        context,
        arguments.out.as_deref(),
        arguments.force,
        "plaintext",
        &plaintext,
    )
}
