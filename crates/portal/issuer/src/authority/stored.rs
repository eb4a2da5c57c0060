//! An authority between two runs: its key, and the records of what it has done.

use core::mem;

use der::{Decode, Encode};
use rsa::PrivateKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, LineEnding};
use x509_cert::Certificate;
use x509_cert::ext::pkix::BasicConstraints;
use zeroize::Zeroizing;

use super::{Authority, AuthorityKind, Issued};
use crate::IssueError;
use crate::inspect::CertificateSummary;
use crate::profile::AuthorityUrls;
use crate::public_key::PublicKey;
use crate::record::{
    AuthorityRecord, CertificateRecord, CrlNumberRecord, RestoreError, RevocationRecord,
};
use crate::revocation::{Serial, Standing};

/// A record that is to be stored again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Changed {
    Certificate(Serial),
    Revocation(Serial),
    CrlNumber,
}

impl Authority {
    /// The private key as PEM (PKCS#8, RFC 5958), not encrypted: whoever reads it is the authority.
    ///
    /// # Errors
    /// Encoding failed.
    pub fn to_pkcs8_pem(&self) -> Result<Zeroizing<String>, IssueError> {
        self.key
            .to_pkcs8_pem(LineEnding::LF)
            .map_err(|error| IssueError::StoredAuthority(error.to_string()))
    }

    /// The authority that has this key (PEM, PKCS#8) and this certificate of its own (DER). It has
    /// issued nothing yet; the functions below that restore bring back what it had.
    ///
    /// # Errors
    /// The key or the certificate cannot be read, or they do not belong together.
    pub fn from_pkcs8_pem(
        kind: AuthorityKind,
        key_pem: &str,
        certificate: &[u8],
        urls: AuthorityUrls,
    ) -> Result<Self, IssueError> {
        let refused = |why: &str| IssueError::StoredAuthority(why.to_owned());
        // The reason of a key that cannot be read is not passed on: it may quote the key.
        let key = PrivateKey::from_pkcs8_pem(key_pem)
            .map_err(|_| refused("the key is not PKCS#8 PEM of an RSA key"))?;
        let parsed = Certificate::from_der(certificate)
            .map_err(|error| refused(&format!("the certificate is not valid DER: {error}")))?;
        let tbs = parsed.tbs_certificate();
        let is_authority = tbs
            .get_extension::<BasicConstraints>()
            .is_ok_and(|found| found.is_some_and(|(_, constraints)| constraints.ca));
        if !is_authority {
            return Err(refused("the certificate is not an authority's"));
        }
        let mut authority = Self::with_key(kind, tbs.subject().clone(), urls, key)?;
        if *tbs.subject_public_key_info() != authority.public_key {
            return Err(refused("the certificate is for another key"));
        }
        authority.certificate = certificate.to_vec();
        Ok(authority)
    }

    /// The records that have changed since this was asked last, each once.
    pub fn take_changes(&mut self) -> Vec<AuthorityRecord> {
        mem::take(&mut self.changed)
            .into_iter()
            .filter_map(|changed| self.record(changed))
            .collect()
    }

    fn record(&self, changed: Changed) -> Option<AuthorityRecord> {
        let authority = self.kind;
        Some(match changed {
            Changed::Certificate(serial) => AuthorityRecord::Certificate(CertificateRecord {
                certificate: self.certificate(&serial)?.to_vec(),
                authority,
                serial,
            }),
            Changed::Revocation(serial) => {
                let standing = self.revocations.standing(&serial)?;
                AuthorityRecord::Revocation(RevocationRecord {
                    authority,
                    serial,
                    reason: standing.reason,
                    since: standing.since,
                    newest_crl: standing.newest_crl,
                })
            }
            Changed::CrlNumber => AuthorityRecord::CrlNumber(CrlNumberRecord {
                authority,
                number: self.revocations.newest_crl_number(),
            }),
        })
    }

    /// Brings back a certificate that was issued.
    ///
    /// # Errors
    /// It cannot be read, or has another serial number.
    pub fn restore_certificate(
        &mut self,
        record: CertificateRecord,
    ) -> Result<CertificateSummary, RestoreError> {
        let summary = match CertificateSummary::from_der(&record.certificate) {
            Ok(summary) if summary.serial == record.serial => summary,
            Ok(_) => {
                let why = "its serial number is another one";
                return Err(RestoreError::new(
                    CertificateRecord::TABLE,
                    record.key(),
                    why,
                ));
            }
            Err(error) => {
                let why = error.to_string();
                return Err(RestoreError::new(
                    CertificateRecord::TABLE,
                    record.key(),
                    why,
                ));
            }
        };
        self.issued.insert(
            record.serial,
            Issued {
                certificate: record.certificate,
                not_before: summary.not_before,
                not_after: summary.not_after,
            },
        );
        Ok(summary)
    }

    /// Brings back what last happened to a certificate.
    pub fn restore_revocation(&mut self, record: RevocationRecord) {
        let standing = Standing {
            reason: record.reason,
            since: record.since,
            newest_crl: record.newest_crl,
        };
        self.revocations.restore(record.serial, standing);
    }

    /// Brings back the number of the newest CRL.
    pub fn restore_crl_number(&mut self, record: CrlNumberRecord) {
        self.revocations.restore_crl_number(record.number);
    }

    /// Checks that what is revoked was issued, and that it was this authority that issued: one
    /// certificate stands for all, since they were stored together.
    ///
    /// # Errors
    /// One of them was not.
    pub fn check_restored(&self) -> Result<(), RestoreError> {
        let unusable = |table, serial: &[u8], why| {
            let key = crate::record::key(self.kind, serial);
            Err(RestoreError::new(table, key, why))
        };
        if let Some((serial, issued)) = self.issued.first_key_value()
            && !self.has_signed(&issued.certificate)
        {
            let why =
                "this authority's key has not signed it: key and store do not belong together";
            return unusable(CertificateRecord::TABLE, serial, why);
        }
        let stray = self
            .revocations
            .serials()
            .find(|serial| !self.issued.contains_key(*serial));
        match stray {
            Some(serial) => unusable(
                RevocationRecord::TABLE,
                serial,
                "there is no such certificate",
            ),
            None => Ok(()),
        }
    }

    fn has_signed(&self, certificate: &[u8]) -> bool {
        let Ok(certificate) = Certificate::from_der(certificate) else {
            return false;
        };
        let signed = certificate.tbs_certificate().to_der();
        let signature = certificate.signature().raw_bytes();
        match (PublicKey::from_spki(&self.public_key), signed) {
            (Ok(key), Ok(signed)) => key
                .verify_sha256("the certificate", &signed, signature)
                .is_ok(),
            _ => false,
        }
    }
}
