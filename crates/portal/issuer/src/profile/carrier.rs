//! The carrier's certificates: the one to log in to the portal with, and the one for signature.

use der::flagset::FlagSet;
use x509_cert::builder::Result as BuildResult;
use x509_cert::ext::pkix::KeyUsages;
use x509_cert::name::Name;

use super::{
    AuthorityUrls, CertificateProfile, authority_info_access, crl_distribution_points, key_usage,
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

/// A carrier certificate. `usage` is all that sets the two apart.
pub(crate) fn carrier(
    issuer: Name,
    subject: Name,
    usage: FlagSet<KeyUsages>,
    urls: &AuthorityUrls,
) -> BuildResult<CertificateProfile> {
    Ok(CertificateProfile {
        issuer,
        subject,
        extensions: vec![
            key_usage(usage)?,
            crl_distribution_points(urls)?,
            authority_info_access(urls)?,
            policy(oid::CARRIER_POLICY)?,
        ],
    })
}
