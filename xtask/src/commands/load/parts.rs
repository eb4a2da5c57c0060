//! What a load measurement is made of: a scratch directory, servers that end with it, programs
//! whose output counts, and the script for wrk.

use std::env;
use std::fs::{self, File};
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::report::MARK;
use crate::process::{self, Failure};

/// How long a server may take to start, and to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// A directory that goes with the measurement. What is in it is made for it, keys too.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes it.
    pub fn new() -> Result<Self, Failure> {
        let path = env::temp_dir().join(format!("kortlab-load-{}", std::process::id()));
        fs::create_dir(&path).map_err(|error| told(&path, &error))?;
        Ok(Self(path))
    }

    /// The path of a file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file in it.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<PathBuf, Failure> {
        let path = self.file(name);
        fs::write(&path, content).map_err(|error| told(&path, &error))?;
        Ok(path)
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Reads a file as text.
pub fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| told(path, &error))
}

fn told(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{}: {error}", path.display()))
}

/// A server that ends when this is dropped, with the processes that it started.
pub struct Server {
    child: Child,
    name: &'static str,
    log: PathBuf,
}

impl Server {
    /// Starts it, with a process group of its own; what it says goes to a file.
    pub fn start(
        name: &'static str,
        command: &mut Command,
        scratch: &Scratch,
    ) -> Result<Self, Failure> {
        let log = scratch.file(&format!("{name}.log"));
        let file = File::create(&log).map_err(|error| told(&log, &error))?;
        let other = file.try_clone().map_err(|error| told(&log, &error))?;
        let child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(other)
            .spawn()
            .map_err(|error| Failure::new(format!("{name}: {error}")))?;
        Ok(Self { child, name, log })
    }

    /// Waits until it has said this; returns all that it has said.
    pub fn says(&mut self, what: &str) -> Result<String, Failure> {
        let start = Instant::now();
        loop {
            let said = read(&self.log)?;
            if said.contains(what) {
                return Ok(said);
            }
            self.wait_a_little(start)?;
        }
    }

    /// Waits until it listens on this port.
    pub fn listens(&mut self, port: u16) -> Result<(), Failure> {
        let start = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            self.wait_a_little(start)?;
        }
        Ok(())
    }

    fn wait_a_little(&mut self, start: Instant) -> Result<(), Failure> {
        let ended = self.child.try_wait().is_ok_and(|status| status.is_some());
        if ended || start.elapsed() > PATIENCE {
            return Err(self.failure("does not start"));
        }
        thread::sleep(Duration::from_millis(50));
        Ok(())
    }

    /// That it failed, with what it said.
    pub fn failure(&self, how: &str) -> Failure {
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        Failure::new(format!("{} {how}: {}", self.name, said.trim()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        process::succeeds(process::program("kill").args(["-TERM", "--", &group]));
        let start = Instant::now();
        while start.elapsed() < PATIENCE && !self.child.try_wait().is_ok_and(|it| it.is_some()) {
            thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nothing listens on just now.
pub fn free_port() -> Result<u16, Failure> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| Failure::new(format!("no free port: {error}")))
}

/// Runs a program with this standard input; returns its standard output.
pub fn output(command: &mut Command, input: &[u8]) -> Result<Vec<u8>, Failure> {
    let line = process::line(command);
    let failed = |why: String| Failure::new(format!("{line}: {why}"));
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read it all says why itself.
        let _ = stdin.write_all(input);
    }
    let output = child
        .wait_with_output()
        .map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = [output.stderr, output.stdout].concat();
    Err(failed(String::from_utf8_lossy(&said).trim().to_owned()))
}

/// Runs a program; returns its standard output as text.
pub fn text(command: &mut Command) -> Result<String, Failure> {
    let bytes = output(command, &[])?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// `openssl` with these arguments.
pub fn openssl<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = process::program("openssl");
    command.args(arguments);
    command
}

/// The text that stands in `json` behind the first member `name` after `after`. Enough for base64
/// and for addresses, which have nothing escaped.
pub fn member<'a>(json: &'a str, after: &str, name: &str) -> Option<&'a str> {
    let (_, rest) = json.split_once(after)?;
    let (_, rest) = rest.split_once(&format!("\"{name}\":\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

/// A script for wrk: whether connections are kept, and what to say in the end.
pub fn script(keep: bool) -> String {
    let mut script = String::new();
    if !keep {
        script.push_str("wrk.headers[\"Connection\"] = \"close\"\n");
    }
    script.push_str(&format!(
        "function done(summary, latency, requests)\n\
         \x20 local e = summary.errors\n\
         \x20 io.write(string.format(\"{MARK}%d %d %d %d %d %d\\n\", summary.requests,\n\
         \x20   summary.duration, latency:percentile(50), latency:percentile(90),\n\
         \x20   latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))\n\
         end\n"
    ));
    script
}

/// How many processors there are.
pub fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_found_behind_another() {
        let json = r#"{"carrier":{"authentication":"AA=="},"hcc":{"authentication":"BB=="}}"#;
        assert_eq!(member(json, "\"hcc\"", "authentication"), Some("BB=="));
        assert_eq!(member(json, "{", "authentication"), Some("AA=="));
        assert_eq!(member(json, "{", "signature"), None);
    }

    #[test]
    fn a_server_ends_with_its_measurement_and_takes_its_children_along() {
        let scratch = Scratch::new().unwrap();
        let mut shell = process::program("sh");
        // The shell waits for a child of its own.
        shell.args(["-c", "sleep 1000 & echo $!; wait"]);
        let mut server = Server::start("shell", &mut shell, &scratch).unwrap();
        let child = server.says("\n").unwrap();
        let alive = || process::succeeds(process::program("kill").args(["-0", child.trim()]));
        assert!(alive());
        drop(server);
        let start = Instant::now();
        while alive() && start.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(20));
        }
        assert!(!alive());
        let path = scratch.path().to_path_buf();
        drop(scratch);
        assert!(!path.exists());
    }
}
