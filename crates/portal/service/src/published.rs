//! What relying parties are told, without waiting for the portal: a copy of every certificate's
//! status, the CRL that was made last, and OCSP answers that still hold.

use core::cell::Cell;
use core::time::Duration;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use axum::body::Bytes;
use kortlab_issuer::authority::AuthorityKind;
use kortlab_issuer::clock::{DAY, Timestamp};
use kortlab_issuer::ocsp::{ANSWER_VALIDITY, Request, Responder, Status};
use kortlab_portal_core::LocalPortal;
use kortlab_portal_core::change::Change;
use sha2::{Digest as _, Sha256};

/// A CRL is made anew each day, also if nothing has changed; it says that it is good for a week.
const CRL_AGE: Duration = DAY;
/// For how long a CRL says that it is good.
const CRL_VALIDITY: Duration = Duration::from_secs(7 * DAY.as_secs());
/// An OCSP answer is given again for half of the time that it is good for.
const ANSWER_AGE: Duration = Duration::from_secs(ANSWER_VALIDITY.as_secs() / 2);
/// No more answers are kept than this, and none to a longer request.
const MAX_ANSWERS: usize = 4096;
const MAX_REQUEST: usize = 512;

/// What relying parties are told of both authorities.
#[derive(Debug)]
pub(crate) struct Published {
    carrier: OfOne,
    hcc: OfOne,
}

#[derive(Debug)]
struct OfOne {
    certificate: Bytes,
    statuses: RwLock<HashMap<Vec<u8>, Status>>,
    /// How often something has changed in `statuses`.
    version: AtomicU64,
    crl: RwLock<Option<Arc<Crl>>>,
    responder: RwLock<Option<Arc<Responder>>>,
    answers: Mutex<HashMap<Vec<u8>, Answer>>,
}

/// A CRL as it was published.
#[derive(Debug)]
pub(crate) struct Crl {
    /// DER.
    pub(crate) der: Bytes,
    /// An entity tag (RFC 9110 §8.8.3).
    pub(crate) etag: String,
    made: Timestamp,
    version: u64,
}

impl Crl {
    /// For how long it is handed out from `now` on.
    pub(crate) fn fresh_for(&self, now: Timestamp) -> Duration {
        let until = self.made.after(CRL_AGE).unix_seconds();
        Duration::from_secs(until.saturating_sub(now.unix_seconds()))
    }
}

/// An OCSP answer without a nonce: it may be given to others who ask the same.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The OCSPResponse, DER.
    pub(crate) der: Bytes,
    pub(crate) asked: Asked,
    made: Timestamp,
    version: u64,
}

/// What was asked about, for the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// No certificate of this authority.
    Nothing,
    /// One certificate, and what its status is.
    One(&'static str),
    /// Several certificates.
    Several,
}

impl Asked {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "unauthorized",
            Self::One(status) => status,
            Self::Several => "several",
        }
    }
}

impl Published {
    pub(crate) fn of(portal: &LocalPortal) -> Self {
        Self::of_authorities(
            portal.carrier_authority().certificate_der(),
            portal.hcc_authority().certificate_der(),
        )
    }

    /// Nothing yet, by the authorities with these certificates (DER).
    pub(crate) fn of_authorities(carrier: &[u8], hcc: &[u8]) -> Self {
        let of_one = |certificate: &[u8]| OfOne {
            certificate: Bytes::copy_from_slice(certificate),
            statuses: RwLock::default(),
            version: AtomicU64::new(0),
            crl: RwLock::default(),
            responder: RwLock::default(),
            answers: Mutex::default(),
        };
        Self {
            carrier: of_one(carrier),
            hcc: of_one(hcc),
        }
    }

    /// The authority's own certificate, DER.
    pub(crate) fn certificate(&self, kind: AuthorityKind) -> Bytes {
        self.one(kind).certificate.clone()
    }

    /// Takes over what was stored. A certificate is recorded before it is revoked. What says nothing
    /// new makes nothing old: a portal that is restored makes no CRL for it.
    pub(crate) fn note(&self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Certificate(record) => self.issued(record.authority, &record.serial),
                Change::Revocation(record) => {
                    let status = match record.reason {
                        Some(reason) => Status::Revoked(record.since, reason),
                        None => Status::Good,
                    };
                    self.stands(record.authority, &record.serial, status);
                }
                Change::CrlNumber(_) | Change::Card(_) | Change::Order(_) => {}
            }
        }
    }

    /// A certificate was issued; if it is known, nothing changes.
    pub(crate) fn issued(&self, kind: AuthorityKind, serial: &[u8]) {
        let one = self.one(kind);
        let mut statuses = write(&one.statuses);
        if !statuses.contains_key(serial) {
            statuses.insert(serial.to_vec(), Status::Good);
            one.version.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// What a certificate is worth from now on.
    pub(crate) fn stands(&self, kind: AuthorityKind, serial: &[u8], status: Status) {
        let one = self.one(kind);
        let mut statuses = write(&one.statuses);
        if statuses.get(serial) != Some(&status) {
            statuses.insert(serial.to_vec(), status);
            one.version.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// The CRL that was published last, if it still says what there is to say.
    pub(crate) fn crl(&self, kind: AuthorityKind, now: Timestamp) -> Option<Arc<Crl>> {
        let one = self.one(kind);
        let crl = read(&one.crl).clone()?;
        // A clock that was set back makes it a CRL of the future.
        let is_due = now >= crl.made.after(CRL_AGE) || now < crl.made;
        (crl.version == self.version(kind) && !is_due).then_some(crl)
    }

    /// The CRL that was published last, if it is still valid: for the time in which no other can be
    /// made.
    pub(crate) fn last_crl(&self, kind: AuthorityKind, now: Timestamp) -> Option<Arc<Crl>> {
        let crl = read(&self.one(kind).crl).clone()?;
        (crl.made..crl.made.after(CRL_VALIDITY))
            .contains(&now)
            .then_some(crl)
    }

    /// Whether something has changed since the last CRL was made, or it is due.
    pub(crate) fn wants_a_crl(&self, kind: AuthorityKind, now: Timestamp) -> bool {
        self.crl(kind, now).is_none()
    }

    /// How much has changed up to now. With the portal's lock, and handed to
    /// [`Published::publish`] with the CRL that was made then.
    pub(crate) fn version(&self, kind: AuthorityKind) -> u64 {
        self.one(kind).version.load(Ordering::SeqCst)
    }

    /// Publishes a CRL.
    pub(crate) fn publish(
        &self,
        kind: AuthorityKind,
        der: Vec<u8>,
        made: Timestamp,
        version: u64,
    ) -> Arc<Crl> {
        let digest = hex::encode(Sha256::digest(&der));
        let crl = Arc::new(Crl {
            etag: format!("\"{digest}\""),
            der: der.into(),
            made,
            version,
        });
        let mut place = write(&self.one(kind).crl);
        // Two may have been made at once; the later one stays.
        if place.as_ref().is_none_or(|old| old.version <= version) {
            *place = Some(Arc::clone(&crl));
        }
        crl
    }

    /// Takes the place of all statuses of an authority: those before were of another store.
    pub(crate) fn replace(&self, kind: AuthorityKind, statuses: HashMap<Vec<u8>, Status>) {
        let one = self.one(kind);
        *write(&one.statuses) = statuses;
        one.version.fetch_add(1, Ordering::SeqCst);
    }

    /// Publishes a CRL that another portal has made, whatever was published before.
    pub(crate) fn publish_another_s(&self, kind: AuthorityKind, der: Vec<u8>, made: Timestamp) {
        *write(&self.one(kind).crl) = None;
        self.publish(kind, der, made, self.version(kind));
    }

    /// The responder, unless it is time for a new one.
    pub(crate) fn responder(&self, kind: AuthorityKind, now: Timestamp) -> Option<Arc<Responder>> {
        read(&self.one(kind).responder)
            .clone()
            .filter(|responder| !responder.is_due(now))
    }

    /// The last responder, if its certificate is still valid: for the time in which no other can be
    /// made.
    pub(crate) fn last_responder(
        &self,
        kind: AuthorityKind,
        now: Timestamp,
    ) -> Option<Arc<Responder>> {
        read(&self.one(kind).responder)
            .clone()
            .filter(|responder| responder.is_valid(now))
    }

    /// Answers come from this responder from now on.
    pub(crate) fn set_responder(&self, responder: Responder) -> Arc<Responder> {
        let one = self.one(responder.kind());
        let responder = Arc::new(responder);
        *write(&one.responder) = Some(Arc::clone(&responder));
        one.answers().clear();
        responder
    }

    /// The answer to these very bytes, if it was given before and still holds.
    pub(crate) fn cached_answer(
        &self,
        kind: AuthorityKind,
        request: &[u8],
        now: Timestamp,
    ) -> Option<Answer> {
        let one = self.one(kind);
        let answers = one.answers();
        let answer = answers.get(request)?;
        let holds = answer.version == one.version.load(Ordering::SeqCst)
            && (answer.made..answer.made.after(ANSWER_AGE)).contains(&now);
        holds.then(|| answer.clone())
    }

    /// Answers a request, whose DER is kept with the answer if others may have it, too.
    pub(crate) fn answer(
        &self,
        responder: &Responder,
        request: &Request,
        der: &[u8],
        now: Timestamp,
    ) -> (Bytes, Asked) {
        let one = self.one(responder.kind());
        // Before the statuses are read: what changes meanwhile makes this answer an old one.
        let version = one.version.load(Ordering::SeqCst);
        let asked = Cell::new(Asked::Nothing);
        let status = |serial: &[u8]| {
            let status = read(&one.statuses).get(serial).copied();
            let status = status.unwrap_or(Status::Unknown);
            asked.set(match asked.get() {
                Asked::Nothing => Asked::One(status.name()),
                Asked::One(_) | Asked::Several => Asked::Several,
            });
            status
        };
        let answer = Bytes::from(responder.respond(request, status, now));
        let asked = asked.get();
        // Of the serial numbers that were never issued there is no end: those answers are not
        // kept.
        let is_kept = matches!(asked, Asked::One(name) if name != Status::Unknown.name());
        if is_kept && request.nonce().is_none() && der.len() <= MAX_REQUEST {
            let mut answers = one.answers();
            if answers.len() >= MAX_ANSWERS {
                answers.clear();
            }
            answers.insert(
                der.to_vec(),
                Answer {
                    der: answer.clone(),
                    asked,
                    made: now,
                    version,
                },
            );
        }
        (answer, asked)
    }

    const fn one(&self, kind: AuthorityKind) -> &OfOne {
        match kind {
            AuthorityKind::Carrier => &self.carrier,
            AuthorityKind::Hcc => &self.hcc,
        }
    }
}

impl OfOne {
    fn answers(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Answer>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// A panic elsewhere leaves these maps whole.

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
