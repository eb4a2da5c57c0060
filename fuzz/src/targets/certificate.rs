//! Certificates read from a card, for the tables and the test page.

use kortlab_issuer::inspect::CertificateSummary;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

/// What is shown of a certificate is no longer than the certificate, whatever it says.
pub fn certificate(data: &[u8]) {
    match CertificateSummary::from_der(data) {
        Ok(summary) => {
            // A name is shown by its common name, or in RFC 4514's form, which spells a byte as
            // at most three characters, an OID's arcs as digits.
            let room = 16 * (data.len() + 1);
            assert!(summary.holder.len() <= room && summary.issuer.len() <= room);
            assert!(summary.serial.len() <= data.len());
            hold_against_a_peer(&summary, data);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// What another implementation reads as well says the same there: whose it is by number, from when
/// until when, and whether it is an authority's.
fn hold_against_a_peer(summary: &CertificateSummary, data: &[u8]) {
    let Ok((_, peer)) = X509Certificate::from_der(data) else {
        return;
    };
    assert_eq!(summary.serial, peer.raw_serial());
    let (from, until) = (peer.validity().not_before, peer.validity().not_after);
    for (ours, theirs) in [(summary.not_before, from), (summary.not_after, until)] {
        // A time before 1970 is the epoch to us.
        let theirs = u64::try_from(theirs.timestamp()).unwrap_or(0);
        assert_eq!(ours.unix_seconds(), theirs);
    }
    // Constraints that it cannot read are none to it.
    if let Ok(Some(constraints)) = peer.basic_constraints() {
        assert_eq!(summary.is_authority, constraints.value.ca);
    }
}
