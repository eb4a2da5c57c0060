//! What is told on standard error while the portal runs. No token, body, PIN, cookie or query is, and
//! of each kind no more than there is room for, whatever others send.

mod bounded;

use core::fmt;
use core::str::FromStr;

use thiserror::Error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::util::SubscriberInitExt as _;

use self::bounded::Bounded;

/// What is told unless the environment variable `KORTLAB_LOG` says otherwise, as
/// `kortlab_portal=debug`.
const USUAL: &str = "info,rustls=error";
/// Where another choice is looked for.
const VARIABLE: &str = "KORTLAB_LOG";

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// A line of text for each event.
    #[default]
    Text,
    /// A JSON object for each event.
    Json,
}

impl LogFormat {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Text, Self::Json];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for LogFormat {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == text)
            .ok_or(UnknownFormat)
    }
}

/// Not the name of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a log is text or json")]
pub struct UnknownFormat;

/// Why there is no log.
#[derive(Debug, Error)]
pub enum LogError {
    /// `KORTLAB_LOG` makes no sense.
    #[error("{VARIABLE} makes no sense: {0}; for example {VARIABLE}=kortlab_portal=debug")]
    Filter(String),
    /// The program has a log already.
    #[error("this program has a log already")]
    Taken,
}

/// Begins the log of this program.
///
/// # Errors
/// `KORTLAB_LOG` makes no sense, or the program has a log already.
pub fn begin(format: LogFormat) -> Result<(), LogError> {
    let filter = match std::env::var(VARIABLE) {
        Ok(text) => {
            EnvFilter::try_new(text).map_err(|error| LogError::Filter(error.to_string()))?
        }
        Err(_) => EnvFilter::new(USUAL),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let usual = tracing_subscriber::fmt::format;
    let begun = match format {
        LogFormat::Text => builder
            .event_format(Bounded::new(usual().with_ansi(false), format))
            .finish()
            .try_init(),
        LogFormat::Json => builder
            .fmt_fields(JsonFields::new())
            .event_format(Bounded::new(usual().json().flatten_event(true), format))
            .finish()
            .try_init(),
    };
    begun.map_err(|_| LogError::Taken)
}
