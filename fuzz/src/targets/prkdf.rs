//! EF(PrKDF).

use kortlab_pkcs15::PrivateKey;

use crate::pkcs15;

/// What holds of every directory file: see `pkcs15::directory`.
pub fn prkdf(data: &[u8]) {
    pkcs15::directory::<PrivateKey>(data);
}
