//! `kortlab key sign`.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use kortlab_card::{Hash, Id, RawInput, Scheme, Task};
use kortlab_terminal::new_file;
use serde::Serialize;

use super::{parse_id, with_key};
use crate::commands::{Context, session};
use crate::failure::{Exit, Failure};
use crate::files;
use crate::output::{Hex, busy};

/// The longest file that is signed; it is read into memory.
const MAX_INPUT: usize = 256 << 20;

/// Sign a file with a key on the card
///
/// The signature is checked with the key's public key before it is given out. It is printed in
/// hexadecimal, or written to --out as it is.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab key sign --key 46 --in letter.pdf --out letter.sig
  kortlab key sign --key 45 --in letter.pdf --scheme pss-sha256 --auth-pin env:PIN
  openssl dgst -sha256 -verify public.pem -signature letter.sig letter.pdf  # checks it")]
pub struct Arguments {
    /// The identifier of the key, as `key list` shows it
    #[arg(long, value_name = "ID", value_parser = parse_id)]
    key: Id,

    /// What to sign; - is standard input
    #[arg(long = "in", value_name = "FILE")]
    input: PathBuf,

    /// How to sign
    #[arg(long, value_enum, default_value_t = SchemeChoice::Pkcs1Sha256)]
    scheme: SchemeChoice,

    /// Where to write the signature, as bytes; - is standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Overwrite a file that is there
    #[arg(long, requires = "out")]
    force: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SchemeChoice {
    /// RSASSA-PKCS1-v1_5 with SHA-256
    Pkcs1Sha256,
    /// RSASSA-PKCS1-v1_5 with SHA-384
    Pkcs1Sha384,
    /// RSASSA-PKCS1-v1_5 with SHA-512
    Pkcs1Sha512,
    /// RSASSA-PKCS1-v1_5 with SHA-1, for what is old only
    Pkcs1Sha1,
    /// RSASSA-PKCS1-v1_5 of a DigestInfo, which the file holds
    Pkcs1Digestinfo,
    /// RSASSA-PSS with SHA-256, salt as long as the digest
    PssSha256,
    /// RSASSA-PSS with SHA-384
    PssSha384,
    /// RSASSA-PSS with SHA-512
    PssSha512,
    /// RSASSA-PSS with SHA-1, for what is old only
    PssSha1,
    /// The bare private operation on a file as long as the modulus
    Raw,
}

impl SchemeChoice {
    /// What the key is to do with the input; `digest` gets its digest, where it is hashed here.
    fn task<'a>(self, input: &'a [u8], digest: &'a mut Vec<u8>) -> Task<'a> {
        let scheme = match self {
            Self::Pkcs1Sha256 => Scheme::Pkcs1(Hash::Sha256),
            Self::Pkcs1Sha384 => Scheme::Pkcs1(Hash::Sha384),
            Self::Pkcs1Sha512 => Scheme::Pkcs1(Hash::Sha512),
            Self::Pkcs1Sha1 => Scheme::Pkcs1(Hash::Sha1),
            Self::PssSha256 => Scheme::Pss(Hash::Sha256),
            Self::PssSha384 => Scheme::Pss(Hash::Sha384),
            Self::PssSha512 => Scheme::Pss(Hash::Sha512),
            Self::PssSha1 => Scheme::Pss(Hash::Sha1),
            Self::Pkcs1Digestinfo => return Task::Raw(RawInput::DigestInfo(input)),
            Self::Raw => return Task::Raw(RawInput::Block(input)),
        };
        *digest = scheme.hash().digest(input);
        Task::Digest(scheme, digest)
    }
}

/// Signs.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let input = files::read(&arguments.input, MAX_INPUT)?;
    may_give_out(arguments.out.as_deref(), arguments.force)?;
    let mut card = session::open(context)?;
    let key = card.key(&arguments.key)?;
    let mut digest = Vec::new();
    let task = arguments.scheme.task(&input, &mut digest);
    let signature = busy("signing", || with_key(context, &mut card, &key, task))?;
    give_out(
        context,
        arguments.out.as_deref(),
        arguments.force,
        "signature",
        &signature,
    )
}

/// Says beforehand what [`give_out`] would refuse.
pub fn may_give_out(out: Option<&Path>, force: bool) -> Result<(), Failure> {
    match out {
        Some(path) if path != Path::new("-") => new_file::may_write(path, force),
        _ => Ok(()),
    }
}

/// Writes a result as bytes to a file or to standard output, or shows it in hexadecimal.
pub fn give_out(
    context: &mut Context,
    out: Option<&Path>,
    force: bool,
    name: &'static str,
    bytes: &[u8],
) -> Result<Exit, Failure> {
    match out {
        Some(path) if path == Path::new("-") => context.output.bytes(bytes)?,
        Some(path) => new_file::write(path, bytes, force)?,
        None => context.output.report(&Shown { name, bytes })?,
    }
    Ok(Exit::Done)
}

/// The JSON document: one field, `signature` or `plaintext`, in hexadecimal.
struct Shown<'a> {
    name: &'static str,
    bytes: &'a [u8],
}

impl Serialize for Shown<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap as _;
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.name, &Hex(self.bytes).to_string())?;
        map.end()
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(self.bytes).fmt(f)
    }
}
