//! Certificates read from a card, for the tables and the test page.

use kortlab_issuer::inspect::CertificateSummary;

/// What is shown of a certificate is no longer than the certificate, whatever it says.
pub fn certificate(data: &[u8]) {
    match CertificateSummary::from_der(data) {
        Ok(summary) => {
            // A name is shown by its common name, or in RFC 4514's form, which spells a byte as
            // at most three characters, an OID's arcs as digits.
            let room = 16 * (data.len() + 1);
            assert!(summary.holder.len() <= room && summary.issuer.len() <= room);
            assert!(summary.serial.len() <= data.len());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
