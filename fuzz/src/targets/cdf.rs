//! EF(CDF).

use kortlab_pkcs15::Certificate;

use crate::pkcs15;

/// What holds of every directory file: see `pkcs15::directory`.
pub fn cdf(data: &[u8]) {
    pkcs15::directory::<Certificate>(data);
}
