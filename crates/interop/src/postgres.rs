//! A private PostgreSQL: a cluster in a directory of its own, on a Unix socket.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::error::InteropError;
use crate::tools;

/// The role that owns everything; it needs no password on the socket.
const ROLE: &str = "kortlab";
const START_TIMEOUT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);
/// Names the socket; nothing listens there unless TLS was asked for.
const PORT: u16 = 5432;

/// Small, but as durable as the defaults.
const SETTINGS: &str = "
shared_buffers = 4MB
max_connections = 20
wal_level = minimal
max_wal_senders = 0
wal_buffers = 64kB
max_wal_size = 64MB
min_wal_size = 32MB
autovacuum = off
jit = off
listen_addresses = ''
fsync = on
synchronous_commit = on
";

/// Who may come in: everybody who reaches the socket (its directory is the cluster's alone), and
/// with a password through TLS.
const ACCESS: &str = "
local all all trust
hostssl all all 127.0.0.1/32 scram-sha-256
";

/// Starts the server and ends it when its standard input ends: when the cluster is dropped, or
/// when the process that owns it died. If the server ends by itself, so does this.
const HOLD: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
{ cat <&3 >/dev/null; kill -QUIT "$server"; } &
watcher=$!
exec 3<&-
wait "$server"
kill "$watcher"
"#;

/// A PostgreSQL server with a cluster of its own. Any number run side by side, beside one of the
/// machine. Dropping it ends the server and removes everything.
///
/// The server refuses to run as root; if we are root, it runs as the user `postgres`, whom Debian's
/// package makes, or else as `nobody`.
pub struct PostgresCluster {
    // The server ends before its files go.
    server: Holder,
    bin: PathBuf,
    user: Option<User>,
    port: u16,
    directory: TempDir,
}

/// The shell that holds the server.
struct Holder(Option<Child>);

/// Whom the server runs as, if not as ourselves.
#[derive(Clone, Copy)]
struct User {
    uid: u32,
    gid: u32,
}

impl PostgresCluster {
    /// Makes a cluster and starts its server, on a Unix socket only.
    ///
    /// # Errors
    /// PostgreSQL is not installed, or does not start; the error shows what it printed.
    pub fn start() -> Result<Self, InteropError> {
        Self::make(None)
    }

    /// As [`PostgresCluster::start`], and on a free port of 127.0.0.1 too, with TLS. There the role
    /// of [`PostgresCluster::url`] needs a password: see [`PostgresCluster::tls_url`].
    ///
    /// # Errors
    /// As for [`PostgresCluster::start`].
    pub fn start_with_tls(certificate_pem: &str, key_pem: &str) -> Result<Self, InteropError> {
        Self::make(Some([certificate_pem, key_pem]))
    }

    fn make(tls: Option<[&str; 2]>) -> Result<Self, InteropError> {
        let bin = server_programs()?;
        for tool in ["sh", "cat", "kill", "setpriv"] {
            tools::find(tool.as_ref())?;
        }
        let user = rustix::process::geteuid()
            .is_root()
            .then(User::find)
            .transpose()?;
        let directory = tempfile::Builder::new()
            .prefix("kortlab-postgres-")
            .tempdir()
            .map_err(InteropError::io("making a directory for PostgreSQL"))?;
        let mut cluster = Self {
            server: Holder(None),
            bin,
            user,
            port: PORT,
            directory,
        };
        cluster.give(cluster.directory.path())?;
        cluster.make_files()?;
        if let Some([certificate, key]) = tls {
            cluster.port = free_port()?;
            cluster.write("server.pem", certificate)?;
            cluster.write("server.key", key)?;
            cluster.set(&format!(
                "listen_addresses = '127.0.0.1'\nssl = on\nssl_cert_file = '{0}/server.pem'\nssl_key_file = '{0}/server.key'\n",
                cluster.directory.path().display()
            ))?;
        }
        cluster.set(&format!("port = {}\n", cluster.port))?;
        cluster.launch()?;
        Ok(cluster)
    }

    /// Makes a database and returns its address, `postgres://…`.
    ///
    /// # Errors
    /// The server refuses.
    pub fn database(&self, name: &str) -> Result<String, InteropError> {
        self.psql("postgres", &format!("CREATE DATABASE {name}"))?;
        Ok(self.url(name))
    }

    /// The address of a database, through the socket.
    pub fn url(&self, database: &str) -> String {
        let directory = self.directory.path().to_string_lossy().replace('/', "%2F");
        format!("postgres://{ROLE}@{directory}:{}/{database}", self.port)
    }

    /// The address of a database through TLS, with this password, which the role gets now. It says
    /// nothing of how the server's certificate is to be checked.
    ///
    /// # Errors
    /// The server refuses.
    pub fn tls_url(&self, database: &str, password: &str) -> Result<String, InteropError> {
        let quoted = password.replace('\'', "''");
        self.psql(
            "postgres",
            &format!("ALTER ROLE {ROLE} PASSWORD '{quoted}'"),
        )?;
        let port = self.port;
        Ok(format!(
            "postgres://{ROLE}:{password}@localhost:{port}/{database}?hostaddr=127.0.0.1"
        ))
    }

    /// Carries out SQL with `psql`, and returns the rows: a line each, columns parted by `|`.
    ///
    /// # Errors
    /// The server refuses; the error shows what `psql` printed.
    pub fn psql(&self, database: &str, sql: &str) -> Result<String, InteropError> {
        let mut psql = Command::new(self.bin.join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args(["--set", "ON_ERROR_STOP=1", "--username", ROLE])
            .arg("--host")
            .arg(self.directory.path())
            .args(["--port", &self.port.to_string(), "--dbname", database])
            .args(["--command", sql]);
        let output = output(&mut psql)?;
        Ok(String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned())
    }

    /// Ends the server as if its machine had lost power (it gets no time to write anything more),
    /// and starts it again.
    ///
    /// # Errors
    /// It does not start.
    pub fn crash_and_restart(&mut self) -> Result<(), InteropError> {
        self.stop();
        self.launch()
    }

    /// Ends the server at once; [`PostgresCluster::launch`] starts it again.
    pub fn stop(&mut self) {
        self.server.end();
    }

    /// Starts the server, after [`PostgresCluster::stop`].
    ///
    /// # Errors
    /// It does not start; the error shows its log.
    pub fn launch(&mut self) -> Result<(), InteropError> {
        let log = fs::File::options()
            .append(true)
            .create(true)
            .open(self.log_file())
            .map_err(InteropError::io("opening PostgreSQL's log"))?;
        let child = self
            .as_user("sh")
            .args(["-c", HOLD, "sh"])
            .arg(self.bin.join("postgres"))
            .arg("-D")
            .arg(self.data())
            .arg("-k")
            .arg(self.directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(InteropError::io("starting postgres"))?;
        self.server = Holder(Some(child));
        let since = Instant::now();
        while !self.is_ready() {
            if self.server.has_ended() || since.elapsed() > START_TIMEOUT {
                return Err(self.not_started(since.elapsed()));
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Waits until the server takes connections: after a process of its was killed, it recovers
    /// first.
    ///
    /// # Errors
    /// It does not; the error shows its log.
    pub fn wait_until_ready(&self) -> Result<(), InteropError> {
        let since = Instant::now();
        while !self.is_ready() {
            if since.elapsed() > START_TIMEOUT {
                return Err(self.not_started(since.elapsed()));
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    fn not_started(&self, after: Duration) -> InteropError {
        InteropError::TimedOut {
            what: "PostgreSQL's start".to_owned(),
            after,
            details: fs::read_to_string(self.log_file()).unwrap_or_default(),
        }
    }

    fn is_ready(&self) -> bool {
        Command::new(self.bin.join("pg_isready"))
            .arg("--quiet")
            .arg("--host")
            .arg(self.directory.path())
            .args(["--port", &self.port.to_string()])
            .status()
            .is_ok_and(|status| status.success())
    }

    fn make_files(&self) -> Result<(), InteropError> {
        let mut initdb = self.as_user(self.bin.join("initdb"));
        initdb
            .args(["--auth=trust", "--encoding=UTF8", "--locale=C"])
            .args(["--no-sync", "--no-instructions", "--username", ROLE, "-D"])
            .arg(self.data());
        output(&mut initdb)?;
        self.set(SETTINGS)?;
        self.write("data/pg_hba.conf", ACCESS)
    }

    /// Adds to the server's settings.
    fn set(&self, settings: &str) -> Result<(), InteropError> {
        let path = self.data().join("postgresql.auto.conf");
        let mut text = fs::read_to_string(&path).unwrap_or_default();
        text.push_str(settings);
        self.write("data/postgresql.auto.conf", &text)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), InteropError> {
        let path = self.directory.path().join(name);
        let what = || format!("writing {}", path.display());
        fs::write(&path, text).map_err(InteropError::io(what()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
            .map_err(InteropError::io(what()))?;
        self.give(&path)
    }

    /// Makes the server's user the owner.
    fn give(&self, path: &Path) -> Result<(), InteropError> {
        let Some(User { uid, gid }) = self.user else {
            return Ok(());
        };
        chown(path, Some(uid), Some(gid))
            .map_err(InteropError::io(format!("giving away {}", path.display())))
    }

    /// A program, to be run as the server's user.
    fn as_user(&self, program: impl Into<OsString>) -> Command {
        let Some(User { uid, gid }) = self.user else {
            let mut command = Command::new(program.into());
            command.current_dir(self.directory.path());
            return command;
        };
        let mut command = Command::new("setpriv");
        command
            .args([format!("--reuid={uid}"), format!("--regid={gid}")])
            .args(["--clear-groups", "--"])
            .arg(program.into())
            .current_dir(self.directory.path());
        command
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn log_file(&self) -> PathBuf {
        self.directory.path().join("log")
    }
}

impl Holder {
    fn has_ended(&mut self) -> bool {
        match &mut self.0 {
            Some(child) => !matches!(child.try_wait(), Ok(None)),
            None => true,
        }
    }

    fn end(&mut self) {
        if let Some(mut child) = self.0.take() {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.end();
    }
}

impl User {
    fn find() -> Result<Self, InteropError> {
        let passwd =
            fs::read_to_string("/etc/passwd").map_err(InteropError::io("reading /etc/passwd"))?;
        let named = |name: &str| {
            passwd.lines().find_map(|line| {
                let mut fields = line.split(':');
                let is_it = fields.next() == Some(name);
                let uid = fields.nth(1)?.parse().ok()?;
                let gid = fields.next()?.parse().ok()?;
                is_it.then_some(Self { uid, gid })
            })
        };
        named("postgres")
            .or_else(|| named("nobody"))
            .ok_or_else(|| InteropError::MissingTool {
                tool: "PostgreSQL (the user postgres)".to_owned(),
            })
    }
}

/// Where the server's programs are: Debian keeps them off the search path, a directory a version.
fn server_programs() -> Result<PathBuf, InteropError> {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let newest = debian
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let version: u32 = path.file_name()?.to_str()?.parse().ok()?;
            Some((version, path.join("bin")))
        })
        .filter(|(_, bin)| bin.join("postgres").is_file() && bin.join("initdb").is_file())
        .max();
    if let Some((_, bin)) = newest {
        return Ok(bin);
    }
    let postgres = tools::find("postgres".as_ref())?;
    tools::find("initdb".as_ref())?;
    Ok(postgres.parent().map(Path::to_path_buf).unwrap_or_default())
}

fn free_port() -> Result<u16, InteropError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(InteropError::io("looking for a free port"))
}

/// Runs a program to its end, which must be a good one.
fn output(command: &mut Command) -> Result<Output, InteropError> {
    let line = format!("{command:?}");
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(InteropError::io(line.clone()))?;
    if output.status.success() {
        return Ok(output);
    }
    let mut details = String::new();
    for stream in [&output.stdout, &output.stderr] {
        // Writing to a string cannot fail.
        let _ = write!(details, "{}", String::from_utf8_lossy(stream));
    }
    Err(InteropError::Failed {
        command: line,
        status: output.status.to_string(),
        details,
    })
}
