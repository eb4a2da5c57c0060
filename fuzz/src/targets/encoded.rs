//! Files with certificates and revocation lists, in whatever form they come.

use kortlab_issuer::encoded::{Wanted, certificate_pem, read_all};

/// What is found is not more than was there, and as PEM it is found again; what is refused is
/// refused with words and a next step.
pub fn encoded(data: &[u8]) {
    for wanted in [Wanted::Certificate, Wanted::RevocationList] {
        match read_all(data, wanted) {
            Ok(found) => {
                assert!(!found.is_empty());
                let bytes: usize = found.iter().map(Vec::len).sum();
                assert!(bytes <= data.len(), "{bytes} of {}", data.len());
                for der in &found {
                    let pem = certificate_pem(der).expect("it was short enough to be read");
                    if wanted == Wanted::Certificate {
                        let again = read_all(pem.as_bytes(), wanted);
                        assert_eq!(again, Ok(vec![der.clone()]));
                    }
                }
            }
            Err(error) => assert!(!error.to_string().is_empty() && !error.next_step().is_empty()),
        }
    }
}
