//! Where PINs come from. Never from the command line itself: arguments are seen by every process.

use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use kortlab_card::pin::MAX_PIN;
use kortlab_card::{Pin, PinRole};
use zeroize::{Zeroize as _, Zeroizing};

use crate::failure::Failure;
use crate::files;

/// The longest passphrase that is read.
const MAX_PASSPHRASE: usize = 1024;

const SOURCES: &str = "prompt, env:NAME, file:PATH or fd:N";

/// The options that say where PINs come from, as given. They are kept as text and parsed here,
/// not by clap: clap repeats a wrong value in its message, and that value may be a PIN typed by
/// mistake.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Global options")]
pub struct PinOptions {
    /// Where the Legitimering (authentication) PIN comes from: prompt, env:NAME, file:PATH, fd:N.
    /// Never the PIN itself
    #[arg(long, global = true, value_name = "SOURCE")]
    auth_pin: Option<String>,

    /// Where the Underskrift (signature) PIN comes from: prompt, env:NAME, file:PATH, fd:N
    #[arg(long, global = true, value_name = "SOURCE")]
    sign_pin: Option<String>,

    /// Where the PUK comes from: prompt, env:NAME, file:PATH, fd:N
    #[arg(long, global = true, value_name = "SOURCE")]
    puk: Option<String>,

    /// Send a PIN or PUK also where the card's rules for it contradict each other or ask for secure
    /// messaging; a wrong form costs a try
    #[arg(long, global = true)]
    doubtful_pin: bool,
}

/// Which secret is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Secret {
    /// The PIN for Legitimering.
    Authentication,
    /// The PIN for Underskrift.
    Signature,
    /// The PUK.
    Puk,
    /// The PIN that replaces one of the two.
    New,
    /// The same, to see that it was typed as meant.
    NewAgain,
    /// The PIN that is typed on a PIN pad.
    Keyed,
    /// The passphrase of a file.
    Passphrase,
}

impl Secret {
    const fn option(self) -> &'static str {
        match self {
            Self::Authentication => "--auth-pin",
            Self::Signature => "--sign-pin",
            Self::Puk => "--puk",
            Self::New | Self::NewAgain => "--new-pin",
            Self::Keyed => "--pin",
            Self::Passphrase => "--passphrase",
        }
    }

    /// What kind of secret it is.
    const fn noun(self) -> &'static str {
        match self {
            Self::Passphrase => "passphrase",
            _ => "PIN",
        }
    }

    /// How many bytes it may have.
    const fn most(self) -> usize {
        match self {
            Self::Passphrase => MAX_PASSPHRASE,
            _ => MAX_PIN,
        }
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authentication => "PIN for Legitimering (authentication)",
            Self::Signature => "PIN for Underskrift (signature)",
            Self::Puk => "PUK",
            Self::New => "new PIN",
            Self::NewAgain => "new PIN once more",
            Self::Keyed => "PIN for the PIN pad",
            Self::Passphrase => "passphrase of the private key",
        })
    }
}

/// The places PINs are read from, checked.
#[derive(Clone, Debug)]
pub struct PinSources {
    authentication: Source,
    signature: Source,
    puk: Source,
    doubtful: bool,
}

impl PinSources {
    /// Checks the options.
    ///
    /// # Errors
    /// A source that is none of the four kinds; its text is not repeated.
    pub fn new(options: PinOptions) -> Result<Self, Failure> {
        Ok(Self {
            authentication: Source::parse(options.auth_pin, Secret::Authentication)?,
            signature: Source::parse(options.sign_pin, Secret::Signature)?,
            puk: Source::parse(options.puk, Secret::Puk)?,
            doubtful: options.doubtful_pin,
        })
    }

    /// Whether PINs are to be sent although the card's rules for them contradict each other.
    pub const fn are_sent_in_doubt(&self) -> bool {
        self.doubtful
    }

    /// Reads the PIN of a card with one PIN for everything: from the source that was given for
    /// either role, the one for `role` first.
    ///
    /// # Errors
    /// As for [`PinSources::pin`].
    pub fn only_pin(&self, role: PinRole) -> Result<Pin, Failure> {
        let given = |role: &PinRole| !self.is_typed(*role);
        let other = PinRole::ALL.into_iter().find(given);
        self.pin(if given(&role) {
            role
        } else {
            other.unwrap_or(role)
        })
    }

    /// Reads a PIN from where the options say.
    ///
    /// # Errors
    /// The source is not there, is empty or too long, or there is no terminal to ask on.
    pub fn pin(&self, role: PinRole) -> Result<Pin, Failure> {
        match role {
            PinRole::Authentication => self.authentication.read(Secret::Authentication),
            PinRole::Signature => self.signature.read(Secret::Signature),
        }
    }

    /// Whether this PIN is typed, and so can be asked for again and again.
    pub const fn is_typed(&self, role: PinRole) -> bool {
        let source = match role {
            PinRole::Authentication => &self.authentication,
            PinRole::Signature => &self.signature,
        };
        matches!(source, Source::Prompt)
    }

    /// Reads the PUK from where the options say.
    ///
    /// # Errors
    /// As for [`PinSources::pin`].
    pub fn puk(&self) -> Result<Pin, Failure> {
        self.puk.read(Secret::Puk)
    }
}

/// Reads the PIN that replaces another one; asked for twice when it is typed.
///
/// # Errors
/// As for [`PinSources::pin`], and two entries that differ.
pub fn new_pin(source: Option<String>) -> Result<Pin, Failure> {
    let source = Source::parse(source, Secret::New)?;
    let first = source.read(Secret::New)?;
    if matches!(source, Source::Prompt) && source.read(Secret::NewAgain)? != first {
        return Err(Failure::usage("the two entries of the new PIN differ")
            .hint("nothing was changed; try again"));
    }
    Ok(first)
}

/// The PIN that replaces another one, if it is not typed: then it can be looked at before another PIN is
/// asked for.
///
/// # Errors
/// As for [`PinSources::pin`].
pub fn new_pin_at_hand(source: Option<&str>) -> Result<Option<Pin>, Failure> {
    match Source::parse(source.map(str::to_owned), Secret::New)? {
        Source::Prompt => Ok(None),
        source => source.read(Secret::New).map(Some),
    }
}

/// Reads a PIN that replaced another one in a recorded session; it is not sent to a card.
///
/// # Errors
/// As for [`PinSources::pin`].
pub fn recorded_new_pin(source: String) -> Result<Zeroizing<Vec<u8>>, Failure> {
    Source::parse(Some(source), Secret::New)?.bytes(Secret::New)
}

/// Reads the PIN that is to be typed on a PIN pad.
///
/// # Errors
/// As for [`PinSources::pin`].
pub fn keyed_pin(source: String) -> Result<Zeroizing<Vec<u8>>, Failure> {
    Source::parse(Some(source), Secret::Keyed)?.bytes(Secret::Keyed)
}

/// Where the passphrase of a file comes from.
#[derive(Clone, Debug)]
pub struct PassphraseSource {
    source: Source,
    is_given: bool,
}

impl PassphraseSource {
    /// Checks what was given.
    ///
    /// # Errors
    /// As for [`PinSources::new`].
    pub fn new(source: Option<String>) -> Result<Self, Failure> {
        Ok(Self {
            is_given: source.is_some(),
            source: Source::parse(source, Secret::Passphrase)?,
        })
    }

    /// Whether there is one to be read, without asking whether the file needs it.
    pub const fn is_given(&self) -> bool {
        self.is_given
    }

    /// Reads it; it may be empty.
    ///
    /// # Errors
    /// As for [`PinSources::pin`].
    pub fn read(&self) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let bytes = self.source.bytes(Secret::Passphrase)?;
        if bytes.len() > MAX_PASSPHRASE {
            return Err(Failure::usage(format!(
                "the passphrase is longer than {MAX_PASSPHRASE} bytes"
            ))
            .hint("check what --passphrase points to"));
        }
        Ok(bytes)
    }
}

#[derive(Clone, Debug)]
enum Source {
    Prompt,
    Environment(String),
    File(PathBuf),
    Descriptor(u32),
}

impl Source {
    fn parse(text: Option<String>, secret: Secret) -> Result<Self, Failure> {
        let Some(text) = text else {
            return Ok(Self::Prompt);
        };
        // Whatever it was, it is not needed as text any more.
        let text = Zeroizing::new(text);
        let source = match text.split_once(':') {
            None if *text == "prompt" => Some(Self::Prompt),
            Some(("env", name)) if !name.is_empty() && !name.contains('=') => {
                Some(Self::Environment(name.to_owned()))
            }
            Some(("file", path)) if !path.is_empty() => Some(Self::File(path.into())),
            Some(("fd", number)) => number.parse().ok().map(Self::Descriptor),
            _ => None,
        };
        source.ok_or_else(|| {
            Failure::usage(format!(
                "the value of {} is not a {} source",
                secret.option(),
                secret.noun()
            ))
            .hint(format!(
                "give {SOURCES}; never the {} itself",
                secret.noun()
            ))
        })
    }

    fn read(&self, secret: Secret) -> Result<Pin, Failure> {
        Pin::new(self.bytes(secret)?).map_err(|error| {
            Failure::usage(format!("the {secret} cannot be used: {error}"))
                .hint(format!("check what {} points to", secret.option()))
        })
    }

    fn bytes(&self, secret: Secret) -> Result<Zeroizing<Vec<u8>>, Failure> {
        Ok(match self {
            Self::Prompt if !can_ask() => {
                return Err(Failure::usage(format!(
                    "the {secret} is needed, and there is no terminal to ask on"
                ))
                .hint(format!(
                    "give {} env:NAME, file:PATH or fd:N",
                    secret.option()
                )));
            }
            Self::Prompt => ask(&secret.to_string())?,
            Self::Environment(name) => from_environment(name, secret)?,
            Self::File(path) => from_file(path, secret)?,
            Self::Descriptor(number) => {
                let path = descriptor_path(*number);
                from_file(&path, secret)?
            }
        })
    }
}

/// Whether somebody sits at a terminal.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() || (io::stderr().is_terminal() && File::open("/dev/tty").is_ok())
}

fn ask(what: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    rpassword::prompt_password(format!("{what}: "))
        .map(|text| Zeroizing::new(text.into_bytes()))
        .map_err(|error| {
            Failure::usage(format!("cannot ask for the {what}: {error}"))
                .hint("give a source: env:NAME, file:PATH or fd:N")
        })
}

fn from_environment(name: &str, secret: Secret) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let value = std::env::var_os(name).ok_or_else(|| {
        Failure::usage(format!(
            "{} names the environment variable {name}, which is not set",
            secret.option()
        ))
        .hint("set and export it, or give another source")
    })?;
    let mut value = value.into_encoded_bytes();
    let bytes = without_line_end(&value);
    value.zeroize();
    Ok(bytes)
}

fn from_file(path: &Path, secret: Secret) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failed = |error: &io::Error| {
        Failure::usage(format!(
            "cannot read the {secret} from {}: {error}",
            path.display()
        ))
        .hint(format!("check what {} points to", secret.option()))
    };
    let file = File::open(path).map_err(|error| failed(&error))?;
    // One line end may follow; one byte more shows that it is too long. Room is reserved at once,
    // so that no copy is left behind by growth.
    let limit = secret.most() + 3;
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit + 1));
    file.take(limit as u64)
        .read_to_end(&mut bytes)
        .map_err(|error| failed(&error))?;
    // Editors may write text so, and no PIN begins so: it would cost a try.
    let form = match bytes.starts_with(files::UTF8_MARK) {
        true => Some("begins with a byte order mark"),
        false => files::is_utf16(&bytes).then_some("is text in UTF-16"),
    };
    if let Some(form) = form {
        return Err(Failure::usage(format!(
            "the {secret} is not taken from {}, which {form}",
            path.display()
        ))
        .hint("save the file as plain text, without a byte order mark; no try was lost"));
    }
    Ok(without_line_end(&bytes))
}

/// One line end is not part of the PIN: `echo` and editors add it.
fn without_line_end(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    Zeroizing::new(bytes.to_vec())
}

/// The path of a file that is open already.
pub fn descriptor_path(number: u32) -> PathBuf {
    if cfg!(target_os = "linux") {
        format!("/proc/self/fd/{number}").into()
    } else {
        format!("/dev/fd/{number}").into()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn source(text: &str) -> Result<Source, Failure> {
        Source::parse(Some(text.to_owned()), Secret::Authentication)
    }

    #[test]
    fn a_pin_given_in_place_of_a_source_is_refused_without_being_repeated() {
        for text in ["123456", "pin:123456", "env:", "fd:123456x", "", "file:"] {
            let failure = source(text).expect_err(text);
            assert_eq!(failure.exit().code(), 2);
            assert!(!failure.message().contains("123456"));
            assert!(!failure.next_step().unwrap_or_default().contains("123456"));
        }
    }

    #[test]
    fn exactly_one_line_end_is_dropped() {
        assert_eq!(*without_line_end(b"1234\n"), b"1234");
        assert_eq!(*without_line_end(b"1234\r\n"), b"1234");
        assert_eq!(*without_line_end(b"1234\n\n"), b"1234\n");
        assert_eq!(*without_line_end(b" 12 "), b" 12 ");
    }

    #[test]
    fn files_are_read_up_to_the_limit_and_no_further() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(&[b'1'; MAX_PIN]).expect("written");
        file.write_all(b"\r\n").expect("written");
        let text = format!("file:{}", file.path().display());
        let pin = source(&text).expect("a source").read(Secret::Puk);
        assert_eq!(pin, Ok(Pin::new(vec![b'1'; MAX_PIN]).expect("a PIN")));

        file.write_all(&[b'1'; 1 << 16]).expect("written");
        let failure = source(&text)
            .expect("a source")
            .read(Secret::Puk)
            .expect_err("too long");
        assert!(failure.message().contains("too long"));
    }

    #[test]
    fn a_file_in_another_code_than_plain_text_is_refused_by_its_name() {
        for bytes in [
            &b"\xEF\xBB\xBF123456\n"[..],
            b"\xFF\xFE1\x002\x003\x004\x00",
            b"1\x002\x003\x004\x00",
            b"\x001\x002\x003\x004",
        ] {
            let mut file = tempfile::NamedTempFile::new().expect("a file");
            file.write_all(bytes).expect("written");
            let name = file.path().display().to_string();
            let source = source(&format!("file:{name}")).expect("a source");
            let failure = source.read(Secret::Puk).expect_err("refused");
            assert_eq!(failure.exit().code(), 2);
            assert!(failure.message().contains(&name), "{}", failure.message());
            assert!(!failure.message().contains("1234"));
        }
    }

    #[test]
    fn an_endless_file_is_not_read_to_its_end() {
        let failure = source("file:/dev/zero")
            .expect("a source")
            .read(Secret::Puk)
            .expect_err("endless");
        assert_eq!(failure.exit().code(), 2);
    }
}
