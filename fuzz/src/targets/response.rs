//! Response APDUs and status words.

use kortlab_apdu::Response;

use crate::assert_inside;

/// What parses encodes to the same bytes, and its status word has a meaning.
pub fn response(data: &[u8]) {
    match Response::parse(data) {
        Ok(response) => {
            assert_eq!(response.encode(), data);
            assert_eq!(response.data().len() + 2, data.len());
            assert!(!response.status().meaning().is_empty());
            assert_eq!(response.is_success(), data.ends_with(&[0x90, 0x00]));
        }
        Err(error) => {
            assert!(data.len() < 2);
            assert_inside(&error, data);
        }
    }
}
