//! PKCS#10 requests sent to the portal.

use kortlab_issuer::csr::CertificationRequest;

/// Nothing is accepted that is not exactly one DER value, and reading it again gives the same.
pub fn csr(data: &[u8]) {
    match CertificationRequest::verify(data) {
        Ok(request) => {
            assert_eq!(CertificationRequest::verify(data).as_ref(), Ok(&request));
            assert!(request.public_key().bits() >= 1024);
            let longer = [data, &[0]].concat();
            assert!(CertificationRequest::verify(&longer).is_err());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
