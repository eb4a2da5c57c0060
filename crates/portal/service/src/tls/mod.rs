//! TLS 1.2 and 1.3 (RFC 5246, RFC 8446): the portal's own certificate, and what it asks of clients.

mod authority;
mod unwanted;
mod verifier;

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::server::NoServerSessionStorage;
use rustls::{DistinguishedName, ServerConfig};
use tokio_rustls::TlsAcceptor;

pub(crate) use self::authority::{ServerIdentity, TlsAuthority};
pub use self::unwanted::{Unwanted, Whose};
use self::verifier::PossessionOnly;
use crate::listener::Listener;
use crate::startup::StartError;

/// How a listener speaks TLS; `None` if it does not. `authorities` are the certificates (DER) of
/// the authorities whose names the log-in listener gives as hints (RFC 8446 §4.2.4); what is
/// `unwanted` is refused.
pub(crate) fn acceptor(
    listener: Listener,
    identity: &ServerIdentity,
    authorities: &[Vec<u8>],
    unwanted: &Unwanted,
) -> Result<Option<TlsAcceptor>, StartError> {
    if !listener.has_tls() {
        return Ok(None);
    }
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(StartError::tls)?;
    let builder = if listener.asks_for_a_certificate() {
        // Only who logs in is told whose certificates are meant: the trial takes any.
        let hints = match listener {
            Listener::LogIn => authorities,
            _ => &[],
        };
        let hints = names(hints)?;
        let verifier = PossessionOnly::new(&provider, hints, listener, unwanted.clone());
        builder.with_client_cert_verifier(Arc::new(verifier))
    } else {
        builder.with_no_client_auth()
    };
    let mut config = builder
        .with_single_cert(identity.chain(), identity.key())
        .map_err(StartError::tls)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    if listener.asks_for_a_certificate() {
        // Every connection proves the key anew: a resumed session would log in without the card.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

fn names(authorities: &[Vec<u8>]) -> Result<Vec<DistinguishedName>, StartError> {
    let mut roots = rustls::RootCertStore::empty();
    for authority in authorities {
        roots
            .add(CertificateDer::from(authority.as_slice()))
            .map_err(StartError::tls)?;
    }
    Ok(roots.subjects())
}
