//! EF(AODF).

use kortlab_pkcs15::AuthenticationObject;

use crate::pkcs15;

/// What holds of every directory file: see `pkcs15::directory`.
pub fn aodf(data: &[u8]) {
    pkcs15::directory::<AuthenticationObject>(data);
}
