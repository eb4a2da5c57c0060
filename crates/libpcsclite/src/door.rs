//! Contexts and handles of this process, whose turn it is, and who waits.
//!
//! One lock holds everything, cards included: what is done is done quickly, and a fork takes the lock
//! with it, so that a child never finds half a change. Who has to wait lets go of the lock.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::env;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kortlab_pcsc::{Client, Code, ReaderState, Refusal, Wake};

use crate::cards::{self, Readers};

/// How long a call waits for another handle's transaction that pcsc-lite would not ask again.
const PATIENCE: Duration = Duration::from_secs(1);
/// `SCARD_E_NO_SERVICE`.
pub const NO_SERVICE: Code = Code(0x8010_001D);
/// `SCARD_E_TIMEOUT`.
pub const TIMEOUT: Code = Code(0x8010_000A);

static STATE: Mutex<State> = Mutex::new(State {
    readers: None,
    told: false,
    contexts: BTreeMap::new(),
    waiting: 0,
});
static MOVED: Condvar = Condvar::new();

thread_local! {
    /// The lock, in the thread that forks, while it does.
    static FORKING: RefCell<Option<Held>> = const { RefCell::new(None) };
}

type Held = MutexGuard<'static, State>;

/// Everything.
struct State {
    /// The readers, or what is wrong with what the environment asks for; nothing before the first
    /// look.
    readers: Option<Result<Readers, String>>,
    /// Whether the user was told what is wrong.
    told: bool,
    contexts: BTreeMap<u32, Context>,
    /// How many threads wait.
    waiting: usize,
}

struct Context {
    client: Client,
    /// Whether a thread waits in SCardGetStatusChange; others with this context wait for it.
    busy: bool,
    change: Arc<Change>,
}

/// Whether a change has come, and how the wait for it ends.
#[derive(Default)]
struct Change(AtomicU64);

impl Change {
    const COME: u64 = 1 << 32;

    /// How the wait has ended, if it has.
    fn take(&self) -> Option<Code> {
        let come = self.0.swap(0, Ordering::Relaxed);
        let code = u32::try_from(come & !Self::COME).unwrap_or_default();
        (come & Self::COME != 0).then_some(Code(code))
    }
}

impl Wake for Change {
    // The threads that wait are told when the call that has changed something ends.
    fn wake(&self, code: Code) {
        self.0
            .store(Self::COME | u64::from(code.0), Ordering::Relaxed);
    }
}

/// Who has to wait while another handle has the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// pcsc-lite asks again until the card is free, unless PCSCLITE_NO_BLOCKING is set.
    AsksAgain,
    /// pcsc-lite asks again whatever is set.
    Always,
    /// The service keeps it waiting.
    ForOthers,
    /// It is refused after a while.
    AWhile,
}

/// Takes the lock.
fn lock() -> Held {
    // A panic is told to the program as an internal error, and what it left is used as it is: the
    // service's changes are single assignments.
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets go of the lock until something has changed, at most until `end`.
fn wait(mut held: Held, end: Option<Instant>) -> Held {
    held.waiting += 1;
    let mut held = match end {
        None => MOVED.wait(held).unwrap_or_else(PoisonError::into_inner),
        Some(end) => {
            let left = end.saturating_duration_since(Instant::now());
            let waited = MOVED.wait_timeout(held, left);
            waited.unwrap_or_else(PoisonError::into_inner).0
        }
    };
    held.waiting = held.waiting.saturating_sub(1);
    held
}

/// Has whoever waits look again.
fn moved(held: &Held) {
    if held.waiting > 0 {
        MOVED.notify_all();
    }
}

fn blocks() -> bool {
    env::var_os("PCSCLITE_NO_BLOCKING").is_none()
}

/// Reads the card images, if the environment names some.
pub fn prepare() {
    if cards::are_named() {
        lock().readers.get_or_insert_with(cards::readers);
    }
}

/// Has the cards be what the test case says that they are. This is called once, before the program
/// learns anything of a card, and after a fork server has forked.
///
/// # Errors
/// The test case cannot be read, which is told on standard error.
pub fn complete() -> Result<(), Code> {
    let mut held = lock();
    let done = match &mut held.readers {
        Some(Ok(readers)) => readers.complete(),
        _ => Ok(()),
    };
    done.map_err(|why| held.tell(&why))
}

impl State {
    /// Tells the user what is wrong, once; gives the code for it.
    fn tell(&mut self, why: &str) -> Code {
        if !self.told {
            self.told = true;
            let _ = writeln!(std::io::stderr(), "kortlab's libpcsclite.so.1: {why}");
        }
        NO_SERVICE
    }
}

/// A context for this process.
///
/// # Errors
/// There is no card to be had, which is told on standard error; `scope` makes no sense.
pub fn establish(scope: u32) -> Result<u32, Code> {
    let mut held = lock();
    let service = match held.readers.get_or_insert_with(cards::readers) {
        Ok(readers) => Ok(Arc::clone(&readers.service)),
        Err(why) => Err(why.clone()),
    };
    let service = service.map_err(|why| held.tell(&why))?;
    let mut client = service.client();
    let number = client.establish_context(scope)?;
    let context = Context {
        client,
        busy: false,
        change: Arc::default(),
    };
    held.contexts.insert(number, context);
    Ok(number)
}

/// Ends a context with all that it has begun.
///
/// # Errors
/// There is none of this number.
pub fn release(context: u32) -> Result<(), Code> {
    let mut held = enter(context)?;
    held.contexts.remove(&context);
    moved(&held);
    Ok(())
}

/// Whether there is such a context.
pub fn is_valid(context: u32) -> bool {
    lock().contexts.contains_key(&context)
}

/// Whether there is such a handle, of whichever context.
pub fn has_handle(handle: u32) -> bool {
    let held = lock();
    let mut contexts = held.contexts.values();
    contexts.any(|context| context.client.reader_of(handle).is_some())
}

/// Ends the wait of a context, if it waits.
///
/// # Errors
/// There is none of this number.
pub fn cancel(context: u32) -> Result<(), Code> {
    let held = lock();
    let found = held.contexts.get(&context).ok_or(Code::INVALID_HANDLE)?;
    if found.busy {
        // If it has just been woken by something else, it is not to be cancelled any more.
        let _ = found.client.cancel(context);
        moved(&held);
    }
    Ok(())
}

/// What every reader looks like.
///
/// # Errors
/// There is no such context.
pub fn readers(context: u32) -> Result<Vec<ReaderState>, Code> {
    let held = enter(context)?;
    let found = held.contexts.get(&context).ok_or(Code::INVALID_HANDLE)?;
    Ok(found.client.service().reader_states())
}

/// The lock, when no thread is in a call of this context.
fn enter(context: u32) -> Result<Held, Code> {
    let mut held = lock();
    while held
        .contexts
        .get(&context)
        .ok_or(Code::INVALID_HANDLE)?
        .busy
    {
        held = wait(held, None);
    }
    Ok(held)
}

/// Makes a call for a context.
///
/// # Errors
/// There is none of this number, or those of the call.
pub fn for_context<T>(
    context: u32,
    waits: Waits,
    call: impl FnMut(&mut Client) -> Result<T, Refusal>,
) -> Result<T, Code> {
    until_free(waits, |state| state.contexts.get_mut(&context), call)
}

/// Makes a call for a handle, of whichever context.
///
/// # Errors
/// There is no such handle, or those of the call.
pub fn for_handle<T>(
    handle: u32,
    waits: Waits,
    call: impl FnMut(&mut Client) -> Result<T, Refusal>,
) -> Result<T, Code> {
    until_free(
        waits,
        |state| {
            let mut contexts = state.contexts.values_mut();
            contexts.find(|context| context.client.reader_of(handle).is_some())
        },
        call,
    )
}

fn until_free<T>(
    waits: Waits,
    mut find: impl FnMut(&mut State) -> Option<&mut Context>,
    mut call: impl FnMut(&mut Client) -> Result<T, Refusal>,
) -> Result<T, Code> {
    let end = Instant::now() + PATIENCE;
    let mut held = lock();
    loop {
        let context = find(&mut held).ok_or(Code::INVALID_HANDLE)?;
        if context.busy {
            held = wait(held, None);
            continue;
        }
        let done = call(&mut context.client);
        let again = match (&done, waits) {
            (Err(refusal), Waits::AsksAgain) => {
                (refusal.code() == Code::SHARING_VIOLATION && blocks()).then_some(None)
            }
            (Err(refusal), Waits::Always) => {
                (refusal.code() == Code::SHARING_VIOLATION).then_some(None)
            }
            (Err(Refusal::Held { own: false }), Waits::ForOthers) => Some(None),
            (Err(Refusal::Held { own: false }), Waits::AWhile) => {
                (blocks() && Instant::now() < end).then_some(Some(end))
            }
            _ => None,
        };
        match again {
            Some(end) => held = wait(held, end),
            None => {
                moved(&held);
                return done.map_err(Refusal::code);
            }
        }
    }
}

/// Waits for a change: `look` is shown the readers, first at once and then after each change, until
/// it has seen what it waits for. Without an `end` it waits as long as it takes.
///
/// # Errors
/// There is no such context, the time is over ([`TIMEOUT`]), another thread has cancelled the wait,
/// or those of `look`.
pub fn wait_for_change(
    context: u32,
    end: Option<Instant>,
    mut look: impl FnMut(&[ReaderState]) -> Result<bool, Code>,
) -> Result<(), Code> {
    let mut held = enter(context)?;
    let done = loop {
        let Some(found) = held.contexts.get_mut(&context) else {
            return Err(Code::INVALID_HANDLE);
        };
        found.busy = true;
        let change = Arc::clone(&found.change);
        change.take();
        let wake: Arc<dyn Wake> = Arc::clone(&change) as _;
        let readers = found.client.wait_for_change(wake);
        match look(&readers) {
            Ok(true) => break Ok(()),
            Ok(false) => {}
            Err(code) => break Err(code),
        }
        let over = || end.is_some_and(|end| Instant::now() >= end);
        let mut come = change.take();
        while come.is_none() && !over() {
            held = wait(held, end);
            come = change.take();
        }
        match come {
            Some(Code::SUCCESS) => {}
            Some(code) => break Err(code),
            None => break Err(TIMEOUT),
        }
    };
    if let Some(found) = held.contexts.get_mut(&context) {
        found.client.stop_waiting();
        found.busy = false;
    }
    moved(&held);
    done
}

/// The process is about to fork: no other thread is in the middle of anything until it has.
pub fn before_fork() {
    let held = lock();
    FORKING.with_borrow_mut(|forking| *forking = Some(held));
}

/// The process has forked, and is the parent.
pub fn after_fork_in_parent() {
    FORKING.with_borrow_mut(Option::take);
}

/// The process has forked, and is the child, in which this thread is the only one.
pub fn after_fork_in_child() {
    if let Some(mut held) = FORKING.with_borrow_mut(Option::take) {
        held.waiting = 0;
        for context in held.contexts.values_mut() {
            context.busy = false;
        }
    }
}
