//! What the pages remember between requests: tasks that the card is busy with, what there is to
//! tell, and what the test page shows. All of it is bounded, and none of it is needed to go on
//! after a restart: orders and receipts are in the portal.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kortlab_issuer::clock::Timestamp;
use kortlab_issuer::portal::{OrderId, SessionToken};
use kortlab_portal_api::task::{Task, TaskId};
use sha2::{Digest, Sha256};
use url::Url;

use super::cookies::Owner;
use super::notice::Notice;
use crate::server::Unwanted;

/// A task waits as long as a session does.
const LIFETIME: Duration = Duration::from_secs(10 * 60);
/// So many owners are remembered; the one that was idle longest gives way.
const MAX_OWNERS: usize = 1024;
/// Where the agent is unless it is said.
const AGENT: &str = "http://127.0.0.1:47800";

/// What the pages remember.
#[derive(Debug)]
pub struct Memory {
    agent: String,
    unwanted: Unwanted,
    desks: Mutex<Desks>,
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
struct Desks {
    by_owner: HashMap<Owner, Desk>,
    /// By the digest of the task's id: how long a look-up takes says nothing of the id.
    by_task: HashMap<[u8; 32], Owner>,
}

/// What is remembered of one browser, or of one session.
#[derive(Debug, Default)]
struct Desk {
    pending: Option<(Pending, Timestamp)>,
    notice: Option<Notice>,
    shown: Option<Vec<Vec<u8>>>,
    signed: Option<Signed>,
    session_ends: Option<Timestamp>,
    used: Option<Timestamp>,
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
            desks: Mutex::default(),
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

    /// Gives a task out. An earlier one of the same owner is over.
    pub(crate) fn give(&self, owner: Owner, pending: Pending, now: Timestamp) {
        let mut desks = self.desks();
        let key = digest(&pending.task.id);
        let desk = desks.desk(owner, now);
        let earlier = desk.pending.replace((pending, now.after(LIFETIME)));
        if let Some((earlier, _)) = earlier {
            desks.by_task.remove(&digest(&earlier.task.id));
        }
        desks.by_task.insert(key, owner);
    }

    /// The task that the owner's card is asked for.
    pub(crate) fn pending(&self, owner: Owner, now: Timestamp) -> Option<Pending> {
        let desks = self.desks();
        let (pending, ends) = desks.by_owner.get(&owner)?.pending.as_ref()?;
        (*ends > now).then(|| pending.clone())
    }

    /// Whose task this is, if it waits.
    pub(crate) fn owner(&self, id: &TaskId, now: Timestamp) -> Option<Owner> {
        let desks = self.desks();
        let owner = desks.by_task.get(&digest(id))?;
        let (pending, ends) = desks.by_owner.get(owner)?.pending.as_ref()?;
        (pending.task.id == *id && *ends > now).then_some(*owner)
    }

    /// Takes a task back, once.
    pub(crate) fn take(&self, id: &TaskId, now: Timestamp) -> Option<(Owner, Pending)> {
        let owner = self.owner(id, now)?;
        let mut desks = self.desks();
        desks.by_task.remove(&digest(id))?;
        let (pending, _) = desks.by_owner.get_mut(&owner)?.pending.take()?;
        Some((owner, pending))
    }

    /// Leaves something to tell on the owner's next page.
    pub(crate) fn tell(&self, owner: Owner, notice: Notice, now: Timestamp) {
        self.desks().desk(owner, now).notice = Some(notice);
    }

    /// What there is to tell, once.
    pub(crate) fn told(&self, owner: Owner) -> Option<Notice> {
        self.desks().by_owner.get_mut(&owner)?.notice.take()
    }

    /// Keeps the certificates of a card for the test page.
    pub(crate) fn show(&self, owner: Owner, certificates: Vec<Vec<u8>>, now: Timestamp) {
        self.desks().desk(owner, now).shown = Some(certificates);
    }

    /// The certificates that were kept for the test page.
    pub(crate) fn shown(&self, owner: Owner) -> Option<Vec<Vec<u8>>> {
        self.desks().by_owner.get(&owner)?.shown.clone()
    }

    /// Keeps the receipt that was signed.
    pub(crate) fn keep_receipt(&self, owner: Owner, signed: Signed, now: Timestamp) {
        self.desks().desk(owner, now).signed = Some(signed);
    }

    /// The receipt that was signed in this session.
    pub(crate) fn receipt(&self, owner: Owner) -> Option<Signed> {
        self.desks().by_owner.get(&owner)?.signed.clone()
    }

    /// Notes when a session ends by itself.
    pub(crate) fn session_ends(&self, owner: Owner, ends: Timestamp, now: Timestamp) {
        self.desks().desk(owner, now).session_ends = Some(ends);
    }

    /// When a session ends by itself, as far as the pages know, without moving its end on.
    pub(crate) fn end_of_session(&self, owner: Owner) -> Option<Timestamp> {
        self.desks().by_owner.get(&owner)?.session_ends
    }

    /// Forgets everything about an owner.
    pub(crate) fn forget(&self, owner: Owner) {
        self.desks().forget(owner);
    }

    fn desks(&self) -> MutexGuard<'_, Desks> {
        // Nothing in here is left half done when a thread panics.
        self.desks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desks {
    /// The owner's desk. If there are too many, the one that was idle longest is cleared.
    fn desk(&mut self, owner: Owner, now: Timestamp) -> &mut Desk {
        if !self.by_owner.contains_key(&owner) && self.by_owner.len() >= MAX_OWNERS {
            let idle = self.by_owner.iter().min_by_key(|(_, desk)| desk.used);
            if let Some(idle) = idle.map(|(owner, _)| *owner) {
                self.forget(idle);
            }
        }
        let desk = self.by_owner.entry(owner).or_default();
        desk.used = Some(now);
        desk
    }

    fn forget(&mut self, owner: Owner) {
        let desk = self.by_owner.remove(&owner);
        if let Some((pending, _)) = desk.and_then(|desk| desk.pending) {
            self.by_task.remove(&digest(&pending.task.id));
        }
    }
}

fn digest(id: &TaskId) -> [u8; 32] {
    Sha256::digest(id.expose()).into()
}

#[cfg(test)]
mod tests {
    use kortlab_portal_api::task::{Language, ReturnTo, Work};

    use super::super::cookies::VisitorSecret;
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_000_000);

    fn owner(number: u16) -> Owner {
        let mut secret = [0; 32];
        secret[..2].copy_from_slice(&number.to_be_bytes());
        VisitorSecret::new(secret).seal().owner
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
        let memory = Memory::new(None, Unwanted::default());
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
        let memory = Memory::new(None, Unwanted::default());
        memory.give(owner(1), pending(1), NOW);
        memory.give(owner(1), pending(2), NOW);
        assert!(memory.take(&pending(1).task.id, NOW).is_none());
        assert!(memory.take(&pending(2).task.id, NOW).is_some());
        assert!(memory.desks().by_task.is_empty());
    }

    #[test]
    fn memory_is_bounded_and_who_was_idle_longest_is_forgotten() {
        let memory = Memory::new(None, Unwanted::default());
        for number in 0..3000_u16 {
            let later = NOW.after(Duration::from_secs(number.into()));
            memory.give(owner(number), pending(number), later);
        }
        assert_eq!(memory.desks().by_owner.len(), MAX_OWNERS);
        assert_eq!(memory.desks().by_task.len(), MAX_OWNERS);
        let now = NOW.after(Duration::from_secs(3000));
        assert!(memory.owner(&pending(0).task.id, now).is_none());
        assert!(memory.owner(&pending(2999).task.id, now).is_some());
    }

    #[test]
    fn forgetting_an_owner_ends_its_task() {
        let memory = Memory::new(None, Unwanted::default());
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
