//! `--contactless`: cards in readers as contactless ones.

use clap::Args;
use kortlab_emulator::CardRng;
use kortlab_pcsc::Uid;

use crate::failure::Failure;
use crate::hexadecimal;

/// Whether cards are contactless, as it is asked for on the command line.
#[derive(Args)]
pub struct AntennaArguments {
    /// Show the cards as a contactless reader does: with the ATR that it makes, T=1, and a UID for
    /// GET DATA (FF CA 00 00 00): 4, 7 or 10 bytes, or a random one
    #[arg(
        long,
        value_name = "UID",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = ""
    )]
    contactless: Option<String>,
}

impl AntennaArguments {
    /// The UID, if cards are contactless.
    ///
    /// # Errors
    /// It is none, or there are no random numbers to make one of.
    pub fn uid(&self) -> Result<Option<Uid>, Failure> {
        let Some(text) = &self.contactless else {
            return Ok(None);
        };
        let bytes = if text.is_empty() {
            let mut random = [0; 3];
            CardRng::from_os()
                .map_err(|error| Failure::failed(format!("no random numbers: {error}")))?
                .fill(&mut random);
            Uid::random(random).to_vec()
        } else {
            hexadecimal::parse(text)?
        };
        let count = bytes.len();
        Uid::new(bytes).map(Some).ok_or_else(|| {
            Failure::usage(format!("a UID has 4, 7 or 10 bytes, and this has {count}"))
                .hint("for example --contactless=04112233445566")
        })
    }
}
