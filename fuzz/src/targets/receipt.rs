//! CMS approvals and receipts sent to the portal.

use kortlab_issuer::receipt::SignedMessage;

/// Nothing is accepted that is not exactly one DER value; what is accepted carries its content and
/// its signer's certificate as they are in the message.
pub fn receipt(data: &[u8]) {
    match SignedMessage::verify(data) {
        Ok(message) => {
            let inside = |part: &[u8]| data.windows(part.len().max(1)).any(|found| found == part);
            assert!(message.content().is_empty() || inside(message.content()));
            assert!(inside(message.certificate()));
            let longer = [data, &[0]].concat();
            assert!(SignedMessage::verify(&longer).is_err());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
