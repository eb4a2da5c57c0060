//! The hand that holds a card: puts it into vpcd's reader, takes it out, by the control door.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kortlab_emulator::link::vpcd::{ABSENCE, Event, LinkError, VpcdLink};

use super::news::News;
use crate::control::{Gate, Notice, Place, Readers};

/// How long a card that is taken out may take to leave its reader.
const LEAVING: Duration = Duration::from_secs(5);

/// One card's hand. What it does to the card is done by the thread that keeps the card in the reader.
#[derive(Default)]
pub struct Hand {
    doing: Mutex<Doing>,
    changed: Condvar,
}

#[derive(Default)]
struct Doing {
    /// Whether the card is to be out of the reader.
    out: bool,
    /// Whether the card is in the reader, or on its way there; what tells it to leave.
    eject: Option<UnixStream>,
    left: Option<Instant>,
    /// Whether all is over.
    over: bool,
}

impl Hand {
    /// Waits until the card is to be in the reader, and pcscd has had the time to see that it was
    /// out. Gives what becomes readable when it is to leave; none when all is over.
    pub fn wait(&self) -> std::io::Result<Option<UnixStream>> {
        let mut doing = self.lock();
        loop {
            if doing.over {
                return Ok(None);
            }
            let absent = doing.left.map_or(ABSENCE, |left| left.elapsed());
            if doing.out {
                doing = self.sleep(doing, Duration::from_secs(60));
            } else if absent < ABSENCE {
                doing = self.sleep(doing, ABSENCE.saturating_sub(absent));
            } else {
                let (eject, ejected) = UnixStream::pair()?;
                doing.eject = Some(eject);
                return Ok(Some(ejected));
            }
        }
    }

    /// The card has left the reader.
    pub fn left(&self) {
        let mut doing = self.lock();
        doing.eject = None;
        doing.left = Some(Instant::now());
        self.changed.notify_all();
    }

    /// The card is to leave the reader.
    pub fn take_out(&self) {
        let mut doing = self.lock();
        doing.out = true;
        doing.tell();
    }

    /// The card is to be in the reader.
    fn put_in(&self) {
        self.lock().out = false;
        self.changed.notify_all();
    }

    /// All is over: the card leaves for good.
    pub fn end(&self) {
        let mut doing = self.lock();
        doing.over = true;
        doing.tell();
        self.changed.notify_all();
    }

    /// Waits a while until the card is out.
    fn wait_until_out(&self) {
        let deadline = Instant::now() + LEAVING;
        let mut doing = self.lock();
        while doing.eject.is_some() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            doing = self.sleep(doing, left);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Doing> {
        self.doing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep<'a>(&self, doing: MutexGuard<'a, Doing>, time: Duration) -> MutexGuard<'a, Doing> {
        let woken = self.changed.wait_timeout(doing, time);
        woken.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Doing {
    fn tell(&self) {
        if let Some(eject) = &self.eject {
            let _ = (&*eject).write_all(&[0]);
        }
    }
}

/// All cards' hands, with the place of each.
#[derive(Clone, Default)]
pub struct Hands(pub Vec<(Arc<Place>, Arc<Hand>)>);

impl Readers for Hands {
    fn tell(&self, place: &Place, notice: Notice) {
        let found = self.0.iter().find(|(own, _)| own.name() == place.name());
        let Some((_, hand)) = found else {
            return;
        };
        match notice {
            Notice::Out => {
                hand.take_out();
                hand.wait_until_out();
            }
            Notice::In => hand.put_in(),
            Notice::Other => {
                hand.take_out();
                hand.wait_until_out();
                hand.put_in();
            }
            // vpcd's reader has no way to tell.
            Notice::Reset => {}
        }
    }
}

/// Keeps a card in the reader whenever it is to be there, until all is over.
///
/// # Errors
/// The link cannot go on.
pub fn keep_in_reader(
    place: &Arc<Place>,
    hand: &Hand,
    tell: impl Fn(News),
) -> Result<(), LinkError> {
    let link = VpcdLink::new(place.name());
    let mut card = Gate::new(Arc::clone(place), false);
    while let Some(ejected) = hand.wait().map_err(LinkError::Wait)? {
        let mut told_out = false;
        link.run(&mut card, &ejected, |event| {
            told_out = matches!(event, Event::Removed { .. });
            if told_out && !place.seen().present {
                // It was torn out, and stays so until it is put in again.
                hand.take_out();
            }
            tell(News::Link(event));
        })?;
        hand.left();
        if !told_out && !place.seen().present {
            tell(News::TakenOut);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::thread;

    use super::*;

    #[test]
    fn a_card_leaves_when_it_is_told_to_and_comes_back_after_a_while() {
        let hand = Arc::new(Hand::default());
        let mut inside = hand.wait().expect("a pipe").expect("in");
        let other = Arc::clone(&hand);
        let card = thread::spawn(move || {
            inside.read_exact(&mut [0]).expect("told");
            other.left();
            let begun = Instant::now();
            let again = other.wait().expect("a pipe");
            (again.is_some(), begun.elapsed())
        });
        hand.take_out();
        hand.wait_until_out();
        hand.put_in();
        let (again, after) = card.join().expect("ended");
        assert!(again);
        assert!(after >= ABSENCE - Duration::from_millis(100), "{after:?}");
        hand.end();
        assert!(hand.wait().expect("a pipe").is_none());
    }
}
