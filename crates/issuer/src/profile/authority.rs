//! The certificate of a test authority: a self-signed root that signs certificates and CRLs.

use x509_cert::builder::Result as BuildResult;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsages};
use x509_cert::name::Name;
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::{extension, key_identifiers, key_usage};

/// Subject and issuer are the authority's name; no authority below it (path length 0).
pub(crate) struct AuthorityProfile {
    pub(crate) name: Name,
}

impl BuilderProfile for AuthorityProfile {
    fn get_issuer(&self, subject: &Name) -> Name {
        subject.clone()
    }

    fn get_subject(&self) -> Name {
        self.name.clone()
    }

    fn build_extensions(
        &self,
        key: SubjectPublicKeyInfoRef<'_>,
        issuer_key: SubjectPublicKeyInfoRef<'_>,
        _tbs: &TbsCertificate,
    ) -> BuildResult<Vec<Extension>> {
        let mut extensions = vec![
            extension(&BasicConstraints {
                ca: true,
                path_len_constraint: Some(0),
            })?,
            key_usage(KeyUsages::KeyCertSign | KeyUsages::CRLSign)?,
        ];
        extensions.extend(key_identifiers(key, issuer_key)?);
        Ok(extensions)
    }
}
