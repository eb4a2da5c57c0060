//! Where a program runs that talks fast, and where its threads run that do not talk.

use crate::lab::Lab;

/// Talks until its first thread is on one processor, and prints what it sees: whether that happened,
/// whether its other thread was left alone, and whether after a pause all threads are where they may
/// be, the one that was made meanwhile too.
const TALKS: &str = "
import os, threading, time
from smartcard.System import readers
def sleeper():
    thread = threading.Thread(target=threading.Event().wait, daemon=True)
    thread.start()
    return thread.native_id
where = os.sched_getaffinity
free = where(0)
first = sleeper()
card = readers()[0].createConnection()
card.connect()
until = time.monotonic() + 30
while len(where(0)) > 1 and time.monotonic() < until:
    for _ in range(100):
        card.transmit([0, 0xA4, 0, 0x0C, 2, 0x3F, 0])
met = len(where(0)) == 1
alone = where(first) == free
later = sleeper()
time.sleep(0.2)
print('met', met, 'alone', alone, 'parted', [where(it) == free for it in (0, first, later)])
";

#[test]
fn a_program_that_talks_fast_is_kept_on_one_processor_and_its_other_threads_are_not() {
    let lab = Lab::new("valid");
    let seen = lab.ran(&["/usr/bin/python3", "-c", TALKS]);
    assert_eq!(seen, "met True alone True parted [True, True, True]\n");
}
