//! `kortlab ctl press`: the keys of a PIN pad.

use clap::{Args, ValueEnum};
use zeroize::Zeroizing;

use crate::control::{Digits, KeyName, Press};
use crate::failure::Failure;
use crate::pin_source::keyed_pin;

/// Press keys of a reader's PIN pad, as soon as a program asks for a PIN there
///
/// `kortlab run` and `kortlab pcscd` give their readers PIN pads with --pin-pad. The PIN goes from here
/// to the card, and not through the program. A change of a PIN asks for several, one press each.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab run --pin-pad card.json -- \\
    sh -c 'kortlab ctl press --pin env:PIN & pkcs15-tool --verify-pin --auth-id 01'
  kortlab ctl press --pin env:PIN")]
pub struct Arguments {
    /// Where the PIN comes from: prompt, env:NAME, file:PATH, fd:N. Never the PIN itself
    #[arg(long, value_name = "SOURCE", required_unless_present = "key")]
    pin: Option<String>,

    /// The key that is pressed then [default: ok after a PIN]
    #[arg(value_enum)]
    key: Option<NamedKey>,

    /// Wait at most so many seconds until a program asks for a PIN
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    wait: u16,
}

/// A key that is no digit.
#[derive(Clone, Copy, ValueEnum)]
enum NamedKey {
    /// Ends a PIN
    Ok,
    /// Takes all digits back
    Clear,
    /// Ends it all: the program is told 6401
    Cancel,
}

impl From<NamedKey> for KeyName {
    fn from(key: NamedKey) -> Self {
        match key {
            NamedKey::Ok => Self::Ok,
            NamedKey::Clear => Self::Clear,
            NamedKey::Cancel => Self::Cancel,
        }
    }
}

impl Arguments {
    /// What is asked for.
    ///
    /// # Errors
    /// There is no such PIN, or it has something else than digits in it.
    pub fn request(self, reader: Option<String>) -> Result<Press, Failure> {
        let digits = |source| {
            let pin: Zeroizing<Vec<u8>> = keyed_pin(source)?;
            let text = std::str::from_utf8(&pin).unwrap_or_default();
            Digits::new(text).map_err(Failure::usage)
        };
        let pin = self.pin.map(digits).transpose()?;
        Ok(Press::new(reader, pin, self.key.map(KeyName::from)).waiting(Some(self.wait)))
    }
}
