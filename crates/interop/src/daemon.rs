//! The pcscd of one sandbox: started, waited for, stopped, killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::InteropError;
use crate::process::Running;
use crate::sandbox::Sandbox;
use crate::{VPCD_PORT, tools};

const START_TIMEOUT: Duration = Duration::from_secs(20);

/// Writes the reader configuration with the one stanza pcscd is to know.
pub(crate) fn write_reader_conf(file: &Path) -> Result<(), InteropError> {
    let driver = tools::vpcd_driver()?;
    let text = format!(
        "FRIENDLYNAME \"Virtual PCD\"\nDEVICENAME /dev/null:0x{VPCD_PORT:04X}\nLIBPATH {}\nCHANNELID 0x{VPCD_PORT:04X}\n",
        driver.display()
    );
    fs::write(file, text).map_err(InteropError::io(format!("writing {}", file.display())))
}

/// Starts pcscd and waits until its socket is there and vpcd listens.
pub(crate) fn start(
    sandbox: &Sandbox,
    run_directory: &Path,
    reader_conf: &Path,
    verbose: bool,
) -> Result<Running, InteropError> {
    // A killed pcscd leaves these behind, and a new one would take them for a running one.
    for file in ["pcscd.pid", "pcscd.comm"] {
        let _ = fs::remove_file(run_directory.join(file));
    }
    let verbosity: &[&str] = if verbose { &["--debug", "--apdu"] } else { &[] };
    let mut daemon = sandbox
        .command("pcscd")
        .args(["--foreground", "--config"])
        .arg(reader_conf)
        .args(verbosity)
        .spawn()?;
    let socket = run_directory.join("pcscd.comm");
    let deadline = Instant::now() + START_TIMEOUT;
    while !(socket.exists() && listens(&sandbox.tcp_table(), VPCD_PORT)) {
        let ended = !daemon.is_running();
        if ended || Instant::now() > deadline {
            return Err(InteropError::TimedOut {
                what: "pcscd's start".to_owned(),
                after: START_TIMEOUT,
                details: daemon.printed(),
            });
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(daemon)
}

/// Stops pcscd as the init system would (SIGTERM), and kills it if it does not obey.
pub(crate) fn stop(mut daemon: Running) -> Result<(), InteropError> {
    daemon.terminate()?;
    if daemon.wait(Duration::from_secs(5)).is_err() {
        daemon.kill()?;
    }
    Ok(())
}

/// Whether a /proc/net/tcp table has a listener on the port.
fn listens(table: &PathBuf, port: u16) -> bool {
    const LISTEN: &str = "0A";
    let suffix = format!(":{port:04X}");
    fs::read_to_string(table).is_ok_and(|text| {
        text.lines().any(|line| {
            let mut fields = line.split_whitespace().skip(1);
            let local = fields.next().is_some_and(|local| local.ends_with(&suffix));
            local && fields.nth(1) == Some(LISTEN)
        })
    })
}
