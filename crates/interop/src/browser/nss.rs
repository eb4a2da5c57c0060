//! The database where Chromium on Linux looks for authorities and PKCS#11 modules.

use std::fs;
use std::path::PathBuf;

use crate::error::InteropError;
use crate::sandbox::Sandbox;
use crate::tools;

/// Makes the database in the sandbox's home, with the authorities trusted for servers and, if
/// wanted, OpenSC's module for the card.
pub(super) fn prepare(
    sandbox: &Sandbox,
    trusted: &[PathBuf],
    with_card: bool,
) -> Result<(), InteropError> {
    let directory = sandbox.file("home/.pki/nssdb");
    let database = format!("sql:{}", directory.display());
    if !directory.exists() {
        fs::create_dir_all(&directory).map_err(InteropError::io(format!(
            "creating {}",
            directory.display()
        )))?;
        let new = sandbox.command("certutil").args(["-d", &database, "-N"]);
        new.arg("--empty-password").run()?.success()?;
    }
    for certificate in trusted {
        let add = sandbox.command("certutil").args(["-d", &database, "-A"]);
        add.args(["-t", "C,,", "-n"])
            .arg(certificate)
            .arg("-i")
            .arg(certificate)
            .run()?
            .success()?;
    }
    if with_card {
        let add = sandbox
            .command("modutil")
            .args(["-force", "-dbdir", &database, "-add", "opensc", "-libfile"])
            .arg(tools::opensc_module()?);
        add.run()?.success()?;
    }
    Ok(())
}
