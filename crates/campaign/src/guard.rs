//! Ends what this process has started if it is killed itself: a program that goes on for ever would
//! otherwise do so without it.

use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// Keeps the process groups that begin (`+`) and have not ended (`-`), and kills them when nobody is
/// left who could tell of more.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
left=
while read -r sign group; do
    others=
    for one in $left; do
        [ "$one" = "$group" ] || others="$others $one"
    done
    left=$others
    [ "$sign" = - ] || left="$left $group"
done
for one in $left; do
    kill -s KILL -- "-$one"
done
"#;

/// The process that does so, as long as this value lives.
#[derive(Debug)]
pub struct Guard {
    process: Child,
    told: Mutex<Option<ChildStdin>>,
}

impl Guard {
    /// Starts it, in a process group of its own: what ends this one by the terminal does not reach it.
    ///
    /// # Errors
    /// There is no shell, or no process more.
    pub fn new() -> io::Result<Self> {
        let mut process = Command::new("/bin/sh")
            .args(["-c", SCRIPT])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let told = Mutex::new(process.stdin.take());
        Ok(Self { process, told })
    }

    /// A process group was made by this process, its leader.
    pub fn began(&self, leader: &Child) {
        self.tell('+', leader);
    }

    /// It is ended, and its leader not waited for yet: the number is still its own.
    pub fn ended(&self, leader: &Child) {
        self.tell('-', leader);
    }

    fn tell(&self, sign: char, leader: &Child) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pipe) = &mut *told {
            // Without the guard a campaign is no worse, as long as it is not killed.
            let _ = pipe.write_all(format!("{sign} {}\n", leader.id()).as_bytes());
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let told = self.told.get_mut();
        drop(told.unwrap_or_else(PoisonError::into_inner).take());
        let _ = self.process.wait();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    fn sleeper() -> Child {
        let mut command = Command::new("sleep");
        command.arg("60").process_group(0).spawn().unwrap()
    }

    #[test]
    fn what_has_not_ended_ends_with_the_guard_and_nothing_else() {
        let (mut left, mut done) = (sleeper(), sleeper());
        let guard = Guard::new().unwrap();
        guard.began(&done);
        guard.began(&left);
        guard.ended(&done);
        assert!(left.try_wait().unwrap().is_none());
        drop(guard);
        assert_eq!(left.wait().unwrap().signal(), Some(9));
        assert!(done.try_wait().unwrap().is_none());
        done.kill().unwrap();
        done.wait().unwrap();
    }
}
