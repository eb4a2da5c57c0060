//! The bundle of `diagnose`: what was found, the card, and what passed, to share.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use kortlab_card::files::Budget;
use kortlab_diagnose::bundle::{Contents, Replaced, bundle};
use kortlab_diagnose::{Options, dump};
use kortlab_emulator::CardRng;
use kortlab_trace::{Format, Secrets, Trace};
use serde_json::json;

use super::PROGRAM;
use super::shown::Report;
use crate::channel::{AnyChannel, Remembered};
use crate::commands::progress::Shown;
use crate::failure::Failure;
use crate::output::warn;

/// What passes between program and card, written down in memory.
#[derive(Clone, Default)]
pub struct Session(Arc<Mutex<Vec<u8>>>);

/// A bundle, and what was replaced in it.
pub struct Bundle {
    /// The document.
    pub text: String,
    replaced: Vec<Replaced>,
    cut_short: bool,
}

impl Session {
    /// The card, with all that passes written down, without PINs.
    pub fn record(&self, card: AnyChannel) -> AnyChannel {
        Box::new(Trace::new(self.clone(), Format::Text, Secrets::Masked).record(card))
    }

    /// Reads the card into an image, and puts all of it into a bundle.
    ///
    /// # Errors
    /// There are no random numbers, or the bundle cannot be made.
    pub fn bundle(
        self,
        budget: Budget,
        card: Remembered,
        report: &Report,
        also: Vec<String>,
    ) -> Result<Bundle, Failure> {
        let options = Options {
            budget,
            ..Options::default()
        };
        let mut shown = Shown::new();
        let read = dump(card, &options, Box::new(|progress| shown.tell(progress)));
        shown.end();
        let (image, cut_short) = match read {
            Ok(read) => (Some(read.image), read.ended.is_some()),
            Err(error) => {
                warn(format_args!("the bundle has no card in it: {error}"));
                (None, true)
            }
        };
        let trace = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let contents = Contents {
            versions: json!({
                "kortlab": PROGRAM,
                "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            }),
            findings: serde_json::to_value(report)
                .map_err(|error| Failure::failed(format!("cannot write JSON: {error}")))?,
            image,
            cut_short,
            trace: String::from_utf8_lossy(&trace).into_owned(),
            also,
        };
        let rng = CardRng::from_os()
            .map_err(|error| Failure::failed(format!("no random numbers: {error}")))?;
        let made = bundle(contents, rng)?;
        let text = serde_json::to_string_pretty(&made.document)
            .map_err(|error| Failure::failed(format!("cannot write JSON: {error}")))?;
        Ok(Bundle {
            text: text + "\n",
            replaced: made.replaced,
            cut_short: made.cut_short,
        })
    }
}

impl Write for Session {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Display for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each: Vec<_> = self
            .replaced
            .iter()
            .map(|one| {
                let (kind, different, places) = (one.kind.name(), one.different, one.places);
                format!("{kind}: {different} at {places} places")
            })
            .collect();
        if self.cut_short {
            f.write_str(
                "the card was not read to its end, so that names and numbers may be in it that are not known to be a \
                 person's; ",
            )?;
        }
        match (each.is_empty(), self.cut_short) {
            (true, true) => f.write_str("nothing was replaced")?,
            (true, false) => f.write_str("nothing was found that is about a person")?,
            (false, _) => write!(f, "replaced {}", each.join(", "))?,
        }
        f.write_str("; look through it before you share it: --replace TEXT replaces more")
    }
}
