//! What all certificates share: the profile that the builder takes.

use x509_cert::builder::Result as BuildResult;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, SubjectKeyIdentifier};
use x509_cert::name::Name;
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::extension;

/// Who issues a certificate to whom, and the extensions that its kind has. Both key identifiers,
/// the last two extensions of every certificate, are added when it is built.
pub(crate) struct CertificateProfile {
    pub(crate) issuer: Name,
    pub(crate) subject: Name,
    pub(crate) extensions: Vec<Extension>,
}

impl BuilderProfile for CertificateProfile {
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
        let mut extensions = self.extensions.clone();
        // SHA-1 of the RSAPublicKey (RFC 5280 §4.2.1.2, method 1).
        extensions.push(extension(&SubjectKeyIdentifier::try_from(key)?)?);
        extensions.push(extension(&AuthorityKeyIdentifier::try_from(issuer_key)?)?);
        Ok(extensions)
    }
}
