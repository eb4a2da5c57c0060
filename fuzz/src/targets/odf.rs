//! EF(ODF).

use kortlab_pkcs15::OdfEntry;

use crate::pkcs15;

/// What holds of every directory file: see `pkcs15::directory`.
pub fn odf(data: &[u8]) {
    pkcs15::directory::<OdfEntry>(data);
}
