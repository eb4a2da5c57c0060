//! EF(DODF).

use kortlab_pkcs15::DataObject;

use crate::pkcs15;

/// What holds of every directory file: see `pkcs15::directory`.
pub fn dodf(data: &[u8]) {
    pkcs15::directory::<DataObject>(data);
}
