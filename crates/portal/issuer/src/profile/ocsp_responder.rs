//! The certificate of an OCSP responder, by the authority it answers for (RFC 6960 §4.2.2.2).

use x509_cert::builder::Result as BuildResult;
use x509_cert::ext::ToExtension;
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsages};
use x509_cert::name::Name;

use super::{CertificateProfile, extension, key_usage};
use crate::oid;

/// keyUsage digitalSignature, OCSPSigning, and no-check: nobody asks a responder about itself.
pub(crate) fn ocsp_responder(issuer: Name, subject: Name) -> BuildResult<CertificateProfile> {
    Ok(CertificateProfile {
        issuer,
        subject,
        extensions: vec![
            key_usage(KeyUsages::DigitalSignature)?,
            extension(&ExtendedKeyUsage(vec![oid::KP_OCSP_SIGNING]))?,
            (oid::OCSP_NO_CHECK, false, &der::asn1::Null).to_extension(&Name::default(), &[])?,
        ],
    })
}
