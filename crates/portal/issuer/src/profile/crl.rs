//! CRLs: version 2, with the reason in each entry, the CRL number and the authority's key.

use der::asn1::Uint;
use x509_cert::crl::{RevokedCert, TbsCertList};
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, CrlNumber, CrlReason};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoRef};
use x509_cert::{Version, builder};

use super::extension;
use crate::clock::Timestamp;
use crate::oid;
use crate::revocation::{Entry, Serial};

/// A complete CRL, or a delta to the one numbered `base` (RFC 5280 §5.2.4).
pub(crate) struct CrlProfile<'a> {
    pub(crate) issuer: Name,
    pub(crate) issuer_key: SubjectPublicKeyInfoRef<'a>,
    pub(crate) number: u64,
    pub(crate) base: Option<u64>,
    pub(crate) this_update: Timestamp,
    pub(crate) next_update: Timestamp,
}

impl CrlProfile<'_> {
    /// The to-be-signed list. An empty list of entries is left out, as RFC 5280 §5.1.2.6 demands.
    pub(crate) fn build(
        self,
        signature: AlgorithmIdentifierOwned,
        entries: impl IntoIterator<Item = (Serial, Entry)>,
    ) -> builder::Result<TbsCertList> {
        let revoked = entries
            .into_iter()
            .map(|(serial, entry)| {
                // RFC 5280 §5.3.1: rather no reason than one that says nothing.
                let reason = (entry.reason != CrlReason::Unspecified)
                    .then(|| Ok::<_, builder::Error>(vec![extension(&entry.reason)?]));
                Ok(RevokedCert {
                    serial_number: SerialNumber::new(&serial)?,
                    revocation_date: entry.since.to_x509()?,
                    crl_entry_extensions: reason.transpose()?,
                })
            })
            .collect::<builder::Result<Vec<_>>>()?;
        let mut extensions = vec![
            extension(&AuthorityKeyIdentifier::try_from(self.issuer_key)?)?,
            extension(&CrlNumber(number(self.number)?))?,
        ];
        if let Some(base) = self.base {
            extensions.push(delta_indicator(base)?);
        }
        Ok(TbsCertList {
            version: Version::V2,
            signature,
            issuer: self.issuer,
            this_update: self.this_update.to_x509()?,
            next_update: Some(self.next_update.to_x509()?),
            revoked_certificates: (!revoked.is_empty()).then_some(revoked),
            crl_extensions: Some(extensions),
        })
    }
}

fn number(value: u64) -> Result<Uint, der::Error> {
    Uint::new(&value.to_be_bytes())
}

fn delta_indicator(base: u64) -> builder::Result<Extension> {
    Ok((oid::DELTA_CRL_INDICATOR, true, &number(base)?).to_extension(&Name::default(), &[])?)
}
