//! How far AFL++ has come, by what it writes down: `plot_data`, a line every five seconds, and
//! `fuzzer_stats`, once a minute and at its end.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use super::tail::end_of;

/// The most bytes of the line that names the columns.
const MAX_HEAD: u64 = 4096;

/// How far the instances have come.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stats {
    /// Executions, of all instances.
    pub executions: u64,
    /// Executions a second since it was begun, of all instances; 0 as long as it is not known.
    pub per_second: f64,
    /// Edges of the program that were reached by the instance that reached most.
    pub edges: u64,
    /// How many edges there are, where AFL++ says it.
    pub all_edges: u64,
    /// Test cases that are kept, by the instance that keeps most.
    pub kept: u64,
}

impl Stats {
    /// What the instance with this directory has written down; nothing if it has not yet.
    pub fn of_instance(directory: &Path) -> Option<Self> {
        let plot = directory.join("plot_data");
        // It grows as long as AFL++ runs.
        let plot = of_plot(&format!("{}{}", head_of(&plot), end_of(&plot)));
        let stats = of_stats(&end_of(&directory.join("fuzzer_stats")));
        let all_edges = stats.map_or(0, |stats| stats.all_edges);
        // A line is added only if something has changed, and the other is written once a minute.
        let later = plot.into_iter().chain(stats);
        let found = later.max_by_key(|stats| stats.executions)?;
        Some(Self { all_edges, ..found })
    }

    /// What several have.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            executions: self.executions + other.executions,
            per_second: self.per_second + other.per_second,
            edges: self.edges.max(other.edges),
            all_edges: self.all_edges.max(other.all_edges),
            kept: self.kept.max(other.kept),
        }
    }
}

/// The first line of a file.
fn head_of(path: &Path) -> String {
    let mut line = String::new();
    let opened = File::open(path).map(|file| BufReader::new(file.take(MAX_HEAD)));
    let _ = opened.and_then(|mut file| file.read_line(&mut line));
    line
}

/// The last line of a table whose first names the columns.
fn of_plot(text: &str) -> Option<Stats> {
    let (head, rows) = text.split_once('\n')?;
    // The last one may be half written.
    let (rows, _) = rows.rsplit_once('\n')?;
    let row: Vec<_> = rows.lines().last()?.split(',').map(str::trim).collect();
    let head = head.trim_start_matches('#').split(',').map(str::trim);
    let columns: Vec<_> = head.collect();
    let value = |name: &str| {
        let index = columns.iter().position(|column| *column == name)?;
        row.get(index).copied()
    };
    let number = |name: &str| value(name).and_then(|value| value.parse().ok());
    let executions = number("total_execs")?;
    Some(Stats {
        executions,
        per_second: per_second(executions, number("relative_time")?),
        edges: number("edges_found")?,
        all_edges: 0,
        kept: number("corpus_count").unwrap_or(0),
    })
}

/// Names and values, with colons between.
fn of_stats(text: &str) -> Option<Stats> {
    let value = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        let found = lines.find(|(known, _)| known.trim() == name);
        found.map(|(_, value)| value.trim())
    };
    let number = |name: &str| value(name).and_then(|value| value.parse().ok());
    let executions = number("execs_done")?;
    Some(Stats {
        executions,
        per_second: per_second(executions, number("run_time")?),
        edges: number("edges_found").unwrap_or(0),
        all_edges: number("total_edges").unwrap_or(0),
        kept: number("corpus_count").unwrap_or(0),
    })
}

/// What `executions` in so many whole seconds are in one; 0 in the first, of which nothing is known.
fn per_second(executions: u64, seconds: u64) -> f64 {
    match seconds {
        0 => 0.0,
        seconds => executions as f64 / seconds as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLOT: &str = "\
# relative_time, cycles_done, cur_item, corpus_count, pending_total, pending_favs, map_size, saved_crashes, saved_hangs, max_depth, execs_per_sec, total_execs, edges_found
0, 0, 0, 3, 3, 1, 0.02%, 0, 0, 1, 0.00, 12, 15
5, 0, 2, 9, 7, 3, 0.10%, 1, 0, 2, 412.50, 2063, 44
";

    #[test]
    fn the_last_whole_line_counts_by_the_names_of_the_columns() {
        let stats = of_plot(PLOT).expect("numbers");
        assert_eq!((stats.executions, stats.edges, stats.kept), (2063, 44, 9));
        assert_eq!(stats.per_second, 412.6);
        let first: String = PLOT
            .lines()
            .take(2)
            .map(|line| format!("{line}\n"))
            .collect();
        assert_eq!(of_plot(&first).expect("numbers").per_second, 0.0);
        let half = format!("{PLOT}10, 0, 2, 9, 7");
        assert_eq!(of_plot(&half), Some(stats));
        for text in ["", "# relative_time", "a\nb\n", "# total_execs\nx\n"] {
            assert_eq!(of_plot(text), None, "{text:?}");
        }
    }

    #[test]
    fn of_a_long_table_its_last_line_counts() {
        let directory = std::env::temp_dir().join(format!("kortlab-plot-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let row = "5, 0, 2, 9, 7, 3, 0.10%, 1, 0, 2, 412.50, 2063, 44\n";
        let last = "90, 0, 2, 9, 7, 3, 0.10%, 1, 0, 2, 412.50, 9000, 45\n";
        let plot = format!("{PLOT}{}{last}", row.repeat(4_000));
        std::fs::write(directory.join("plot_data"), plot).unwrap();
        let stats = Stats::of_instance(&directory).expect("numbers");
        assert_eq!((stats.executions, stats.edges), (9000, 45));
        std::fs::write(directory.join("plot_data"), PLOT.lines().next().unwrap()).unwrap();
        assert_eq!(Stats::of_instance(&directory), None);
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn names_and_values_are_read() {
        let text = "run_time          : 4\nexecs_done        : 31\nedges_found       : \
                    7\ntotal_edges       : 900\ncorpus_count      : 4\n";
        let stats = of_stats(text).expect("numbers");
        assert_eq!((stats.executions, stats.all_edges), (31, 900));
        assert_eq!(stats.per_second, 7.75);
        assert_eq!(of_stats("execs_done"), None);
        let both = stats.and(Stats {
            executions: 1,
            edges: 9,
            ..Stats::default()
        });
        assert_eq!((both.executions, both.edges, both.all_edges), (32, 9, 900));
    }
}
