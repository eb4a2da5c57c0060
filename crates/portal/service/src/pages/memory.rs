//! What the pages remember between requests: tasks that the card is busy with, what there is to
//! tell, and what the test page shows. All of it is bounded, and none of it is needed to go on
//! after a restart: orders and receipts are in the portal.
//!
//! Nobody pushes out what is others'. A session has its place among those of its card, which nobody
//! has who does not have the card. Visitors of the test page share a table; when it is full, the
//! client (an address, or an IPv6 network) with the most places gives one up.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kortlab_issuer::card_number::CardNumber;
use kortlab_issuer::clock::Timestamp;
use kortlab_portal_api::task::{Task, TaskId};
use kortlab_portal_core::{OrderId, SessionToken};
use sha2::{Digest, Sha256};
use url::Url;

use super::cookies::Owner;
use super::notice::Notice;
use crate::limits::client;
use crate::tls::Unwanted;

/// A task waits as long as a session does.
const LIFETIME: Duration = Duration::from_secs(10 * 60);
/// So many visitors of the test page are remembered.
const MAX_VISITORS: usize = 1024;
/// So many sessions of a card, as many as the portal has; the one that was idle longest gives way.
const MAX_OF_A_CARD: usize = 8;
/// Where the agent is unless it is said.
const AGENT: &str = "http://127.0.0.1:47800";

/// What the pages remember.
#[derive(Debug)]
pub struct Memory {
    agent: String,
    unwanted: Unwanted,
    memos: Mutex<Memos>,
}

/// A task that was given to the agent, and whose result has not come.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    /// The task.
    pub(crate) task: Task,
    /// What its result is for.
    pub(crate) aim: Aim,
}

/// What the result of a task is for.
#[derive(Clone, Debug)]
pub(crate) enum Aim {
    /// The test page. Nobody is logged in.
    Test,
    /// The session of the holder.
    Session(SessionToken),
    /// The same, and this order.
    Order(SessionToken, OrderId),
}

#[derive(Debug, Default)]
struct Memos {
    by_owner: HashMap<Owner, Memo>,
    /// The sessions of each card.
    by_card: HashMap<CardNumber, Vec<Owner>>,
    visitors: usize,
    /// By the digest of the task's id: how long a look-up takes says nothing of the id.
    by_task: HashMap<[u8; 32], Owner>,
}

/// Among whom a memo has its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    /// The sessions of this card.
    Card(CardNumber),
    /// The visitors, and this client's.
    Client(IpAddr),
}

/// What is remembered of one browser, or of one session.
#[derive(Debug)]
struct Memo {
    place: Place,
    pending: Option<(Pending, Timestamp)>,
    notice: Option<Notice>,
    shown: Option<Vec<Vec<u8>>>,
    signed: Option<Signed>,
    session_ends: Option<Timestamp>,
    used: Timestamp,
}

/// A receipt that was signed in this session.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    /// Of which order.
    pub(crate) order: OrderId,
    /// Its text.
    pub(crate) text: String,
}

impl Memory {
    /// Nothing yet. The holders' agents are at this address, of which scheme, host and port are
    /// taken, or where `kortlab agent` listens unless told otherwise. What is `unwanted` is refused
    /// by the listeners that ask for certificates.
    pub fn new(agent: Option<&Url>, unwanted: Unwanted) -> Self {
        Self {
            agent: match agent {
                Some(agent) => agent.origin().ascii_serialization(),
                None => AGENT.to_owned(),
            },
            unwanted,
            memos: Mutex::default(),
        }
    }

    /// Where the agent is: an origin (RFC 6454 §6.2), without a slash at the end.
    pub(crate) fn agent(&self) -> &str {
        &self.agent
    }

    /// The certificates that are refused for a moment, so that browsers forget them.
    pub(crate) fn unwanted(&self) -> &Unwanted {
        &self.unwanted
    }

    /// Remembers a visitor from now on, who comes from this address.
    pub(crate) fn welcome(&self, visitor: Owner, address: IpAddr, now: Timestamp) {
        let place = Place::Client(client(address));
        self.memos().open(visitor, place, now);
    }

    /// Gives a task out. An earlier one of the same owner is over. For an owner that is not
    /// remembered it is over at once.
    pub(crate) fn give(&self, owner: Owner, pending: Pending, now: Timestamp) {
        let mut memos = self.memos();
        let key = digest(&pending.task.id);
        let Some(memo) = memos.memo(owner, now) else {
            return;
        };
        let earlier = memo.pending.replace((pending, now.after(LIFETIME)));
        if let Some((earlier, _)) = earlier {
            memos.by_task.remove(&digest(&earlier.task.id));
        }
        memos.by_task.insert(key, owner);
    }

    /// The task that the owner's card is asked for.
    pub(crate) fn pending(&self, owner: Owner, now: Timestamp) -> Option<Pending> {
        let memos = self.memos();
        let (pending, ends) = memos.by_owner.get(&owner)?.pending.as_ref()?;
        (*ends > now).then(|| pending.clone())
    }

    /// Whose task this is, if it waits.
    pub(crate) fn owner(&self, id: &TaskId, now: Timestamp) -> Option<Owner> {
        let memos = self.memos();
        let owner = memos.by_task.get(&digest(id))?;
        let (pending, ends) = memos.by_owner.get(owner)?.pending.as_ref()?;
        (pending.task.id == *id && *ends > now).then_some(*owner)
    }

    /// Takes a task back, once.
    pub(crate) fn take(&self, id: &TaskId, now: Timestamp) -> Option<(Owner, Pending)> {
        let owner = self.owner(id, now)?;
        let mut memos = self.memos();
        memos.by_task.remove(&digest(id))?;
        let (pending, _) = memos.by_owner.get_mut(&owner)?.pending.take()?;
        Some((owner, pending))
    }

    /// Leaves something to tell on the owner's next page.
    pub(crate) fn tell(&self, owner: Owner, notice: Notice, now: Timestamp) {
        if let Some(memo) = self.memos().memo(owner, now) {
            memo.notice = Some(notice);
        }
    }

    /// What there is to tell, once.
    pub(crate) fn told(&self, owner: Owner) -> Option<Notice> {
        self.memos().by_owner.get_mut(&owner)?.notice.take()
    }

    /// Keeps the certificates of a card for the test page.
    pub(crate) fn show(&self, owner: Owner, certificates: Vec<Vec<u8>>, now: Timestamp) {
        if let Some(memo) = self.memos().memo(owner, now) {
            memo.shown = Some(certificates);
        }
    }

    /// The certificates that were kept for the test page.
    pub(crate) fn shown(&self, owner: Owner) -> Option<Vec<Vec<u8>>> {
        self.memos().by_owner.get(&owner)?.shown.clone()
    }

    /// Keeps the receipt that was signed.
    pub(crate) fn keep_receipt(&self, owner: Owner, signed: Signed, now: Timestamp) {
        if let Some(memo) = self.memos().memo(owner, now) {
            memo.signed = Some(signed);
        }
    }

    /// The receipt that was signed in this session.
    pub(crate) fn receipt(&self, owner: Owner) -> Option<Signed> {
        self.memos().by_owner.get(&owner)?.signed.clone()
    }

    /// Remembers a session of this card from now on, and when it ends by itself.
    pub(crate) fn session_ends(
        &self,
        owner: Owner,
        card: CardNumber,
        ends: Timestamp,
        now: Timestamp,
    ) {
        let mut memos = self.memos();
        memos.open(owner, Place::Card(card), now);
        if let Some(memo) = memos.memo(owner, now) {
            memo.session_ends = Some(ends);
        }
    }

    /// Forgets the sessions that have ended.
    pub(crate) fn forget_what_ended(&self, now: Timestamp) {
        let mut memos = self.memos();
        let ended = memos
            .by_owner
            .iter()
            .filter(|(_, memo)| memo.session_ends.is_some_and(|ends| ends <= now));
        for owner in ended.map(|(owner, _)| *owner).collect::<Vec<_>>() {
            memos.forget(owner);
        }
    }

    /// When a session ends by itself, as far as the pages know, without moving its end on.
    pub(crate) fn end_of_session(&self, owner: Owner) -> Option<Timestamp> {
        self.memos().by_owner.get(&owner)?.session_ends
    }

    /// Forgets everything about an owner.
    pub(crate) fn forget(&self, owner: Owner) {
        self.memos().forget(owner);
    }

    fn memos(&self) -> MutexGuard<'_, Memos> {
        // Nothing in here is left half done when a thread panics.
        self.memos.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memos {
    /// The owner's memo, which is used now.
    fn memo(&mut self, owner: Owner, now: Timestamp) -> Option<&mut Memo> {
        let memo = self.by_owner.get_mut(&owner)?;
        memo.used = now;
        Some(memo)
    }

    /// Makes room for an owner, unless it has a memo.
    fn open(&mut self, owner: Owner, place: Place, now: Timestamp) {
        if self.by_owner.contains_key(&owner) {
            return;
        }
        let giving_way = match place {
            Place::Card(card) => {
                let own = self.by_card.entry(card).or_default();
                let full = own.len() >= MAX_OF_A_CARD;
                let idle = own
                    .iter()
                    .min_by_key(|owner| self.by_owner.get(owner).map(|memo| memo.used));
                let idle = idle.copied().filter(|_| full);
                own.push(owner);
                idle
            }
            Place::Client(_) => {
                self.visitors += 1;
                (self.visitors > MAX_VISITORS)
                    .then(|| self.most_of_one_client())
                    .flatten()
            }
        };
        if let Some(giving_way) = giving_way {
            self.forget(giving_way);
        }
        let memo = Memo {
            place,
            pending: None,
            notice: None,
            shown: None,
            signed: None,
            session_ends: None,
            used: now,
        };
        self.by_owner.insert(owner, memo);
    }

    /// Of the client with the most memos, the one that was idle longest.
    fn most_of_one_client(&self) -> Option<Owner> {
        let visitors = || {
            let memos = self.by_owner.iter();
            memos.filter(|(_, memo)| matches!(memo.place, Place::Client(_)))
        };
        let mut counts: HashMap<Place, usize> = HashMap::new();
        for (_, memo) in visitors() {
            *counts.entry(memo.place).or_default() += 1;
        }
        visitors()
            .max_by_key(|(_, memo)| {
                let count = counts.get(&memo.place).copied().unwrap_or_default();
                (count, core::cmp::Reverse(memo.used))
            })
            .map(|(owner, _)| *owner)
    }

    fn forget(&mut self, owner: Owner) {
        let Some(memo) = self.by_owner.remove(&owner) else {
            return;
        };
        if let Some((pending, _)) = memo.pending {
            self.by_task.remove(&digest(&pending.task.id));
        }
        match memo.place {
            Place::Client(_) => self.visitors -= 1,
            Place::Card(card) => {
                if let Some(own) = self.by_card.get_mut(&card) {
                    own.retain(|one| *one != owner);
                    if own.is_empty() {
                        self.by_card.remove(&card);
                    }
                }
            }
        }
    }
}

fn digest(id: &TaskId) -> [u8; 32] {
    Sha256::digest(id.expose()).into()
}

#[cfg(test)]
mod tests {
    use kortlab_portal_api::task::{Language, ReturnTo, Work};

    use kortlab_issuer::random::IssuerRng;

    use super::super::cookies::{Seal, VisitorSecret};
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_000_000);

    fn owner(number: u16) -> Owner {
        let mut secret = [0; 32];
        secret[..2].copy_from_slice(&number.to_be_bytes());
        VisitorSecret::new(secret).seal().owner
    }

    fn session(number: u16) -> Owner {
        let token = SessionToken::from_text(&format!("{number:064x}")).unwrap();
        Seal::of_session(&token).owner
    }

    fn card(number: u64) -> CardNumber {
        CardNumber::generate(&mut IssuerRng::from_seed(number, "card"))
    }

    fn address(number: u16) -> IpAddr {
        let [high, low] = number.to_be_bytes();
        [10, 0, high, low].into()
    }

    /// A memory that knows the visitors 1 and 2.
    fn memory() -> Memory {
        let memory = Memory::new(None, Unwanted::default());
        memory.welcome(owner(1), address(1), NOW);
        memory.welcome(owner(2), address(2), NOW);
        memory
    }

    fn pending(number: u16) -> Pending {
        let mut id = [0; 32];
        id[..2].copy_from_slice(&number.to_be_bytes());
        Pending {
            task: Task {
                id: TaskId::new(id),
                return_to: ReturnTo::parse("https://localhost/task/1").unwrap(),
                card_number: None,
                language: Language::Swedish,
                work: Work::Show,
            },
            aim: Aim::Test,
        }
    }

    #[test]
    fn a_task_is_taken_once_and_only_while_it_waits() {
        let memory = memory();
        let task = pending(1);
        memory.give(owner(1), task.clone(), NOW);
        assert!(memory.take(&pending(2).task.id, NOW).is_none());
        assert!(memory.pending(owner(2), NOW).is_none());
        let late = NOW.after(LIFETIME);
        assert!(memory.take(&task.task.id, late).is_none());
        let (found, _) = memory.take(&task.task.id, NOW).unwrap();
        assert_eq!(found, owner(1));
        assert!(memory.take(&task.task.id, NOW).is_none(), "a replay");
        assert!(memory.pending(owner(1), NOW).is_none());
    }

    #[test]
    fn a_new_task_takes_the_place_of_the_one_before() {
        let memory = memory();
        memory.give(owner(1), pending(1), NOW);
        memory.give(owner(1), pending(2), NOW);
        assert!(memory.take(&pending(1).task.id, NOW).is_none());
        assert!(memory.take(&pending(2).task.id, NOW).is_some());
        assert!(memory.memos().by_task.is_empty());
    }

    #[test]
    fn visitors_are_bounded_and_those_of_one_client_give_way_to_one_another_only() {
        let memory = memory();
        memory.session_ends(session(1), card(1), NOW.after(LIFETIME), NOW);
        memory.give(session(1), pending(5000), NOW);
        memory.give(owner(1), pending(1), NOW);
        for number in 10..3010_u16 {
            let later = NOW.after(Duration::from_secs(u64::from(number) / 100));
            memory.welcome(owner(number), address(7), later);
            memory.give(owner(number), pending(number), later);
        }
        let now = NOW.after(Duration::from_secs(31));
        let waits = |number| memory.owner(&pending(number).task.id, now).is_some();
        assert!(waits(5000), "a holder's task");
        assert!(
            waits(1),
            "a task of another client, also if it was idle for longer"
        );
        assert!(!waits(10) && waits(3009));
        assert_eq!(memory.memos().visitors, MAX_VISITORS);
        assert_eq!(memory.memos().by_owner.len(), MAX_VISITORS + 1);
        assert_eq!(memory.memos().by_task.len(), MAX_VISITORS);
    }

    #[test]
    fn many_clients_at_once_still_leave_a_client_with_one_place_alone() {
        let memory = memory();
        memory.give(owner(1), pending(1), NOW);
        for number in 10..5010_u16 {
            let later = NOW.after(Duration::from_secs(1));
            memory.welcome(owner(number), address(100 + number % 500), later);
        }
        assert!(memory.owner(&pending(1).task.id, NOW).is_some());
    }

    #[test]
    fn a_card_has_so_many_sessions_and_those_that_ended_are_forgotten() {
        let memory = memory();
        let ends = NOW.after(LIFETIME);
        memory.session_ends(session(100), card(2), ends, NOW);
        memory.give(session(100), pending(100), NOW);
        for number in 1..20 {
            let later = NOW.after(Duration::from_secs(number.into()));
            memory.session_ends(session(number), card(1), ends, later);
            memory.give(session(number), pending(number), later);
        }
        let waits = |number| memory.owner(&pending(number).task.id, NOW).is_some();
        assert!(waits(100), "another card's");
        assert!(!waits(11) && waits(12) && waits(19), "the newest eight");
        memory.forget_what_ended(ends.before(Duration::from_secs(1)));
        assert!(waits(100) && waits(19));
        memory.forget_what_ended(ends);
        assert!(!waits(100) && !waits(19));
        assert!(memory.memos().by_card.is_empty());
        assert_eq!(memory.memos().by_owner.len(), 2, "the visitors");
    }

    #[test]
    fn a_session_that_never_was_gets_no_place() {
        let memory = memory();
        memory.give(session(1), pending(1), NOW);
        memory.tell(session(1), Notice::remark("x"), NOW);
        assert!(memory.owner(&pending(1).task.id, NOW).is_none());
        assert_eq!(memory.memos().by_owner.len(), 2);
    }

    #[test]
    fn forgetting_an_owner_ends_its_task() {
        let memory = memory();
        memory.give(owner(1), pending(1), NOW);
        memory.show(owner(1), vec![vec![1]], NOW);
        memory.forget(owner(1));
        assert!(memory.take(&pending(1).task.id, NOW).is_none());
        assert_eq!(memory.shown(owner(1)), None);
    }

    #[test]
    fn of_the_agents_address_only_the_origin_is_taken() {
        let agent = Url::parse("http://127.0.0.1:5000/x?y#z").unwrap();
        let memory = Memory::new(Some(&agent), Unwanted::default());
        assert_eq!(memory.agent(), "http://127.0.0.1:5000");
        assert_eq!(Memory::new(None, Unwanted::default()).agent(), AGENT);
    }
}
