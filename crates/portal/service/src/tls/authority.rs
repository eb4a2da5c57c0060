//! The portal's own TLS authority, and the certificate that each start gets from it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kortlab_issuer::clock::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use crate::startup::StartError;

/// The authority's certificate is valid for ten years.
const AUTHORITY_DAYS: u64 = 3650;
/// A server certificate is valid for 397 days, as long as browsers take one; each start makes
/// another.
const SERVER_DAYS: u64 = 397;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The authority that signs the portal's TLS certificates, and nothing else.
pub(crate) struct TlsAuthority {
    key: KeyPair,
    certificate_pem: String,
}

impl TlsAuthority {
    /// A new one, with an ECDSA P-256 key.
    pub(crate) fn create() -> Result<Self, StartError> {
        let key = KeyPair::generate().map_err(StartError::tls)?;
        let certificate = parameters().self_signed(&key).map_err(StartError::tls)?;
        Ok(Self {
            certificate_pem: certificate.pem(),
            key,
        })
    }

    /// The one that was made before.
    pub(crate) fn from_pem(key: &str, certificate_pem: String) -> Result<Self, StartError> {
        let key = KeyPair::from_pem(key).map_err(StartError::tls)?;
        Ok(Self {
            key,
            certificate_pem,
        })
    }

    /// Its certificate, for clients to trust.
    pub(crate) fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// Its key, PKCS#8.
    pub(crate) fn key_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.key.serialize_pem())
    }

    /// A certificate for a server with these names and addresses, and its key.
    pub(crate) fn issue(&self, names: &[String]) -> Result<ServerIdentity, StartError> {
        let mut parameters = CertificateParams::new(names).map_err(StartError::tls)?;
        validity(&mut parameters, SERVER_DAYS);
        parameters.distinguished_name = named("Kortlab portal (test)");
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        parameters.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(StartError::tls)?;
        let certificate = parameters
            .signed_by(&key, &Issuer::new(self::parameters(), &self.key))
            .map_err(StartError::tls)?;
        Ok(ServerIdentity {
            certificate: certificate.der().clone(),
            key: Zeroizing::new(key.serialize_der()),
        })
    }
}

/// The certificate and key of the TLS listeners.
pub(crate) struct ServerIdentity {
    certificate: CertificateDer<'static>,
    key: Zeroizing<Vec<u8>>,
}

impl ServerIdentity {
    /// The certificate. Its authority is what clients have.
    pub(super) fn chain(&self) -> Vec<CertificateDer<'static>> {
        vec![self.certificate.clone()]
    }

    pub(super) fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.to_vec()).into()
    }
}

/// What the authority's certificate says. It is the same each time, so that an issuer made of the
/// stored key names itself as the stored certificate does.
fn parameters() -> CertificateParams {
    let mut parameters = CertificateParams::default();
    validity(&mut parameters, AUTHORITY_DAYS);
    parameters.distinguished_name = named("Kortlab portal TLS CA (test)");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "TEST Kortlab");
    name.push(DnType::CommonName, common_name);
    name
}

/// From yesterday on, by the machine's clock, which is also that of browsers: the portal's own
/// clock may be elsewhere.
fn validity(parameters: &mut CertificateParams, days: u64) {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let now = Timestamp::from_unix_seconds(since.as_secs());
    valid_at(parameters, now, days);
}

/// At most until the end of the year 9999, the last that a certificate can hold (RFC 5280 §4.1.2.5).
fn valid_at(parameters: &mut CertificateParams, now: Timestamp, days: u64) {
    let days = u32::try_from(days).unwrap_or(u32::MAX);
    let from = now.before(DAY);
    let until = from.after(DAY.saturating_mul(days));
    let epoch = date_time_ymd(1970, 1, 1);
    parameters.not_before = epoch + Duration::from_secs(from.unix_seconds());
    parameters.not_after = epoch + Duration::from_secs(until.unix_seconds());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_anywhere_gives_a_certificate_and_the_year_9999_is_the_last() {
        for (now, from, until) in [
            (0, 0, 397 * 86_400),
            (1_795_910_400, 1_795_824_000, 1_795_824_000 + 397 * 86_400),
            (253_402_300_740, 253_402_214_340, 253_402_300_799),
            (u64::MAX, 253_402_214_399, 253_402_300_799),
        ] {
            let mut parameters = CertificateParams::default();
            let at = Timestamp::from_unix_seconds(now);
            valid_at(&mut parameters, at, SERVER_DAYS);
            assert_eq!(parameters.not_before.unix_timestamp(), from, "{now}");
            assert_eq!(parameters.not_after.unix_timestamp(), until, "{now}");
            let key = KeyPair::generate().unwrap();
            parameters.self_signed(&key).unwrap();
        }
    }
}
