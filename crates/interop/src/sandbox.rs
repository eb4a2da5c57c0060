//! One sandbox: namespaces, a home, a pcscd, and the programs that run there.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, iter};

use tempfile::TempDir;

use crate::emulation::Emulation;
use crate::error::InteropError;
use crate::namespace::Namespace;
use crate::process::{Command, Output, Running};
use crate::{daemon, tools};

/// pcscd asks for a card every 400 ms; a busy machine takes longer.
const CARD_TIMEOUT: Duration = Duration::from_secs(15);

/// A private pcscd, and everything that is to see it. Clones share the one sandbox; it ends with
/// the last of them.
#[derive(Clone)]
pub struct Sandbox {
    // Shared, so that an emulation and a command can outlive the borrow they came from.
    inner: Arc<Inner>,
}

/// How a sandbox is to be made.
#[must_use]
#[derive(Debug, Clone)]
pub struct Builder {
    opensc_conf: String,
    verbose: bool,
}

/// A reader as pcscd lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// The reader's name, for example `Virtual PCD 00 00`.
    pub name: String,
    /// Whether there is a card in it.
    pub card: bool,
}

struct Inner {
    // Fields drop in this order: pcscd, then the namespaces, then the files.
    daemon: Mutex<Option<Running>>,
    namespace: Namespace,
    directory: TempDir,
    spawned: AtomicU32,
    verbose: bool,
    log: Mutex<String>,
}

impl Sandbox {
    /// A sandbox with a running pcscd, an empty reader and an empty OpenSC configuration.
    ///
    /// # Errors
    /// A tool is missing, the kernel refuses namespaces, or pcscd does not start.
    pub fn new() -> Result<Self, InteropError> {
        Self::builder().start()
    }

    /// A sandbox with settings of its own.
    pub fn builder() -> Builder {
        Builder {
            opensc_conf: String::new(),
            verbose: env::var_os("KORTLAB_INTEROP_DEBUG").is_some(),
        }
    }

    /// A program to run inside.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        Command::new(self.clone(), program.as_ref())
    }

    /// Runs `openssl` inside, which must succeed.
    ///
    /// # Errors
    /// As for [`Command::run`] and [`Output::success`].
    pub fn openssl<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Output, InteropError> {
        self.command("openssl").args(arguments).run()?.success()
    }

    /// Starts `kortlab emulate IMAGE ARGUMENTS…` and waits until pcscd sees the card.
    ///
    /// # Errors
    /// The emulator ends, or the card is not seen in time; the error shows what it printed.
    pub fn emulate(
        &self,
        kortlab: &Path,
        image: &Path,
        arguments: &[&str],
    ) -> Result<Emulation, InteropError> {
        let command = self.command(kortlab).arg("emulate").arg(image);
        self.insert(command.args(arguments))
    }

    /// Starts a program that puts a card into the first reader, and waits until pcscd sees it.
    ///
    /// # Errors
    /// As for [`Sandbox::emulate`].
    pub fn insert(&self, program: Command) -> Result<Emulation, InteropError> {
        let mut running = program.spawn()?;
        let seen = self.wait_for(CARD_TIMEOUT, "a card in the reader", |readers| {
            readers.iter().any(|reader| reader.card) || !running.is_running()
        });
        if let Err(error) = seen {
            return Err(with_details(error, &running.printed()));
        }
        if !running.is_running() {
            let output = running.wait(Duration::ZERO)?;
            return Err(output.failure().map_or_else(
                |error| error,
                |output| InteropError::Failed {
                    command: "the emulator".to_owned(),
                    status: format!("ended: {}", output.status),
                    details: output.text(),
                },
            ));
        }
        Ok(Emulation::new(self.clone(), running))
    }

    /// The readers, as OpenSC's `opensc-tool --list-readers` sees them.
    ///
    /// # Errors
    /// The tool is missing or hangs.
    pub fn readers(&self) -> Result<Vec<Reader>, InteropError> {
        // It fails if pcscd does not run; there are no readers then.
        let output = self
            .command("opensc-tool")
            .arg("--list-readers")
            .timeout(Duration::from_secs(20))
            .run()?;
        Ok(parse_readers(&output.stdout_text()))
    }

    /// Waits until a card is in a reader.
    ///
    /// # Errors
    /// There is none in time.
    pub fn wait_for_card(&self) -> Result<(), InteropError> {
        self.wait_for(CARD_TIMEOUT, "a card in the reader", |readers| {
            readers.iter().any(|reader| reader.card)
        })
    }

    /// Waits until every reader is known and empty.
    ///
    /// # Errors
    /// They are not in time.
    pub fn wait_for_no_card(&self) -> Result<(), InteropError> {
        self.wait_for(CARD_TIMEOUT, "an empty reader", |readers| {
            !readers.is_empty() && readers.iter().all(|reader| !reader.card)
        })
    }

    /// Stops pcscd as an init system would, with SIGTERM. Nothing happens if it does not run.
    ///
    /// # Errors
    /// It cannot be ended.
    pub fn stop_pcscd(&self) -> Result<(), InteropError> {
        match self.take_daemon() {
            Some(running) => daemon::stop(running),
            None => Ok(()),
        }
    }

    /// Kills pcscd (SIGKILL). Nothing happens if it does not run.
    ///
    /// # Errors
    /// It cannot be ended.
    pub fn kill_pcscd(&self) -> Result<(), InteropError> {
        match self.take_daemon() {
            Some(mut running) => running.kill(),
            None => Ok(()),
        }
    }

    /// Starts pcscd, if it does not run, and waits until it is ready.
    ///
    /// # Errors
    /// It is not ready in time; the error shows its log.
    pub fn start_pcscd(&self) -> Result<(), InteropError> {
        let mut daemon = lock(&self.inner.daemon);
        if daemon.as_mut().is_some_and(Running::is_running) {
            return Ok(());
        }
        let run = self.run_directory();
        let started = daemon::start(self, &run, &self.reader_conf(), self.inner.verbose)?;
        *daemon = Some(started);
        Ok(())
    }

    /// Stops pcscd and starts it again.
    ///
    /// # Errors
    /// As for [`Sandbox::stop_pcscd`] and [`Sandbox::start_pcscd`].
    pub fn restart_pcscd(&self) -> Result<(), InteropError> {
        self.stop_pcscd()?;
        self.start_pcscd()
    }

    /// The sandbox's own directory, for files. It is removed with the sandbox.
    pub fn directory(&self) -> &Path {
        self.inner.directory.path()
    }

    /// A path for a file of this name in the sandbox's directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory().join(name)
    }

    /// Writes a file in the sandbox's directory and gives its path.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> Result<PathBuf, InteropError> {
        let path = self.file(name);
        fs::write(&path, contents)
            .map_err(InteropError::io(format!("writing {}", path.display())))?;
        Ok(path)
    }

    /// Replaces OpenSC's configuration, for the programs that start from now on.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn set_opensc_conf(&self, text: &str) -> Result<(), InteropError> {
        self.write("opensc.conf", text).map(drop)
    }

    /// What pcscd has logged, in all its lives.
    pub fn pcscd_log(&self) -> String {
        let current = lock(&self.inner.daemon)
            .as_ref()
            .map(Running::printed)
            .unwrap_or_default();
        telling(&format!("{}{current}", lock(&self.inner.log)))
    }

    pub(crate) fn pcscd_log_tail(&self) -> String {
        // Called while pcscd starts too, when its lock is held.
        let Ok(daemon) = self.inner.daemon.try_lock() else {
            return String::new();
        };
        let log = telling(&daemon.as_ref().map(Running::printed).unwrap_or_default());
        let skip = log.lines().count().saturating_sub(40);
        let tail: Vec<&str> = log.lines().skip(skip).collect();
        format!("--- pcscd\n{}\n", tail.join("\n"))
    }

    pub(crate) fn prefix(&self, directory: &Path) -> Vec<OsString> {
        self.inner.namespace.prefix(directory)
    }

    /// The namespace's table of TCP sockets.
    pub(crate) fn tcp_table(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/net/tcp", self.inner.namespace.init()))
    }

    pub(crate) fn next_number(&self) -> u32 {
        self.inner.spawned.fetch_add(1, Ordering::Relaxed)
    }

    /// The environment of every program inside: nothing of the caller's but the search path and
    /// what the toolchain needs for reports.
    pub(crate) fn environment(&self) -> impl Iterator<Item = (OsString, OsString)> {
        const PASSED_ON: [&str; 4] = [
            "LD_LIBRARY_PATH",
            "LLVM_PROFILE_FILE",
            "RUST_BACKTRACE",
            "TMPDIR",
        ];
        let home = self.file("home");
        let own = [
            ("PATH", tools::search_path()),
            ("HOME", home.clone().into()),
            ("XDG_CACHE_HOME", home.join(".cache").into()),
            ("XDG_CONFIG_HOME", home.join(".config").into()),
            ("XDG_DATA_HOME", home.join(".local/share").into()),
            ("XDG_STATE_HOME", home.join(".local/state").into()),
            ("XDG_RUNTIME_DIR", home.join("run").into()),
            ("OPENSC_CONF", self.file("opensc.conf").into()),
            ("LC_ALL", "C.UTF-8".into()),
            ("TZ", "UTC".into()),
        ];
        let passed = PASSED_ON
            .into_iter()
            .filter_map(|name| Some((name, env::var_os(name)?)));
        own.into_iter()
            .chain(passed)
            .map(|(name, value)| (name.into(), value))
    }

    fn wait_for(
        &self,
        timeout: Duration,
        what: &str,
        mut condition: impl FnMut(&[Reader]) -> bool,
    ) -> Result<(), InteropError> {
        let deadline = Instant::now() + timeout;
        loop {
            let readers = self.readers()?;
            if condition(&readers) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(InteropError::TimedOut {
                    what: what.to_owned(),
                    after: timeout,
                    details: format!("readers: {readers:?}\n{}", self.pcscd_log_tail()),
                });
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn take_daemon(&self) -> Option<Running> {
        let daemon = lock(&self.inner.daemon).take();
        if let Some(daemon) = &daemon {
            lock(&self.inner.log).push_str(&daemon.printed());
        }
        daemon
    }

    fn run_directory(&self) -> PathBuf {
        self.file("run")
    }

    fn reader_conf(&self) -> PathBuf {
        self.file("reader.conf")
    }
}

impl Builder {
    /// The text of OpenSC's configuration file; empty unless set.
    pub fn opensc_conf(mut self, text: &str) -> Self {
        text.clone_into(&mut self.opensc_conf);
        self
    }

    /// Whether pcscd logs everything, with APDUs. Also switched on by setting the environment
    /// variable `KORTLAB_INTEROP_DEBUG`.
    pub fn verbose(mut self, verbose: bool) -> Self {
        self.verbose = verbose;
        self
    }

    /// Makes the sandbox and starts its pcscd.
    ///
    /// # Errors
    /// As for [`Sandbox::new`].
    pub fn start(self) -> Result<Sandbox, InteropError> {
        for tool in ["pcscd", "opensc-tool"] {
            tools::find(tool.as_ref())?;
        }
        let directory = tempfile::Builder::new()
            .prefix("kortlab-")
            .tempdir()
            .map_err(InteropError::io("a temporary directory"))?;
        for name in ["run", "home", "home/run"] {
            let path = directory.path().join(name);
            fs::create_dir(&path)
                .map_err(InteropError::io(format!("creating {}", path.display())))?;
        }
        let namespace = Namespace::new(&directory.path().join("run"))?;
        let sandbox = Sandbox {
            inner: Arc::new(Inner {
                daemon: Mutex::new(None),
                namespace,
                directory,
                spawned: AtomicU32::new(0),
                verbose: self.verbose,
                log: Mutex::new(String::new()),
            }),
        };
        sandbox.set_opensc_conf(&self.opensc_conf)?;
        daemon::write_reader_conf(&sandbox.reader_conf())?;
        sandbox.start_pcscd()?;
        Ok(sandbox)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if thread::panicking() {
            let daemon = lock(&self.daemon);
            let current = daemon.as_ref().map(Running::printed).unwrap_or_default();
            let log = format!("{}{current}", lock(&self.log));
            eprintln!("--- pcscd's log\n{}", telling(&log));
        }
    }
}

/// pcscd's log without what it says at each SCardControl: the virtual reader has no controls.
fn telling(log: &str) -> String {
    let noise = |line: &&str| line.contains("IFDControl() Card not transacted: 606");
    let lines: Vec<&str> = log.lines().filter(|line| !noise(line)).collect();
    lines.join("\n")
}

/// The lines of `opensc-tool --list-readers`: number, whether a card is in, features, name.
fn parse_readers(listing: &str) -> Vec<Reader> {
    listing
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            words.next()?.parse::<u32>().ok()?;
            let card = match words.next()? {
                "Yes" => true,
                "No" => false,
                _ => return None,
            };
            let rest: Vec<&str> = words.collect();
            let name = rest.join(" ");
            // A reader with a PIN pad has its features in front of its name.
            let name = name.strip_prefix("PIN pad ").unwrap_or(&name).to_owned();
            Some(Reader { name, card })
        })
        .collect()
}

fn with_details(error: InteropError, more: &str) -> InteropError {
    match error {
        InteropError::TimedOut {
            what,
            after,
            details,
        } => InteropError::TimedOut {
            what,
            after,
            details: iter::once(details.as_str()).chain([more]).collect(),
        },
        other => other,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_are_read_from_openscs_listing() {
        let listing = "# Detected readers (pcsc)\nNr.  Card  Features  Name\n\
                       0    Yes             Virtual PCD 00 00\n\
                       1    No              Virtual PCD 00 01\n";
        let reader = |name: &str, card| Reader {
            name: name.to_owned(),
            card,
        };
        assert_eq!(
            parse_readers(listing),
            [
                reader("Virtual PCD 00 00", true),
                reader("Virtual PCD 00 01", false)
            ]
        );
        assert_eq!(parse_readers("No smart card readers found.\n"), []);
    }
}
