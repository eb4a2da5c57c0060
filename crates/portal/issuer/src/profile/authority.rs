//! The certificate of a test authority: a self-signed root that signs certificates and CRLs.

use x509_cert::builder::Result as BuildResult;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsages};
use x509_cert::name::Name;

use super::{CertificateProfile, extension, key_usage};

/// Subject and issuer are the authority's name; no authority below it (path length 0).
pub(crate) fn authority(name: Name) -> BuildResult<CertificateProfile> {
    Ok(CertificateProfile {
        issuer: name.clone(),
        subject: name,
        extensions: vec![
            extension(&BasicConstraints {
                ca: true,
                path_len_constraint: Some(0),
            })?,
            key_usage(KeyUsages::KeyCertSign | KeyUsages::CRLSign)?,
        ],
    })
}
