//! Log-in attempts that prove nothing: anybody can make a certificate and show it. They are counted,
//! and the audit log is told the sum of them now and then.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kortlab_issuer::clock::Timestamp;

use crate::event::{Actor, AuditEvent, Outcome, Subject};
use crate::operation::Operation;

/// How an entry's outcome says it.
const CODE: &str = "proves-nothing";
/// The codes of refusals that are told apart; there are fewer.
const MAX_CODES: usize = 8;
/// How often they are told of at most, so that they fill no disk.
const INTERVAL: Duration = Duration::from_secs(60);

/// Attempts that the audit log has not been told of.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    since: Option<Timestamp>,
    by_code: BTreeMap<String, u64>,
    told: Option<Instant>,
}

impl Strangers {
    /// Counts one attempt that was refused with this code.
    pub(super) fn count(&mut self, code: &str, now: Timestamp) {
        self.since.get_or_insert(now);
        let known = self.by_code.contains_key(code);
        let code = match known || self.by_code.len() < MAX_CODES {
            true => code,
            false => "other",
        };
        *self.by_code.entry(code.to_owned()).or_default() += 1;
    }

    /// What there is to tell now: the first attempts at once, more of them after a while.
    pub(super) fn due_event(&self, now: Timestamp) -> Option<AuditEvent> {
        let waits = self.told.is_some_and(|told| told.elapsed() < INTERVAL);
        self.event(now).filter(|_| !waits)
    }

    /// What there is to tell, in one event. It counts as told once [`Strangers::told`] is called.
    pub(super) fn event(&self, now: Timestamp) -> Option<AuditEvent> {
        let since = self.since?;
        let total: u64 = self.by_code.values().sum();
        let codes: Vec<_> = self
            .by_code
            .iter()
            .map(|(code, count)| format!("{code} {count}"))
            .collect();
        let detail = format!(
            "{total} attempts since {since} with certificates that nobody here has issued: {}",
            codes.join(", ")
        );
        Some(AuditEvent {
            at: now.unix_seconds(),
            actor: Actor::Visitor,
            operation: Operation::LogIn,
            outcome: Outcome::Refused(CODE.to_owned()),
            subject: Subject::default().detail(detail),
        })
    }

    /// The audit log has been told.
    pub(super) fn told(&mut self) {
        *self = Self {
            told: Some(Instant::now()),
            ..Self::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_attempts_are_one_short_event() {
        let mut strangers = Strangers::default();
        let now = Timestamp::from_unix_seconds(1_800_000_000);
        assert_eq!(strangers.event(now), None);
        for attempt in 0..1_000_000_u32 {
            let code = match attempt % 4 {
                0 => "hcc-log-in",
                _ => "unknown-certificate",
            };
            strangers.count(code, now);
        }
        let event = strangers.event(now).unwrap();
        let detail = event.subject.detail.clone().unwrap();
        assert!(
            detail.starts_with("1000000 attempts since 2027-01-15T08:00:00Z"),
            "{detail}"
        );
        assert!(
            detail.ends_with("hcc-log-in 250000, unknown-certificate 750000"),
            "{detail}"
        );
        assert!(serde_json::to_string(&event).unwrap().len() < 400);
        strangers.told();
        assert_eq!(strangers.event(now), None);
    }

    #[test]
    fn the_first_are_due_at_once_and_the_next_after_a_minute() {
        let mut strangers = Strangers::default();
        let now = Timestamp::from_unix_seconds(1_800_000_000);
        strangers.count("unknown-certificate", now);
        assert!(strangers.due_event(now).is_some());
        strangers.told();
        strangers.count("unknown-certificate", now);
        assert_eq!(strangers.due_event(now), None);
        assert!(strangers.event(now).is_some(), "they are not forgotten");
        strangers.told = Instant::now().checked_sub(INTERVAL);
        assert!(strangers.due_event(now).is_some());
    }

    #[test]
    fn codes_without_end_take_no_more_room() {
        let mut strangers = Strangers::default();
        let now = Timestamp::from_unix_seconds(1_800_000_000);
        for attempt in 0..10_000 {
            strangers.count(&format!("code-{attempt}"), now);
        }
        assert_eq!(strangers.by_code.len(), MAX_CODES + 1);
        assert_eq!(strangers.by_code.values().sum::<u64>(), 10_000);
    }
}
