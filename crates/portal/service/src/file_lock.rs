//! Locking a file that another may hold for a moment longer.

use std::fs::{File, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a lock is waited for: one that has just ended may still be held for a moment, as by a
/// process that was being started from it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Locks a file; for two seconds it is tried again.
///
/// # Errors
/// Another holds the lock still, or the file system failed.
pub(crate) fn take(file: &File) -> Result<(), TryLockError> {
    let until = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < until => {
                thread::sleep(Duration::from_millis(50));
            }
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_ends_soon_is_waited_for_and_one_that_stays_is_not() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let held = file.reopen().unwrap();
        held.lock().unwrap();
        let wanted = file.reopen().unwrap();
        assert!(matches!(take(&wanted), Err(TryLockError::WouldBlock)));
        let ending = thread::spawn(move || {
            thread::sleep(Duration::from_millis(200));
            drop(held);
        });
        take(&wanted).unwrap();
        ending.join().unwrap();
    }
}
