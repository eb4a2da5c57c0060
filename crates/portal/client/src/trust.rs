//! Whom a client takes for the portal.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::ResolvesClientCert;
use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, version};
use thiserror::Error;

/// More authorities than anyone names in one file.
const MAX_AUTHORITIES: usize = 256;

/// The authorities whose server certificates are accepted.
#[derive(Clone, Debug)]
pub struct Trust(Arc<RootCertStore>);

/// Why a file names no authorities.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TrustError {
    /// Its PEM is damaged.
    #[error("not PEM (RFC 7468): {0}")]
    Pem(String),
    /// No certificate in it.
    #[error("there is no certificate in it (-----BEGIN CERTIFICATE-----)")]
    Empty,
    /// More certificates than are read.
    #[error("more than {MAX_AUTHORITIES} certificates; name only those that are needed")]
    TooMany,
    /// One of them cannot be an authority's.
    #[error("certificate {number} in it cannot be used: {why}")]
    Certificate {
        /// Which one, from 1.
        number: usize,
        /// What is wrong with it.
        why: String,
    },
}

impl Trust {
    /// The authorities in a PEM file: its certificates, whatever else is in it.
    ///
    /// # Errors
    /// There are none, too many, or one is damaged.
    pub fn from_pem(pem: &[u8]) -> Result<Self, TrustError> {
        let mut store = RootCertStore::empty();
        for (index, certificate) in CertificateDer::pem_slice_iter(pem).enumerate() {
            if index >= MAX_AUTHORITIES {
                return Err(TrustError::TooMany);
            }
            let certificate = certificate.map_err(|error| TrustError::Pem(error.to_string()))?;
            store
                .add(certificate)
                .map_err(|error| TrustError::Certificate {
                    number: index + 1,
                    why: error.to_string(),
                })?;
        }
        if store.is_empty() {
            return Err(TrustError::Empty);
        }
        Ok(Self(Arc::new(store)))
    }

    /// TLS 1.2 and 1.3 with ring; `identity` answers a server that asks for a client certificate.
    pub(crate) fn configuration(
        &self,
        identity: Option<Arc<dyn ResolvesClientCert>>,
    ) -> Result<ClientConfig, rustls::Error> {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])?
            .with_root_certificates(Arc::clone(&self.0));
        Ok(match identity {
            Some(identity) => {
                let mut config = builder.with_client_cert_resolver(identity);
                // Each log-in is signed by the card: none goes on with an earlier handshake.
                config.resumption = Resumption::disabled();
                config
            }
            None => builder.with_no_client_auth(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_authorities_says_what_is_missing() {
        assert_eq!(Trust::from_pem(b"").unwrap_err(), TrustError::Empty);
        assert_eq!(Trust::from_pem(b"hello\n").unwrap_err(), TrustError::Empty);
        let cut = b"-----BEGIN CERTIFICATE-----\nMIIB";
        assert!(matches!(Trust::from_pem(cut), Err(TrustError::Pem(_))));
        let nonsense = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        assert!(matches!(
            Trust::from_pem(nonsense),
            Err(TrustError::Certificate { number: 1, .. })
        ));
    }
}
