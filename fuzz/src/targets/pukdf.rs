//! EF(PuKDF).

use kortlab_pkcs15::PublicKey;

use crate::pkcs15;

/// What holds of every directory file: see `pkcs15::directory`.
pub fn pukdf(data: &[u8]) {
    pkcs15::directory::<PublicKey>(data);
}
