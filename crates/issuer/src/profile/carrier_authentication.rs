//! The carrier certificate for authentication: the one to log in to the portal with.

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
use crate::IssueError;
use crate::card_number::CardNumber;
use crate::holder::Holder;
use crate::name::NameBuilder;
use crate::oid;

/// Whom a carrier certificate names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum CarrierSubject {
    /// The card: C, CN and serialNumber are the card number (a card without an e-legitimation;
    /// its issuer is what the user guide calls *Telia Card Identifier*).
    #[default]
    Card,
    /// The person: C, CN, SN, GN and serialNumber, the personal number (an e-legitimation).
    Person,
}

impl CarrierSubject {
    /// The distinguished name.
    pub(crate) fn name(self, holder: &Holder, card: &CardNumber) -> Result<Name, IssueError> {
        let name = NameBuilder::new().printable(oid::COUNTRY_NAME, "SE")?;
        let name = match self {
            Self::Card => name
                .utf8(oid::COMMON_NAME, card.as_str())?
                .printable(oid::SERIAL_NUMBER, card.as_str())?,
            Self::Person => name
                .utf8(oid::COMMON_NAME, &holder.full_name())?
                .utf8(oid::SURNAME, &holder.surname)?
                .utf8(oid::GIVEN_NAME, &holder.given_name)?
                .printable(oid::SERIAL_NUMBER, holder.personal_number.as_str())?,
        };
        name.build()
    }
}

/// keyUsage digitalSignature and keyEncipherment.
pub(crate) struct CarrierAuthentication<'a> {
    pub(crate) issuer: Name,
    pub(crate) subject: Name,
    pub(crate) urls: &'a AuthorityUrls,
}

impl BuilderProfile for CarrierAuthentication<'_> {
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
            key_usage(KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment)?,
            crl_distribution_points(self.urls)?,
            authority_info_access(self.urls)?,
            policy(oid::CARRIER_POLICY)?,
        ];
        extensions.extend(key_identifiers(key, issuer_key)?);
        Ok(extensions)
    }
}
