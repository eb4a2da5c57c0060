//! EF.DIR.

use kortlab_pkcs15::Application;

use crate::pkcs15;

/// What holds of every directory file: see `pkcs15::directory`.
pub fn ef_dir(data: &[u8]) {
    pkcs15::directory::<Application>(data);
}
