//! EF(SKDF).

use kortlab_pkcs15::SecretKey;

use crate::pkcs15;

/// What holds of every directory file: see `pkcs15::directory`.
pub fn skdf(data: &[u8]) {
    pkcs15::directory::<SecretKey>(data);
}
