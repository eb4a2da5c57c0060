//! Running test programs side by side. What each prints is kept, and shown whole when it has ended.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::tally::{Account, Tally};

/// A program that runs tests.
pub struct Job {
    /// What it is called.
    pub name: String,
    /// How it is started.
    pub command: Command,
}

/// How a program ended.
pub struct Ended {
    /// What it is called.
    pub name: String,
    /// How long it took.
    pub took: Duration,
    /// What it counted; at least one failure, if it failed.
    pub tally: Tally,
    /// Why it counts as failed, if it does.
    pub failure: Option<String>,
}

/// With nothing to tell for so long, what still runs is told.
const SIGN_OF_LIFE: Duration = Duration::from_secs(60);

#[derive(PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
}

enum Event {
    Started(String),
    Ended(Ended, PathBuf),
}

/// Runs the programs, so many at a time, in their order, and shows what they print. Progress goes
/// to standard error.
///
/// If `fails_fast`, no further one is started after one that failed.
///
/// # Errors
/// There is no place for what they print.
pub fn run(
    jobs: Vec<Job>,
    lanes: usize,
    fails_fast: bool,
    shown: &mut impl Write,
) -> io::Result<Vec<Ended>> {
    let directory = Directory::new()?;
    let total = jobs.len();
    let queue = Mutex::new(jobs.into_iter().enumerate().collect::<VecDeque<_>>());
    let locked = || queue.lock().unwrap_or_else(PoisonError::into_inner);
    let mut all = Vec::new();
    thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        for _ in 0..lanes.clamp(1, total.max(1)) {
            let tell = tell.clone();
            let (locked, directory) = (&locked, &directory);
            scope.spawn(move || {
                let next = || locked().pop_front();
                while let Some((number, job)) = next() {
                    let ended = carry_out(job, &directory.0.join(number.to_string()), &tell);
                    if fails_fast && ended == Verdict::Failed {
                        locked().clear();
                    }
                }
            });
        }
        drop(tell);
        let mut running = Vec::<(String, Instant)>::new();
        loop {
            match told.recv_timeout(SIGN_OF_LIFE) {
                Ok(Event::Started(name)) => running.push((name, Instant::now())),
                Ok(Event::Ended(ended, output)) => {
                    running.retain(|(name, _)| *name != ended.name);
                    show(&ended, &output, shown);
                    all.push(ended);
                    eprintln!("{}", progress(all.len(), total, all.last(), &running));
                }
                Err(RecvTimeoutError::Timeout) => {
                    eprintln!("{}", progress(all.len(), total, None, &running));
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
    });
    Ok(all)
}

fn carry_out(job: Job, output: &Path, tell: &Sender<Event>) -> Verdict {
    let Job { name, mut command } = job;
    // Whoever listens is there until the last has ended.
    let _ = tell.send(Event::Started(name.clone()));
    let begun = Instant::now();
    let status = finished(&mut command, output);
    let took = begun.elapsed();
    let mut account = Account::default();
    let failure = match status.and_then(|status| Ok((status, account_of(output, &mut account)?))) {
        Err(error) => Some(error.to_string()),
        Ok((status, ())) => account.failure(status),
    };
    let mut tally = account.tally();
    if failure.is_some() {
        tally.at_least_one_failed();
    }
    let ended = Ended {
        name,
        took,
        tally,
        failure,
    };
    let verdict = match ended.failure {
        None => Verdict::Passed,
        Some(_) => Verdict::Failed,
    };
    let _ = tell.send(Event::Ended(ended, output.to_path_buf()));
    verdict
}

/// Runs the command to its end. What it prints goes into the file, which what it leaves behind does
/// not keep open for us.
fn finished(command: &mut Command, output: &Path) -> io::Result<ExitStatus> {
    let file = File::create(output)?;
    command.stdin(Stdio::null()).stdout(file.try_clone()?);
    command.stderr(file).status()
}

fn account_of(output: &Path, account: &mut Account) -> io::Result<()> {
    each_line(output, |line| account.read(&String::from_utf8_lossy(line)))
}

/// What a test prints need not be text.
fn each_line(file: &Path, mut line: impl FnMut(&[u8])) -> io::Result<()> {
    let mut file = BufReader::new(File::open(file)?);
    let mut bytes = Vec::new();
    while file.read_until(b'\n', &mut bytes)? > 0 {
        line(&bytes);
        bytes.clear();
    }
    Ok(())
}

fn show(ended: &Ended, output: &Path, shown: &mut impl Write) {
    // Tests go on when nobody reads any more.
    let _ = writeln!(shown, "     Running {}", ended.name);
    let _ = File::open(output).and_then(|mut file| io::copy(&mut file, shown));
    if let Some(failure) = &ended.failure {
        let _ = writeln!(shown, "error: {}: {failure}", ended.name);
    }
    let _ = writeln!(shown).and_then(|()| shown.flush());
    let _ = fs::remove_file(output);
}

fn progress(
    done: usize,
    total: usize,
    last: Option<&Ended>,
    running: &[(String, Instant)],
) -> String {
    let mut line = format!("[{done}/{total}]");
    if let Some(Ended {
        name, took, tally, ..
    }) = last
    {
        line += &format!(" {name}: {tally} in {:.1} s", took.as_secs_f32());
    }
    let now =
        |(name, since): &(String, Instant)| format!("{name} ({} s)", since.elapsed().as_secs());
    let running: Vec<_> = running.iter().map(now).collect();
    if !running.is_empty() {
        line += &format!("; running: {}", running.join(", "));
    }
    line
}

/// A directory of ours below `target`, which is removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn new() -> io::Result<Self> {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("target/test-output-{}-{number}", std::process::id());
        let path = crate::process::root().join(name);
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(name: &str, script: &str) -> Job {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Job {
            name: name.to_owned(),
            command,
        }
    }

    const GOOD: &str = "echo running 1 test; echo 'test result: ok. 1 passed; 0 failed; 0 ignored'";

    fn alone(script: &str) -> (Ended, String) {
        let mut shown = Vec::new();
        let mut ended = run(vec![job("one", script)], 3, false, &mut shown).unwrap();
        assert_eq!(ended.len(), 1);
        (
            ended.remove(0),
            String::from_utf8_lossy(&shown).into_owned(),
        )
    }

    #[test]
    fn a_program_that_says_that_all_passed_and_ends_well_has_passed() {
        let (ended, shown) = alone(GOOD);
        assert!(ended.failure.is_none(), "{:?}", ended.failure);
        assert_eq!(ended.tally.to_string(), "1 passed, 0 failed");
        assert!(shown.starts_with("     Running one\nrunning 1 test\n"));
    }

    #[test]
    fn a_program_that_crashes_is_killed_says_nothing_or_too_little_has_failed() {
        for (script, why) in [
            (format!("{GOOD}; exit 101"), "exit status: 101"),
            (format!("{GOOD}; kill -SEGV $$"), "SIGSEGV"),
            ("kill -KILL $$".to_owned(), "SIGKILL"),
            ("echo running 9 tests; kill -ABRT $$".to_owned(), "SIGABRT"),
            ("exit 0".to_owned(), "without a result"),
            ("echo running 2 tests".to_owned(), "without a result"),
            (format!("echo running 2 tests; {GOOD}"), "1 of 3"),
            (format!("{GOOD}; echo running 2 tests"), "1 of 3"),
            (
                "echo 'test result: FAILED. 1 passed; 2 failed; 0 ignored'".to_owned(),
                "failed",
            ),
        ] {
            let (ended, shown) = alone(&script);
            let failure = ended.failure.expect("a failure");
            assert!(failure.contains(why), "{script}: {failure}");
            assert!(shown.contains(&format!("error: one: {failure}\n")));
            assert!(!ended.tally.to_string().contains(" 0 failed"), "{script}");
        }
    }

    #[test]
    fn a_program_that_is_not_there_has_failed() {
        let job = Job {
            name: "gone".to_owned(),
            command: Command::new("/no/such/program"),
        };
        let ended = run(vec![job], 1, false, &mut io::sink()).unwrap();
        assert!(ended[0].failure.is_some());
    }

    #[test]
    fn what_programs_print_side_by_side_does_not_mix() {
        let script = format!(
            "for i in 1 2 3 4 5 6; do echo $0 $i >&$((i % 2 + 1)); sleep 0.05; done; {GOOD}"
        );
        let jobs = ["a", "b", "c"].map(|name| {
            let mut job = job(name, &script);
            job.command.arg(name);
            job
        });
        let mut shown = Vec::new();
        let ended = run(jobs.into(), 3, false, &mut shown).unwrap();
        assert_eq!(ended.len(), 3);
        let shown = String::from_utf8_lossy(&shown);
        for name in ["a", "b", "c"] {
            let lines: String = (1..7).map(|i| format!("{name} {i}\n")).collect();
            assert!(shown.contains(&lines), "{shown}");
        }
    }

    #[test]
    fn no_more_run_at_a_time_than_there_are_lanes() {
        let directory = Directory::new().unwrap();
        let script = format!(
            "cd {:?}; mkdir busy && sleep 0.1 && rmdir busy && {GOOD}",
            directory.0
        );
        let jobs = (0..4).map(|number| job(&number.to_string(), &script));
        let ended = run(jobs.collect(), 1, false, &mut io::sink()).unwrap();
        assert!(ended.iter().all(|one| one.failure.is_none()));
        let names: String = ended.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, "0123");
    }

    #[test]
    fn after_a_failure_nothing_is_started_unless_all_is_asked_for() {
        for (fails_fast, number) in [(true, 1), (false, 3)] {
            let jobs = vec![job("a", "exit 1"), job("b", GOOD), job("c", GOOD)];
            let mut shown = Vec::new();
            let ended = run(jobs, 1, fails_fast, &mut shown).unwrap();
            assert_eq!(ended.len(), number);
            assert!(ended[0].failure.is_some());
        }
    }

    #[test]
    fn a_program_that_leaves_another_behind_has_ended_all_the_same() {
        let begun = Instant::now();
        let (ended, _) = alone(&format!("sleep 30 & {GOOD}"));
        assert!(ended.failure.is_none());
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
}
