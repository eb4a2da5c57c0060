//! Installing what is missing, on Debian and Ubuntu.

use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::process::Command;

use crate::needs::{self, Need};
use crate::process::{self, Failure};

/// How packages can be installed on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// We are root and there is apt-get.
    Root,
    /// There is apt-get, and a sudo that lets us.
    Sudo,
    /// Not at all; the person has to.
    None,
}

/// What the machine says about itself.
#[derive(Clone, Copy, Debug)]
struct Machine {
    apt_get: bool,
    root: bool,
    sudo: Sudo,
}

/// What sudo would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sudo {
    /// There is none.
    Absent,
    /// It wants a password.
    Asks,
    /// It lets us without asking.
    Lets,
}

/// Installs what is missing of the needs. If everything is there, nothing is run at all.
///
/// # Errors
/// Something is missing and cannot be installed; the message says what, and how to install it.
pub fn ensure(needs: &[Need]) -> Result<(), Failure> {
    let missing = needs::missing(needs, needs::is_there);
    if missing.is_empty() {
        return Ok(());
    }
    let means = means(machine(), io::stdin().is_terminal());
    if means == Means::None {
        return Err(Failure::new(what_to_install(&missing)));
    }
    eprint!("{}", announcement(&missing));
    // Out-of-date lists are no reason to give up: the install says if it is one.
    if let Err(failure) = process::run(apt_get(means).arg("update")) {
        eprintln!("xtask: {}; going on", failure.message);
    }
    let packages = needs::packages(&missing);
    let mut install = apt_get(means);
    install.args(["install", "--yes", "--no-install-recommends"]);
    process::run(install.args(&packages))?;
    let still = needs::missing(&missing, needs::is_there);
    if still.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "installed, but not found afterwards:\n{}",
        listed(&still)
    )))
}

/// How to install on such a machine. sudo may ask for a password only where someone can answer.
fn means(machine: Machine, interactive: bool) -> Means {
    match machine {
        Machine { apt_get: false, .. } => Means::None,
        Machine { root: true, .. } => Means::Root,
        Machine {
            sudo: Sudo::Lets, ..
        } => Means::Sudo,
        Machine {
            sudo: Sudo::Asks, ..
        } if interactive => Means::Sudo,
        _ => Means::None,
    }
}

fn machine() -> Machine {
    let user = process::program("id").arg("-u").output();
    let root = user.is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    let sudo = match process::on_path("sudo") {
        false => Sudo::Absent,
        true if process::succeeds(process::program("sudo").args(["-n", "true"])) => Sudo::Lets,
        true => Sudo::Asks,
    };
    Machine {
        apt_get: process::on_path("apt-get"),
        root,
        sudo,
    }
}

fn apt_get(means: Means) -> Command {
    match means {
        Means::Sudo => {
            let mut sudo = process::program("sudo");
            sudo.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
            sudo
        }
        Means::Root | Means::None => {
            let mut apt_get = process::program("apt-get");
            apt_get.env("DEBIAN_FRONTEND", "noninteractive");
            apt_get
        }
    }
}

fn announcement(missing: &[Need]) -> String {
    let mut text = format!("xtask: installing with apt-get:\n{}", listed(missing));
    if needs::packages(missing).contains(&"vsmartcard-vpcd") {
        text.push_str(
            "xtask: note: with vsmartcard-vpcd, this machine's own pcscd listens on TCP ports \
             35963 and 35964 of every network interface; keep them behind a firewall. The tests \
             run a pcscd of their own, which nobody outside reaches.\n",
        );
    }
    if needs::packages(missing).contains(&"postgresql") {
        text.push_str(
            "xtask: note: with postgresql, this machine gets a PostgreSQL server that listens on \
             its loopback. The tests run servers of their own; this one can be switched off.\n",
        );
    }
    text
}

fn what_to_install(missing: &[Need]) -> String {
    let packages = needs::packages(missing).join(" ");
    format!(
        "missing, and not to be installed from here (that takes Debian or Ubuntu, and root or \
         sudo):\n{}on Debian or Ubuntu: sudo apt-get install {packages}\nelsewhere: the packages \
         that correspond to these, then run this again",
        listed(missing)
    )
}

fn listed(needs: &[Need]) -> String {
    let mut text = String::new();
    for need in needs {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {} (for {})", need.packages.join(" "), need.purpose);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEBIAN_USER: Machine = Machine {
        apt_get: true,
        root: false,
        sudo: Sudo::Asks,
    };

    #[test]
    fn root_needs_no_sudo_and_nobody_installs_without_apt_get() {
        let root = Machine {
            root: true,
            ..DEBIAN_USER
        };
        assert_eq!(means(root, false), Means::Root);
        let fedora = Machine {
            apt_get: false,
            ..root
        };
        assert_eq!(means(fedora, true), Means::None);
    }

    #[test]
    fn sudo_asks_for_a_password_only_where_someone_can_answer() {
        assert_eq!(means(DEBIAN_USER, true), Means::Sudo);
        assert_eq!(means(DEBIAN_USER, false), Means::None);
        let without = Machine {
            sudo: Sudo::Absent,
            ..DEBIAN_USER
        };
        assert_eq!(means(without, true), Means::None);
        let free = Machine {
            sudo: Sudo::Lets,
            ..DEBIAN_USER
        };
        assert_eq!(means(free, false), Means::Sudo);
    }

    #[test]
    fn the_messages_name_packages_purposes_and_the_command() {
        let missing = needs::missing(&needs::test(), |_| false);
        let announced = announcement(&missing);
        assert!(announced.contains("  vsmartcard-vpcd (for the virtual reader)\n"));
        assert!(announced.contains("35963"));
        assert!(announced.contains("servers of their own"));
        let refused = what_to_install(&missing);
        assert!(
            refused
                .contains("sudo apt-get install afl++ bubblewrap chromium chromium-driver curl "),
            "{refused}"
        );
    }
}
