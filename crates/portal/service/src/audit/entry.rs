//! One entry, as it is stored.

use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::AuditHash;
use crate::event::AuditEvent;

/// One entry of the audit log, as it is stored: also if somebody has changed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// Its number; the first is 1.
    pub sequence: u64,
    /// When, in seconds since the Unix epoch, by the portal's clock.
    pub at: u64,
    /// Who: the name of an [`Actor`](crate::event::Actor).
    pub actor: String,
    /// What: the name of an [`Operation`](crate::operation::Operation).
    pub operation: String,
    /// What came of it: an [`Outcome`](crate::event::Outcome) as text.
    pub outcome: String,
    /// What it was about: the JSON of a [`Subject`](crate::event::Subject).
    #[serde(serialize_with = "as_json")]
    pub subject: String,
    /// The stored hash; 64 hexadecimal digits, unless somebody has changed it.
    pub hash: String,
}

/// The end of the log: how many entries there are, and the hash of the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Head {
    /// The number of the last entry; 0 if there is none.
    pub sequence: u64,
    /// Its hash.
    pub hash: AuditHash,
}

impl Head {
    /// Of a log without entries.
    pub const EMPTY: Self = Self {
        sequence: 0,
        hash: AuditHash::BEFORE_THE_FIRST,
    };

    /// After this last entry, or of a log without entries.
    ///
    /// # Errors
    /// The entry's hash is no hash, so that nothing can be appended.
    #[cfg(feature = "databases")]
    pub(crate) fn of(last: Option<&AuditEntry>) -> Result<Self, String> {
        let Some(AuditEntry { sequence, hash, .. }) = last else {
            return Ok(Self::EMPTY);
        };
        match hash.parse() {
            Ok(hash) if *sequence < i64::MAX.cast_unsigned() => Ok(Self {
                sequence: *sequence,
                hash,
            }),
            _ => Err(format!(
                "nothing can be appended to entry {sequence} of the audit log"
            )),
        }
    }

    /// The next entries of the log, one for each event. The head moves on to the last.
    ///
    /// # Errors
    /// An event cannot be written as JSON.
    pub(crate) fn append_all(
        &mut self,
        events: &[AuditEvent],
    ) -> Result<Vec<AuditEntry>, serde_json::Error> {
        events.iter().map(|event| self.append(event)).collect()
    }

    /// The next entry, which tells of this event. The head moves on to it.
    pub(super) fn append(&mut self, event: &AuditEvent) -> Result<AuditEntry, serde_json::Error> {
        let mut entry = AuditEntry {
            sequence: self.sequence.saturating_add(1),
            at: event.at,
            actor: event.actor.name().to_owned(),
            operation: event.operation.name().to_owned(),
            outcome: event.outcome.to_string(),
            subject: serde_json::to_string(&event.subject.clone().bounded())?,
            hash: String::new(),
        };
        let hash = entry.expected_hash(&self.hash);
        entry.hash = hash.to_string();
        *self = Self {
            sequence: entry.sequence,
            hash,
        };
        Ok(entry)
    }
}

impl AuditEntry {
    /// The hash this entry must have after one with the hash `previous`: SHA-256 over the 32
    /// octets of `previous`, then sequence, at, actor, operation, outcome and subject, each as a
    /// netstring: its length in octets in decimal, a colon, the text in UTF-8 (numbers in
    /// decimal), a comma. So no two entries have the same octets.
    pub fn expected_hash(&self, previous: &AuditHash) -> AuditHash {
        let mut digest = Sha256::new_with_prefix(previous.octets());
        let (sequence, at) = (self.sequence.to_string(), self.at.to_string());
        for field in [
            &sequence,
            &at,
            &self.actor,
            &self.operation,
            &self.outcome,
            &self.subject,
        ] {
            digest.update(format!("{}:", field.len()));
            digest.update(field);
            digest.update(",");
        }
        AuditHash::new(digest.finalize().into())
    }
}

/// The subject as the JSON it is; as text if somebody has made something else of it.
fn as_json<S: Serializer>(subject: &str, to: S) -> Result<S::Ok, S::Error> {
    match serde_json::from_str::<serde_json::Value>(subject) {
        Ok(value) => value.serialize(to).map_err(S::Error::custom),
        Err(_) => to.serialize_str(subject),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;
    use crate::event::{Actor, Outcome, Subject};
    use crate::operation::Operation;

    fn event() -> AuditEvent {
        AuditEvent {
            at: 1_795_478_400,
            actor: Actor::Holder,
            operation: Operation::Removed,
            outcome: Outcome::Done,
            subject: Subject::default().certificate(&[0x4A]).detail("å"),
        }
    }

    #[test]
    fn the_hash_is_what_openssl_makes_of_the_documented_octets() {
        let mut head = Head::EMPTY;
        let first = head.append(&event()).unwrap();
        let second = head.append(&event()).unwrap();
        assert_eq!((second.sequence, head.sequence), (2, 2));
        let mut octets = hex::decode(&first.hash).unwrap();
        octets.extend_from_slice(
            "1:2,10:1795478400,6:holder,7:removed,4:done,37:{\"certificates\":[\"4A\"],\"detail\":\"å\"},"
                .as_bytes(),
        );
        let mut openssl = Command::new("openssl")
            .args(["dgst", "-sha256", "-r"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("openssl is not installed; run: cargo xtask test");
        openssl.stdin.take().unwrap().write_all(&octets).unwrap();
        let said = openssl.wait_with_output().unwrap().stdout;
        let said = String::from_utf8(said).unwrap();
        assert_eq!(said.split(' ').next(), Some(second.hash.as_str()));
        assert_eq!(head.hash.to_string(), second.hash);
    }

    #[test]
    fn an_entry_is_json_also_when_its_subject_is_not() {
        let mut entry = Head::EMPTY.clone().append(&event()).unwrap();
        let json = serde_json::to_value(&entry).unwrap();
        assert_eq!(json["subject"]["certificates"][0], "4A");
        entry.subject = "{".to_owned();
        assert_eq!(serde_json::to_value(&entry).unwrap()["subject"], "{");
    }
}
