//! The namespaces of one sandbox: a holder process keeps them, closing its standard input ends
//! them and everything in them.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::InteropError;
use crate::tools;

/// Mount, network and process namespaces, and as non-root a user namespace.
///
/// The holder is process 1 of the process namespace and waits for the end of its standard input.
/// When that comes, because this value is dropped or because the process that owns it died, the
/// holder exits and the kernel kills all that runs in the namespace.
pub(crate) struct Namespace {
    holder: Child,
    stdin: Option<ChildStdin>,
    init: u32,
    user: bool,
}

/// Runs as process 1. `$1` is the directory that becomes /run/pcscd. It prints its process id as
/// the outside sees it (/proc is the outside's), or fails.
const INIT: &str = r#"
set -e
if [ ! -d /run/pcscd ]; then
    mount -t tmpfs tmpfs /run
    mkdir /run/pcscd
fi
mount --bind "$1" /run/pcscd
ip link set lo up
read -r pid rest </proc/self/stat
echo "$pid"
exec cat >/dev/null
"#;

impl Namespace {
    /// Makes the namespaces, with `run_directory` in the place of `/run/pcscd`.
    pub(crate) fn new(run_directory: &Path) -> Result<Self, InteropError> {
        for tool in ["unshare", "nsenter", "mount", "ip", "sh", "cat"] {
            tools::find(tool.as_ref())?;
        }
        if !rustix::process::geteuid().is_root() {
            return Self::enter(run_directory, true);
        }
        // Root without CAP_SYS_ADMIN (a container) may still be let into a user namespace.
        Self::enter(run_directory, false)
            .or_else(|first| Self::enter(run_directory, true).map_err(|_| first))
    }

    fn enter(run_directory: &Path, user: bool) -> Result<Self, InteropError> {
        let mut unshare = Command::new("unshare");
        if user {
            unshare.args(["--user", "--map-root-user"]);
        }
        unshare
            .args(["--mount", "--net", "--pid", "--fork", "--kill-child"])
            .args(["sh", "-c", INIT, "sh"])
            .arg(run_directory)
            .env("PATH", tools::search_path())
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut holder = unshare.spawn().map_err(InteropError::io("unshare"))?;
        let stdin = holder.stdin.take();
        let mut first_line = String::new();
        if let Some(stdout) = holder.stdout.take() {
            // A failing read leaves the line empty, which is reported below.
            let _ = BufReader::new(stdout).read_line(&mut first_line);
        }
        let mut namespace = Self {
            holder,
            stdin,
            init: 0,
            user,
        };
        match first_line.trim().parse() {
            Ok(init) => namespace.init = init,
            Err(_) => {
                return Err(InteropError::Namespaces {
                    reason: namespace.last_words(),
                });
            }
        }
        Ok(namespace)
    }

    /// The command line that runs something inside, in the given directory.
    pub(crate) fn prefix(&self, directory: &Path) -> Vec<OsString> {
        let mut working_directory = OsString::from("--wd=");
        working_directory.push(directory);
        let mut prefix: Vec<OsString> = ["nsenter", "--target"].map(OsString::from).into();
        prefix.push(self.init.to_string().into());
        if self.user {
            prefix.extend(["--user", "--preserve-credentials"].map(OsString::from));
        }
        // Without --root, whoever runs in a chroot would find itself outside of it.
        prefix.extend(["--mount", "--net", "--pid", "--root"].map(OsString::from));
        prefix.push(working_directory);
        prefix.push("--".into());
        prefix
    }

    /// The process id of process 1, as seen from outside.
    pub(crate) fn init(&self) -> u32 {
        self.init
    }

    fn last_words(&mut self) -> String {
        self.stdin = None;
        let mut said = String::new();
        if let Some(mut stderr) = self.holder.stderr.take() {
            let _ = stderr.read_to_string(&mut said);
        }
        match said.trim() {
            "" => "unshare ended without a word".to_owned(),
            said => said.to_owned(),
        }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // End of input: process 1 exits, the kernel kills the rest, unshare reaps and exits. Only
        // if that fails is unshare killed, which kills process 1 (--kill-child).
        self.stdin = None;
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline {
            if !matches!(self.holder.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
