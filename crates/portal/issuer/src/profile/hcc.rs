//! The HCCs: for authentication (TLS log-in and Windows smart-card log-on), and for signature.

use der::Tag;
use der::asn1::Any;
use der::flagset::FlagSet;
use x509_cert::builder::Result as BuildResult;
use x509_cert::ext::pkix::name::{GeneralName, OtherName};
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsages, SubjectAltName};
use x509_cert::name::Name;

use super::{
    AuthorityUrls, CertificateProfile, authority_info_access, card_number, crl_distribution_points,
    extension, key_usage, policy,
};
use crate::IssueError;
use crate::card_number::CardNumber;
use crate::holder::Holder;
use crate::name::NameBuilder;
use crate::oid;

/// The subject of both HCCs: C, L (county), O, CN, SN, GN, serialNumber (HSA-id), in this order.
pub(crate) fn hcc_subject(holder: &Holder) -> Result<Name, IssueError> {
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

/// An HCC. The one to log on with names its user (`log_on`): clientAuth and smart-card log-on
/// with the user principal name.
pub(crate) fn hcc(
    issuer: Name,
    subject: Name,
    usage: FlagSet<KeyUsages>,
    card: &CardNumber,
    log_on: Option<&Holder>,
    urls: &AuthorityUrls,
) -> BuildResult<CertificateProfile> {
    let mut extensions = vec![
        key_usage(usage)?,
        card_number(card)?,
        crl_distribution_points(urls)?,
        authority_info_access(urls)?,
        policy(oid::HCC_POLICY)?,
    ];
    if let Some(holder) = log_on {
        extensions.push(extension(&ExtendedKeyUsage(vec![
            oid::KP_CLIENT_AUTH,
            oid::KP_SMARTCARD_LOGON,
        ]))?);
        let name = user_principal_name(&holder.user_principal_name())?;
        extensions.push(extension(&name)?);
    }
    Ok(CertificateProfile {
        issuer,
        subject,
        extensions,
    })
}

fn user_principal_name(name: &str) -> Result<SubjectAltName, der::Error> {
    Ok(SubjectAltName(vec![GeneralName::OtherName(OtherName {
        type_id: oid::USER_PRINCIPAL_NAME,
        value: Any::new(Tag::Utf8String, name.as_bytes())?,
    })]))
}
