//! The certificate of an OCSP responder, by the authority it answers for (RFC 6960 §4.2.2.2).

use x509_cert::builder::Result as BuildResult;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsages};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::{extension, key_identifiers, key_usage};
use crate::oid;

/// keyUsage digitalSignature, OCSPSigning, and no-check: nobody asks a responder about itself.
pub(crate) struct OcspResponder {
    pub(crate) issuer: Name,
    pub(crate) subject: Name,
}

impl BuilderProfile for OcspResponder {
    fn get_issuer(&self, _subject: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        key: SubjectPublicKeyInfoRef<'_>,
        issuer_key: SubjectPublicKeyInfoRef<'_>,
        _tbs: &TbsCertificate,
    ) -> BuildResult<Vec<Extension>> {
        let mut extensions = vec![
            key_usage(KeyUsages::DigitalSignature)?,
            extension(&ExtendedKeyUsage(vec![oid::KP_OCSP_SIGNING]))?,
            (oid::OCSP_NO_CHECK, false, &der::asn1::Null).to_extension(&Name::default(), &[])?,
        ];
        extensions.extend(key_identifiers(key, issuer_key)?);
        Ok(extensions)
    }
}
