//! `kortlab admin clock`.

use std::fmt;
use std::str::FromStr;

use clap::Args;
use kortlab_portal::admin::CLOCK;
use kortlab_portal::admin::wire::{ClockFace, ClockSetting};
use kortlab_portal_api::Time;
use serde::Serialize;

use super::client::Client;
use crate::commands::Context;
use crate::failure::{Exit, Failure};

/// Show the portal's clock, or set it: certificates expire, orders lapse, sessions end
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab admin clock
  kortlab admin clock --advance 31d
  kortlab admin clock --set 2028-01-01T00:00:00Z
  kortlab admin clock --real")]
pub struct Arguments {
    /// Set it to this time; it runs on from there, until the portal is started again
    #[arg(long, value_name = "TIME", group = "setting")]
    set: Option<Time>,

    /// Move it forward: 90s, 10m, 2h, 31d
    #[arg(long, value_name = "DURATION", group = "setting")]
    advance: Option<Seconds>,

    /// Let it follow the machine's clock again
    #[arg(long, group = "setting")]
    real: bool,
}

/// Shows or sets it.
pub fn run(context: &mut Context, portal: &Client, arguments: Arguments) -> Result<Exit, Failure> {
    let setting = match (arguments.set, arguments.advance, arguments.real) {
        (Some(time), _, _) => Some(ClockSetting::Set(time)),
        (_, Some(Seconds(seconds)), _) => Some(ClockSetting::Advance(seconds)),
        (_, _, true) => Some(ClockSetting::Real),
        _ => None,
    };
    let face: ClockFace = match setting {
        Some(setting) => portal.post(CLOCK, &setting)?,
        None => portal.get(CLOCK)?,
    };
    context.output.report(&Shown(face))?;
    Ok(Exit::Done)
}

/// The JSON document is the portal's own.
#[derive(Serialize)]
#[serde(transparent)]
struct Shown(ClockFace);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.time)?;
        match self.0.seconds_ahead {
            0 => Ok(()),
            ahead if ahead > 0 => write!(f, " ({ahead} s ahead)"),
            behind => write!(f, " ({} s behind)", behind.unsigned_abs()),
        }
    }
}

/// A duration as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seconds(u64);

impl FromStr for Seconds {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let wrong = "a duration is a number and s, m, h or d, as 31d";
        let units = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];
        units
            .into_iter()
            .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)))
            .and_then(|(number, seconds)| number.parse::<u64>().ok()?.checked_mul(seconds))
            .map(Self)
            .ok_or(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!("31d".parse(), Ok(Seconds(31 * 86_400)));
        assert_eq!("0s".parse(), Ok(Seconds(0)));
        for wrong in ["", "d", "31", "-1d", "1.5h", "999999999999999999d", "1å"] {
            assert!(wrong.parse::<Seconds>().is_err(), "{wrong}");
        }
    }
}
