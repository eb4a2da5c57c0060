//! EF(UnusedSpace).

use kortlab_pkcs15::UnusedSpaceRecord;

use crate::pkcs15;

/// What holds of every directory file: see `pkcs15::directory`.
pub fn unused_space(data: &[u8]) {
    pkcs15::directory::<UnusedSpaceRecord>(data);
}
