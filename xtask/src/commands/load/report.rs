//! What a load measurement says, and how it is told.

use std::fmt::Write as _;
use std::time::Duration;

/// One run of wrk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// Requests that were answered in a second.
    pub rate: f64,
    /// How long half of them, nine tenths and 99 in a hundred took at most.
    pub median: Duration,
    /// See `median`.
    pub ninety: Duration,
    /// See `median`.
    pub ninety_nine: Duration,
    /// Answers that were none: no connection, no reading or writing, a status above 399, too late.
    pub errors: u64,
}

impl Figures {
    /// What the script in [`super::parts::script`] prints at the end: requests, microseconds that
    /// they took together, three percentiles in microseconds, errors.
    pub fn read(output: &str) -> Option<Self> {
        let line = output.lines().find_map(|line| line.strip_prefix(MARK))?;
        let numbers = line.split_whitespace().map(|word| word.parse::<f64>().ok());
        let numbers: Option<Vec<f64>> = numbers.collect();
        let &[requests, duration, median, ninety, ninety_nine, errors] = numbers?.as_slice() else {
            return None;
        };
        let time = |microseconds: f64| Duration::from_secs_f64(microseconds.max(0.0) / 1e6);
        (requests > 0.0 && duration > 0.0).then_some(Self {
            rate: requests / duration * 1e6,
            median: time(median),
            ninety: time(ninety),
            ninety_nine: time(ninety_nine),
            errors: errors as u64,
        })
    }
}

/// What the script's line begins with.
pub const MARK: &str = "kortlab-load ";

/// The measurements of one path.
#[derive(Debug)]
pub struct Row {
    /// What is asked.
    name: &'static str,
    /// Of the portal, connections kept.
    pub ours_kept: Vec<Figures>,
    /// Of the portal, a connection for each request, as the peer wants it.
    pub ours_closed: Vec<Figures>,
    /// Of OpenSSL.
    pub peer: Vec<Figures>,
}

impl Row {
    /// A path without measurements.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            ours_kept: Vec::new(),
            ours_closed: Vec::new(),
            peer: Vec::new(),
        }
    }

    /// Every measurement.
    pub fn all(&self) -> impl Iterator<Item = &Figures> {
        [&self.ours_kept, &self.ours_closed, &self.peer]
            .into_iter()
            .flatten()
    }
}

/// The round whose rate is the median.
fn middle(rounds: &[Figures]) -> Option<Figures> {
    let mut rounds = rounds.to_vec();
    rounds.sort_by(|one, other| one.rate.total_cmp(&other.rate));
    rounds.get(rounds.len() / 2).copied()
}

/// A table in Markdown: it can be put into a document as it is.
pub fn text(rows: &[Row], headline: &str) -> String {
    let mut text = format!(
        "{headline}\n\n\
         | path | server | requests/s | × OpenSSL | p50 | p90 | p99 |\n\
         |---|---|---:|---:|---:|---:|---:|\n"
    );
    for row in rows {
        let peer = middle(&row.peer);
        let servers = [
            ("kortlab portal, connections kept", &row.ours_kept),
            ("kortlab portal, one for each request", &row.ours_closed),
            ("OpenSSL, one for each request", &row.peer),
        ];
        for (server, rounds) in servers {
            let Some(figures) = middle(rounds) else {
                continue;
            };
            let ratio = peer.map_or(0.0, |peer| figures.rate / peer.rate);
            let _ = writeln!(
                text,
                "| {} | {server} | {:.0} | {ratio:.2} | {} | {} | {} |",
                row.name,
                figures.rate,
                milliseconds(figures.median),
                milliseconds(figures.ninety),
                milliseconds(figures.ninety_nine),
            );
        }
    }
    text
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_script_is_read_among_what_wrk_says() {
        let output = "Running 5s test @ http://127.0.0.1:8080\n\
                      kortlab-load 1000 500000 120 340 990 2\n";
        let figures = Figures::read(output).unwrap();
        assert_eq!(figures.rate, 2000.0);
        assert_eq!(figures.median, Duration::from_micros(120));
        assert_eq!(figures.ninety_nine, Duration::from_micros(990));
        assert_eq!(figures.errors, 2);
        assert_eq!(Figures::read("unable to connect"), None);
        assert_eq!(Figures::read("kortlab-load 0 500000 0 0 0 9"), None);
    }

    #[test]
    fn the_median_round_is_told_beside_the_peer() {
        let figures = |rate: f64| Figures {
            rate,
            median: Duration::from_micros(1500),
            ninety: Duration::from_millis(2),
            ninety_nine: Duration::from_millis(3),
            errors: 0,
        };
        let mut row = Row::new("OCSP");
        row.ours_kept = [10.0, 400.0, 300.0].map(figures).into();
        row.peer = vec![figures(150.0)];
        let text = text(&[row], "x");
        assert!(
            text.contains("| 300 | 2.00 | 1.50 ms | 2.00 ms | 3.00 ms |"),
            "{text}"
        );
        assert!(text.contains("| 150 | 1.00 |"), "{text}");
    }
}
