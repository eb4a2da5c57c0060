//! What an authority signs: certificates and CRLs.

use std::collections::BTreeMap;

use der::Encode;
use der::asn1::BitString;
use der::referenced::OwnedToRef;
use signature::{SignatureEncoding, Signer};
use spki::{DynSignatureAlgorithmIdentifier, SubjectPublicKeyInfoOwned};
use x509_cert::builder::{Builder, CertificateBuilder};
use x509_cert::crl::CertificateList;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::Validity;

use super::{Authority, CRL_VALIDITY};
use crate::IssueError;
use crate::clock::Timestamp;
use crate::profile::{CertificateProfile, CrlProfile};
use crate::revocation::{Entry, Serial};

impl Authority {
    pub(super) fn sign(
        &self,
        profile: CertificateProfile,
        serial: SerialNumber,
        validity: Validity,
        key: SubjectPublicKeyInfoOwned,
    ) -> Result<Vec<u8>, IssueError> {
        CertificateBuilder::new(profile, serial, validity, key)
            .and_then(|builder| builder.build(&self.key))
            .map_err(IssueError::Build)?
            .to_der()
            .map_err(IssueError::encode("a certificate"))
    }

    pub(super) fn sign_crl(
        &self,
        number: u64,
        base: Option<u64>,
        now: Timestamp,
        entries: BTreeMap<Serial, Entry>,
    ) -> Result<Vec<u8>, IssueError> {
        let algorithm = self
            .key
            .signature_algorithm_identifier()
            .map_err(|error| IssueError::Build(error.into()))?;
        let profile = CrlProfile {
            issuer: self.name.clone(),
            issuer_key: self.public_key.owned_to_ref(),
            number,
            base,
            this_update: now,
            next_update: now.after(CRL_VALIDITY),
        };
        let list = profile
            .build(algorithm.clone(), entries)
            .map_err(IssueError::Build)?;
        let encode = IssueError::encode("a CRL");
        let bytes = list.to_der().map_err(encode)?;
        let signature = self
            .key
            .try_sign(&bytes)
            .map_err(|error| IssueError::Build(error.into()))?;
        let signature = BitString::from_bytes(&signature.to_bytes())
            .map_err(IssueError::encode("a CRL's signature"))?;
        CertificateList {
            tbs_cert_list: list,
            signature_algorithm: algorithm,
            signature,
        }
        .to_der()
        .map_err(IssueError::encode("a CRL"))
    }
}

pub(super) fn validity(
    not_before: Timestamp,
    not_after: Timestamp,
) -> Result<Validity, IssueError> {
    let encode = || IssueError::encode("a validity");
    Ok(Validity::new(
        not_before.to_x509().map_err(encode())?,
        not_after.to_x509().map_err(encode())?,
    ))
}
