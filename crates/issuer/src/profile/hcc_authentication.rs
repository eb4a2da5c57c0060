//! The HCC for authentication: TLS log-in and Windows smart-card log-on.

use der::Tag;
use der::asn1::Any;
use x509_cert::builder::Result as BuildResult;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::{GeneralName, OtherName};
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsages, SubjectAltName};
use x509_cert::name::Name;
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::{
    AuthorityUrls, authority_info_access, card_number, crl_distribution_points, extension,
    key_identifiers, key_usage, policy,
};
use crate::IssueError;
use crate::card_number::CardNumber;
use crate::holder::Holder;
use crate::name::NameBuilder;
use crate::oid;

/// keyUsage digitalSignature and keyEncipherment; clientAuth and smart-card log-on with the user
/// principal name.
pub(crate) struct HccAuthentication<'a> {
    pub(crate) issuer: Name,
    pub(crate) subject: Name,
    pub(crate) holder: &'a Holder,
    pub(crate) card: &'a CardNumber,
    pub(crate) urls: &'a AuthorityUrls,
}

/// The subject of both HCCs: C, L (county), O, CN, SN, GN, serialNumber (HSA-id), in this order.
pub(crate) fn subject(holder: &Holder) -> Result<Name, IssueError> {
    NameBuilder::new()
        .printable(oid::COUNTRY_NAME, "SE")?
        .utf8(oid::LOCALITY_NAME, &holder.county)?
        .utf8(oid::ORGANIZATION_NAME, &holder.organisation)?
        .utf8(oid::COMMON_NAME, &holder.full_name())?
        .utf8(oid::SURNAME, &holder.surname)?
        .utf8(oid::GIVEN_NAME, &holder.given_name)?
        .printable(oid::SERIAL_NUMBER, holder.hsa_id.as_str())?
        .build()
}

impl BuilderProfile for HccAuthentication<'_> {
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
            card_number(self.card)?,
            crl_distribution_points(self.urls)?,
            authority_info_access(self.urls)?,
            policy(oid::HCC_POLICY)?,
            extension(&ExtendedKeyUsage(vec![
                oid::KP_CLIENT_AUTH,
                oid::KP_SMARTCARD_LOGON,
            ]))?,
            extension(&user_principal_name(&self.holder.user_principal_name())?)?,
        ];
        extensions.extend(key_identifiers(key, issuer_key)?);
        Ok(extensions)
    }
}

fn user_principal_name(name: &str) -> Result<SubjectAltName, der::Error> {
    Ok(SubjectAltName(vec![GeneralName::OtherName(OtherName {
        type_id: oid::USER_PRINCIPAL_NAME,
        value: Any::new(Tag::Utf8String, name.as_bytes())?,
    })]))
}
