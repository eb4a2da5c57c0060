//! What was published last: it is handed out without waiting for the portal.

use core::time::Duration;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use axum::body::Bytes;
use kortlab_issuer::authority::AuthorityKind;
use kortlab_issuer::change::Change;
use kortlab_issuer::clock::{DAY, Timestamp};
use kortlab_issuer::portal::LocalPortal;
use sha2::{Digest as _, Sha256};

/// A CRL is made anew each day, also if nothing has changed; it says that it is good for a week.
const CRL_AGE: Duration = DAY;

/// What was published last, of both authorities.
#[derive(Debug)]
pub(crate) struct Published {
    carrier: OfOne,
    hcc: OfOne,
}

#[derive(Debug)]
struct OfOne {
    certificate: Bytes,
    /// How often a certificate of this authority was revoked or released.
    version: AtomicU64,
    crl: RwLock<Option<Arc<Crl>>>,
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

impl Published {
    pub(crate) fn of(portal: &LocalPortal) -> Self {
        let of_one = |certificate: &[u8]| OfOne {
            certificate: Bytes::copy_from_slice(certificate),
            version: AtomicU64::new(0),
            crl: RwLock::new(None),
        };
        Self {
            carrier: of_one(portal.carrier_authority().certificate_der()),
            hcc: of_one(portal.hcc_authority().certificate_der()),
        }
    }

    /// The authority's own certificate, DER.
    pub(crate) fn certificate(&self, kind: AuthorityKind) -> Bytes {
        self.one(kind).certificate.clone()
    }

    /// Takes note of what was stored.
    pub(crate) fn note(&self, changes: &[Change]) {
        for change in changes {
            if let Change::Revocation(record) = change {
                let one = self.one(record.authority);
                one.version.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    /// The CRL that was published last, if it still says what there is to say.
    pub(crate) fn crl(&self, kind: AuthorityKind, now: Timestamp) -> Option<Arc<Crl>> {
        let one = self.one(kind);
        let crl = one.crl.read().unwrap_or_else(PoisonError::into_inner);
        let crl = crl.clone()?;
        let is_current = crl.version == one.version.load(Ordering::SeqCst);
        // A clock that was set back makes it a CRL of the future.
        let is_due = now >= crl.made.after(CRL_AGE) || now < crl.made;
        (is_current && !is_due).then_some(crl)
    }

    /// How much has changed up to now: to be asked under the portal's lock, and handed to
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
        let one = self.one(kind);
        let mut place = one.crl.write().unwrap_or_else(PoisonError::into_inner);
        // Two may have been made at once; the later one stays.
        if place.as_ref().is_none_or(|old| old.version <= version) {
            *place = Some(Arc::clone(&crl));
        }
        crl
    }

    const fn one(&self, kind: AuthorityKind) -> &OfOne {
        match kind {
            AuthorityKind::Carrier => &self.carrier,
            AuthorityKind::Hcc => &self.hcc,
        }
    }
}
