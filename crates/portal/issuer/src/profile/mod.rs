//! What each kind of certificate contains: one function for each pair that differs in little,
//! which says what is in it; all make a `CertificateProfile`, which holds what they share.
//!
//! The order of attributes and extensions follows certificates published by the authorities these
//! are modelled on; names, policies of the HCCs and addresses are this project's own.

use const_oid::ObjectIdentifier;
use der::asn1::{Ia5String, PrintableString};
use der::flagset::FlagSet;
use x509_cert::builder::Result as BuildResult;
use x509_cert::ext::pkix::certpolicy::PolicyInformation;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    AccessDescription, AuthorityInfoAccessSyntax, CertificatePolicies, CrlDistributionPoints,
    KeyUsage, KeyUsages,
};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;

use crate::authority_kind::AuthorityKind;
use crate::card_number::CardNumber;
use crate::oid;

mod authority;
mod carrier;
mod certificate;
mod crl;
mod hcc;
mod ocsp_responder;

pub(crate) use authority::authority;
pub use carrier::CarrierSubject;
pub(crate) use carrier::carrier;
pub(crate) use certificate::CertificateProfile;
pub(crate) use crl::CrlProfile;
pub(crate) use hcc::{hcc, hcc_subject};
pub(crate) use ocsp_responder::ocsp_responder;

/// The four certificates of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CertificateKind {
    /// The carrier's, for authentication and decipherment.
    CarrierAuthentication,
    /// The carrier's, for signature.
    CarrierSignature,
    /// The HCC for authentication and decipherment.
    HccAuthentication,
    /// The HCC for signature.
    HccSignature,
}

impl CertificateKind {
    /// The name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CarrierAuthentication => "carrier authentication",
            Self::CarrierSignature => "carrier signature",
            Self::HccAuthentication => "HCC authentication",
            Self::HccSignature => "HCC signature",
        }
    }

    /// Whether the certificate belongs to the card's authentication key (otherwise: to its
    /// signature key).
    pub const fn is_authentication(self) -> bool {
        matches!(self, Self::CarrierAuthentication | Self::HccAuthentication)
    }

    /// Whether it is an HCC (otherwise: the carrier's).
    pub const fn is_hcc(self) -> bool {
        matches!(self, Self::HccAuthentication | Self::HccSignature)
    }

    /// What the key may be used for: for authentication digitalSignature and keyEncipherment, for
    /// signature nonRepudiation and nothing else.
    pub(crate) fn key_usage(self) -> FlagSet<KeyUsages> {
        match self.is_authentication() {
            true => KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment,
            false => KeyUsages::NonRepudiation.into(),
        }
    }
}

/// Where the services of an authority are, as its certificates say. Addresses are data for the
/// reader of a certificate; nothing here opens them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityUrls {
    /// CRL distribution points.
    pub crl: Vec<String>,
    /// OCSP responders.
    pub ocsp: Vec<String>,
    /// Where the authority's own certificate is.
    pub ca_issuers: Vec<String>,
}

impl AuthorityUrls {
    /// Where a portal serves them: `{base}/crl/{name}.crl`, `{base}/ocsp/{name}` and
    /// `{base}/ca/{name}.cer`, with the authority's [`AuthorityKind::file_name`]. `pki_base_url`
    /// is for instance `http://127.0.0.1:8080`; a slash at its end is ignored.
    pub fn at(pki_base_url: &str, kind: AuthorityKind) -> Self {
        let base = pki_base_url.trim_end_matches('/');
        let name = kind.file_name();
        Self {
            crl: vec![format!("{base}/crl/{name}.crl")],
            ocsp: vec![format!("{base}/ocsp/{name}")],
            ca_issuers: vec![format!("{base}/ca/{name}.cer")],
        }
    }

    /// Two of each, in domains that do not exist (RFC 2606). `name` is part of the paths.
    pub fn example(name: &str) -> Self {
        let two = |path: &str| {
            ["http://ett.kort.example/", "http://tva.kort.example/"]
                .map(|host| format!("{host}{path}"))
                .to_vec()
        };
        Self {
            crl: two(&format!("{name}.crl")),
            ocsp: two("ocsp"),
            ca_issuers: two(&format!("{name}.cer")),
        }
    }
}

/// The SEIS card number extension (SS 61 43 31): the card's number as PrintableString, not
/// critical.
pub(crate) fn card_number(card_number: &CardNumber) -> BuildResult<Extension> {
    let text = PrintableString::new(card_number.as_str())?;
    Ok((oid::SEIS_CARD_NUMBER, false, &text).to_extension(&Name::default(), &[])?)
}

fn key_usage(usages: impl Into<FlagSet<KeyUsages>>) -> BuildResult<Extension> {
    extension(&KeyUsage(usages.into()))
}

fn crl_distribution_points(urls: &AuthorityUrls) -> BuildResult<Extension> {
    let points = urls
        .crl
        .iter()
        .map(|url| {
            Ok(DistributionPoint {
                distribution_point: Some(DistributionPointName::FullName(vec![uri(url)?])),
                reasons: None,
                crl_issuer: None,
            })
        })
        .collect::<Result<Vec<_>, der::Error>>()?;
    extension(&CrlDistributionPoints(points))
}

fn authority_info_access(urls: &AuthorityUrls) -> BuildResult<Extension> {
    let ocsp = urls.ocsp.iter().map(|url| (oid::AD_OCSP, url));
    let issuers = urls.ca_issuers.iter().map(|url| (oid::AD_CA_ISSUERS, url));
    let access = ocsp
        .chain(issuers)
        .map(|(access_method, url)| {
            Ok(AccessDescription {
                access_method,
                access_location: uri(url)?,
            })
        })
        .collect::<Result<Vec<_>, der::Error>>()?;
    extension(&AuthorityInfoAccessSyntax(access))
}

fn policy(policy_identifier: ObjectIdentifier) -> BuildResult<Extension> {
    extension(&CertificatePolicies(vec![PolicyInformation {
        policy_identifier,
        policy_qualifiers: None,
    }]))
}

fn extension<'a, E>(value: &'a E) -> BuildResult<Extension>
where
    &'a E: ToExtension<Error = der::Error>,
{
    Ok(value.to_extension(&Name::default(), &[])?)
}

fn uri(url: &str) -> Result<GeneralName, der::Error> {
    Ok(GeneralName::UniformResourceIdentifier(Ia5String::new(url)?))
}
