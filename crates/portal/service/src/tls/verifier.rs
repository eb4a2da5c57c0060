//! Client certificates: TLS checks that the client has the key, and nothing else.

use std::sync::Arc;

use kortlab_issuer::possession::{KeyInfo, RsaScheme, subject_public_key_info};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible,
    SignatureScheme,
};

use super::unwanted::Unwanted;
use crate::listener::Listener;

/// Takes any certificate whose key the client proves to have, or none. Whether the portal trusts
/// it is for the portal to say, in an answer that a person can read: an alert in the handshake
/// could not say "use the certificate issued by Telia Card Identifier". So of the certificate only
/// its SubjectPublicKeyInfo is read: its version, its extensions (critical, unknown, twice) and the
/// size of its key are for the answer to be about. Only what was refused that
/// way a moment ago is refused here as well: [`Unwanted`] says why.
#[derive(Debug)]
pub(super) struct PossessionOnly {
    algorithms: WebPkiSupportedAlgorithms,
    hints: Vec<DistinguishedName>,
    listener: Listener,
    unwanted: Unwanted,
}

impl PossessionOnly {
    pub(super) fn new(
        provider: &Arc<CryptoProvider>,
        hints: Vec<DistinguishedName>,
        listener: Listener,
        unwanted: Unwanted,
    ) -> Self {
        Self {
            listener,
            unwanted,
            algorithms: provider.signature_verification_algorithms,
            hints,
        }
    }
}

impl PossessionOnly {
    /// Checks the signature of a handshake with the key of the certificate.
    fn verify(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let info =
            subject_public_key_info(certificate).map_err(|_| CertificateError::BadEncoding)?;
        let verified = self.verify_usual(info, message, signature)
            || rsa_scheme(signature.scheme)
                .is_some_and(|scheme| scheme.verify(info, message, signature.signature()).is_ok());
        match verified {
            true => Ok(HandshakeSignatureValid::assertion()),
            false => Err(CertificateError::BadSignature.into()),
        }
    }

    /// As for certificates that are to be trusted: elliptic curves, and RSA of 2048 to 8192 bits.
    fn verify_usual(&self, info: &[u8], message: &[u8], signature: &DigitallySignedStruct) -> bool {
        let Ok(info) = KeyInfo::from_der(info) else {
            return false;
        };
        let mapping = self.algorithms.mapping.iter();
        let algorithms = mapping
            .filter(|(scheme, _)| *scheme == signature.scheme)
            .flat_map(|(_, algorithms)| algorithms.iter());
        algorithms
            .filter(|algorithm| algorithm.public_key_alg_id().as_ref() == info.algorithm)
            .any(|algorithm| {
                let verified = algorithm.verify_signature(info.key, message, signature.signature());
                verified.is_ok()
            })
    }
}

const fn rsa_scheme(scheme: SignatureScheme) -> Option<RsaScheme> {
    Some(match scheme {
        SignatureScheme::RSA_PKCS1_SHA256 => RsaScheme::Pkcs1Sha256,
        SignatureScheme::RSA_PKCS1_SHA384 => RsaScheme::Pkcs1Sha384,
        SignatureScheme::RSA_PKCS1_SHA512 => RsaScheme::Pkcs1Sha512,
        SignatureScheme::RSA_PSS_SHA256 => RsaScheme::PssSha256,
        SignatureScheme::RSA_PSS_SHA384 => RsaScheme::PssSha384,
        SignatureScheme::RSA_PSS_SHA512 => RsaScheme::PssSha512,
        _ => return None,
    })
}

impl ClientCertVerifier for PossessionOnly {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if self.unwanted.is_refused(self.listener, end_entity) {
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        // RFC 8446 §4.2.3: these are for certificates, and not for handshakes.
        if let SignatureScheme::RSA_PKCS1_SHA256
        | SignatureScheme::RSA_PKCS1_SHA384
        | SignatureScheme::RSA_PKCS1_SHA512 = signature.scheme
        {
            return Err(PeerIncompatible::NoSignatureSchemesInCommon.into());
        }
        self.verify(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
