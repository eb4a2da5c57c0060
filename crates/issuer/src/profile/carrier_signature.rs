//! The carrier certificate for signature.

use x509_cert::builder::Result as BuildResult;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::KeyUsages;
use x509_cert::name::Name;
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::{
    AuthorityUrls, authority_info_access, crl_distribution_points, key_identifiers, key_usage,
    policy,
};
use crate::oid;

/// keyUsage nonRepudiation and nothing else.
pub(crate) struct CarrierSignature<'a> {
    pub(crate) issuer: Name,
    pub(crate) subject: Name,
    pub(crate) urls: &'a AuthorityUrls,
}

impl BuilderProfile for CarrierSignature<'_> {
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
            key_usage(KeyUsages::NonRepudiation)?,
            crl_distribution_points(self.urls)?,
            authority_info_access(self.urls)?,
            policy(oid::CARRIER_POLICY)?,
        ];
        extensions.extend(key_identifiers(key, issuer_key)?);
        Ok(extensions)
    }
}
