//! EF(TokenInfo).

use kortlab_pkcs15::TokenInfo;

use crate::{assert_inside, pkcs15};

/// Findings are bounded and point inside; what is written is DER, and is read back as it was.
pub fn token_info(data: &[u8]) {
    match TokenInfo::parse(data) {
        Err(error) => assert_inside(&error, data),
        Ok(read) => {
            pkcs15::assert_findings(&read.findings, data);
            pkcs15::assert_read_back(&read, TokenInfo::encode, |bytes| {
                TokenInfo::parse(bytes).expect("written").value
            });
        }
    }
}
