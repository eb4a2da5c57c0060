//! Who is logged in. Sessions are not stored: after a restart holders log in again.

use std::collections::BTreeMap;

use core::time::Duration;

use super::{PortalError, SessionToken};
use kortlab_issuer::card_number::CardNumber;
use kortlab_issuer::clock::Timestamp;

/// A session ends ten minutes after its last call.
pub(super) const LIFETIME: Duration = Duration::from_secs(10 * 60);
/// A card has no more sessions at once; the oldest gives way. So there are never more than this
/// many times the cards.
const MOST_OF_A_CARD: usize = 8;

/// The sessions of a portal that is given up for another with the same cards: they go on in that
/// one.
#[derive(Debug)]
pub struct OpenSessions(pub(super) Sessions);

/// What the portal keeps of a token.
type Fingerprint = [u8; 32];

/// The sessions that have begun and not ended.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    records: BTreeMap<Fingerprint, Record>,
    /// Of each card, in the order in which they began.
    of_card: BTreeMap<CardNumber, Vec<Fingerprint>>,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    card: CardNumber,
    ends: Timestamp,
}

impl Sessions {
    pub(super) fn begin(
        &mut self,
        token: &SessionToken,
        card: CardNumber,
        now: Timestamp,
    ) -> Timestamp {
        let ends = now.after(LIFETIME);
        let own = self.of_card.entry(card).or_default();
        let spare = (own.len() + 1).saturating_sub(MOST_OF_A_CARD);
        let mut index = 0;
        own.retain(|old| {
            let over = self.records.get(old).is_none_or(|one| one.ends <= now);
            let keep = !over && index >= spare;
            index += 1;
            if !keep {
                self.records.remove(old);
            }
            keep
        });
        own.push(token.fingerprint());
        self.records
            .insert(token.fingerprint(), Record { card, ends });
        ends
    }

    /// The card of a session, whose end moves on.
    pub(super) fn card(
        &mut self,
        token: &SessionToken,
        now: Timestamp,
    ) -> Result<CardNumber, PortalError> {
        match self.records.get_mut(&token.fingerprint()) {
            Some(record) if record.ends > now => {
                record.ends = now.after(LIFETIME);
                Ok(record.card)
            }
            _ => Err(PortalError::SessionOver),
        }
    }

    /// The card of a session, whose end stays where it is.
    pub(super) fn peek(&self, token: &SessionToken, now: Timestamp) -> Option<CardNumber> {
        let record = self.records.get(&token.fingerprint())?;
        (record.ends > now).then_some(record.card)
    }

    /// Ends all sessions of a card.
    pub(super) fn end_all(&mut self, card: &CardNumber) {
        for token in self.of_card.remove(card).unwrap_or_default() {
            self.records.remove(&token);
        }
    }

    /// How many have not ended.
    pub(super) fn open(&self, now: Timestamp) -> usize {
        let open = self.records.values().filter(|record| record.ends > now);
        open.count()
    }

    pub(super) fn end(&mut self, token: &SessionToken, now: Timestamp) -> Result<(), PortalError> {
        let fingerprint = token.fingerprint();
        let record = self
            .records
            .remove(&fingerprint)
            .ok_or(PortalError::SessionOver)?;
        if let Some(own) = self.of_card.get_mut(&record.card) {
            own.retain(|one| *one != fingerprint);
        }
        match record.ends > now {
            true => Ok(()),
            false => Err(PortalError::SessionOver),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kortlab_issuer::random::IssuerRng;

    #[test]
    fn a_card_that_logs_in_again_and_again_takes_no_more_room() {
        let rng = &mut IssuerRng::from_seed(1, "tokens");
        let card = CardNumber::generate(rng);
        let mut sessions = Sessions::default();
        let now = Timestamp::from_unix_seconds(1_800_000_000);
        let tokens: Vec<_> = (0..20)
            .map(|_| {
                let token = SessionToken::new(rng.bytes());
                sessions.begin(&token, card, now);
                token
            })
            .collect();
        assert_eq!(sessions.records.len(), MOST_OF_A_CARD);
        let alive = |sessions: &mut Sessions| {
            let cards = tokens.iter().map(|token| sessions.card(token, now));
            cards.map(|card| card.is_ok()).collect::<Vec<_>>()
        };
        let kept: Vec<_> = (0..20).map(|index| index >= 12).collect();
        assert_eq!(alive(&mut sessions), kept, "the newest");
        // Ended and expired ones leave nothing behind.
        assert!(sessions.end(&tokens[19], now).is_ok());
        assert!(sessions.end(&tokens[19], now).is_err());
        let later = now.after(LIFETIME);
        sessions.begin(&SessionToken::new(rng.bytes()), card, later);
        assert_eq!(sessions.records.len(), 1);
        assert_eq!(sessions.of_card[&card].len(), 1);
    }
}
